//! Operations of a program, and how they are drawn.

use proptest::prelude::*;
use tenure_resource::buffer::{ElementType, Endian};
use tenure_resource::linear_memory::PAGE_BYTES;

use super::IMPOSSIBLE_BYTES;

#[derive(Debug, Clone)]
pub(super) enum Op {
    NewBuffer {
        len: usize,
    },
    NewResizable {
        len: usize,
        max: usize,
    },
    NewMemory {
        pages: u64,
        max: Option<u64>,
    },
    FromVec {
        bytes: Vec<u8>,
    },
    NewView {
        store: usize,
        element_type: ElementType,
        offset: usize,
        len: Option<usize>,
    },
    NewByteView {
        store: usize,
        offset: usize,
        len: Option<usize>,
    },
    Subview {
        view: usize,
        start: usize,
        end: Option<usize>,
    },
    Get {
        view: usize,
        index: usize,
    },
    Set {
        view: usize,
        index: usize,
        bits: u64,
    },
    GetAll {
        view: usize,
    },
    FillAll {
        view: usize,
        bits: u64,
    },
    CopyWithin {
        view: usize,
        start: usize,
        end: usize,
        at: usize,
    },
    CopyBetween {
        to: usize,
        from: usize,
    },
    GetNumber {
        view: usize,
        element_type: ElementType,
        index: usize,
        order: Endian,
    },
    SetNumber {
        view: usize,
        element_type: ElementType,
        index: usize,
        order: Endian,
        bits: u64,
    },
    SliceView {
        view: usize,
    },
    Slice {
        store: usize,
        start: usize,
        end: usize,
    },
    Resize {
        store: usize,
        len: usize,
    },
    Transfer {
        store: usize,
        len: Option<usize>,
        to_fixed: bool,
    },
    Detach {
        store: usize,
    },
    Free {
        store: usize,
    },
    Grow {
        store: usize,
        pages: u64,
    },
    Load {
        store: usize,
        element_type: ElementType,
        address: u64,
    },
    Store {
        store: usize,
        element_type: ElementType,
        address: u64,
        bits: u64,
    },
    Copy {
        store: usize,
        to: u64,
        from: u64,
        len: u64,
    },
    Fill {
        store: usize,
        at: u64,
        len: u64,
        value: u8,
    },
    WriteAll {
        store: usize,
        value: u8,
    },
    Release {
        store: usize,
        budget: usize,
    },
}

/// Lengths and offsets: mostly small, sometimes at the limits of what numbers hold.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        12 => 0_usize..40,
        2 => 0_usize..300,
        1 => (0_usize..3, 0_usize..20).prop_map(|(pages, more)| pages * PAGE_BYTES + more),
        1 => (0_usize..9).prop_map(|less| usize::MAX - less),
        1 => (0_usize..9).prop_map(|less| isize::MAX as usize - less),
        1 => (0_usize..9).prop_map(|more| (1_usize << 32) - 4 + more),
        1 => (0_usize..9).prop_map(|less| usize::MAX / 8 - 4 + less),
    ]
}

/// Lengths to which a buffer may come: small, or beyond everything.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        12 => 0_usize..300,
        2 => 60_000_usize..200_000,
        1 => Just(IMPOSSIBLE_BYTES),
        1 => (0_usize..3).prop_map(|less| usize::MAX - less),
    ]
}

fn address() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 0_u64..64,
        4 => (0_u64..4, 0_u64..20).prop_map(|(pages, more)| (pages * PAGE_BYTES as u64 + more).saturating_sub(10)),
        1 => (0_u64..9).prop_map(|less| u64::MAX - less),
        1 => (0_u64..9).prop_map(|more| (1_u64 << 32) - 4 + more),
    ]
}

fn pages() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..3, 1 => 65_530_u64..65_540, 1 => Just(u64::MAX), 1 => Just(1 << 32)]
}

fn element_type() -> impl Strategy<Value = ElementType> {
    prop::sample::select(ElementType::ALL.to_vec())
}

fn order() -> impl Strategy<Value = Endian> {
    prop_oneof![Just(Endian::Little), Just(Endian::Big)]
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let some = 0_usize..16;
    let len = || prop::option::weighted(0.6, size());
    prop_oneof![
        2 => length().prop_map(|len| Op::NewBuffer { len }),
        3 => (length(), length()).prop_map(|(len, max)| Op::NewResizable { len, max }),
        2 => (pages(), prop::option::of(pages())).prop_map(|(pages, max)| Op::NewMemory { pages, max }),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Op::FromVec { bytes }),
        10 => (some.clone(), element_type(), size(), len()).prop_map(|(store, element_type, offset, len)| {
            // Most offsets are made right, or there would be few views.
            let offset = if offset % 3 == 0 { offset } else { offset - offset % element_type.size_bytes() };
            Op::NewView { store, element_type, offset, len }
        }),
        4 => (some.clone(), size(), len()).prop_map(|(store, offset, len)| Op::NewByteView { store, offset, len }),
        3 => (some.clone(), size(), len()).prop_map(|(view, start, end)| Op::Subview { view, start, end }),
        8 => (some.clone(), size()).prop_map(|(view, index)| Op::Get { view, index }),
        12 => (some.clone(), size(), any::<u64>()).prop_map(|(view, index, bits)| Op::Set { view, index, bits }),
        4 => some.clone().prop_map(|view| Op::GetAll { view }),
        2 => (some.clone(), any::<u64>()).prop_map(|(view, bits)| Op::FillAll { view, bits }),
        3 => (some.clone(), size(), size(), size())
            .prop_map(|(view, start, end, at)| Op::CopyWithin { view, start, end, at }),
        3 => (some.clone(), some.clone()).prop_map(|(to, from)| Op::CopyBetween { to, from }),
        6 => (some.clone(), element_type(), size(), order())
            .prop_map(|(view, element_type, index, order)| Op::GetNumber { view, element_type, index, order }),
        6 => (some.clone(), element_type(), size(), order(), any::<u64>()).prop_map(
            |(view, element_type, index, order, bits)| Op::SetNumber { view, element_type, index, order, bits }
        ),
        2 => some.clone().prop_map(|view| Op::SliceView { view }),
        2 => (some.clone(), size(), size()).prop_map(|(store, start, end)| Op::Slice { store, start, end }),
        8 => (some.clone(), length()).prop_map(|(store, len)| Op::Resize { store, len }),
        2 => (some.clone(), prop::option::of(length()), any::<bool>())
            .prop_map(|(store, len, to_fixed)| Op::Transfer { store, len, to_fixed }),
        1 => some.clone().prop_map(|store| Op::Detach { store }),
        1 => some.clone().prop_map(|store| Op::Free { store }),
        5 => (some.clone(), pages()).prop_map(|(store, pages)| Op::Grow { store, pages }),
        4 => (some.clone(), element_type(), address())
            .prop_map(|(store, element_type, address)| Op::Load { store, element_type, address }),
        4 => (some.clone(), element_type(), address(), any::<u64>())
            .prop_map(|(store, element_type, address, bits)| Op::Store { store, element_type, address, bits }),
        2 => (some.clone(), address(), address(), address())
            .prop_map(|(store, to, from, len)| Op::Copy { store, to, from, len }),
        2 => (some.clone(), address(), address(), any::<u8>())
            .prop_map(|(store, at, len, value)| Op::Fill { store, at, len, value }),
        2 => (some.clone(), any::<u8>()).prop_map(|(store, value)| Op::WriteAll { store, value }),
        2 => (some, length()).prop_map(|(store, budget)| Op::Release { store, budget }),
    ]
}
