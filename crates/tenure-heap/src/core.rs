//! The heap without types: what the facade calls.
//!
//! The allocation window is at a fixed place at the beginning of [`Core`], for inlined fast paths and for compilers.
//! Everything else is behind a cell: `&Core` allocates and logs but never collects, `&mut Core` is a safepoint. Nothing
//! here calls into the embedder's code while the heap is borrowed, apart from the listener and the near-limit callback,
//! which have no way to reach it.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_barrier::RememberedSet;
use tenure_events::{Cause, Clock, Event, HeapSizes, Listener, PauseLog, TraceGc};
use tenure_marking::Marker;
use tenure_memory::{BLOCK_BYTES, Cage, CageLayout, PageError, Range};
use tenure_nursery::Nursery;
use tenure_object::{FLAG_CARDED, FLAG_UNLOGGED, HashState, Header, KindLayout, KindTable, ObjectRef, ReferenceRange};
use tenure_old::{BlockSpace, Budget, LargeSpace, Pages};
use tenure_policy::pacing::{SurvivorPrice, WorstLately};
use tenure_policy::promotion::{MinorOutcome, PromotionPolicy};
use tenure_policy::trigger::IneffectiveMajors;

use crate::config::{HeapConfig, MarkingBarrier};
use crate::cycle::{Cycle, Pacer};
use crate::error::HeapError;
use crate::evacuation::Candidates;
use crate::globals::Globals;
use crate::ready::READY_STEP_PART;
use crate::root_area::RootArea;
use crate::statistics::HeapStatistics;
use crate::step::Idle;
use crate::stress::Random;
use crate::weak::Watched;

/// Bytes beyond the window's limits that are always writable: room for one object of a fixed-size kind whose
/// initializer used the window up.
pub const WINDOW_SLACK_BYTES: usize = 4096;

/// Objects larger than this never come from the window: half a block, less the hash that a move may append, so that a
/// promoted object always fits one.
pub const WINDOW_OBJECT_MAX_BYTES: usize = 128 * 1024 - 8;

const _: () = assert!(WINDOW_OBJECT_MAX_BYTES / 8 < tenure_memory::BLOCK_WORDS / 2);

/// Words that a register window exposes.
const REGISTER_WINDOW_WORDS: usize = 256;

/// The part of the nursery that is allocated from.
///
/// `[top, hard + WINDOW_SLACK_BYTES)` is writable (NUR-BUMP). A collecting allocation stays below `limit`, one that must
/// not collect below `hard`. A `limit` of 0 asks for a safepoint.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Window {
    /// Where the next object goes.
    pub top: Cell<usize>,
    /// Where collecting allocation stops.
    pub limit: Cell<usize>,
    /// Where region allocation stops.
    pub hard: Cell<usize>,
}

/// An allocation: the finished header word, with the tail length, and the size of the whole object in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The header of the object.
    pub header: u64,
    /// Bytes of the object, header included, a multiple of 8.
    pub bytes: usize,
}

/// What a near-limit callback is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearLimit {
    /// The hard limit now.
    pub limit_bytes: usize,
    /// The limit that the heap was configured with.
    pub initial_limit_bytes: usize,
    /// Bytes held by the old generation.
    pub used_bytes: usize,
    /// Bytes that were asked for.
    pub requested_bytes: usize,
}

/// The roots struct of the model: where it is, and which of its words are slots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RootsStruct {
    pub(crate) base: *mut u64,
    pub(crate) slot_map: &'static [u64],
}

impl RootsStruct {
    pub(crate) fn visit(&self, mut visit: impl FnMut(*mut u64)) {
        for (i, &bits) in self.slot_map.iter().enumerate() {
            let mut map = bits;
            while map != 0 {
                // SAFETY: ROOT-EXACT, the facade registered the struct with its own slot map.
                visit(unsafe { self.base.add(i * 64 + map.trailing_zeros() as usize) });
                map &= map - 1;
            }
        }
    }
}

