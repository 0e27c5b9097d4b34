//! One load on its way to those who wait for it: a stream has listeners, and ends once, with an image or an error.
//!
//! [`ImageStream`] and [`Subscription`] are the sides that wait and *hold*; [`Completer`] is the side that delivers.
//! Ending a stream changes all state first (the stream's, then the cache's) and calls listeners afterwards, one by one,
//! with nothing borrowed: a listener may do whatever it likes to the stream and to the cache. Each listener is called at
//! most once. Listening costs one box and O(log n) of the stream's listeners.
//!
//! A stream does not deliver frames of an animation, and cannot be restarted: a failed load is requested anew.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use super::decoded::Image;
use super::error::LoadError;

/// How a load ended. All listeners get the same error, so it is shared.
pub type LoadResult = Result<Image, Arc<LoadError>>;

type Listener = Box<dyn FnOnce(LoadResult)>;

/// What all sides of a load share.
#[derive(Default)]
pub(super) struct StreamCore {
    result: RefCell<Option<LoadResult>>,
    listeners: RefCell<BTreeMap<u64, Listener>>,
    next_listener: Cell<u64>,
    /// Streams and subscriptions of embedders: those for whom the load is live.
    holders: Cell<usize>,
    /// Listeners that are to be called, though nobody holds them.
    detached: Cell<usize>,
    /// Whether a cache has the load in its pending list.
    pub(super) is_pending: Cell<bool>,
}

impl StreamCore {
    pub(super) fn is_held(&self) -> bool {
        self.holders.get() > 0
    }

    pub(super) fn ended_with(image: Image) -> Rc<StreamCore> {
        Rc::new(StreamCore {
            result: RefCell::new(Some(Ok(image))),
            ..StreamCore::default()
        })
    }

    fn result(&self) -> Option<LoadResult> {
        self.result.borrow().clone()
    }

    fn add_listener(&self, listener: Listener) -> u64 {
        let id = self.next_listener.get();
        self.next_listener.set(id + 1);
        self.listeners.borrow_mut().insert(id, listener);
        id
    }

    fn notify(&self, result: &LoadResult, panics: &mut Panics) {
        loop {
            // Taken out one by one: a listener may have removed the next.
            let next = self.listeners.borrow_mut().pop_first();
            let Some((_, listener)) = next else { break };
            panics.catch(|| listener(result.clone()));
        }
    }
}

/// A load that is under way or has ended, as one who waits for it sees it.
///
/// As long as a stream (or a clone, or a [`Subscription`]) exists, the image is *live*: the cache finds it for others,
/// whether or not it keeps it itself. A stream belongs to one thread.
pub struct ImageStream(pub(super) Rc<StreamCore>);

impl ImageStream {
    /// Makes a stream that no cache knows, with the side that delivers.
    ///
    /// ```
    /// use tenure_resource::image_cache::{ExternalLedger, Image, ImageStream};
    ///
    /// let (stream, completer) = ImageStream::new();
    /// assert!(stream.is_loading());
    /// completer.complete(Image::from_rgba8(1, 1, vec![0; 4], &ExternalLedger::new()).unwrap());
    /// assert_eq!(stream.image().unwrap().width_px(), 1);
    /// ```
    pub fn new() -> (ImageStream, Completer) {
        let core = Rc::new(StreamCore::default());
        (ImageStream::of(&core), Completer::new(core, None))
    }

    pub(super) fn of(core: &Rc<StreamCore>) -> ImageStream {
        core.holders.set(core.holders.get() + 1);
        ImageStream(Rc::clone(core))
    }

    /// Calls `listener` with the result: at once if the load has ended, otherwise when it ends. Dropping the
    /// subscription before takes the listener away, uncalled; keeping it afterwards keeps the image live.
    ///
    /// A listener that holds this stream or its own subscription keeps itself alive until the load ends, which it always
    /// does: a completer that is dropped ends it with [`LoadError::Abandoned`].
    pub fn listen(&self, listener: impl FnOnce(LoadResult) + 'static) -> Subscription {
        let id = match self.0.result() {
            Some(result) => {
                listener(result);
                None
            }
            None => Some(self.0.add_listener(Box::new(listener))),
        };
        Subscription {
            stream: self.clone(),
            id,
        }
    }

