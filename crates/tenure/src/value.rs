//! Tagged values: a nil, booleans, integers, characters, symbols, floats or an object in one word.
//!
//! How they are told apart is a scheme chosen per model: [`LowTag`] (63-bit integers), [`NanBox`] (doubles and 32-bit
//! integers) or [`NanBox50`] (doubles and 50-bit integers). All share the encoding of objects (the address itself), nil
//! (0) and small immediates, so that reading an object costs the same in each. Making and inspecting values never
//! allocates. A boxed float or big integer is a kind of the embedder's.
//!
//! ```text
//! LowTag   object  address (low 3 bits 000)        nil  0
//!          integer i * 2 + 1                       small  payload << 8 | what << 3 | 010
//! NanBox   object, nil, small as above, with the top 16 bits zero
//!          double  bits + 2^49 (top 16 bits 0002..FFFA)     integer  FFFE 0000 iiii iiii
//! NanBox50 as NanBox, but      integer  top 14 bits 1, then its low 50 bits
//! ```

use std::fmt;
use std::marker::PhantomData;

use crate::gc::Gc;
use crate::layout::{Kind, ObjectModel};

const SMALL_TAG: u64 = 0b010;
const SMALL_SHIFT: u32 = 8;
const SMALL_BOOL: u64 = SMALL_TAG;
const SMALL_CHAR: u64 = 1 << 3 | SMALL_TAG;
const SMALL_SYMBOL: u64 = 2 << 3 | SMALL_TAG;
const UNDEFINED: u64 = 3 << 3 | SMALL_TAG;

const DOUBLE_OFFSET: u64 = 1 << 49;
const INT_TAG: u64 = 0xfffe << 48;
/// Doubles end below, so that both NaNs, `7ff8` and `fff8`, are among them.
const INT50_TAG: u64 = 0xfffc << 48;
const INT50_SHIFT: u32 = 14;

/// A way to hold values in words: [`LowTag`], [`NanBox`] or [`NanBox50`].
///
/// # Safety
///
/// Invariant SLOT-TYPED: words of integers are no multiples of 8 that could be addresses of the user half; sums and
/// differences of words are words of integers; `is_object` is true for the addresses of objects and for no immediate.
pub unsafe trait Tagging: 'static {
    /// The integers that fit into a value.
    type Int: Copy + fmt::Debug + PartialEq;
    /// Encodes an integer, if it fits.
    fn int_word(int: Self::Int) -> Option<u64>;
    /// Decodes an integer.
    fn word_int(word: u64) -> Option<Self::Int>;
    /// Returns whether the word is the address of an object.
    fn is_object(word: u64) -> bool;
    /// Decodes a float.
    fn word_float(word: u64) -> Option<f64>;
    /// Adds two words, if both are integers and the sum fits.
    fn add_words(x: u64, y: u64) -> Option<u64>;
    /// Adds `int` to a word, if that is an integer and the sum fits.
    fn add_to_word(x: u64, int: i32) -> Option<u64>;
    /// Adds two words, if both are integers; a sum that does not fit loses its high bits.
    fn add_words_wrapping(x: u64, y: u64) -> Option<u64>;
    /// Subtracts the second word from the first, if both are integers and the difference fits.
    fn subtract_words(x: u64, y: u64) -> Option<u64>;
    /// Subtracts 1 from the word, if it is an integer above 0.
    fn count_down_word(word: u64) -> Option<u64>;
}

/// A scheme with floats in the word: [`NanBox`] or [`NanBox50`].
///
/// # Safety
///
/// Invariant SLOT-TYPED: words of floats are no multiples of 8 that could be addresses of the user half.
pub unsafe trait FloatTagging: Tagging {
    /// Encodes a float.
    fn float_word(float: f64) -> u64;
    /// Converts an integer of the scheme; exact.
    fn int_to_float(int: Self::Int) -> f64;
}

