//! Element types of typed views, and how each is read from bytes that others may write.
//!
//! Bytes of a buffer are `Cell<u8>`: several views of several types see them at once. An element of N bytes is an array
//! of N such cells, and a slice of bytes is a slice of such arrays by [`slice::as_chunks`]: no transmutation is needed,
//! which no crate offers for cells. Reading gathers the bytes, which the compiler turns into one load (and a loop of
//! them into vector instructions, exactly as over a `&[T]`); storing is one store. In-memory order is the machine's, as
//! ECMAScript wants it for typed views; [`Endian`] is for byte views. There is no 16-bit float: Rust has no stable type
//! for it.

use std::cell::Cell;
use std::fmt;

/// The order of the bytes of a number in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endian {
    /// The lowest byte comes first.
    Little,
    /// The highest byte comes first.
    Big,
}

impl Endian {
    /// The order of this machine.
    pub const NATIVE: Endian = if cfg!(target_endian = "big") {
        Endian::Big
    } else {
        Endian::Little
    };
}

/// The types that an element of a typed view may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// `i8`
    I8,
    /// `u8`
    U8,
    /// [`Clamped`]: a `u8` to which numbers are brought by saturation, not by wrapping.
    U8Clamped,
    /// `i16`
    I16,
    /// `u16`
    U16,
    /// `i32`
    I32,
    /// `u32`
    U32,
    /// `i64`
    I64,
    /// `u64`
    U64,
    /// `f32`
    F32,
    /// `f64`
    F64,
}

impl ElementType {
    /// All types, in the order of their declaration.
    pub const ALL: [ElementType; 11] = [
        ElementType::I8,
        ElementType::U8,
        ElementType::U8Clamped,
        ElementType::I16,
        ElementType::U16,
        ElementType::I32,
        ElementType::U32,
        ElementType::I64,
        ElementType::U64,
        ElementType::F32,
        ElementType::F64,
    ];

    /// Returns the size of an element in bytes, which is also the alignment of a view's offset: 1, 2, 4 or 8.
    #[must_use]
    #[inline]
    pub const fn size_bytes(self) -> usize {
        match self {
            ElementType::I8 | ElementType::U8 | ElementType::U8Clamped => 1,
            ElementType::I16 | ElementType::U16 => 2,
            ElementType::I32 | ElementType::U32 | ElementType::F32 => 4,
            ElementType::I64 | ElementType::U64 | ElementType::F64 => 8,
        }
    }

    /// Returns the type's name as Rust spells it; `u8-clamped` for [`Clamped`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ElementType::I8 => "i8",
            ElementType::U8 => "u8",
            ElementType::U8Clamped => "u8-clamped",
            ElementType::I16 => "i16",
            ElementType::U16 => "u16",
            ElementType::I32 => "i32",
            ElementType::U32 => "u32",
            ElementType::I64 => "i64",
            ElementType::U64 => "u64",
            ElementType::F32 => "f32",
            ElementType::F64 => "f64",
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A byte of a pixel: numbers outside of 0..=255 become the nearest of the two, and halves go to the even neighbor.
///
/// ```
/// use tenure_resource::buffer::Clamped;
///
/// assert_eq!(Clamped::from_f64(300.0), Clamped(255));
/// assert_eq!(Clamped::from_f64(0.5), Clamped(0));
/// assert_eq!(Clamped::from_f64(1.5), Clamped(2));
/// assert_eq!(Clamped::from_f64(f64::NAN), Clamped(0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Clamped(pub u8);

impl Clamped {
    /// Converts as ECMAScript's `ToUint8Clamp` does.
    #[must_use]
    #[inline]
    pub fn from_f64(number: f64) -> Clamped {
        // `as` saturates, and takes NaN to 0.
        Clamped(number.round_ties_even() as u8)
    }

