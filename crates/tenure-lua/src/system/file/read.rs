//! Reading: lines, numerals, blocks, everything.
//!
//! The end of a file is found anew each time, as a file can grow and a terminal can go on.

use super::{BUFFER_BYTES, Buffering, LuaFile, Stream};
use crate::pure::number::{Number, is_space, parse_number};
use rustix::io::Errno;
use std::io::{self, ErrorKind, Read};

/// The longest numeral that is read.
const NUMERAL_BYTES_MAX: usize = 200;

impl LuaFile {
    /// Makes sure that there is unread input; returns whether there is any.
    fn fill(&mut self) -> io::Result<bool> {
        if self.consumed < self.input.len() {
            return Ok(true);
        }
        if !self.is_readable {
            return Err(Errno::BADF.into());
        }
        self.flush()?;
        self.forget_input();
        let size = if self.buffering == Buffering::No {
            1
        } else {
            BUFFER_BYTES
        };
        self.input.resize(size, 0);
        let count = loop {
            let read = match &mut self.stream {
                Stream::File(file) => file.read(&mut self.input),
                Stream::Reader(reader) => reader.read(&mut self.input),
                Stream::Writer(_) => Err(Errno::BADF.into()),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.input.truncate(*count.as_ref().unwrap_or(&0));
        count.map(|count| count > 0)
    }

    fn unread(&self) -> &[u8] {
        &self.input[self.consumed..]
    }

    /// The next byte, which is not consumed.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(if self.fill()? {
            Some(self.input[self.consumed])
        } else {
            None
        })
    }

    /// Whether nothing is left: what reading 0 bytes asks.
    ///
    /// # Errors
    /// The system's; here as in the functions below.
    pub fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(!self.fill()?)
    }

    /// Reads a line, with its end if `keep_end`; nothing at the end of the file.
    ///
    /// # Errors
    /// See [`LuaFile::is_at_end`].
    pub fn read_line(&mut self, keep_end: bool) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        while self.fill()? {
            let unread = self.unread();
            match memchr::memchr(b'\n', unread) {
                Some(length) => {
                    line.extend_from_slice(&unread[..length + usize::from(keep_end)]);
                    self.consumed += length + 1;
                    return Ok(Some(line));
                }
                None => {
                    line.extend_from_slice(unread);
                    self.consumed = self.input.len();
                }
            }
        }
        Ok((!line.is_empty()).then_some(line))
    }

    /// Reads up to the end of the file.
    ///
    /// # Errors
    /// See [`LuaFile::is_at_end`].
    pub fn read_all(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.read_bytes(usize::MAX)?.unwrap_or_default())
    }

    /// Reads so many bytes, or as many as are left; nothing if there are none.
    ///
    /// # Errors
    /// See [`LuaFile::is_at_end`].
    pub fn read_bytes(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        while bytes.len() < count && self.fill()? {
            let unread = self.unread();
            let length = unread.len().min(count - bytes.len());
            bytes.extend_from_slice(&unread[..length]);
            self.consumed += length;
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// Reads a numeral behind white space; nothing if there is none. As much is consumed as could have been the start of one.
    ///
    /// # Errors
    /// See [`LuaFile::is_at_end`].
    pub fn read_number(&mut self) -> io::Result<Option<Number>> {
        while self.peek()?.is_some_and(is_space) {
            self.consumed += 1;
        }
        let mut numeral = Numeral {
            file: self,
            bytes: Vec::new(),
            is_too_long: false,
        };
        numeral.read()?;
        let Numeral { bytes, is_too_long, .. } = numeral;
        Ok(if is_too_long { None } else { parse_number(&bytes) })
    }
}

/// A numeral that is being read.
struct Numeral<'a> {
    file: &'a mut LuaFile,
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Numeral<'_> {
    fn read(&mut self) -> io::Result<()> {
        self.accept(|byte| matches!(byte, b'+' | b'-'))?;
        let (mut digits, mut is_hexadecimal) = (0, false);
        if self.accept(|byte| byte == b'0')? {
            is_hexadecimal = self.accept(|byte| matches!(byte, b'x' | b'X'))?;
            digits += usize::from(!is_hexadecimal);
        }
        digits += self.digits(is_hexadecimal)?;
        if self.accept(|byte| byte == b'.')? {
            digits += self.digits(is_hexadecimal)?;
        }
        let mark: &[u8; 2] = if is_hexadecimal { b"pP" } else { b"eE" };
        if digits > 0 && self.accept(|byte| mark.contains(&byte))? {
            self.accept(|byte| matches!(byte, b'+' | b'-'))?;
            self.digits(false)?;
        }
        Ok(())
    }

    /// Takes the next byte if it is one that is wanted, and if there is room for it.
    fn accept(&mut self, is_wanted: impl Fn(u8) -> bool) -> io::Result<bool> {
        let Some(byte) = self.file.peek()?.filter(|&byte| is_wanted(byte)) else {
            return Ok(false);
        };
        if self.bytes.len() >= NUMERAL_BYTES_MAX {
            self.is_too_long = true;
            return Ok(false);
        }
        self.bytes.push(byte);
        self.file.consumed += 1;
        Ok(true)
    }

    fn digits(&mut self, is_hexadecimal: bool) -> io::Result<usize> {
        let mut count = 0;
        while self.accept(|byte| {
            if is_hexadecimal {
                byte.is_ascii_hexdigit()
            } else {
                byte.is_ascii_digit()
            }
        })? {
            count += 1;
        }
        Ok(count)
    }
}