/// Integers of 63 bits in the word; floats must be boxed in a kind.
#[derive(Debug, Clone, Copy)]
pub enum LowTag {}

/// Doubles and integers of 32 bits in the word.
#[derive(Debug, Clone, Copy)]
pub enum NanBox {}

/// Doubles and integers of 50 bits in the word, for languages whose integers are wider than 32 bits: what does not fit
/// is boxed in a kind. Decoding an integer costs two shifts more than under [`NanBox`].
#[derive(Debug, Clone, Copy)]
pub enum NanBox50 {}

/// Returns whether the word is a multiple of 8 in the user half of the address space other than 0. The rotation moves
/// the bits that must be 0 to the top, so one compare tests all three.
#[inline(always)]
fn is_address(word: u64) -> bool {
    word.rotate_right(3).wrapping_sub(1) < (1 << 45) - 1
}

/// Encodes a float. Only NaNs have bits that end beyond `tag`; those keep their sign and nothing else, so that they end
/// below.
#[inline(always)]
fn offset_float(float: f64, tag: u64) -> u64 {
    let bits = float.to_bits();
    if bits < tag - DOUBLE_OFFSET {
        bits + DOUBLE_OFFSET
    } else {
        canonical_nan(bits)
    }
}

#[cold]
#[inline(never)]
fn canonical_nan(bits: u64) -> u64 {
    (bits & 1 << 63 | 0x7ff8 << 48) + DOUBLE_OFFSET
}

// SAFETY: SLOT-TYPED: integers are odd; addresses have low bits 000.
unsafe impl Tagging for LowTag {
    type Int = i64;
    #[inline(always)]
    fn int_word(int: i64) -> Option<u64> {
        let word = int.wrapping_mul(2);
        if word >> 1 == int { Some(word as u64 | 1) } else { None }
    }
    #[inline(always)]
    fn word_int(word: u64) -> Option<i64> {
        if word & 1 != 0 { Some(word as i64 >> 1) } else { None }
    }
    #[inline(always)]
    fn is_object(word: u64) -> bool {
        word & 7 == 0 && word != 0
    }
    #[inline(always)]
    fn word_float(_: u64) -> Option<f64> {
        None
    }
    #[inline(always)]
    fn add_words(x: u64, y: u64) -> Option<u64> {
        if x & y & 1 == 0 {
            return None;
        }
        (x as i64).checked_add(y as i64 - 1).map(|sum| sum as u64)
    }
    #[inline(always)]
    fn add_to_word(x: u64, int: i32) -> Option<u64> {
        if x & 1 == 0 {
            return None;
        }
        (x as i64).checked_add(i64::from(int) * 2).map(|sum| sum as u64)
    }
    #[inline(always)]
    fn add_words_wrapping(x: u64, y: u64) -> Option<u64> {
        (x & y & 1 != 0).then(|| x.wrapping_add(y - 1))
    }
    #[inline(always)]
    fn count_down_word(word: u64) -> Option<u64> {
        LowTag::word_int(word).filter(|int| *int > 0).map(|_| word - 2)
    }
    #[inline(always)]
    fn subtract_words(x: u64, y: u64) -> Option<u64> {
        if x & y & 1 == 0 {
            return None;
        }
        (x as i64).checked_sub(y as i64 - 1).map(|difference| difference as u64)
    }
}

