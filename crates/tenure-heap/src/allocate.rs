//! The slow paths of allocation: triggers, limits, the ladder to out-of-memory.
//!
//! [`Core::make_room`] is a safepoint: it collects until a request can be served, up to a last-resort collection and the
//! near-limit callback, and then says that it cannot. [`Core::allocate_slow`] never collects: it lets the nursery spill,
//! takes pages for large objects, or room in the old generation. Neither ever exits the process.

use std::ptr::NonNull;

use tenure_events::{Cause, Event};
use tenure_memory::Range;
use tenure_object::{CARDED_SLOTS_MIN, FLAG_CARDED, FLAG_LARGE, FLAG_PINNED, FLAG_UNLOGGED, Header, ObjectRef};
use tenure_policy::trigger::{TriggerInput, TriggerReason, Verdict, decide, external_hard_bytes};

use crate::core::{Core, Inner, NearLimit, Request, WINDOW_OBJECT_MAX_BYTES};
use crate::error::{AllocError, AllocErrorKind};
use crate::major::PROMOTE_ALL;

/// The least by which a spill grows.
const SPILL_STEP_BYTES: usize = 64 * 1024;

impl Core {
    /// Returns whether the request comes from the window in normal operation.
    fn is_windowed(request: &Request) -> bool {
        request.bytes <= WINDOW_OBJECT_MAX_BYTES && request.header & FLAG_PINNED == 0
    }

    /// Collects until the request can be served: afterwards the window or [`Core::allocate_slow`] has room, unless code
    /// that runs in between uses it up.
    ///
    /// # Errors
    ///
    /// When there is no room after a last-resort collection, and the near-limit callback does not raise the limit.
    ///
    /// # Safety
    ///
    /// Every reference that the mutator holds must be in a root (ROOT-EXACT).
    #[cold]
    #[inline(never)]
    pub unsafe fn make_room(&mut self, request: &Request) -> Result<(), AllocError> {
        self.stress_point();
        self.inner().refused = None;
        let accepted_bytes = self.inner().cage.large().bytes() / 2;
        if request.bytes > accepted_bytes {
            return Err(AllocError::new(
                request.bytes,
                AllocErrorKind::TooLarge { accepted_bytes },
            ));
        }
        if Self::is_windowed(request) {
            self.make_window_room(request)
        } else {
            self.make_old_room(request)
        }
    }

    fn window_fits(&self, request: &Request) -> bool {
        let start = {
            let inner = self.inner();
            inner.nursery.active(&inner.cage).start
        };
        // An empty nursery serves everything that the window may hold: what is larger than its capacity spills.
        let top = self.window.top.get();
        top + request.bytes <= self.inner().soft_limit || top == start
    }

    fn make_window_room(&mut self, request: &Request) -> Result<(), AllocError> {
        let requested = self.window.limit.get() == 0 && !self.inner().config.settings.counts_allocations();
        // One pause at a time: a full nursery is collected now, and a slice that is due comes soon after.
        if !requested && self.window_fits(request) {
            self.step_at_allocation();
            self.start_cycle_if_due();
            self.window.limit.set(self.step_limit());
            if self.window_fits(request) {
                return Ok(());
            }
        }
        let minor_requested = self.inner().minor_requested;
        match self.verdict(request) {
            Verdict::None | Verdict::Minor if minor_requested => {
                let inner = self.inner();
                let external = inner.external_since_slice_bytes >= inner.config.settings.mark_step_bytes;
                let cause = if external && inner.cycle.is_some() {
                    Cause::ExternalMemory
                } else {
                    Cause::RememberedSet
                };
                self.minor(cause, None);
            }
            Verdict::None | Verdict::Minor if self.inner().has_many_young_large() => {
                self.minor(Cause::LargeAllocation, None);
            }
            Verdict::None => {}
            Verdict::Minor if self.window_fits(request) => {}
            Verdict::Minor => self.minor(Cause::AllocationFailure, None),
            Verdict::Major(reason) => self.collect_major_for(reason),
        }
        self.start_cycle_if_due();
        self.reset_window();
        if self.window_fits(request) && !self.is_cramped() {
            return self.check_effective(request);
        }
        self.minor(Cause::PromotionRoom, Some(PROMOTE_ALL));
        if self.window_fits(request) && !self.is_cramped() {
            return Ok(());
        }
        self.collect_major(Cause::PromotionRoom);
        if self.window_fits(request) && !self.is_cramped() {
            return self.check_effective(request);
        }
        self.collect_last_resort();
        while !self.window_fits(request) || self.is_cramped() {
            if !self.raise_limit(request) {
                // Cramped, but it fits: the program may still finish.
                return if self.window_fits(request) {
                    Ok(())
                } else {
                    Err(self.out_of_memory(request))
                };
            }
            self.minor(Cause::PromotionRoom, Some(PROMOTE_ALL));
        }
        Ok(())
    }

