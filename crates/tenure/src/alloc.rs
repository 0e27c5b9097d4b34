//! Allocation: by moving the nursery's top, in regions and at safepoints.
//!
//! A fixed kind costs a load, an add, a compare and a branch besides the stores of its fields; the initializer is
//! inlined. `…_with` functions are safepoints: they may collect *before* they run the initializer, which then reads
//! roots at their new places. The others never collect; they run past the soft limit, then into the old generation.
//! Objects of pinned kinds and long tails always take the slow path.
//!
//! Invariant WINDOW: the words from the nursery's top to `WINDOW_SLACK_BYTES` past its hard limit are writable as long
//! as the top is not past the hard limit. So a fixed object, which is smaller than the slack, can be written without a
//! further test after the initializer ran, even if the initializer allocated.
//!
//! Objects with tails are reserved and zeroed before user code runs, so that a panic in an initializer or fill function
//! leaves a valid object behind that nothing refers to.

use std::ptr::NonNull;

use tenure_heap::{AllocError, Request, WINDOW_OBJECT_MAX_BYTES, WINDOW_SLACK_BYTES, header_with_length};

use crate::error::{OutOfMemory, out_of_memory};
use crate::gc::{Gc, TailElement, TailInit};
use crate::heap::Heap;
use crate::layout::{Elements, Kind, Layout, ObjectModel, Of, PlainElements, ZeroElements};

/// A region and the object that was just allocated.
type Allocated<'h, M, T> = (&'h Heap<M>, Gc<'h, T>);

/// More than any heap can hold, and little enough that nothing overflows: the core answers that it is too large.
const TOO_LARGE_BYTES: usize = 1 << 60;

/// Builds the request for an object with a tail of `length` elements.
#[inline]
fn tail_request<T: Kind>(length: usize) -> Request {
    let (short, bytes) = match u32::try_from(length) {
        Ok(short) => (short, (Of::<T>::LAYOUT.words(short) * 8).min(TOO_LARGE_BYTES)),
        Err(_) => (u32::MAX, TOO_LARGE_BYTES),
    };
    Request {
        header: header_with_length(Of::<T>::HEADER, short),
        bytes,
    }
}

const fn fixed_request<T: Kind>() -> Request {
    Request {
        header: Of::<T>::HEADER,
        bytes: Of::<T>::BYTES,
    }
}

impl<M: ObjectModel> Heap<M> {
    /// Writes header and fields at the nursery's top and moves it.
    ///
    /// # Safety
    ///
    /// Invariant WINDOW: the top is not past the hard limit, and `T` is not pinned.
    #[inline(always)]
    unsafe fn commit<'h, T: Kind<Model = M>>(&'h self, init: T::Init<'h>) -> Gc<'h, T> {
        const { assert!(Of::<T>::BYTES <= WINDOW_SLACK_BYTES, "fixed objects fit into the slack") };
        let window = &self.core.window;
        let top = window.top.get();
        let header = std::ptr::with_exposed_provenance_mut::<u64>(top);
        // SAFETY: NUR-BUMP: the memory is writable and belongs to no object. KIND-LAYOUT: `write` initializes the fields
        // of `T` after the header of `T`; SLOT-TYPED: the payload's address is that of an object from here on;
        // WATCH-LISTED: the object is new.
        unsafe {
            header.write(Of::<T>::HEADER);
            let payload = header.add(1).cast::<T>();
            T::write(payload, init);
            window.top.set(top + Of::<T>::BYTES);
            if Of::<T>::WATCHED {
                self.core.watch(header.add(1));
            }
            Gc::from_word((top + 8) as u64)
        }
    }

    /// Returns whether an object of `bytes` bytes ends within `limit`.
    #[inline(always)]
    fn fits(&self, bytes: usize, limit: usize) -> bool {
        self.core.window.top.get() + bytes <= limit
    }

