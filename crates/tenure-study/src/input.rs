//! What a study or a run works on: a workload, a heap snapshot in a file, the bundled snapshot, or a program in Lua.
//!
//! The idea: an input is a name until it is opened; opening reads a snapshot once, and every run of a study then uses the same
//! tables. Names of workloads win over names of files; `./W1` is a file.

use crate::program;
use crate::replay::{self, BUNDLED_NAME};
use crate::workload::{Bench, Outcome, RunError, WORKLOADS, Workload, WorkloadParseError};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tenure::HeapConfig;
use tenure_snapshot::{ReadOptions, Snapshot, SnapshotError};

/// A named input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One of W1 to W8.
    Workload(Workload),
    /// The snapshot that comes with the command.
    Bundled,
    /// A `.heapsnapshot` file: plain, gzip or zstd.
    File(PathBuf),
    /// A program in Lua: a `.lua` file.
    Program(PathBuf),
}

/// Why an input cannot be used.
#[derive(Debug)]
pub enum InputError {
    /// Its name says nothing.
    Unknown {
        /// The text given.
        given: String,
    },
    /// It names a workload wrongly.
    Workload(WorkloadParseError),
    /// The file cannot be read.
    Snapshot(SnapshotError),
    /// The program cannot be read.
    Program {
        /// Its file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::Unknown { given } => {
                writeln!(
                    f,
                    "'{given}' is neither a file nor a workload; accepted are a .heapsnapshot file, a .lua program, and"
                )?;
                for spec in WORKLOADS {
                    writeln!(f, "  {}  {}", spec.name, spec.title)?;
                }
                write!(f, "  {BUNDLED_NAME}  the bundled heap snapshot")
            }
            InputError::Workload(error) => error.fmt(f),
            InputError::Snapshot(error) => error.fmt(f),
            InputError::Program { path, error } => write!(f, "cannot read the program {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            InputError::Unknown { .. } => None,
            InputError::Workload(error) => Some(error),
            InputError::Snapshot(error) => Some(error),
            InputError::Program { error, .. } => Some(error),
        }
    }
}

impl From<WorkloadParseError> for InputError {
    fn from(error: WorkloadParseError) -> Self {
        InputError::Workload(error)
    }
}

impl FromStr for Input {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        let name = text.split(':').next().unwrap_or(text);
        if WORKLOADS.iter().any(|spec| spec.name.eq_ignore_ascii_case(name)) {
            return Ok(Input::Workload(text.parse()?));
        }
        if text == BUNDLED_NAME {
            return Ok(Input::Bundled);
        }
        if Path::new(text).extension().is_some_and(|extension| extension == "lua") {
            return Ok(Input::Program(PathBuf::from(text)));
        }
        let looks_like_a_path = text.contains(['/', '\\']) || text.contains(".heapsnapshot");
        if looks_like_a_path || Path::new(text).exists() {
            return Ok(Input::File(PathBuf::from(text)));
        }
        Err(InputError::Unknown { given: text.to_owned() })
    }
}

impl Input {
    /// The name in tables and logs.
    pub fn label(&self) -> String {
        match self {
            Input::Workload(workload) => workload.label(),
            Input::Bundled => BUNDLED_NAME.to_owned(),
            Input::Program(path) => match path.file_name() {
                Some(name) => name.to_string_lossy().into_owned(),
                None => path.to_string_lossy().into_owned(),
            },
            Input::File(path) => {
                let name = path
                    .file_name()
                    .map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
                let end = name.find(".heapsnapshot").filter(|&end| end > 0).unwrap_or(name.len());
                name[..end].to_owned()
            }
        }
    }

    /// The heap configuration that presets and flags change: of a program in Lua what `tenure lua` begins with, else the default.
    pub fn base_config(&self) -> HeapConfig {
        self.base()()
    }

