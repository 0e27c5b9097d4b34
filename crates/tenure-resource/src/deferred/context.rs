//! The holder of requests: what it asked for waits with it, and ends with it.
//!
//! A [`DisposableContext`] is owned by one item on the screen. It owns everything that its requests consist of: loaders
//! and listeners that wait, and subscriptions to images. Others know it only by [`WeakContext`], so nothing that waits
//! can keep the item alive: disposing or dropping the context frees all of it at once, in time proportional to its
//! requests. It does not cancel loads that have started: others may have joined them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use super::scroll::ScrollPosition;
use crate::image_cache::{Completer, Image, LoadResult, Subscription};

/// Names a request of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// A request that waits for the scrolling to slow down.
pub(super) struct Waiting {
    pub(super) load: Box<dyn FnOnce(Completer)>,
    pub(super) listener: Box<dyn FnOnce(LoadResult)>,
    pub(super) since_ns: u64,
}

enum Request {
    Waiting(Waiting),
    /// It is just being served: its loader or listener runs.
    Joining,
    /// Its image is loading, or is there; the subscription keeps it live.
    Joined(Subscription),
}

#[derive(Default)]
struct Holdings {
    scroll: RefCell<Option<ScrollPosition>>,
    requests: RefCell<BTreeMap<RequestId, Request>>,
    is_disposed: Cell<bool>,
}

impl Holdings {
    fn dispose(&self) {
        self.is_disposed.set(true);
        // Taken out first: what is dropped may be the embedder's, and call back.
        let requests = self.requests.take();
        let scroll = self.scroll.take();
        drop((requests, scroll));
    }
}

/// The owner's handle of a context. There is one, it cannot be cloned; dropping it disposes of the context, as nobody else
/// keeps what it holds.
///
/// ```
/// use tenure_resource::deferred::DisposableContext;
///
/// let context = DisposableContext::new();
/// let weak = context.weak().clone();
/// assert!(!weak.is_disposed());
/// drop(context);
/// assert!(weak.is_disposed());
/// ```
pub struct DisposableContext {
    holdings: Rc<Holdings>,
    weak: WeakContext,
}

impl DisposableContext {
    /// Makes a context that does not scroll: its requests never wait.
    #[must_use]
    pub fn new() -> DisposableContext {
        let holdings = Rc::new(Holdings::default());
        let weak = WeakContext(Rc::downgrade(&holdings));
        DisposableContext { holdings, weak }
    }

    /// Makes a context inside of what `scroll` scrolls: its requests wait while that is fast.
    #[must_use]
    pub fn inside(scroll: &ScrollPosition) -> DisposableContext {
        let context = DisposableContext::new();
        *context.holdings.scroll.borrow_mut() = Some(scroll.clone());
        context
    }

    /// What others may have of this context: it keeps nothing alive.
    #[must_use]
    pub fn weak(&self) -> &WeakContext {
        &self.weak
    }

    /// Ends the context: requests that wait are dropped unserved, listeners uncalled, and images are let go of. Doing it
    /// twice, or from within one of the context's own listeners, is fine.
    pub fn dispose(&self) {
        self.holdings.dispose();
    }

    /// Ends one request. Returns whether there was one.
    pub fn cancel(&self, id: RequestId) -> bool {
        self.weak.cancel(id)
    }

    /// The image of a request, once it is there.
    #[must_use]
    pub fn image(&self, id: RequestId) -> Option<Image> {
        match self.holdings.requests.borrow().get(&id)? {
            Request::Joined(subscription) => subscription.stream().image(),
            Request::Waiting(_) | Request::Joining => None,
        }
    }

    /// How many requests wait, load, or hold an image.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.holdings.requests.borrow().len()
    }
}

impl Default for DisposableContext {
    fn default() -> DisposableContext {
        DisposableContext::new()
    }
}

impl fmt::Debug for DisposableContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DisposableContext")
            .field("is_disposed", &self.holdings.is_disposed.get())
            .finish_non_exhaustive()
    }
}

/// A context as everybody but its owner knows it. It can be cloned freely and keeps nothing alive.
#[derive(Clone)]
pub struct WeakContext(Weak<Holdings>);

impl WeakContext {
    /// Whether the context was disposed of or dropped.
    #[must_use]
    pub fn is_disposed(&self) -> bool {
        self.holdings().is_none()
    }

    fn holdings(&self) -> Option<Rc<Holdings>> {
        self.0.upgrade().filter(|holdings| !holdings.is_disposed.get())
    }

    /// Whether it scrolls too fast for loading, or `None` if it is gone.
    pub(super) fn recommends_deferral(&self, now_ns: u64) -> Option<bool> {
        let scroll = self.holdings()?.scroll.borrow().clone();
        Some(scroll.is_some_and(|scroll| scroll.recommends_deferral(now_ns)))
    }

    /// Puts a request into the context. What is put into one that is gone is dropped.
    pub(super) fn add(&self, id: RequestId, waiting: Waiting) -> bool {
        let Some(holdings) = self.holdings() else {
            return false;
        };
        holdings.requests.borrow_mut().insert(id, Request::Waiting(waiting));
        true
    }

    /// Since when the request waits, or `None` if it does not: cancelled, served, or gone with its context.
    pub(super) fn waits_since_ns(&self, id: RequestId) -> Option<u64> {
        match self.holdings()?.requests.borrow().get(&id)? {
            Request::Waiting(waiting) => Some(waiting.since_ns),
            Request::Joining | Request::Joined(_) => None,
        }
    }

    /// Takes out what waits, to be served.
    pub(super) fn take(&self, id: RequestId) -> Option<Waiting> {
        let holdings = self.holdings()?;
        let mut requests = holdings.requests.borrow_mut();
        let request = requests.get_mut(&id)?;
        match std::mem::replace(request, Request::Joining) {
            Request::Waiting(waiting) => Some(waiting),
            other => {
                *request = other;
                None
            }
        }
    }

    /// Whether the request that was taken out is still wanted.
    pub(super) fn is_joining(&self, id: RequestId) -> bool {
        self.holdings()
            .is_some_and(|holdings| holdings.requests.borrow().contains_key(&id))
    }

    /// Lets the context keep a subscription, if the request is still wanted.
    pub(super) fn join(&self, id: RequestId, subscription: Subscription) {
        let Some(holdings) = self.holdings() else { return };
        let mut requests = holdings.requests.borrow_mut();
        if let Some(request) = requests.get_mut(&id) {
            *request = Request::Joined(subscription);
            return;
        }
        drop(requests);
        drop(subscription);
    }

    pub(super) fn cancel(&self, id: RequestId) -> bool {
        let Some(holdings) = self.holdings() else {
            return false;
        };
        let request = holdings.requests.borrow_mut().remove(&id);
        request.is_some()
    }

    /// Drops a request that waits and will not be served any more.
    pub(super) fn forget(&self, id: RequestId) {
        if self.waits_since_ns(id).is_some() {
            self.cancel(id);
        }
    }
}

impl fmt::Debug for WeakContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakContext")
            .field("is_disposed", &self.is_disposed())
            .finish()
    }
}
