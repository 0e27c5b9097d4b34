//! What programs reach outside of the interpreter: output, warnings, source files.
//!
//! Everything is passed in by the embedder; nothing here reads the environment. The collector's settings that programs can ask for are
//! remembered here too, since the heap sizes itself and has no such settings.

use crate::pure::number::Random;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Read, Write};

/// Where programs write to, and what they remember.
pub struct Services {
    pub(crate) output: Box<dyn Write>,
    pub(crate) errors: Box<dyn Write>,
    /// Whether warnings are shown.
    pub(crate) are_warnings_on: bool,
    pub(crate) collector: CollectorSettings,
    /// The generator of `math.random`.
    pub(crate) random: Random,
    /// Where seeds come from that a program asks for without giving one.
    pub(crate) seeds: Box<dyn FnMut() -> u64>,
}

/// What `collectgarbage` was told and tells again.
#[derive(Debug)]
pub(crate) struct CollectorSettings {
    pub(crate) is_running: bool,
    pub(crate) is_generational: bool,
    pub(crate) pause: i64,
    pub(crate) step_multiplier: i64,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

impl Services {
    /// Programs write to the streams of the process, and get other random numbers each time.
    #[must_use]
    pub fn standard() -> Services {
        let seeds = || RandomState::new().hash_one(0);
        let first = seeds();
        let mut services = Services::new(BufWriter::new(io::stdout()), io::stderr(), first);
        services.seeds = Box::new(seeds);
        services
    }

    /// Programs write to `output`, warnings go to `errors`, and random numbers follow from `seed`.
    #[must_use]
    pub fn new(output: impl Write + 'static, errors: impl Write + 'static, seed: u64) -> Services {
        let mut next_seed = seed;
        Services {
            output: Box::new(output),
            errors: Box::new(errors),
            are_warnings_on: false,
            collector: CollectorSettings {
                is_running: true,
                is_generational: true,
                pause: 200,
                step_multiplier: 100,
            },
            random: Random::new(seed as i64, 0),
            seeds: Box::new(move || {
                next_seed = next_seed.wrapping_add(1);
                next_seed
            }),
        }
    }

    /// Reads a source file, or the standard input if there is no name. A first line that begins with `#` is left out, but for its end.
    pub(crate) fn read_source(&mut self, name: Option<&[u8]>) -> Result<Vec<u8>, Vec<u8>> {
        let result = match name {
            Some(name) => std::fs::read(path(name)),
            None => {
                let mut bytes = Vec::new();
                io::stdin().read_to_end(&mut bytes).map(|_| bytes)
            }
        };
        let mut bytes = result.map_err(|error| {
            let text = error.to_string();
            // The number of the error is no part of the message in C.
            let text = text.split(" (os error").next().unwrap_or(&text).to_string();
            [b"cannot open ", name.unwrap_or(b"stdin"), b": ", text.as_bytes()].concat()
        })?;
        if bytes.first() == Some(&b'#') {
            let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
            bytes.drain(..end);
        }
        Ok(bytes)
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _ = self.output.flush();
    }
}

#[cfg(unix)]
fn path(name: &[u8]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(name).into()
}

#[cfg(not(unix))]
fn path(name: &[u8]) -> std::path::PathBuf {
    String::from_utf8_lossy(name).into_owned().into()
}
