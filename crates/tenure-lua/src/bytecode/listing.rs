//! Prototypes for people: a listing like that of the reference implementation's `luac -l -l`, without addresses of memory.
//!
//! One pass over the code; nested functions follow their parent. The line of an instruction stands in brackets, operands in the order
//! `A B C` with a `k` behind them, and what an operand refers to behind a semicolon. It is not read back by anything.

use super::instruction::Instruction;
use super::metamethod::Metamethod;
use super::opcode::{Format, Opcode};
use super::proto::{Constant, Proto};
use std::fmt;

/// Displays a prototype and the functions nested in it.
///
/// ```
/// use tenure_lua::bytecode::{Instruction, Listing, Opcode, Proto};
///
/// let proto = Proto { code: vec![Instruction::abc(Opcode::Return0, 0, 1, 0)], ..Proto::default() };
/// assert!(Listing(&proto).to_string().contains("RETURN0"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a>(pub &'a Proto);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proto = self.0;
        header(proto, f)?;
        for (pc, &instruction) in proto.code.iter().enumerate() {
            let line = proto.line(pc).map_or("-".to_string(), |line| line.to_string());
            write!(f, "\t{}\t[{line}]\t", pc + 1)?;
            operation(proto, pc, instruction, f)?;
            writeln!(f)?;
        }
        tables(proto, f)?;
        proto
            .protos
            .iter()
            .try_for_each(|nested| write!(f, "\n{}", Listing(nested)))
    }
}

fn header(proto: &Proto, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let what = if proto.line_defined == 0 { "main" } else { "function" };
    let source = proto.source.as_deref().unwrap_or(b"=?");
    let source = match source.first() {
        Some(b'@' | b'=') => String::from_utf8_lossy(&source[1..]).into_owned(),
        _ => "(string)".to_string(),
    };
    let (from, to) = (proto.line_defined, proto.last_line_defined);
    writeln!(f, "{what} <{source}:{from},{to}> ({} instructions)", proto.code.len())?;
    writeln!(
        f,
        "{}{} params, {} slots, {} upvalues, {} locals, {} constants, {} functions",
        proto.parameter_count,
        if proto.is_vararg { "+" } else { "" },
        proto.max_stack_size,
        proto.upvalues.len(),
        proto.local_variables.len(),
        proto.constants.len(),
        proto.protos.len(),
    )
}

fn tables(proto: &Proto, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "constants ({}):", proto.constants.len())?;
    for (index, constant) in proto.constants.iter().enumerate() {
        writeln!(f, "\t{index}\t{}", Literal(constant))?;
    }
    writeln!(f, "locals ({}):", proto.local_variables.len())?;
    for (index, local) in proto.local_variables.iter().enumerate() {
        let name = name(local.name.as_deref());
        writeln!(f, "\t{index}\t{name}\t{}\t{}", local.start_pc + 1, local.end_pc + 1)?;
    }
    writeln!(f, "upvalues ({}):", proto.upvalues.len())?;
    for (index, upvalue) in proto.upvalues.iter().enumerate() {
        let name = name(upvalue.name.as_deref());
        writeln!(
            f,
            "\t{index}\t{name}\t{}\t{}",
            u8::from(upvalue.in_stack),
            upvalue.index
        )?;
    }
    Ok(())
}

fn name(name: Option<&[u8]>) -> String {
    name.map_or("-".to_string(), |name| String::from_utf8_lossy(name).into_owned())
}

fn operation(proto: &Proto, pc: usize, instruction: Instruction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(opcode) = instruction.opcode_checked() else {
        return write!(f, "(invalid {:#010x})", instruction.bits());
    };
    write!(f, "{:<9}\t", opcode.name())?;
    operands(opcode, instruction, f)?;
    let mut comment = String::new();
    remark(proto, pc, instruction, &mut comment).map_err(|_| fmt::Error)?;
    if comment.is_empty() {
        Ok(())
    } else {
        write!(f, "\t; {comment}")
    }
}

/// Which of `A`, `B` and `C` an instruction uses, and which of them are signed.
fn operands(opcode: Opcode, i: Instruction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use Opcode as Op;
    let k = if i.k() { "k" } else { "" };
    match opcode.format() {
        Format::Abx if opcode == Op::LoadKX => write!(f, "{}", i.a()),
        Format::Abx => write!(f, "{} {}", i.a(), i.bx()),
        Format::AsBx => write!(f, "{} {}", i.a(), i.sbx()),
        Format::Ax => write!(f, "{}", i.ax()),
        Format::Sj => write!(f, "{}", i.sj()),
        Format::Abc => match opcode {
            Op::LoadFalse | Op::LFalseSkip | Op::LoadTrue | Op::Close | Op::Tbc | Op::Return1 | Op::VarArgPrep => {
                write!(f, "{}", i.a())
            }
            Op::Return0 => Ok(()),
            Op::Move
            | Op::LoadNil
            | Op::GetUpval
            | Op::SetUpval
            | Op::Unm
            | Op::BNot
            | Op::Not
            | Op::Len
            | Op::Concat => write!(f, "{} {}", i.a(), i.b()),
            Op::TForCall | Op::VarArg => write!(f, "{} {}", i.a(), i.c()),
            Op::Test => write!(f, "{} {}", i.a(), u8::from(i.k())),
            Op::Eq | Op::Lt | Op::Le | Op::EqK | Op::TestSet => write!(f, "{} {} {}", i.a(), i.b(), u8::from(i.k())),
            Op::EqI | Op::LtI | Op::LeI | Op::GtI | Op::GeI => write!(f, "{} {} {}", i.a(), i.sb(), u8::from(i.k())),
            Op::AddI | Op::ShrI | Op::ShlI => write!(f, "{} {} {}", i.a(), i.b(), i.sc()),
            Op::MmBinI => write!(f, "{} {} {} {}", i.a(), i.sb(), i.c(), u8::from(i.k())),
            Op::MmBinK => write!(f, "{} {} {} {}", i.a(), i.b(), i.c(), u8::from(i.k())),
            Op::SetTabUp | Op::SetTable | Op::SetI | Op::SetField | Op::SelfOp | Op::TailCall | Op::Return => {
                write!(f, "{} {} {}{k}", i.a(), i.b(), i.c())
            }
            _ => write!(f, "{} {} {}", i.a(), i.b(), i.c()),
        },
    }
}

