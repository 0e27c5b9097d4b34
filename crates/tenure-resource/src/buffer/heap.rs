//! Buffers and views as fields of an embedder's kinds.
//!
//! A kind of buffers has a `Native<M, ArrayBuffer>` (or a `LinearMemory`) beside whatever else its language wants of a
//! buffer; a kind of views has a `Plain<View>` (or a `ByteView`) and a slot with its buffer. [`ViewObject`] says how one
//! gets from the view to the bytes, and the accessors follow from that. Reading takes `&Heap`, a region;
//! [`BufferHeap::change_buffer`] takes `&mut Heap`, a safepoint, so what a region has borrowed from a buffer ends before
//! the buffer changes.
//!
//! Bytes count as external memory: they start collections, and those of dead objects are given back in pieces at
//! safepoints, as is what a change set aside. Reading one element costs the way from the view's object to the bytes,
//! some six dependent loads; a loop goes that way once. Nothing here collects: a caller that gets
//! [`NoMemory`](super::NoMemory) collects and tries again.

use std::cell::Cell;

use tenure::{Adopted, Gc, Heap, Kind, Native, NativeResource, ObjectModel};

use super::array_buffer::ArrayBuffer;
use super::backing::Backing;
use super::element::{Element, ElementType, Endian, Scalar};
use super::elements::Elements;
use super::error::{Origin, ViewError};
use super::unwanted::Unwanted;
use super::view::{ByteView, View};
use crate::linear_memory::LinearMemory;

impl NativeResource for Unwanted {
    fn release_some(&mut self, bytes: usize) -> bool {
        self.release(bytes)
    }
}

/// A native value whose bytes the heap counts: an [`ArrayBuffer`], a [`LinearMemory`], or an embedder's type around one.
pub trait Backed: NativeResource {
    /// Returns the bytes.
    fn backing(&self) -> &Backing;
    /// Takes out what is to be given back.
    fn take_unwanted(&mut self) -> Option<Unwanted>;
}

impl Backed for ArrayBuffer {
    fn backing(&self) -> &Backing {
        self
    }
    fn take_unwanted(&mut self) -> Option<Unwanted> {
        self.take_unwanted()
    }
}

impl Backed for LinearMemory {
    fn backing(&self) -> &Backing {
        self
    }
    fn take_unwanted(&mut self) -> Option<Unwanted> {
        self.take_unwanted()
    }
}

/// What a heap does with buffers: takes them in, and changes them.
pub trait BufferHeap<M: ObjectModel> {
    /// Takes a buffer or memory in, for a field of an object that is allocated next. What it holds counts as external
    /// memory.
    #[must_use = "dropping it releases the buffer"]
    fn adopt_buffer<B: Backed>(&self, buffer: B) -> Adopted<'_, M, B>;

    /// Calls `change` with the buffer in the field that `select` chooses: to resize, transfer, grow, detach or free it.
    /// What the change no longer needs is given back by the heap, in pieces at later safepoints.
    ///
    /// ```
    /// use tenure::prelude::*;
    /// use tenure_resource::buffer::{ArrayBuffer, BufferHeap};
    ///
    /// #[derive(Kind)]
    /// struct Buffer { bytes: Native<Js, ArrayBuffer>, prototype: Slot<Dyn<Js>> }
    /// object_model! { model Js { kinds: [Buffer] } }
    ///
    /// let mut isolate = Isolate::<Js>::new(HeapConfig::new(), NoRootsInit {})?;
    /// isolate.enter(|h| h.scope(|h| {
    ///     let bytes = ArrayBuffer::resizable(4, 1 << 20).expect("4 bytes");
    ///     let object = h.alloc::<Buffer>(BufferInit { bytes: h.adopt_buffer(bytes), prototype: Value::nil() });
    ///     let buffer = h.local(object);
    ///
    ///     let now = h.now_ns();
    ///     h.change_buffer(|h| buffer.get(h).bytes(), |bytes| bytes.resize(1 << 20, now)).expect("within the maximum");
    ///     assert_eq!(buffer.get(h).bytes().get(h).len_bytes(), 1 << 20);
    ///     assert_eq!(h.statistics().sizes.external_bytes, 1 << 20);
    /// }));
    /// # Ok::<(), HeapError>(())
    /// ```
    fn change_buffer<B: Backed, R>(
        &mut self,
        select: impl for<'a> Fn(&'a Heap<M>) -> &'a Native<M, B>,
        change: impl FnOnce(&mut B) -> R,
    ) -> R;
}