    /// Converts an integer.
    #[must_use]
    #[inline]
    pub fn from_i64(number: i64) -> Clamped {
        Clamped(number.clamp(0, 255) as u8)
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A type of elements that lie in a buffer. Implemented for the eleven types of [`ElementType`] and no others.
pub trait Element: Copy + PartialEq + fmt::Debug + sealed::Sealed + 'static {
    /// The type as a value.
    const TYPE: ElementType;
    /// As many cells as an element has bytes.
    type Cells: fmt::Debug + 'static;

    /// Sees `bytes` as elements; up to 7 bytes at the end that make no whole element are left out. Free of cost.
    fn split(bytes: &[Cell<u8>]) -> &[Self::Cells];
    /// Sees elements as bytes. Free of cost.
    fn join(cells: &[Self::Cells]) -> &[Cell<u8>];
    /// Reads an element in the machine's order. One load.
    fn load(cells: &Self::Cells) -> Self;
    /// Stores an element in the machine's order. One store.
    fn store(cells: &Self::Cells, value: Self);
    /// Reads an element in the given order.
    fn load_in(cells: &Self::Cells, order: Endian) -> Self;
    /// Stores an element in the given order.
    fn store_in(cells: &Self::Cells, value: Self, order: Endian);
    /// Returns the element as a [`Scalar`].
    fn to_scalar(self) -> Scalar;
    /// Takes the element out of a scalar of this very type.
    fn from_scalar(scalar: Scalar) -> Option<Self>;
}

/// An element of any type, for programs that know the type at run time only.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Scalar {
    /// `i8`
    I8(i8),
    /// `u8`
    U8(u8),
    /// [`Clamped`]
    U8Clamped(Clamped),
    /// `i16`
    I16(i16),
    /// `u16`
    U16(u16),
    /// `i32`
    I32(i32),
    /// `u32`
    U32(u32),
    /// `i64`
    I64(i64),
    /// `u64`
    U64(u64),
    /// `f32`
    F32(f32),
    /// `f64`
    F64(f64),
}

/// Calls `$body` with `$type` standing for the Rust type of an element type known at run time.
macro_rules! with_element_type {
    ($value:expr, $type:ident => $body:expr) => {
        with_element_type!(@match $value, $type => $body;
            I8 i8, U8 u8, U8Clamped $crate::buffer::Clamped, I16 i16, U16 u16, I32 i32, U32 u32, I64 i64, U64 u64,
            F32 f32, F64 f64)
    };
    (@match $value:expr, $type:ident => $body:expr; $($variant:ident $actual:ty),*) => {
        match $value {
            $($crate::buffer::ElementType::$variant => { type $type = $actual; $body })*
        }
    };
}
pub(crate) use with_element_type;

macro_rules! elements {
    ($($type:ty, $variant:ident, $size:literal, $from:expr, $to:expr, $repr:ty;)*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const TYPE: ElementType = ElementType::$variant;
            type Cells = [Cell<u8>; $size];

            #[inline(always)]
            fn split(bytes: &[Cell<u8>]) -> &[Self::Cells] {
                bytes.as_chunks::<$size>().0
            }
            #[inline(always)]
            fn join(cells: &[Self::Cells]) -> &[Cell<u8>] {
                cells.as_flattened()
            }
            #[inline(always)]
            fn load(cells: &Self::Cells) -> Self {
                $from(<$repr>::from_ne_bytes(cells.each_ref().map(Cell::get)))
            }
            #[inline(always)]
            fn store(cells: &Self::Cells, value: Self) {
                for (cell, byte) in cells.iter().zip($to(value).to_ne_bytes()) {
                    cell.set(byte);
                }
            }
            #[inline(always)]
            fn load_in(cells: &Self::Cells, order: Endian) -> Self {
                let bytes = cells.each_ref().map(Cell::get);
                $from(match order {
                    Endian::Little => <$repr>::from_le_bytes(bytes),
                    Endian::Big => <$repr>::from_be_bytes(bytes),
                })
            }
            #[inline(always)]
            fn store_in(cells: &Self::Cells, value: Self, order: Endian) {
                let bytes = match order {
                    Endian::Little => $to(value).to_le_bytes(),
                    Endian::Big => $to(value).to_be_bytes(),
                };
                for (cell, byte) in cells.iter().zip(bytes) {
                    cell.set(byte);
                }
            }
            #[inline(always)]
            fn to_scalar(self) -> Scalar {
                Scalar::$variant(self)
            }
            #[inline(always)]
            fn from_scalar(scalar: Scalar) -> Option<Self> {
                match scalar {
                    Scalar::$variant(value) => Some(value),
                    _ => None,
                }
            }
        }
        impl From<$type> for Scalar {
            fn from(value: $type) -> Scalar {
                value.to_scalar()
            }
        }
    )*};
}
elements! {
    i8, I8, 1, std::convert::identity, std::convert::identity, i8;
    u8, U8, 1, std::convert::identity, std::convert::identity, u8;
    Clamped, U8Clamped, 1, Clamped, |value: Clamped| value.0, u8;
    i16, I16, 2, std::convert::identity, std::convert::identity, i16;
    u16, U16, 2, std::convert::identity, std::convert::identity, u16;
    i32, I32, 4, std::convert::identity, std::convert::identity, i32;
    u32, U32, 4, std::convert::identity, std::convert::identity, u32;
    i64, I64, 8, std::convert::identity, std::convert::identity, i64;
    u64, U64, 8, std::convert::identity, std::convert::identity, u64;
    f32, F32, 4, std::convert::identity, std::convert::identity, f32;
    f64, F64, 8, std::convert::identity, std::convert::identity, f64;
}

