//! Hash tables whose pairs do not keep their keys, or their values, alive.
//!
//! A [`WeakTable`] is an object of the heap, of a kind that every model has. Its pairs stand in a row in the order in
//! which they were inserted, with an index of open addressing beside it; keys are compared by identity, immediate ones by
//! their word. In a table of [`WeakKeys`] each pair is an *ephemeron* (Hayes, OOPSLA 1997): the key, as long as something
//! else keeps it, keeps the value; the pair keeps neither, even if the value refers to the key. Pairs of dead objects are
//! emptied by the collection that finds them, and their places are used again when the table next grows.
//!
//! Looking up costs a hash of the identity (appended to an object when it moves first: one word) and about two loads per
//! probe; growing is amortized. No operation collects. A table takes 24 to 48 bytes for each pair.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_heap::{FIRST_BUILT_IN, KindLayout, PairMode, TailLayout};

use crate::error::OutOfMemory;
use crate::gc::Gc;
use crate::heap::Heap;
use crate::layout::{
    Elements, FieldIn, FieldsIn, Kind, Layout, NoTail, ObjectModel, SlotMap, Tail, ZeroElements, layout_of,
};
use crate::registry::{Cells, FinalizationRegistry};
use crate::slot::{Opt, Slot};
use crate::value::Value;
use std::cell::Cell;

/// Pairs in the first row of a table.
pub(crate) const FIRST_PAIRS: usize = 8;

/// What a table does not keep: [`WeakKeys`], [`WeakValues`] or [`WeakBoth`].
pub trait Weakness: sealed::Sealed + 'static {
    #[doc(hidden)]
    const MODE: PairMode;
    #[doc(hidden)]
    const PAIRS_ID: u8;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

macro_rules! weakness {
    ($($(#[$doc:meta])* $name:ident $mode:ident $place:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Weakness for $name {
            const MODE: PairMode = PairMode::$mode;
            const PAIRS_ID: u8 = FIRST_BUILT_IN + $place;
        }
    )*};
}
weakness! {
    /// Tables of ephemerons: a pair stays as long as its key is alive, and keeps its value for it.
    WeakKeys WeakKey 1;
    /// Tables that keep their keys; a pair stays as long as its value is alive.
    WeakValues WeakValue 3;
    /// Tables that keep nothing: a pair stays as long as its key and its value are alive.
    WeakBoth WeakBoth 5;
}

/// Pairs in a row, as a kind of the heap.
pub(crate) struct Pairs<M, W> {
    /// Pairs that collections have emptied.
    emptied: Cell<u64>,
    model: PhantomData<(M, W)>,
}

/// A pair in place.
pub(crate) struct Pair {
    pub(crate) key: AtomicU64,
    pub(crate) value: AtomicU64,
}

/// A tail of pairs.
pub(crate) struct PairTail<W>(PhantomData<W>);

/// Places of pairs, by hash or in a chain: one more than the index, or 0.
pub(crate) struct Index<M>(PhantomData<M>);

/// A hash table with weak pairs, as a kind of the heap.
///
/// ```
/// use tenure::prelude::*;
/// use tenure::WeakKeys;
///
/// #[derive(Kind)]
/// struct Node { name: u64 }
/// #[derive(Roots)]
/// struct Roots { notes: Root<Opt<WeakTable<Demo, WeakKeys>>>, kept: Root<Opt<Node>> }
/// object_model! { model Demo { roots: Roots, kinds: [Node] } }
///
/// let mut isolate = Isolate::<Demo>::new(HeapConfig::new(), RootsInit { notes: None, kept: None })?;
/// isolate.enter(|h| {
///     let notes = h.weak_table::<WeakKeys>().unwrap();
///     h.roots().notes.set(Some(notes));
///     for name in 0..100 {
///         let node = h.alloc::<Node>(NodeInit { name });
///         notes.insert(h, node.into(), Value::int(name as i64 * 10)).unwrap();
///         if name == 42 {
///             h.roots().kept.set(Some(node));
///         }
///     }
///     assert_eq!(notes.count(), 100);
///     h.collect();
///     let (notes, kept) = (h.roots().notes.get().unwrap(), h.roots().kept.get().unwrap());
///     assert_eq!(notes.count(), 1);
///     assert_eq!(notes.find(h, kept.into()).unwrap().as_int(), Some(420));
/// });
/// # Ok::<(), HeapError>(())
/// ```
pub struct WeakTable<M: ObjectModel, W: Weakness> {
    pairs: Slot<Opt<Pairs<M, W>>>,
    index: Slot<Opt<Index<M>>>,
    /// Pairs of the row that have been used.
    used: Cell<u32>,
    /// Those of them that the program removed.
    removed: Cell<u32>,
}