/// Everything but the window and the root areas.
pub(crate) struct Inner {
    pub(crate) config: HeapConfig,
    pub(crate) kinds: KindTable,
    pub(crate) nursery: Nursery,
    pub(crate) pointer: BlockSpace,
    pub(crate) data: BlockSpace,
    pub(crate) large: LargeSpace,
    pub(crate) budget: Budget,
    pub(crate) refused: Option<PageError>,
    pub(crate) remembered: RememberedSet,
    pub(crate) marker: Marker,
    pub(crate) policy: Box<dyn PromotionPolicy>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) listener: Option<Box<dyn Listener>>,
    pub(crate) trace: TraceGc,
    pub(crate) pauses: PauseLog,
    pub(crate) cycle: Option<Cycle>,
    pub(crate) pacer: Pacer,
    pub(crate) idle: Idle,
    pub(crate) candidates: Candidates,
    /// The remembered set is full: a minor collection is due before the nursery is.
    pub(crate) minor_requested: bool,
    /// A setting or the embedder asked for a cycle.
    pub(crate) cycle_requested: bool,
    /// The embedder asked for the collection in progress to compact.
    pub(crate) compact_requested: bool,
    /// Bytes for which an allocation found no room; the collection in progress is to make it.
    pub(crate) wanted_bytes: usize,
    /// What a minor collection costs for each byte of the nursery, and for each that survives.
    pub(crate) minor_ns_per_byte: WorstLately,
    pub(crate) survivor_price: SurvivorPrice,
    /// No block could be made ready after so many minor collections: not tried again before the next.
    pub(crate) ready_refused_at: Option<u64>,
    /// The slices of the cycle that the collection in progress ends.
    pub(crate) last_steps: Option<tenure_events::IncrementalSteps>,
    pub(crate) globals: Globals,
    pub(crate) watched: Watched,
    pub(crate) roots: RootsStruct,
    pub(crate) near_limit: Option<NearLimitCallback>,
    pub(crate) ineffective: IneffectiveMajors,
    pub(crate) gave_up: bool,
    pub(crate) random: Random,
    pub(crate) allocations: u64,
    pub(crate) stress_collections: u64,
    /// Where a collecting allocation really stops, whatever the window's limit says.
    pub(crate) soft_limit: usize,
    pub(crate) old_limit_bytes: usize,
    pub(crate) external_bytes: usize,
    pub(crate) external_low_bytes: usize,
    /// Growth of external memory since the last slice of a cycle.
    pub(crate) external_since_slice_bytes: usize,
    pub(crate) previous_minor: Option<MinorOutcome>,
    pub(crate) survived_since_growth_bytes: usize,
    pub(crate) totals: HeapStatistics,
    pub(crate) last_major_end_ns: u64,
    pub(crate) old_bytes_after_major: usize,
    pub(crate) allocated_at_major: u64,
    /// Last, so that the spaces above are gone before their memory is.
    pub(crate) cage: Cage,
}

pub(crate) type NearLimitCallback = Box<dyn FnMut(NearLimit) -> usize>;

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("config", &self.config)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

/// One heap, without types.
#[derive(Debug)]
#[repr(C)]
pub struct Core {
    /// The allocation window.
    pub window: Window,
    /// The register stack: a window of 256 words above `top` can be read.
    pub registers: RootArea,
    /// The operand stack.
    pub operands: RootArea,
    /// The handle stack.
    pub handles: RootArea,
    /// Whether stores of what is no reference go through the barrier's slow path too: what is overwritten can matter.
    pub logs_immediates: bool,
    inner: UnsafeCell<Inner>,
    id: u64,
}

/// Aborts the process when dropped while a panic unwinds: nobody may see a half-moved heap.
pub(crate) struct AbortOnPanic {
    /// The collection itself may run while a panic of the embedder's unwinds.
    unwinding: bool,
}

impl AbortOnPanic {
    pub(crate) fn new() -> AbortOnPanic {
        AbortOnPanic {
            unwinding: std::thread::panicking(),
        }
    }
}

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.unwinding {
            eprintln!("tenure: a panic inside a collection; the heap cannot be used any more");
            std::process::abort();
        }
    }
}