    /// Makes sure that an object can be reserved. A safepoint.
    #[inline]
    fn ensure(&mut self, request: &Request, pinned: bool) -> Result<(), AllocError> {
        if !pinned && request.bytes <= WINDOW_OBJECT_MAX_BYTES && self.fits(request.bytes, self.core.window.limit.get())
        {
            return Ok(());
        }
        self.make_room(request)
    }

    /// Reserves an object without collecting and writes its header; at least the first `zeroed` bytes of the payload are
    /// zero.
    #[inline]
    fn reserve(&self, request: &Request, pinned: bool, zeroed: usize) -> Result<NonNull<u64>, AllocError> {
        let window = &self.core.window;
        if !pinned && request.bytes <= WINDOW_OBJECT_MAX_BYTES && self.fits(request.bytes, window.hard.get()) {
            let top = window.top.get();
            let header = std::ptr::with_exposed_provenance_mut::<u64>(top);
            // SAFETY: NUR-BUMP: the memory up to the hard limit is writable and belongs to no object.
            unsafe {
                header.write(request.header);
                let payload = header.add(1);
                payload.cast::<u8>().write_bytes(0, zeroed);
                window.top.set(top + request.bytes);
                return Ok(NonNull::new_unchecked(payload));
            }
        }
        self.reserve_slow(request)
    }

    #[cold]
    #[inline(never)]
    fn reserve_slow(&self, request: &Request) -> Result<NonNull<u64>, AllocError> {
        // SAFETY: KIND-LAYOUT: the header is one of the model's, and `bytes` what it says. The payload comes back zeroed,
        // and all callers initialize it before the next safepoint.
        unsafe { self.core.allocate_slow(request) }
    }