    /// Calls `listener` with the result, like [`listen`](ImageStream::listen), but holds nothing and cannot be taken
    /// away.
    pub fn on_end(&self, listener: impl FnOnce(LoadResult) + 'static) {
        let core = Rc::downgrade(&self.0);
        match self.0.result() {
            Some(result) => listener(result),
            None => {
                self.0.detached.set(self.0.detached.get() + 1);
                self.0.add_listener(Box::new(move |result| {
                    if let Some(core) = core.upgrade() {
                        core.detached.set(core.detached.get() - 1);
                    }
                    listener(result);
                }));
            }
        }
    }

    /// The result, once the load has ended.
    #[must_use]
    pub fn result(&self) -> Option<LoadResult> {
        self.0.result()
    }

    /// The image, if the load has ended with one.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        self.0.result().and_then(Result::ok)
    }

    /// Whether the load has not ended.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.0.result.borrow().is_none()
    }

    /// Whether both are the same load.
    #[must_use]
    pub fn is_same(&self, other: &ImageStream) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Clone for ImageStream {
    fn clone(&self) -> ImageStream {
        ImageStream::of(&self.0)
    }
}

impl Drop for ImageStream {
    fn drop(&mut self) {
        self.0.holders.set(self.0.holders.get() - 1);
    }
}

impl fmt::Debug for ImageStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.result.try_borrow().as_deref() {
            Ok(Some(Ok(image))) => write!(f, "ImageStream({image:?})"),
            Ok(Some(Err(error))) => write!(f, "ImageStream({error})"),
            Ok(None) | Err(_) => f.write_str("ImageStream(loading)"),
        }
    }
}

/// A listener's place in a stream. Dropping it takes the listener away; keeping it keeps the image live.
#[derive(Debug)]
#[must_use = "dropping a subscription takes its listener away"]
pub struct Subscription {
    stream: ImageStream,
    id: Option<u64>,
}

impl Subscription {
    /// The stream that is listened to.
    #[must_use]
    pub fn stream(&self) -> &ImageStream {
        &self.stream
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // The borrow ends before the listener is dropped, which may drop other subscriptions of the stream.
            let listener = self.stream.0.listeners.borrow_mut().remove(&id);
            drop(listener);
        }
    }
}

/// What a cache does when a load that it started ends. Runs after the stream has its result, before its listeners.
pub(super) type OnEnd = Box<dyn FnOnce(&Rc<StreamCore>, &LoadResult)>;

/// The side of a load that delivers: it ends the stream with an image or an error. Dropping it ends the stream with
/// [`LoadError::Abandoned`], so that nobody waits for ever.
#[must_use = "dropping a completer ends the load with an error"]
pub struct Completer {
    core: Rc<StreamCore>,
    on_end: Option<OnEnd>,
    has_ended: bool,
}

impl Completer {
    pub(super) fn new(core: Rc<StreamCore>, on_end: Option<OnEnd>) -> Completer {
        Completer {
            core,
            on_end,
            has_ended: false,
        }
    }

    /// Ends the load with `image`: the cache takes it, then all listeners are called.
    ///
    /// # Panics
    ///
    /// Continues a panic of a listener, after all others were called.
    pub fn complete(self, image: Image) {
        self.finish(Ok(image));
    }

    /// Ends the load with an error: the cache forgets it, then all listeners are called. The next request for the same
    /// key starts a new load.
    ///
    /// # Panics
    ///
    /// Continues a panic of a listener, after all others were called.
    pub fn fail(self, error: LoadError) {
        self.finish(Err(Arc::new(error)));
    }

    /// Ends the load with the result of another one.
    ///
    /// # Panics
    ///
    /// Continues a panic of a listener, after all others were called.
    pub fn finish(mut self, result: LoadResult) {
        self.end(result);
    }

    /// Whether the result will reach anybody: a cache has the load in its pending list, or somebody holds the stream or
    /// listens to it. Once this is false it stays so, and the work may be left undone.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.core.is_pending.get() || self.core.is_held() || self.core.detached.get() > 0
    }

    fn end(&mut self, result: LoadResult) {
        self.has_ended = true;
        *self.core.result.borrow_mut() = Some(result.clone());
        let mut panics = Panics::default();
        if let Some(on_end) = self.on_end.take() {
            panics.catch(|| on_end(&self.core, &result));
        }
        self.core.notify(&result, &mut panics);
        panics.resume();
    }
}

impl Drop for Completer {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end(Err(Arc::new(LoadError::Abandoned)));
        }
    }
}

impl fmt::Debug for Completer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completer")
            .field("is_wanted", &self.is_wanted())
            .finish_non_exhaustive()
    }
}

