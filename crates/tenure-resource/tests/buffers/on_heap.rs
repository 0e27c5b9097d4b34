//! Buffers as natives of objects: what they count as, when they die, what the lint says.

use tenure::prelude::*;
use tenure_resource::buffer::{
    ArrayBuffer, BufferHeap, ByteAccess, ByteView, ElementType, Endian, Scalar, TypedAccess, ViewLint,
};
use tenure_resource::linear_memory::{LinearMemory, PAGE_BYTES};

use crate::vm::*;

const MIB: usize = 1 << 20;

fn external_bytes(h: &Heap<Vm>) -> usize {
    h.statistics().sizes.external_bytes
}

fn set_buffer(h: &Heap<Vm>, len_bytes: usize) {
    let bytes = ArrayBuffer::resizable(len_bytes, 64 * MIB).expect("memory");
    h.roots().buffer.set(Some(own_buffer(h, bytes)));
}

fn bytes(h: &Heap<Vm>) -> &Native<Vm, ArrayBuffer> {
    h.roots().buffer.get().expect("set before").bytes()
}

#[test]
fn bytes_count_while_they_are_held() {
    isolate().enter(|h| {
        set_buffer(h, MIB);
        assert_eq!(external_bytes(h), MIB);
        h.change_buffer(bytes, |buffer| buffer.resize(3 * MIB, 0))
            .expect("within the maximum");
        assert_eq!(external_bytes(h), 3 * MIB);
        h.change_buffer(bytes, |buffer| buffer.resize(10, 0))
            .expect("within the maximum");
        assert_eq!(external_bytes(h), 10);
        set_memory(h, LinearMemory::new(2, None).expect("memory"));
        grow(h, 3);
        h.collect();
        assert_eq!(external_bytes(h), 10 + 5 * PAGE_BYTES);
        let moved = h
            .change_buffer(bytes, |buffer| buffer.transfer(Some(100), 0))
            .expect("attached");
        assert_eq!((external_bytes(h), moved.len_bytes()), (5 * PAGE_BYTES, 100));
        h.roots().memory.set(None);
        h.collect();
        assert_eq!(external_bytes(h), 0);
        h.verify().expect("a sound heap");
    });
}

/// Lets the program allocate until nothing is left to release, and returns the most that came back between two
/// allocations.
fn largest_piece(h: &mut Heap<Vm>, until_bytes: usize) -> usize {
    let (mut before, mut largest) = (external_bytes(h), 0);
    for _ in 0..50_000_000 {
        h.alloc_tail_zeroed_with::<Views>(4, |_| ViewsInit {});
        let now = external_bytes(h);
        largest = largest.max(before.saturating_sub(now));
        before = now;
        if now <= until_bytes {
            return largest;
        }
    }
    panic!("{before} bytes are never released");
}

#[test]
fn what_a_free_leaves_comes_back_in_pieces() {
    isolate().enter(|h| {
        set_buffer(h, 40 * MIB);
        h.change_buffer(bytes, |buffer| buffer.free(0)).expect("attached");
        // The operation itself gives 4 MiB back.
        assert_eq!(external_bytes(h), 36 * MIB);
        let largest = largest_piece(h, 0);
        assert!(largest <= 8 * MIB, "{largest} bytes at once");
        assert!(bytes(h).get(h).detached().is_some());
    });
}

#[test]
fn what_a_dead_object_leaves_comes_back_in_pieces() {
    isolate().enter(|h| {
        set_buffer(h, 40 * MIB);
        h.roots().buffer.set(None);
        h.start_marking();
        let largest = largest_piece(h, 0);
        assert!(largest <= 8 * MIB, "{largest} bytes at once");
    });
}

#[test]
fn an_isolate_ends_with_buffers_in_use_and_in_pieces() {
    let mut isolate = isolate();
    isolate.enter(|h| {
        set_buffer(h, 20 * MIB);
        h.change_buffer(bytes, |buffer| buffer.free(0)).expect("attached");
        set_buffer(h, 20 * MIB);
        set_memory(h, LinearMemory::new(10, None).expect("memory"));
    });
    drop(isolate);
}

