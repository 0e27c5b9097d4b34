//! Numbers as bits and bytes, and what operations answer.

use tenure_resource::buffer::{BufferError, Clamped, DetachedBy, ElementType, Endian, Scalar, ViewError};
use tenure_resource::linear_memory::MemoryError;

/// Calls `$body` with the Rust type of an element type.
macro_rules! typed {
    ($element_type:expr, $type:ident => $body:expr) => {
        match $element_type {
            ElementType::I8 => {
                type $type = i8;
                $body
            }
            ElementType::U8 => {
                type $type = u8;
                $body
            }
            ElementType::U8Clamped => {
                type $type = tenure_resource::buffer::Clamped;
                $body
            }
            ElementType::I16 => {
                type $type = i16;
                $body
            }
            ElementType::U16 => {
                type $type = u16;
                $body
            }
            ElementType::I32 => {
                type $type = i32;
                $body
            }
            ElementType::U32 => {
                type $type = u32;
                $body
            }
            ElementType::I64 => {
                type $type = i64;
                $body
            }
            ElementType::U64 => {
                type $type = u64;
                $body
            }
            ElementType::F32 => {
                type $type = f32;
                $body
            }
            ElementType::F64 => {
                type $type = f64;
                $body
            }
            other => panic!("a type that the model does not know: {other}"),
        }
    };
}
pub(super) use typed;

/// The scalar with the low bits of `bits`.
pub(super) fn scalar(element_type: ElementType, bits: u64) -> Scalar {
    match element_type {
        ElementType::U8Clamped => Scalar::U8Clamped(Clamped(bits as u8)),
        ElementType::F32 => Scalar::F32(f32::from_bits(bits as u32)),
        ElementType::F64 => Scalar::F64(f64::from_bits(bits)),
        _ => Scalar::from_i64(element_type, bits as i64),
    }
}

/// The bits of a scalar, as the number that its bytes are.
pub(super) fn bits(scalar: Scalar) -> u64 {
    match scalar {
        Scalar::F32(value) => value.to_bits().into(),
        Scalar::F64(value) => value.to_bits(),
        integer => {
            let mask = u64::MAX >> (64 - 8 * integer.element_type().size_bytes());
            integer.to_i128().expect("an integer") as u64 & mask
        }
    }
}

pub(super) fn from_bytes(bytes: &[u8], order: Endian) -> u64 {
    let mut bytes = bytes.to_vec();
    if order == Endian::Big {
        bytes.reverse();
    }
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub(super) fn to_bytes(bits: u64, size: usize, order: Endian) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..size).map(|i| (bits >> (8 * i)) as u8).collect();
    if order == Endian::Big {
        bytes.reverse();
    }
    bytes
}

/// What an operation answers, reduced to what the model can say too.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Done,
    Bits(u64),
    Bytes(Vec<u8>),
    Count(u64),
    Detached {
        by: DetachedBy,
        at: u64,
        made_at: Option<u64>,
    },
    OutOfBounds {
        made_at: Option<u64>,
    },
    Misaligned,
    WrongType,
    Range,
    NotResizable,
    BeyondMaximum,
    NoMemory,
}
use Answer::{BeyondMaximum, Detached, Misaligned, NoMemory, NotResizable, OutOfBounds, Range, WrongType};

pub(super) fn of_view_error(error: ViewError) -> Answer {
    assert!(!error.to_string().is_empty());
    match error {
        ViewError::Detached { view, detachment } => Detached {
            by: detachment.by,
            at: detachment.origin.at,
            made_at: view.map(|origin| origin.at),
        },
        ViewError::OutOfBounds { view, .. } => OutOfBounds {
            made_at: view.map(|origin| origin.at),
        },
        ViewError::Misaligned { .. } => Misaligned,
        ViewError::ElementType { .. } => WrongType,
        ViewError::Range(_) => Range,
        other => panic!("{other:?}"),
    }
}

pub(super) fn of_buffer_error(error: BufferError) -> Answer {
    assert!(!error.to_string().is_empty());
    match error {
        BufferError::Detached(detachment) => Detached {
            by: detachment.by,
            at: detachment.origin.at,
            made_at: None,
        },
        BufferError::NotResizable { .. } => NotResizable,
        BufferError::BeyondMaximum { .. } => BeyondMaximum,
        BufferError::Range(_) => Range,
        BufferError::View(error) => of_view_error(error),
        BufferError::NoMemory(_) => NoMemory,
        other => panic!("{other:?}"),
    }
}

pub(super) fn of_memory_error(error: MemoryError) -> Answer {
    assert!(!error.to_string().is_empty());
    match error {
        MemoryError::BeyondMaximum { .. } => BeyondMaximum,
        MemoryError::Freed(detachment) => Detached {
            by: detachment.by,
            at: detachment.origin.at,
            made_at: None,
        },
        MemoryError::NoMemory(_) => NoMemory,
        other => panic!("{other:?}"),
    }
}

pub(super) fn answer<T, E>(
    result: Result<T, E>,
    ok: impl FnOnce(T) -> Answer,
    refused: impl FnOnce(E) -> Answer,
) -> Answer {
    match result {
        Ok(value) => ok(value),
        Err(error) => refused(error),
    }
}