// SAFETY: SLOT-TYPED: doubles and integers have top 16 bits other than 0, addresses of the user half have not.
unsafe impl Tagging for NanBox {
    type Int = i32;
    #[inline(always)]
    fn int_word(int: i32) -> Option<u64> {
        Some(INT_TAG | u64::from(int as u32))
    }
    #[inline(always)]
    fn word_int(word: u64) -> Option<i32> {
        if word >= INT_TAG { Some(word as i32) } else { None }
    }
    #[inline(always)]
    fn is_object(word: u64) -> bool {
        is_address(word)
    }
    #[inline(always)]
    fn word_float(word: u64) -> Option<f64> {
        let bits = word.wrapping_sub(DOUBLE_OFFSET);
        if bits < INT_TAG - DOUBLE_OFFSET {
            Some(f64::from_bits(bits))
        } else {
            None
        }
    }
    #[inline(always)]
    fn add_words(x: u64, y: u64) -> Option<u64> {
        if x & y < INT_TAG {
            return None;
        }
        (x as i32).checked_add(y as i32).and_then(NanBox::int_word)
    }
    #[inline(always)]
    fn add_to_word(x: u64, int: i32) -> Option<u64> {
        NanBox::word_int(x)?.checked_add(int).and_then(NanBox::int_word)
    }
    #[inline(always)]
    fn add_words_wrapping(x: u64, y: u64) -> Option<u64> {
        (x & y >= INT_TAG).then(|| INT_TAG | u64::from((x as u32).wrapping_add(y as u32)))
    }
    #[inline(always)]
    fn count_down_word(word: u64) -> Option<u64> {
        NanBox::word_int(word).filter(|int| *int > 0).map(|_| word - 1)
    }
    #[inline(always)]
    fn subtract_words(x: u64, y: u64) -> Option<u64> {
        if x & y < INT_TAG {
            return None;
        }
        (x as i32).checked_sub(y as i32).and_then(NanBox::int_word)
    }
}

// SAFETY: SLOT-TYPED: doubles have top 16 bits other than 0.
unsafe impl FloatTagging for NanBox {
    #[inline(always)]
    fn float_word(float: f64) -> u64 {
        offset_float(float, INT_TAG)
    }
    #[inline(always)]
    fn int_to_float(int: i32) -> f64 {
        f64::from(int)
    }
}

// SAFETY: SLOT-TYPED: doubles and integers have top 16 bits other than 0, addresses of the user half have not.
unsafe impl Tagging for NanBox50 {
    type Int = i64;
    #[inline(always)]
    fn int_word(int: i64) -> Option<u64> {
        // The bits from 49 on are all equal, so the tag leaves those of a negative integer as they are.
        if int.wrapping_add(1 << 49) as u64 >> 50 == 0 {
            Some(int as u64 | INT50_TAG)
        } else {
            None
        }
    }
    #[inline(always)]
    fn word_int(word: u64) -> Option<i64> {
        if word >= INT50_TAG {
            Some((word << INT50_SHIFT) as i64 >> INT50_SHIFT)
        } else {
            None
        }
    }
    #[inline(always)]
    fn is_object(word: u64) -> bool {
        is_address(word)
    }
    #[inline(always)]
    fn word_float(word: u64) -> Option<f64> {
        let bits = word.wrapping_sub(DOUBLE_OFFSET);
        if bits < INT50_TAG - DOUBLE_OFFSET {
            Some(f64::from_bits(bits))
        } else {
            None
        }
    }
    // With the tags shifted out, a sum that does not fit is one that overflows.
    #[inline(always)]
    fn add_words(x: u64, y: u64) -> Option<u64> {
        if x & y < INT50_TAG {
            return None;
        }
        let sum = ((x << INT50_SHIFT) as i64).checked_add((y << INT50_SHIFT) as i64)?;
        Some(sum as u64 >> INT50_SHIFT | INT50_TAG)
    }
    #[inline(always)]
    fn add_to_word(x: u64, int: i32) -> Option<u64> {
        if x < INT50_TAG {
            return None;
        }
        let sum = ((x << INT50_SHIFT) as i64).checked_add(i64::from(int) << INT50_SHIFT)?;
        Some(sum as u64 >> INT50_SHIFT | INT50_TAG)
    }
    // The tag's bits are all 1, whatever is carried into them.
    #[inline(always)]
    fn add_words_wrapping(x: u64, y: u64) -> Option<u64> {
        (x & y >= INT50_TAG).then(|| x.wrapping_add(y) | INT50_TAG)
    }
    #[inline(always)]
    fn count_down_word(word: u64) -> Option<u64> {
        NanBox50::word_int(word).filter(|int| *int > 0).map(|_| word - 1)
    }
    #[inline(always)]
    fn subtract_words(x: u64, y: u64) -> Option<u64> {
        if x & y < INT50_TAG {
            return None;
        }
        let difference = ((x << INT50_SHIFT) as i64).checked_sub((y << INT50_SHIFT) as i64)?;
        Some(difference as u64 >> INT50_SHIFT | INT50_TAG)
    }
}

