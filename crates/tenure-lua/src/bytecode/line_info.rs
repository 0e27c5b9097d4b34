//! Which line each instruction comes from, in little more than one byte per instruction.
//!
//! A signed byte per instruction holds the difference to the line of the previous one. Where that does not fit, and every 128
//! instructions, the byte is a mark and the line itself is recorded, so that finding a line takes a binary search and at most 128
//! additions. It does not know columns.

/// The recorded line of one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsoluteLine {
    /// Index of the instruction.
    pub pc: u32,
    /// Its line.
    pub line: u32,
}

/// The lines of a prototype's instructions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineInfo {
    /// For each instruction the difference to the line of the previous one (to the line where the function is defined, for the first),
    /// or -128 where `absolute` has the line. Empty when debug information was stripped.
    pub deltas: Vec<i8>,
    /// Recorded lines, ordered by instruction.
    pub absolute: Vec<AbsoluteLine>,
}

impl LineInfo {
    /// The mark among `deltas` that a line is recorded absolutely.
    pub const ABSOLUTE_MARK: i8 = -128;
    /// Instructions between recorded lines, which bounds the additions of a look-up; part of the format of binary chunks.
    pub const ABSOLUTE_DISTANCE: u32 = 128;

    /// The line of the instruction at `pc` in a function defined at `line_defined`, or `None` without debug information.
    /// At most 128 additions for what the compiler made.
    pub fn line(&self, pc: usize, line_defined: u32) -> Option<u32> {
        if pc >= self.deltas.len() {
            return None;
        }
        let recorded = self.absolute.partition_point(|entry| entry.pc as usize <= pc);
        let (first, base) = match recorded.checked_sub(1).map(|index| self.absolute[index]) {
            Some(entry) => (entry.pc as usize + 1, entry.line),
            None => (0, line_defined),
        };
        let deltas = self.deltas.get(first..=pc).unwrap_or(&[]);
        Some(
            deltas
                .iter()
                .fold(base, |line, &delta| line.wrapping_add_signed(i32::from(delta))),
        )
    }
}
