//! What the author of a compiler needs: where the nursery's top and limits are, header words, and the slow paths.
//!
//! [`Heap::jit`] gives addresses; taking them is safe, using them is not. Generated code that follows the contract of
//! [`JitView`] can allocate with the same few instructions as the safe API. It is not needed for interpreters.

use std::marker::PhantomData;

use tenure_heap::{AllocError, FLAG_UNLOGGED, Request, WINDOW_OBJECT_MAX_BYTES};

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
///    - objects of more than [`JitView::window_object_max_bytes`] bytes and those of kinds whose [`Template::pinned`] is
///      set are never allocated so, however much room the window has, but always by [`slow_allocate`];
/// 2. *stores* a reference into a slot of the object at payload `p` by testing bit [`JitView::unlogged_mask`] of the byte
///    at `p - 8`, calling [`slow_log`] with the slot and the reference when it is set, and then writing the slot, with
///    nothing that may collect in between: the call looks at what the slot held before;
/// 3. keeps in registers' and operands' words only 0, immediates of the model's values, or payload addresses.
#[derive(Debug, Clone, Copy)]
pub struct JitView<'h> {
    /// The address of the word that holds the address of the next object's header.
    pub window_top: *mut usize,
    /// The address of the word that holds the end of the memory that may be used before a safepoint.
    pub window_limit: *mut usize,
    /// The address of the word that holds the end of the memory that a region may use.
    pub window_hard: *mut usize,
    /// The most bytes of an object, header included, that may be allocated in the window.
    pub window_object_max_bytes: usize,
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
    /// Whether objects must be allocated by [`slow_allocate`] always: those that never move, and those with weak slots or
    /// natives, which are listed.
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
            window_object_max_bytes: WINDOW_OBJECT_MAX_BYTES,
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
            pinned: T::PINNED || Of::<T>::WATCHED,
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
    // SAFETY: JIT-VIEW, by the caller.
    let payload = unsafe { heap.core().allocate_slow(&request)? };
    // SAFETY: WATCH-LISTED, a new object; its payload is zero, which is valid in every word that is looked at.
    unsafe { heap.core().watch_if_needed(payload.as_ptr()) };
    Ok(payload.as_ptr())
}

/// Logs that `value` is about to be stored into `slot` of the object at `payload`, whose unlogged bit is set.
///
/// # Safety
///
/// `payload` is an object of `heap` with that bit set, and `slot` one of its slots, which holds what it did before the
/// store; `value` is what the slot may hold.
pub unsafe fn slow_log<M: ObjectModel>(heap: &Heap<M>, payload: *mut u64, slot: *const u64, value: u64) {
    // SAFETY: JIT-VIEW, by the caller.
    unsafe { heap.core().log_slow(payload, slot, value) }
}

#[cfg(test)]
mod tests {
    use super::{slow_allocate, slow_log};
    use crate::prelude::*;

    #[derive(Kind)]
    struct Cons {
        head: Slot<Dyn<Jit>>,
        rest: Slot<Opt<Cons>>,
    }
    #[derive(Kind)]
    #[tail(Slot<Dyn<Jit>>)]
    struct Array {
        id: u64,
    }
    #[derive(Kind)]
    struct Watcher {
        cons: WeakSlot<Opt<Cons>>,
    }
    #[derive(Roots)]
    struct Roots {
        list: Root<Opt<Cons>>,
    }
    object_model! { model Jit { roots: Roots, kinds: [Cons, Array, Watcher] } }

    /// What a compiler would emit for `list = cons(int, list)`.
    fn emitted_cons(h: &mut Heap<Jit>, int: i64) {
        let template = h.jit().template::<Cons>();
        let (top, limit) = (h.jit().window_top, h.jit().window_limit);
        // SAFETY: JIT-VIEW, 1: the window's words are read and the object is written before the top is moved.
        let payload = unsafe {
            let start = *top;
            if start + template.bytes <= *limit {
                let header = std::ptr::with_exposed_provenance_mut::<u64>(start);
                *header = template.header;
                *top = start + template.bytes;
                header.add(1)
            } else {
                slow_allocate(h, template.header, template.bytes).expect("there is room")
            }
        };
        let rest = h.roots().list.get();
        // SAFETY: JIT-VIEW, 1: both payload words are initialized before anything can collect; 3: an odd word is an
        // integer, and the other one is 0 or the address of a payload.
        unsafe {
            payload
                .cast::<u8>()
                .add(std::mem::offset_of!(Cons, head))
                .cast::<u64>()
                .write(int as u64 * 2 + 1);
            let rest = rest.map_or(0, |cons| std::ptr::from_ref(cons.get()).expose_provenance() as u64);
            payload
                .cast::<u8>()
                .add(std::mem::offset_of!(Cons, rest))
                .cast::<u64>()
                .write(rest);
        }
        // SAFETY: SLOT-TYPED: the address of an initialized `Cons`.
        let cons = unsafe { Gc::<Cons>::from_word(payload.expose_provenance() as u64) };
        h.roots().list.set(Some(cons));
    }

    fn isolate() -> Isolate<Jit> {
        let config = HeapConfig::new().semi_space_bytes(64 << 10).verify_heap(true);
        Isolate::new(config, RootsInit { list: None }).unwrap()
    }

