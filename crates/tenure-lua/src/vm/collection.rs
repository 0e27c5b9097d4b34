//! What programs ask of the collector: weak tables, finalizers, and collections.
//!
//! `__mode` is looked at when a metatable is set, and again where a key is added to a table that has one, where raw assignment and
//! traversal begin; one that no `__mode` is known of costs a test. Before a collection that the program asks for, all tables are looked
//! at whose metatables had one; and all tables that there are, once, if one was given to a metatable in use. `__gc` is looked at when a metatable is set, and marks the object for
//! finalization by the heap. Due finalizers are called between two instructions, after a safepoint: a load when there are none. They run
//! on top of whatever runs, guarded by a native function that turns errors into warnings, one after the other and never inside of each
//! other.
//!
//! A collection that the program does not ask for looks at no `__mode`: a table that nobody touches after its metatable's has changed
//! stays as it was, unlike in the reference implementation, until the program asks for one.

use super::driver::CALL_SLACK;
use super::metamethod::{in_metatable, of_value};
use super::reachable::reachable_tables;
use super::{DEPTH_MAX, Pending, STACK_MAX, Vm};
use crate::bytecode::Metamethod;
use crate::native::{Action, Call, NativeFunction, Reply, Throw};
use crate::object::{
    LuaValue, Mode, Objects, SetError, Table, TableFields, TableMethods, Userdata, UserdataFields, Val, drop_dead_keys,
    mode, remember_mode, set_mode, tables_with_mode,
};
use tenure::Progress;
use tenure::prelude::*;

/// Finalizers that run, or may not any more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Finalizers {
    /// One runs.
    pub(crate) is_running: bool,
    /// The state is being closed: no object is marked any more.
    pub(crate) is_closing: bool,
    seen: Seen,
}

/// How far the heap was when finalizers were called last at the end of a full collection.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    majors: u64,
    allocated_bytes: u64,
}

/// What a program has to allocate at least before a finalizer that waits makes the heap collect.
const CYCLE_BYTES_MIN: u64 = 1 << 20;
/// What a safepoint marks then.
const FINALIZER_STEP_NS: u64 = 500_000;

/// Bytes that a step without a size stands for, beside an eighth of what the heap holds.
const STEP_BYTES: u64 = 8 << 10;
/// Bytes that marking is taken to get through in a nanosecond.
const BYTES_PER_NS: u64 = 1;

/// How often room is made for tables that change their mode at one collection.
const MODE_ATTEMPTS: usize = 8;

/// Returns the mode that a metatable asks for.
fn mode_of<'h>(h: &'h Heap<Objects>, meta: Option<Gc<'h, Table>>) -> Mode {
    let text = meta.and_then(|meta| in_metatable(h, meta, Metamethod::Mode));
    text.and_then(|text| text.bytes()).map_or(Mode::Strong, Mode::of_bytes)
}

/// Makes a table as weak as its metatable says now, and returns whether it is weak.
///
/// # Errors
///
/// When the region has no memory left: the table is as before.
#[inline]
pub(crate) fn follow_mode<'h>(
    h: &'h Heap<Objects>,
    table: Gc<'h, Table>,
    meta: Gc<'h, Table>,
) -> Result<bool, SetError> {
    if meta.absent.get() & 1 << Metamethod::Mode.number() != 0 && mode(table) == Mode::Strong {
        return Ok(false);
    }
    let new = mode_of(h, Some(meta));
    set_mode(h, table, new)?;
    Ok(new != Mode::Strong)
}

/// The same for a table that may have no metatable.
///
/// # Errors
///
/// As [`follow_mode`].
pub(crate) fn follow_own_mode<'h>(h: &'h Heap<Objects>, table: Gc<'h, Table>) -> Result<(), SetError> {
    match table.meta() {
        Some(meta) => follow_mode(h, table, meta).map(drop),
        None => Ok(()),
    }
}

/// Remembers a table whose metatable has a `__mode` that is none: nobody is told when it is replaced. Weak ones are remembered anyway.
fn remember_replaceable<'h>(h: &'h Heap<Objects>, table: Gc<'h, Table>, meta: Gc<'h, Table>) -> Result<(), SetError> {
    let is_odd = mode_of(h, Some(meta)) == Mode::Strong && in_metatable(h, meta, Metamethod::Mode).is_some();
    if is_odd { remember_mode(h, table) } else { Ok(()) }
}

