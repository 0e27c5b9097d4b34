//! The environment of the process, and names of files: what `os` is about but for dates.
//!
//! There is one locale, "C". Processor time is that of the process.

use super::{os_string, path};
use rustix::io::Errno;
use std::io;
use std::os::unix::ffi::OsStringExt;

/// `os.getenv`.
#[must_use]
pub fn environment_variable(name: &[u8]) -> Option<Vec<u8>> {
    std::env::var_os(os_string(name)).map(OsStringExt::into_vec)
}

/// `os.clock`: processor time that the process has used, in seconds, to the microsecond.
#[must_use]
pub fn clock_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let microseconds = time.tv_sec * 1_000_000 + time.tv_nsec / 1000;
    microseconds as f64 / 1e6
}

/// `os.remove`: of a file, or of an empty directory.
///
/// # Errors
/// The system's.
pub fn remove(name: &[u8]) -> io::Result<()> {
    match std::fs::remove_file(path(name)) {
        Err(error)
            if [Errno::ISDIR, Errno::PERM]
                .iter()
                .any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) =>
        {
            // Systems say one or the other about directories; what removing one says is then the answer for directories only.
            if path(name).is_dir() {
                std::fs::remove_dir(path(name))
            } else {
                Err(error)
            }
        }
        result => result,
    }
}

/// `os.rename`.
///
/// # Errors
/// The system's.
pub fn rename(from: &[u8], to: &[u8]) -> io::Result<()> {
    std::fs::rename(path(from), path(to))
}

/// `os.tmpname`: the name of a file that did not exist, and does now, so that nobody else takes it.
///
/// # Errors
/// The system's.
pub fn temporary_name() -> io::Result<Vec<u8>> {
    let file = tempfile::Builder::new()
        .prefix("lua_")
        .rand_bytes(6)
        .tempfile_in("/tmp")?;
    let (_, path) = file.keep().map_err(|error| error.error)?;
    Ok(path.into_os_string().into_vec())
}

/// `os.setlocale`: the name of the locale that is then in effect, or nothing if it cannot be. Only "C" can.
///
/// ```
/// use tenure_lua::system::locale_name;
/// assert_eq!(locale_name(None), Some("C"));
/// assert_eq!(locale_name(Some(b"POSIX")), Some("C"));
/// assert_eq!(locale_name(Some(b"de_DE")), None);
/// ```
#[must_use]
pub fn locale_name(wanted: Option<&[u8]>) -> Option<&'static str> {
    matches!(wanted, None | Some(b"" | b"C" | b"POSIX")).then_some("C")
}
