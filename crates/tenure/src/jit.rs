//! What the author of a compiler needs: where the nursery's top and limits are, header words, and the slow paths.
//!
//! [`Heap::jit`] gives addresses; taking them is safe, using them is not. Generated code that follows the contract of
//! [`JitView`] can allocate with the same few instructions as the safe API. It is not needed for interpreters.

use std::marker::PhantomData;

use tenure_heap::{AllocError, FLAG_UNLOGGED, Request};

use crate::heap::Heap;
use crate::layout::{Kind, ObjectModel, Of};

/// Addresses inside a heap, valid as long as its isolate exists.
///
/// # Contract
///
/// Code that uses them runs inside [`Isolate::enter`](crate::Isolate::enter), on its thread, and
///
/// 1. *allocates* an object of `b` bytes (header included) by reading `t = *window_top`, testing
///    `t + b <= *window_limit`, writing a header from [`JitView::template`] at `t` and every payload word from `t + 8`
///    on, and then storing `t + b` to `*window_top`; when the test fails it calls [`slow_allocate`], after which every
///    address of an object that is not in a root area is stale;
/// 2. *stores* a reference by writing the slot of the object at payload `p`, then testing bit
///    [`JitView::unlogged_mask`] of the byte at `p - 8`, and calling [`slow_log`] when it is set;
/// 3. keeps in registers' and operands' words only 0, immediates of the model's values, or payload addresses.
#[derive(Debug, Clone, Copy)]
pub struct JitView<'h> {
    /// The address of the word that holds the address of the next object's header.
    pub window_top: *mut usize,
    /// The address of the word that holds the end of the memory that may be used before a safepoint.
    pub window_limit: *mut usize,
    /// The address of the word that holds the end of the memory that a region may use.
    pub window_hard: *mut usize,
    /// The address of the word that holds the address of register 0. To be read only: frames are pushed and popped by
    /// [`Heap::push_frame`] and [`Heap::pop_frame`].
    pub frame: *mut *mut u64,
    /// The address of the word that holds the address one past the top operand.
    pub operand_top: *mut *mut u64,
    /// The lowest address of the operand stack, and one past its highest.
    pub operand_bounds: (*mut u64, *mut u64),
    /// The mask of the flag that asks for [`slow_log`], in the first byte of a header.
    pub unlogged_mask: u8,
    region: PhantomData<&'h ()>,
}

/// How to allocate a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// The header word, with tail length 0; the length of a tail goes into the high half.
    pub header: u64,
    /// Bytes of an object with tail length 0, header included.
    pub bytes: usize,
    /// Bytes from the payload to the first element of the tail.
    pub tail_offset_bytes: usize,
    /// The kind's id: the byte at payload - 7.
    pub kind_id: u8,
    /// Whether objects must be allocated by [`slow_allocate`] always.
    pub pinned: bool,
}

impl<M: ObjectModel> Heap<M> {
    /// Returns the addresses that generated code needs. See [`JitView`] for the contract.
    #[must_use]
    pub fn jit(&self) -> JitView<'_> {
        let core = self.core();
        JitView {
            window_top: core.window.top.as_ptr(),
            window_limit: core.window.limit.as_ptr(),
            window_hard: core.window.hard.as_ptr(),
            frame: core.registers.top.as_ptr(),
            operand_top: core.operands.top.as_ptr(),
            operand_bounds: (core.operands.base, core.operands.end),
            unlogged_mask: FLAG_UNLOGGED as u8,
            region: PhantomData,
        }
    }
}

impl JitView<'_> {
    /// Returns how to allocate objects of kind `T`.
    #[must_use]
    pub fn template<T: Kind>(&self) -> Template {
        Template {
            header: Of::<T>::HEADER,
            bytes: Of::<T>::BYTES,
            tail_offset_bytes: Of::<T>::TAIL_OFFSET,
            kind_id: T::ID,
            pinned: T::PINNED,
        }
    }
}

/// Allocates an object whose header word and size are given, after collecting if need be. Returns the payload's
/// address with the header written and the payload zeroed.
///
/// # Errors
///
/// When no memory is left.
///
/// # Safety
///
/// `header` is a template's, with the tail length set, and `bytes` the size that it says. No `Gc` or `Value` is held
/// across the call other than in root areas. The caller initializes the prefix before anything may collect.
pub unsafe fn slow_allocate<M: ObjectModel>(
    heap: &mut Heap<M>,
    header: u64,
    bytes: usize,
) -> Result<*mut u64, AllocError> {
    let request = Request { header, bytes };
    heap.make_room(&request)?;
    // SAFETY: by the caller.
    let payload = unsafe { heap.core().allocate_slow(&request)? };
    // SAFETY: the object has just been allocated with so many bytes.
    unsafe { payload.cast::<u8>().write_bytes(0, bytes - 8) };
    Ok(payload.as_ptr())
}

/// Logs a store that has been made into `slot` of the object at `payload`.
///
/// # Safety
///
/// `payload` is an object of `heap`, and `slot` one of its slots.
pub unsafe fn slow_log<M: ObjectModel>(heap: &Heap<M>, payload: *mut u64, slot: *const u64) {
    // SAFETY: by the caller.
    unsafe { heap.core().log_slow(payload, slot) }
}
