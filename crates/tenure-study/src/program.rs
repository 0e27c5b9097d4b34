//! Programs in Lua as inputs: each run has a state of its own, and what the program prints becomes its check line.
//!
//! The clock starts before the program is compiled and stops when it has ended. Its output is counted and hashed and not shown, so that
//! runs can be compared and the tables stay readable. A program cannot end the process; its standard input is empty.

use crate::workload::{Bench, Outcome, RunError};
use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};
use tenure_lua::pure::date::Zone;
use tenure_lua::system::ModulePaths;
use tenure_lua::{Lua, LuaError, Services};

/// Seed of random numbers that a program asks for without giving one: the same in each run.
const SEED: u64 = 1;

/// Length and FNV-1a hash of what was written.
#[derive(Clone, Debug)]
struct Digest(Rc<Cell<(u64, u64)>>);

impl Digest {
    fn new() -> Digest {
        Digest(Rc::new(Cell::new((0, 0xCBF2_9CE4_8422_2325))))
    }
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (length, hash) = self.0.get();
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        let hash = bytes.iter().fold(hash, step);
        self.0.set((length + bytes.len() as u64, hash));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a program, whose name is that of its file.
pub(crate) fn run(name: &str, source: &[u8], bench: &mut Bench) -> Result<Outcome, RunError> {
    let digest = Digest::new();
    let seconds = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs() as i64)
    };
    let services = Services::new(digest.clone(), io::stderr(), SEED)
        .with_clock(seconds, Zone::UTC)
        .with_module_paths(ModulePaths::of_environment());
    let config = bench.config();
    let failed = |message: &[u8]| RunError::Program(String::from_utf8_lossy(message).into_owned());
    let mut lua = Lua::new(config, services).map_err(|error| match error {
        LuaError::Heap(error) => RunError::Heap(error),
        error => failed(error.to_string().as_bytes()),
    })?;
    lua.set_arguments(&[name.as_bytes()], 0)
        .map_err(|message| failed(&message))?;
    let watch = bench.start();
    lua.run_chunk(source, format!("@{name}").as_bytes(), true)
        .map_err(|message| failed(&message))?;
    let span = watch.stop_at(lua.statistics().sizes, 0);
    let (length, hash) = digest.0.get();
    Ok(Outcome {
        check: vec![format!("{name} output_bytes={length} output_fnv={hash:016x}")],
        span,
        ..Outcome::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::RngKind;
    use tenure::HeapConfig;

    fn outcome(source: &str) -> Result<Outcome, RunError> {
        let mut bench = Bench::new(HeapConfig::new(), RngKind::default());
        run("p.lua", source.as_bytes(), &mut bench)
    }

    #[test]
    fn the_check_line_is_what_was_printed() {
        let print = |text: &str| outcome(&format!("print('{text}', arg[0], ...)")).unwrap().check;
        assert_eq!(print("abc"), print("abc"));
        assert!(print("abc")[0].starts_with("p.lua output_bytes=10 output_fnv="));
        assert_ne!(print("abc"), print("abd"));
    }

    #[test]
    fn a_program_that_fails_says_where() {
        let message = outcome("local t\nt.x = 1").unwrap_err().to_string();
        let expected = "p.lua:2: attempt to index a nil value (local 't')\nstack traceback:\n\tp.lua:2: in main chunk";
        assert!(message.contains(expected), "{message}");
        assert!(
            outcome("os.exit(0)")
                .unwrap_err()
                .to_string()
                .contains("cannot end its process")
        );
    }
}
