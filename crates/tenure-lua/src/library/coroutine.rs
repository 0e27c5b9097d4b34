//! Coroutines.
//!
//! The functions say what is to be done, and the interpreter switches threads: see [`crate::vm`]. Values given and taken stay where they
//! stand on the stack as far as possible.

use super::{Functions, new_native};
use crate::native::{Action, Call, NativeFunction, Reply, Throw};
use crate::object::{LuaValue, Objects, Status, Thread, Val, symbol};
use crate::vm::coroutine::new_thread;
use crate::vm::message;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("close", NativeFunction::Region(close)),
    ("create", NativeFunction::Region(create)),
    ("isyieldable", NativeFunction::Region(is_yieldable)),
    ("resume", NativeFunction::Region(resume)),
    ("running", NativeFunction::Region(running)),
    ("status", NativeFunction::Region(status)),
    ("wrap", NativeFunction::Region(wrap)),
    ("yield", NativeFunction::Region(yield_values)),
];

fn check_thread<'h>(call: &mut Call<'_, 'h>) -> Result<Gc<'h, Thread>, Throw> {
    match call.argument(1).cast::<Thread>() {
        Some(thread) => Ok(thread),
        None => Err(call.type_error(1, "thread")),
    }
}

fn check_function<'h>(call: &mut Call<'_, 'h>) -> Result<Val<'h>, Throw> {
    call.check_type(1, crate::object::Type::Function)
}

fn create(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let function = check_function(call)?;
    let thread = new_thread(call.heap, function)?;
    call.reply(thread.into())
}

fn wrap(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let function = check_function(call)?;
    let thread = new_thread(call.heap, function)?;
    let resumer = new_native(call.heap, NativeFunction::Region(resume_wrapped), &[thread.into()])?;
    call.reply(resumer)
}

fn yield_values(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    Ok(Reply(Action::Yield(call.base, call.count())))
}

/// Why a thread cannot be resumed, if so.
fn refusal(thread: Gc<'_, Thread>) -> Option<&'static [u8]> {
    match thread.status.get() {
        Status::Suspended => None,
        Status::Dead => Some(b"cannot resume dead coroutine"),
        Status::Running | Status::Normal => Some(b"cannot resume non-suspended coroutine"),
    }
}

fn resume(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let thread = check_thread(call)?;
    if let Some(text) = refusal(thread) {
        let text = call.string(text)?;
        return call.reply_all(&[Value::bool(false), text]);
    }
    Ok(Reply(Action::Resume {
        at: call.base,
        count: call.count() - 1,
        then: |call| {
            let (at, count) = call.results;
            call.set_register(at - 1, Value::bool(!call.caught));
            Ok(Reply(Action::ReturnFrom(at - 1, count + 1)))
        },
    }))
}

/// The function that `wrap` returns.
fn resume_wrapped(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.upvalue(1);
    if let Some(text) = value.cast::<Thread>().and_then(refusal) {
        return Err(call.error(text));
    }
    let (base, count) = (call.base, call.count());
    call.set_count(count + 1)?;
    call.vm.move_registers(call.heap, base, base + 1, count);
    call.set_register(base, value);
    Ok(Reply(Action::Resume {
        at: base,
        count,
        then: |call| {
            if !call.caught {
                return call.reply_results();
            }
            let thread = call.upvalue(1);
            if thread
                .cast::<Thread>()
                .is_some_and(|thread| thread.status.get() != Status::Dead)
            {
                // It could not even be resumed.
                let error = call.result(1);
                return rethrow(call, error);
            }
            call.set_count(1)?;
            call.set_argument(1, thread);
            Ok(Reply(Action::CloseThread {
                at: call.base,
                then: |call| {
                    let error = call.result(1);
                    rethrow(call, error)
                },
            }))
        },
    }))
}

/// Raises the error of a coroutine in the function that resumed it.
fn rethrow<'h>(call: &mut Call<'_, 'h>, error: Val<'h>) -> Result<Reply, Throw> {
    // As in the reference implementation, nothing is put before the error of used up memory.
    let text = error
        .bytes()
        .filter(|_| error != call.heap.roots().no_memory.get().into());
    let Some(text) = text else {
        return Err(call.throw(error));
    };
    let position = message::position(call.vm, call.heap, 1);
    let error = call.string_of(&[&position, text])?;
    Err(call.throw(error))
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Suspended => "suspended",
        Status::Running => "running",
        Status::Normal => "normal",
        Status::Dead => "dead",
    }
}

fn status(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let status = check_thread(call)?.status.get();
    let name = symbol(call.heap, status_name(status).as_bytes())?;
    call.reply(name.into())
}

fn current<'h>(h: &'h Heap<Objects>) -> Option<Gc<'h, Thread>> {
    h.roots().thread.get().or(h.roots().main_thread.get())
}

fn running(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let is_main = call.heap.roots().thread.get().is_none();
    let thread: Val<'_> = current(call.heap).into();
    call.reply_all(&[thread, Value::bool(is_main)])
}

fn is_yieldable(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let yieldable = if call.count() == 0 {
        call.vm.is_yieldable()
    } else {
        let thread = check_thread(call)?;
        let is_current = current(call.heap).is_some_and(|current| current.ptr_eq(thread));
        let is_main = call
            .heap
            .roots()
            .main_thread
            .get()
            .is_some_and(|main| main.ptr_eq(thread));
        if is_current { call.vm.is_yieldable() } else { !is_main }
    };
    call.reply(Value::bool(yieldable))
}

fn close(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let status = check_thread(call)?.status.get();
    if !matches!(status, Status::Suspended | Status::Dead) {
        let text = [b"cannot close a ", status_name(status).as_bytes(), b" coroutine"].concat();
        return Err(call.error(&text));
    }
    Ok(Reply(Action::CloseThread {
        at: call.base,
        then: |call| {
            let error = call.result(1);
            if error.is_undefined() {
                return call.reply(Value::bool(true));
            }
            call.reply_all(&[Value::bool(false), error])
        },
    }))
}