    /// Reserves and initializes a fixed object outside of the window. Nothing of `init` is lost on failure.
    #[cold]
    #[inline(never)]
    fn alloc_slow<'h, T: Kind<Model = M>>(&'h self, init: T::Init<'h>) -> Result<Gc<'h, T>, OutOfMemory<T::Init<'h>>> {
        match self.reserve(&fixed_request::<T>(), T::PINNED, 0) {
            // SAFETY: KIND-LAYOUT: the object is one of kind `T` and new.
            Ok(payload) => Ok(unsafe { self.initialize(payload, init) }),
            Err(error) => Err(OutOfMemory::new(T::NAME, error, init)),
        }
    }

    #[cold]
    #[inline(never)]
    fn alloc_slow_or_panic<'h, T: Kind<Model = M>>(&'h self, init: T::Init<'h>) -> Gc<'h, T> {
        self.alloc_slow(init).unwrap_or_else(|error| out_of_memory(&error))
    }

    /// # Safety
    ///
    /// `payload` is a new object of kind `T`.
    #[inline(always)]
    unsafe fn initialize<'h, T: Kind<Model = M>>(&'h self, payload: NonNull<u64>, init: T::Init<'h>) -> Gc<'h, T> {
        // SAFETY: KIND-LAYOUT: by the caller; WATCH-LISTED: the object is new. No barrier is needed: an object outside of the nursery is allocated as
        // logged.
        unsafe {
            T::write(payload.as_ptr().cast(), init);
            if Of::<T>::WATCHED {
                self.core.watch(payload.as_ptr());
            }
            Gc::from_word(payload.as_ptr().expose_provenance() as u64)
        }
    }

    // ---- Regions: these never collect.

    /// Allocates an object without collecting.
    ///
    /// Takes the nursery's memory up to its hard limit, then that of the old generation. Long-running code calls
    /// [`Heap::safepoint`] now and then.
    ///
    /// # Panics
    ///
    /// When no memory is left: see [`Heap::try_alloc`].
    #[inline(always)]
    pub fn alloc<'h, T: Kind<Model = M>>(&'h self, init: T::Init<'h>) -> Gc<'h, T> {
        if !T::PINNED && self.fits(Of::<T>::BYTES, self.core.window.hard.get()) {
            // SAFETY: NUR-BUMP: the object ends before the hard limit.
            return unsafe { self.commit(init) };
        }
        self.alloc_slow_or_panic(init)
    }

    /// Allocates an object without collecting.
    ///
    /// # Errors
    ///
    /// When no memory is left; the error gives `init` back. The heap stays usable: release roots, collect, try again.
    #[inline(always)]
    pub fn try_alloc<'h, T: Kind<Model = M>>(
        &'h self,
        init: T::Init<'h>,
    ) -> Result<Gc<'h, T>, OutOfMemory<T::Init<'h>>> {
        if !T::PINNED && self.fits(Of::<T>::BYTES, self.core.window.hard.get()) {
            // SAFETY: NUR-BUMP: the object ends before the hard limit.
            return Ok(unsafe { self.commit(init) });
        }
        self.alloc_slow(init)
    }

    /// Allocates an object with a tail of `length` elements, made by `fill`, without collecting.
    ///
    /// `fill` may allocate. If it panics, the object is garbage.
    ///
    /// # Panics
    ///
    /// When no memory is left or the object is larger than the heap.
    pub fn alloc_tail<'h, T: Kind<Model = M>>(
        &'h self,
        length: usize,
        init: T::Init<'h>,
        fill: impl FnMut(usize) -> TailInit<'h, T>,
    ) -> Gc<'h, T>
    where
        T::Tail: Elements,
    {
        self.try_alloc_tail(length, init, fill)
            .unwrap_or_else(|error| out_of_memory(&error))
    }

    /// Allocates an object with a tail of `length` elements, made by `fill`, without collecting.
    ///
    /// # Errors
    ///
    /// When no memory is left or the object is larger than the heap; the error gives `init` and `fill` back.
    pub fn try_alloc_tail<'h, T: Kind<Model = M>, F: FnMut(usize) -> TailInit<'h, T>>(
        &'h self,
        length: usize,
        init: T::Init<'h>,
        mut fill: F,
    ) -> Result<Gc<'h, T>, OutOfMemory<(T::Init<'h>, F)>>
    where
        T::Tail: Elements,
    {
        match self.reserve_tail::<T>(length, true) {
            // SAFETY: KIND-LAYOUT: a new, zeroed object of kind `T` with so many elements.
            Ok(payload) => Ok(unsafe {
                let object = self.initialize(payload, init);
                self.log_filled::<T>(object, length);
                fill_tail(object, length, &mut fill);
                object
            }),
            Err(error) => Err(OutOfMemory::new(T::NAME, error, (init, fill))),
        }
    }

    /// Allocates an object with a tail of `length` zero elements (nil, `None`, 0), without collecting.
    ///
    /// # Panics
    ///
    /// When no memory is left or the object is larger than the heap.
    pub fn alloc_tail_zeroed<'h, T: Kind<Model = M>>(&'h self, length: usize, init: T::Init<'h>) -> Gc<'h, T>
    where
        T::Tail: ZeroElements,
    {
        self.try_alloc_tail_zeroed(length, init)
            .unwrap_or_else(|error| out_of_memory(&error))
    }

    /// Allocates an object with a tail of `length` zero elements (nil, `None`, 0), without collecting.
    ///
    /// # Errors
    ///
    /// When no memory is left or the object is larger than the heap; the error gives `init` back.
    pub fn try_alloc_tail_zeroed<'h, T: Kind<Model = M>>(
        &'h self,
        length: usize,
        init: T::Init<'h>,
    ) -> Result<Gc<'h, T>, OutOfMemory<T::Init<'h>>>
    where
        T::Tail: ZeroElements,
    {
        match self.reserve_tail::<T>(length, true) {
            // SAFETY: KIND-LAYOUT: a new, zeroed object of kind `T`.
            Ok(payload) => Ok(unsafe { self.initialize(payload, init) }),
            Err(error) => Err(OutOfMemory::new(T::NAME, error, init)),
        }
    }

    /// Allocates an object whose tail is a copy of `elements`, without collecting.
    ///
    /// # Panics
    ///
    /// When no memory is left or the object is larger than the heap.
    pub fn alloc_slice<'h, T: Kind<Model = M>>(&'h self, init: T::Init<'h>, elements: &[TailElement<T>]) -> Gc<'h, T>
    where
        T::Tail: PlainElements,
    {
        self.try_alloc_slice(init, elements)
            .unwrap_or_else(|error| out_of_memory(&error))
    }

    /// Allocates an object whose tail is a copy of `elements`, without collecting.
    ///
    /// # Errors
    ///
    /// When no memory is left or the object is larger than the heap; the error gives `init` back.
    pub fn try_alloc_slice<'h, T: Kind<Model = M>>(
        &'h self,
        init: T::Init<'h>,
        elements: &[TailElement<T>],
    ) -> Result<Gc<'h, T>, OutOfMemory<T::Init<'h>>>
    where
        T::Tail: PlainElements,
    {
        match self.reserve_tail::<T>(elements.len(), false) {
            // SAFETY: KIND-LAYOUT: a new object of kind `T` with so many elements.
            Ok(payload) => Ok(unsafe {
                let object = self.initialize(payload, init);
                copy_tail(object, elements);
                object
            }),
            Err(error) => Err(OutOfMemory::new(T::NAME, error, init)),
        }
    }

    /// Allocates an object whose tail is a copy of all `pieces`, one after the other, without collecting: a string made of
    /// several.
    ///
    /// # Errors
    ///
    /// When no memory is left or the object is larger than the heap; the error gives `init` back.
    ///
    /// ```
    /// # use tenure::prelude::*;
    /// # #[derive(Kind)] #[tail(Frozen<u8>)] struct Text {}
    /// # object_model! { model Texts { kinds: [Text] } }
    /// # let mut isolate = Isolate::<Texts>::new(HeapConfig::new(), NoRootsInit {})?;
    /// # isolate.enter(|h| {
    /// # let h = &*h;
    /// let name = h.alloc_slice::<Text>(TextInit {}, b"Lua");
    /// let greeting = h.try_alloc_pieces::<Text>(TextInit {}, &[b"hello, ", name.tail(), b"!"]);
    /// assert_eq!(greeting.unwrap().tail(), b"hello, Lua!");
    /// # });
    /// # Ok::<(), HeapError>(())
    /// ```
    pub fn try_alloc_pieces<'h, T: Kind<Model = M>>(
        &'h self,
        init: T::Init<'h>,
        pieces: &[&[TailElement<T>]],
    ) -> Result<Gc<'h, T>, OutOfMemory<T::Init<'h>>>
    where
        T::Tail: PlainElements,
    {
        let length = pieces.iter().fold(0usize, |sum, piece| sum.saturating_add(piece.len()));
        match self.reserve_tail::<T>(length, false) {
            // SAFETY: KIND-LAYOUT: a new object of kind `T` with so many elements as all pieces together, of which each
            // is written behind the one before.
            Ok(payload) => Ok(unsafe {
                let object = self.initialize::<T>(payload, init);
                let mut destination = object.items().cast::<TailElement<T>>();
                for piece in pieces {
                    std::ptr::copy_nonoverlapping(piece.as_ptr(), destination, piece.len());
                    destination = destination.add(piece.len());
                }
                object
            }),
            Err(error) => Err(OutOfMemory::new(T::NAME, error, init)),
        }
    }

    /// Reserves an object with a tail in this region; its prefix is zeroed, and its tail if asked for.
    #[inline]
    fn reserve_tail<T: Kind<Model = M>>(&self, length: usize, zero_tail: bool) -> Result<NonNull<u64>, AllocError> {
        let request = tail_request::<T>(length);
        self.reserve(&request, T::PINNED, zeroed_bytes::<T>(&request, zero_tail))
    }

    // ---- Safepoints: these may collect, and hand back the region with the object.

    /// Allocates an object; may collect before `init` runs.
    ///
    /// Hands back the region in which the object is valid, so the call is written
    /// `let (h, p) = h.alloc_with::<Pair>(|h| PairInit { .. });`. What the fields need is read inside the initializer,
    /// from roots, registers, the operand stack or locals. A pause is possible at every call.
    ///
    /// # Panics
    ///
    /// When no memory is left, after a last major collection: see [`Heap::try_alloc_with`].
    #[inline(always)]
    pub fn alloc_with<'h, T: Kind<Model = M>>(
        &'h mut self,
        init: impl for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>,
    ) -> Allocated<'h, M, T> {
        if T::PINNED {
            return self
                .alloc_reserved::<T, _>(init)
                .unwrap_or_else(|error| out_of_memory(&error));
        }
        if !self.fits(Of::<T>::BYTES, self.core.window.limit.get()) {
            self.make_window_room_or_panic::<T>();
        }
        let heap = &*self;
        let init = init(heap);
        // SAFETY: NUR-BUMP: the top was within the limit, and allocation in `init` stops at the hard limit.
        (heap, unsafe { heap.commit(init) })
    }

    /// Allocates an object; may collect before `init` runs. Called as `try_alloc_with::<Pair, _>(|h| ..)`.
    ///
    /// # Errors
    ///
    /// When no memory is left, after a last major collection; the error gives `init`, which did not run, back. The heap
    /// stays usable.
    #[inline(always)]
    pub fn try_alloc_with<'h, T: Kind<Model = M>, I: for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>>(
        &'h mut self,
        init: I,
    ) -> Result<Allocated<'h, M, T>, OutOfMemory<I>> {
        if T::PINNED {
            return self.alloc_reserved::<T, I>(init);
        }
        if !self.fits(Of::<T>::BYTES, self.core.window.limit.get())
            && let Err(error) = self.make_window_room(&fixed_request::<T>())
        {
            return Err(OutOfMemory::new(T::NAME, error, init));
        }
        let heap = &*self;
        let init = init(heap);
        // SAFETY: NUR-BUMP: the top was within the limit, and allocation in `init` stops at the hard limit.
        Ok((heap, unsafe { heap.commit(init) }))
    }

    /// Makes room in the window, so that a fixed object can be written at its top.
    #[cold]
    #[inline(never)]
    fn make_window_room(&mut self, request: &Request) -> Result<(), AllocError> {
        self.make_room(request)?;
        let window = &self.core.window;
        // The core promises this; memory safety rests on it, and here it costs nothing.
        assert!(
            window.top.get() <= window.hard.get(),
            "WINDOW: the top is past the hard limit after a collection"
        );
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn make_window_room_or_panic<T: Kind<Model = M>>(&mut self) {
        if let Err(error) = self.make_window_room(&fixed_request::<T>()) {
            out_of_memory(&OutOfMemory::new(T::NAME, error, ()));
        }
    }

    /// Allocates an object of a pinned kind: reserved before `init` runs, so that nothing can fail afterwards.
    #[inline(never)]
    fn alloc_reserved<'h, T: Kind<Model = M>, I: for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>>(
        &'h mut self,
        init: I,
    ) -> Result<Allocated<'h, M, T>, OutOfMemory<I>> {
        let request = fixed_request::<T>();
        let reserved = self
            .ensure(&request, T::PINNED)
            .and_then(|()| self.reserve(&request, T::PINNED, zeroed_bytes::<T>(&request, false)));
        match reserved {
            Ok(payload) => {
                let heap = &*self;
                let init = init(heap);
                // SAFETY: KIND-LAYOUT: a new object of kind `T`.
                Ok((heap, unsafe { heap.initialize(payload, init) }))
            }
            Err(error) => Err(OutOfMemory::new(T::NAME, error, init)),
        }
    }

    /// Allocates an object with a tail of `length` elements, made by `fill`; may collect before `init` and `fill` run.
    ///
    /// # Panics
    ///
    /// When no memory is left or the object is larger than the heap.
    pub fn alloc_tail_with<'h, T: Kind<Model = M>>(
        &'h mut self,
        length: usize,
        init: impl for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>,
        fill: impl for<'a> FnMut(&'a Heap<M>, usize) -> TailInit<'a, T>,
    ) -> Allocated<'h, M, T>
    where
        T::Tail: Elements,
    {
        self.try_alloc_tail_with::<T, _, _>(length, init, fill)
            .unwrap_or_else(|error| out_of_memory(&error))
    }

    /// Allocates an object with a tail of `length` elements, made by `fill`; may collect before `init` and `fill` run.
    ///
    /// # Errors
    ///
    /// When no memory is left or the object is larger than the heap; the error gives `init` and `fill`, which did not
    /// run, back.
    pub fn try_alloc_tail_with<'h, T, I, F>(
        &'h mut self,
        length: usize,
        init: I,
        mut fill: F,
    ) -> Result<Allocated<'h, M, T>, OutOfMemory<(I, F)>>
    where
        T: Kind<Model = M>,
        T::Tail: Elements,
        I: for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>,
        F: for<'a> FnMut(&'a Heap<M>, usize) -> TailInit<'a, T>,
    {
        match self.ensure_tail::<T>(length, true) {
            Ok(payload) => {
                let heap = &*self;
                let init = init(heap);
                // SAFETY: KIND-LAYOUT: a new, zeroed object of kind `T` with so many elements.
                let object = unsafe { heap.initialize(payload, init) };
                heap.log_filled::<T>(object, length);
                // SAFETY: KIND-LAYOUT, as above.
                unsafe { fill_tail(object, length, &mut |i| fill(heap, i)) };
                Ok((heap, object))
            }
            Err(error) => Err(OutOfMemory::new(T::NAME, error, (init, fill))),
        }
    }

    /// Allocates an object with a tail of `length` zero elements (nil, `None`, 0); may collect before `init` runs.
    ///
    /// # Panics
    ///
    /// When no memory is left or the object is larger than the heap.
    pub fn alloc_tail_zeroed_with<'h, T: Kind<Model = M>>(
        &'h mut self,
        length: usize,
        init: impl for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>,
    ) -> Allocated<'h, M, T>
    where
        T::Tail: ZeroElements,
    {
        self.try_alloc_tail_zeroed_with::<T, _>(length, init)
            .unwrap_or_else(|error| out_of_memory(&error))
    }

    /// Allocates an object with a tail of `length` zero elements (nil, `None`, 0); may collect before `init` runs.
    ///
    /// # Errors
    ///
    /// When no memory is left or the object is larger than the heap; the error gives `init`, which did not run, back.
    pub fn try_alloc_tail_zeroed_with<'h, T, I>(
        &'h mut self,
        length: usize,
        init: I,
    ) -> Result<Allocated<'h, M, T>, OutOfMemory<I>>
    where
        T: Kind<Model = M>,
        T::Tail: ZeroElements,
        I: for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>,
    {
        match self.ensure_tail::<T>(length, true) {
            Ok(payload) => {
                let heap = &*self;
                let init = init(heap);
                // SAFETY: KIND-LAYOUT: a new, zeroed object of kind `T`.
                Ok((heap, unsafe { heap.initialize(payload, init) }))
            }
            Err(error) => Err(OutOfMemory::new(T::NAME, error, init)),
        }
    }

    /// Allocates an object whose tail is a copy of `elements`; may collect before `init` runs.
    ///
    /// # Panics
    ///
    /// When no memory is left or the object is larger than the heap.
    pub fn alloc_slice_with<'h, T: Kind<Model = M>>(
        &'h mut self,
        init: impl for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>,
        elements: &[TailElement<T>],
    ) -> Allocated<'h, M, T>
    where
        T::Tail: PlainElements,
    {
        self.try_alloc_slice_with::<T, _>(init, elements)
            .unwrap_or_else(|error| out_of_memory(&error))
    }

    /// Allocates an object whose tail is a copy of `elements`; may collect before `init` runs.
    ///
    /// # Errors
    ///
    /// When no memory is left or the object is larger than the heap; the error gives `init`, which did not run, back.
    pub fn try_alloc_slice_with<'h, T, I>(
        &'h mut self,
        init: I,
        elements: &[TailElement<T>],
    ) -> Result<Allocated<'h, M, T>, OutOfMemory<I>>
    where
        T: Kind<Model = M>,
        T::Tail: PlainElements,
        I: for<'a> FnOnce(&'a Heap<M>) -> T::Init<'a>,
    {
        match self.ensure_tail::<T>(elements.len(), false) {
            Ok(payload) => {
                let heap = &*self;
                // The elements need no initializer, so they go first; a panic in `init` leaves a zeroed prefix.
                // SAFETY: KIND-LAYOUT: a new object of kind `T` with so many elements.
                unsafe { copy_tail::<T>(Gc::from_word(payload.as_ptr().expose_provenance() as u64), elements) };
                let init = init(heap);
                // SAFETY: KIND-LAYOUT, as above.
                Ok((heap, unsafe { heap.initialize(payload, init) }))
            }
            Err(error) => Err(OutOfMemory::new(T::NAME, error, init)),
        }
    }

    /// Logs the slots of a large object before its tail is filled. Nothing collects until that is done.
    #[inline(always)]
    fn log_filled<T: Kind<Model = M>>(&self, object: Gc<'_, T>, length: usize) {
        if tail_request::<T>(length).bytes > WINDOW_OBJECT_MAX_BYTES {
            // SAFETY: OBJ-HEADER, HEAP-BRAND: an object of this heap.
            unsafe { self.core.log_filled(object.payload()) };
        }
    }

    /// Makes room for and reserves an object with a tail.
    #[inline]
    fn ensure_tail<T: Kind<Model = M>>(&mut self, length: usize, zero_tail: bool) -> Result<NonNull<u64>, AllocError> {
        let request = tail_request::<T>(length);
        self.ensure(&request, T::PINNED)?;
        self.reserve(&request, T::PINNED, zeroed_bytes::<T>(&request, zero_tail))
    }
}

