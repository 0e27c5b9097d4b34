//! What a program does that wants to see bytes that are not its own, or to bring the process down.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tenure::NativeResource;
use tenure_resource::buffer::{
    ArrayBuffer, BufferError, ByteView, DetachedBy, ElementType, Elements, Endian, View, ViewError,
};
use tenure_resource::linear_memory::{LinearMemory, MAX_PAGES, MemoryError, PAGE_BYTES};

#[test]
fn no_stale_byte_is_seen_after_any_way_to_lose_it() {
    let ways: [fn(&mut ArrayBuffer) -> Option<ArrayBuffer>; 4] = [
        |buffer| buffer.transfer(None, 7).ok(),
        |buffer| buffer.transfer_to_fixed(Some(3), 7).ok(),
        |buffer| {
            buffer.detach(7).expect("attached");
            None
        },
        |buffer| {
            buffer.free(7).expect("attached");
            None
        },
    ];
    for way in ways {
        let mut buffer = ArrayBuffer::resizable(64, 128).expect("64 bytes");
        buffer.bytes_mut().expect("attached").fill(0xaa);
        let fixed = View::new(&buffer, ElementType::U32, 0, Some(4), 1).expect("within");
        let empty = View::new(&buffer, ElementType::U8, 64, Some(0), 1).expect("at the end");
        let tracking = ByteView::new(&buffer, 0, None, 1).expect("within");
        let taken = way(&mut buffer);
        for error in [
            fixed.get::<u32>(&buffer, 0).expect_err("no bytes"),
            fixed.set::<u32>(&buffer, 0, 1).expect_err("no bytes"),
            fixed.elements::<u32>(&buffer).expect_err("no bytes"),
            empty.len(&buffer).expect_err("no bytes, although it had none"),
            tracking.get::<u8>(&buffer, 0, Endian::Big).expect_err("no bytes"),
            View::new(&buffer, ElementType::U8, 0, Some(0), 1).expect_err("no bytes"),
            ByteView::new(&buffer, 0, None, 1).expect_err("no bytes"),
        ] {
            let detachment = error.detachment().expect("detached");
            assert_eq!((detachment.origin.at, detachment.origin.place.file()), (7, file!()));
        }
        // None of these brings the bytes back.
        assert!(matches!(buffer.resize(64, 8), Err(BufferError::Detached(_))));
        assert!(matches!(buffer.transfer(None, 8), Err(BufferError::Detached(_))));
        assert!(matches!(buffer.slice(0..0), Err(BufferError::Detached(_))));
        assert!(buffer.detach(8).is_err() && buffer.free(8).is_err() && buffer.bytes_mut().is_err());
        assert_eq!((buffer.len_bytes(), buffer.max_bytes()), (0, 0));
        assert_eq!(
            buffer.detached().map(|detachment| detachment.origin.at),
            Some(7),
            "the first time counts"
        );
        if let Some(taken) = taken {
            // The views belong to the buffer that they were made for, by number of its era; but the bytes are there.
            assert!(taken.into_vec().iter().all(|&byte| byte == 0xaa));
        }
    }
}

#[test]
fn regrown_bytes_are_zero() {
    for peak in [100, 70_000, 9 << 20] {
        let mut buffer = ArrayBuffer::resizable(peak, 2 * peak).expect("memory");
        buffer.bytes_mut().expect("attached").fill(0xff);
        for len in [0, 3, peak / 2, 5, peak - 1, 2 * peak, 17, peak] {
            let before = buffer.len_bytes();
            buffer.resize(len, 0).expect("within the maximum");
            let bytes = buffer.bytes_mut().expect("attached");
            assert!(bytes.iter().skip(before).all(|&byte| byte == 0), "{before} to {len}");
            bytes.fill(0xff);
        }
        let mut moved = buffer.transfer(Some(2 * peak), 0).expect("within the maximum");
        assert_eq!(
            moved
                .bytes_mut()
                .expect("attached")
                .iter()
                .filter(|&&byte| byte == 0)
                .count(),
            peak
        );
    }
}

