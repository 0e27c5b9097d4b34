//! Who is told.
//!
//! A heap has one [`Listener`]; pairs make a list of it. An event costs one call per listener, inside the pause for
//! [`Event::CollectionBegin`] and [`Event::CollectionEnd`], so a listener should only note what it needs. A listener
//! receives no reference to the heap and cannot influence a collection.

use std::cell::RefCell;
use std::rc::Rc;

use crate::event::{CollectionRecord, Event};

/// Receives a heap's events, in order.
pub trait Listener {
    /// Something happened.
    fn on_event(&mut self, event: &Event<'_>);
}

impl<F: FnMut(&Event<'_>)> Listener for F {
    fn on_event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

impl Listener for Box<dyn Listener> {
    fn on_event(&mut self, event: &Event<'_>) {
        (**self).on_event(event);
    }
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullListener;

impl Listener for NullListener {
    fn on_event(&mut self, _event: &Event<'_>) {}
}

/// Tells two listeners, the first one first.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListenerPair<A, B>(pub A, pub B);

impl<A: Listener, B: Listener> Listener for ListenerPair<A, B> {
    fn on_event(&mut self, event: &Event<'_>) {
        self.0.on_event(event);
        self.1.on_event(event);
    }
}

/// Keeps every [`CollectionRecord`]. Clones share what is kept: one goes to the heap, the other reads. It allocates for
/// each collection, so it is for tests and short runs.
#[derive(Debug, Clone, Default)]
pub struct RecordingListener(pub Rc<RefCell<Vec<CollectionRecord>>>);

impl RecordingListener {
    /// A listener that has recorded nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of the records so far.
    pub fn records(&self) -> Vec<CollectionRecord> {
        self.0.borrow().clone()
    }

    /// Number of records so far.
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The last record, if any.
    pub fn last(&self) -> Option<CollectionRecord> {
        self.0.borrow().last().cloned()
    }
}

impl Listener for RecordingListener {
    fn on_event(&mut self, event: &Event<'_>) {
        if let Event::CollectionEnd(record) = *event {
            self.0.borrow_mut().push(record.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_tells_both_in_order_and_a_recording_keeps_ends_only() {
        let order = Rc::new(RefCell::new(Vec::new()));
        let note = |name: &'static str| {
            let order = Rc::clone(&order);
            move |_: &Event<'_>| order.borrow_mut().push(name)
        };
        let recording = RecordingListener::new();
        let pair = ListenerPair(note("first"), ListenerPair(note("second"), recording.clone()));
        let mut listener: Box<dyn Listener> = Box::new(ListenerPair(pair, NullListener));
        let record = CollectionRecord {
            sequence: 3,
            ..CollectionRecord::default()
        };
        listener.on_event(&Event::PageSourceFailed { bytes: 1 });
        assert!(recording.is_empty());
        listener.on_event(&Event::CollectionEnd(&record));
        assert_eq!(*order.borrow(), ["first", "second", "first", "second"]);
        assert_eq!((recording.len(), recording.last().as_ref()), (1, Some(&record)));
        assert_eq!(recording.records(), [record]);
    }
}
