//! That variables to be closed are opened in the order of their registers, and none is open when a tail call gives the registers away.
//!
//! An interpreter keeps the open ones in a list and closes them from its end; it relies on the list ascending. Which are open at an
//! instruction depends on the way there, so for each instruction the set of those that *may* be open is computed: the union over all ways,
//! by iteration until nothing changes. Sets only grow, and have 256 members at most, which bounds the work. Code that cannot be reached
//! is not looked at.

use super::flow::successors;
use crate::bytecode::{Opcode, Proto};

type Check = Result<(), (usize, &'static str)>;

/// A set of registers.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Registers([u64; 4]);

impl Registers {
    fn insert(&mut self, register: u8) {
        self.0[usize::from(register / 64)] |= 1 << (register % 64);
    }

    fn insert_all(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
    }

    /// Removes all from `first` on.
    fn truncate(&mut self, first: u8) {
        let (at, bit) = (usize::from(first / 64), first % 64);
        self.0[at] &= (1 << bit) - 1;
        self.0[at + 1..].fill(0);
    }

    /// Whether all members are below `limit`.
    fn are_below(self, limit: u8) -> bool {
        let mut below = self;
        below.truncate(limit);
        below == self
    }
}

/// Checks the order of opening.
pub(super) fn check(proto: &Proto) -> Check {
    if !proto
        .code
        .iter()
        .any(|i| matches!(i.opcode(), Opcode::Tbc | Opcode::TForPrep))
    {
        return Ok(());
    }
    let mut open: Vec<Option<Registers>> = vec![None; proto.code.len()];
    open[0] = Some(Registers::default());
    let mut changed = vec![0];
    while let Some(pc) = changed.pop() {
        let mut registers = open[pc].unwrap_or_default();
        step(proto, pc, &mut registers).map_err(|what| (pc, what))?;
        for successor in successors(proto, pc).into_iter().flatten() {
            // All successors lie in the code: that was checked before.
            let Some(entry) = open.get_mut(successor as usize) else {
                continue;
            };
            let mut joined = entry.unwrap_or_default();
            joined.insert_all(registers);
            if *entry != Some(joined) {
                *entry = Some(joined);
                changed.push(successor as usize);
            }
        }
    }
    Ok(())
}

fn step(proto: &Proto, pc: usize, open: &mut Registers) -> Result<(), &'static str> {
    let i = proto.code[pc];
    let opened = match i.opcode() {
        Opcode::Close => {
            open.truncate(i.a());
            return Ok(());
        }
        Opcode::TailCall => {
            let is_safe = open.are_below(0);
            return if is_safe {
                Ok(())
            } else {
                Err("tail call with variables to be closed")
            };
        }
        Opcode::Tbc => i.a(),
        Opcode::TForPrep => i.a() + 3,
        _ => return Ok(()),
    };
    if !open.are_below(opened) {
        return Err("variable to be closed below another");
    }
    open.insert(opened);
    Ok(())
}