#[test]
fn a_region_allocates_while_elements_are_borrowed() {
    isolate().enter(|h| {
        set_buffer(h, 8000);
        let h = &*h;
        let buffer = h.roots().buffer.get().expect("just set");
        let view = typed(h, buffer, ElementType::F64, 0, None).expect("aligned");
        let elements = view.elements::<f64>(h).expect("attached");
        for i in 0..elements.len() {
            // More than a nursery of objects, in one region.
            let copy = typed(h, buffer, ElementType::F64, 0, Some(i)).expect("within");
            assert_eq!(copy.element_count(h), Ok(i));
            assert!(elements.set(i, i as f64));
        }
        assert_eq!(view.element::<f64>(h, 999), Ok(999.0));
        view.set_scalar(h, 1, Scalar::F64(-0.5)).expect("its type");
        assert_eq!(view.scalar(h, 1), Ok(Scalar::F64(-0.5)));
        view.set_element(h, 0, 7.0).expect("there is one");
        assert_eq!(view.view_bytes(h).map(<[_]>::len), Ok(8000));

        let data = ByteView::new(buffer.bytes().get(h), 1, None, 0).expect("within");
        let data = h.alloc::<Data>(DataInit { buffer, view: data });
        data.set_number::<u32>(h, 2, 0xdead_beef, Endian::Big).expect("within");
        assert_eq!(data.number::<u16>(h, 3, Endian::Little), Ok(0xbead));
        assert_eq!(data.byte_count(h), Ok(7999));
        assert_eq!(ByteAccess::view_bytes(data, h).map(|bytes| bytes[2].get()), Ok(0xde));
    });
}

#[test]
fn the_lint_names_what_is_alive_and_nothing_else() {
    isolate().enter(|h| {
        set_memory(h, LinearMemory::new(1, None).expect("memory"));
        let mut lint = ViewLint::<Typed>::new();
        let mut globals = Vec::new();
        for i in 0..1000 {
            let h = &*h;
            let view = typed(h, memory_buffer(h).expect("not freed"), ElementType::I32, 4 * i, None).expect("aligned");
            lint.watch(h, view);
            if i % 100 == 7 {
                globals.push(h.global::<Ref<Typed>>(view));
            }
        }
        h.collect();
        assert_eq!(lint.kept(h), [], "nothing was detached yet");
        let line = line!() + 1;
        grow(h, 1);
        globals.truncate(7);
        h.collect();
        let kept = lint.kept(h);
        assert_eq!(kept.len(), 7);
        for (i, kept) in kept.iter().enumerate() {
            assert_eq!(
                (kept.offset_bytes, kept.element_type),
                (400 * i + 28, Some(ElementType::I32))
            );
            let text = kept.to_string();
            assert!(
                text.contains("the view of i32 from byte") && text.contains("from 1 to 2 pages"),
                "{text}"
            );
            assert_eq!(
                (kept.detachment.origin.place.file(), kept.detachment.origin.place.line()),
                (file!(), line)
            );
        }
        assert_eq!(globals[0].get(h).view().origin(), kept[0].origin);
        globals.clear();
        h.collect();
        assert_eq!(lint.kept(h), []);
    });
}

#[test]
fn a_change_that_panics_leaves_the_buffer_and_its_count() {
    isolate().enter(|h| {
        set_buffer(h, MIB);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            h.change_buffer(bytes, |buffer| {
                buffer.resize(2 * MIB, 0).expect("within the maximum");
                panic!("in the middle");
            })
        }));
        assert!(caught.is_err());
        assert_eq!(bytes(h).get(h).len_bytes(), 2 * MIB);
        h.change_buffer(bytes, |_| ());
        assert_eq!(external_bytes(h), 2 * MIB, "the next change counts again");
    });
}

/// A program that makes a buffer per turn and drops it at once holds a bounded number of them: what is dead is released
/// as fast as more is taken in, and waiting for that hides no growth from the triggers.
#[test]
fn garbage_buffers_do_not_pile_up() {
    isolate().enter(|h| {
        let mut most = [0, 0];
        for turn in 0..800 {
            let bytes = ArrayBuffer::new(16 * MIB).expect("memory");
            h.alloc_with::<Buffer>(|h| BufferInit {
                bytes: h.adopt_buffer(bytes),
                memory: None,
                era: None,
            });
            let half = &mut most[turn / 400];
            *half = external_bytes(h).max(*half);
        }
        assert!(most[0] <= 1024 * MIB, "{} MiB at once", most[0] / MIB);
        assert!(
            most[1] <= most[0] + 64 * MIB,
            "{} MiB, and later {}",
            most[0] / MIB,
            most[1] / MIB
        );
    });
}
