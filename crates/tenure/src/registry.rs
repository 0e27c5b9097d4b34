//! Registries that report what has died: targets are held weakly, and what is held for them comes out once they are dead.
//!
//! A [`FinalizationRegistry`] is an object of the heap, of a kind that every model has, with the semantics of ECMAScript's.
//! Its cells stand in a row in the order of registration; a collection that finds a target dead empties the cell and
//! leaves the held value. The number of emptied cells and a place that none lies before are kept beside them, and the row
//! waits in a queue of the heap's, so that nobody has to look for what is to be reported. Cells with a token are chained
//! in the row; the newest of a chain is found through an inner table with weak keys. Links lead to older cells only, so
//! that one pass moves the cells that are left to another row and mends the chains.
//!
//! Registering and taking back cost constant time, amortized; a collection looks at each cell of the generations that it
//! collects. A cell takes 16 to 32 bytes, one with a token 20 to 100. No operation collects, and no code of the
//! embedder's is called: who wants a callback takes the held value out and calls it. Nothing is reported when an isolate is dropped.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::Ordering;

use tenure_heap::{FIRST_BUILT_IN, PairMode};

use crate::error::OutOfMemory;
use crate::gc::Gc;
use crate::heap::Heap;
use crate::layout::{FieldsIn, Kind, Layout, NoTail, ObjectModel, SlotMap};
use crate::slot::{Opt, Slot};
use crate::table::{FIRST_PAIRS, Index, Pair, PairTail, TableError, WeakKeys, WeakTable, Weakness, sealed, store};
use crate::value::{Tagging, Value};

/// How the cells of a registry hold their words: the target weakly, the value strongly.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Guarded {}
impl sealed::Sealed for Guarded {}
impl Weakness for Guarded {
    const MODE: PairMode = PairMode::Guard;
    const PAIRS_ID: u8 = FIRST_BUILT_IN + 7;
}

/// Cells in a row, as a kind of the heap: pairs of a target and the value held for it. A cell that was used up has
/// [`Value::undefined`] as its target, which no target can be.
pub(crate) struct Cells<M: ObjectModel> {
    /// Cells that collections have emptied, less those that were reported.
    emptied: Cell<u64>,
    /// No emptied cell lies before this place.
    first_emptied: Cell<u64>,
    /// 1 while the row waits in the heap's queue.
    is_queued: Cell<u64>,
    registry: Slot<Opt<FinalizationRegistry<M>>>,
}

/// Reports which of its targets have died, by the values that were registered with them: ECMAScript's
/// `FinalizationRegistry`, without the callback.
///
/// A target is held weakly; the value held for it strongly, for as long as the registry itself is alive; a token, by which
/// registrations can be taken back, weakly, and may be the target. Once a collection has found a target dead, with the
/// objects that finalizers brought back counted as alive, [`next_held`](Gc::next_held) gives the held value. A target
/// that is registered twice is reported twice. If a held value refers to its target, the target stays alive.
///
/// ```
/// use tenure::prelude::*;
///
/// #[derive(Kind)]
/// struct File { descriptor: u64 }
/// #[derive(Roots)]
/// struct Roots { leaks: Root<Opt<FinalizationRegistry<Demo>>>, open: Root<Opt<File>> }
/// object_model! { model Demo { roots: Roots, kinds: [File] } }
///
/// let mut isolate = Isolate::<Demo>::new(HeapConfig::new(), RootsInit { leaks: None, open: None })?;
/// isolate.enter(|h| {
///     let leaks = h.finalization_registry().unwrap();
///     h.roots().leaks.set(Some(leaks));
///     for descriptor in 3..8 {
///         let file = h.alloc::<File>(FileInit { descriptor });
///         leaks.register(h, file.into(), Value::int(descriptor as i64), Some(file.into())).unwrap();
///         match descriptor {
///             // This one is closed in time, and has nothing to report.
///             4 => assert_eq!(leaks.unregister(h, file.into()), 1),
///             6 => h.roots().open.set(Some(file)),
///             _ => {}
///         }
///     }
///     h.collect();
///     let mut leaked = Vec::new();
///     while let Some(registry) = h.ready_registry() {
///         while let Some(held) = registry.next_held(h) {
///             leaked.push(held.as_int().unwrap());
///         }
///     }
///     assert_eq!(leaked, [3, 5, 7]);
/// });
/// # Ok::<(), HeapError>(())
/// ```
pub struct FinalizationRegistry<M: ObjectModel> {
    cells: Slot<Opt<Cells<M>>>,
    /// The newest cell with a token, as symbol: one more than its place. There is none before the first token.
    newest: Slot<Opt<WeakTable<M, WeakKeys>>>,
    /// For each cell with a token the next older one with the same, as one more than its place, or 0. Allocated with the
    /// first token.
    older: Slot<Opt<Index<M>>>,
    /// Cells of the row that have been used.
    used: Cell<u32>,
    /// Those of them that were reported or taken back.
    used_up: Cell<u32>,
}