#[test]
fn each_growth_detaches_also_one_by_nothing_and_one_that_moves_nothing() {
    let mut memory = LinearMemory::new(0, Some(3)).expect("no page");
    for (pages, from, to) in [(0, 0, 0), (1, 0, 1), (0, 1, 1), (2, 1, 3)] {
        let buffer = memory.buffer(1).expect("not freed");
        let view = buffer.view(&memory, ElementType::U8, 0, None, 1).expect("within");
        assert_eq!(memory.grow(pages, 2), Ok(from));
        let error = view.len(&memory).expect_err("detached");
        assert_eq!(
            error.detachment().map(|d| d.by),
            Some(DetachedBy::Growth {
                from_pages: from,
                to_pages: to
            })
        );
        assert!(buffer.bytes(&memory).is_err() && buffer.slice(&memory, ..).is_err());
        // A buffer of an ended era makes no views, even if the offsets would fit.
        assert!(
            buffer
                .view(&memory, ElementType::U8, 0, Some(0), 3)
                .expect_err("detached")
                .is_detached()
        );
        assert!(buffer.byte_view(&memory, 0, None, 3).is_err());
    }
    let view = View::new(&memory, ElementType::U8, 0, None, 1).expect("within");
    for pages in [1, MAX_PAGES, u64::MAX] {
        assert!(matches!(
            memory.grow(pages, 4),
            Err(MemoryError::BeyondMaximum { max_pages: 3, .. })
        ));
    }
    assert_eq!(
        view.len(&memory),
        Ok(3 * PAGE_BYTES),
        "a growth that fails detaches nothing"
    );
    memory.free(5).expect("not freed");
    assert!(matches!(memory.grow(0, 6), Err(MemoryError::Freed(_))));
    assert!(memory.buffer(6).is_err() && memory.free(6).is_err() && memory.load::<u8>(0).is_err());
    assert!(
        memory
            .load::<u8>(0)
            .expect_err("freed")
            .to_string()
            .contains("freed at")
    );
}

#[test]
fn limits_of_a_memory_are_refused_before_memory_is_asked_for() {
    for (pages, max) in [
        (1, Some(0)),
        (0, Some(MAX_PAGES + 1)),
        (MAX_PAGES + 1, None),
        (u64::MAX, Some(u64::MAX)),
    ] {
        assert!(matches!(
            LinearMemory::new(pages, max),
            Err(MemoryError::BeyondMaximum { .. })
        ));
    }
    let memory = LinearMemory::new(1, None).expect("a page");
    for address in [65_533, 65_536, 1 << 32, u64::MAX - 3, u64::MAX] {
        assert!(memory.load::<u32>(address).is_err() && memory.store::<u32>(address, 1).is_err());
    }
    assert!(memory.fill(1, 0xff, PAGE_BYTES as u64).is_err());
    assert!(memory.copy(0, 1, PAGE_BYTES as u64).is_err() && memory.copy(1, 0, u64::MAX).is_err());
    assert_eq!(memory.load::<u64>(65_528), Ok(0), "what was refused wrote nothing");
    assert!(memory.fill(65_536, 1, 0).is_ok() && memory.fill(65_537, 1, 0).is_err());
}

#[test]
fn the_growth_is_told_for_256_eras_and_bounded_before() {
    let mut memory = LinearMemory::new(1, None).expect("a page");
    let views: Vec<View> = (0..300)
        .map(|i| {
            let view = View::new(&memory, ElementType::U8, 0, None, i).expect("within");
            memory.grow(u64::from(i < 3), 1000 + i).expect("a page");
            view
        })
        .collect();
    for (i, view) in views.iter().enumerate() {
        let error = view.get::<u8>(&memory, 0).expect_err("detached");
        let detachment = *error.detachment().expect("detached");
        if i < 300 - 256 {
            assert_eq!(
                (detachment.by, detachment.origin.at),
                (DetachedBy::EarlierGrowth { to_pages: 4 }, 1044)
            );
            assert!(
                error.to_string().contains("to 4 pages or fewer, before the one at"),
                "{error}"
            );
        } else {
            assert_eq!(detachment.origin.at, 1000 + i as u64);
        }
    }
}

#[test]
fn a_view_used_with_another_buffer_stays_within_it() {
    let (long, short) = (
        ArrayBuffer::new(100).expect("memory"),
        ArrayBuffer::new(10).expect("memory"),
    );
    let memory = LinearMemory::new(1, None).expect("a page");
    let view = View::new(&long, ElementType::U16, 4, Some(40), 0).expect("within");
    assert!(matches!(
        view.get::<u16>(&short, 0),
        Err(ViewError::OutOfBounds { buffer_bytes: 10, .. })
    ));
    assert_eq!(view.get::<u16>(&memory, 39), Ok(0));
    assert!(view.get::<u16>(&memory, 40).is_err());
    let mut grown = memory;
    grown.grow(1, 0).expect("a page");
    assert!(view.get::<u16>(&grown, 0).expect_err("of another era").is_detached());
    // A view of a later era than the buffer ever had.
    let late = View::new(&grown, ElementType::U8, 0, None, 0).expect("within");
    assert!(late.get::<u8>(&long, 0).is_err());
    assert!(
        !late
            .get::<u8>(&long, 0)
            .expect_err("not its era")
            .to_string()
            .is_empty()
    );
}

