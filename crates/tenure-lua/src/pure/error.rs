//! The one way in which a library function refuses: a message, and the argument that it is about, if any.
//!
//! The messages are the reference implementation's, byte for byte, because programs match on them; they are bytes and not text because
//! they quote the program's strings. Where in the program it happened, and what the function is called there, is for the interpreter to
//! add: see [`LibraryError::describe`].

use std::borrow::Cow;
use std::fmt;

/// Why a library function refuses its arguments.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LibraryError {
    argument: Option<usize>,
    message: Cow<'static, [u8]>,
}

impl LibraryError {
    /// An error that is about the call as a whole.
    #[must_use]
    pub const fn new(message: &'static str) -> Self {
        Self {
            argument: None,
            message: Cow::Borrowed(message.as_bytes()),
        }
    }

    /// An error with a message made at run time.
    #[must_use]
    pub fn owned(message: impl Into<Vec<u8>>) -> Self {
        Self {
            argument: None,
            message: Cow::Owned(message.into()),
        }
    }

    /// An error about the argument with this number; the first is 1.
    #[must_use]
    pub const fn argument(number: usize, message: &'static str) -> Self {
        Self {
            argument: Some(number),
            message: Cow::Borrowed(message.as_bytes()),
        }
    }

    /// An error about an argument with a message made at run time.
    #[must_use]
    pub fn owned_argument(number: usize, message: impl Into<Vec<u8>>) -> Self {
        Self {
            argument: Some(number),
            message: Cow::Owned(message.into()),
        }
    }

    /// The result does not fit in memory.
    #[must_use]
    pub const fn not_enough_memory() -> Self {
        Self::new("not enough memory")
    }

    /// The number of the argument that this is about; the first is 1.
    #[must_use]
    pub const fn argument_number(&self) -> Option<usize> {
        self.argument
    }

    /// The message, without the position in the program and without the argument.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The message that a program sees, but for its position.
    ///
    /// `name` is what the function is called at the call, and `is_method` whether it was called as `object:name(...)`: the object then
    /// counts as no argument.
    ///
    /// ```
    /// use tenure_lua::pure::LibraryError;
    /// let error = LibraryError::argument(2, "zero");
    /// assert_eq!(error.describe(b"fmod", false), b"bad argument #2 to 'fmod' (zero)");
    /// assert_eq!(error.describe(b"fmod", true), b"bad argument #1 to 'fmod' (zero)");
    /// assert_eq!(LibraryError::argument(1, "zero").describe(b"f", true), b"calling 'f' on bad self (zero)");
    /// ```
    #[must_use]
    pub fn describe(&self, name: &[u8], is_method: bool) -> Vec<u8> {
        let Some(number) = self.argument else {
            return self.message.to_vec();
        };
        let number = if is_method { number - 1 } else { number };
        if number == 0 {
            return [b"calling '", name, b"' on bad self (", &self.message, b")"].concat();
        }
        [
            format!("bad argument #{number} to '").as_bytes(),
            name,
            b"' (",
            &self.message,
            b")",
        ]
        .concat()
    }
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = String::from_utf8_lossy(&self.message);
        match self.argument {
            Some(number) => write!(f, "bad argument #{number} ({message})"),
            None => f.write_str(&message),
        }
    }
}

impl fmt::Debug for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LibraryError({self})")
    }
}

impl std::error::Error for LibraryError {}

/// Reserves room for `additional` bytes, or says that there is no memory for them.
pub(crate) fn reserve(out: &mut Vec<u8>, additional: usize) -> Result<(), LibraryError> {
    out.try_reserve(additional)
        .map_err(|_| LibraryError::not_enough_memory())
}