/// The first panic of several callbacks, kept until all have run.
#[derive(Default)]
pub(super) struct Panics(Option<Box<dyn Any + Send>>);

impl Panics {
    pub(super) fn catch(&mut self, callback: impl FnOnce()) {
        // All state is complete before callbacks run, so what they leave behind is theirs.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(callback)) {
            self.0.get_or_insert(panic);
        }
    }

    pub(super) fn resume(self) {
        if let Some(panic) = self.0
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_cache::ledger::ExternalLedger;

    fn image() -> Image {
        Image::from_rgba8(1, 1, vec![1; 4], &ExternalLedger::new()).unwrap()
    }

    fn counter() -> (Rc<Cell<usize>>, impl Fn() -> Listener) {
        let calls = Rc::new(Cell::new(0));
        let shared = Rc::clone(&calls);
        let listener = move || -> Listener {
            let calls = Rc::clone(&shared);
            Box::new(move |_| calls.set(calls.get() + 1))
        };
        (calls, listener)
    }

    #[test]
    fn listeners_are_called_once_and_late_ones_at_once() {
        let (calls, listener) = counter();
        let (stream, completer) = ImageStream::new();
        let first = stream.listen(listener());
        completer.complete(image());
        assert_eq!(calls.get(), 1);
        let second = stream.listen(listener());
        assert_eq!(calls.get(), 2);
        drop((first, second));
        assert_eq!(calls.get(), 2);
    }

    #[test]
    fn a_dropped_subscription_is_not_called() {
        let (calls, listener) = counter();
        let (stream, completer) = ImageStream::new();
        drop(stream.listen(listener()));
        completer.complete(image());
        assert_eq!(calls.get(), 0);
    }

    #[test]
    fn a_dropped_completer_ends_the_stream() {
        let (stream, completer) = ImageStream::new();
        drop(completer);
        assert!(matches!(stream.result(), Some(Err(error)) if matches!(*error, LoadError::Abandoned)));
    }

    #[test]
    fn a_listener_may_take_the_next_one_away() {
        let (calls, listener) = counter();
        let (stream, completer) = ImageStream::new();
        let victim = Rc::new(RefCell::new(None));
        let shared = Rc::clone(&victim);
        let attacker = stream.listen(move |_| drop(shared.borrow_mut().take()));
        *victim.borrow_mut() = Some(stream.listen(listener()));
        completer.complete(image());
        assert_eq!(calls.get(), 0);
        drop(attacker);
    }

    #[test]
    fn a_listener_may_listen_again() {
        let (calls, listener) = counter();
        let (stream, completer) = ImageStream::new();
        let again = stream.clone();
        let kept = stream.listen(move |_| drop(again.listen(listener())));
        completer.complete(image());
        assert_eq!(calls.get(), 1);
        drop(kept);
    }

    #[test]
    fn a_panicking_listener_takes_nothing_from_the_others() {
        let (calls, listener) = counter();
        let (stream, completer) = ImageStream::new();
        let _bad = stream.listen(|_| panic!("listener"));
        let _good = stream.listen(listener());
        let panic = catch_unwind(AssertUnwindSafe(|| completer.complete(image()))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"listener"));
        assert_eq!(calls.get(), 1);
        assert!(stream.image().is_some());
    }

    #[test]
    fn wanted_is_who_holds_listens_or_was_promised_a_call() {
        let (stream, completer) = ImageStream::new();
        let subscription = stream.listen(|_| {});
        drop(stream);
        assert!(completer.is_wanted());
        let stream = subscription.stream().clone();
        drop(subscription);
        stream.on_end(|_| {});
        drop(stream);
        assert!(completer.is_wanted(), "a detached listener waits");
        let (stream, completer) = ImageStream::new();
        drop(stream);
        assert!(!completer.is_wanted());
    }

    #[test]
    fn a_listener_that_holds_its_stream_is_freed_with_the_load() {
        let (stream, completer) = ImageStream::new();
        let core = Rc::downgrade(&stream.0);
        let own = stream.clone();
        let slot = Rc::new(RefCell::new(None));
        let own_slot = Rc::clone(&slot);
        *slot.borrow_mut() = Some(stream.listen(move |_| drop((own, own_slot))));
        drop((stream, slot));
        assert!(core.upgrade().is_some());
        drop(completer);
        assert!(core.upgrade().is_none());
    }
}
