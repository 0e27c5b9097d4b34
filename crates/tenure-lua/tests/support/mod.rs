//! What tests of several targets share: a place where programs write.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// A writer whose clones write to one place, where the test sees what there is.
#[derive(Clone, Default)]
pub(crate) struct Shown(pub(crate) Rc<RefCell<Vec<u8>>>);

impl Shown {
    /// Returns what was written so far; what is no UTF-8 is replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
