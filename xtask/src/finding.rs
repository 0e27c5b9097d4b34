//! What a check reports: a place, what is wrong there, why it matters, what to do.

use std::fmt;

/// One rule broken at one place. Ordered by place, so that a report reads like a walk through the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Relative to the root of the workspace, with `/`.
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) why: &'static str,
    pub(crate) remedy: String,
}

impl Finding {
    pub(crate) fn new(
        file: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        why: &'static str,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding {
            file: file.into(),
            line,
            what: what.into(),
            why,
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding {
            file,
            line,
            what,
            why,
            remedy,
        } = self;
        write!(f, "{file}:{line}: {what}\n  why: {why}\n  do:  {remedy}")
    }
}

#[cfg(test)]
mod tests {
    use super::Finding;

    #[test]
    fn display_starts_with_a_clickable_place() {
        let text = Finding::new("a/b.rs", 7, "wrong", "it matters", "mend it").to_string();
        assert_eq!(text, "a/b.rs:7: wrong\n  why: it matters\n  do:  mend it");
    }
}
