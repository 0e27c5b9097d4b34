//! What the libraries `io` and `os` reach outside: files, processes, the environment.
//!
//! Everything is independent of the heap. Failures are [`io::Error`]s; [`Failure`] is how a program sees one. Names of files are bytes, and
//! end at a zero byte, as they are C strings in the reference implementation. Nothing here is shared: two states of Lua have their own
//! files, but the process has one environment.

mod environment;
mod file;
mod files;
mod module_path;
mod process;

pub use environment::{clock_seconds, environment_variable, locale_name, remove, rename, temporary_name};
pub use file::{Buffering, LuaFile, OpenMode, Whence};
pub use files::{FileId, Files};
pub use module_path::{ModulePaths, search_path};
pub use process::{Ending, execute, has_shell};

use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// A failure of the system, as library functions return it: after a nil, the message and the number of the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The message, with the name of the file before it if there is one.
    pub message: Vec<u8>,
    /// C's number of the error.
    pub code: i32,
}

impl Failure {
    /// How a program sees an error, which is about a file if there is a name.
    #[must_use]
    pub fn of(error: &io::Error, name: Option<&[u8]>) -> Self {
        let text = error_text(error);
        let message = match name {
            Some(name) => [c_string(name), b": ", text.as_bytes()].concat(),
            None => text.into_bytes(),
        };
        Self {
            message,
            code: error.raw_os_error().unwrap_or(0),
        }
    }
}

/// What C's `strerror` says about an error.
#[must_use]
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => text
            .strip_suffix(&format!(" (os error {code})"))
            .unwrap_or(&text)
            .to_owned(),
        None => text,
    }
}

/// The bytes up to a zero byte.
fn c_string(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The name of a file, or of anything of the system, as the standard library takes it.
fn os_string(name: &[u8]) -> &OsStr {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(c_string(name))
}

fn path(name: &[u8]) -> &Path {
    Path::new(os_string(name))
}

#[cfg(test)]
mod tests;
