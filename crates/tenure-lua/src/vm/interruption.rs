//! Interrupting a program from outside: a flag that another thread or a signal handler sets, and that the loop looks at.
//!
//! Wherever a program can go on without end, at jumps backward and at calls, the loop loads one byte; when it is set, the running function
//! raises `interrupted!`, which the program can catch as any error. What is asked for once is raised once. Not looked at inside of native
//! functions, nor while a finalizer runs, whose errors are warnings: the error is raised after them.

use super::{Vm, message};
use crate::native::{Throw, Thrown};
use crate::object::Objects;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tenure::prelude::*;

/// Interrupts the program that a state runs, from any thread.
///
/// ```
/// use std::time::Duration;
/// use tenure_lua::{Lua, Services, heap_config};
///
/// let mut lua = Lua::new(heap_config(), Services::standard())?;
/// let interrupter = lua.interrupter();
/// let timer = std::thread::spawn(move || {
///     std::thread::sleep(Duration::from_millis(20));
///     interrupter.interrupt();
/// });
/// let error = lua.execute(b"while true do end", b"=example").unwrap_err();
/// assert_eq!(error.to_string(), "interrupted!");
/// assert!(timer.join().is_ok());
/// # Ok::<(), tenure_lua::LuaError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interrupter {
    flag: Arc<AtomicBool>,
}

impl Interrupter {
    /// Lets the running program raise the error `interrupted!`, after the position of the running function's caller; at its next jump
    /// backward or call, so not before the native function returns that runs. If no program runs, the next one raises it. Costs one
    /// store; asking again before the error is raised changes nothing.
    pub fn interrupt(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Takes back what was asked for and not raised yet.
    pub fn take_back(&self) {
        self.flag.store(false, Ordering::Relaxed);
    }

    /// Returns the flag that [`Interrupter::interrupt`] sets, for those who set it otherwise: signal handlers, which may do little else.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    #[inline(always)]
    pub(super) fn is_asked(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }
}

impl Vm {
    /// Returns whether the running program is to raise the error that it was interrupted.
    #[inline(always)]
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupter.is_asked() && !self.finalizers.is_running
    }

    /// Raises the error that the program was interrupted, or that there is no room for its message: then it is asked for still.
    #[cold]
    #[inline(never)]
    pub(crate) fn interruption(&mut self, h: &Heap<Objects>) -> Throw {
        let throw = message::raise_at(self, h, 1, b"interrupted!");
        if throw.0 == Thrown::Error {
            self.interrupter.take_back();
        }
        throw
    }
}
