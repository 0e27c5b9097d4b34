//! Ctrl-C, as the reference command takes it.
//!
//! While a chunk runs, the first interrupt signal makes it raise the error `interrupted!`, and gives the signal its default action back: a
//! second one ends the process, for a chunk may be in a function that takes long or catch every error. Otherwise the signal ends the
//! process at once. The handler stores two flags and nothing else. A line editor on a terminal reads Ctrl-C as a key, which is its matter.

use signal_hook::consts::SIGINT;
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tenure_lua::{Interrupter, Lua};

/// What a signal finds.
pub(super) struct Interruption {
    /// The next signal ends the process.
    is_fatal: Arc<AtomicBool>,
    interrupter: Interrupter,
}

impl Interruption {
    /// Handles the signal from now on.
    ///
    /// # Errors
    ///
    /// What the system says against it.
    pub(super) fn handle(lua: &Lua) -> io::Result<Interruption> {
        let interruption = Interruption {
            is_fatal: Arc::new(AtomicBool::new(true)),
            interrupter: lua.interrupter(),
        };
        // In this order: a signal is asked whether it is fatal before it makes the next one so.
        flag::register_conditional_default(SIGINT, Arc::clone(&interruption.is_fatal))?;
        flag::register(SIGINT, Arc::clone(&interruption.is_fatal))?;
        flag::register(SIGINT, interruption.interrupter.flag())?;
        Ok(interruption)
    }

    /// Runs something that signals interrupt.
    pub(super) fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        self.is_fatal.store(false, Ordering::Relaxed);
        let result = work();
        self.is_fatal.store(true, Ordering::Relaxed);
        // What came too late is not for what runs next.
        self.interrupter.take_back();
        result
    }
}
