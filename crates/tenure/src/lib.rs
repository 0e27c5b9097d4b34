//! A generational garbage-collected heap that safe Rust can embed.

extern crate self as tenure;

mod alloc;
mod error;
mod field;
mod gc;
mod global;
mod heap;
mod isolate;
pub mod jit;
mod layout;
mod scope;
mod slot;
mod stack;
mod value;

pub use error::{OutOfMemory, StackOverflow};
pub use field::{Assign, Field, Frozen, Plain};
pub use gc::{Gc, TailElement, TailInit, TailItem};
pub use global::Global;
pub use heap::Heap;
pub use isolate::Isolate;
pub use jit::JitView;
pub use layout::{
    Elements, FieldIn, FieldsIn, Kind, Layout, NoRoots, NoRootsInit, NoTail, ObjectModel, PlainElements, SlotElements,
    SlotMap, Tail, Zero, ZeroElements,
};
pub use scope::{Local, Scope};
pub use slot::{Dyn, Family, Nullable, Opt, Ref, Root, Slot};
pub use stack::{REGISTERS, RSlot};
pub use value::{LowTag, NanBox, Tagging, Value};

pub use tenure_derive::{Field, Kind, Roots, object_model};
pub use tenure_events as events;
pub use tenure_heap::{
    AllocError, AllocErrorKind, Cause, ConfigError, FailingPages, FlagSpec, HeapConfig, HeapError, HeapStatistics,
    NearLimit, PageError, PageSource, Settings, SystemPages, Traversal, VerifyError,
};
pub use tenure_policy as policy;

/// What the derive macros refer to. Not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::layout::{check_roots, layout_of};
    pub use tenure_heap::KindLayout;
}

/// Everything an embedder uses every day: `use tenure::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Dyn, Field, Frozen, Gc, Global, Heap, HeapConfig, HeapError, Isolate, Kind, Local, LowTag, NanBox, NoRootsInit,
        Opt, OutOfMemory, Plain, RSlot, Ref, Root, Roots, Scope, Slot, StackOverflow, Value, object_model,
    };
    pub use std::cell::Cell;
}
