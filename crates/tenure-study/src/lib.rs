//! Studies of collection pauses on real input: workloads, replay of heap snapshots, figures, tables, charts, event logs.
//!
//! The idea: everything here is an ordinary embedder of the facade, without unsafe code, so what it measures is what an
//! embedder gets. An [`input`] is opened once and run in any number of configurations ([`study`]); a run leaves its
//! collections ([`log`]), from which figures ([`analysis`]), the table ([`table`]) and the page ([`report`]) are computed
//! afterwards. It measures one heap at a time and knows nothing of other collectors; the `CHECK` and `RESULT` lines are what
//! it is compared by.
#![forbid(unsafe_code)]

pub mod analysis;
pub mod comparison;
pub mod cycle;
pub mod hiccup;
pub mod input;
pub mod log;
pub mod measure;
pub mod pauses;
mod program;
pub mod replay;
pub mod report;
pub mod result;
pub mod rng;
pub mod study;
pub mod table;
pub mod workload;
