//! The modes of `io.open`: `r`, `w` or `a`, with a `+` for both directions, and with `b`, which means nothing here.

use std::fs::{File, OpenOptions};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenMode {
    kind: Kind,
    both: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Append,
}

impl OpenMode {
    /// `r`: a file that exists, for reading.
    pub const READ: Self = Self {
        kind: Kind::Read,
        both: false,
    };
    /// `w`: a new or emptied file, for writing.
    pub const WRITE: Self = Self {
        kind: Kind::Write,
        both: false,
    };

    /// Reads a mode; nothing if it is none.
    ///
    /// ```
    /// use tenure_lua::system::OpenMode;
    /// assert_eq!(OpenMode::parse(b"rb"), Some(OpenMode::READ));
    /// assert_eq!(OpenMode::parse(b"rw"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (kind, rest) = match super::super::c_string(text).split_first()? {
            (b'r', rest) => (Kind::Read, rest),
            (b'w', rest) => (Kind::Write, rest),
            (b'a', rest) => (Kind::Append, rest),
            _ => return None,
        };
        let (both, rest) = match rest {
            [b'+', rest @ ..] => (true, rest),
            _ => (false, rest),
        };
        rest.iter().all(|&byte| byte == b'b').then_some(Self { kind, both })
    }

    pub(super) fn is_readable(self) -> bool {
        self.both || self.kind == Kind::Read
    }

    pub(super) fn is_writable(self) -> bool {
        self.both || self.kind != Kind::Read
    }

    /// Whether the position is the end at first. A file that is read too starts at its beginning.
    pub(super) fn starts_at_end(self) -> bool {
        self.kind == Kind::Append && !self.both
    }

    pub(super) fn options(self) -> OpenOptions {
        let mut options = File::options();
        options.read(self.is_readable());
        match self.kind {
            Kind::Read => options.write(self.both),
            Kind::Write => options.write(true).create(true).truncate(true),
            Kind::Append => options.append(true).create(true),
        };
        options
    }
}