/// Takes an `f64` to the integers modulo 2^64: fractions are cut off, infinities and NaN are 0.
fn wrap_to_u64(number: f64) -> u64 {
    // 2^63 fits i64 exactly from below, and most numbers are small.
    if number.abs() < 9_223_372_036_854_775_808.0 {
        return number as i64 as u64;
    }
    if !number.is_finite() {
        return 0;
    }
    let magnitude = (number.abs() % 18_446_744_073_709_551_616.0) as u64;
    if number < 0.0 {
        magnitude.wrapping_neg()
    } else {
        magnitude
    }
}

impl Scalar {
    /// Converts a number to an element of the given type, as ECMAScript does when it is stored into a typed array:
    /// integers wrap (`ToInt32` and its kin), [`Clamped`] saturates, `f32` rounds. Never fails.
    ///
    /// ```
    /// use tenure_resource::buffer::{ElementType, Scalar};
    ///
    /// assert_eq!(Scalar::from_f64(ElementType::U8, -1.0), Scalar::U8(255));
    /// assert_eq!(Scalar::from_f64(ElementType::I32, 4_294_967_297.9), Scalar::I32(1));
    /// assert_eq!(Scalar::from_f64(ElementType::I8, f64::INFINITY), Scalar::I8(0));
    /// ```
    #[must_use]
    pub fn from_f64(element_type: ElementType, number: f64) -> Scalar {
        let wrapped = || wrap_to_u64(number);
        match element_type {
            ElementType::U8Clamped => Scalar::U8Clamped(Clamped::from_f64(number)),
            ElementType::F32 => Scalar::F32(number as f32),
            ElementType::F64 => Scalar::F64(number),
            _ => Scalar::from_bits(element_type, wrapped()),
        }
    }

    /// Converts an integer to an element of the given type: integers wrap, [`Clamped`] saturates, floats round.
    #[must_use]
    pub fn from_i64(element_type: ElementType, number: i64) -> Scalar {
        match element_type {
            ElementType::U8Clamped => Scalar::U8Clamped(Clamped::from_i64(number)),
            ElementType::F32 => Scalar::F32(number as f32),
            ElementType::F64 => Scalar::F64(number as f64),
            _ => Scalar::from_bits(element_type, number as u64),
        }
    }

    /// Takes the low bits of an integer for an element; floats take the integer's value.
    fn from_bits(element_type: ElementType, bits: u64) -> Scalar {
        match element_type {
            ElementType::I8 => Scalar::I8(bits as i8),
            ElementType::U8 => Scalar::U8(bits as u8),
            ElementType::U8Clamped => Scalar::U8Clamped(Clamped(bits as u8)),
            ElementType::I16 => Scalar::I16(bits as i16),
            ElementType::U16 => Scalar::U16(bits as u16),
            ElementType::I32 => Scalar::I32(bits as i32),
            ElementType::U32 => Scalar::U32(bits as u32),
            ElementType::I64 => Scalar::I64(bits as i64),
            ElementType::U64 => Scalar::U64(bits),
            ElementType::F32 => Scalar::F32(bits as f32),
            ElementType::F64 => Scalar::F64(bits as f64),
        }
    }

    /// Returns the type of the element.
    #[must_use]
    pub fn element_type(self) -> ElementType {
        match self {
            Scalar::I8(_) => ElementType::I8,
            Scalar::U8(_) => ElementType::U8,
            Scalar::U8Clamped(_) => ElementType::U8Clamped,
            Scalar::I16(_) => ElementType::I16,
            Scalar::U16(_) => ElementType::U16,
            Scalar::I32(_) => ElementType::I32,
            Scalar::U32(_) => ElementType::U32,
            Scalar::I64(_) => ElementType::I64,
            Scalar::U64(_) => ElementType::U64,
            Scalar::F32(_) => ElementType::F32,
            Scalar::F64(_) => ElementType::F64,
        }
    }