/// Makes all tables as weak as their metatables say now. Takes time proportional to the tables that had a `__mode` before; if one was
/// given to a metatable in use, to everything that the program can reach.
///
/// # Errors
///
/// When the region has no memory left: some tables are as before.
fn follow_modes(vm: &Vm, h: &Heap<Objects>) -> Result<(), SetError> {
    for table in tables_with_mode(h) {
        follow_own_mode(h, table)?;
    }
    if h.roots().has_new_mode.get().is_falsy() {
        return Ok(());
    }
    for table in reachable_tables(h, vm.live_registers(h)) {
        if let Some(meta) = table.meta() {
            remember_replaceable(h, table, meta)?;
            follow_mode(h, table, meta)?;
        }
    }
    h.roots().has_new_mode.set(Value::bool(false));
    Ok(())
}

/// Gives a table a metatable, or takes it away, with all that follows from `__mode` and `__gc`.
///
/// # Errors
///
/// When the region has no memory left: the table is as before.
pub(crate) fn set_metatable<'h>(
    vm: &Vm,
    h: &'h Heap<Objects>,
    table: Gc<'h, Table>,
    meta: Option<Gc<'h, Table>>,
) -> Result<(), SetError> {
    if let Some(meta) = meta {
        meta.become_metatable();
        remember_replaceable(h, table, meta)?;
    }
    set_mode(h, table, mode_of(h, meta))?;
    table.set_meta(h, meta);
    if wants_finalizer(vm, h, meta) && !table.replace_marked(true) {
        h.register_finalizer(table, 0);
    }
    Ok(())
}

/// Gives a userdata a metatable, or takes it away.
pub(crate) fn set_userdata_metatable<'h>(
    vm: &Vm,
    h: &'h Heap<Objects>,
    userdata: Gc<'h, Userdata>,
    meta: Option<Gc<'h, Table>>,
) {
    userdata.set_meta(h, meta);
    if wants_finalizer(vm, h, meta) && !userdata.is_marked.replace(true) {
        h.register_finalizer(userdata, 0);
    }
}

fn wants_finalizer<'h>(vm: &Vm, h: &'h Heap<Objects>, meta: Option<Gc<'h, Table>>) -> bool {
    !vm.finalizers.is_closing && meta.is_some_and(|meta| in_metatable(h, meta, Metamethod::Gc).is_some())
}

/// The native function that calls a finalizer, its first argument, with the second one.
pub(crate) const GUARD: NativeFunction = NativeFunction::Region(guard);

fn guard(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    Ok(Reply(Action::ProtectedCall {
        at: call.base,
        count: call.count().saturating_sub(1),
        then: report,
        handler: false,
    }))
}

fn report(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    if call.caught {
        let error = call.result(1);
        warn_of_finalizer(call.vm, error);
    }
    call.reply_none()
}

fn warn_of_finalizer(vm: &mut Vm, error: Val<'_>) {
    let text = error.bytes().unwrap_or(b"error object is not a string");
    vm.services.warn(&[b"error in __gc (", text, b")"].concat());
}

/// Takes the next object that is due, and its finalizer if it still has one.
fn take_due(h: &Heap<Objects>) -> Option<(Val<'_>, Option<Val<'_>>)> {
    let object = h.next_finalizable()?;
    if let Some(table) = object.cast::<Table>() {
        table.replace_marked(false);
    } else if let Some(userdata) = object.cast::<Userdata>() {
        userdata.is_marked.set(false);
    }
    Some((object, of_value(h, object, Metamethod::Gc)))
}

impl Vm {
    /// Calls finalizers at a safepoint of the program. In generational mode, those of all that was found dead; in incremental mode, as in
    /// the reference implementation, at the end of a full collection. That comes when the program has allocated as much as the heap holds,
    /// if something waits for it.
    pub(crate) fn finalize_at_safepoint(&mut self, h: &mut Heap<Objects>) {
        if h.finalizable_count() > 0 && !self.finalizers.is_running {
            self.finalize_in_turn(h);
        }
    }

    #[cold]
    #[inline(never)]
    fn finalize_in_turn(&mut self, h: &mut Heap<Objects>) {
        if !self.services.collector.is_generational {
            let statistics = h.statistics();
            let (majors, allocated_bytes) = (statistics.major_collections, statistics.allocated_bytes);
            let seen = &mut self.finalizers.seen;
            if majors == seen.majors {
                let due_bytes = seen.allocated_bytes + (statistics.sizes.used_bytes() as u64).max(CYCLE_BYTES_MIN);
                if allocated_bytes < due_bytes {
                    return;
                }
                if h.config().settings().incremental_marking {
                    h.start_marking();
                    h.step(h.now_ns().saturating_add(FINALIZER_STEP_NS));
                } else {
                    h.collect();
                }
                if h.statistics().major_collections == majors {
                    return;
                }
            }
            *seen = Seen {
                majors: h.statistics().major_collections,
                allocated_bytes,
            };
        }
        self.call_due(h);
    }

