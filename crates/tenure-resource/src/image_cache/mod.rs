//! A cache of decoded images, and what feeds it.
//!
//! [`ImageCache`] follows the cache of Flutter: a request finds an image or a load under way, or starts a load; there are
//! at most 1000 images and 100 MiB of pixels, the least recently used go first; what somebody holds is found again even
//! if the cache no longer keeps it. [`DecodeQueue`] reads and decodes, in worker threads or step by step. Pixels are
//! counted as external memory of a heap ([`ExternalLedger`]), so that much of it makes the heap collect, and a heap under
//! [`Pressure`] makes the cache shrink.
//!
//! A request costs one or two look-ups in hash maps; everything else is proportional to what it changes. The cache does
//! not know files, networks or scrolling: see [`EncodedSource`] and [`deferred`](crate::deferred).
//!
//! ```
//! use tenure_resource::image_cache::{DecodeLimits, DecodeQueue, ImageCache};
//!
//! # let png = tenure_resource::simulation::sample_png();
//! let cache = ImageCache::<String>::new();
//! let queue = DecodeQueue::stepped(DecodeLimits::default(), cache.ledger());
//!
//! // Whoever needs an image asks for it; `png` could also be a file or a function.
//! let stream = cache.put_if_absent("logo.png".into(), |completer| queue.submit(png, completer));
//! let subscription = stream.listen(|result| match result {
//!     Ok(image) => println!("{} x {} pixels", image.width_px(), image.height_px()),
//!     Err(error) => eprintln!("no logo: {error}"),
//! });
//!
//! // Once per frame: deliver what is decoded. Here, without worker threads, this also decodes.
//! queue.poll(4);
//! assert!(stream.image().is_some());
//! drop(subscription);
//! ```

mod cache;
mod decode;
mod decoded;
#[cfg(feature = "disk-cache")]
mod disk;
mod error;
mod ledger;
mod limits;
mod lists;
mod pressure;
mod queue;
mod source;
mod statistics;
mod stream;
#[cfg(test)]
pub(crate) mod test_images;

/// The examples of the chapter are compiled and run with those of the code.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/image-cache.md")]
struct Chapter;

pub use cache::{ImageCache, WeakImageCache};
pub use decode::{DecodeLimits, decode};
pub use decoded::{Image, PIXEL_BYTES};
#[cfg(feature = "disk-cache")]
pub use disk::{DiskCache, DiskCacheStatistics, DiskSource};
pub use error::LoadError;
pub use ledger::{Charge, ExternalBytesSink, ExternalLedger};
pub use limits::{CacheLimits, DEFAULT_MAX_BYTES, DEFAULT_MAX_ENTRIES, physical_memory_bytes};
pub use pressure::Pressure;
pub use queue::{DecodeQueue, DecodeStatistics};
pub use source::EncodedSource;
pub use statistics::{CacheEvent, CacheEventKind, EvictionCause, ImageCacheStatistics, ImageStatus};
pub use stream::{Completer, ImageStream, LoadResult, Subscription};
