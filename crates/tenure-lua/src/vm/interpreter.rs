//! The loop that executes instructions, one arm for each opcode.
//!
//! What the loop reads at each instruction is borrowed from the region: code, constants, and the running function's 256 registers. An
//! arm does the common case and leaves the rest to a function; for a metamethod it leaves the loop with the call pending.

use super::access::{Found, Operand, hint, index, read_field, set_index, write_field};
use super::arithmetic::{Outcome, fast, fast_bits, fast_float, full, int_floor_division, int_modulo};
use super::close::close_upvalues;
use super::compare::{compare, equals};
use super::concat::concat;
use super::execute::{Leave, call_native, call_of, count_of, length};
use super::functions::{copy_varargs, new_closure, prepare_varargs, set_upvalue, tail_call, upvalue_value};
use super::hook::before_instruction;
use super::window::{Here, begin, here};
use super::{ALL, Exit, Pending, PendingCall, Return, Vm, loops, message};
use crate::bytecode::{Metamethod, Opcode};
use crate::native::Throw;
use crate::object::{
    Closure, ClosureFields, LuaValue, Native, NativeFields, NodesMethods, Objects, Str, Table, TableFields,
    TableMethods, border, instruction, new_table, set_list,
};
use crate::pure::number::{float_floor_division, float_modulo, power, shift_left, shift_right};
use tenure::prelude::*;