    /// Returns the number as `f64`; 64-bit integers beyond 2^53 are rounded.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::I8(value) => value.into(),
            Scalar::U8(value) => value.into(),
            Scalar::U8Clamped(value) => value.0.into(),
            Scalar::I16(value) => value.into(),
            Scalar::U16(value) => value.into(),
            Scalar::I32(value) => value.into(),
            Scalar::U32(value) => value.into(),
            Scalar::I64(value) => value as f64,
            Scalar::U64(value) => value as f64,
            Scalar::F32(value) => value.into(),
            Scalar::F64(value) => value,
        }
    }

    /// Returns the integer if the element is of an integer type.
    #[must_use]
    pub fn to_i128(self) -> Option<i128> {
        Some(match self {
            Scalar::I8(value) => value.into(),
            Scalar::U8(value) => value.into(),
            Scalar::U8Clamped(value) => value.0.into(),
            Scalar::I16(value) => value.into(),
            Scalar::U16(value) => value.into(),
            Scalar::I32(value) => value.into(),
            Scalar::U32(value) => value.into(),
            Scalar::I64(value) => value.into(),
            Scalar::U64(value) => value.into(),
            Scalar::F32(_) | Scalar::F64(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(bytes: &[u8]) -> Vec<Cell<u8>> {
        bytes.iter().copied().map(Cell::new).collect()
    }

    #[test]
    fn sizes_and_names_agree_with_the_types() {
        for element_type in ElementType::ALL {
            let (size_bytes, own) = with_element_type!(element_type, T => (size_of::<T>(), T::TYPE));
            assert_eq!(
                (element_type.size_bytes(), element_type),
                (size_bytes, own),
                "{element_type}"
            );
            assert_eq!(Scalar::from_i64(element_type, 1).element_type(), element_type);
        }
    }

    #[test]
    fn elements_are_read_in_every_order() {
        let bytes = cells(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let words = u32::split(&bytes);
        assert_eq!(words.len(), 2, "the ninth byte makes no element");
        assert_eq!(u32::load_in(&words[1], Endian::Little), 0x0807_0605);
        assert_eq!(u32::load_in(&words[1], Endian::Big), 0x0506_0708);
        assert_eq!(u32::load(&words[0]), u32::load_in(&words[0], Endian::NATIVE));
        i16::store_in(&i16::split(&bytes)[0], -2, Endian::Big);
        f64::store(&f64::split(&cells(&[0; 8]))[0], 1.0);
        assert_eq!((bytes[0].get(), bytes[1].get(), bytes[2].get()), (0xff, 0xfe, 3));
    }

    #[test]
    fn floats_keep_every_bit() {
        let bytes = cells(&[0; 8]);
        for bits in [
            0x7ff0_0000_0000_0001,
            0x7ff8_0000_dead_beef,
            0xfff0_0000_0000_0000,
            1,
            1 << 63,
        ] {
            f64::store(&f64::split(&bytes)[0], f64::from_bits(bits));
            assert_eq!(f64::load(&f64::split(&bytes)[0]).to_bits(), bits);
            assert_eq!(u64::load(&u64::split(&bytes)[0]), bits);
        }
    }

    #[test]
    fn numbers_wrap_as_in_ecmascript() {
        let two_53 = 9_007_199_254_740_992.0;
        for (number, as_i32, as_u8, as_i64) in [
            (0.0, 0, 0, 0),
            (-0.9, 0, 0, 0),
            (-1.0, -1, 255, -1),
            (256.9, 256, 0, 256),
            (2_147_483_648.0, i32::MIN, 0, 1 << 31),
            (-2_147_483_649.0, i32::MAX, 255, -(1 << 31) - 1),
            (two_53 * 4.0 + 8.0, 8, 8, (1 << 55) + 8),
            (9_223_372_036_854_775_808.0, 0, 0, i64::MIN),
            (-9_223_372_036_854_775_808.0, 0, 0, i64::MIN),
            (18_446_744_073_709_551_616.0 + 4096.0, 4096, 0, 4096),
            (-18_446_744_073_709_551_616.0 - 4096.0, -4096, 0, -4096),
            (1e300, 0, 0, 0),
            (f64::NAN, 0, 0, 0),
            (f64::NEG_INFINITY, 0, 0, 0),
        ] {
            assert_eq!(
                Scalar::from_f64(ElementType::I32, number),
                Scalar::I32(as_i32),
                "{number}"
            );
            assert_eq!(Scalar::from_f64(ElementType::U8, number), Scalar::U8(as_u8), "{number}");
            assert_eq!(
                Scalar::from_f64(ElementType::I64, number),
                Scalar::I64(as_i64),
                "{number}"
            );
        }
        assert_eq!(
            Scalar::from_i64(ElementType::U8Clamped, -3),
            Scalar::U8Clamped(Clamped(0))
        );
        assert_eq!(
            Scalar::from_i64(ElementType::F32, 16_777_217),
            Scalar::F32(16_777_216.0)
        );
        assert_eq!(Scalar::U64(u64::MAX).to_i128(), Some(u64::MAX.into()));
        assert_eq!(Scalar::F64(1.0).to_i128(), None);
    }

    #[test]
    fn clamping_rounds_halves_to_even() {
        for (number, clamped) in [
            (-0.5, 0),
            (0.4, 0),
            (0.6, 1),
            (2.5, 2),
            (3.5, 4),
            (254.5, 254),
            (255.5, 255),
            (-1e300, 0),
        ] {
            assert_eq!(Clamped::from_f64(number), Clamped(clamped), "{number}");
        }
    }
}
