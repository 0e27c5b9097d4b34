//! What the program calls a value: found by reading the code before an instruction.
//!
//! An instruction names registers; which variable, field or constant stood in one is found by looking for the instruction that set it
//! last, taking jumps into account. Linear in the length of the function, and only done for error messages and the debug library.

use crate::bytecode::{Instruction, Metamethod, Opcode};
use crate::object::{Proto, ProtoFields, ProtoMethods, Str, Val};
use tenure::prelude::*;

/// A name and what it is the name of: `local`, `global`, `field` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'h> {
    pub(crate) kind: &'static str,
    pub(crate) name: &'h [u8],
}

fn instruction(proto: Gc<'_, Proto>, pc: usize) -> Option<Instruction> {
    proto.code().tail().get(pc).map(crate::object::instruction)
}

/// Returns the name that a constant is, or `?` if it is no string.
fn constant_name<'h>(proto: Gc<'h, Proto>, index: usize) -> Result<&'h [u8], &'h [u8]> {
    let constant = proto.constants().tail().get(index).map(Slot::get);
    match constant.and_then(|constant: Val<'h>| constant.cast::<Str>()) {
        Some(name) => Ok(name.tail()),
        None => Err(b"?"),
    }
}

fn upvalue_name<'h>(proto: Gc<'h, Proto>, index: usize) -> &'h [u8] {
    proto.upvalue_name(index).unwrap_or(b"?")
}

/// Returns the instruction that set a register last before `last_pc`, if it is known to have run.
fn find_setter(proto: Gc<'_, Proto>, mut last_pc: usize, register: usize) -> Option<usize> {
    if instruction(proto, last_pc)?.opcode().calls_metamethod() {
        // The instruction that was to be done is the one before.
        last_pc = last_pc.checked_sub(1)?;
    }
    let (mut setter, mut jump_target) = (None, 0);
    for pc in 0..last_pc {
        let i = instruction(proto, pc)?;
        let a = usize::from(i.a());
        let changes = match i.opcode() {
            Opcode::LoadNil => (a..=a + usize::from(i.b())).contains(&register),
            Opcode::TForCall => register >= a + 2,
            Opcode::Call | Opcode::TailCall => register >= a,
            Opcode::Jmp => {
                let target = pc as i64 + 1 + i64::from(i.sj());
                if target <= last_pc as i64 && target > jump_target {
                    jump_target = target;
                }
                false
            }
            opcode => opcode.sets_a() && register == a,
        };
        if changes {
            // Inside of what a jump skips, it may not have run.
            setter = if (pc as i64) < jump_target { None } else { Some(pc) };
        }
    }
    setter
}

/// Either a name, or the instruction that set the register, if there is one.
type NameOrSetter<'h> = Result<Name<'h>, Option<usize>>;

fn basic_name<'h>(proto: Gc<'h, Proto>, pc: usize, register: usize) -> NameOrSetter<'h> {
    if let Some(name) = proto.local_name(register + 1, pc) {
        return Ok(Name { kind: "local", name });
    }
    let setter = find_setter(proto, pc, register).ok_or(None)?;
    let i = instruction(proto, setter).ok_or(None)?;
    let constant = |index| match constant_name(proto, index) {
        Ok(name) => Ok(Name { kind: "constant", name }),
        Err(_) => Err(Some(setter)),
    };
    match i.opcode() {
        Opcode::Move if i.b() < i.a() => basic_name(proto, setter, usize::from(i.b())),
        Opcode::GetUpval => Ok(Name {
            kind: "upvalue",
            name: upvalue_name(proto, usize::from(i.b())),
        }),
        Opcode::LoadK => constant(i.bx() as usize),
        Opcode::LoadKX => constant(instruction(proto, setter + 1).ok_or(None)?.ax() as usize),
        _ => Err(Some(setter)),
    }
}

/// Returns the name of the constant in a register, or `?`.
fn register_constant<'h>(proto: Gc<'h, Proto>, pc: usize, register: usize) -> &'h [u8] {
    match basic_name(proto, pc, register) {
        Ok(Name { kind: "constant", name }) => name,
        _ => b"?",
    }
}

/// Returns whether an access to `table` is one to a global variable.
fn global_or_field(proto: Gc<'_, Proto>, pc: usize, table: usize, is_upvalue: bool) -> &'static str {
    let name = if is_upvalue {
        Some(upvalue_name(proto, table))
    } else {
        match basic_name(proto, pc, table) {
            Ok(Name {
                kind: "local" | "upvalue",
                name,
            }) => Some(name),
            _ => None,
        }
    };
    if name == Some(b"_ENV") { "global" } else { "field" }
}

/// Returns the name of what stands in a register at `pc`.
pub(crate) fn register_name<'h>(proto: Gc<'h, Proto>, pc: usize, register: usize) -> Option<Name<'h>> {
    let setter = match basic_name(proto, pc, register) {
        Ok(name) => return Some(name),
        Err(setter) => setter?,
    };
    let i = instruction(proto, setter)?;
    let (b, c) = (usize::from(i.b()), usize::from(i.c()));
    let constant = |index| constant_name(proto, index).unwrap_or_else(|unknown| unknown);
    Some(match i.opcode() {
        Opcode::GetTabUp => Name {
            kind: global_or_field(proto, setter, b, true),
            name: constant(c),
        },
        Opcode::GetTable => Name {
            kind: global_or_field(proto, setter, b, false),
            name: register_constant(proto, setter, c),
        },
        Opcode::GetI => Name {
            kind: "field",
            name: b"integer index",
        },
        Opcode::GetField => Name {
            kind: global_or_field(proto, setter, b, false),
            name: constant(c),
        },
        Opcode::SelfOp => Name {
            kind: "method",
            name: if i.k() {
                constant(c)
            } else {
                register_constant(proto, setter, c)
            },
        },
        _ => return None,
    })
}

/// Returns the name of an upvalue.
pub(crate) fn upvalue<'h>(proto: Gc<'h, Proto>, index: usize) -> Name<'h> {
    Name {
        kind: "upvalue",
        name: upvalue_name(proto, index),
    }
}

/// Returns the name under which the instruction at `pc` calls a function.
pub(crate) fn called_name<'h>(proto: Gc<'h, Proto>, pc: usize) -> Option<Name<'h>> {
    let i = instruction(proto, pc)?;
    let event = match i.opcode() {
        Opcode::Call | Opcode::TailCall => return register_name(proto, pc, usize::from(i.a())),
        Opcode::TForCall => {
            return Some(Name {
                kind: "for iterator",
                name: b"for iterator",
            });
        }
        Opcode::SelfOp | Opcode::GetTabUp | Opcode::GetTable | Opcode::GetI | Opcode::GetField => Metamethod::Index,
        Opcode::SetTabUp | Opcode::SetTable | Opcode::SetI | Opcode::SetField => Metamethod::NewIndex,
        Opcode::MmBin | Opcode::MmBinI | Opcode::MmBinK => Metamethod::from_number(i.c())?,
        Opcode::Unm => Metamethod::Unm,
        Opcode::BNot => Metamethod::BNot,
        Opcode::Len => Metamethod::Len,
        Opcode::Concat => Metamethod::Concat,
        Opcode::Eq => Metamethod::Eq,
        Opcode::Lt | Opcode::LtI | Opcode::GtI => Metamethod::Lt,
        Opcode::Le | Opcode::LeI | Opcode::GeI => Metamethod::Le,
        Opcode::Close | Opcode::Return => Metamethod::Close,
        _ => return None,
    };
    Some(Name {
        kind: "metamethod",
        name: event.name().trim_start_matches('_').as_bytes(),
    })
}