// SAFETY: SLOT-TYPED: doubles have top 16 bits other than 0.
unsafe impl FloatTagging for NanBox50 {
    #[inline(always)]
    fn float_word(float: f64) -> u64 {
        offset_float(float, INT50_TAG)
    }
    #[inline(always)]
    fn int_to_float(int: i64) -> f64 {
        // An integer of 50 bits is a float.
        int as f64
    }
}

/// A value of the model `M`, valid as long as the region `'h`.
///
/// `==` compares words: identity for objects, value for immediates; an integer and a float are never equal.
#[repr(transparent)]
pub struct Value<'h, M: ObjectModel>(u64, PhantomData<(&'h M, *mut ())>);

impl<M: ObjectModel> Clone for Value<'_, M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<M: ObjectModel> Copy for Value<'_, M> {}

impl<M: ObjectModel> PartialEq for Value<'_, M> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<M: ObjectModel> Eq for Value<'_, M> {}

impl<M: ObjectModel> Default for Value<'_, M> {
    fn default() -> Self {
        Value::nil()
    }
}

impl<'h, M: ObjectModel> Value<'h, M> {
    /// Wraps a word.
    ///
    /// # Safety
    ///
    /// `word` is an immediate of the scheme or the address of an object of `M` that stays there during `'h`.
    #[inline(always)]
    pub(crate) unsafe fn from_word(word: u64) -> Value<'h, M> {
        Value(word, PhantomData)
    }

    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// Returns nil.
    #[must_use]
    #[inline(always)]
    pub const fn nil() -> Value<'h, M> {
        Value(0, PhantomData)
    }

    /// Returns the value that stands for "not there", different from nil.
    #[must_use]
    #[inline(always)]
    pub const fn undefined() -> Value<'h, M> {
        Value(UNDEFINED, PhantomData)
    }

    /// Wraps a boolean.
    #[must_use]
    #[inline(always)]
    pub const fn bool(value: bool) -> Value<'h, M> {
        Value((value as u64) << SMALL_SHIFT | SMALL_BOOL, PhantomData)
    }

    /// Wraps a character.
    #[must_use]
    #[inline(always)]
    pub const fn char(value: char) -> Value<'h, M> {
        Value((value as u64) << SMALL_SHIFT | SMALL_CHAR, PhantomData)
    }

    /// Wraps a number that stands for a symbol, an operator or anything else of the embedder's.
    #[must_use]
    #[inline(always)]
    pub const fn symbol(value: u32) -> Value<'h, M> {
        Value((value as u64) << SMALL_SHIFT | SMALL_SYMBOL, PhantomData)
    }

    /// Wraps an integer: `i64` under [`LowTag`] and [`NanBox50`], `i32` under [`NanBox`].
    ///
    /// # Panics
    ///
    /// When the integer does not fit into 63 bits under `LowTag`, 50 bits under `NanBox50`; see [`Value::try_int`].
    #[must_use]
    #[inline(always)]
    pub fn int(value: <M::Values as Tagging>::Int) -> Value<'h, M> {
        match Value::try_int(value) {
            Some(value) => value,
            None => int_too_wide(value),
        }
    }

    /// Wraps an integer, or returns `None` if it does not fit.
    #[must_use]
    #[inline(always)]
    pub fn try_int(value: <M::Values as Tagging>::Int) -> Option<Value<'h, M>> {
        M::Values::int_word(value).map(|word| Value(word, PhantomData))
    }

    /// Returns whether the value is nil.
    #[must_use]
    #[inline(always)]
    pub const fn is_nil(self) -> bool {
        self.0 == 0
    }

    /// Returns whether the value is [`Value::undefined`].
    #[must_use]
    #[inline(always)]
    pub const fn is_undefined(self) -> bool {
        self.0 == UNDEFINED
    }

    /// Returns the boolean, if it is one.
    #[must_use]
    #[inline(always)]
    pub const fn as_bool(self) -> Option<bool> {
        match self.small(SMALL_BOOL) {
            Some(payload) => Some(payload != 0),
            None => None,
        }
    }

    /// Returns the character, if it is one.
    #[must_use]
    #[inline(always)]
    pub const fn as_char(self) -> Option<char> {
        match self.small(SMALL_CHAR) {
            Some(payload) => char::from_u32(payload),
            None => None,
        }
    }

    /// Returns the symbol's number, if it is one.
    #[must_use]
    #[inline(always)]
    pub const fn as_symbol(self) -> Option<u32> {
        self.small(SMALL_SYMBOL)
    }

    #[inline(always)]
    const fn small(self, tag: u64) -> Option<u32> {
        // The bits above the payload must be 0, or doubles would pass.
        if self.0 & (!0 << 40 | 0xff) == tag {
            Some((self.0 >> SMALL_SHIFT) as u32)
        } else {
            None
        }
    }

    /// Returns the integer, if it is one.
    #[must_use]
    #[inline(always)]
    pub fn as_int(self) -> Option<<M::Values as Tagging>::Int> {
        M::Values::word_int(self.0)
    }

    /// Returns the sum, if both are integers and it fits. A few instructions less than the same with [`Value::as_int`] and
    /// [`Value::try_int`].
    #[must_use]
    #[inline(always)]
    pub fn add_ints(self, other: Value<'_, M>) -> Option<Value<'h, M>> {
        M::Values::add_words(self.0, other.0).map(|word| Value(word, PhantomData))
    }

    /// Returns the sum with `int`, if the value is an integer and the sum fits.
    ///
    /// ```
    /// # use tenure::prelude::*;
    /// # #[derive(Roots)] struct Roots { any: Root<Dyn<Js>> }
    /// # #[derive(Kind)] struct Cell { value: Slot<Dyn<Js>> }
    /// # object_model! { model Js { roots: Roots, kinds: [Cell], values: NanBox50 } }
    /// let last = Value::<Js>::int((1 << 49) - 1);
    /// assert_eq!(last.add_int(-9), Some(Value::int((1 << 49) - 10)));
    /// assert_eq!(last.add_int(1), None);
    /// assert_eq!(last.add_ints_wrapping(Value::int(1)), Some(Value::int(-(1 << 49))));
    /// assert_eq!((Value::<Js>::int(2).count_down(), Value::<Js>::int(0).count_down()), (Some(Value::int(1)), None));
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn add_int(self, int: i32) -> Option<Value<'h, M>> {
        M::Values::add_to_word(self.0, int).map(|word| Value(word, PhantomData))
    }

    /// Returns the sum, if both are integers; one that does not fit loses its high bits. For those who know that it fits: it costs
    /// half of what [`Value::add_ints`] does.
    #[must_use]
    #[inline(always)]
    pub fn add_ints_wrapping(self, other: Value<'_, M>) -> Option<Value<'h, M>> {
        M::Values::add_words_wrapping(self.0, other.0).map(|word| Value(word, PhantomData))
    }

    /// Returns one less, if the value is an integer above 0. Two compares and a subtraction.
    #[must_use]
    #[inline(always)]
    pub fn count_down(self) -> Option<Value<'h, M>> {
        M::Values::count_down_word(self.0).map(|word| Value(word, PhantomData))
    }

    /// Returns the difference, if both are integers and it fits.
    #[must_use]
    #[inline(always)]
    pub fn subtract_ints(self, other: Value<'_, M>) -> Option<Value<'h, M>> {
        M::Values::subtract_words(self.0, other.0).map(|word| Value(word, PhantomData))
    }

    /// Returns whether the value is an object.
    #[must_use]
    #[inline(always)]
    pub fn is_object(self) -> bool {
        M::Values::is_object(self.0)
    }

    /// Returns the id of the object's kind ([`Kind::ID`]), if it is an object. A test and one byte load.
    #[must_use]
    #[inline(always)]
    pub fn kind_id(self) -> Option<u8> {
        if !self.is_object() {
            return None;
        }
        // SAFETY: SLOT-TYPED: the word is the address of a payload; OBJ-HEADER: byte 1 of the header is the kind.
        Some(unsafe { std::ptr::with_exposed_provenance::<u8>(self.0 as usize).sub(7).read() })
    }

    /// Returns whether the value is an object of kind `T`.
    #[must_use]
    #[inline(always)]
    pub fn is<T: Kind<Model = M>>(self) -> bool {
        self.kind_id() == Some(T::ID)
    }

    /// Returns the object, if it is one of kind `T`. A test, one byte load and a compare.
    #[must_use]
    #[inline(always)]
    pub fn cast<T: Kind<Model = M>>(self) -> Option<Gc<'h, T>> {
        if !self.is::<T>() {
            return None;
        }
        // SAFETY: KIND-LAYOUT: the header says that it is a `T`.
        Some(unsafe { Gc::from_word(self.0) })
    }
}

