//! Lines of instructions, as they are emitted.
//!
//! Appending is constant work. The last entry can be taken back, because the generator sometimes removes the instruction that it has just
//! emitted, or decides that it belongs to another line.

use crate::bytecode::{AbsoluteLine, LineInfo};

/// Builds a [`LineInfo`].
#[derive(Debug, Default)]
pub(crate) struct LineRecorder {
    info: LineInfo,
    previous_line: u32,
    /// Instructions since the last recorded line.
    since_recorded: u32,
}

impl LineRecorder {
    /// A recorder for a function that is defined at `line`.
    pub(crate) fn new(line: u32) -> Self {
        Self {
            info: LineInfo::default(),
            previous_line: line,
            since_recorded: 0,
        }
    }

    /// Adds the line of the next instruction.
    pub(crate) fn push(&mut self, line: u32) {
        let pc = self.info.deltas.len();
        let delta = i64::from(line) - i64::from(self.previous_line);
        let small = i8::try_from(delta)
            .ok()
            .filter(|&delta| delta != LineInfo::ABSOLUTE_MARK);
        match small {
            Some(delta) if self.since_recorded < LineInfo::ABSOLUTE_DISTANCE => {
                self.info.deltas.push(delta);
                self.since_recorded += 1;
            }
            _ => {
                self.info.absolute.push(AbsoluteLine { pc: pc as u32, line });
                self.info.deltas.push(LineInfo::ABSOLUTE_MARK);
                self.since_recorded = 1;
            }
        }
        self.previous_line = line;
    }

    /// Removes the last instruction's line.
    pub(crate) fn pop(&mut self) {
        match self.info.deltas.pop() {
            Some(LineInfo::ABSOLUTE_MARK) => {
                self.info.absolute.pop();
                // The line before is no longer known, so the next one must be recorded.
                self.since_recorded = LineInfo::ABSOLUTE_DISTANCE + 1;
            }
            Some(delta) => {
                self.previous_line = self.previous_line.wrapping_sub(i32::from(delta) as u32);
                self.since_recorded -= 1;
            }
            None => {}
        }
    }

    pub(crate) fn finish(self) -> LineInfo {
        self.info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_are_found_again(
            first in 1u32..2000,
            steps in prop::collection::vec((prop_oneof![-3i64..4, -200i64..200], any::<bool>()), 1..600),
        ) {
            let mut recorder = LineRecorder::new(first);
            let mut expected = Vec::new();
            let mut line = i64::from(first);
            for (step, fix) in steps {
                line = (line + step).max(1);
                recorder.push(line as u32);
                if fix {
                    recorder.pop();
                    line += 1;
                    recorder.push(line as u32);
                }
                expected.push(line as u32);
            }
            let info = recorder.finish();
            for (pc, &line) in expected.iter().enumerate() {
                prop_assert_eq!(info.line(pc, first), Some(line));
            }
            prop_assert_eq!(info.line(expected.len(), first), None);
        }
    }
}