impl<M: ObjectModel> BufferHeap<M> for Heap<M> {
    fn adopt_buffer<B: Backed>(&self, buffer: B) -> Adopted<'_, M, B> {
        let held_bytes = buffer.backing().held_bytes();
        self.adopt(buffer, held_bytes)
    }

    fn change_buffer<B: Backed, R>(
        &mut self,
        select: impl for<'a> Fn(&'a Heap<M>) -> &'a Native<M, B>,
        change: impl FnOnce(&mut B) -> R,
    ) -> R {
        let (result, unwanted) = self.with_native_mut(&select, |buffer| {
            let result = change(buffer);
            (result, buffer.take_unwanted())
        });
        let heap = &*self;
        let native = select(heap);
        native.set_bytes(heap, native.get(heap).backing().held_bytes());
        if let Some(unwanted) = unwanted {
            let held_bytes = unwanted.held_bytes();
            // A resource that no object owns is dead, and the heap releases what is dead in pieces.
            drop(heap.adopt(unwanted, held_bytes));
        }
        result
    }
}

/// What [`View`] and [`ByteView`] have in common.
pub trait AnyView: Copy + 'static {
    /// Returns where the view was made.
    fn origin(&self) -> Origin;
    /// Returns the era of the buffer that the view was made in.
    fn era(&self) -> u64;
    /// Returns the first byte.
    fn offset_bytes(&self) -> usize;
    /// Returns the type of the elements; `None` of a byte view.
    fn element_type(&self) -> Option<ElementType>;
}

impl AnyView for View {
    fn origin(&self) -> Origin {
        self.origin()
    }
    fn era(&self) -> u64 {
        self.era()
    }
    fn offset_bytes(&self) -> usize {
        self.offset_bytes()
    }
    fn element_type(&self) -> Option<ElementType> {
        Some(self.element_type())
    }
}

impl AnyView for ByteView {
    fn origin(&self) -> Origin {
        self.origin()
    }
    fn era(&self) -> u64 {
        self.era()
    }
    fn offset_bytes(&self) -> usize {
        self.offset_bytes()
    }
    fn element_type(&self) -> Option<ElementType> {
        None
    }
}

/// A kind of view objects: says which field is the view, and where its bytes are.
///
/// `docs/buffers.md` has a kind whose buffer may be an array buffer or that of a linear memory.
pub trait ViewObject: Kind {
    /// [`View`] or [`ByteView`].
    type View: AnyView;
    /// Returns the view.
    fn view(&self) -> Self::View;
    /// Returns the bytes of the buffer that the view was made for.
    fn backing<'h>(this: Gc<'h, Self>, heap: &'h Heap<Self::Model>) -> &'h Backing;
}

