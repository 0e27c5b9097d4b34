//! Files as `io` has them: C's streams, with buffers of their own.
//!
//! A [`LuaFile`] is a file, a pipe, or a reader or writer of the embedder's, opened for reading, writing or both. Between reading and
//! writing it does by itself what C demands of programs: unread input is given back, and output is flushed. Lines are found by `memchr`
//! in the buffer. Output that cannot be written is lost, and reported once. Files that are dropped are flushed, without a report.

mod mode;
mod read;
mod write;

pub use mode::OpenMode;

use super::path;
use super::process::{Ending, shell_command};
use rustix::io::Errno;
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};

/// Bytes that a buffer holds: a page, as in C's library.
const BUFFER_BYTES: usize = 4096;

/// When output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffering {
    /// At once.
    No,
    /// When the buffer is full.
    Full,
    /// At the end of each line.
    Line,
}

/// What an offset is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The beginning.
    Set,
    /// The current position.
    Current,
    /// The end.
    End,
}

enum Stream {
    File(File),
    Reader(Box<dyn Read>),
    Writer(Box<dyn Write>),
}

/// An open file.
///
/// ```
/// use tenure_lua::system::{LuaFile, Whence};
/// let mut file = LuaFile::temporary()?;
/// file.write(b"first\nsecond 12")?;
/// file.seek(Whence::Set, 0)?;
/// assert_eq!(file.read_line(false)?, Some(b"first".to_vec()));
/// assert_eq!(file.read_bytes(7)?, Some(b"second ".to_vec()));
/// assert_eq!(file.read_all()?, b"12");
/// assert_eq!(file.read_line(false)?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LuaFile {
    stream: Stream,
    is_readable: bool,
    is_writable: bool,
    buffering: Buffering,
    /// What was read from the stream, and how much of that the program has.
    input: Vec<u8>,
    consumed: usize,
    /// What the program wrote, and the stream does not have yet.
    output: Vec<u8>,
    /// The process at the other end of a pipe.
    child: Option<Child>,
}

impl fmt::Debug for LuaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LuaFile")
            .field("is_readable", &self.is_readable)
            .field("is_writable", &self.is_writable)
            .field("buffering", &self.buffering)
            .finish_non_exhaustive()
    }
}

impl LuaFile {
    fn new(stream: Stream, is_readable: bool, is_writable: bool) -> Self {
        Self {
            stream,
            is_readable,
            is_writable,
            buffering: Buffering::Full,
            input: Vec::new(),
            consumed: 0,
            output: Vec::new(),
            child: None,
        }
    }

    /// Opens a file, as `io.open` does.
    ///
    /// # Errors
    /// The system's.
    pub fn open(name: &[u8], mode: OpenMode) -> io::Result<Self> {
        let mut file = mode.options().open(path(name))?;
        if mode.starts_at_end() {
            // What cannot be positioned is at its end anyway.
            let _ = file.seek(SeekFrom::End(0));
        }
        Ok(Self::new(Stream::File(file), mode.is_readable(), mode.is_writable()))
    }

    /// A file without a name, which is gone when it is closed: `io.tmpfile`.
    ///
    /// # Errors
    /// The system's.
    pub fn temporary() -> io::Result<Self> {
        Ok(Self::new(Stream::File(tempfile::tempfile()?), true, true))
    }

    /// The output of a command, or with `for_writing` its input: `io.popen`.
    ///
    /// # Errors
    /// The system's.
    pub fn pipe(command: &[u8], for_writing: bool) -> io::Result<Self> {
        let mut command = shell_command(command);
        if for_writing {
            command.stdin(Stdio::piped());
        } else {
            command.stdout(Stdio::piped());
        }
        let mut child = command.spawn()?;
        let end: Option<OwnedFd> = match for_writing {
            true => child.stdin.take().map(OwnedFd::from),
            false => child.stdout.take().map(OwnedFd::from),
        };
        let Some(end) = end else { return Err(Errno::PIPE.into()) };
        let mut file = Self::new(Stream::File(end.into()), !for_writing, for_writing);
        file.child = Some(child);
        Ok(file)
    }

    /// The standard input of the process.
    ///
    /// # Errors
    /// The process has none.
    pub fn standard_input() -> io::Result<Self> {
        let end = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self::new(Stream::File(end.into()), true, false))
    }

    /// The standard output of the process, buffered by line if it is a terminal.
    ///
    /// # Errors
    /// The process has none.
    pub fn standard_output() -> io::Result<Self> {
        let end = io::stdout().as_fd().try_clone_to_owned()?;
        let mut file = Self::new(Stream::File(end.into()), false, true);
        if io::stdout().is_terminal() {
            file.buffering = Buffering::Line;
        }
        Ok(file)
    }

    /// The standard error of the process, without a buffer.
    ///
    /// # Errors
    /// The process has none.
    pub fn standard_error() -> io::Result<Self> {
        let end = io::stderr().as_fd().try_clone_to_owned()?;
        let mut file = Self::new(Stream::File(end.into()), false, true);
        file.buffering = Buffering::No;
        Ok(file)
    }

    /// A file that reads from the embedder.
    #[must_use]
    pub fn from_reader(reader: impl Read + 'static) -> Self {
        Self::new(Stream::Reader(Box::new(reader)), true, false)
    }

    /// A file that writes to the embedder. Its buffering is full at first.
    #[must_use]
    pub fn from_writer(writer: impl Write + 'static) -> Self {
        Self::new(Stream::Writer(Box::new(writer)), false, true)
    }

    /// Moves to a position, and returns it, counted from the beginning.
    ///
    /// # Errors
    /// The system's: a pipe has no positions, and none is negative.
    pub fn seek(&mut self, whence: Whence, offset: i64) -> io::Result<i64> {
        self.flush()?;
        let Stream::File(file) = &mut self.stream else {
            return Err(Errno::SPIPE.into());
        };
        let unread = (self.input.len() - self.consumed) as i64;
        let target = match whence {
            Whence::Set => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::INVAL)?),
            Whence::Current => SeekFrom::Current(offset.checked_sub(unread).ok_or(Errno::INVAL)?),
            Whence::End => SeekFrom::End(offset),
        };
        let position = file.seek(target)?;
        self.forget_input();
        i64::try_from(position).map_err(|_| Errno::OVERFLOW.into())
    }

    fn forget_input(&mut self) {
        self.input.clear();
        self.consumed = 0;
    }

    /// Closes the file. Of a pipe, waits for the command, and returns how it ended.
    ///
    /// # Errors
    /// Output could not be written; the system's.
    pub fn close(mut self) -> io::Result<Option<Ending>> {
        let flushed = self.flush();
        let child = self.child.take();
        // The other end of a pipe sees that nothing more comes before it is waited for.
        self.stream = Stream::Reader(Box::new(io::empty()));
        match child {
            Some(mut child) => Ok(Some(Ending::of(child.wait()?))),
            None => flushed.map(|()| None),
        }
    }
}

impl Drop for LuaFile {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _ = self.flush();
        if let Some(mut child) = self.child.take() {
            self.stream = Stream::Reader(Box::new(io::empty()));
            let _ = child.wait();
        }
    }
}