/// Returns how many bytes of the payload to zero: all, or the prefix.
#[inline(always)]
fn zeroed_bytes<T: Kind>(request: &Request, zero_tail: bool) -> usize {
    if zero_tail {
        request.bytes - 8
    } else {
        Of::<T>::TAIL_OFFSET
    }
}

/// # Safety
///
/// `object` is new and has `length` elements.
#[inline(always)]
unsafe fn fill_tail<'h, T: Kind>(object: Gc<'h, T>, length: usize, fill: &mut impl FnMut(usize) -> TailInit<'h, T>)
where
    T::Tail: Elements,
{
    for i in 0..length {
        let element = fill(i);
        // SAFETY: KIND-LAYOUT: element `i` of the tail, which no one else sees.
        unsafe { <<T as Layout>::Tail as Elements>::write(object.items().add(i), element) };
    }
}

/// # Safety
///
/// `object` is new and has so many elements.
#[inline(always)]
unsafe fn copy_tail<T: Kind>(object: Gc<'_, T>, elements: &[TailElement<T>])
where
    T::Tail: PlainElements,
{
    let destination = object.items().cast::<TailElement<T>>();
    // SAFETY: KIND-LAYOUT: items have the layout of elements; a new object overlaps nothing.
    unsafe { std::ptr::copy_nonoverlapping(elements.as_ptr(), destination, elements.len()) };
}