impl<M: ObjectModel, W: Weakness> fmt::Debug for WeakTable<M, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakTable")
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

// SAFETY: KIND-LAYOUT: pairs of two words.
unsafe impl<W: Weakness> Tail for PairTail<W> {
    const LAYOUT: TailLayout = TailLayout::Pairs(W::MODE);
}
// SAFETY: KIND-LAYOUT: two words.
unsafe impl<W: Weakness> Elements for PairTail<W> {
    type Item = Pair;
    type Init<'a> = ();
    unsafe fn write(destination: *mut Pair, (): ()) {
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
        unsafe { destination.cast::<[u64; 2]>().write([0, 0]) }
    }
}
// SAFETY: KIND-LAYOUT: an empty pair is zero.
unsafe impl<W: Weakness> ZeroElements for PairTail<W> {}
// SAFETY: HEAP-BRAND: pairs are only made by tables of the model.
unsafe impl<M, W: Weakness> FieldIn<M> for PairTail<W> {}

// SAFETY: KIND-LAYOUT: one word without slots, all of it written; it counts the pairs that collections emptied.
unsafe impl<M: ObjectModel, W: Weakness> Layout for Pairs<M, W> {
    type Init<'a> = ();
    type Tail = PairTail<W>;
    const NAME: &'static str = "Pairs";
    const SLOTS: SlotMap = SlotMap::NONE;
    const HAS_ROOTS: bool = false;
    const PINNED: bool = false;
    unsafe fn write(destination: *mut Self, (): ()) {
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
        unsafe { destination.cast::<u64>().write(0) }
    }
}
// SAFETY: KIND-LAYOUT: the place in the table of built-in kinds.
unsafe impl<M: ObjectModel, W: Weakness> Kind for Pairs<M, W> {
    type Model = M;
    const ID: u8 = W::PAIRS_ID;
}

// SAFETY: KIND-LAYOUT: no fields.
unsafe impl<M: ObjectModel> Layout for Index<M> {
    type Init<'a> = ();
    type Tail = u32;
    const NAME: &'static str = "Index";
    const SLOTS: SlotMap = SlotMap::NONE;
    const HAS_ROOTS: bool = false;
    const PINNED: bool = false;
    unsafe fn write(_: *mut Self, (): ()) {}
}
// SAFETY: KIND-LAYOUT: the place in the table of built-in kinds.
unsafe impl<M: ObjectModel> Kind for Index<M> {
    type Model = M;
    const ID: u8 = FIRST_BUILT_IN;
}

// SAFETY: KIND-LAYOUT: the two slots at their offsets; all fields are written.
unsafe impl<M: ObjectModel, W: Weakness> Layout for WeakTable<M, W> {
    type Init<'a> = WeakTableInit<'a, M, W>;
    type Tail = NoTail;
    const NAME: &'static str = "WeakTable";
    const SLOTS: SlotMap = SlotMap::NONE
        .with_field(SlotMap::ONE, std::mem::offset_of!(Self, pairs))
        .with_field(SlotMap::ONE, std::mem::offset_of!(Self, index));
    const HAS_ROOTS: bool = false;
    const PINNED: bool = false;
    unsafe fn write(destination: *mut Self, WeakTableInit((pairs, index)): Self::Init<'_>) {
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
        unsafe {
            (&raw mut (*destination).pairs).cast::<u64>().write(pairs.word());
            (&raw mut (*destination).index).cast::<u64>().write(index.word());
            (&raw mut (*destination).used).write(Cell::new(0));
            (&raw mut (*destination).removed).write(Cell::new(0));
        }
    }
}
// SAFETY: KIND-LAYOUT: the place in the table of built-in kinds.
unsafe impl<M: ObjectModel, W: Weakness> Kind for WeakTable<M, W> {
    type Model = M;
    const ID: u8 = W::PAIRS_ID + 1;
}
// SAFETY: HEAP-BRAND: its slots are of `M`.
unsafe impl<M: ObjectModel, W: Weakness> FieldsIn<M> for WeakTable<M, W> {}

