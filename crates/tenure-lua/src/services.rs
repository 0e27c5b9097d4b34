//! What programs reach outside of the interpreter: files, time, random seeds, and the end of the process.
//!
//! The embedder says which streams are the standard files, which clock and which time zone there are, and what ending the process means;
//! [`Services::standard`] takes the process's own. Files and commands by name are the system's in any case. The collector's settings that programs can ask for are
//! remembered here too, since the heap sizes itself and has no such settings.

use crate::pure::date::Zone;
use crate::pure::number::Random;
use crate::system::{Buffering, FileId, Files, LuaFile, OpenMode, error_text};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// What programs reach outside, and what they remember.
pub struct Services {
    pub(crate) files: Files,
    /// The seconds since 1970.
    pub(crate) now: Box<dyn FnMut() -> i64>,
    pub(crate) zone: Zone,
    /// Ends the process with a status; returns only if it cannot.
    pub(crate) exit: Box<dyn FnMut(i32)>,
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
    pub(crate) step_size: i64,
    pub(crate) minor_multiplier: i64,
    pub(crate) major_multiplier: i64,
    /// What steps have asked for since the last full collection.
    pub(crate) debt_bytes: u64,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

impl Services {
    /// Programs have the files, the clock and the time zone of the process, can end it, and get other random numbers each time.
    #[must_use]
    pub fn standard() -> Services {
        let seeds = || RandomState::new().hash_one(0);
        let first = seeds();
        let mut services = Services::new(io::sink(), io::sink(), first);
        services.seeds = Box::new(seeds);
        services.files = Files::new(
            LuaFile::standard_input().unwrap_or_else(|_| LuaFile::from_reader(io::empty())),
            LuaFile::standard_output().unwrap_or_else(|_| LuaFile::from_writer(io::sink())),
            LuaFile::standard_error().unwrap_or_else(|_| LuaFile::from_writer(io::sink())),
        );
        services.now = Box::new(|| match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs() as i64,
            Err(before) => -(before.duration().as_secs() as i64),
        });
        services.zone = Zone::system();
        services.exit = Box::new(|status| std::process::exit(status));
        services
    }

    /// Programs write to `output`, warnings go to `errors`, and random numbers follow from `seed`. The standard input is empty, it is
    /// always the beginning of 1970, in UTC, and programs cannot end the process.
    #[must_use]
    pub fn new(output: impl Write + 'static, errors: impl Write + 'static, seed: u64) -> Services {
        let mut next_seed = seed;
        Services {
            files: Files::new(
                LuaFile::from_reader(io::empty()),
                unbuffered(output),
                unbuffered(errors),
            ),
            now: Box::new(|| 0),
            zone: Zone::UTC,
            exit: Box::new(|_| ()),
            are_warnings_on: false,
            collector: CollectorSettings {
                is_running: true,
                is_generational: true,
                pause: 200,
                step_multiplier: 100,
                step_size: 13,
                minor_multiplier: 20,
                major_multiplier: 100,
                debt_bytes: 0,
            },
            random: Random::new(seed as i64, 0),
            seeds: Box::new(move || {
                next_seed = next_seed.wrapping_add(1);
                next_seed
            }),
        }
    }

    /// The standard input is read from `input`.
    #[must_use]
    pub fn with_input(mut self, input: impl Read + 'static) -> Services {
        if let Some(file) = self.files.get(FileId::INPUT) {
            *file = LuaFile::from_reader(input);
        }
        self
    }

    /// The seconds since 1970 are what `now` says, and local times are those of `zone`.
    #[must_use]
    pub fn with_clock(mut self, now: impl FnMut() -> i64 + 'static, zone: Zone) -> Services {
        self.now = Box::new(now);
        self.zone = zone;
        self
    }

    /// `os.exit` calls `exit` with the status; if that returns, the program gets an error.
    #[must_use]
    pub fn with_exit(mut self, exit: impl FnMut(i32) + 'static) -> Services {
        self.exit = Box::new(exit);
        self
    }

    /// Shows a warning, if they are shown. One that cannot be written is lost, as in the reference implementation.
    pub(crate) fn warn(&mut self, text: &[u8]) {
        if self.are_warnings_on {
            let _ = self.write(FileId::ERROR, &[b"Lua warning: ", text, b"\n"].concat());
        }
    }

    /// Writes to a standard file.
    pub(crate) fn write(&mut self, id: FileId, bytes: &[u8]) -> io::Result<()> {
        self.files.get(id).map_or(Ok(()), |file| file.write(bytes))
    }

    /// Reads a source file, or the standard input if there is no name. A first line that begins with `#` is left out, but for its end.
    pub(crate) fn read_source(&mut self, name: Option<&[u8]>) -> Result<Vec<u8>, Vec<u8>> {
        let result = match name {
            Some(name) => LuaFile::open(name, OpenMode::READ).and_then(|mut file| file.read_all()),
            None => self.files.get(FileId::INPUT).map_or(Ok(Vec::new()), LuaFile::read_all),
        };
        let mut bytes = result.map_err(|error| {
            [
                b"cannot open ",
                name.unwrap_or(b"stdin"),
                b": ",
                error_text(&error).as_bytes(),
            ]
            .concat()
        })?;
        if bytes.first() == Some(&b'#') {
            let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
            bytes.drain(..end);
        }
        Ok(bytes)
    }
}

fn unbuffered(writer: impl Write + 'static) -> LuaFile {
    let mut file = LuaFile::from_writer(writer);
    // Nothing was written yet, so nothing can fail.
    let _ = file.set_buffering(Buffering::No);
    file
}
