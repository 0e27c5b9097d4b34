//! The lint: which views are kept although their bytes are gone.
//!
//! A program that makes its views again after each growth is right; one that keeps them works until the first growth,
//! which is often not in a test. A [`ViewLint`] has a weak handle of each view object that it is told of. Those that are alive
//! after a collection and belong to an ended era are the ones that something still refers to: [`ViewLint::kept`] names
//! them, before the first access fails. Watching a view costs what a weak handle costs; an embedder that is not looking
//! for such views has no lint and pays nothing. The lint does not say who refers to a view.

use std::fmt;

use tenure::{Gc, Heap, Opt, WeakGlobal};

use super::element::ElementType;
use super::error::{Detachment, Origin};
use super::heap::{AnyView, ViewObject};

/// A view that is still there although its bytes are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptView {
    /// Where the view was made.
    pub origin: Origin,
    /// The type of its elements; `None` of a byte view.
    pub element_type: Option<ElementType>,
    /// Its first byte.
    pub offset_bytes: usize,
    /// What took its bytes.
    pub detachment: Detachment,
}

impl fmt::Display for KeptView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeptView {
            origin,
            element_type,
            offset_bytes,
            detachment,
        } = self;
        let name = element_type.map_or("bytes", ElementType::name);
        write!(
            f,
            "the view of {name} from byte {offset_bytes} on, made at {origin}, is still kept although its buffer was \
             {detachment}: make it again afterwards, or copy its bytes (slice) before"
        )
    }
}

/// Watches the view objects of one kind, for as long as something refers to them.
///
/// ```
/// use tenure::prelude::*;
/// use tenure_resource::buffer::{Backing, BufferHeap, ElementType, View, ViewLint, ViewObject};
/// use tenure_resource::linear_memory::LinearMemory;
///
/// #[derive(Kind)]
/// struct Memory { bytes: Native<Vm, LinearMemory> }
/// #[derive(Kind)]
/// struct Typed { memory: Slot<Ref<Memory>>, view: Plain<View> }
/// object_model! { model Vm { kinds: [Memory, Typed] } }
/// impl ViewObject for Typed {
///     type View = View;
///     fn view(&self) -> View { *self.view }
///     fn backing<'h>(this: Gc<'h, Self>, h: &'h Heap<Vm>) -> &'h Backing { this.memory().bytes().get(h) }
/// }
///
/// let mut isolate = Isolate::<Vm>::new(HeapConfig::new(), NoRootsInit {})?;
/// let mut lint = ViewLint::<Typed>::new();
/// isolate.enter(|h| h.scope(|h| {
///     let memory = LinearMemory::new(1, None).expect("a page");
///     let memory = h.local(h.alloc::<Memory>(MemoryInit { bytes: h.adopt_buffer(memory) }));
///     let make = |h: &Heap<Vm>| {
///         let memory = memory.get(h);
///         let view = View::new(memory.bytes().get(h), ElementType::F32, 0, None, 0).expect("aligned");
///         h.global::<Ref<Typed>>(h.alloc::<Typed>(TypedInit { memory, view }))
///     };
///     let kept = make(h);
///     lint.watch(h, kept.get(h));
///     lint.watch(h, make(h).get(h)); // nothing refers to this one any longer
///
///     h.change_buffer(|h| memory.get(h).bytes(), |memory| memory.grow(1, 0)).expect("a second page");
///     h.collect();
///     let report = lint.kept(h);
///     assert_eq!(report.len(), 1);
///     assert_eq!(report[0].origin, kept.get(h).view().origin());
///     assert!(report[0].to_string().contains("from 1 to 2 pages"));
/// }));
/// # Ok::<(), HeapError>(())
/// ```
#[derive(Debug)]
pub struct ViewLint<T: ViewObject> {
    watched: Vec<WeakGlobal<Opt<T>>>,
    /// The length at which handles of dead views are looked for next.
    prune_len: usize,
}

/// Below this many handles, looking for dead ones is not worth it.
const PRUNE_LEN_MIN: usize = 256;

impl<T: ViewObject> Default for ViewLint<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: ViewObject> ViewLint<T> {
    /// Makes a lint that watches no view yet.
    #[must_use]
    pub fn new() -> ViewLint<T> {
        ViewLint {
            watched: Vec::new(),
            prune_len: PRUNE_LEN_MIN,
        }
    }

    /// Watches a view object until it dies. Constant time, but for a look at all handles when their number has doubled.
    pub fn watch(&mut self, heap: &Heap<T::Model>, object: Gc<'_, T>) {
        if self.watched.len() >= self.prune_len {
            self.watched.retain(|handle| handle.get(heap).is_some());
            self.prune_len = (self.watched.len() * 2).max(PRUNE_LEN_MIN);
        }
        self.watched.push(heap.weak_global::<Opt<T>>(Some(object)));
    }

    /// Returns the views that are alive although their bytes are gone, in the order in which they were watched.
    ///
    /// Collect before ([`Heap::collect`]): what is dead and not collected yet is listed too.
    #[must_use]
    pub fn kept(&self, heap: &Heap<T::Model>) -> Vec<KeptView> {
        let objects = self.watched.iter().filter_map(|handle| handle.get(heap));
        let kept = objects.filter_map(|object| {
            let view = object.view();
            let detachment = T::backing(object, heap).detachment(view.era())?;
            Some(KeptView {
                origin: view.origin(),
                element_type: view.element_type(),
                offset_bytes: view.offset_bytes(),
                detachment,
            })
        });
        kept.collect()
    }
}