impl<M: ObjectModel> fmt::Debug for FinalizationRegistry<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinalizationRegistry")
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

// SAFETY: KIND-LAYOUT: the slot at its offset, and all fields are written; the first three words are what collections
// take them for.
unsafe impl<M: ObjectModel> Layout for Cells<M> {
    type Init<'a> = ();
    type Tail = PairTail<Guarded>;
    const NAME: &'static str = "Cells";
    const SLOTS: SlotMap = SlotMap::NONE.with_field(SlotMap::ONE, std::mem::offset_of!(Self, registry));
    const HAS_ROOTS: bool = false;
    const PINNED: bool = false;
    unsafe fn write(destination: *mut Self, (): ()) {
        const {
            assert!(
                std::mem::offset_of!(Cells<M>, emptied) == 0,
                "collections count in word 0"
            )
        };
        const {
            assert!(
                std::mem::offset_of!(Cells<M>, first_emptied) == 8,
                "collections lower word 1"
            )
        };
        const {
            assert!(
                std::mem::offset_of!(Cells<M>, is_queued) == 16,
                "collections set word 2"
            )
        };
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
        unsafe { destination.cast::<[u64; 4]>().write([0; 4]) }
    }
}
// SAFETY: KIND-LAYOUT: the place in the table of built-in kinds.
unsafe impl<M: ObjectModel> Kind for Cells<M> {
    type Model = M;
    const ID: u8 = Guarded::PAIRS_ID;
}

/// What a registry is made of: see [`Heap::finalization_registry`].
pub struct FinalizationRegistryInit<'h, M: ObjectModel>(Gc<'h, Cells<M>>);

impl<M: ObjectModel> fmt::Debug for FinalizationRegistryInit<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FinalizationRegistryInit")
    }
}

// SAFETY: KIND-LAYOUT: the three slots at their offsets; all fields are written.
unsafe impl<M: ObjectModel> Layout for FinalizationRegistry<M> {
    type Init<'a> = FinalizationRegistryInit<'a, M>;
    type Tail = NoTail;
    const NAME: &'static str = "FinalizationRegistry";
    const SLOTS: SlotMap = SlotMap::NONE
        .with_field(SlotMap::ONE, std::mem::offset_of!(Self, cells))
        .with_field(SlotMap::ONE, std::mem::offset_of!(Self, newest))
        .with_field(SlotMap::ONE, std::mem::offset_of!(Self, older));
    const HAS_ROOTS: bool = false;
    const PINNED: bool = false;
    unsafe fn write(destination: *mut Self, init: Self::Init<'_>) {
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller; 0 is an empty slot and a count.
        unsafe {
            destination.cast::<[u64; 4]>().write([0; 4]);
            (&raw mut (*destination).cells).cast::<u64>().write(init.0.word());
        }
    }
}
// SAFETY: KIND-LAYOUT: the place in the table of built-in kinds.
unsafe impl<M: ObjectModel> Kind for FinalizationRegistry<M> {
    type Model = M;
    const ID: u8 = Guarded::PAIRS_ID + 1;
}
// SAFETY: HEAP-BRAND: its slots are of `M`.
unsafe impl<M: ObjectModel> FieldsIn<M> for FinalizationRegistry<M> {}