struct BuiltIn<M>(PhantomData<M>);

impl<M: ObjectModel> BuiltIn<M> {
    const LAYOUTS: &'static [KindLayout] = &[
        layout_of::<Index<M>>(),
        layout_of::<Pairs<M, WeakKeys>>(),
        layout_of::<WeakTable<M, WeakKeys>>(),
        layout_of::<Pairs<M, WeakValues>>(),
        layout_of::<WeakTable<M, WeakValues>>(),
        layout_of::<Pairs<M, WeakBoth>>(),
        layout_of::<WeakTable<M, WeakBoth>>(),
        layout_of::<Cells<M>>(),
        layout_of::<FinalizationRegistry<M>>(),
    ];
}

/// Returns the layouts of the kinds that every model has, by id.
pub(crate) const fn built_in<M: ObjectModel>() -> &'static [KindLayout] {
    BuiltIn::<M>::LAYOUTS
}

/// Nil, the empty value, was given as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NilKey;

impl fmt::Display for NilKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nil cannot be a key of a weak table: give it a value of its own that stands for nil")
    }
}

impl std::error::Error for NilKey {}

/// Why a pair was not inserted.
#[derive(Debug)]
pub enum TableError {
    /// The key was nil.
    NilKey(NilKey),
    /// The table could not grow. It is as before.
    OutOfMemory(OutOfMemory<()>),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableError::NilKey(error) => error.fmt(f),
            TableError::OutOfMemory(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TableError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TableError::NilKey(error) => Some(error),
            TableError::OutOfMemory(error) => Some(error),
        }
    }
}

impl<M: ObjectModel> Heap<M> {
    /// Allocates an empty weak table without collecting: `heap.weak_table::<WeakKeys>()`.
    ///
    /// # Errors
    ///
    /// When no memory is left.
    pub fn weak_table<W: Weakness>(&self) -> Result<Gc<'_, WeakTable<M, W>>, OutOfMemory<()>> {
        let (pairs, index) = new_row(self, FIRST_PAIRS)?;
        self.try_alloc::<WeakTable<M, W>>(WeakTableInit((pairs, index)))
            .map_err(|error| error.map(|_| ()))
    }
}

/// What a weak table is made of: see [`Heap::weak_table`].
pub struct WeakTableInit<'h, M: ObjectModel, W: Weakness>(Row<'h, M, W>);

impl<M: ObjectModel, W: Weakness> fmt::Debug for WeakTableInit<'_, M, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakTableInit")
    }
}

/// A row of pairs and the index of it.
type Row<'h, M, W> = (Gc<'h, Pairs<M, W>>, Gc<'h, Index<M>>);

fn new_row<M: ObjectModel, W: Weakness>(heap: &Heap<M>, pairs: usize) -> Result<Row<'_, M, W>, OutOfMemory<()>> {
    let row = heap.try_alloc_tail_zeroed::<Pairs<M, W>>(pairs, ())?;
    let index = heap.try_alloc_tail_zeroed::<Index<M>>(2 * pairs.next_power_of_two(), ())?;
    Ok((row, index))
}

/// Returns the hash of a key.
fn hash<M: ObjectModel>(heap: &Heap<M>, key: Value<'_, M>) -> usize {
    if key.is_object() {
        // SAFETY: HEAP-BRAND: an object of this heap.
        return unsafe { heap.core().identity_hash(key.word() as *mut u64) } as usize;
    }
    // The finalizer of splitmix64.
    let mut z = key.word().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ z >> 27) as usize
}