impl Core {
    /// Makes a heap for the kinds of a model; the layout at index 0 is kind 1, the first of those built in is
    /// [`tenure_object::FIRST_BUILT_IN`]. The core must not move once
    /// [`Core::set_roots_struct`] was called with an address inside the same allocation.
    ///
    /// # Errors
    ///
    /// When the settings contradict each other, or the system has no address space or pages.
    ///
    /// # Safety
    ///
    /// Whoever owns the core keeps the contract of what is public in it: [`Core::window`] is moved over finished objects
    /// only (NUR-BUMP), and every word in the root areas and handles is 0, an immediate, or the payload address of an
    /// object of this heap (ROOT-EXACT, SLOT-TYPED).
    pub unsafe fn new(
        mut config: HeapConfig,
        kinds: &'static [KindLayout],
        built_in: &'static [KindLayout],
    ) -> Result<Core, HeapError> {
        config.settings.check()?;
        let (source, clock) = (config.take_source(), config.take_clock());
        let settings = config.settings.clone();
        let reserved = settings.reserved_bytes();
        let half = settings.max_semi_space_bytes + settings.max_spill_bytes;
        let mut cage = Cage::reserve(
            source,
            &CageLayout {
                // With room for a hash word of each object: the smallest have two words.
                nursery_half_bytes: half + half / 2 + (1 << 20),
                large_bytes: reserved,
                data_bytes: reserved,
                pointer_bytes: reserved,
            },
        )?;
        for range in [cage.nursery(), cage.data(), cage.pointer()] {
            let from_bytes = settings.huge_pages_from_bytes;
            // The first touch of a huge page may take longer than a pause is to be.
            if settings.pause_goal_ns > 0 {
                cage.refuse_huge_pages(range);
            } else if range != cage.nursery() {
                cage.prefer_huge_pages(range, from_bytes);
            } else if 2 * settings.max_semi_space_bytes > from_bytes {
                cage.prefer_huge_pages(range, 0);
            }
        }
        let nursery = Nursery::new(&mut cage, settings.first_semi_space_bytes(), WINDOW_SLACK_BYTES)?;
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only uniqueness matters.
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let mut inner = Inner {
            kinds: KindTable::new(kinds, built_in),
            nursery,
            pointer: BlockSpace::new(cage.pointer(), true),
            data: BlockSpace::new(cage.data(), false),
            large: LargeSpace::new(cage.large()),
            budget: Budget {
                committed_bytes: 0,
                max_bytes: settings.max_old_bytes,
            },
            refused: None,
            remembered: RememberedSet::new(),
            marker: Marker::new(settings.mark_stack_entries, cage.heap().bytes(), settings.traversal),
            policy: config.policy.take().unwrap_or_else(|| settings.promotion.build()),
            clock,
            listener: config.listener.take(),
            trace: TraceGc::new(std::process::id(), id),
            pauses: PauseLog::new(),
            cycle: None,
            pacer: Pacer::new(),
            idle: Idle::default(),
            candidates: Candidates::default(),
            cycle_requested: false,
            minor_requested: false,
            compact_requested: false,
            wanted_bytes: 0,
            minor_ns_per_byte: WorstLately::default(),
            survivor_price: SurvivorPrice::default(),
            ready_refused_at: None,
            last_steps: None,
            globals: Globals::default(),
            watched: Watched::default(),
            roots: RootsStruct {
                base: std::ptr::null_mut(),
                slot_map: &[],
            },
            near_limit: None,
            ineffective: IneffectiveMajors::default(),
            gave_up: false,
            random: Random::new(settings.seed),
            allocations: 0,
            stress_collections: 0,
            soft_limit: 0,
            old_limit_bytes: settings.initial_old_limit_bytes.min(settings.max_old_bytes),
            external_bytes: 0,
            external_low_bytes: 0,
            external_since_slice_bytes: 0,
            previous_minor: None,
            survived_since_growth_bytes: 0,
            totals: HeapStatistics::default(),
            last_major_end_ns: 0,
            old_bytes_after_major: 0,
            allocated_at_major: 0,
            cage,
            config,
        };
        inner.remembered.reserve(inner.nursery.capacity_bytes() / 16);
        let core = Core {
            window: Window::default(),
            registers: RootArea::new(inner.config.settings.register_words, REGISTER_WINDOW_WORDS),
            operands: RootArea::new(inner.config.settings.operand_words, 0),
            handles: RootArea::new(inner.config.settings.handle_words, 0),
            logs_immediates: inner.config.settings.marking_barrier == MarkingBarrier::Deletion,
            inner: UnsafeCell::new(inner),
            id,
        };
        let inner = core.inner();
        core.window.top.set(inner.nursery.active(&inner.cage).start);
        core.reset_window();
        core.protect_reserve();
        Ok(core)
    }