impl<'h, M: ObjectModel<Values: FloatTagging>> Value<'h, M> {
    /// Wraps a float. A NaN may lose all but its sign, so that no bit pattern of one can pass for an address.
    #[must_use]
    #[inline(always)]
    pub fn float(value: f64) -> Value<'h, M> {
        Value(M::Values::float_word(value), PhantomData)
    }

    /// Returns the float, if it is one (integers are not).
    #[must_use]
    #[inline(always)]
    pub fn as_float(self) -> Option<f64> {
        M::Values::word_float(self.0)
    }

    /// Returns the float or the integer as a float.
    #[must_use]
    #[inline(always)]
    pub fn as_number(self) -> Option<f64> {
        match self.as_int() {
            Some(int) => Some(M::Values::int_to_float(int)),
            None => self.as_float(),
        }
    }
}

#[cold]
#[inline(never)]
fn int_too_wide(value: impl fmt::Debug) -> ! {
    panic!(
        "Value::int: {value:?} does not fit into the 63 bits of LowTag or the 50 bits of NanBox50: use try_int and box \
         what does not fit"
    )
}

impl<'h, T: Kind> From<Gc<'h, T>> for Value<'h, T::Model> {
    #[inline(always)]
    fn from(object: Gc<'h, T>) -> Self {
        object.to_value()
    }
}

impl<'h, T: Kind> From<Option<Gc<'h, T>>> for Value<'h, T::Model> {
    #[inline(always)]
    fn from(object: Option<Gc<'h, T>>) -> Self {
        object.map_or(Value::nil(), Gc::to_value)
    }
}

impl<M: ObjectModel> fmt::Debug for Value<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nil() {
            f.write_str("nil")
        } else if self.is_undefined() {
            f.write_str("undefined")
        } else if let Some(value) = self.as_bool() {
            value.fmt(f)
        } else if let Some(value) = self.as_char() {
            value.fmt(f)
        } else if let Some(value) = self.as_symbol() {
            write!(f, "symbol({value})")
        } else if let Some(value) = self.as_int() {
            value.fmt(f)
        } else if let Some(value) = M::Values::word_float(self.0) {
            value.fmt(f)
        } else {
            let name = self
                .kind_id()
                .and_then(|id| M::KINDS.get(id as usize - 1))
                .map_or("?", |layout| layout.name);
            write!(f, "{name}@{:#x}", self.0)
        }
    }
}