impl<'h, M: ObjectModel, W: Weakness> Gc<'h, WeakTable<M, W>> {
    fn row(self) -> Row<'h, M, W> {
        let table = self.get();
        match (table.pairs.get(), table.index.get()) {
            (Some(pairs), Some(index)) => (pairs, index),
            _ => unreachable!("KIND-LAYOUT: a table has a row and an index from its allocation on"),
        }
    }

    /// Returns how many pairs the table has. Those whose objects have died since the last collection count.
    #[must_use]
    pub fn count(self) -> usize {
        let table = self.get();
        let emptied = self.row().0.get().emptied.get() as usize;
        table.used.get() as usize - table.removed.get() as usize - emptied
    }

    /// Returns whether the table has no pairs.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.count() == 0
    }

    /// Returns how many pairs, with those that were removed or emptied, the table has room for before it moves to another
    /// row.
    #[must_use]
    pub fn capacity(self) -> usize {
        self.row().0.tail_len()
    }

    /// Returns whether there is a pair with this key. Costs what [`find`](Gc::find) costs; keeps nothing for the job.
    #[must_use]
    pub fn contains(self, heap: &Heap<M>, key: Value<'_, M>) -> bool {
        key.word() != 0 && self.position(heap, key).is_some()
    }

    /// Returns the place of a key's pair.
    fn position(self, heap: &Heap<M>, key: Value<'_, M>) -> Option<usize> {
        let (pairs, index) = self.row();
        let (pairs, index) = (pairs.tail(), index.tail());
        let mut at = hash(heap, key);
        loop {
            at &= index.len() - 1;
            let place = index[at].get() as usize;
            let pair = pairs.get(place.checked_sub(1)?)?;
            if pair.key.load(Ordering::Relaxed) == key.word() {
                return Some(place - 1);
            }
            at += 1;
        }
    }

    /// Returns the value of a key. Costs a hash and a probe or two.
    #[must_use]
    pub fn find(self, heap: &'h Heap<M>, key: Value<'_, M>) -> Option<Value<'h, M>> {
        if key.word() == 0 {
            return None;
        }
        let place = self.position(heap, key)?;
        let word = self.row().0.tail()[place].value.load(Ordering::Relaxed);
        heap.core().weak_read(word);
        // SAFETY: SLOT-TYPED: collections keep the words of pairs up to date; NO-COLLECT: `'h` is a region.
        Some(unsafe { Value::from_word(word) })
    }

    /// Inserts a pair, or changes the value of the one with this key, and returns the value before. May allocate, but
    /// never collects: a loop that inserts much calls [`Heap::safepoint`] now and then.
    ///
    /// # Errors
    ///
    /// When the key is nil, or no memory is left; the table is as before then.
    pub fn insert(
        self,
        heap: &'h Heap<M>,
        key: Value<'_, M>,
        value: Value<'_, M>,
    ) -> Result<Option<Value<'h, M>>, TableError> {
        if key.word() == 0 {
            return Err(TableError::NilKey(NilKey));
        }
        if let Some(place) = self.position(heap, key) {
            let pairs = self.row().0;
            let slot = &pairs.tail()[place].value;
            let before = slot.load(Ordering::Relaxed);
            heap.core().weak_read(before);
            store(heap, pairs, slot, value.word());
            // SAFETY: SLOT-TYPED and NO-COLLECT: a word of a pair, in this region.
            return Ok(Some(unsafe { Value::from_word(before) }));
        }
        self.make_room(heap).map_err(TableError::OutOfMemory)?;
        let table = self.get();
        let (pairs, index) = self.row();
        let place = table.used.get() as usize;
        let pair = &pairs.tail()[place];
        store(heap, pairs, &pair.key, key.word());
        store(heap, pairs, &pair.value, value.word());
        table.used.set(place as u32 + 1);
        enter(index, hash(heap, key), place);
        Ok(None)
    }

    /// Returns the value of a key; if there is none, inserts what `make` returns. `make` may allocate, and use the table;
    /// what it inserts for the same key is overwritten.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Gc::insert). With a nil key `make` is not called.
    pub fn find_or_insert_with(
        self,
        heap: &'h Heap<M>,
        key: Value<'_, M>,
        make: impl FnOnce(&'h Heap<M>) -> Value<'h, M>,
    ) -> Result<Value<'h, M>, TableError> {
        if key.word() == 0 {
            return Err(TableError::NilKey(NilKey));
        }
        if let Some(value) = self.find(heap, key) {
            return Ok(value);
        }
        let value = make(heap);
        self.insert(heap, key, value)?;
        Ok(value)
    }

    /// Removes the pairs for which `keep` returns false, in the order of their insertion. `keep` may remove other pairs; if
    /// it inserts, pairs may be asked about twice or not at all.
    pub fn retain(self, heap: &'h Heap<M>, mut keep: impl FnMut(Value<'h, M>, Value<'h, M>) -> bool) {
        let mut place = 0;
        while let Some((next, key, value)) = self.entry_from(heap, place) {
            if !keep(key, value) {
                self.remove(heap, key);
            }
            place = next;
        }
    }

    /// Changes each value to what `change` makes of it, and removes the pair if that is nothing. Looks at no key.
    pub(crate) fn change_values(self, heap: &'h Heap<M>, mut change: impl FnMut(Value<'h, M>) -> Option<Value<'h, M>>) {
        let (pairs, _) = self.row();
        for pair in &pairs.tail()[..self.get().used.get() as usize] {
            if pair.key.load(Ordering::Relaxed) == 0 {
                continue;
            }
            // SAFETY: SLOT-TYPED and NO-COLLECT: a word of a pair, in this region.
            match change(unsafe { Value::from_word(pair.value.load(Ordering::Relaxed)) }) {
                Some(value) => store(heap, pairs, &pair.value, value.word()),
                None => self.empty(heap, pairs, pair),
            }
        }
    }

    /// Empties a pair that is in use.
    fn empty(self, heap: &Heap<M>, pairs: Gc<'_, Pairs<M, W>>, pair: &Pair) {
        store(heap, pairs, &pair.value, 0);
        store(heap, pairs, &pair.key, 0);
        self.get().removed.set(self.get().removed.get() + 1);
    }

    /// Gives the room of pairs that were removed or emptied back, as far as a row without them is shorter.
    ///
    /// # Errors
    ///
    /// When no memory is left for the shorter row; the table is as before then.
    pub fn shrink_to_fit(self, heap: &'h Heap<M>) -> Result<(), OutOfMemory<()>> {
        let length = self.count().next_power_of_two().max(FIRST_PAIRS);
        if length < self.capacity() {
            self.move_to(heap, length)?;
        }
        Ok(())
    }

    /// Removes the pair with this key, and returns its value.
    pub fn remove(self, heap: &'h Heap<M>, key: Value<'_, M>) -> Option<Value<'h, M>> {
        if key.word() == 0 {
            return None;
        }
        let place = self.position(heap, key)?;
        let pairs = self.row().0;
        let pair = &pairs.tail()[place];
        let word = pair.value.load(Ordering::Relaxed);
        heap.core().weak_read(word);
        self.empty(heap, pairs, pair);
        // SAFETY: SLOT-TYPED and NO-COLLECT: a word that was in a pair, in this region.
        Some(unsafe { Value::from_word(word) })
    }

    /// Removes all pairs. The room stays: [`shrink_to_fit`](Gc::shrink_to_fit) gives it back.
    pub fn clear(self, heap: &Heap<M>) {
        let (pairs, index) = self.row();
        for pair in &pairs.tail()[..self.get().used.get() as usize] {
            store(heap, pairs, &pair.value, 0);
            store(heap, pairs, &pair.key, 0);
        }
        for place in index.tail() {
            place.set(0);
        }
        pairs.get().emptied.set(0);
        self.get().used.set(0);
        self.get().removed.set(0);
    }

    /// Returns the pairs in the order of their insertion. Pairs may be removed meanwhile; if some are inserted, others may
    /// come twice or not at all.
    pub fn entries(self, heap: &'h Heap<M>) -> impl Iterator<Item = (Value<'h, M>, Value<'h, M>)> {
        let mut place = 0;
        std::iter::from_fn(move || {
            let (next, key, value) = self.entry_from(heap, place)?;
            place = next;
            Some((key, value))
        })
    }

    /// Returns the first pair at or after a place, and the place after it: for iterators that live across collections.
    /// Places begin with 0; inserting may change them, removing and collecting does not.
    #[must_use]
    pub fn entry_from(self, heap: &'h Heap<M>, place: usize) -> Option<(usize, Value<'h, M>, Value<'h, M>)> {
        let pairs = &self.row().0.tail()[..self.get().used.get() as usize];
        for (place, pair) in pairs.iter().enumerate().skip(place) {
            let (key, value) = (pair.key.load(Ordering::Relaxed), pair.value.load(Ordering::Relaxed));
            if key != 0 {
                heap.core().weak_read(key);
                heap.core().weak_read(value);
                // SAFETY: SLOT-TYPED and NO-COLLECT: words of a pair, in this region.
                return Some(unsafe { (place + 1, Value::from_word(key), Value::from_word(value)) });
            }
        }
        None
    }

    /// Returns the place after the pair of a key, as [`entry_from`](Gc::entry_from) takes it: for iterators that know no more
    /// than the key they gave out last. Costs what [`find`](Gc::find) costs; keeps nothing for the job.
    ///
    /// ```
    /// # use tenure::prelude::*;
    /// # #[derive(Kind)] struct Node { name: u64 }
    /// # object_model! { model Demo { kinds: [Node] } }
    /// # let mut isolate = Isolate::<Demo>::new(HeapConfig::new(), NoRootsInit {})?;
    /// isolate.enter(|h| {
    ///     let table = h.weak_table::<tenure::WeakValues>().unwrap();
    ///     for name in 1..4 {
    ///         table.insert(h, Value::int(name), Value::int(10 * name)).unwrap();
    ///     }
    ///     let behind = table.place_behind(h, Value::int(2)).unwrap();
    ///     assert_eq!(table.entry_from(h, behind).unwrap().1, Value::int(3));
    ///     assert_eq!(table.place_behind(h, Value::int(7)), None);
    /// });
    /// # Ok::<(), HeapError>(())
    /// ```
    #[must_use]
    pub fn place_behind(self, heap: &Heap<M>, key: Value<'_, M>) -> Option<usize> {
        if key.word() == 0 {
            return None;
        }
        Some(self.position(heap, key)? + 1)
    }

    /// Makes sure that there is a free pair.
    fn make_room(self, heap: &'h Heap<M>) -> Result<(), OutOfMemory<()>> {
        let (used, length) = (self.get().used.get() as usize, self.row().0.tail_len());
        match next_length(length, used, self.count()) {
            Some(next) => match self.move_to(heap, next) {
                Err(_) if used < length => Ok(()),
                done => done,
            },
            None => Ok(()),
        }
    }

    /// Moves the pairs that are left into a new row of `length` pairs.
    fn move_to(self, heap: &'h Heap<M>, length: usize) -> Result<(), OutOfMemory<()>> {
        let (old, _) = self.row();
        let (pairs, index) = new_row::<M, W>(heap, length)?;
        let mut used = 0;
        for pair in old.tail() {
            let (key, value) = (pair.key.load(Ordering::Relaxed), pair.value.load(Ordering::Relaxed));
            if key == 0 {
                continue;
            }
            let to = &pairs.tail()[used];
            store(heap, pairs, &to.key, key);
            store(heap, pairs, &to.value, value);
            // SAFETY: SLOT-TYPED and NO-COLLECT: a word of a pair, in this region.
            enter(index, hash(heap, unsafe { Value::from_word(key) }), used);
            used += 1;
        }
        self.put(heap, |table| &table.pairs, Some(pairs));
        self.put(heap, |table| &table.index, Some(index));
        self.get().used.set(used as u32);
        self.get().removed.set(0);
        Ok(())
    }
}

