//! Copying and reading bytes that are cells.
//!
//! Bytes seen by several views can overlap, so copies choose their direction by address, as `memmove` does, and move 8
//! bytes at a time. Between cells and slices that nobody else sees, plain loops do, which the compiler vectorizes. The
//! lengths are the caller's to check: these functions stop at the shorter one.

use std::cell::Cell;
use std::io;

use super::element::Element;

/// Copies `from` to `to`, as if through memory of its own where the two overlap; as many bytes as the shorter one has.
pub(crate) fn copy(to: &[Cell<u8>], from: &[Cell<u8>]) {
    let len_bytes = to.len().min(from.len());
    let (to, from) = (&to[..len_bytes], &from[..len_bytes]);
    // An 8-byte element is read as a whole before it is written, so the direction alone settles every overlap, also
    // one by fewer than 8 bytes.
    let tail = len_bytes - len_bytes % 8;
    if from.as_ptr() < to.as_ptr() {
        for (to, from) in to[tail..].iter().zip(&from[tail..]).rev() {
            to.set(from.get());
        }
        for (to, from) in u64::split(to).iter().zip(u64::split(from)).rev() {
            u64::store(to, u64::load(from));
        }
    } else {
        for (to, from) in u64::split(to).iter().zip(u64::split(from)) {
            u64::store(to, u64::load(from));
        }
        for (to, from) in to[tail..].iter().zip(&from[tail..]) {
            to.set(from.get());
        }
    }
}

/// Copies `from` to `to`, as many bytes as the shorter one has.
pub(crate) fn read(to: &mut [u8], from: &[Cell<u8>]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.get();
    }
}

/// Copies `from` to `to`, as many bytes as the shorter one has.
pub(crate) fn write(to: &[Cell<u8>], from: &[u8]) {
    for (to, from) in to.iter().zip(from) {
        to.set(*from);
    }
}

/// Sets all bytes.
pub(crate) fn fill(bytes: &[Cell<u8>], value: u8) {
    for byte in bytes {
        byte.set(value);
    }
}

/// Reads bytes of a buffer as a stream, so that they get into a file or an archive without a copy of all of them.
///
/// ```
/// use std::io::Read;
/// use tenure_resource::buffer::{ArrayBuffer, Reader};
///
/// let buffer = ArrayBuffer::from_vec(b"some bytes".to_vec());
/// let mut text = String::new();
/// Reader::new(buffer.bytes()?).read_to_string(&mut text)?;
/// assert_eq!(text, "some bytes");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader<'h>(&'h [Cell<u8>]);

impl<'h> Reader<'h> {
    /// Returns a reader of `bytes`, from the first on.
    #[must_use]
    pub fn new(bytes: &'h [Cell<u8>]) -> Reader<'h> {
        Reader(bytes)
    }
}

impl io::Read for Reader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let (now, later) = self.0.split_at(to.len().min(self.0.len()));
        read(to, now);
        self.0 = later;
        Ok(now.len())
    }

    fn read_to_end(&mut self, to: &mut Vec<u8>) -> io::Result<usize> {
        let now = std::mem::take(&mut self.0);
        to.try_reserve(now.len())?;
        to.extend(now.iter().map(Cell::get));
        Ok(now.len())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn cells(bytes: &[u8]) -> Vec<Cell<u8>> {
        bytes.iter().copied().map(Cell::new).collect()
    }

    #[test]
    fn copies_overlap_by_any_distance() {
        let start: Vec<u8> = (0..100).collect();
        for from in 0..24 {
            for to in 0..24 {
                for len in [0, 1, 7, 8, 9, 16, 23, 40, 76] {
                    let mut expected = start.clone();
                    expected.copy_within(from..from + len, to);
                    let actual = cells(&start);
                    copy(&actual[to..to + len], &actual[from..from + len]);
                    let actual: Vec<u8> = actual.iter().map(Cell::get).collect();
                    assert_eq!(actual, expected, "{from} to {to}, {len} bytes");
                }
            }
        }
    }

    #[test]
    fn a_reader_gives_pieces_and_then_nothing() {
        let bytes = cells(&[1, 2, 3, 4, 5]);
        let mut reader = Reader::new(&bytes);
        let mut piece = [0; 2];
        assert_eq!((reader.read(&mut piece).unwrap(), piece), (2, [1, 2]));
        let mut rest = vec![9];
        assert_eq!(reader.read_to_end(&mut rest).unwrap(), 3);
        assert_eq!((rest, reader.read(&mut piece).unwrap()), (vec![9, 3, 4, 5], 0));
    }
}
