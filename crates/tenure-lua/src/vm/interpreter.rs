//! The loop that executes instructions, one arm for each opcode.
//!
//! What the loop reads at each instruction is borrowed from the region: code, constants, and the running function's 256 registers. An
//! arm does what is common, with few calls, and leaves the rest to `slow`, which executes the instruction in full; a metamethod is left
//! pending. The number of calls matters: what the loop keeps in machine registers must survive each (`docs/decisions/0012`).
//! Constant work for each instruction.

use super::access::{assign_field, find, find_field, replace};
use super::arithmetic::{fast, fast_bits, fast_float, int_floor_division, int_modulo, square, sum};
use super::execute::{Leave, call_native, call_of, count_of, iteration_of};
use super::fetched::Fetched;
use super::functions::{new_closure, set_upvalue, upvalue_value};
use super::hook::before_instruction;
use super::slow::execute_whole;
use super::window::{Here, Window, begin, here};
use super::{ALL, Exit, Pending, STACK_MAX, Vm, loops, message};
use crate::bytecode::{number as op, unused_numbers};
use crate::native::Throw;
use crate::object::{
    Closure, ClosureFields, LuaValue, Native, NativeFields, NodesMethods, Objects, Str, Table, TableFields,
    TableMethods, Userdata, Val, border, instruction, new_table,
};
use crate::pure::number::{shift_left, shift_right};
use tenure::prelude::*;

/// Executes instructions until the loop has to be left. The copy for threads with a hook looks for events before each.
pub(super) fn run<const HOOKED: bool>(vm: &mut Vm, h: &Heap<Objects>) -> Leave {
    let Some(mut top) = here(vm, h) else {
        return Leave::Throw(message::corrupt(vm, h));
    };
    loop {
        top = match run_fast::<HOOKED>(vm, h, top) {
            Next::Leave(leave) => return leave,
            Next::Again => match here(vm, h) {
                Some(top) => top,
                None => return Leave::Throw(message::corrupt(vm, h)),
            },
            Next::Interrupted => return Leave::Throw(vm.interruption(h)),
            Next::Whole => match execute_whole(vm, h) {
                Ok(top) => top,
                Err(leave) => return leave,
            },
        }
    }
}

/// What is done next.
enum Next {
    /// Instructions are executed, with everything borrowed anew.
    Again,
    /// The instruction is executed in full.
    Whole,
    /// The program was interrupted, and the instruction is not executed.
    Interrupted,
    Leave(Leave),
}