impl<'h, M: ObjectModel> Gc<'h, WeakTable<M, WeakKeys>> {
    /// Adds a key alone, to a table that is used as a set: its value is `true`. Returns whether it was new; a pair that is
    /// there stays as it is. [`contains`](Gc::contains) asks for it.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Gc::insert).
    pub fn add(self, heap: &'h Heap<M>, key: Value<'_, M>) -> Result<bool, TableError> {
        if self.contains(heap, key) {
            return Ok(false);
        }
        self.insert(heap, key, Value::bool(true))?;
        Ok(true)
    }
}

/// Returns how long the row should be that the pairs move to before another of `length` is used, if they should: `used` of
/// them have been, and `left` are left. A row with most of its pairs gone is left early, so that collections need not
/// look at it, but for none that is shorter than a quarter, which would soon be full again.
pub(crate) fn next_length(length: usize, used: usize, left: usize) -> Option<usize> {
    let sparse = 2 * used >= length && 4 * left <= used && length > FIRST_PAIRS;
    if used < length && !sparse {
        return None;
    }
    if 2 * left > length {
        return Some(2 * length);
    }
    Some((2 * left).next_power_of_two().max(length / 4).max(FIRST_PAIRS))
}

/// Enters the place of a pair into the index, which has room.
fn enter<M: ObjectModel>(index: Gc<'_, Index<M>>, hash: usize, place: usize) {
    let index = index.tail();
    let mut at = hash & (index.len() - 1);
    while index[at].get() != 0 {
        at = (at + 1) & (index.len() - 1);
    }
    index[at].set(place as u32 + 1);
}

/// Stores a word of a pair of `owner`.
pub(crate) fn store<M: ObjectModel, T: Kind<Model = M>>(heap: &Heap<M>, owner: Gc<'_, T>, slot: &AtomicU64, word: u64) {
    heap.log_store(owner, slot.as_ptr(), word);
    slot.store(word, Ordering::Relaxed);
}