    fn base(&self) -> fn() -> HeapConfig {
        match self {
            Input::Program(_) => tenure_lua::heap_config,
            Input::Workload(_) | Input::Bundled | Input::File(_) => HeapConfig::new,
        }
    }

    /// Makes it ready to run; `progress` is told the bytes of a file read so far and its size.
    pub fn open(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<OpenInput, InputError> {
        let options = ReadOptions::new().keep_strings(false);
        let what = match self {
            Input::Workload(workload) => What::Workload(workload.clone()),
            Input::Bundled => {
                let bytes = replay::bundled_bytes();
                let mut progress = |read| progress(read, bytes.len() as u64);
                let snapshot = Snapshot::read_with(bytes, &options, &mut progress).map_err(InputError::Snapshot)?;
                What::Snapshot(Box::new(snapshot))
            }
            Input::Program(path) => What::Program(std::fs::read(path).map_err(|error| InputError::Program {
                path: path.clone(),
                error,
            })?),
            Input::File(path) => What::Snapshot(Box::new(
                Snapshot::open_with(path, &options, progress).map_err(InputError::Snapshot)?,
            )),
        };
        Ok(OpenInput {
            label: self.label(),
            what,
            base_config: self.base(),
        })
    }
}

/// An input that is ready to run, any number of times.
#[derive(Debug)]
pub struct OpenInput {
    label: String,
    what: What,
    base_config: fn() -> HeapConfig,
}

#[derive(Debug)]
enum What {
    Workload(Workload),
    Snapshot(Box<Snapshot>),
    Program(Vec<u8>),
}

impl OpenInput {
    /// The name in tables and logs.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The heap configuration that presets and flags change, as [`Input::base_config`] says.
    pub fn base_config(&self) -> HeapConfig {
        (self.base_config)()
    }

    /// Name and size for the `RESULT` line.
    pub fn result_name(&self) -> (&str, String) {
        match &self.what {
            What::Workload(workload) => (workload.id().spec().name, workload.size_text()),
            What::Snapshot(snapshot) => (&self.label, snapshot.node_count().to_string()),
            What::Program(_) => (&self.label, String::new()),
        }
    }

    /// Runs it. `churn` is the number of operations on a snapshot; workloads have their own sizes.
    pub fn run(&self, churn: u64, bench: &mut Bench) -> Result<Outcome, RunError> {
        match &self.what {
            What::Workload(workload) => workload.run(bench),
            What::Snapshot(snapshot) => replay::run(&self.label, snapshot, churn, bench),
            What::Program(source) => program::run(&self.label, source, bench),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_workloads_files_or_refused() {
        assert!(matches!("w3:20".parse(), Ok(Input::Workload(_))));
        assert!(matches!("s-worker".parse(), Ok(Input::Bundled)));
        assert!(matches!("no/such/file".parse(), Ok(Input::File(_))));
        assert!(matches!("x.heapsnapshot.gz".parse(), Ok(Input::File(_))));
        let message = "W10".parse::<Input>().unwrap_err().to_string();
        assert!(
            message.contains("'W10'") && message.contains("W8  functional lists") && message.contains("s-worker"),
            "{message}"
        );
        assert!(
            "W1:2"
                .parse::<Input>()
                .unwrap_err()
                .to_string()
                .contains("accepted are 4 to 26")
        );
    }

    #[test]
    fn labels_are_short() {
        let label = |text: &str| text.parse::<Input>().unwrap().label();
        assert_eq!(label("a/b/big.heapsnapshot.zst"), "big");
        assert_eq!(label("a/b/plain"), "plain");
        assert_eq!(label("W4:10,20"), "W4:10,20");
        assert_eq!(label("a/b.lua"), "b.lua");
    }

    #[test]
    fn a_missing_file_is_named() {
        for name in ["no/such.heapsnapshot", "no/such.lua"] {
            let input: Input = name.parse().unwrap();
            let message = input.open(&mut |_, _| {}).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
