//! What programs reach outside of the interpreter: the output of `print`.
//!
//! Everything is passed in by the embedder; nothing here reads the environment.

use std::fmt;
use std::io::{self, Write};

/// Where programs write to.
pub struct Services {
    pub(crate) output: Box<dyn Write>,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

impl Services {
    /// Output goes to the standard output of the process.
    #[must_use]
    pub fn standard() -> Services {
        Services {
            output: Box::new(io::stdout()),
        }
    }

    /// Output goes to `output`.
    #[must_use]
    pub fn to_writer(output: impl Write + 'static) -> Services {
        Services {
            output: Box::new(output),
        }
    }
}