    /// Returns whether survivors fill most of the nursery, so that collections would follow one another closely.
    fn is_cramped(&self) -> bool {
        let inner = self.inner();
        let start = inner.nursery.active(&inner.cage).start;
        self.window.top.get() - start > inner.nursery.capacity_bytes() / 8 * 7
    }

    /// Ends the run of a heap that does nothing but collect, as V8 does, unless the limit is raised.
    fn check_effective(&mut self, request: &Request) -> Result<(), AllocError> {
        if self.inner().gave_up {
            self.inner().gave_up = false;
            self.inner().ineffective.reset();
            if !self.raise_limit(request) {
                return Err(self.out_of_memory(request));
            }
        }
        Ok(())
    }

    fn make_old_room(&mut self, request: &Request) -> Result<(), AllocError> {
        match self.verdict(request) {
            Verdict::None => {}
            Verdict::Minor => self.minor(Cause::AllocationFailure, None),
            Verdict::Major(reason) => self.collect_major_for(reason),
        }
        let young_bytes = self.inner().large.young_bytes() + request.bytes;
        if young_bytes > self.inner().config.settings.max_semi_space_bytes && self.inner().large.young_bytes() > 0 {
            // A program that allocates nothing but large objects would never fill the nursery.
            self.minor(Cause::LargeAllocation, None);
        }
        self.advance_cycle();
        self.start_cycle_if_due();
        self.reset_window();
        if self.budget_fits(request) {
            return Ok(());
        }
        self.finish_sweeping();
        if self.budget_fits(request) {
            return Ok(());
        }
        self.collect_major_for_room(request.bytes);
        self.finish_sweeping();
        if self.budget_fits(request) {
            return Ok(());
        }
        self.collect_last_resort();
        while !self.budget_fits(request) {
            if !self.raise_limit(request) {
                return Err(self.out_of_memory(request));
            }
        }
        Ok(())
    }

    fn budget_fits(&self, request: &Request) -> bool {
        let inner = self.inner();
        if request.bytes > WINDOW_OBJECT_MAX_BYTES {
            return inner.budget.room_bytes() >= tenure_memory::round_up(request.bytes, tenure_memory::PAGE_BYTES);
        }
        let has_slots = ObjectRef::has_slots(Header::from_bits(request.header), &inner.kinds);
        let space = if has_slots { &inner.pointer } else { &inner.data };
        inner.budget.room_bytes() >= tenure_memory::BLOCK_BYTES || space.can_allocate(request.bytes / 8)
    }

    fn verdict(&self, request: &Request) -> Verdict {
        let inner = self.inner();
        let start = inner.nursery.active(&inner.cage).start;
        let request_is_large = !Self::is_windowed(request);
        decide(&TriggerInput {
            old_bytes: inner.old_bytes(),
            old_limit_bytes: inner.stop_bytes(if request_is_large { request.bytes } else { 0 }),
            max_bytes: inner.budget.max_bytes,
            nursery_used_bytes: self.window.top.get() - start,
            request_bytes: request.bytes,
            request_is_large,
            external_growth_bytes: inner.external_growth_bytes(),
            // Growth outside starts a cycle, if there are cycles.
            external_soft_bytes: if inner.config.settings.incremental_marking {
                usize::MAX
            } else {
                tenure_policy::trigger::EXTERNAL_SOFT_BYTES
            },
            external_hard_bytes: external_hard_bytes(inner.budget.max_bytes),
        })
    }

    fn collect_major_for(&mut self, reason: TriggerReason) {
        self.collect_major(crate::core::Inner::cause_of(reason));
    }