/// What the operands refer to.
fn remark(proto: &Proto, pc: usize, i: Instruction, out: &mut impl fmt::Write) -> fmt::Result {
    use Opcode as Op;
    let extra = || proto.code.get(pc + 1).map_or(0, |next| next.ax());
    let constant = |index: u32| {
        proto
            .constants
            .get(index as usize)
            .map_or("?".to_string(), |k| Literal(k).to_string())
    };
    let upvalue = |index: u8| {
        name(
            proto
                .upvalues
                .get(usize::from(index))
                .and_then(|upvalue| upvalue.name.as_deref()),
        )
    };
    let event = |number: u8| Metamethod::from_number(number).map_or("?", Metamethod::name);
    let (b, c) = (u32::from(i.b()), u32::from(i.c()));
    let value = || {
        if i.k() {
            format!(" {}", constant(c))
        } else {
            String::new()
        }
    };
    let to = |target: i64| target + 1;
    let next = pc as i64 + 1;
    match i.opcode() {
        Op::LoadK => write!(out, "{}", constant(i.bx())),
        Op::LoadKX => write!(out, "{}", constant(extra())),
        Op::GetUpval | Op::SetUpval => write!(out, "{}", upvalue(i.b())),
        Op::GetTabUp => write!(out, "{} {}", upvalue(i.b()), constant(c)),
        Op::GetField => write!(out, "{}", constant(c)),
        Op::SetTabUp => write!(out, "{} {}{}", upvalue(i.a()), constant(b), value()),
        Op::SetField => write!(out, "{}{}", constant(b), value()),
        Op::SetTable | Op::SetI if i.k() => write!(out, "{}", constant(c)),
        Op::SelfOp if i.k() => write!(out, "{}", constant(c)),
        Op::NewTable => write!(out, "{}", u64::from(extra()) * 256 + u64::from(c)),
        Op::AddK | Op::SubK | Op::MulK | Op::ModK | Op::PowK | Op::DivK | Op::IDivK => write!(out, "{}", constant(c)),
        Op::BAndK | Op::BOrK | Op::BXorK => write!(out, "{}", constant(c)),
        Op::MmBin | Op::MmBinI => write!(out, "{}{}", event(i.c()), if i.k() { " flip" } else { "" }),
        Op::MmBinK => write!(
            out,
            "{} {}{}",
            event(i.c()),
            constant(b),
            if i.k() { " flip" } else { "" }
        ),
        Op::EqK => write!(out, "{}", constant(b)),
        Op::Jmp => write!(out, "to {}", to(next + i64::from(i.sj()))),
        Op::ForLoop | Op::TForLoop => write!(out, "to {}", to(next - i64::from(i.bx()))),
        Op::ForPrep => write!(out, "exit to {}", to(next + i64::from(i.bx()) + 1)),
        Op::TForPrep => write!(out, "to {}", to(next + i64::from(i.bx()))),
        Op::Call | Op::TailCall => {
            let arguments = b.checked_sub(1).map_or("all".to_string(), |count| count.to_string());
            let results = c.checked_sub(1).map_or("all".to_string(), |count| count.to_string());
            match i.opcode() {
                Op::Call => write!(out, "{arguments} in {results} out"),
                _ => write!(out, "{arguments} in"),
            }
        }
        Op::Return => match b.checked_sub(1) {
            Some(count) => write!(out, "{count} out"),
            None => write!(out, "all out"),
        },
        Op::VarArg => match c.checked_sub(1) {
            Some(count) => write!(out, "{count} out"),
            None => write!(out, "all out"),
        },
        Op::SetList => write!(out, "from {}", if i.k() { extra() * 256 + c } else { c }),
        Op::Closure => write!(out, "function {}", i.bx()),
        _ => Ok(()),
    }
}

/// A constant as it could stand in a source text.
struct Literal<'a>(&'a Constant);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Constant::Nil => write!(f, "nil"),
            Constant::True => write!(f, "true"),
            Constant::False => write!(f, "false"),
            Constant::Integer(value) => write!(f, "{value}"),
            Constant::Float(value) => write!(f, "{value:?}"),
            Constant::String(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
        }
    }
}
