//! Writing, through a buffer or not.
//!
//! A write that fails loses what it should have written, so that closing the file does not fail for the same reason once more.

use super::{BUFFER_BYTES, Buffering, LuaFile, Stream};
use rustix::io::Errno;
use std::io::{self, Seek, SeekFrom, Write};

impl LuaFile {
    /// Writes bytes.
    ///
    /// # Errors
    /// The file is not open for writing; the system's, also for what was written before.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.is_writable {
            return Err(Errno::BADF.into());
        }
        self.give_input_back();
        match self.buffering {
            Buffering::No => self.write_through(bytes),
            Buffering::Full => self.write_buffered(bytes),
            Buffering::Line => match memchr::memrchr(b'\n', bytes) {
                Some(end) => {
                    self.write_buffered(&bytes[..=end])?;
                    self.flush()?;
                    self.write_buffered(&bytes[end + 1..])
                }
                None => self.write_buffered(bytes),
            },
        }
    }

    /// Moves the stream back to where the program has read to.
    fn give_input_back(&mut self) {
        let unread = self.input.len() - self.consumed;
        if let Stream::File(file) = &mut self.stream
            && unread > 0
        {
            // A pipe for both directions has no position that could matter.
            let _ = file.seek(SeekFrom::Current(-(unread as i64)));
        }
        self.forget_input();
    }

    fn write_buffered(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.output.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            return self.write_through(bytes);
        }
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::File(file) => file.write_all(bytes),
            Stream::Writer(writer) => writer.write_all(bytes),
            Stream::Reader(_) => Err(Errno::BADF.into()),
        }
    }

    /// Writes what is in the buffer.
    ///
    /// # Errors
    /// The system's.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            let output = std::mem::take(&mut self.output);
            self.write_through(&output)?;
            self.output = output;
            self.output.clear();
        }
        match &mut self.stream {
            Stream::Writer(writer) => writer.flush(),
            _ => Ok(()),
        }
    }

    /// Sets when output is written. What is in the buffer is written now.
    ///
    /// # Errors
    /// The system's.
    pub fn set_buffering(&mut self, buffering: Buffering) -> io::Result<()> {
        self.buffering = buffering;
        self.flush()
    }
}