    /// Calls the near-limit callback. Returns whether it raised the limit.
    fn raise_limit(&mut self, request: &Request) -> bool {
        let inner = self.inner();
        let limit_bytes = inner.budget.max_bytes;
        let used_bytes = inner.old_bytes();
        let near = NearLimit {
            limit_bytes,
            initial_limit_bytes: inner.config.settings.max_old_bytes,
            used_bytes,
            requested_bytes: request.bytes,
        };
        let raised = inner.near_limit.as_mut().map(|callback| callback(near));
        let possible = inner.config.settings.reserved_bytes();
        // A raise by less than what is needed would only be followed by the next collection.
        let enough = limit_bytes + request.bytes.max(1);
        let raised = raised.map(|bytes| bytes.min(possible)).filter(|bytes| *bytes >= enough);
        inner.emit(&Event::NearLimit {
            limit_bytes,
            used_bytes,
            raised_to_bytes: raised,
        });
        if let Some(bytes) = raised {
            inner.budget.max_bytes = bytes;
            inner.old_limit_bytes = inner.old_limit_bytes.max(limit_bytes.min(bytes));
        }
        raised.is_some()
    }

    fn out_of_memory(&self, request: &Request) -> AllocError {
        let inner = self.inner();
        let (limit_bytes, used_bytes) = (inner.budget.max_bytes, inner.old_bytes());
        let kind = match inner.refused.take() {
            Some(e) => AllocErrorKind::PageSource(e),
            None => AllocErrorKind::HeapLimit {
                limit_bytes,
                used_bytes,
            },
        };
        let reason = match kind {
            AllocErrorKind::PageSource(_) => "the system has no pages",
            _ => "the heap's limit is reached",
        };
        inner.emit(&Event::OutOfMemory {
            requested_bytes: request.bytes,
            limit_bytes,
            reason,
        });
        AllocError::new(request.bytes, kind)
    }

    /// A safepoint without an allocation: collects if that is due.
    ///
    /// All references that the mutator holds must be in roots; `&mut` says that there are no others.
    #[cold]
    #[inline(never)]
    pub fn safepoint_slow(&mut self) {
        self.stress_point();
        let request = Request { header: 0, bytes: 0 };
        let full = self.window.top.get() > self.inner().soft_limit;
        let stepping = (self.has_slices() || self.room_is_due()) && self.window.top.get() > self.window.limit.get();
        let requested = self.window.limit.get() == 0 && !self.inner().config.settings.counts_allocations();
        if full || requested || stepping {
            // A safepoint has nobody to report to: the allocation that finds no room does.
            let _ = self.make_window_room(&request);
        } else if !self.inner().config.settings.counts_allocations() {
            // It was asked for to release resources, which the caller does.
            self.window.limit.set(self.step_limit());
        }
    }

    /// Counts an allocation, and collects if the stress settings say so.
    fn stress_point(&mut self) {
        let inner = self.inner();
        if !inner.config.settings.counts_allocations() {
            return;
        }
        inner.allocations += 1;
        let interval = inner.config.settings.cycle_interval;
        inner.cycle_requested |= interval > 0 && inner.allocations.is_multiple_of(interval);
        if inner.config.settings.gc_interval == 0 {
            return;
        }
        if inner.allocations.is_multiple_of(inner.config.settings.gc_interval) {
            inner.stress_collections += 1;
            if inner.stress_collections.is_multiple_of(8) {
                self.collect_major(Cause::Stress);
            } else {
                self.minor(Cause::Stress, None);
            }
        }
    }

    /// Allocates without collecting: the payload's address, with the header written and the payload zeroed.
    ///
    /// # Errors
    ///
    /// When the spill, the old generation and the system have no room.
    ///
    /// # Safety
    ///
    /// The header must be that of a kind of this heap and `bytes` its size; the payload must be initialized as the kind
    /// says before the next safepoint (KIND-LAYOUT).
    #[cold]
    #[inline(never)]
    pub unsafe fn allocate_slow(&self, request: &Request) -> Result<NonNull<u64>, AllocError> {
        let header = Header::from_bits(request.header);
        let object = if request.bytes > WINDOW_OBJECT_MAX_BYTES {
            self.allocate_large(request, header)
        } else if request.header & FLAG_PINNED != 0 {
            self.allocate_old(request, header)
        } else {
            self.allocate_spill(request, header)
                .or_else(|| self.allocate_old(request, header))
        };
        match object {
            // SAFETY: OBJ-HEADER, an object's address is not null.
            Some(object) => Ok(unsafe { NonNull::new_unchecked(object.payload() as *mut u64) }),
            None => Err(self.out_of_memory(request)),
        }
    }

