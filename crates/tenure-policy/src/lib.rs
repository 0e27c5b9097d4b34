//! Every decision of the collector as a pure function of numbers.
//!
//! The collector measures, this crate decides, the collector acts: which survivors of a minor collection are promoted
//! ([`promotion`]), how large the nursery and the old generation's limit become after a collection ([`sizing`]), and
//! which collection answers an allocation that found no room ([`trigger`]), whether the old generation is slid together
//! ([`fragmentation`]), and when marking in slices starts and how fast it goes on ([`pacing`]). Each decision takes a
//! struct of numbers and returns a value with its reason, so a decision can be replayed from a log and tested without a
//! heap. A decision costs a handful of arithmetic operations and allocates nothing, so all of them may run inside a pause.
//!
//! The crate reads no clock, keeps no globals and knows no heap: speeds and times are inputs.

#![forbid(unsafe_code)]

pub mod evacuation;
pub mod fragmentation;
pub mod pacing;
pub mod promotion;
pub mod sizing;
pub mod trigger;
