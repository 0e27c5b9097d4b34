//! Loading that waits while a view scrolls fast, so that what merely flies past is never decoded.
//!
//! An item on the screen owns a [`DisposableContext`] and requests its image through a [`DeferredLoader`]. While the
//! [`ScrollPosition`] that the context is inside of moves fast, requests for images that the cache has not are put off;
//! [`DeferredLoader::on_frame`] asks again each frame. Disposing or dropping the context ends all of its requests. A frame
//! takes time proportional to the requests that wait.
//!
//! The model is Flutter's `ScrollAwareImageProvider`. Nothing here reads a clock: times come with the frames. Loads that
//! have started are not interrupted.

mod context;
mod loader;
mod scroll;

/// The examples of the chapter are compiled and run with those of the code.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/deferred-loading.md")]
struct Chapter;

pub use context::{DisposableContext, RequestId, WeakContext};
pub use loader::{DeferredLoader, DeferredStatistics, Outcome};
pub use scroll::{ScrollMetrics, ScrollPosition, Viewport};
