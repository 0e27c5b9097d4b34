//! Where control goes, and which instructions belong together.
//!
//! Some instructions read their successor as an operand, or skip it, or leave the top of the stack for it. For each the neighbors are
//! checked; then, that no jump leads between them or out of the code. Two passes over the code, constant work per instruction. Loops
//! and unreachable code are code like any other.

use super::needs_close;
use crate::bytecode::{Opcode, Proto};

type Check = Result<(), (usize, &'static str)>;

/// Checks neighbors and jumps.
pub(super) fn check(proto: &Proto) -> Check {
    let code_length = proto.code.len();
    let must_close = needs_close(proto);
    let mut is_target = vec![false; code_length];
    for pc in 0..code_length {
        neighbors(proto, pc, must_close).map_err(|what| (pc, what))?;
        for successor in successors(proto, pc).into_iter().flatten() {
            let target = usize::try_from(successor).ok().filter(|&target| target < code_length);
            let Some(target) = target else {
                return Err((pc, "control leaves the code"));
            };
            if target != pc + 1 {
                is_target[target] = true;
            }
        }
    }
    for (pc, &instruction) in proto.code.iter().enumerate() {
        let opcode = instruction.opcode();
        let is_second = opcode.calls_metamethod() || matches!(opcode, Opcode::ExtraArg | Opcode::VarArgPrep);
        if is_target[pc] && (is_second || instruction.needs_top()) {
            return Err((pc, "jump between instructions that belong together"));
        }
    }
    Ok(())
}

/// Where control can go from an instruction: at most two places, which may lie outside of the code.
pub(super) fn successors(proto: &Proto, pc: usize) -> [Option<i64>; 2] {
    use Opcode as Op;
    let i = proto.code[pc];
    let next = pc as i64 + 1;
    let bx = i64::from(i.bx());
    match i.opcode() {
        Op::Jmp => [Some(next + i64::from(i.sj())), None],
        Op::LFalseSkip | Op::LoadKX | Op::NewTable => [Some(next + 1), None],
        Op::SetList if i.k() => [Some(next + 1), None],
        Op::ForPrep => [Some(next), Some(next + bx + 1)],
        Op::TForPrep => [Some(next + bx), None],
        Op::ForLoop | Op::TForLoop => [Some(next), Some(next - bx)],
        Op::Return | Op::Return0 | Op::Return1 | Op::ExtraArg => [None, None],
        opcode if opcode.is_test() || metamethod_instruction(opcode).is_some() => [Some(next), Some(next + 1)],
        _ => [Some(next), None],
    }
}

/// The instruction that must follow an arithmetic one.
fn metamethod_instruction(opcode: Opcode) -> Option<Opcode> {
    match opcode.number() {
        number if (Opcode::Add.number()..=Opcode::Shr.number()).contains(&number) => Some(Opcode::MmBin),
        number if (Opcode::AddK.number()..=Opcode::BXorK.number()).contains(&number) => Some(Opcode::MmBinK),
        _ => matches!(opcode, Opcode::AddI | Opcode::ShrI | Opcode::ShlI).then_some(Opcode::MmBinI),
    }
}

fn neighbors(proto: &Proto, pc: usize, must_close: bool) -> Result<(), &'static str> {
    use Opcode as Op;
    let code = &proto.code;
    let i = code[pc];
    let previous = pc.checked_sub(1).map(|before| code[before]);
    let next = code.get(pc + 1).copied();
    let next_is = |opcode| next.is_some_and(|next| next.opcode() == opcode);
    let loops_with = |opcode, target: Option<usize>| {
        target
            .and_then(|target| code.get(target))
            .is_some_and(|other| other.opcode() == opcode && other.a() == i.a())
    };
    let back = |distance: u32| (pc + 1).checked_sub(distance as usize);
    let is_paired = match i.opcode() {
        opcode if opcode.is_test() => next_is(Op::Jmp),
        Op::LoadKX | Op::NewTable => next_is(Op::ExtraArg),
        Op::SetList if i.k() => next_is(Op::ExtraArg),
        Op::ExtraArg => previous.is_some_and(|owner| match owner.opcode() {
            Op::LoadKX | Op::NewTable => true,
            Op::SetList => owner.k(),
            _ => false,
        }),
        Op::TailCall => next_is(Op::Return),
        Op::TForCall => next.is_some_and(|next| next.opcode() == Op::TForLoop && next.a() == i.a()),
        Op::TForPrep => loops_with(Op::TForCall, Some(pc + 1 + i.bx() as usize)),
        Op::ForPrep => loops_with(Op::ForLoop, Some(pc + 1 + i.bx() as usize)),
        Op::ForLoop => loops_with(Op::ForPrep, back(i.bx()).and_then(|body| body.checked_sub(1))),
        opcode if opcode.calls_metamethod() => {
            previous.is_some_and(|previous| metamethod_instruction(previous.opcode()) == Some(opcode))
        }
        opcode => metamethod_instruction(opcode).is_none_or(next_is),
    };
    if !is_paired {
        return Err("instruction without the one that belongs to it");
    }
    match i.opcode() {
        Op::Return | Op::TailCall if must_close && !i.k() => return Err("return that does not close variables"),
        Op::Return0 | Op::Return1 if must_close || proto.is_vararg => return Err("return that is too simple"),
        _ => {}
    }
    top(proto, pc)
}

/// Checks that the top of the stack is used directly behind where it was set, and not below it.
fn top(proto: &Proto, pc: usize) -> Result<(), &'static str> {
    let i = proto.code[pc];
    let needs_top = i.needs_top();
    let setter = pc
        .checked_sub(1)
        .map(|before| proto.code[before])
        .filter(|previous| previous.leaves_top());
    match setter {
        None if needs_top => Err("use of a top that nothing has set"),
        Some(_) if !needs_top => Err("top that nothing uses"),
        Some(setter) => {
            // The values begin in the setter's register, and behind the function or the table.
            let first_value = match i.opcode() {
                Opcode::Return => usize::from(i.a()),
                _ => usize::from(i.a()) + 1,
            };
            if usize::from(setter.a()) < first_value {
                Err("top below the first value")
            } else {
                Ok(())
            }
        }
        None => Ok(()),
    }
}