/// Access to the elements of a typed-view object.
///
/// All fail when the bytes are gone, when the buffer does not reach the view, when the type is not that of the elements,
/// or when an index is not below the length; a [`ViewError`] says which, and how that came.
pub trait TypedAccess<'h, T: ViewObject<View = View>> {
    /// Returns the number of elements.
    ///
    /// # Errors
    ///
    /// When the view has no bytes now.
    fn element_count(self, heap: &'h Heap<T::Model>) -> Result<usize, ViewError>;

    /// Returns the elements, for a loop: everything but the index is checked here, once. They stay for the region.
    ///
    /// # Errors
    ///
    /// When the view has no bytes now, or elements of another type.
    fn elements<E: Element>(self, heap: &'h Heap<T::Model>) -> Result<Elements<'h, E>, ViewError>;

    /// Returns the bytes of the elements.
    ///
    /// # Errors
    ///
    /// When the view has no bytes now.
    fn view_bytes(self, heap: &'h Heap<T::Model>) -> Result<&'h [Cell<u8>], ViewError>;

    /// Reads an element.
    ///
    /// # Errors
    ///
    /// When there is none.
    fn element<E: Element>(self, heap: &'h Heap<T::Model>, index: usize) -> Result<E, ViewError>;

    /// Stores an element.
    ///
    /// # Errors
    ///
    /// When there is none.
    fn set_element<E: Element>(self, heap: &'h Heap<T::Model>, index: usize, value: E) -> Result<(), ViewError>;

    /// Reads an element whose type is known at run time only.
    ///
    /// # Errors
    ///
    /// When there is none.
    fn scalar(self, heap: &'h Heap<T::Model>, index: usize) -> Result<Scalar, ViewError>;

    /// Stores an element whose type is known at run time only; [`Scalar::from_f64`] makes one of any number.
    ///
    /// # Errors
    ///
    /// When there is none, or when the scalar is not of the elements' type.
    fn set_scalar(self, heap: &'h Heap<T::Model>, index: usize, scalar: Scalar) -> Result<(), ViewError>;
}

impl<'h, T: ViewObject<View = View>> TypedAccess<'h, T> for Gc<'h, T> {
    #[inline]
    fn element_count(self, heap: &'h Heap<T::Model>) -> Result<usize, ViewError> {
        self.view().len(T::backing(self, heap))
    }
    #[inline]
    fn elements<E: Element>(self, heap: &'h Heap<T::Model>) -> Result<Elements<'h, E>, ViewError> {
        self.view().elements(T::backing(self, heap))
    }
    #[inline]
    fn view_bytes(self, heap: &'h Heap<T::Model>) -> Result<&'h [Cell<u8>], ViewError> {
        self.view().bytes(T::backing(self, heap))
    }
    #[inline]
    fn element<E: Element>(self, heap: &'h Heap<T::Model>, index: usize) -> Result<E, ViewError> {
        self.view().get(T::backing(self, heap), index)
    }
    #[inline]
    fn set_element<E: Element>(self, heap: &'h Heap<T::Model>, index: usize, value: E) -> Result<(), ViewError> {
        self.view().set(T::backing(self, heap), index, value)
    }
    #[inline]
    fn scalar(self, heap: &'h Heap<T::Model>, index: usize) -> Result<Scalar, ViewError> {
        self.view().get_scalar(T::backing(self, heap), index)
    }
    #[inline]
    fn set_scalar(self, heap: &'h Heap<T::Model>, index: usize, scalar: Scalar) -> Result<(), ViewError> {
        self.view().set_scalar(T::backing(self, heap), index, scalar)
    }
}

/// Access to the numbers of a byte-view object, at any offset and in either order.
pub trait ByteAccess<'h, T: ViewObject<View = ByteView>> {
    /// Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// When the view has no bytes now.
    fn byte_count(self, heap: &'h Heap<T::Model>) -> Result<usize, ViewError>;

    /// Returns the bytes.
    ///
    /// # Errors
    ///
    /// When the view has no bytes now.
    fn view_bytes(self, heap: &'h Heap<T::Model>) -> Result<&'h [Cell<u8>], ViewError>;

    /// Reads the number whose first byte is byte `index` of the view.
    ///
    /// # Errors
    ///
    /// When the view has no bytes now, or the number does not lie within it.
    fn number<E: Element>(self, heap: &'h Heap<T::Model>, index: usize, order: Endian) -> Result<E, ViewError>;

    /// Stores a number whose first byte becomes byte `index` of the view.
    ///
    /// # Errors
    ///
    /// When the view has no bytes now, or the number would not lie within it.
    fn set_number<E: Element>(
        self,
        heap: &'h Heap<T::Model>,
        index: usize,
        value: E,
        order: Endian,
    ) -> Result<(), ViewError>;
}

impl<'h, T: ViewObject<View = ByteView>> ByteAccess<'h, T> for Gc<'h, T> {
    #[inline]
    fn byte_count(self, heap: &'h Heap<T::Model>) -> Result<usize, ViewError> {
        self.view().len_bytes(T::backing(self, heap))
    }
    #[inline]
    fn view_bytes(self, heap: &'h Heap<T::Model>) -> Result<&'h [Cell<u8>], ViewError> {
        self.view().bytes(T::backing(self, heap))
    }
    #[inline]
    fn number<E: Element>(self, heap: &'h Heap<T::Model>, index: usize, order: Endian) -> Result<E, ViewError> {
        self.view().get(T::backing(self, heap), index, order)
    }
    #[inline]
    fn set_number<E: Element>(
        self,
        heap: &'h Heap<T::Model>,
        index: usize,
        value: E,
        order: Endian,
    ) -> Result<(), ViewError> {
        self.view().set(T::backing(self, heap), index, value, order)
    }
}
