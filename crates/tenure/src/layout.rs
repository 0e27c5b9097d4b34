//! What the derive macros tell the collector: slot bitmaps, layouts, kinds, models.
//!
//! A kind's layout is data: the offsets of its fields and the slot bitmap of each field type are joined in a constant,
//! so the collector scans objects without calling back into the embedder's crate. Everything here is evaluated at
//! compile time and costs nothing at run time. The traits are implemented by the derive macros and by
//! [`object_model!`](crate::object_model) only; implementing one by hand is `unsafe` and needs the invariant stated at
//! the trait. Layouts that depend on the contents of an object cannot be expressed.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use tenure_heap::{KindLayout, TailLayout};

use crate::slot::{Family, Slot};
use crate::value::Tagging;

/// Words that a [`SlotMap`] can describe.
const SLOT_MAP_WORDS: usize = 1024;

/// Says which words of a piece of memory are slots. Only used in constants.
#[derive(Clone, Copy)]
pub struct SlotMap {
    bits: [u64; SLOT_MAP_WORDS / 64],
    /// One more than the index of the last slot.
    end: usize,
}

impl SlotMap {
    /// No slots.
    pub const NONE: SlotMap = SlotMap {
        bits: [0; SLOT_MAP_WORDS / 64],
        end: 0,
    };
    /// The first word is a slot.
    pub const ONE: SlotMap = SlotMap::NONE.with_slot(0);

    const fn with_slot(mut self, word: usize) -> SlotMap {
        assert!(
            word < SLOT_MAP_WORDS,
            "a kind has at most 255 words and a roots struct 1024: use a tail for the rest"
        );
        self.bits[word / 64] |= 1 << (word % 64);
        if self.end <= word {
            self.end = word + 1;
        }
        self
    }

    /// Returns whether there are no slots.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.end == 0
    }

    const fn has_slot(&self, word: usize) -> bool {
        self.bits[word / 64] >> (word % 64) & 1 != 0
    }

    /// Adds the slots of a field of a type with the slots `field` that lies `offset_bytes` into the whole.
    #[must_use]
    pub const fn with_field(mut self, field: SlotMap, offset_bytes: usize) -> SlotMap {
        let mut word = 0;
        while word < field.end {
            if field.has_slot(word) {
                assert!(offset_bytes.is_multiple_of(8), "slots are 8-aligned");
                self = self.with_slot(offset_bytes / 8 + word);
            }
            word += 1;
        }
        self
    }

    /// Returns the slots of an array of `count` elements of `stride_bytes` bytes.
    #[must_use]
    pub const fn repeated(element: SlotMap, count: usize, stride_bytes: usize) -> SlotMap {
        let mut map = SlotMap::NONE;
        if element.end > 0 {
            let mut i = 0;
            while i < count {
                map = map.with_field(element, i * stride_bytes);
                i += 1;
            }
        }
        map
    }

    /// Returns the bitmap as [`KindLayout`] wants it, without trailing zeros.
    #[must_use]
    pub const fn words(&self) -> &[u64] {
        self.bits.split_at(self.end.div_ceil(64)).0
    }
}

impl fmt::Debug for SlotMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries((0..self.end).filter(|&word| self.has_slot(word)))
            .finish()
    }
}

/// The in-heap layout of a struct; made by `#[derive(Kind)]` and `#[derive(Roots)]`.
///
/// # Safety
///
/// Invariant KIND-LAYOUT: `SLOTS`, `WEAK` and `NATIVES` name exactly the words of `Self` that are such, `write` initializes every field,
/// and `Self` owns nothing and may be copied by its bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no heap layout",
    note = "write `#[derive(Kind)]` (or `#[derive(Roots)]` for the roots struct) above the struct"
)]
pub unsafe trait Layout: Sized + 'static {
    /// The values of all fields, for a new object: a struct `…Init<'a>` made by the derive.
    type Init<'a>;
    /// What follows the fields: [`NoTail`] or the type given by `#[tail(..)]`.
    type Tail: Tail;
    /// The struct's name.
    const NAME: &'static str;
    /// Which words are slots.
    const SLOTS: SlotMap;
    /// Which words are weak.
    const WEAK: SlotMap = SlotMap::NONE;
    /// Which words are numbers of native resources.
    const NATIVES: SlotMap = SlotMap::NONE;
    /// Whether a field is a [`Root`](crate::Root), which only the roots struct may have.
    const HAS_ROOTS: bool;
    /// Whether objects never move.
    const PINNED: bool;
    /// Initializes the fields.
    ///
    /// # Safety
    ///
    /// `destination` is valid for writes of `Self`, and no reference to it exists.
    unsafe fn write(destination: *mut Self, init: Self::Init<'_>);
}

