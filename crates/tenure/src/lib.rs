//! A generational garbage-collected heap that safe Rust can embed.
//!
//! tenure is for people who write interpreters. Objects are Rust structs, pointers to them are plain addresses, any
//! allocation may collect and move everything, and the borrow checker refuses every program that would hold a stale
//! pointer. The embedder's crate may say `#![forbid(unsafe_code)]`.
//!
//! This page is the first chapter of the book: it builds a list program and explains each part of it.
//!
//! # A first program
//!
//! ```
//! #![forbid(unsafe_code)]
//! use tenure::prelude::*;
//!
//! // 1. Kinds of objects, the roots, and the model that ties them together.
//! #[derive(Kind)]
//! struct Cons {
//!     head: Slot<Dyn<Lists>>,
//!     rest: Slot<Opt<Cons>>,
//! }
//! #[derive(Roots)]
//! struct Roots {
//!     list: Root<Opt<Cons>>,
//! }
//! object_model! { model Lists { roots: Roots, kinds: [Cons] } }
//!
//! // 2. A region: pointers are read freely, nothing moves.
//! fn sum(h: &Heap<Lists>) -> i64 {
//!     let (mut next, mut total) = (h.roots().list.get(), 0);
//!     while let Some(cons) = next {
//!         total += cons.head().as_int().unwrap_or(0);
//!         next = cons.rest();
//!     }
//!     total
//! }
//!
//! fn main() -> Result<(), HeapError> {
//!     let mut isolate = Isolate::<Lists>::new(HeapConfig::new(), RootsInit { list: None })?;
//!     isolate.enter(|h| {
//!         // 3. Safepoints: each allocation may collect. What survives stands in a root.
//!         for i in 0..100_000 {
//!             let (h, cons) = h.alloc_with::<Cons>(|h| ConsInit { head: Value::int(i), rest: h.roots().list.get() });
//!             h.roots().list.set(Some(cons));
//!         }
//!         assert_eq!(sum(h), 4_999_950_000);
//!
//!         // 4. A region again: the list is reversed in place, each store passes the write barrier.
//!         let h = &*h;
//!         let (mut done, mut next) = (None, h.roots().list.get());
//!         while let Some(cons) = next {
//!             next = cons.rest();
//!             cons.set_rest(h, done);
//!             done = Some(cons);
//!         }
//!         h.roots().list.set(done);
//!         assert_eq!(done.and_then(|cons| cons.head().as_int()), Some(0));
//!     });
//!     Ok(())
//! }
//! ```
//!
//! # Regions and safepoints
//!
//! Everything rests on one rule:
//!
//! - **`&Heap<M>` is a region.** It reads, stores and allocates, but never collects. A [`Gc<'h, T>`](Gc) is a direct
//!   pointer and borrows the region.
//! - **`&mut Heap<M>` is a safepoint.** It may collect and move every object. As long as a `Gc` is alive, the heap is
//!   borrowed as shared, so the compiler refuses the call; and what the program needs afterwards it reads again from a
//!   root.
//!
//! Calls that may collect hand back the region together with the new object: `let (h, p) = h.alloc_with::<T>(..)`. The
//! new `h` shadows the old one and is a `&Heap`; when the block ends, the `&mut Heap` is usable again. The initializer
//! runs after the collection, so it reads the fields' values from roots at their new places.
//!
//! Inside a region, [`Heap::alloc`] allocates without collecting: it uses up the nursery to its limit, then a spill
//! reserve, then the old generation. A loop that allocates in a region calls [`Heap::safepoint`] once per turn. An
//! interpreter whose loop runs in one region leaves it when [`Heap::safepoint_due`] says so, and when an allocation failed,
//! to try again after [`Heap::try_reserve`].
//!
//! ```compile_fail,E0502
//! # use tenure::prelude::*;
//! # #[derive(Kind)] struct Num { value: f64 }
//! # object_model! { model M { kinds: [Num] } }
//! fn stale(h: &mut Heap<M>) -> f64 {
//!     let num = h.alloc::<Num>(NumInit { value: 1.0 });
//!     h.collect(); // error: `num` borrows the region, which ends here
//!     num.value()
//! }
//! ```
//!
//! # Objects
//!
//! A kind is a struct with `#[derive(Kind)]`. Its fields are
//!
//! - [`Slot<F>`](Slot): a reference or value. `F` is [`Ref<T>`](Ref) (read as `Gc<T>`), [`Opt<T>`](Opt)
//!   (`Option<Gc<T>>`) or [`Dyn<M>`](Dyn) ([`Value<M>`](Value)).
//! - numbers, `bool`, `char`, and [`Plain<T>`](Plain) for any other `Copy` type: they do not change after allocation.
//! - [`Cell<T>`](std::cell::Cell) of a `Copy` type, which may change.
//! - arrays of fields, and structs with `#[derive(Field)]`.
//!
//! Objects own nothing: they die without being visited, so `Vec`, `Box` and `Drop` are refused. `#[tail(T)]` adds a tail
//! of a length chosen at allocation: `Slot<F>`, a number type or [`Plain<T>`](Plain) (seen as `&[Cell<T>]`), or
//! [`Frozen<T>`](Frozen) (immutable, seen as `&[T]`). `#[kind(pinned)]` keeps the objects of a kind in place.
//!
//! For a kind `Cons`, the derive makes the initializer `ConsInit<'a>` and the trait `ConsFields<'h>`, through which a
//! `Gc<'h, Cons>` has `p.head()`, `p.set_head(h, v)` and so on. The getters have the lifetime of the region; plain
//! `p.head.get()` by dereference only that of the variable `p`. Import the trait where the kind is used elsewhere;
//! private fields of a public kind have a trait of their own (`ConsPrivateFields`).
//!
//! ```
//! # use tenure::prelude::*;
//! #[derive(Kind)]
//! #[tail(Frozen<u8>)]
//! struct Text {
//!     hash: u32,
//! }
//! #[derive(Kind)]
//! #[tail(Slot<Dyn<M>>)]
//! struct Array {
//!     writes: Cell<u64>,
//! }
//! object_model! { model M { kinds: [Text, Array] } }
//! # let mut isolate = Isolate::<M>::new(HeapConfig::new(), NoRootsInit {}).unwrap();
//! # isolate.enter(|h| {
//! let h = &*h;
//! let text = h.alloc_slice::<Text>(TextInit { hash: 0 }, b"hello");
//! assert_eq!(std::str::from_utf8(text.tail()), Ok("hello"));
//! let array = h.alloc_tail::<Array>(3, ArrayInit { writes: 0 }, |i| Value::int(i as i64));
//! array.tail_set(h, 0, text.into());
//! array.set_writes(h, array.writes() + 1);
//! assert!(array.tail_get(0).cast::<Text>() == Some(text) && array.len() == 3);
//! # });
//! ```
//!
//! # Roots
//!
//! What stands in one of these survives; nothing else does.
//!
//! | root | for | cost of a read |
//! | --- | --- | --- |
//! | [`Root<F>`](Root) in the roots struct | the few well-known objects: globals table, pending exception | 1 load |
//! | [`Heap::regs`], [`Heap::push_frame`] | a register machine's registers | 2 loads |
//! | [`Heap::register_area`] | the same, of all frames in one region | 1 load, a test |
//! | [`Heap::push`], [`Heap::pop`], [`Heap::peek`] | a stack machine's operands, temporaries of natives | 2 loads, a test |
//! | [`Scope`], [`Local`] | native code that keeps typed objects over calls | 1 load |
//! | [`Global`] | references from the embedder's own structures | 4 loads, 2 tests |
//!
//! # Values
//!
//! [`Value<M>`](Value) is one word: nil, a boolean, an integer, a character, a symbol, an object, and under
//! [`NanBox`] and [`NanBox50`] a float. [`Value::cast`] asks an object for its kind, at the cost of one byte load. The scheme is chosen
//! in the model: `object_model! { model Js { values: NanBox, kinds: [..] } }`.
//!
//! # What is weak, and what dies
//!
//! No code runs when an object dies, unless somebody asks for it:
//!
//! | to | use | chapter |
//! | --- | --- | --- |
//! | refer to an object without keeping it | [`WeakSlot`], [`WeakGlobal`] | weak references |
//! | give an object a property from outside, share equal ones | [`WeakTable`]: ephemerons, weak values | weak references |
//! | own a file or a buffer | [`Native`], with the bytes that it holds outside of the heap | finalization |
//! | see an object once more before it dies | [`Heap::register_finalizer`], [`Heap::next_finalizable`] | finalization |
//! | be told that an object has died | [`FinalizationRegistry`], [`Heap::ready_registry`] | finalization |
//!
//! The chapters are `docs/weak-references.md` and `docs/finalization.md`; `docs/what-dies-when.md` begins with a list of
//! questions that leads to the right one.
//!
//! ```
//! # use tenure::prelude::*;
//! # use tenure::WeakKeys;
//! # #[derive(Kind)] struct Node { id: u64 }
//! # #[derive(Roots)] struct Roots { ages: Root<Opt<WeakTable<M, WeakKeys>>>, node: Root<Opt<Node>> }
//! # object_model! { model M { roots: Roots, kinds: [Node] } }
//! # let mut isolate = Isolate::<M>::new(HeapConfig::new(), RootsInit { ages: None, node: None }).unwrap();
//! # isolate.enter(|h| {
//! // The age of a node, as long as the node lives.
//! let ages = h.weak_table::<WeakKeys>().unwrap();
//! h.roots().ages.set(Some(ages));
//! for id in 0..10 {
//!     let node = h.alloc::<Node>(NodeInit { id });
//!     ages.insert(h, node.into(), Value::int(id as i64)).unwrap();
//!     h.roots().node.set(Some(node));
//! }
//! h.collect();
//! assert_eq!(h.roots().ages.get().map(|ages| ages.count()), Some(1));
//! # });
//! ```
//!
//! # Running out of memory
//!
//! Every allocating function has a `try_` form that returns [`OutOfMemory`] and gives back what was not allocated; the
//! heap stays usable. The plain forms panic with the same message. Before an allocation fails, a last major collection
//! has run, and the callback of [`Heap::set_near_limit_callback`] may have raised the limit.
//!
//! # What the compiler says, and what to do
//!
//! 1. *"cannot borrow `*h` as immutable because it is also borrowed as mutable"* after `h.alloc_with::<T>(..).1`: take
//!    the region too: `let (h, p) = h.alloc_with::<T>(..)`.
//! 2. *"cannot borrow `*h` as mutable"* when a pointer is an argument of a function that may collect: pass a place
//!    instead, a register number, a `Local` or a root.
//! 3. The same in `if let Some(p) = find(h) { return p } h.alloc_with(..)`: test with a `bool`, then read again.
//! 4. *"`p` does not live long enough"* in a list walk: use the accessor `p.next()`, or `p.get().next.get()`.
//! 5. The register window dies at every possible collection: call [`Heap::regs`] again, it is one load.
//! 6. *"lifetime may not live long enough"* when a result leaves `scope` or `enter`: hand it out through a `Local` of an
//!    outer scope, or a `Global`.
//! 7. State of the interpreter (frames, code) belongs into a struct beside the heap: `fn run(&mut self, h: &mut Heap)`.
//! 8. *"type annotations needed"*: allocation names the kind, `h.alloc::<Cons>(..)`; the initializer does not tell.
//!
//! # Limits
//!
//! One thread at a time: an isolate, its pointers and its globals stay on one thread. One isolate of a model may be
//! entered on a thread at a time; a second `enter` panics. Kinds belong to the crate that declares the model. The fields
//! of a kind take at most 255 words, and a model has at most 239 kinds.
//!
//! For how the heap works inside, see the crates below this one: `tenure-heap` puts the spaces together.