    /// Borrows the inner state.
    ///
    /// Invariant (NO-COLLECT): `&Core` is used by one thread, and no method of `&Core` calls another while it uses the
    /// result of this one; only `&mut Core` collects.
    #[allow(
        clippy::mut_from_ref,
        reason = "the cell makes `&Core` allocate; NO-COLLECT says why it is sound"
    )]
    pub(crate) fn inner(&self) -> &mut Inner {
        // SAFETY: NO-COLLECT, a core is not Sync, and the borrows of `&Core` methods do not overlap.
        unsafe { &mut *self.inner.get() }
    }

    /// Returns a number that no other heap of the process has.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Says where the roots struct is. Word `i` of it is a slot if bit `i % 64` of `slot_map[i / 64]` is set.
    ///
    /// # Safety
    ///
    /// The struct must stay where it is, initialized, for as long as the core is used (ROOT-EXACT).
    pub unsafe fn set_roots_struct(&mut self, base: *mut u64, slot_map: &'static [u64]) {
        self.inner.get_mut().roots = RootsStruct { base, slot_map };
    }

    /// Sets the window's limits from the nursery's state. `top` stays.
    pub(crate) fn reset_window(&self) {
        let inner = self.inner();
        let start = inner.nursery.active(&inner.cage).start;
        let capacity = inner.nursery.capacity_bytes();
        inner.soft_limit = start + capacity;
        if inner.config.settings.stress_scavenge_percent > 0 {
            let used = self.window.top.get() - start;
            let most = inner.config.settings.stress_scavenge_percent.min(100) * capacity as u64 / 100;
            let fill = inner.random.below(most + 1) as usize;
            inner.soft_limit = start + fill.max(used.min(capacity)).max(capacity / 16);
        }
        self.window.hard.set(start + capacity + inner.nursery.spill_bytes());
        self.window.limit.set(self.step_limit());
    }

    /// Returns where the next collecting allocation must stop: at the limit, or before it for the next slice of a cycle,
    /// or at once under the stress setting.
    pub(crate) fn step_limit(&self) -> usize {
        let inner = self.inner();
        if inner.config.settings.counts_allocations() {
            0
        } else if self.has_slices() || inner.watched.natives.has_dead() {
            inner.soft_limit.min(self.window.top.get() + self.step_bytes())
        } else if self.room_is_due() {
            let step_bytes = inner.nursery.capacity_bytes() / READY_STEP_PART;
            inner.soft_limit.min(self.window.top.get() + step_bytes)
        } else {
            inner.soft_limit
        }
    }

    /// Asks the mutator to come to a safepoint at its next collecting allocation.
    pub(crate) fn request_safepoint(&self) {
        self.window.limit.set(0);
    }

    /// Returns whether a safepoint was asked for or the nursery is full.
    #[must_use]
    #[inline]
    pub fn collection_requested(&self) -> bool {
        self.window.top.get() > self.window.limit.get()
    }

    /// The owner form of the write barrier: called before `value` is stored into `slot` of the object at `payload`, when
    /// its unlogged bit is set. No safepoint may come between the two.
    ///
    /// # Safety
    ///
    /// `payload` must be an object of this heap and `slot` one of its slots (OBJ-HEADER); `value` must be what the slot
    /// may hold (SLOT-TYPED).
    #[cold]
    #[inline(never)]
    pub unsafe fn log_slow(&self, payload: *mut u64, slot: *const u64, value: u64) {
        let owner = ObjectRef::from_payload(payload as usize);
        let inner = self.inner();
        // A long array stays unlogged, so that every store into it comes here that the caller did not test. One of no
        // reference hides nothing, unless what it overwrites matters.
        // SAFETY: OBJ-HEADER is the caller's obligation.
        if unsafe { owner.header() }.has(FLAG_CARDED)
            && !ReferenceRange::new(inner.cage.heap()).contains(value)
            && !inner.guards_overwritten()
        {
            return;
        }
        // SAFETY: OBJ-HEADER is the caller's obligation; its unlogged bit says that it is old.
        unsafe { inner.log(owner, slot, value) };
        self.bound_remembered();
    }

    /// Logs all slots of a large object that is about to be filled without a barrier.
    ///
    /// # Safety
    ///
    /// `payload` must be an object of this heap (OBJ-HEADER).
    #[cold]
    #[inline(never)]
    pub unsafe fn log_filled(&self, payload: *mut u64) {
        let inner = self.inner();
        let object = ObjectRef::from_payload(payload as usize);
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { object.header() };
        if header.has(FLAG_UNLOGGED | FLAG_CARDED) {
            // SAFETY: KIND-LAYOUT, the header is the object's.
            let (tail, count) = unsafe { object.tail_references(header, &inner.kinds) };
            let range = Range {
                start: object.payload(),
                end: tail as usize + count * 8,
            };
            // SAFETY: OBJ-HEADER, a carded object's own range.
            unsafe { inner.remembered.remember_range(&inner.cage, object, range) };
        }
    }

    /// The same for stores into all of `slots`, which are adjacent, of everything in `values`.
    ///
    /// # Safety
    ///
    /// As for [`Core::log_slow`].
    #[cold]
    #[inline(never)]
    pub unsafe fn log_range_slow(&self, payload: *mut u64, slots: *const [u64], values: &[u64]) {
        let owner = ObjectRef::from_payload(payload as usize);
        // SAFETY: OBJ-HEADER is the caller's obligation; its unlogged bit says that it is old.
        unsafe { self.inner().log_range(owner, slots, values) };
    }

    /// The address form: called before `value` is stored into `slot`, whose owner is not known. No safepoint may come
    /// between the two.
    ///
    /// # Safety
    ///
    /// `slot` must be a slot of an object of this heap, or a root word, which needs no barrier but may have one; `value`
    /// must be what it may hold (SLOT-TYPED).
    #[inline]
    pub unsafe fn store_barrier(&self, slot: *const u64, value: u64) {
        let inner = self.inner();
        let cage = &inner.cage;
        let young_or_large = Range {
            start: cage.nursery().start,
            end: cage.large().end,
        };
        // While a cycle marks, a store between old objects may hide a white one behind a black one, and one of nothing
        // may delete the last path to it; later, one may refer to what is to be evacuated. Stores into a young large
        // array matter always: its log is all that the next cycle looks at.
        let matters = ReferenceRange::new(young_or_large).contains(value) || inner.tracks_old_stores();
        if (matters || cage.large().contains(slot as usize)) && !cage.nursery().contains(slot as usize) {
            self.store_barrier_slow(slot, value, matters);
        }
    }

    #[cold]
    #[inline(never)]
    fn store_barrier_slow(&self, slot: *const u64, value: u64, matters: bool) {
        let inner = self.inner();
        let address = slot as usize;
        if !matters && !inner.large.is_young(address) {
            return;
        }
        let owner = if inner.cage.large().contains(address) {
            inner.large.find(address)
        } else if inner.cage.pointer().contains(address) {
            inner.pointer.find_start(&inner.cage, address)
        } else {
            None
        };
        if let Some(owner) = owner {
            // SAFETY: OBJ-HEADER, the start bits and the block numbers lead to objects.
            let header = unsafe { owner.header() };
            if header.has(FLAG_UNLOGGED) {
                // SAFETY: OBJ-HEADER, as above, and an unlogged object is old.
                unsafe { inner.log(owner, slot, value) };
            }
        }
    }

    /// Returns a hash of the object's identity: the same for as long as it lives, wherever it moves.
    ///
    /// # Safety
    ///
    /// `payload` must be an object of this heap (OBJ-HEADER).
    #[must_use]
    pub unsafe fn identity_hash(&self, payload: *mut u64) -> u64 {
        let object = ObjectRef::from_payload(payload as usize);
        let inner = self.inner();
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { object.header() };
        match header.hash_state() {
            HashState::FromAddress => object.address_hash(if inner.cage.nursery().contains(object.address()) {
                inner.nursery.hash_salt()
            } else {
                0
            }),
            HashState::Constant => u64::from(header.kind()).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            HashState::Appended => {
                // SAFETY: KIND-LAYOUT, the header is the object's.
                let words = unsafe { ObjectRef::words(header, &inner.kinds) };
                // SAFETY: the appended hash is the object's last word (KIND-LAYOUT).
                unsafe { *((object.address() + (words - 1) * 8) as *const u64) }
            }
            HashState::None => {
                // An old object keeps its address until it is compacted, which appends the hash; a young one needs a
                // word in the reserve half.
                let young = inner.cage.nursery().contains(object.address());
                let roomy = !young || self.has_hash_room();
                if young && roomy {
                    inner.nursery.reserve_hash();
                }
                let state = if roomy {
                    HashState::FromAddress
                } else {
                    HashState::Constant
                };
                if inner.cage.pointer().contains(object.address()) {
                    inner.pointer.note_hashed(object.address());
                } else if inner.cage.data().contains(object.address()) {
                    inner.data.note_hashed(object.address());
                }
                // SAFETY: OBJ-HEADER is the caller's obligation.
                unsafe { object.set_header(header.with_hash_state(state)) };
                // SAFETY: OBJ-HEADER, as the caller's, and the state is not None any more.
                unsafe { self.identity_hash(payload) }
            }
        }
    }

    /// Makes sure that the reserve half has room for one more hash word, and returns whether it has.
    #[inline]
    fn has_hash_room(&self) -> bool {
        self.inner().nursery.has_hash_room() || self.extend_hash_room()
    }

    #[cold]
    fn extend_hash_room(&self) -> bool {
        self.unprotect_reserve();
        let inner = self.inner();
        let extended = inner.nursery.extend_hash_room(&mut inner.cage).is_ok();
        self.protect_reserve();
        extended
    }

    /// Returns whether the payload address lies in this heap.
    #[must_use]
    pub fn contains(&self, payload: usize) -> bool {
        self.inner().cage.heap().contains(payload.wrapping_sub(8))
    }

    /// Returns whether the object is in the nursery or a large object that survived no collection yet.
    ///
    /// # Safety
    ///
    /// `payload` must be an object of this heap (OBJ-HEADER).
    #[must_use]
    pub unsafe fn is_young(&self, payload: usize) -> bool {
        let inner = self.inner();
        let address = payload - 8;
        inner.cage.nursery().contains(address)
            || (inner.cage.large().contains(address) && inner.large.is_young(address))
    }

    /// Makes a persistent handle.
    pub fn global_new(&self, word: u64) -> u32 {
        self.inner().globals.add(word)
    }

    /// Reads a persistent handle.
    #[must_use]
    pub fn global_get(&self, index: u32) -> u64 {
        self.inner().globals.get(index)
    }

    /// Sets a persistent handle.
    pub fn global_set(&self, index: u32, word: u64) {
        self.inner().globals.set(index, word);
    }

    /// Frees a persistent handle.
    pub fn global_free(&self, index: u32) {
        self.inner().globals.free(index);
    }

    /// Returns the configuration, without the objects that were passed in with it.
    #[must_use]
    pub fn config(&self) -> &HeapConfig {
        &self.inner().config
    }

    /// Returns every pause so far.
    #[must_use]
    pub fn pauses(&self) -> &PauseLog {
        &self.inner().pauses
    }

    /// Returns the time of the heap's clock.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.inner().clock.now_ns()
    }

    /// Calls `callback` when the hard limit is near; a greater number than the limit becomes the new limit, as far as
    /// address space was reserved. The callback runs inside an allocation and has no access to the heap.
    pub fn set_near_limit_callback(&mut self, callback: Box<dyn FnMut(NearLimit) -> usize>) {
        self.inner.get_mut().near_limit = Some(callback);
    }

    /// Returns the sizes of all spaces now.
    #[must_use]
    pub fn sizes(&self) -> HeapSizes {
        let inner = self.inner();
        let start = inner.nursery.active(&inner.cage).start;
        inner.sizes(self.window.top.get() - start)
    }

    fn root_bytes(&self) -> usize {
        self.registers.footprint_bytes() + self.operands.footprint_bytes() + self.handles.footprint_bytes()
    }

    /// Returns numbers about the heap.
    #[must_use]
    pub fn statistics(&self) -> HeapStatistics {
        let sizes = self.sizes();
        let inner = self.inner();
        HeapStatistics {
            sizes,
            peak_used_bytes: inner.totals.peak_used_bytes.max(sizes.used_bytes()),
            peak_committed_bytes: inner.totals.peak_committed_bytes.max(sizes.committed_bytes()),
            old_limit_bytes: inner.old_limit_bytes,
            max_old_bytes: inner.budget.max_bytes,
            nursery_capacity_bytes: inner.nursery.capacity_bytes(),
            list_bytes: inner.marker.footprint_bytes()
                + inner.remembered.footprint_bytes()
                + inner.globals.footprint_bytes()
                + inner.watched.footprint_bytes()
                + self.root_bytes(),
            fragmented_bytes: (inner.pointer.blocks_in_use() + inner.data.blocks_in_use()) * BLOCK_BYTES
                - inner.pointer.used_bytes()
                - inner.data.used_bytes(),
            ..inner.totals
        }
    }

    /// Makes the reserve half inaccessible, or poisons it, if the settings say so.
    pub(crate) fn protect_reserve(&self) {
        let inner = self.inner();
        let reserve = inner.nursery.reserve(&inner.cage);
        let end = reserve.start + inner.nursery.committed_half_bytes();
        if inner.config.settings.poison {
            // SAFETY: MEM-OWNED, nothing lives in the reserve half (NUR-EMPTY).
            unsafe { tenure_memory::Fill::NurseryReserve.apply(reserve.start, end) };
        }
        if inner.config.settings.protect {
            inner.cage.protect(reserve.start, end, tenure_memory::Access::None);
        }
    }

    /// Makes the reserve half accessible again.
    pub(crate) fn unprotect_reserve(&self) {
        let inner = self.inner();
        if inner.config.settings.protect {
            let reserve = inner.nursery.reserve(&inner.cage);
            let end = reserve.start + inner.nursery.committed_half_bytes();
            inner.cage.protect(reserve.start, end, tenure_memory::Access::ReadWrite);
        }
    }

    /// Calls `visit` with every root word.
    pub(crate) fn visit_roots(&self, mut visit: impl FnMut(*mut u64)) {
        self.registers.visit(&mut visit);
        self.operands.visit(&mut visit);
        self.handles.visit(&mut visit);
        let inner = self.inner();
        inner.roots.visit(&mut visit);
        for word in inner.globals.words_mut() {
            visit(word);
        }
        inner.watched.visit_roots(visit);
    }
}