    /// Calls the finalizers that are due now, unless one runs or an error is on its way.
    pub(crate) fn call_finalizers(&mut self, h: &mut Heap<Objects>) {
        if h.finalizable_count() > 0 {
            self.call_due(h);
        }
    }

    #[cold]
    #[inline(never)]
    fn call_due(&mut self, h: &mut Heap<Objects>) {
        // Function and arguments of the guard, and what it needs to call.
        const NEEDED: usize = 8;
        let at = self.live_registers(h) + CALL_SLACK;
        let is_raising = matches!(self.pending, Pending::Throw | Pending::Unwind);
        let has_room = at + NEEDED < STACK_MAX && self.depth + 2 < DEPTH_MAX;
        if self.finalizers.is_running || is_raising || !has_room || self.reach(h, at + NEEDED).is_err() {
            return;
        }
        let (top, handlers, attempts) = (self.top, self.handlers, self.attempts);
        self.finalizers.is_running = true;
        // Those that come due meanwhile wait for the next safepoint.
        for _ in 0..h.finalizable_count() {
            let region = &*h;
            let Some((object, method)) = take_due(region) else {
                break;
            };
            let Some(method) = method else { continue };
            let guard = region.roots().guard.get().into();
            for (register, value) in [guard, method, object].into_iter().enumerate() {
                self.set_register(region, at + register, value);
            }
            self.top = at + 3;
            self.handlers = 0;
            if self.call(h, at, 2).is_err() {
                // The guard itself could not be called.
                let error = h.roots().error.get();
                warn_of_finalizer(self, error);
            }
            self.top = top;
        }
        self.finalizers.is_running = false;
        (self.handlers, self.attempts) = (handlers, attempts);
        for register in at..at + NEEDED {
            self.set_register(h, register, Value::nil());
        }
    }

    /// Calls the finalizers of all objects that have one, dead or alive, for the end of the state.
    pub(crate) fn close(&mut self, h: &mut Heap<Objects>) {
        self.finalizers.is_closing = true;
        h.finalize_all();
        let mut left = usize::MAX;
        while h.finalizable_count() > 0 && h.finalizable_count() < left {
            left = h.finalizable_count();
            self.call_finalizers(h);
        }
    }

    /// Makes tables as weak as their metatables say, as far as memory goes: what is left stays for the next time.
    fn follow_modes(&mut self, h: &mut Heap<Objects>) {
        for _ in 0..MODE_ATTEMPTS {
            let Err(SetError::NoRoom(no_room)) = follow_modes(self, h) else {
                return;
            };
            if h.try_reserve(no_room.bytes).is_err() {
                return;
            }
        }
    }

    /// Collects everything, and calls the finalizers of what was found dead.
    pub(crate) fn collect(&mut self, h: &mut Heap<Objects>) {
        self.show_registers(h, 0);
        self.follow_modes(h);
        h.collect();
        if drop_dead_keys(h) {
            h.collect();
        }
        self.services.collector.debt_bytes = 0;
        self.call_finalizers(h);
    }

    /// Does a step of a collection, as if so many KiB had been allocated, or a basic one. Returns whether it ended a cycle.
    ///
    /// In incremental mode a step is a stretch of time in a cycle, in generational mode a minor collection. When steps have asked for as
    /// much as the heap holds, and no cycle has ended, the step is a full collection.
    pub(crate) fn collect_step(&mut self, h: &mut Heap<Objects>, kib: i64) -> bool {
        self.show_registers(h, 0);
        let kib = u64::try_from(kib).unwrap_or(0);
        let used_bytes = h.statistics().sizes.used_bytes() as u64;
        let bytes = if kib == 0 {
            used_bytes / 8 + STEP_BYTES
        } else {
            kib.saturating_mul(1024)
        };
        let debt_bytes = self.services.collector.debt_bytes.saturating_add(bytes);
        let mut is_end = debt_bytes >= used_bytes;
        if is_end {
            self.follow_modes(h);
            h.collect();
        } else if h.config().settings().incremental_marking && !self.services.collector.is_generational {
            h.start_marking();
            is_end = h.step(h.now_ns().saturating_add(bytes / BYTES_PER_NS)) != Progress::More;
        } else {
            h.collect_minor();
        }
        self.services.collector.debt_bytes = if is_end { 0 } else { debt_bytes };
        self.call_finalizers(h);
        is_end
    }
}
