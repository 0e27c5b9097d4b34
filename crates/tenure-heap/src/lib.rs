//! Where the spaces meet.
//!
//! [`Core`] owns the cage, the nursery, the old generation, the roots and the marker, and decides with `tenure-policy`
//! which collection runs when; [`HeapConfig`] is everything that can be chosen. A minor collection is in `minor`, a
//! major one in `major`, each step by step; `verify` checks every invariant by its name. This crate puts things in order
//! and computes next to nothing itself. It knows nothing of types: the facade `tenure` makes it safe to use.

mod allocate;
mod config;
mod core;
mod cycle;
mod error;
mod evacuation;
mod external;
mod flags;
mod globals;
mod major;
mod marking_barrier;
mod minor;
mod ready;
mod root_area;
mod slide;
mod statistics;
mod step;
mod stress;
mod verify;
mod verify_cycle;
mod verify_watched;
mod weak;

pub use crate::core::{Core, NearLimit, Request, WINDOW_OBJECT_MAX_BYTES, WINDOW_SLACK_BYTES, Window};
pub use config::{Compaction, HeapConfig, MarkingBarrier, Settings};
pub use error::{AllocError, AllocErrorKind, ConfigError, HeapError};
pub use flags::FlagSpec;
pub use root_area::RootArea;
pub use statistics::HeapStatistics;
pub use step::Progress;
pub use tenure_events::Cause;
pub use tenure_marking::Traversal;
pub use tenure_memory::{FailingPages, PageError, PageSource, SystemPages};
pub use tenure_object::{FIRST_BUILT_IN, FLAG_UNLOGGED, KindLayout, PairMode, TailLayout, header_with_length};
pub use verify::VerifyError;
pub use weak::{NATIVE_MAX_BYTES, Native};