impl Inner {
    pub(crate) fn sizes(&self, nursery_used_bytes: usize) -> HeapSizes {
        HeapSizes {
            nursery_used_bytes,
            nursery_committed_bytes: 2 * self.nursery.committed_half_bytes(),
            old_used_bytes: self.pointer.used_bytes() + self.data.used_bytes(),
            old_committed_bytes: self.pointer.committed_bytes() + self.data.committed_bytes(),
            large_used_bytes: self.large.used_bytes(),
            large_committed_bytes: self.large.committed_bytes(),
            bookkeeping_bytes: self.cage.table_bytes(),
            external_bytes: self.external_bytes,
        }
    }

    /// Returns the bytes used in the old generation, large objects included.
    pub(crate) fn old_bytes(&self) -> usize {
        self.pointer.used_bytes() + self.data.used_bytes() + self.large.used_bytes()
    }

    pub(crate) fn end_spill(&mut self, used_bytes: usize) {
        if let Err(e) = self.nursery.end_spill(&mut self.cage, used_bytes) {
            self.refused = Some(e);
        }
    }

    pub(crate) fn emit(&mut self, event: &Event<'_>) {
        if let Some(listener) = &mut self.listener {
            listener.on_event(event);
        }
    }

    /// Splits the borrow: the spaces, and what they need to grow.
    pub(crate) fn spaces(&mut self) -> (&mut BlockSpace, &mut BlockSpace, &mut LargeSpace, Pages<'_>) {
        (
            &mut self.pointer,
            &mut self.data,
            &mut self.large,
            Pages {
                cage: &mut self.cage,
                budget: &mut self.budget,
                refused: &mut self.refused,
            },
        )
    }

    pub(crate) fn header_of(object: ObjectRef) -> Header {
        // SAFETY: OBJ-HEADER, internal callers pass objects.
        unsafe { object.header() }
    }

    pub(crate) fn cause_of(reason: tenure_policy::trigger::TriggerReason) -> Cause {
        use tenure_policy::trigger::TriggerReason as T;
        match reason {
            T::OldLimit => Cause::AllocationLimit,
            T::LargeAllocation => Cause::LargeAllocation,
            T::PromotionRoom => Cause::PromotionRoom,
            T::ExternalHard | T::ExternalSoft => Cause::ExternalMemory,
        }
    }
}
