//! Instructions in full, for the cases that the loop does not do itself.
//!
//! The loop does what needs no call, and comes here with everything else: allocation, metamethods, conversions, errors. Nothing that the
//! loop keeps in machine registers lives across such a call, which is what makes the loop fast; it borrows everything anew afterwards. A
//! few dozen machine instructions more than the work itself.

use super::access::{Found, Operand, index, set_index};
use super::arithmetic::{Outcome, fast, fast_float, full, int_floor_division, int_modulo};
use super::close::close_upvalues;
use super::compare::{compare, equals};
use super::concat::concat;
use super::execute::{Leave, call_native, call_of, count_of, iteration_of, length};
use super::functions::{copy_varargs, prepare_varargs, tail_call, upvalue_value};
use super::window::{Here, here};
use super::{ALL, Exit, Pending, Vm, loops, message};
use crate::bytecode::{Instruction, Metamethod, Opcode};
use crate::native::Throw;
use crate::object::{
    Closure, ClosureFields, LuaValue, Native, NativeFields, Objects, Str, Table, UpVal, Val, instruction, set_list,
};
use crate::pure::number::{float_floor_division, float_modulo, power};
use tenure::prelude::*;

impl From<Throw> for Leave {
    fn from(throw: Throw) -> Leave {
        Leave::Throw(throw)
    }
}

/// Executes the instruction before the top frame's next, and returns what the loop goes on with.
#[inline(never)]
pub(super) fn execute_whole<'h>(vm: &mut Vm, h: &'h Heap<Objects>) -> Result<Here<'h>, Leave> {
    let Some(mut at) = here(vm, h) else {
        return Err(message::corrupt(vm, h).into());
    };
    let Some(i) = at.pc.checked_sub(1).and_then(|pc| at.code.get(pc)).map(instruction) else {
        return Err(message::corrupt(vm, h).into());
    };
    Whole { vm, h, at: &mut at, i }.execute()?;
    vm.frames.top.pc = at.pc as u64;
    if h.safepoint_due() {
        return Err(Leave::Exit(Exit::Safepoint));
    }
    Ok(at)
}

fn unless_pending(is_pending: bool) -> Result<(), Leave> {
    if is_pending { Err(Leave::Pending) } else { Ok(()) }
}

/// An instruction that is executed.
struct Whole<'a, 'h> {
    vm: &'a mut Vm,
    h: &'h Heap<Objects>,
    at: &'a mut Here<'h>,
    i: Instruction,
}