/// Why a target was not registered. The registry is as before.
#[derive(Debug)]
pub enum RegisterError {
    /// The target is no object: it says what it is instead.
    NoObject(&'static str),
    /// The target was to be held for itself, and would never have died.
    HeldIsTarget,
    /// The token was nil.
    NilToken,
    /// No memory was left for the cell.
    OutOfMemory(OutOfMemory<()>),
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::NoObject(given) => write!(
                f,
                "the target is {given}: only objects die, so register an object that stands for it"
            ),
            RegisterError::HeldIsTarget => f.write_str(
                "the held value is the target, which it would keep alive: hold what is needed to clean up after it",
            ),
            RegisterError::NilToken => {
                f.write_str("nil cannot be a token: give None if the registration is never taken back")
            }
            RegisterError::OutOfMemory(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RegisterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RegisterError::OutOfMemory(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TableError> for RegisterError {
    fn from(error: TableError) -> RegisterError {
        match error {
            TableError::NilKey(_) => RegisterError::NilToken,
            TableError::OutOfMemory(error) => RegisterError::OutOfMemory(error),
        }
    }
}

fn what<M: ObjectModel>(value: Value<'_, M>) -> &'static str {
    match () {
        () if value.is_nil() => "nil",
        () if value.is_undefined() => "undefined",
        () if value.as_bool().is_some() => "a boolean",
        () if value.as_char().is_some() => "a character",
        () if value.as_symbol().is_some() => "a symbol",
        () if value.as_int().is_some() => "an integer",
        () if M::Values::word_float(value.word()).is_some() => "a float",
        () => "no object",
    }
}

impl<M: ObjectModel> Heap<M> {
    /// Allocates an empty registry without collecting.
    ///
    /// # Errors
    ///
    /// When no memory is left.
    pub fn finalization_registry(&self) -> Result<Gc<'_, FinalizationRegistry<M>>, OutOfMemory<()>> {
        let cells = self.try_alloc_tail_zeroed::<Cells<M>>(FIRST_PAIRS, ())?;
        let registry = self
            .try_alloc::<FinalizationRegistry<M>>(FinalizationRegistryInit(cells))
            .map_err(|error| error.map(|_| ()))?;
        cells.put(self, |cells| &cells.registry, Some(registry));
        Ok(registry)
    }

    /// Returns the registry that has had something to report for the longest time, if there is one: the same again until
    /// all of it is taken. Costs a load if there is none: a loop may ask after each collection, or at each turn.
    #[must_use]
    pub fn ready_registry(&self) -> Option<Gc<'_, FinalizationRegistry<M>>> {
        loop {
            let word = self.core().first_report()?;
            // SAFETY: WATCH-LISTED: only rows of registries are tables of guards, and collections keep the queue up to
            // date; NO-COLLECT: `&self` borrows a region.
            let cells = unsafe { Gc::<Cells<M>>::from_word(word) };
            if cells.get().emptied.get() > 0
                && let Some(registry) = cells.get().registry.get()
                && registry.get().cells.get() == Some(cells)
            {
                // Nothing but the queue may have led to it, which keeps nothing.
                self.core().weak_read(registry.word());
                return Some(registry);
            }
            // What it had to report was taken, or stands in another row by now.
            cells.get().is_queued.set(0);
            self.core().end_first_report();
        }
    }
}

impl<'h, M: ObjectModel> Gc<'h, FinalizationRegistry<M>> {
    fn cells(self) -> Gc<'h, Cells<M>> {
        match self.get().cells.get() {
            Some(cells) => cells,
            None => unreachable!("KIND-LAYOUT: a registry has a row from its allocation on"),
        }
    }

    /// Returns how many targets are registered that no collection has found dead.
    #[must_use]
    pub fn count(self) -> usize {
        let registry = self.get();
        registry.used.get() as usize - registry.used_up.get() as usize - self.ready_count()
    }

    /// Returns how many held values wait for [`next_held`](Gc::next_held). Two loads.
    #[must_use]
    pub fn ready_count(self) -> usize {
        self.cells().get().emptied.get() as usize
    }

    /// Registers `target`: once it is dead, [`next_held`](Gc::next_held) gives `held`. With a token,
    /// [`unregister`](Gc::unregister) takes the registration back; it may be the target, another object, held weakly
    /// in either case, or an immediate value. May allocate, but never collects.
    ///
    /// # Errors
    ///
    /// When the target is no object or is what is held, the token is nil, or no memory is left; the registry is as before
    /// then.
    pub fn register(
        self,
        heap: &'h Heap<M>,
        target: Value<'_, M>,
        held: Value<'_, M>,
        token: Option<Value<'_, M>>,
    ) -> Result<(), RegisterError> {
        if !target.is_object() {
            return Err(RegisterError::NoObject(what(target)));
        }
        if target == held {
            return Err(RegisterError::HeldIsTarget);
        }
        if token.is_some_and(Value::is_nil) {
            return Err(RegisterError::NilToken);
        }
        let registry = self.get();
        let used_up = registry.used_up.get() as usize;
        self.make_room(heap, used_up).map_err(RegisterError::OutOfMemory)?;
        let place = registry.used.get();
        if let Some(token) = token {
            let (newest, older) = self.chains(heap).map_err(RegisterError::OutOfMemory)?;
            let before = newest.insert(heap, token, Value::symbol(place + 1))?;
            older.tail()[place as usize].set(before.and_then(Value::as_symbol).unwrap_or(0));
        }
        let cells = self.cells();
        let cell = &cells.tail()[place as usize];
        store(heap, cells, &cell.key, target.word());
        store(heap, cells, &cell.value, held.word());
        registry.used.set(place + 1);
        Ok(())
    }

    /// Takes back all registrations with this token, reported ones excepted, and returns how many there were. Those whose
    /// target is dead and was not reported yet are among them. Costs a look-up and time proportional to the
    /// registrations that had this token.
    pub fn unregister(self, heap: &'h Heap<M>, token: Value<'_, M>) -> usize {
        let registry = self.get();
        let (Some(newest), Some(older)) = (registry.newest.get(), registry.older.get()) else {
            return 0;
        };
        let mut next = newest.remove(heap, token).and_then(Value::as_symbol).unwrap_or(0) as usize;
        let mut taken = 0;
        while next > 0 {
            let place = next - 1;
            next = older.tail()[place].get() as usize;
            let cell = &self.cells().tail()[place];
            if !is_used_up::<M>(cell) {
                self.use_up(heap, cell);
                taken += 1;
            }
        }
        taken
    }

    /// Takes the held value of the next target that has died, in the order of registration. The registry keeps it no
    /// longer. Costs some loads, and a look at the cells between this one and the one before.
    pub fn next_held(self, heap: &'h Heap<M>) -> Option<Value<'h, M>> {
        let cells = self.cells();
        let row = cells.get();
        if row.emptied.get() == 0 {
            return None;
        }
        let used = &cells.tail()[..self.get().used.get() as usize];
        let from = row.first_emptied.get() as usize;
        for (place, cell) in used.iter().enumerate().skip(from) {
            if cell.key.load(Ordering::Relaxed) != 0 {
                continue;
            }
            let held = cell.value.load(Ordering::Relaxed);
            // A cycle that marks what was reachable when it began finds it in no other place.
            heap.core().weak_read(held);
            self.use_up(heap, cell);
            row.first_emptied.set(place as u64 + 1);
            // SAFETY: SLOT-TYPED: collections keep the words of pairs up to date; NO-COLLECT: `'h` is a region.
            return Some(unsafe { Value::from_word(held) });
        }
        unreachable!("WATCH-LISTED: as many cells are emptied as are counted, none before the first")
    }

    /// Gives the room of cells that were used up back, as far as a row without them is shorter.
    ///
    /// # Errors
    ///
    /// When no memory is left for the shorter row; the registry is as before then.
    pub fn shrink_to_fit(self, heap: &'h Heap<M>) -> Result<(), OutOfMemory<()>> {
        let registry = self.get();
        let left = registry.used.get() as usize - registry.used_up.get() as usize;
        let length = left.next_power_of_two().max(FIRST_PAIRS);
        if length < self.cells().tail_len() {
            self.move_to(heap, length)?;
        }
        match registry.newest.get() {
            Some(newest) => newest.shrink_to_fit(heap),
            None => Ok(()),
        }
    }

    /// Makes a cell one that nothing is held in.
    fn use_up(self, heap: &Heap<M>, cell: &Pair) {
        let cells = self.cells();
        let emptied = &cells.get().emptied;
        if cell.key.load(Ordering::Relaxed) == 0 {
            emptied.set(emptied.get() - 1);
        }
        store(heap, cells, &cell.value, 0);
        store(heap, cells, &cell.key, Value::<M>::undefined().word());
        self.get().used_up.set(self.get().used_up.get() + 1);
    }

    /// Returns the chains of cells with one token, which there are from the first token on.
    fn chains(self, heap: &'h Heap<M>) -> Result<Chains<'h, M>, OutOfMemory<()>> {
        let registry = self.get();
        if let (Some(newest), Some(older)) = (registry.newest.get(), registry.older.get()) {
            return Ok((newest, older));
        }
        let newest = heap.weak_table::<WeakKeys>()?;
        let older = heap.try_alloc_tail_zeroed::<Index<M>>(self.cells().tail_len(), ())?;
        self.put(heap, |registry| &registry.newest, Some(newest));
        self.put(heap, |registry| &registry.older, Some(older));
        Ok((newest, older))
    }

    /// Makes sure that there is a free cell.
    fn make_room(self, heap: &'h Heap<M>, used_up: usize) -> Result<(), OutOfMemory<()>> {
        let (used, length) = (self.get().used.get() as usize, self.cells().tail_len());
        match crate::table::next_length(length, used, used - used_up) {
            Some(next) => match self.move_to(heap, next) {
                Err(_) if used < length => Ok(()),
                done => done,
            },
            None => Ok(()),
        }
    }

    /// Moves the cells that are left into a new row of `length` cells. Everything is allocated before anything changes.
    fn move_to(self, heap: &'h Heap<M>, length: usize) -> Result<(), OutOfMemory<()>> {
        let registry = self.get();
        let old = self.cells();
        let new = heap.try_alloc_tail_zeroed::<Cells<M>>(length, ())?;
        let older = match registry.older.get() {
            Some(older) => Some((older, heap.try_alloc_tail_zeroed::<Index<M>>(length, ())?)),
            None => None,
        };
        let (mut used, mut first_emptied) = (0, u64::MAX);
        for (place, cell) in old.tail()[..registry.used.get() as usize].iter().enumerate() {
            let is_left = !is_used_up::<M>(cell);
            if is_left {
                let (key, held) = (cell.key.load(Ordering::Relaxed), cell.value.load(Ordering::Relaxed));
                if key == 0 {
                    first_emptied = first_emptied.min(used as u64);
                }
                let to = &new.tail()[used];
                store(heap, new, &to.key, key);
                store(heap, new, &to.value, held);
            }
            if let Some((old_links, new_links)) = older {
                // Links lead to places before this one, whose own have become the new place of the nearest cell that is
                // left.
                let link = &old_links.tail()[place];
                let next = match link.get().checked_sub(1) {
                    Some(next) => old_links.tail()[next as usize].get(),
                    None => 0,
                };
                if is_left {
                    new_links.tail()[used].set(next);
                    link.set(used as u32 + 1);
                } else {
                    link.set(next);
                }
            }
            used += usize::from(is_left);
        }
        if let (Some((old_links, new_links)), Some(newest)) = (older, registry.newest.get()) {
            newest.change_values(heap, |newest| {
                let place = newest.as_symbol()?.checked_sub(1)?;
                let now = old_links.tail()[place as usize].get();
                (now > 0).then(|| Value::symbol(now))
            });
            self.put(heap, |registry| &registry.older, Some(new_links));
        }
        new.get().emptied.set(old.get().emptied.get());
        new.get().first_emptied.set(first_emptied.min(used as u64));
        if old.get().is_queued.replace(0) == 1 {
            new.get().is_queued.set(1);
            heap.core().replace_report(old.word(), new.word());
        }
        new.put(heap, |cells| &cells.registry, Some(self));
        self.put(heap, |registry| &registry.cells, Some(new));
        registry.used.set(used as u32);
        registry.used_up.set(0);
        Ok(())
    }
}

/// The newest cell of each token, and the next older one of each cell.
type Chains<'h, M> = (Gc<'h, WeakTable<M, WeakKeys>>, Gc<'h, Index<M>>);

fn is_used_up<M: ObjectModel>(cell: &Pair) -> bool {
    cell.key.load(Ordering::Relaxed) == Value::<M>::undefined().word()
}