/// A struct whose instances are objects of the model [`Kind::Model`]; implemented by [`object_model!`](crate::object_model).
///
/// # Safety
///
/// `Self` is the kind with id `ID` in the table of `Model`, all its slots are slots of `Model`, and `Self` is in the
/// table of no other model.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of a model",
    note = "list it in `object_model! {{ model .. {{ kinds: [..] }} }}`"
)]
pub unsafe trait Kind: Layout {
    /// The model that the kind belongs to.
    type Model: ObjectModel;
    /// The kind's number in object headers: its place in the list of kinds, from 1.
    const ID: u8;
}

/// All kinds of one interpreter, its roots and its values; made by [`object_model!`](crate::object_model).
///
/// # Safety
///
/// Invariant HEAP-BRAND: `KINDS[i]` is the layout of the one kind with `ID == i + 1`, and `entered` always gives the same
/// flag on one thread, and a different one for each model and thread.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a model", note = "models are made by `object_model!`")]
pub unsafe trait ObjectModel: Sized + 'static {
    /// The roots struct.
    type Roots: Layout + FieldsIn<Self>;
    /// How a [`Value`](crate::Value) is held in a word: [`LowTag`](crate::LowTag) or [`NanBox`](crate::NanBox).
    type Values: Tagging;
    /// The layouts of all kinds; the kind with id 1 is at index 0.
    const KINDS: &'static [KindLayout];
    /// Passes the flag that says whether an isolate of this model is entered on this thread.
    #[doc(hidden)]
    fn with_entered<R>(f: impl FnOnce(&EnteredFlag) -> R) -> R;
}

/// Says whether an isolate of a model is entered on a thread; each model has one per thread.
///
/// Invariant HEAP-BRAND: only [`Isolate::enter`](crate::Isolate::enter) changes it; the flag of a model can be reached by
/// everyone, but nothing can be done with it outside of this crate.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct EnteredFlag(Cell<bool>);

impl EnteredFlag {
    /// Makes the flag of a model and thread on which nothing is entered.
    #[must_use]
    pub const fn new() -> EnteredFlag {
        EnteredFlag(Cell::new(false))
    }

    /// Returns the flag.
    pub(crate) fn get(&self) -> bool {
        self.0.get()
    }

    /// Sets the flag and returns what it was.
    pub(crate) fn replace(&self, entered: bool) -> bool {
        self.0.replace(entered)
    }
}

/// A type that may stand in a kind of the model `M`.
///
/// # Safety
///
/// All slots in `Self` hold words of `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a kind or roots struct of the model `{M}`",
    note = "fields and tails hold plain data or slots of the model `{M}` itself"
)]
pub unsafe trait FieldIn<M> {}

/// A struct all of whose fields and tail may stand in a kind of the model `M`; made by the derive.
///
/// # Safety
///
/// All fields and the tail implement [`FieldIn<M>`].
pub unsafe trait FieldsIn<M> {}

/// What may follow the fields of a kind.
///
/// # Safety
///
/// `LAYOUT` describes the elements.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the tail of a kind",
    note = "tails are `Slot<F>`, a number type, `Plain<T>` or `Frozen<T>`"
)]
pub unsafe trait Tail: 'static {
    /// What the collector must know.
    const LAYOUT: TailLayout;
}

