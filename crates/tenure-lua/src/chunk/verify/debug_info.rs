//! That debug information describes the code it comes with.
//!
//! Lines are known for all instructions or for none. Variables in scope have registers one after the other, so no more may be in scope
//! at once than there are registers: a debugger reads and writes them by their number. Linear, but for sorting the variables' scopes.
//! Names are not checked: they may be any bytes.

use super::Check;
use crate::bytecode::{LineInfo, Proto};

/// Checks lines and variables.
pub(super) fn check(proto: &Proto) -> Check {
    lines(proto)?;
    variables(proto)
}

fn lines(proto: &Proto) -> Check {
    let info = &proto.line_info;
    if info.deltas.is_empty() && info.absolute.is_empty() {
        return Ok(());
    }
    if info.deltas.len() != proto.code.len() {
        return Err("lines for some instructions only");
    }
    let marked = info
        .deltas
        .iter()
        .enumerate()
        .filter(|(_, delta)| **delta == LineInfo::ABSOLUTE_MARK)
        .map(|(pc, _)| pc);
    let recorded = info.absolute.iter().map(|entry| entry.pc as usize);
    if marked.eq(recorded) {
        Ok(())
    } else {
        Err("recorded lines without their marks")
    }
}

fn variables(proto: &Proto) -> Check {
    let code_length = proto.code.len() as u32;
    let mut changes = Vec::with_capacity(2 * proto.local_variables.len());
    for variable in &proto.local_variables {
        if variable.start_pc > variable.end_pc || variable.end_pc > code_length {
            return Err("variable with an impossible scope");
        }
        changes.extend([(variable.end_pc, -1), (variable.start_pc, 1)]);
    }
    // Where one scope ends and another begins, the end comes first.
    changes.sort_unstable();
    let mut in_scope = 0;
    for (_, change) in changes {
        in_scope += change;
        if in_scope > i64::from(proto.max_stack_size) {
            return Err("more variables than registers");
        }
    }
    Ok(())
}
