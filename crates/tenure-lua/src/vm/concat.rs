//! Concatenation of many operands at once.
//!
//! Operands that are strings or numbers are joined from the right in one allocation, as many as there are in a row; only between others is
//! a metamethod called. Linear in the length of the result.

use super::access::Operand;
use super::metamethod::of_value;
use super::{Vm, message};
use crate::bytecode::Metamethod;
use crate::native::Throw;
use crate::object::{LuaValue, NoRoom, Objects, Str, Val, new_string, new_string_of};
use crate::pure::number::number_text;
use tenure::prelude::*;

/// Operands that are joined without a buffer in between.
const PIECES_MAX: usize = 8;

/// Joins the `count` values in registers from `first` on, and leaves the result in `first`. Returns whether a metamethod is to be called
/// first: it is pending then, and completes this instruction.
#[inline(never)]
pub(crate) fn concat(vm: &mut Vm, h: &Heap<Objects>, first: usize, mut count: usize) -> Result<bool, Throw> {
    while count > 1 {
        let Some(operands) = h.register_area().get(first..first + count) else {
            return Err(message::corrupt(vm, h));
        };
        let texts = operands
            .iter()
            .rev()
            .take_while(|operand| is_text(operand.get()))
            .count();
        if texts < 2 {
            let (x, y) = (operands[count - 2].get(), operands[count - 1].get());
            let method = of_value(h, x, Metamethod::Concat).or_else(|| of_value(h, y, Metamethod::Concat));
            let Some(method) = method else {
                let register = |index: usize| Operand::Register((first + index - vm.base) as u8);
                return Err(message::arithmetic_error(
                    vm,
                    h,
                    Metamethod::Concat,
                    (x, register(count - 2)),
                    (y, register(count - 1)),
                ));
            };
            vm.frames.top.pending_top = count as u32;
            vm.call_metamethod(h, method, &[x, y])?;
            return Ok(true);
        }
        let joined = join(h, &operands[count - texts..])?;
        operands[count - texts].set(joined.into());
        count -= texts - 1;
    }
    Ok(false)
}

fn is_text(value: Val<'_>) -> bool {
    value.is::<Str>() || value.number().is_some()
}

fn join<'h>(h: &'h Heap<Objects>, operands: &'h [RSlot<Objects>]) -> Result<Gc<'h, Str>, NoRoom> {
    if operands.len() <= PIECES_MAX {
        let mut pieces: [&[u8]; PIECES_MAX] = [b""; PIECES_MAX];
        let strings = operands.iter().zip(&mut pieces).all(|(operand, piece)| {
            let bytes = operand.get().bytes();
            *piece = bytes.unwrap_or(b"");
            bytes.is_some()
        });
        if strings {
            return new_string_of(h, &pieces[..operands.len()]);
        }
    }
    let mut buffer = Vec::new();
    for operand in operands {
        let value = operand.get();
        match (value.bytes(), value.number()) {
            (Some(bytes), _) => buffer.extend_from_slice(bytes),
            (None, Some(number)) => buffer.extend_from_slice(&number_text(number)),
            (None, None) => {}
        }
    }
    new_string(h, &buffer)
}
