//! Protected calls: `pcall` and `xpcall`.
//!
//! Both leave the function where it stands among the arguments, so that the results need not be moved: only what says whether the call
//! succeeded is put before them. As in the reference implementation, they can be inside of each other about 200 deep.

use super::Functions;
use crate::native::{Action, Call, NativeFunction, Reply, Throw};
use crate::object::Type;
use crate::vm::message;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("pcall", NativeFunction::Region(pcall)),
    ("xpcall", NativeFunction::Region(xpcall)),
];

pub(super) fn pcall(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    call.check_any(1)?;
    if call.vm.is_too_deep() {
        let text = call.string(b"C stack overflow")?;
        return call.reply_all(&[Value::bool(false), text]);
    }
    Ok(Reply(Action::ProtectedCall {
        at: call.base,
        count: call.count() - 1,
        then: finish,
        handler: false,
    }))
}

pub(crate) fn xpcall(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    call.check_type(2, Type::Function)?;
    if call.vm.is_too_deep() {
        return Err(message::c_stack_overflow(call.vm, call.heap));
    }
    // Behind function and handler, which an error needs, come the function again and its arguments.
    let count = call.count();
    call.set_count(count + 1)?;
    let base = call.base;
    call.vm.move_registers(call.heap, base + 2, base + 3, count - 2);
    call.set_argument(3, call.argument(1));
    call.vm.set_native_count(2);
    Ok(Reply(Action::ProtectedCall {
        at: base + 2,
        count: count - 2,
        then: finish,
        handler: true,
    }))
}

/// Puts true before the results, or false before the error.
fn finish(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (at, count) = call.results;
    call.set_register(at - 1, Value::bool(!call.caught));
    Ok(Reply(Action::ReturnFrom(at - 1, count + 1)))
}
