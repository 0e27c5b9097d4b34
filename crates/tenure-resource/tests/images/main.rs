//! Tests of the image cache, of deferred loading and of the simulated list, from outside of the crate.
#![forbid(unsafe_code)]

mod attacks;
mod cache;
mod deferred;
#[cfg(feature = "disk-cache")]
mod disk;
mod heap;
mod model;
mod queue;
mod simulation;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tenure_resource::image_cache::{Completer, ExternalLedger, Image, ImageCache, ImageStream};

/// An image of `bytes` bytes, which must be a multiple of 4.
fn image(bytes: usize, ledger: &ExternalLedger) -> Image {
    assert_eq!(bytes % 4, 0);
    Image::from_rgba8((bytes / 4) as u32, 1, vec![0xab; bytes], ledger).expect("a length that fits")
}

/// Loads that end when the test says so.
#[derive(Clone, Default)]
struct Loads(Rc<RefCell<BTreeMap<u32, Vec<Completer>>>>);

impl Loads {
    fn loader(&self, key: u32) -> impl FnOnce(Completer) + 'static {
        let loads = Rc::clone(&self.0);
        move |completer| loads.borrow_mut().entry(key).or_default().push(completer)
    }

    fn request(&self, cache: &ImageCache<u32>, key: u32) -> ImageStream {
        cache.put_if_absent(key, self.loader(key))
    }

    /// The oldest load of `key` that has not ended.
    fn take(&self, key: u32) -> Completer {
        self.try_take(key).expect("a load of this key")
    }

    fn try_take(&self, key: u32) -> Option<Completer> {
        let mut loads = self.0.borrow_mut();
        let of_key = loads.get_mut(&key)?;
        let oldest = of_key.remove(0);
        if of_key.is_empty() {
            loads.remove(&key);
        }
        Some(oldest)
    }

    fn started(&self, key: u32) -> usize {
        self.0.borrow().get(&key).map_or(0, Vec::len)
    }
}

/// Requests `key`, lets it load `bytes` bytes, and lets go of it.
fn load(cache: &ImageCache<u32>, key: u32, bytes: usize) {
    let ledger = cache.ledger().clone();
    drop(cache.put_if_absent(key, |completer| completer.complete(image(bytes, &ledger))));
}
