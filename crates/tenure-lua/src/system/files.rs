//! The open files of a state of Lua.
//!
//! Objects of the heap cannot own files, as they move and die without being asked; they hold a [`FileId`] each. Opening and closing is
//! constant work; numbers of closed files are used again, so who closes a file must forget its number.

use super::LuaFile;
use std::io;

/// The number of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(u32);

impl FileId {
    /// Standard input.
    pub const INPUT: Self = Self(0);
    /// Standard output.
    pub const OUTPUT: Self = Self(1);
    /// Standard error.
    pub const ERROR: Self = Self(2);

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The file with a number.
    #[must_use]
    pub const fn of_number(number: u32) -> Self {
        Self(number)
    }
}

/// Open files by their numbers.
#[derive(Debug)]
pub struct Files {
    files: Vec<Option<LuaFile>>,
    free: Vec<u32>,
}

impl Files {
    /// The three standard files.
    #[must_use]
    pub fn new(input: LuaFile, output: LuaFile, error: LuaFile) -> Self {
        Self {
            files: vec![Some(input), Some(output), Some(error)],
            free: Vec::new(),
        }
    }

    /// Adds a file.
    pub fn add(&mut self, file: LuaFile) -> FileId {
        if let Some(number) = self.free.pop() {
            self.files[number as usize] = Some(file);
            return FileId(number);
        }
        self.files.push(Some(file));
        FileId(self.files.len() as u32 - 1)
    }

    /// The file with a number, if it is open.
    pub fn get(&mut self, id: FileId) -> Option<&mut LuaFile> {
        self.files.get_mut(id.0 as usize)?.as_mut()
    }

    /// Takes a file out, to close it.
    pub fn take(&mut self, id: FileId) -> Option<LuaFile> {
        let file = self.files.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        Some(file)
    }

    /// Flushes all files: before a command runs that shares them, and before the process ends.
    ///
    /// # Errors
    /// The first failure; the others are flushed all the same.
    pub fn flush_all(&mut self) -> io::Result<()> {
        self.files
            .iter_mut()
            .flatten()
            .map(LuaFile::flush)
            .fold(Ok(()), Result::and)
    }
}