    /// Takes from the window, extending the spill if need be.
    fn allocate_spill(&self, request: &Request, header: Header) -> Option<ObjectRef> {
        let top = self.window.top.get();
        if top + request.bytes > self.window.hard.get() {
            let inner = self.inner();
            let short = top + request.bytes - self.window.hard.get();
            let step = tenure_memory::round_up(short.max(SPILL_STEP_BYTES), SPILL_STEP_BYTES);
            if inner.nursery.spill_bytes() + step > inner.config.settings.max_spill_bytes {
                return None;
            }
            self.unprotect_reserve();
            let extended = inner.nursery.extend_spill(&mut inner.cage, step);
            self.protect_reserve();
            if let Err(e) = extended {
                inner.refused = Some(e);
                return None;
            }
            let start = inner.nursery.active(&inner.cage).start;
            self.window
                .hard
                .set(start + inner.nursery.capacity_bytes() + inner.nursery.spill_bytes());
        }
        self.window.top.set(top + request.bytes);
        let object = ObjectRef::from_address(top);
        // SAFETY: NUR-BUMP, the window has room.
        unsafe { initialize(object, header, request.bytes) };
        Some(object)
    }

    /// Takes room in the old generation. What is stored into the object may be young: it is remembered at once.
    fn allocate_old(&self, request: &Request, header: Header) -> Option<ObjectRef> {
        let inner = self.inner();
        let has_slots = ObjectRef::has_slots(header, &inner.kinds);
        let (pointer, data, _, mut pages) = inner.spaces();
        let space = if has_slots { pointer } else { data };
        let object = space.allocate(request.bytes / 8, &mut pages)?;
        if header.has(FLAG_PINNED) {
            space.note_pinned(object.address());
        }
        // SAFETY: OLD-COVERED, the space handed the words out.
        unsafe { initialize(object, header.with(FLAG_UNLOGGED), request.bytes) };
        if inner.cycle.is_some() {
            // Black, and in the remembered set below until it is looked at again.
            inner.marker.list_new(&inner.cage, &inner.kinds, object, has_slots);
        }
        if has_slots {
            // SAFETY: REM-UNIQUE, a new object.
            unsafe { inner.remembered.remember(object) };
        }
        inner.totals.allocated_bytes += request.bytes as u64;
        if inner.old_bytes() > inner.old_limit_bytes {
            self.request_safepoint();
        }
        Some(object)
    }

    fn allocate_large(&self, request: &Request, header: Header) -> Option<ObjectRef> {
        let inner = self.inner();
        let (_, _, large, mut pages) = inner.spaces();
        let object = large.allocate(request.bytes, true, &mut pages)?;
        if let Some(cycle) = &mut inner.cycle {
            cycle.large_bytes += request.bytes;
        }
        // The pages are new, and so zero. Stores into an array of slots are logged from its birth, so that the minor
        // collection that it survives need not look through all of it.
        // SAFETY: KIND-LAYOUT, the header is one of the heap's kinds.
        let (tail, slots) = unsafe { object.tail_references(header, &inner.kinds) };
        let carded = slots >= CARDED_SLOTS_MIN;
        let flags = FLAG_LARGE | if carded { FLAG_UNLOGGED | FLAG_CARDED } else { 0 };
        // SAFETY: LARGE-MAPPED, the space handed the pages out.
        unsafe { object.set_header(header.with(flags)) };
        if carded && tail as usize > object.payload() {
            // What comes before the tail is initialized without a barrier.
            let prefix = Range {
                start: object.payload(),
                end: tail as usize,
            };
            // SAFETY: OBJ-HEADER, the object's own range.
            unsafe { inner.remembered.remember_range(&inner.cage, object, prefix) };
        }
        if inner.has_many_young_large() || inner.old_bytes() > inner.old_limit_bytes {
            self.request_safepoint();
        }
        Some(object)
    }
}

impl Inner {
    /// Returns whether young large objects alone are reason enough for a minor collection: a program that allocates nothing but
    /// large objects would never fill the nursery.
    fn has_many_young_large(&self) -> bool {
        let capacity_bytes = self.nursery.capacity_bytes();
        self.large.young_bytes() > capacity_bytes.max(self.config.settings.max_semi_space_bytes)
    }
}

/// Writes the header and zeroes the payload.
///
/// # Safety
///
/// `bytes` bytes at the object must be owned and dead (MEM-OWNED).
unsafe fn initialize(object: ObjectRef, header: Header, bytes: usize) {
    // SAFETY: MEM-OWNED is the caller's obligation.
    unsafe { std::ptr::write_bytes(object.payload() as *mut u8, 0, bytes - 8) };
    // SAFETY: MEM-OWNED, as above.
    unsafe { object.set_header(header) };
}