/// Executes instructions until one has to be executed in full, the one before the top frame's next, or the loop has to be left.
#[inline(always)]
#[allow(clippy::manual_range_patterns, reason = "see `unused_numbers`")]
fn run_fast<'h, const HOOKED: bool>(vm: &mut Vm, h: &'h Heap<Objects>, top: Here<'h>) -> Next {
    let (mut closure, mut code, mut constants) = (top.closure, top.code, top.constants);
    // The number of the instruction that is executed.
    let (mut registers, mut pc) = (top.registers, top.pc);

    // Writes down where the function is: before everything that can fail or call.
    macro_rules! save {
        () => {
            vm.frames.top.pc = pc as u64 + 1
        };
    }
    // Leaves the instruction to `slow`.
    macro_rules! slow {
        () => {{
            save!();
            return Next::Whole;
        }};
    }
    // Goes on with what was borrowed for a function.
    macro_rules! go_on {
        ($here:expr) => {{
            Here {
                closure,
                code,
                constants,
                registers,
                pc,
            } = $here;
            continue;
        }};
    }
    // Borrows what belongs to the function on top, and goes on with its next instruction.
    macro_rules! reload {
        () => {
            match here(vm, h) {
                Some(top) => go_on!(top),
                None => return Next::Leave(Leave::Throw(message::corrupt(vm, h))),
            }
        };
    }
    // Keeps the compiler from merging the end of an arm with that of others, which would cost a jump.
    macro_rules! apart {
        () => {
            std::hint::black_box(())
        };
    }
    macro_rules! constant {
        ($index:expr) => {
            match constants.get($index as usize) {
                Some(slot) => slot.get(),
                None => return Next::Leave(Leave::Throw(message::corrupt(vm, h))),
            }
        };
    }
    macro_rules! upvalue {
        ($index:expr) => {
            match closure.tail().get(usize::from($index)).and_then(Slot::get) {
                Some(upvalue) => upvalue,
                None => return Next::Leave(Leave::Throw(message::corrupt(vm, h))),
            }
        };
    }
    // `K[C]` or `R[C]`.
    macro_rules! register_or_constant {
        ($i:expr) => {
            if $i.k() {
                constant!($i.c())
            } else {
                registers.get($i.c())
            }
        };
    }
    // Reads a field of a table where it was the last time, or finds it.
    macro_rules! read_field {
        ($a:expr, $object:expr, $key:expr, $i:expr) => {{
            let (object, key) = ($object, $key);
            let hinted = object.cast::<Table>();
            match hinted.and_then(|table| table.nodes().get_hinted($i.hint(), key)) {
                Some(value) if !value.is_nil() => {
                    registers.set($a, value);
                    apart!();
                }
                _ => match find_field(h, object, key, code, pc + 1) {
                    Some(value) => registers.set($a, value),
                    None => slow!(),
                },
            }
        }};
    }
    // Assigns to a field of a table where it was the last time, or finds it.
    macro_rules! write_field {
        ($object:expr, $key:expr, $value:expr, $i:expr) => {{
            let (object, key, value) = ($object, $key, $value);
            let hinted = object.cast::<Table>();
            if !hinted.is_some_and(|table| table.nodes().replace_hinted(h, $i.hint(), key, value))
                && !assign_field(h, object, key, value, code, pc + 1)
            {
                slow!();
            }
        }};
    }
    // An arithmetic instruction: if it fails, the next instruction calls the metamethod.
    macro_rules! arithmetic {
        ($i:expr, $result:expr) => {
            if let Some(result) = $result {
                registers.set($i.a(), result);
                pc += 1;
                apart!();
            }
        };
    }
    // The same of integers.
    macro_rules! integers {
        ($i:expr, $x:expr, $y:expr, $operation:expr) => {
            match ($x.as_int(), $y.as_int()) {
                (Some(x), Some(y)) => arithmetic!($i, $operation(x, y).and_then(Value::try_int)),
                _ => slow!(),
            }
        };
    }
    // What was allocated, unless there was no room.
    macro_rules! made {
        ($result:expr) => {
            match $result {
                Ok(made) => made,
                Err(throw) => {
                    save!();
                    return Next::Leave(Leave::Throw(throw));
                }
            }
        };
    }
    // After an allocation: leaves the region if the collector has something to do. Everything is borrowed anew, so that the call kept
    // nothing in machine registers.
    macro_rules! allocated {
        () => {
            save!();
            return if h.safepoint_due() {
                Next::Leave(Leave::Exit(Exit::Safepoint))
            } else {
                Next::Again
            };
        };
    }
    // Closes what goes out of scope. Everything must be borrowed anew afterwards.
    macro_rules! left {
        ($from:expr, $top:expr) => {
            save!();
            match vm.leave_scope(h, $from, $top) {
                Ok(false) => {}
                Ok(true) => return Next::Leave(Leave::Pending),
                Err(throw) => return Next::Leave(Leave::Throw(throw)),
            }
        };
    }
    // Before what a program can do without end.
    macro_rules! interruptible {
        () => {
            if vm.is_interrupted() {
                save!();
                return Next::Interrupted;
            }
        };
    }
    // Does the jump that the next instruction is, as part of this one.
    macro_rules! jump {
        () => {
            if let Some(jump) = code.get(pc + 1) {
                let target = (pc + 2).wrapping_add_signed(instruction(jump).sj() as isize);
                if target <= pc {
                    interruptible!();
                }
                pc = target.wrapping_sub(1);
            }
        };
    }
    // Leaves a return to whoever waits for it.
    macro_rules! returned {
        ($at:expr, $count:expr) => {{
            save!();
            vm.pending = Pending::Return { at: $at, count: $count };
            return Next::Leave(Leave::Pending);
        }};
    }
    // Calls a native function.
    macro_rules! native {
        ($function:expr, $call:expr) => {
            if let Some(leave) = call_native(vm, h, $function, $call) {
                return Next::Leave(leave);
            } else if h.safepoint_due() {
                return Next::Leave(Leave::Exit(Exit::Safepoint));
            } else {
                reload!();
            }
        };
    }
    // Completes a test: skips the next instruction, or does the jump that it is.
    macro_rules! test {
        ($i:expr, $condition:expr) => {{
            let condition: bool = $condition;
            if condition != $i.k() {
                pc += 1;
                apart!();
            } else {
                jump!();
                apart!();
            }
        }};
    }
    // An order of two registers.
    macro_rules! order {
        ($i:expr, $operator:tt) => {{
            let (x, y) = (registers.get($i.a()), registers.get($i.b()));
            if let (Some(x), Some(y)) = (x.as_int(), y.as_int()) {
                test!($i, x $operator y);
            } else if let (Some(x), Some(y)) = (x.as_float(), y.as_float()) {
                test!($i, x $operator y);
            } else {
                slow!();
            }
        }};
    }
    // An order of a register and an integer in the instruction.
    macro_rules! order_immediate {
        ($i:expr, $operator:tt) => {{
            let (x, y) = (registers.get($i.a()), i64::from($i.sb()));
            if let Some(x) = x.as_int() {
                test!($i, x $operator y);
            } else if let Some(x) = x.as_float() {
                test!($i, x $operator y as f64);
            } else {
                slow!();
            }
        }};
    }

    loop {
        let Some(i) = code.get(pc).map(|word| Fetched(word.get())) else {
            return Next::Leave(Leave::Throw(message::corrupt(vm, h)));
        };
        if HOOKED && let Some(leave) = before_instruction(vm, h, i.instruction(), pc + 1) {
            return Next::Leave(leave);
        }
        match i.number() {
            // ---- Loading.
            op::Move => {
                registers.set(i.a(), registers.get(i.b()));
                apart!();
            }
            op::LoadI => {
                registers.set(i.a(), Value::int(i64::from(i.sbx())));
                apart!();
            }
            op::LoadF => registers.set(i.a(), Value::float(f64::from(i.sbx()))),
            op::LoadK => {
                registers.set(i.a(), constant!(i.bx()));
                apart!();
            }
            op::LoadKX => {
                let extra = code.get(pc + 1).map_or(0, |word| instruction(word).ax());
                pc += 1;
                registers.set(i.a(), constant!(extra));
            }
            op::LoadFalse => registers.set(i.a(), Value::bool(false)),
            op::LFalseSkip => {
                registers.set(i.a(), Value::bool(false));
                pc += 1;
            }
            op::LoadTrue => registers.set(i.a(), Value::bool(true)),
            op::LoadNil => {
                for register in i.a()..=i.a().saturating_add(i.b()) {
                    registers.set(register, Value::nil());
                }
            }

            // ---- Upvalues.
            op::GetUpval => {
                registers.set(i.a(), upvalue_value(h, upvalue!(i.b())));
                apart!();
            }
            op::SetUpval => set_upvalue(h, upvalue!(i.b()), registers.get(i.a())),

            // ---- Tables.
            op::GetTabUp => {
                let object = upvalue_value(h, upvalue!(i.b()));
                read_field!(i.a(), object, constant!(i.c()), i);
            }
            op::GetTable => {
                let (object, key) = (registers.get(i.b()), registers.get(i.c()));
                let Some(table) = object.cast::<Table>() else { slow!() };
                match key.as_int().and_then(|int| table.element(int)) {
                    Some(value) if !value.is_nil() => {
                        registers.set(i.a(), value);
                        apart!();
                    }
                    _ => match find(h, table, key) {
                        Some(value) => registers.set(i.a(), value),
                        None => slow!(),
                    },
                }
            }
            op::GetI => {
                let Some(table) = registers.get(i.b()).cast::<Table>() else {
                    slow!()
                };
                let key = i64::from(i.c());
                match table.element(key) {
                    Some(value) if !value.is_nil() => {
                        registers.set(i.a(), value);
                        apart!();
                    }
                    _ => match find(h, table, Value::int(key)) {
                        Some(value) => registers.set(i.a(), value),
                        None => slow!(),
                    },
                }
            }
            op::GetField => {
                let object = registers.get(i.b());
                read_field!(i.a(), object, constant!(i.c()), i);
            }
            op::SetTabUp => {
                let object = upvalue_value(h, upvalue!(i.a()));
                let value = register_or_constant!(i);
                write_field!(object, constant!(i.b()), value, i);
            }
            op::SetTable => {
                let (object, key, value) = (registers.get(i.a()), registers.get(i.b()), register_or_constant!(i));
                let Some(table) = object.cast::<Table>() else { slow!() };
                let assigned = key.as_int().and_then(|int| table.assign_element(h, int, value));
                if !assigned.unwrap_or_else(|| replace(h, table, key, value)) {
                    slow!();
                }
            }
            op::SetI => {
                let Some(table) = registers.get(i.a()).cast::<Table>() else {
                    slow!()
                };
                let (key, value) = (i64::from(i.b()), register_or_constant!(i));
                let assigned = table.assign_element(h, key, value);
                if !assigned.unwrap_or_else(|| replace(h, table, Value::int(key), value)) {
                    slow!();
                }
            }
            op::SetField => {
                let (object, value) = (registers.get(i.a()), register_or_constant!(i));
                write_field!(object, constant!(i.b()), value, i);
            }
            op::SelfOp => {
                let (object, key) = (registers.get(i.b()), register_or_constant!(i));
                read_field!(i.a(), object, key, i);
                registers.set(i.a().wrapping_add(1), object);
            }
            op::NewTable => {
                let nodes = if i.b() > 0 { 1_usize << (i.b() - 1).min(30) } else { 0 };
                let table =
                    made!(new_table(h, count_of(i.instruction(), code.get(pc + 1)), nodes).map_err(Throw::of_set));
                registers.set(i.a(), table.into());
                // The extra argument is always there.
                pc += 1;
                allocated!();
            }

            // ---- Arithmetic.
            op::AddI => arithmetic!(i, {
                let (x, y) = (registers.get(i.b()), i.sc());
                match x.add_int(y) {
                    None => x.as_float().map(|x| Value::float(x + f64::from(y))),
                    sum => sum,
                }
            }),
            op::AddK => arithmetic!(
                i,
                sum(registers.get(i.b()), constant!(i.c()), Val::add_ints, |x, y| x + y)
            ),
            op::SubK => arithmetic!(
                i,
                sum(registers.get(i.b()), constant!(i.c()), Val::subtract_ints, |x, y| x - y)
            ),
            op::MulK => arithmetic!(
                i,
                fast(registers.get(i.b()), constant!(i.c()), i64::checked_mul, |x, y| x * y)
            ),
            op::ModK => integers!(i, registers.get(i.b()), constant!(i.c()), int_modulo),
            op::PowK => match square(registers.get(i.b()), constant!(i.c())) {
                None => slow!(),
                result => arithmetic!(i, result),
            },
            op::DivK => arithmetic!(i, fast_float(registers.get(i.b()), constant!(i.c()), |x, y| x / y)),
            op::IDivK => integers!(i, registers.get(i.b()), constant!(i.c()), int_floor_division),
            op::BAndK => arithmetic!(i, fast_bits(registers.get(i.b()), constant!(i.c()), |x, y| x & y)),
            op::BOrK => arithmetic!(i, fast_bits(registers.get(i.b()), constant!(i.c()), |x, y| x | y)),
            op::BXorK => arithmetic!(i, fast_bits(registers.get(i.b()), constant!(i.c()), |x, y| x ^ y)),
            op::ShrI => arithmetic!(i, {
                let x = registers.get(i.b()).as_int();
                x.and_then(|x| Value::try_int(shift_right(x, i64::from(i.sc()))))
            }),
            op::ShlI => arithmetic!(i, {
                let x = registers.get(i.b()).as_int();
                x.and_then(|x| Value::try_int(shift_left(i64::from(i.sc()), x)))
            }),
            op::Add => arithmetic!(
                i,
                sum(registers.get(i.b()), registers.get(i.c()), Val::add_ints, |x, y| x + y)
            ),
            op::Sub => arithmetic!(
                i,
                sum(
                    registers.get(i.b()),
                    registers.get(i.c()),
                    Val::subtract_ints,
                    |x, y| x - y
                )
            ),
            op::Mul => {
                arithmetic!(
                    i,
                    fast(registers.get(i.b()), registers.get(i.c()), i64::checked_mul, |x, y| x
                        * y)
                );
            }
            op::Mod => integers!(i, registers.get(i.b()), registers.get(i.c()), int_modulo),
            op::Pow => match square(registers.get(i.b()), registers.get(i.c())) {
                None => slow!(),
                result => arithmetic!(i, result),
            },
            op::Div => arithmetic!(i, fast_float(registers.get(i.b()), registers.get(i.c()), |x, y| x / y)),
            op::IDiv => integers!(i, registers.get(i.b()), registers.get(i.c()), int_floor_division),
            op::BAnd => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), |x, y| x & y)),
            op::BOr => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), |x, y| x | y)),
            op::BXor => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), |x, y| x ^ y)),
            op::Shl => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), shift_left)),
            op::Shr => arithmetic!(i, fast_bits(registers.get(i.b()), registers.get(i.c()), shift_right)),
            op::Unm => {
                let x = registers.get(i.b());
                if let Some(result) = x.as_int().and_then(|int| Value::try_int(-int)) {
                    registers.set(i.a(), result);
                } else if let Some(float) = x.as_float() {
                    registers.set(i.a(), Value::float(-float));
                } else {
                    slow!();
                }
            }
            op::BNot => {
                let x = registers.get(i.b());
                if let Some(int) = x.as_int() {
                    registers.set(i.a(), Value::int(!int));
                } else {
                    slow!();
                }
            }
            op::Not => registers.set(i.a(), Value::bool(registers.get(i.b()).is_falsy())),
            op::Len => {
                let x = registers.get(i.b());
                if let Some(string) = x.cast::<Str>() {
                    registers.set(i.a(), Value::int(string.tail_len() as i64));
                } else if let Some(table) = x.cast::<Table>().filter(|table| table.meta().is_none()) {
                    registers.set(i.a(), Value::int(border(table)));
                } else {
                    slow!();
                }
            }

            // ---- Scopes.
            op::Close => {
                let from = vm.base + usize::from(i.a());
                left!(from, from);
                return Next::Again;
            }

            // ---- Jumps and tests.
            op::Jmp => {
                interruptible!();
                pc = pc.wrapping_add_signed(i.sj() as isize);
            }
            op::Eq => {
                let (x, y) = (registers.get(i.a()), registers.get(i.b()));
                if x.as_int().is_some() && y.as_int().is_some() {
                    test!(i, x == y);
                } else if x.raw_equals(y) {
                    test!(i, true);
                } else if x.is::<Table>() || x.is::<Userdata>() {
                    slow!();
                } else {
                    test!(i, false);
                }
            }
            op::Lt => order!(i, <),
            op::Le => order!(i, <=),
            op::EqK => {
                let (x, y) = (registers.get(i.a()), constant!(i.b()));
                test!(i, x.raw_equals(y));
            }
            op::EqI => {
                let (x, y) = (registers.get(i.a()), i64::from(i.sb()));
                let equal = match x.as_int() {
                    Some(x) => x == y,
                    None => x.as_float() == Some(y as f64),
                };
                test!(i, equal);
            }
            op::LtI => order_immediate!(i, <),
            op::LeI => order_immediate!(i, <=),
            op::GtI => order_immediate!(i, >),
            op::GeI => order_immediate!(i, >=),
            op::Test => test!(i, !registers.get(i.a()).is_falsy()),
            op::TestSet => {
                let value = registers.get(i.b());
                if value.is_falsy() == i.k() {
                    pc += 1;
                } else {
                    registers.set(i.a(), value);
                    jump!();
                }
            }

            // ---- Calls.
            op::Call => {
                save!();
                interruptible!();
                let call = call_of(vm, i.instruction(), i16::from(i.c()) - 1);
                let function = registers.get(i.a());
                // What a handler brought into view beyond is for handlers only.
                if let Some(callee) = function.cast::<Closure>()
                    && call.at < STACK_MAX
                    && let Some(window) = Window::at(h, call.at + 1)
                {
                    let proto = callee.proto();
                    vm.enter_reached(h, proto, call);
                    go_on!(begin(callee, proto, window));
                } else if let Some(native) = function.cast::<Native>() {
                    native!(native.function(), call);
                } else {
                    slow!();
                }
            }
            op::Return => {
                let first = vm.base + usize::from(i.a());
                let count = match i.b() {
                    0 => vm.top - first,
                    b => usize::from(b) - 1,
                };
                if i.k() {
                    left!(vm.base, first + count);
                }
                let Some((dest, wanted)) = vm.leave_plain() else {
                    returned!(first, count)
                };
                vm.deliver(h, first, count, dest, wanted);
                reload!();
            }
            op::Return0 => {
                let Some((dest, wanted)) = vm.leave_plain() else {
                    returned!(vm.base, 0)
                };
                match wanted {
                    0 => {}
                    ALL => vm.top = dest,
                    _ => vm.deliver(h, dest, 0, dest, wanted),
                }
                reload!();
            }
            op::Return1 => {
                let at = vm.base + usize::from(i.a());
                let Some((dest, wanted)) = vm.leave_plain() else {
                    returned!(at, 1)
                };
                // Functions with variable arguments, which stand elsewhere, have no such return.
                if wanted == 1 {
                    registers.set_result(registers.get(i.a()));
                } else {
                    vm.deliver(h, at, 1, dest, wanted);
                }
                return Next::Again;
            }

            // ---- Loops.
            op::ForLoop => {
                let [index, count, step, variable] = registers.four(i.a());
                let (Some(next), Some(iterations)) = (index.get().add_ints_wrapping(step.get()), count.get().as_int())
                else {
                    slow!()
                };
                // Then the next is not beyond the limit, and fits.
                if let Some(left) = count.get().count_down() {
                    // Short loops ask when they begin.
                    if iterations & 63 == 0 {
                        interruptible!();
                    }
                    count.set(left);
                    index.set(next);
                    variable.set(next);
                    pc = pc.wrapping_sub(i.bx() as usize);
                    apart!();
                } else if iterations < 0 {
                    slow!();
                }
            }
            op::ForPrep => {
                interruptible!();
                let a = i.a();
                let (index, limit) = (registers.get(a), registers.get(a.wrapping_add(1)));
                match loops::count(index, limit, registers.get(a.wrapping_add(2))) {
                    Some(Some(count)) => {
                        registers.set(a.wrapping_add(1), count);
                        registers.set(a.wrapping_add(3), index);
                    }
                    Some(None) => pc += i.bx() as usize + 1,
                    None => slow!(),
                }
            }
            op::TForCall => {
                save!();
                let a = i.a();
                registers.set(a.wrapping_add(6), registers.get(a.wrapping_add(2)));
                registers.set(a.wrapping_add(5), registers.get(a.wrapping_add(1)));
                let function = registers.get(a);
                registers.set(a.wrapping_add(4), function);
                match function.cast::<Native>() {
                    Some(native) => native!(native.function(), iteration_of(vm, i.instruction())),
                    None => slow!(),
                }
            }
            op::TForLoop => {
                let control = registers.get(i.a().wrapping_add(4));
                if !control.is_nil() {
                    interruptible!();
                    registers.set(i.a().wrapping_add(2), control);
                    pc = pc.wrapping_sub(i.bx() as usize);
                }
            }

            // ---- Functions.
            op::Closure => {
                let made = made!(new_closure(vm, h, closure, i.bx() as usize));
                registers.set(i.a(), made.into());
                allocated!();
            }

            // ---- What is rare. All numbers are named, so that the jump needs no check.
            op::SetList | op::Concat => slow!(),
            op::MmBin | op::MmBinI | op::MmBinK => slow!(),
            op::Tbc | op::TForPrep => slow!(),
            op::TailCall | op::VarArg | op::VarArgPrep => slow!(),
            op::ExtraArg | unused_numbers!() => return Next::Leave(Leave::Throw(message::corrupt(vm, h))),
            128.. => unreachable!("an opcode has seven bits"),
        }
        // Jumps to the first instruction come from the place before it.
        pc = pc.wrapping_add(1);
    }
}