#[test]
fn exchanged_buffers_show_their_own_bytes_only() {
    let mut one = ArrayBuffer::from_vec(vec![1; 8]);
    let mut two = ArrayBuffer::from_vec(vec![2; 4]);
    let view = View::new(&one, ElementType::U8, 0, Some(8), 0).expect("within");
    std::mem::swap(&mut one, &mut two);
    assert!(view.get::<u8>(&one, 0).is_err(), "the other buffer is shorter");
    assert_eq!(view.get::<u8>(&two, 7), Ok(1));
}

#[test]
fn extreme_offsets_and_lengths_are_errors() {
    let buffer = ArrayBuffer::new(16).expect("memory");
    for offset in [17, 24, isize::MAX as usize - 7, usize::MAX - 7, usize::MAX] {
        for len in [None, Some(0), Some(1), Some(usize::MAX)] {
            assert!(View::new(&buffer, ElementType::U8, offset, len, 0).is_err());
            assert!(ByteView::new(&buffer, offset, len, 0).is_err());
        }
    }
    for element_type in ElementType::ALL {
        let size = element_type.size_bytes();
        for len in [
            usize::MAX,
            usize::MAX / size,
            (usize::MAX / size).saturating_add(1),
            1 << 61,
            (1 << 61) + 1,
            16 / size + 1,
        ] {
            assert!(
                View::new(&buffer, element_type, 0, Some(len), 0).is_err(),
                "{len} of {element_type}"
            );
        }
        assert!(View::new(&buffer, element_type, 16, None, 0).is_ok());
        if size > 1 {
            let error = View::new(&buffer, element_type, 1, None, 0).expect_err("misaligned");
            assert!(error.to_string().contains(&format!("multiple of {size}")), "{error}");
        }
    }
    let view = ByteView::new(&buffer, 9, None, 0).expect("within");
    for index in [0, 1, 7, usize::MAX - 7, usize::MAX] {
        assert!(view.get::<f64>(&buffer, index, Endian::Little).is_err());
    }
    assert!(matches!(
        ArrayBuffer::resizable(0, usize::MAX)
            .expect("nothing")
            .resize(usize::MAX, 0),
        Err(BufferError::NoMemory(_))
    ));
}

#[test]
fn views_of_the_same_bytes_see_each_other_at_once() {
    let buffer = ArrayBuffer::new(8).expect("memory");
    let words = View::new(&buffer, ElementType::U16, 0, None, 0).expect("within");
    let (all, shifted) = (
        words.elements::<u16>(&buffer).expect("attached"),
        Elements::<u8>::new(&buffer.bytes().expect("attached")[1..]),
    );
    for (i, word) in all.iter().enumerate() {
        assert!(all.set(i, word.wrapping_add(0x0101)));
        assert_eq!(shifted.get(2 * i), Some(1));
    }
    // A loop over elements that writes what it is about to read.
    for (i, byte) in shifted.iter().enumerate() {
        shifted.set(i + 1, byte.wrapping_mul(2));
    }
    assert_eq!(shifted.to_vec(), [1, 2, 4, 8, 16, 32, 64]);
}

#[test]
fn a_dead_buffer_that_is_looked_at_has_no_bytes() {
    let mut buffer = ArrayBuffer::new(1 << 20).expect("memory");
    let view = View::new(&buffer, ElementType::U8, 0, None, 0).expect("within");
    assert!(!buffer.release_some(100 << 10));
    assert!(view.get::<u8>(&buffer, 0).expect_err("freed").is_detached());
    while !buffer.release_some(100 << 10) {}
    assert!(buffer.release_some(0) && buffer.held_bytes() == 0);
}

#[test]
fn a_panic_in_a_loop_leaves_the_buffer_usable() {
    let buffer = ArrayBuffer::new(8).expect("memory");
    let view = View::new(&buffer, ElementType::U8, 0, None, 0).expect("within");
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let elements = view.elements::<u8>(&buffer).expect("attached");
        elements.set(0, 1);
        panic!("the native function of an embedder");
    }));
    assert!(caught.is_err());
    assert_eq!(view.get::<u8>(&buffer, 0), Ok(1));
}