/// Executes instructions until the loop has to be left. The copy for threads with a hook looks for events before each.
pub(super) fn run<const HOOKED: bool>(vm: &mut Vm, h: &Heap<Objects>) -> Leave {
    let Some(start) = here(vm, h) else {
        return Leave::Throw(message::corrupt(vm, h));
    };
    let (mut closure, mut code, mut constants) = (start.closure, start.code, start.constants);
    let (mut registers, mut pc) = (start.registers, start.pc);

    // Writes down where the function is: before everything that can fail or call.
    macro_rules! save {
        () => {
            vm.frames.top.pc = pc as u64
        };
    }
    // The value of something that can fail.
    macro_rules! attempt {
        ($result:expr) => {
            match $result {
                Ok(value) => value,
                Err(error) => return Leave::Throw(Throw::from(error)),
            }
        };
    }
    // Borrows what belongs to the function on top, or to one that begins.
    macro_rules! reload {
        () => {
            reload!(here(vm, h))
        };
        ($here:expr) => {
            match $here {
                Some(top) => {
                    Here {
                        closure,
                        code,
                        constants,
                        registers,
                        pc,
                    } = top
                }
                None => return Leave::Throw(message::corrupt(vm, h)),
            }
        };
    }
    // After an allocation: leaves the region if the collector has something to do.
    macro_rules! allocated {
        () => {
            if h.safepoint_due() {
                save!();
                return Leave::Exit(Exit::Safepoint);
            }
        };
    }
    // Before what a program can do without end: leaves the loop if it was interrupted.
    macro_rules! interruptible {
        () => {
            if vm.interrupter.is_asked() {
                save!();
                attempt!(vm.interrupted(h));
            }
        };
    }
    macro_rules! constant {
        ($index:expr) => {
            match constants.get($index as usize) {
                Some(slot) => slot.get(),
                None => return Leave::Throw(message::corrupt(vm, h)),
            }
        };
    }
    macro_rules! name {
        ($value:expr) => {
            match $value.cast::<Str>() {
                Some(name) => name,
                None => return Leave::Throw(message::corrupt(vm, h)),
            }
        };
    }
    macro_rules! upvalue {
        ($index:expr) => {
            match closure.tail().get(usize::from($index)).and_then(Slot::get) {
                Some(upvalue) => upvalue,
                None => return Leave::Throw(message::corrupt(vm, h)),
            }
        };
    }
    // `K[C]` or `K[C]` or `R[C]`.
    macro_rules! register_or_constant {
        ($i:expr) => {
            if $i.k() {
                constant!($i.c())
            } else {
                registers.get($i.c())
            }
        };
    }
    // Completes a read: `R[a] := object[key]`.
    macro_rules! found {
        ($a:expr, $found:expr, $key:expr) => {
            match attempt!($found) {
                Found::Done(value) => registers.set($a, value),
                Found::Call(method, object) => {
                    attempt!(vm.call_metamethod(h, method, &[object, $key]));
                    return Leave::Pending;
                }
            }
        };
    }
    // Reads a field of a table where it was the last time, or finds it.
    macro_rules! read_field {
        ($a:expr, $object:expr, $key:expr, $word:expr, $operand:expr) => {{
            let (object, key) = ($object, $key);
            let hinted = object.cast::<Table>();
            match hinted.and_then(|table| table.nodes().get_hinted(hint($word.get()), key)) {
                Some(value) if !value.is_nil() => registers.set($a, value),
                _ => {
                    save!();
                    let name = name!(key);
                    found!($a, read_field(vm, h, object, name, $operand, $word), key);
                }
            }
        }};
    }
    // Completes a write.
    macro_rules! written {
        ($found:expr, $key:expr, $value:expr) => {
            match attempt!($found) {
                Found::Done(_) => allocated!(),
                Found::Call(method, object) => {
                    attempt!(vm.call_metamethod(h, method, &[object, $key, $value]));
                    return Leave::Pending;
                }
            }
        };
    }
    // Assigns to a field of a table where it was the last time, or finds it.
    macro_rules! write_field {
        ($object:expr, $key:expr, $value:expr, $word:expr, $operand:expr) => {{
            let (object, key, value) = ($object, $key, $value);
            let hinted = object.cast::<Table>();
            if !hinted.is_some_and(|table| table.nodes().replace_hinted(h, hint($word.get()), key, value)) {
                save!();
                let name = name!(key);
                written!(write_field(vm, h, object, name, value, $operand, $word), key, value);
            }
        }};
    }
    // An arithmetic instruction: if it fails, the next instruction calls the metamethod.
    macro_rules! arithmetic {
        ($i:expr, $result:expr) => {
            if let Some(result) = $result {
                registers.set($i.a(), result);
                pc += 1;
            }
        };
    }
    // The full operation, for the instruction before.
    macro_rules! full_arithmetic {
        ($i:expr, $x:expr, $y:expr, $flip:expr) => {{
            save!();
            let (x, y) = if $flip { ($y, $x) } else { ($x, $y) };
            let Some(event) = Metamethod::from_number($i.c()) else {
                return Leave::Throw(message::corrupt(vm, h));
            };
            match attempt!(full(vm, h, event, x, y)) {
                Outcome::Value(value) => {
                    let Some(operation) = pc.checked_sub(2).and_then(|pc| code.get(pc)) else {
                        return Leave::Throw(message::corrupt(vm, h));
                    };
                    registers.set(instruction(operation).a(), value);
                    allocated!();
                }
                Outcome::Call(method) => {
                    attempt!(vm.call_metamethod(h, method, &[x.0, y.0]));
                    return Leave::Pending;
                }
            }
        }};
    }
    // The full operation of one operand.
    macro_rules! unary {
        ($i:expr, $event:expr) => {{
            save!();
            let x = (registers.get($i.b()), Operand::Register($i.b()));
            match attempt!(full(vm, h, $event, x, x)) {
                Outcome::Value(value) => {
                    registers.set($i.a(), value);
                    allocated!();
                }
                Outcome::Call(method) => {
                    attempt!(vm.call_metamethod(h, method, &[x.0, x.0]));
                    return Leave::Pending;
                }
            }
        }};
    }
    // Does the jump that the next instruction is.
    macro_rules! jump {
        () => {
            if let Some(jump) = code.get(pc) {
                let distance = instruction(jump).sj() as isize;
                if distance < 0 {
                    interruptible!();
                }
                pc = (pc + 1).wrapping_add_signed(distance);
            }
        };
    }
    // Completes a test: skips the next instruction, or does the jump that it is.
    macro_rules! test {
        ($i:expr, $condition:expr) => {{
            let condition: bool = $condition;
            if condition != $i.k() {
                pc += 1;
            } else {
                jump!();
            }
        }};
    }
    // A test that may call a metamethod.
    macro_rules! test_outcome {
        ($i:expr, $outcome:expr, $x:expr, $y:expr) => {
            match $outcome {
                Outcome::Value(value) => test!($i, !value.is_falsy()),
                Outcome::Call(method) => {
                    save!();
                    attempt!(vm.call_metamethod(h, method, &[$x, $y]));
                    return Leave::Pending;
                }
            }
        };
    }
    // An order of two registers.
    macro_rules! order {
        ($i:expr, $operator:tt, $or_equal:expr) => {{
            let (x, y) = (registers.get($i.a()), registers.get($i.b()));
            if let (Some(x), Some(y)) = (x.as_int(), y.as_int()) {
                test!($i, x $operator y);
            } else if let (Some(x), Some(y)) = (x.as_float(), y.as_float()) {
                test!($i, x $operator y);
            } else {
                save!();
                test_outcome!($i, attempt!(compare(vm, h, x, y, $or_equal)), x, y);
            }
        }};
    }
    // An order of a register and an integer in the instruction; `flip` says that the integer is the left operand.
    macro_rules! order_immediate {
        ($i:expr, $operator:tt, $or_equal:expr, $flip:expr) => {{
            let (x, y) = (registers.get($i.a()), i64::from($i.sb()));
            if let Some(x) = x.as_int() {
                test!($i, x $operator y);
            } else if let Some(x) = x.as_float() {
                test!($i, x $operator y as f64);
            } else {
                save!();
                let y = if $i.c() != 0 { Value::float(y as f64) } else { Value::int(y) };
                let (x, y) = if $flip { (y, x) } else { (x, y) };
                test_outcome!($i, attempt!(compare(vm, h, x, y, $or_equal)), x, y);
            }
        }};
    }

    loop {
        let Some(word) = code.get(pc) else {
            return Leave::Throw(message::corrupt(vm, h));
        };
        let i = instruction(word);
        pc += 1;
        if HOOKED && let Some(leave) = before_instruction(vm, h, i, pc) {
            return leave;
        }
        match i.opcode() {
            // ---- Loading.
            Opcode::Move => registers.set(i.a(), registers.get(i.b())),
            Opcode::LoadI => registers.set(i.a(), Value::int(i64::from(i.sbx()))),
            Opcode::LoadF => registers.set(i.a(), Value::float(f64::from(i.sbx()))),
            Opcode::LoadK => registers.set(i.a(), constant!(i.bx())),
            Opcode::LoadKX => {
                let extra = code.get(pc).map_or(0, |word| instruction(word).ax());
                pc += 1;
                registers.set(i.a(), constant!(extra));
            }
            Opcode::LoadFalse => registers.set(i.a(), Value::bool(false)),
            Opcode::LFalseSkip => {
                registers.set(i.a(), Value::bool(false));
                pc += 1;
            }
            Opcode::LoadTrue => registers.set(i.a(), Value::bool(true)),
            Opcode::LoadNil => {
                for register in i.a()..=i.a().saturating_add(i.b()) {
                    registers.set(register, Value::nil());
                }
            }

            // ---- Upvalues.
            Opcode::GetUpval => registers.set(i.a(), upvalue_value(h, upvalue!(i.b()))),
            Opcode::SetUpval => set_upvalue(h, upvalue!(i.b()), registers.get(i.a())),

            // ---- Tables.
            Opcode::GetTabUp => {
                let object = upvalue_value(h, upvalue!(i.b()));
                read_field!(i.a(), object, constant!(i.c()), word, Operand::Upvalue(i.b()));
            }
            Opcode::GetTable => {
                let (object, key) = (registers.get(i.b()), registers.get(i.c()));
                let value = match object.cast::<Table>() {
                    Some(table) => match (key.as_int(), key.cast::<Str>()) {
                        (Some(int), _) => table.get_int(int),
                        (None, Some(name)) => table.get_str(name),
                        (None, None) => Value::nil(),
                    },
                    None => Value::nil(),
                };
                if value.is_nil() {
                    save!();
                    found!(i.a(), index(vm, h, object, key, Operand::Register(i.b())), key);
                } else {
                    registers.set(i.a(), value);
                }
            }
            Opcode::GetI => {
                let (object, key) = (registers.get(i.b()), i64::from(i.c()));
                match object.cast::<Table>().map(|table| table.get_int(key)) {
                    Some(value) if !value.is_nil() => registers.set(i.a(), value),
                    _ => {
                        save!();
                        let key = Value::int(key);
                        found!(i.a(), index(vm, h, object, key, Operand::Register(i.b())), key);
                    }
                }
            }
            Opcode::GetField => {
                let object = registers.get(i.b());
                read_field!(i.a(), object, constant!(i.c()), word, Operand::Register(i.b()));
            }
            Opcode::SetTabUp => {
                let object = upvalue_value(h, upvalue!(i.a()));
                let value = register_or_constant!(i);
                write_field!(object, constant!(i.b()), value, word, Operand::Upvalue(i.a()));
            }
            Opcode::SetTable => {
                let (object, key, value) = (registers.get(i.a()), registers.get(i.b()), register_or_constant!(i));
                let done = match object.cast::<Table>() {
                    Some(table) => match (key.as_int(), key.cast::<Str>()) {
                        (Some(int), _) => table.assign_int(h, int, value),
                        (None, Some(name)) => table.replace_str(h, name, value),
                        (None, None) => false,
                    },
                    None => false,
                };
                if !done {
                    save!();
                    let operand = Operand::Register(i.a());
                    written!(set_index(vm, h, object, key, value, operand), key, value);
                }
            }
            Opcode::SetI => {
                let (object, key, value) = (registers.get(i.a()), i64::from(i.b()), register_or_constant!(i));
                let table = object.cast::<Table>();
                if !table.is_some_and(|table| table.assign_int(h, key, value)) {
                    save!();
                    let (key, operand) = (Value::int(key), Operand::Register(i.a()));
                    written!(set_index(vm, h, object, key, value, operand), key, value);
                }
            }
            Opcode::SetField => {
                let (object, value) = (registers.get(i.a()), register_or_constant!(i));
                write_field!(object, constant!(i.b()), value, word, Operand::Register(i.a()));
            }
            Opcode::NewTable => {
                save!();
                let nodes = if i.b() > 0 { 1_usize << (i.b() - 1).min(30) } else { 0 };
                let table = attempt!(new_table(h, count_of(i, code.get(pc)), nodes).map_err(Throw::of_set));
                // The extra argument is always there.
                pc += 1;
                registers.set(i.a(), table.into());
                allocated!();
            }
            Opcode::SelfOp => {
                let (object, key) = (registers.get(i.b()), register_or_constant!(i));
                registers.set(i.a().wrapping_add(1), object);
                read_field!(i.a(), object, key, word, Operand::Register(i.b()));
            }
            Opcode::SetList => {
                save!();
                let Some(table) = registers.get(i.a()).cast::<Table>() else {
                    return Leave::Throw(message::corrupt(vm, h));
                };
                let first = vm.base + usize::from(i.a()) + 1;
                let count = match i.b() {
                    0 => vm.top.saturating_sub(first),
                    count => usize::from(count),
                };
                attempt!(set_list(h, table, count_of(i, code.get(pc)), first, count).map_err(Throw::of_set));
                pc += usize::from(i.k());
                allocated!();
            }

            // ---- Arithmetic.
            Opcode::AddI => arithmetic!(i, {
                let (x, y) = (registers.get(i.b()), i.sc());
                match x.as_int() {
                    Some(x) => Value::try_int(x + i64::from(y)),
                    None => x.as_float().map(|x| Value::float(x + f64::from(y))),
                }
            }),
            Opcode::AddK => arithmetic!(
                i,
                fast(registers.get(i.b()), constant!(i.c()), i64::checked_add, |x, y| x + y)
            ),
            Opcode::SubK => arithmetic!(
                i,
                fast(registers.get(i.b()), constant!(i.c()), i64::checked_sub, |x, y| x - y)
            ),
            Opcode::MulK => arithmetic!(
                i,
                fast(registers.get(i.b()), constant!(i.c()), i64::checked_mul, |x, y| x * y)
            ),
            Opcode::ModK => arithmetic!(
                i,
                fast(registers.get(i.b()), constant!(i.c()), int_modulo, float_modulo)
            ),
            Opcode::PowK => arithmetic!(i, fast_float(registers.get(i.b()), constant!(i.c()), power)),
            Opcode::DivK => arithmetic!(i, fast_float(registers.get(i.b()), constant!(i.c()), |x, y| x / y)),
            Opcode::IDivK => {
                arithmetic!(
                    i,
                    fast(
                        registers.get(i.b()),
                        constant!(i.c()),
                        int_floor_division,
                        float_floor_division
                    )
                );
            }
            Opcode::BAndK => arithmetic!(i, fast_bits(registers.get(i.b()), constant!(i.c()), |x, y| x & y)),
            Opcode::BOrK => arithmetic!(i, fast_bits(registers.get(i.b()), constant!(i.c()), |x, y| x | y)),
            Opcode::BXorK => arithmetic!(i, fast_bits(registers.get(i.b()), constant!(i.c()), |x, y| x ^ y)),
            Opcode::ShrI => arithmetic!(i, {
                let x = registers.get(i.b()).as_int();
                x.and_then(|x| Value::try_int(shift_right(x, i64::from(i.sc()))))
            }),
            Opcode::ShlI => arithmetic!(i, {
                let x = registers.get(i.b()).as_int();
                x.and_then(|x| Value::try_int(shift_left(i64::from(i.sc()), x)))
            }),
            Opcode::Add => {
                arithmetic!(
                    i,
                    fast(registers.get(i.b()), registers.get(i.c()), i64::checked_add, |x, y| x
                        + y)
                );
            }
            Opcode::Sub => {
                arithmetic!(
                    i,
                    fast(registers.get(i.b()), registers.get(i.c()), i64::checked_sub, |x, y| x
                        - y)
                );
            }
            Opcode::Mul => {
                arithmetic!(
                    i,
                    fast(registers.get(i.b()), registers.get(i.c()), i64::checked_mul, |x, y| x
                        * y)
                );
            }
            Opcode::Mod => arithmetic!(
                i,
                fast(registers.get(i.b()), registers.get(i.c()), int_modulo, float_modulo)
            ),
            Opcode::Pow => arithmetic!(i, fast_float(registers.get(i.b()), registers.get(i.c()), power)),
            Opcode::Div => arithmetic!(i, fast_float(registers.get(i.b()), registers.get(i.c()), |x, y| x / y)),
            Opcode::IDiv => {
                let (x, y) = (registers.get(i.b()), registers.get(i.c()));
                arithmetic!(i, fast(x, y, int_floor_division, float_floor_division));
            }
            Opcode::BAnd => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), |x, y| x & y)),
            Opcode::BOr => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), |x, y| x | y)),
            Opcode::BXor => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), |x, y| x ^ y)),
            Opcode::Shl => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), shift_left)),
            Opcode::Shr => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), shift_right)),
            Opcode::MmBin => {
                let (a, b) = (i.a(), i.b());
                let x = (registers.get(a), Operand::Register(a));
                let y = (registers.get(b), Operand::Register(b));
                full_arithmetic!(i, x, y, false);
            }
            Opcode::MmBinI => {
                let x = (registers.get(i.a()), Operand::Register(i.a()));
                let y = (Value::int(i64::from(i.sb())), Operand::Unknown);
                full_arithmetic!(i, x, y, i.k());
            }
            Opcode::MmBinK => {
                let x = (registers.get(i.a()), Operand::Register(i.a()));
                let y = (constant!(i.b()), Operand::Unknown);
                full_arithmetic!(i, x, y, i.k());
            }
            Opcode::Unm => {
                let x = registers.get(i.b());
                if let Some(result) = x.as_int().and_then(|int| Value::try_int(-int)) {
                    registers.set(i.a(), result);
                } else if let Some(float) = x.as_float() {
                    registers.set(i.a(), Value::float(-float));
                } else {
                    unary!(i, Metamethod::Unm);
                }
            }
            Opcode::BNot => {
                let x = registers.get(i.b());
                if let Some(int) = x.as_int() {
                    registers.set(i.a(), Value::int(!int));
                } else {
                    unary!(i, Metamethod::BNot);
                }
            }
            Opcode::Not => registers.set(i.a(), Value::bool(registers.get(i.b()).is_falsy())),
            Opcode::Len => {
                let x = registers.get(i.b());
                if let Some(string) = x.cast::<Str>() {
                    registers.set(i.a(), Value::int(string.tail_len() as i64));
                } else if let Some(table) = x.cast::<Table>().filter(|table| table.meta().is_none()) {
                    registers.set(i.a(), Value::int(border(table)));
                } else {
                    save!();
                    match attempt!(length(vm, h, x, Operand::Register(i.b()))) {
                        Some(length) => registers.set(i.a(), Value::int(length)),
                        None => return Leave::Pending,
                    }
                }
            }
            Opcode::Concat => {
                save!();
                let first = vm.base + usize::from(i.a());
                if attempt!(concat(vm, h, first, usize::from(i.b()))) {
                    return Leave::Pending;
                }
                allocated!();
            }

            // ---- Scopes.
            Opcode::Close => {
                save!();
                let from = vm.base + usize::from(i.a());
                if attempt!(vm.leave_scope(h, from, from)) {
                    return Leave::Pending;
                }
            }
            Opcode::Tbc => {
                save!();
                attempt!(vm.mark_to_close(h, vm.base + usize::from(i.a())));
            }

            // ---- Jumps and tests.
            Opcode::Jmp => {
                interruptible!();
                pc = pc.wrapping_add_signed(i.sj() as isize);
            }
            Opcode::Eq => {
                let (x, y) = (registers.get(i.a()), registers.get(i.b()));
                if x.as_int().is_some() && y.as_int().is_some() {
                    test!(i, x == y);
                } else {
                    test_outcome!(i, equals(h, x, y), x, y);
                }
            }
            Opcode::Lt => order!(i, <, false),
            Opcode::Le => order!(i, <=, true),
            Opcode::EqK => {
                let (x, y) = (registers.get(i.a()), constant!(i.b()));
                test!(i, x.raw_equals(y));
            }
            Opcode::EqI => {
                let (x, y) = (registers.get(i.a()), i64::from(i.sb()));
                let equal = match x.as_int() {
                    Some(x) => x == y,
                    None => x.as_float() == Some(y as f64),
                };
                test!(i, equal);
            }
            Opcode::LtI => order_immediate!(i, <, false, false),
            Opcode::LeI => order_immediate!(i, <=, true, false),
            Opcode::GtI => order_immediate!(i, >, false, true),
            Opcode::GeI => order_immediate!(i, >=, true, true),
            Opcode::Test => test!(i, !registers.get(i.a()).is_falsy()),
            Opcode::TestSet => {
                let value = registers.get(i.b());
                if value.is_falsy() == i.k() {
                    pc += 1;
                } else {
                    registers.set(i.a(), value);
                    jump!();
                }
            }

            // ---- Calls.
            Opcode::Call => {
                save!();
                let call = call_of(vm, i, i16::from(i.c()) - 1);
                let function = registers.get(i.a());
                if let Some(callee) = function.cast::<Closure>() {
                    interruptible!();
                    attempt!(vm.enter(h, callee.proto(), call));
                    reload!(begin(vm, h, callee));
                } else if let Some(native) = function.cast::<Native>() {
                    match call_native(vm, h, native.function(), call) {
                        None => allocated!(),
                        Some(leave) => return leave,
                    }
                } else {
                    vm.pending = Pending::Call(call);
                    return Leave::Pending;
                }
            }
            Opcode::TailCall => {
                save!();
                interruptible!();
                let mut call = call_of(vm, i, ALL);
                attempt!(vm.make_callable(h, &mut call));
                match vm.register(h, call.at).cast::<Closure>() {
                    Some(callee) => {
                        if i.k() {
                            close_upvalues(h, vm.base);
                        }
                        attempt!(tail_call(vm, h, callee.proto(), call));
                        reload!();
                    }
                    // A native function is called, and the instruction behind returns what it returned.
                    None => {
                        vm.pending = Pending::Call(call);
                        return Leave::Pending;
                    }
                }
            }
            Opcode::Return => {
                save!();
                let first = vm.base + usize::from(i.a());
                let count = match i.b() {
                    0 => vm.top - first,
                    b => usize::from(b) - 1,
                };
                if i.k() && attempt!(vm.leave_scope(h, vm.base, first + count)) {
                    return Leave::Pending;
                }
                let Some((dest, wanted)) = vm.leave_plain() else {
                    vm.pending = Pending::Return { at: first, count };
                    return Leave::Pending;
                };
                vm.deliver(h, first, count, dest, wanted);
                reload!();
            }
            Opcode::Return0 => {
                let Some((dest, wanted)) = vm.leave_plain() else {
                    vm.pending = Pending::Return { at: vm.base, count: 0 };
                    return Leave::Pending;
                };
                match wanted {
                    0 => {}
                    ALL => vm.top = dest,
                    _ => vm.deliver(h, dest, 0, dest, wanted),
                }
                reload!();
            }
            Opcode::Return1 => {
                let at = vm.base + usize::from(i.a());
                let Some((dest, wanted)) = vm.leave_plain() else {
                    vm.pending = Pending::Return { at, count: 1 };
                    return Leave::Pending;
                };
                match wanted {
                    0 => {}
                    1 => vm.set_register(h, dest, registers.get(i.a())),
                    _ => vm.deliver(h, at, 1, dest, wanted),
                }
                reload!();
            }

            // ---- Loops.
            Opcode::ForLoop => {
                let a = i.a();
                let (count, step) = (registers.get(a.wrapping_add(1)), registers.get(a.wrapping_add(2)));
                if let (Some(count), Some(index), Some(step)) =
                    (count.as_int(), registers.get(a).as_int(), step.as_int())
                    && let Some(next) = Value::try_int(index + step)
                {
                    if count > 0 {
                        interruptible!();
                        registers.set(a.wrapping_add(1), Value::int(count - 1));
                        registers.set(a, next);
                        registers.set(a.wrapping_add(3), next);
                        pc -= i.bx() as usize;
                    }
                } else {
                    save!();
                    interruptible!();
                    if attempt!(loops::next_iteration(h, vm.base + usize::from(a))) {
                        pc -= i.bx() as usize;
                    }
                    allocated!();
                }
            }
            Opcode::ForPrep => {
                save!();
                if attempt!(loops::prepare(vm, h, vm.base + usize::from(i.a()))) {
                    pc += i.bx() as usize + 1;
                }
                allocated!();
            }
            Opcode::TForPrep => {
                save!();
                attempt!(vm.mark_to_close(h, vm.base + usize::from(i.a()) + 3));
                pc += i.bx() as usize;
            }
            Opcode::TForCall => {
                save!();
                let a = i.a();
                registers.set(a.wrapping_add(6), registers.get(a.wrapping_add(2)));
                registers.set(a.wrapping_add(5), registers.get(a.wrapping_add(1)));
                let function = registers.get(a);
                registers.set(a.wrapping_add(4), function);
                let call = PendingCall {
                    at: vm.base + usize::from(a) + 4,
                    count: 2,
                    wanted: i16::from(i.c()),
                    how: Return::Plain,
                };
                if let Some(native) = function.cast::<Native>() {
                    match call_native(vm, h, native.function(), call) {
                        None => allocated!(),
                        Some(leave) => return leave,
                    }
                } else if let Some(callee) = function.cast::<Closure>() {
                    attempt!(vm.enter(h, callee.proto(), call));
                    reload!();
                } else {
                    vm.pending = Pending::Call(call);
                    return Leave::Pending;
                }
            }
            Opcode::TForLoop => {
                let control = registers.get(i.a().wrapping_add(4));
                if !control.is_nil() {
                    interruptible!();
                    registers.set(i.a().wrapping_add(2), control);
                    pc -= i.bx() as usize;
                }
            }

            // ---- Functions.
            Opcode::Closure => {
                save!();
                let made = attempt!(new_closure(vm, h, closure, i.bx() as usize));
                registers.set(i.a(), made.into());
                allocated!();
            }
            Opcode::VarArg => {
                save!();
                attempt!(copy_varargs(vm, h, closure.proto(), i.a(), i16::from(i.c()) - 1));
            }
            Opcode::VarArgPrep => {
                save!();
                attempt!(prepare_varargs(vm, h, usize::from(i.a())));
                reload!();
            }
            Opcode::ExtraArg => return Leave::Throw(message::corrupt(vm, h)),
        }
    }
}
