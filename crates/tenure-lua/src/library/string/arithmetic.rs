//! Arithmetic on strings: numerals are converted, and other strings leave it to the other operand's metamethod.
//!
//! Linear in the length of the numerals.

use crate::bytecode::Metamethod;
use crate::native::{Call, NativeFunction, Reply, Throw, to_number};
use crate::object::{LuaValue, Type};
use crate::vm::arithmetic::compute;
use crate::vm::message;
use crate::vm::metamethod::of_value;

pub(super) const METAMETHODS: &[(Metamethod, NativeFunction)] = &[
    (
        Metamethod::Add,
        NativeFunction::Region(|call| arithmetic(call, Metamethod::Add)),
    ),
    (
        Metamethod::Sub,
        NativeFunction::Region(|call| arithmetic(call, Metamethod::Sub)),
    ),
    (
        Metamethod::Mul,
        NativeFunction::Region(|call| arithmetic(call, Metamethod::Mul)),
    ),
    (
        Metamethod::Mod,
        NativeFunction::Region(|call| arithmetic(call, Metamethod::Mod)),
    ),
    (
        Metamethod::Pow,
        NativeFunction::Region(|call| arithmetic(call, Metamethod::Pow)),
    ),
    (
        Metamethod::Div,
        NativeFunction::Region(|call| arithmetic(call, Metamethod::Div)),
    ),
    (
        Metamethod::IDiv,
        NativeFunction::Region(|call| arithmetic(call, Metamethod::IDiv)),
    ),
    (
        Metamethod::Unm,
        NativeFunction::Region(|call| arithmetic(call, Metamethod::Unm)),
    ),
];

fn arithmetic(call: &mut Call<'_, '_>, event: Metamethod) -> Result<Reply, Throw> {
    let (x, y) = (call.argument(1), call.argument(2));
    let (Some(a), Some(b)) = (to_number(x), to_number(y)) else {
        return by_other_operand(call, event);
    };
    match compute(event, a, b) {
        Ok(Some(number)) => {
            let result = call.number(number)?;
            call.reply(result)
        }
        Ok(None) => by_other_operand(call, event),
        // Without a position: the error is one of this native function.
        Err(error) => Err(message::throw_text(call.heap, error.message())),
    }
}

fn by_other_operand(call: &mut Call<'_, '_>, event: Metamethod) -> Result<Reply, Throw> {
    let (x, y) = (call.argument(1), call.argument(2));
    let method = of_value(call.heap, y, event).filter(|_| y.type_of() != Type::String);
    let Some(method) = method else {
        let operation = event.name().trim_start_matches('_');
        let (x, y) = (x.type_of().name(), y.type_of().name());
        return Err(call.error(format!("attempt to {operation} a '{x}' with a '{y}'").as_bytes()));
    };
    call.call_then(method, &[x, y], |call| {
        let result = call.result(1);
        call.reply(result)
    })
}
