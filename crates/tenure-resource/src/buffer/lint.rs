//! The lint: which views were kept although their bytes are gone.
//!
//! A view that is made again after each growth is right; one that is kept over a growth works until the first growth
//! happens, which is often not in a test. With the lint on, a backing keeps a record of each view, and a [`ViewTicket`] in the view's
//! object takes the record back when the object dies. So after a collection, the records of ended eras are the views
//! that are still reachable: [`Backing::kept_views`] names them, before the first access fails. A record costs 100 bytes
//! and a tree insertion; with the lint off, a ticket is empty and costs nothing. The lint does not say who refers to a
//! view.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::backing::Backing;
use super::element::ElementType;
use super::error::{Detachment, Origin};

/// What the lint knows of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewRecord {
    /// Where the view was made.
    pub origin: Origin,
    /// The era that it was made in.
    pub era: u64,
    /// The type of its elements, or `None` of a byte view.
    pub element_type: Option<ElementType>,
    /// Its first byte.
    pub offset_bytes: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Lint {
    next: u64,
    views: BTreeMap<u64, ViewRecord>,
}

/// Takes a view's record back when it is dropped. Belongs into the object that holds the view.
#[derive(Default)]
pub struct ViewTicket(Option<(Rc<RefCell<Lint>>, u64)>);

impl ViewTicket {
    /// A ticket without a record.
    #[must_use]
    pub const fn empty() -> ViewTicket {
        ViewTicket(None)
    }
}

impl Drop for ViewTicket {
    fn drop(&mut self) {
        if let Some((lint, number)) = self.0.take() {
            lint.borrow_mut().views.remove(&number);
        }
    }
}

impl fmt::Debug for ViewTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ViewTicket")
            .field(&self.0.as_ref().map(|(_, number)| number))
            .finish()
    }
}

/// A view that is still there although its bytes are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptView {
    /// The view.
    pub view: ViewRecord,
    /// What took its bytes.
    pub detachment: Detachment,
}

impl fmt::Display for KeptView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeptView { view, detachment } = self;
        f.write_str("a view of ")?;
        match view.element_type {
            Some(element_type) => write!(f, "{element_type}")?,
            None => f.write_str("bytes")?,
        }
        write!(
            f,
            " from byte {} on, made at {}, is still kept although its buffer was {detachment}",
            view.offset_bytes, view.origin
        )
    }
}

impl Backing {
    pub(crate) fn record(&self, view: ViewRecord) -> ViewTicket {
        let Some(lint) = self.lint() else {
            return ViewTicket::empty();
        };
        let mut state = lint.borrow_mut();
        let number = state.next;
        state.next += 1;
        state.views.insert(number, view);
        ViewTicket(Some((Rc::clone(lint), number)))
    }

    /// Returns the views that have not died although their bytes are gone, in the order in which they were made. Empty
    /// unless the lint was on when they were made.
    ///
    /// Objects die when they are collected: collect before, or the list has views that are garbage.
    #[must_use]
    pub fn kept_views(&self) -> Vec<KeptView> {
        let Some(lint) = self.lint() else {
            return Vec::new();
        };
        let kept = |view: &ViewRecord| {
            let detachment = self.detachment(view.era)?;
            Some(KeptView {
                view: *view,
                detachment,
            })
        };
        lint.borrow().views.values().filter_map(kept).collect()
    }

    /// Returns how many views have records: those that are alive, or garbage that was not collected yet.
    #[must_use]
    pub fn recorded_views(&self) -> usize {
        self.lint().map_or(0, |lint| lint.borrow().views.len())
    }
}
