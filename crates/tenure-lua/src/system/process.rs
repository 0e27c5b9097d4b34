//! Commands of the shell: `os.execute`, and what `io.popen` needs.
//!
//! Commands run by `/bin/sh`. Output that this process has not yet flushed comes behind what a command writes.

use super::os_string;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

const SHELL: &str = "/bin/sh";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl Ending {
    pub(super) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Exit(status.into_raw()),
        }
    }

    /// Whether it ended well.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Exit(0)
    }

    /// What programs call this kind of ending, and its number.
    #[must_use]
    pub const fn describe(self) -> (&'static str, i32) {
        match self {
            Self::Exit(code) => ("exit", code),
            Self::Signal(signal) => ("signal", signal),
        }
    }
}

pub(super) fn shell_command(command: &[u8]) -> Command {
    let mut shell = Command::new(SHELL);
    shell.arg("-c").arg(os_string(command));
    shell
}

/// `os.execute` of a command.
///
/// # Errors
/// The shell could not be started.
pub fn execute(command: &[u8]) -> io::Result<Ending> {
    shell_command(command).status().map(Ending::of)
}

/// `os.execute` without a command: whether there is a shell.
#[must_use]
pub fn has_shell() -> bool {
    std::fs::exists(SHELL).unwrap_or(false)
}