extern crate self as tenure;

mod alloc;
mod error;
mod field;
mod finalize;
mod gc;
mod global;
mod heap;
mod isolate;
pub mod jit;
mod layout;
mod native;
mod registry;
mod scope;
mod slot;
mod stack;
mod table;
mod value;
mod weak;

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
pub use native::{Adopted, Native, NativeResource};
pub use registry::{FinalizationRegistry, FinalizationRegistryInit, RegisterError};
pub use scope::{Local, Scope};
pub use slot::{Dyn, Family, Nullable, Opt, Ref, Root, Slot};
pub use stack::{REGISTERS, RSlot};
pub use table::{NilKey, TableError, WeakBoth, WeakKeys, WeakTable, WeakTableInit, WeakValues, Weakness};
pub use value::{FloatTagging, LowTag, NanBox, NanBox50, Tagging, Value};
pub use weak::{WeakGlobal, WeakSlot};

pub use tenure_derive::{Field, Kind, Roots, object_model};
pub use tenure_events as events;
pub use tenure_heap::{
    AllocError, AllocErrorKind, Cause, Compaction, ConfigError, FailingPages, FlagSpec, HeapConfig, HeapError,
    HeapStatistics, MarkingBarrier, NearLimit, PageError, PageSource, Progress, Settings, SystemPages, Traversal,
    VerifyError,
};
pub use tenure_policy as policy;

/// The chapters about what is weak and what dies, whose programs are tests.
#[cfg(doctest)]
mod chapters {
    #[doc = include_str!("../../../docs/finalization.md")]
    struct Finalization;
    #[doc = include_str!("../../../docs/weak-references.md")]
    struct WeakReferences;
    #[doc = include_str!("../../../docs/what-dies-when.md")]
    struct WhatDiesWhen;
}

/// What the derive macros refer to. Not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::layout::{EnteredFlag, check_fields, check_roots, layout_of};
    pub use tenure_heap::KindLayout;
}

/// Everything an embedder uses every day: `use tenure::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Dyn, Field, FinalizationRegistry, Frozen, Gc, Global, Heap, HeapConfig, HeapError, Isolate, Kind, Local,
        LowTag, NanBox, NanBox50, Native, NativeResource, NoRootsInit, Opt, OutOfMemory, Plain, RSlot, Ref, Root,
        Roots, Scope, Slot, StackOverflow, Value, WeakGlobal, WeakSlot, WeakTable, object_model,
    };
    pub use std::cell::Cell;
}