impl<'h> Whole<'_, 'h> {
    fn execute(&mut self) -> Result<(), Leave> {
        let (i, h) = (self.i, self.h);
        match i.opcode() {
            // ---- Tables.
            Opcode::GetTabUp => {
                let object = upvalue_value(h, self.upvalue(i.b())?);
                self.read_field(object, self.constant(i.c())?, Operand::Upvalue(i.b()))
            }
            Opcode::GetTable => self.read(self.get(i.c())),
            Opcode::GetI => self.read(Value::int(i64::from(i.c()))),
            Opcode::GetField => self.read_field(self.get(i.b()), self.constant(i.c())?, Operand::Register(i.b())),
            Opcode::SelfOp => {
                let (object, key) = (self.get(i.b()), self.register_or_constant()?);
                self.set(i.a().wrapping_add(1), object);
                self.read_field(object, key, Operand::Register(i.b()))
            }
            Opcode::SetTabUp => {
                let object = upvalue_value(h, self.upvalue(i.a())?);
                self.write_field(object, self.constant(i.b())?, Operand::Upvalue(i.a()))
            }
            Opcode::SetTable => self.write(self.get(i.b())),
            Opcode::SetI => self.write(Value::int(i64::from(i.b()))),
            Opcode::SetField => self.write_field(self.get(i.a()), self.constant(i.b())?, Operand::Register(i.a())),
            Opcode::SetList => {
                let Some(table) = self.get(i.a()).cast::<Table>() else {
                    return Err(self.corrupt());
                };
                let first = self.vm.base + usize::from(i.a()) + 1;
                let count = match i.b() {
                    0 => self.vm.top.saturating_sub(first),
                    count => usize::from(count),
                };
                let start = count_of(i, self.at.code.get(self.at.pc));
                set_list(h, table, start, first, count).map_err(Throw::of_set)?;
                self.at.pc += usize::from(i.k());
                Ok(())
            }

            // ---- Arithmetic.
            Opcode::MmBin => {
                let x = (self.get(i.a()), Operand::Register(i.a()));
                let y = (self.get(i.b()), Operand::Register(i.b()));
                self.arithmetic(x, y)
            }
            Opcode::MmBinI => {
                let x = (self.get(i.a()), Operand::Register(i.a()));
                let y = (Value::int(i64::from(i.sb())), Operand::Unknown);
                if i.k() {
                    self.arithmetic(y, x)
                } else {
                    self.arithmetic(x, y)
                }
            }
            Opcode::MmBinK => {
                let x = (self.get(i.a()), Operand::Register(i.a()));
                let y = (self.constant(i.b())?, Operand::Unknown);
                if i.k() {
                    self.arithmetic(y, x)
                } else {
                    self.arithmetic(x, y)
                }
            }
            Opcode::Mod | Opcode::ModK => {
                let y = self.second_operand(Opcode::ModK)?;
                self.computed(fast(self.get(i.b()), y, int_modulo, float_modulo))
            }
            Opcode::IDiv | Opcode::IDivK => {
                let y = self.second_operand(Opcode::IDivK)?;
                self.computed(fast(self.get(i.b()), y, int_floor_division, float_floor_division))
            }
            Opcode::Pow | Opcode::PowK => {
                let y = self.second_operand(Opcode::PowK)?;
                self.computed(fast_float(self.get(i.b()), y, power))
            }
            Opcode::Unm => self.unary(Metamethod::Unm),
            Opcode::BNot => self.unary(Metamethod::BNot),
            Opcode::Len => match length(self.vm, h, self.get(i.b()), Operand::Register(i.b()))? {
                Some(length) => {
                    self.set(i.a(), Value::int(length));
                    Ok(())
                }
                None => Err(Leave::Pending),
            },
            Opcode::Concat => {
                let first = self.vm.base + usize::from(i.a());
                unless_pending(concat(self.vm, h, first, usize::from(i.b()))?)
            }

            // ---- Scopes.
            Opcode::Tbc => Ok(self.vm.mark_to_close(h, self.vm.base + usize::from(i.a()))?),

            // ---- Tests.
            Opcode::Eq => {
                let (x, y) = (self.get(i.a()), self.get(i.b()));
                self.test(equals(h, x, y), x, y)
            }
            Opcode::Lt | Opcode::Le => {
                let (x, y) = (self.get(i.a()), self.get(i.b()));
                self.order(x, y, i.opcode() == Opcode::Le)
            }
            Opcode::LtI | Opcode::LeI | Opcode::GtI | Opcode::GeI => {
                let y = i64::from(i.sb());
                let y = if i.c() != 0 {
                    Value::float(y as f64)
                } else {
                    Value::int(y)
                };
                let x = self.get(i.a());
                match i.opcode() {
                    Opcode::LtI => self.order(x, y, false),
                    Opcode::LeI => self.order(x, y, true),
                    Opcode::GtI => self.order(y, x, false),
                    _ => self.order(y, x, true),
                }
            }

            // ---- Calls.
            // Registers come into view, or what is called is neither a function of Lua nor a native one.
            Opcode::Call => {
                let call = call_of(self.vm, i, i16::from(i.c()) - 1);
                if let Some(callee) = self.get(i.a()).cast::<Closure>() {
                    self.vm.enter(h, callee.proto(), call)?;
                    return self.reload();
                }
                self.vm.pending = Pending::Call(call);
                Err(Leave::Pending)
            }
            Opcode::TailCall => {
                self.ask()?;
                let mut call = call_of(self.vm, i, ALL);
                // The instruction behind returns what a native function returned.
                if let Some(native) = self.get(i.a()).cast::<Native>() {
                    return match call_native(self.vm, h, native.function(), call) {
                        Some(leave) => Err(leave),
                        None => self.reload(),
                    };
                }
                self.vm.make_callable(h, &mut call)?;
                match self.vm.register(h, call.at).cast::<Closure>() {
                    Some(callee) => {
                        if i.k() {
                            close_upvalues(h, self.vm.base);
                        }
                        tail_call(self.vm, h, callee.proto(), call)?;
                        self.reload()
                    }
                    None => {
                        self.vm.pending = Pending::Call(call);
                        Err(Leave::Pending)
                    }
                }
            }

            // ---- Loops.
            Opcode::ForLoop => {
                self.ask()?;
                if loops::next_iteration(h, self.vm.base + usize::from(i.a())).map_err(Throw::from)? {
                    self.at.pc -= i.bx() as usize;
                }
                Ok(())
            }
            Opcode::ForPrep => {
                if loops::prepare(self.vm, h, self.vm.base + usize::from(i.a()))? {
                    self.at.pc += i.bx() as usize + 1;
                }
                Ok(())
            }
            Opcode::TForPrep => {
                self.vm.mark_to_close(h, self.vm.base + usize::from(i.a()) + 3)?;
                self.at.pc += i.bx() as usize;
                Ok(())
            }
            // `R[A]` and what it is called with stand in place already.
            Opcode::TForCall => {
                let call = iteration_of(self.vm, i);
                if let Some(callee) = self.get(i.a()).cast::<Closure>() {
                    self.vm.enter(h, callee.proto(), call)?;
                    return self.reload();
                }
                self.vm.pending = Pending::Call(call);
                Err(Leave::Pending)
            }

            // ---- Functions.
            Opcode::VarArg => {
                let proto = self.at.closure.proto();
                Ok(copy_varargs(self.vm, h, proto, i.a(), i16::from(i.c()) - 1)?)
            }
            Opcode::VarArgPrep => {
                prepare_varargs(self.vm, h, usize::from(i.a()))?;
                self.reload()
            }

            // The loop does the others, unless the code is not what a compiler makes.
            _ => Err(self.corrupt()),
        }
    }

    fn get(&self, register: u8) -> Val<'h> {
        self.at.registers.get(register)
    }

    fn set(&self, register: u8, value: Val<'_>) {
        self.at.registers.set(register, value);
    }

    /// Before what a program can do without end.
    fn ask(&mut self) -> Result<(), Leave> {
        if self.vm.is_interrupted() {
            return Err(self.vm.interruption(self.h).into());
        }
        Ok(())
    }

    fn corrupt(&mut self) -> Leave {
        message::corrupt(self.vm, self.h).into()
    }

    fn constant(&self, index: u8) -> Result<Val<'h>, Leave> {
        match self.at.constants.get(usize::from(index)) {
            Some(slot) => Ok(slot.get()),
            None => Err(message::corrupt(self.vm, self.h).into()),
        }
    }

    fn upvalue(&self, index: u8) -> Result<Gc<'h, UpVal>, Leave> {
        match self.at.closure.tail().get(usize::from(index)).and_then(Slot::get) {
            Some(upvalue) => Ok(upvalue),
            None => Err(message::corrupt(self.vm, self.h).into()),
        }
    }

    /// `K[C]` or `R[C]`.
    fn register_or_constant(&self) -> Result<Val<'h>, Leave> {
        if self.i.k() {
            self.constant(self.i.c())
        } else {
            Ok(self.get(self.i.c()))
        }
    }

    /// `K[C]` if the opcode is the one with a constant, otherwise `R[C]`.
    fn second_operand(&self, with_constant: Opcode) -> Result<Val<'h>, Leave> {
        if self.i.opcode() == with_constant {
            self.constant(self.i.c())
        } else {
            Ok(self.get(self.i.c()))
        }
    }

    /// Borrows what belongs to the function on top.
    fn reload(&mut self) -> Result<(), Leave> {
        match here(self.vm, self.h) {
            Some(top) => {
                *self.at = top;
                Ok(())
            }
            None => Err(self.corrupt()),
        }
    }

    /// Completes a read: `R[A] := object[key]`.
    fn found(&mut self, found: Found<'h>, key: Val<'h>) -> Result<(), Leave> {
        match found {
            Found::Done(value) => {
                self.set(self.i.a(), value);
                Ok(())
            }
            Found::Call(method, object) => {
                self.vm.call_metamethod(self.h, method, &[object, key])?;
                Err(Leave::Pending)
            }
        }
    }

    /// `R[A] := R[B][key]`.
    fn read(&mut self, key: Val<'h>) -> Result<(), Leave> {
        let operand = Operand::Register(self.i.b());
        let found = index(self.vm, self.h, self.get(self.i.b()), key, operand)?;
        self.found(found, key)
    }

    fn read_field(&mut self, object: Val<'h>, key: Val<'h>, operand: Operand) -> Result<(), Leave> {
        if !key.is::<Str>() {
            return Err(self.corrupt());
        }
        let found = index(self.vm, self.h, object, key, operand)?;
        self.found(found, key)
    }

    /// Completes a write.
    fn written(&mut self, found: Found<'h>, key: Val<'h>, value: Val<'h>) -> Result<(), Leave> {
        match found {
            Found::Done(_) => Ok(()),
            Found::Call(method, object) => {
                self.vm.call_metamethod(self.h, method, &[object, key, value])?;
                Err(Leave::Pending)
            }
        }
    }

    /// `R[A][key] := K[C]` or `R[C]`.
    fn write(&mut self, key: Val<'h>) -> Result<(), Leave> {
        let value = self.register_or_constant()?;
        let (object, operand) = (self.get(self.i.a()), Operand::Register(self.i.a()));
        let found = set_index(self.vm, self.h, object, key, value, operand)?;
        self.written(found, key, value)
    }

    fn write_field(&mut self, object: Val<'h>, key: Val<'h>, operand: Operand) -> Result<(), Leave> {
        let value = self.register_or_constant()?;
        if !key.is::<Str>() {
            return Err(self.corrupt());
        }
        let found = set_index(self.vm, self.h, object, key, value, operand)?;
        self.written(found, key, value)
    }

    /// The result of an arithmetic instruction; without one, the next instruction calls the metamethod.
    fn computed(&mut self, result: Option<Val<'h>>) -> Result<(), Leave> {
        if let Some(result) = result {
            self.set(self.i.a(), result);
            self.at.pc += 1;
        }
        Ok(())
    }

    /// The full operation of the instruction before.
    fn arithmetic(&mut self, x: (Val<'h>, Operand), y: (Val<'h>, Operand)) -> Result<(), Leave> {
        let operation = self.at.pc.checked_sub(2).and_then(|pc| self.at.code.get(pc));
        let (Some(event), Some(operation)) = (Metamethod::from_number(self.i.c()), operation) else {
            return Err(self.corrupt());
        };
        let outcome = full(self.vm, self.h, event, x, y)?;
        self.outcome(outcome, instruction(operation).a(), x.0, y.0)
    }

    /// The full operation of one operand.
    fn unary(&mut self, event: Metamethod) -> Result<(), Leave> {
        let x = (self.get(self.i.b()), Operand::Register(self.i.b()));
        let outcome = full(self.vm, self.h, event, x, x)?;
        self.outcome(outcome, self.i.a(), x.0, x.0)
    }

    fn outcome(&mut self, outcome: Outcome<'h>, a: u8, x: Val<'h>, y: Val<'h>) -> Result<(), Leave> {
        match outcome {
            Outcome::Value(value) => {
                self.set(a, value);
                Ok(())
            }
            Outcome::Call(method) => {
                self.vm.call_metamethod(self.h, method, &[x, y])?;
                Err(Leave::Pending)
            }
        }
    }

    fn order(&mut self, x: Val<'h>, y: Val<'h>, or_equal: bool) -> Result<(), Leave> {
        let outcome = compare(self.vm, self.h, x, y, or_equal)?;
        self.test(outcome, x, y)
    }

    /// Completes a test: skips the next instruction, or does the jump that it is.
    fn test(&mut self, outcome: Outcome<'h>, x: Val<'h>, y: Val<'h>) -> Result<(), Leave> {
        match outcome {
            Outcome::Value(value) => {
                if value.is_falsy() == self.i.k() {
                    self.at.pc += 1;
                } else if let Some(jump) = self.at.code.get(self.at.pc) {
                    let target = (self.at.pc + 1).wrapping_add_signed(instruction(jump).sj() as isize);
                    if target < self.at.pc {
                        self.ask()?;
                    }
                    self.at.pc = target;
                }
                Ok(())
            }
            Outcome::Call(method) => {
                self.vm.call_metamethod(self.h, method, &[x, y])?;
                Err(Leave::Pending)
            }
        }
    }
}