    #[test]
    fn emitted_allocation_collects_and_loses_nothing() {
        isolate().enter(|h| {
            for i in 0..20_000 {
                emitted_cons(h, i);
            }
            assert!(h.statistics().minor_collections > 3);
            let (mut next, mut expected) = (h.roots().list.get(), 20_000);
            while let Some(cons) = next {
                expected -= 1;
                assert_eq!(cons.head(), Value::int(expected));
                next = cons.rest();
            }
            assert_eq!(expected, 0);
        });
    }

    #[test]
    fn emitted_stores_are_logged() {
        isolate().enter(|h| {
            emitted_cons(h, 1);
            h.collect_minor();
            h.collect_minor();
            let old = h.roots().list.get().unwrap();
            let young = h.alloc::<Cons>(ConsInit {
                head: Value::int(2),
                rest: None,
            });
            let payload = old.payload();
            // SAFETY: JIT-VIEW, 2: the flag of `old` is tested, then the store goes into a slot of it.
            unsafe {
                let slot = payload.cast::<u8>().add(std::mem::offset_of!(Cons, rest)).cast::<u64>();
                let flags = payload.cast::<u8>().sub(8).read();
                assert_ne!(flags & h.jit().unlogged_mask, 0, "a promoted object asks for logging");
                slow_log(h, payload, slot, young.word());
                slot.write(young.word());
                assert_eq!(payload.cast::<u8>().sub(8).read() & h.jit().unlogged_mask, 0);
            }
            h.collect_minor();
            let rest = h.roots().list.get().unwrap().rest();
            assert_eq!(rest.map(|cons| cons.head()), Some(Value::int(2)));
        });
    }

    #[test]
    fn objects_too_large_for_the_window_come_from_the_slow_path() {
        let config = HeapConfig::new().semi_space_bytes(1 << 20).verify_heap(true);
        let mut isolate = Isolate::<Jit>::new(config, RootsInit { list: None }).unwrap();
        isolate.enter(|h| {
            let view = h.jit();
            let (template, most, top) = (view.template::<Array>(), view.window_object_max_bytes, view.window_top);
            for bytes in [most, most + 8] {
                let length = (bytes - template.bytes) / 8;
                let header = template.header | (length as u64) << 32;
                // SAFETY: JIT-VIEW, 1: the header is the template's with the length that `bytes` is made of, nothing is
                // held across the call, and the prefix is initialized right away.
                let (payload, in_window) = unsafe {
                    let payload = slow_allocate(h, header, bytes).expect("there is room");
                    payload.write(length as u64);
                    (payload, payload.expose_provenance() + bytes - 8 == *top)
                };
                assert_eq!(in_window, bytes <= most);
                // SAFETY: SLOT-TYPED: the address of an initialized `Array`.
                let array = unsafe { Gc::<Array>::from_word(payload.expose_provenance() as u64) };
                array.tail_set(h, length - 1, Value::int(5));
                let _ = array.identity_hash(h);
                h.push(array.into()).unwrap();
                for _ in 0..3 {
                    h.collect_minor();
                }
                let array = h.pop().cast::<Array>().unwrap();
                assert_eq!((array.id(), array.tail_get(length - 1)), (length as u64, Value::int(5)));
            }
        });
    }

    #[test]
    fn objects_with_weak_slots_come_from_the_slow_path_and_are_listed() {
        isolate().enter(|h| {
            let template = h.jit().template::<Watcher>();
            assert!(template.pinned, "not from the window");
            // SAFETY: JIT-VIEW, 1: nothing is held across the call; zero is a valid weak slot.
            let payload = unsafe { slow_allocate(h, template.header, template.bytes) }.expect("there is room");
            // SAFETY: SLOT-TYPED: the address of an initialized `Watcher`.
            let watcher = unsafe { Gc::<Watcher>::from_word(payload.expose_provenance() as u64) };
            let cons = h.alloc::<Cons>(ConsInit {
                head: Value::int(1),
                rest: None,
            });
            watcher.set_cons(h, Some(cons));
            h.push(watcher.into()).unwrap();
            h.collect();
            let watcher = h.pop().cast::<Watcher>().unwrap();
            assert!(watcher.cons().is_cleared());
        });
    }

    #[test]
    fn templates_and_addresses_are_those_of_the_heap() {
        isolate().enter(|h| {
            let template = h.jit().template::<Array>();
            assert_eq!(
                (
                    template.bytes,
                    template.tail_offset_bytes,
                    template.kind_id,
                    template.pinned
                ),
                (16, 8, 2, false)
            );
            let (h, array) = h.alloc_tail_zeroed_with::<Array>(3, |_| ArrayInit { id: 7 });
            // SAFETY: OBJ-HEADER: the word before the payload.
            assert_eq!(unsafe { *array.payload().sub(1) }, template.header | 3 << 32);
            let view = h.jit();
            h.push(Value::int(5)).unwrap();
            // SAFETY: ROOT-EXACT: the words are those of the operand stack and the register window, which hold what was stored.
            unsafe {
                assert_eq!(*(*view.operand_top).sub(1), 11);
                h.regs()[2].set(Value::int(6));
                assert_eq!(*(*view.frame).add(2), 13);
                assert!(*view.window_top > array.payload() as usize && *view.window_limit <= *view.window_hard);
            }
        });
    }
}
