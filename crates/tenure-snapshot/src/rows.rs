//! A flat array of numbers, read as rows of a fixed number of columns.
//!
//! One row is held at a time, with the place of each number, so that a fault can be told to the byte. It does not know
//! what the columns mean.

use crate::error::{ErrorKind, SnapshotError};
use crate::lexer::Lexer;

type Result<T> = std::result::Result<T, SnapshotError>;

pub(crate) struct Rows<'m> {
    section: &'static str,
    fields: &'m [String],
    needed: Vec<bool>,
    values: Vec<u64>,
    starts: Vec<u64>,
    read: u64,
    ended: bool,
}

/// A number that can only be judged later, and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) value: u64,
    row: u64,
    offset: u64,
}

impl<'m> Rows<'m> {
    /// Takes the opening bracket. Only the `used` columns have to hold non-negative integers.
    pub(crate) fn begin(
        lexer: &mut Lexer<'_>,
        section: &'static str,
        fields: &'m [String],
        used: &[usize],
    ) -> Result<Self> {
        lexer.expect(b'[', "`[` and numbers")?;
        let ended = lexer.peek()? == Some(b']');
        if ended {
            lexer.take();
        }
        let needed = (0..fields.len()).map(|column| used.contains(&column)).collect();
        let (values, starts) = (vec![0; fields.len()], vec![0; fields.len()]);
        Ok(Self {
            section,
            fields,
            needed,
            values,
            starts,
            read: 0,
            ended,
        })
    }

    /// Reads the next row; `false` after the closing bracket.
    #[inline]
    pub(crate) fn next(&mut self, lexer: &mut Lexer<'_>) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let columns = self.values.len();
        for column in 0..columns {
            let (value, separator) = match lexer.number(self.needed[column]) {
                Ok(number) => number,
                Err(error) => return Err(self.place(error, self.read, column)),
            };
            self.values[column] = value;
            self.starts[column] = lexer.number_start();
            if separator == b']' {
                self.ended = true;
                if column + 1 < columns {
                    let kind = ErrorKind::PartialRecord {
                        fields: columns,
                        found: column + 1,
                    };
                    return Err(self.place(SnapshotError::new(kind, lexer.offset() - 1), self.read, column));
                }
            }
        }
        self.read += 1;
        Ok(true)
    }

    /// The number in a column of the present row.
    #[inline]
    pub(crate) fn get(&self, column: usize) -> u64 {
        self.values[column]
    }

    /// Rows read so far.
    pub(crate) fn count(&self) -> u64 {
        self.read
    }

    /// The error for a number of the present row.
    #[cold]
    pub(crate) fn fail(&self, column: usize, kind: ErrorKind) -> SnapshotError {
        self.place(SnapshotError::new(kind, self.starts[column]), self.read - 1, column)
    }

    fn place(&self, error: SnapshotError, row: u64, column: usize) -> SnapshotError {
        place(error, self.section, row, column, self.fields)
    }

    /// Keeps the largest number of a column in `mark`, with its place.
    #[inline]
    pub(crate) fn mark_max(&self, column: usize, value: u64, mark: &mut Option<Mark>) {
        if mark.is_none_or(|largest| value > largest.value) {
            *mark = Some(Mark {
                value,
                row: self.read - 1,
                offset: self.starts[column],
            });
        }
    }
}

impl Mark {
    /// The error for a marked number that turned out to be wrong.
    pub(crate) fn fail(
        &self,
        kind: ErrorKind,
        section: &'static str,
        column: usize,
        fields: &[String],
    ) -> SnapshotError {
        place(SnapshotError::new(kind, self.offset), section, self.row, column, fields)
    }
}

fn place(error: SnapshotError, section: &str, row: u64, column: usize, fields: &[String]) -> SnapshotError {
    let element = row * fields.len() as u64 + column as u64;
    error
        .in_section(section)
        .at_element(element)
        .in_record(row, &fields[column])
}