/// Tails that have elements.
///
/// # Safety
///
/// `Item` has the size that `LAYOUT` says and an alignment of at most 8; if the layout is `Slots` it is a slot.
#[diagnostic::on_unimplemented(message = "the kind has no tail", note = "declare one with `#[tail(..)]`")]
pub unsafe trait Elements: Tail {
    /// An element in place, as [`Gc::tail`](crate::Gc::tail) shows it.
    type Item: 'static;
    /// The value of an element of a new object.
    type Init<'a>: Copy;
    /// Initializes an element.
    ///
    /// # Safety
    ///
    /// `destination` is valid for writes and lies in an object that no one else sees.
    unsafe fn write(destination: *mut Self::Item, init: Self::Init<'_>);
}

/// Tails whose elements are valid when all bytes are zero: nil, `None`, 0.
///
/// # Safety
///
/// An all-zero `Item` is valid.
#[diagnostic::on_unimplemented(message = "elements of the tail cannot be zero: use a fill function")]
pub unsafe trait ZeroElements: Elements {}

/// Tails of plain data, which can be copied from a slice.
///
/// # Safety
///
/// `Item` has the same layout as `Element`.
#[diagnostic::on_unimplemented(message = "the tail is not one of plain data")]
pub unsafe trait PlainElements: Elements {
    /// The plain type.
    type Element: Copy + 'static;
}

/// Tails of slots.
pub trait SlotElements: Elements<Item = Slot<Self::Family>> {
    /// What the slots hold.
    type Family: Family;
}

/// Types all of whose bytes may be zero.
///
/// # Safety
///
/// An all-zero value is valid.
pub unsafe trait Zero: Copy + 'static {}

/// Tail of kinds without one.
#[derive(Debug, Clone, Copy)]
pub enum NoTail {}

// SAFETY: KIND-LAYOUT: no elements.
unsafe impl Tail for NoTail {
    const LAYOUT: TailLayout = TailLayout::None;
}
// SAFETY: HEAP-BRAND: no slots.
unsafe impl<M> FieldIn<M> for NoTail {}

/// Roots of models that declare none.
#[derive(Debug)]
pub struct NoRoots {}

/// The initializer of [`NoRoots`].
#[derive(Debug, Clone, Copy)]
pub struct NoRootsInit {}

// SAFETY: KIND-LAYOUT: no fields.
unsafe impl Layout for NoRoots {
    type Init<'a> = NoRootsInit;
    type Tail = NoTail;
    const NAME: &'static str = "NoRoots";
    const SLOTS: SlotMap = SlotMap::NONE;
    const HAS_ROOTS: bool = false;
    const PINNED: bool = false;
    unsafe fn write(_: *mut Self, _: NoRootsInit) {}
}
// SAFETY: HEAP-BRAND: no fields.
unsafe impl<M> FieldsIn<M> for NoRoots {}

/// The constants of a kind.
pub(crate) struct Of<T>(PhantomData<T>);

impl<T: Layout> Of<T> {
    const MAP: &'static SlotMap = &T::SLOTS;
    pub(crate) const SLOT_WORDS: &'static [u64] = Self::MAP.words();
    const WEAK_MAP: &'static SlotMap = &T::WEAK;
    const WEAK_WORDS: &'static [u64] = Self::WEAK_MAP.words();
    const NATIVE_MAP: &'static SlotMap = &T::NATIVES;
    const NATIVE_WORDS: &'static [u64] = Self::NATIVE_MAP.words();
}

impl<T: Kind> Of<T> {
    pub(crate) const LAYOUT: KindLayout = layout_of::<T>();
    /// The header of a new object with tail length 0.
    pub(crate) const HEADER: u64 = Self::LAYOUT.header(T::ID);
    /// Whether collections have to look at such objects once they know what is alive.
    pub(crate) const WATCHED: bool = Self::LAYOUT.is_watched();
    /// Bytes of an object with tail length 0, header included.
    pub(crate) const BYTES: usize = Self::LAYOUT.words(0) * 8;
    /// Bytes from the payload to the tail.
    pub(crate) const TAIL_OFFSET: usize = Self::LAYOUT.prefix_words as usize * 8;
}

/// Returns the layout of a kind, after checking that it can be one. Called by `object_model!`.
#[must_use]
pub const fn layout_of<T: Kind>() -> KindLayout {
    assert!(
        align_of::<T>() <= 8,
        "the alignment of a kind is at most 8: objects lie at multiples of 8"
    );
    assert!(
        size_of::<T>() <= 255 * 8,
        "the fields of a kind take at most 255 words: move the rest into a tail"
    );
    assert!(
        !std::mem::needs_drop::<T>(),
        "a kind must not implement Drop: objects die without being visited"
    );
    assert!(
        !T::HAS_ROOTS,
        "a Root<F> has no write barrier and can only be a field of the roots struct: use Slot<F>"
    );
    if let TailLayout::Plain { element_bytes } = <T::Tail as Tail>::LAYOUT {
        assert!(element_bytes > 0, "elements of a tail have a size");
    }
    KindLayout {
        name: T::NAME,
        prefix_words: size_of::<T>().div_ceil(8) as u16,
        slot_map: Of::<T>::SLOT_WORDS,
        weak_map: Of::<T>::WEAK_WORDS,
        native_map: Of::<T>::NATIVE_WORDS,
        tail: <T::Tail as Tail>::LAYOUT,
        pinned: T::PINNED,
    }
}

/// Checks that all fields and the tail of a kind may stand in the model. Called by `object_model!`.
pub const fn check_fields<T: FieldsIn<M>, M>() {}

/// Checks that a struct can be the roots of a model. Called by `object_model!`.
pub const fn check_roots<R: Layout>() {
    assert!(
        R::WEAK.is_none() && R::NATIVES.is_none(),
        "a roots struct has no weak slots and no natives: use a WeakGlobal, or an object"
    );
    assert!(align_of::<R>() <= 8, "the alignment of a roots struct is at most 8");
    assert!(!std::mem::needs_drop::<R>(), "a roots struct must not implement Drop");
    assert!(
        matches!(<R::Tail as Tail>::LAYOUT, TailLayout::None),
        "a roots struct has no tail"
    );
}
