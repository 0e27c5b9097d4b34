//! A decoded image: immutable RGBA pixels, counted on a ledger for as long as anybody has them.
//!
//! An [`Image`] is a handle. The cache holds the pixels beneath the handles and knows handles only weakly: that is how
//! it tells what is used from what is merely kept. A clone costs one atomic increment and copies nothing. It is a still
//! image: animations, color profiles and other pixel formats are not represented.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::error::LoadError;
use super::ledger::{Charge, ExternalLedger};

/// Bytes of one pixel: red, green, blue, alpha.
pub const PIXEL_BYTES: usize = 4;

/// A handle to the pixels of a decoded image. Handles can be cloned and sent to other threads, for instance to one that
/// draws; an image is *live* as long as one of them exists.
#[derive(Clone)]
pub struct Image(Arc<Handle>);

struct Handle {
    pixels: Arc<Pixels>,
}

/// The pixels themselves, which handles and the cache share.
pub(super) struct Pixels {
    width_px: u32,
    height_px: u32,
    rgba: Box<[u8]>,
    /// The handle, if somebody has one: there is at most one at a time, which clones share.
    handle: Mutex<Weak<Handle>>,
    /// Takes the bytes off the ledger when the pixels are freed.
    _charge: Charge,
}

/// What the cache knows of the handles of an image.
pub(super) struct WeakImage(Weak<Handle>);

impl Image {
    /// Makes an image of `width_px` × `height_px` pixels in rows from the top, 4 bytes each: red, green, blue, alpha,
    /// not premultiplied. The bytes are counted on `ledger`, which should be the cache's.
    ///
    /// # Errors
    ///
    /// [`LoadError::WrongLength`] if there are not 4 bytes for each pixel.
    ///
    /// ```
    /// use tenure_resource::image_cache::{ExternalLedger, Image};
    ///
    /// let ledger = ExternalLedger::new();
    /// let image = Image::from_rgba8(2, 1, vec![255; 8], &ledger).unwrap();
    /// assert_eq!((image.size_bytes(), ledger.held_bytes()), (8, 8));
    /// assert!(Image::from_rgba8(2, 2, vec![255; 8], &ledger).is_err());
    /// ```
    pub fn from_rgba8(
        width_px: u32,
        height_px: u32,
        rgba: Vec<u8>,
        ledger: &ExternalLedger,
    ) -> Result<Image, LoadError> {
        if decoded_bytes(width_px, height_px) != Some(rgba.len()) {
            return Err(LoadError::WrongLength {
                width_px,
                height_px,
                given_bytes: rgba.len(),
            });
        }
        let rgba = rgba.into_boxed_slice();
        let charge = ledger.charge(rgba.len());
        Ok(Image::of(Arc::new(Pixels {
            width_px,
            height_px,
            rgba,
            handle: Mutex::new(Weak::new()),
            _charge: charge,
        })))
    }

    /// The handle to these pixels, which is made if there is none.
    pub(super) fn of(pixels: Arc<Pixels>) -> Image {
        let mut handle = pixels.handle();
        let image = handle.upgrade().unwrap_or_else(|| {
            Arc::new(Handle {
                pixels: Arc::clone(&pixels),
            })
        });
        *handle = Arc::downgrade(&image);
        drop(handle);
        Image(image)
    }

    pub(super) fn shared_pixels(&self) -> &Arc<Pixels> {
        &self.0.pixels
    }

    pub(super) fn downgrade(&self) -> WeakImage {
        WeakImage(Arc::downgrade(&self.0))
    }

    /// Width in pixels.
    #[must_use]
    pub fn width_px(&self) -> u32 {
        self.0.pixels.width_px
    }

    /// Height in pixels.
    #[must_use]
    pub fn height_px(&self) -> u32 {
        self.0.pixels.height_px
    }

    /// The pixels in rows from the top, 4 bytes each: red, green, blue, alpha.
    #[must_use]
    pub fn rgba(&self) -> &[u8] {
        &self.0.pixels.rgba
    }

    /// Bytes of the pixels, which is what the image counts in a cache.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.0.pixels.size_bytes()
    }

    /// Whether both are handles to the same pixels in memory.
    #[must_use]
    pub fn is_same(&self, other: &Image) -> bool {
        Arc::ptr_eq(&self.0.pixels, &other.0.pixels)
    }
}

impl Pixels {
    pub(super) fn size_bytes(&self) -> usize {
        self.rgba.len()
    }

    /// Whether anybody has a handle: if not, dropping these frees them.
    pub(super) fn is_held(&self) -> bool {
        self.handle().strong_count() > 0
    }

    fn handle(&self) -> MutexGuard<'_, Weak<Handle>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WeakImage {
    pub(super) fn upgrade(&self) -> Option<Image> {
        self.0.upgrade().map(Image)
    }

    pub(super) fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} x {} px)", self.width_px(), self.height_px())
    }
}

/// Bytes of an image once decoded, unless they are more than can be addressed.
pub(super) fn decoded_bytes(width_px: u32, height_px: u32) -> Option<usize> {
    (width_px as usize)
        .checked_mul(height_px as usize)
        .and_then(|count| count.checked_mul(PIXEL_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_counted_until_the_last_holder_is_gone() {
        let ledger = ExternalLedger::new();
        let image = Image::from_rgba8(3, 2, vec![7; 24], &ledger).unwrap();
        let weak = image.downgrade();
        let kept = Arc::clone(image.shared_pixels());
        let clone = image.clone();
        drop(image);
        assert!(weak.is_held() && clone.is_same(&weak.upgrade().unwrap()));
        drop(clone);
        assert!(!weak.is_held() && !kept.is_held(), "what the cache keeps is no handle");
        assert_eq!(ledger.held_bytes(), 24);
        let again = Image::of(Arc::clone(&kept));
        let same = Image::of(kept);
        assert!(again.rgba() == [7; 24] && Arc::ptr_eq(&again.0, &same.0));
        drop((again, same));
        assert_eq!(ledger.held_bytes(), 0);
    }

    #[test]
    fn capacity_beyond_the_pixels_is_given_back() {
        let ledger = ExternalLedger::new();
        let mut rgba = Vec::with_capacity(1 << 20);
        rgba.extend_from_slice(&[0; 4]);
        let image = Image::from_rgba8(1, 1, rgba, &ledger).unwrap();
        assert_eq!((image.rgba().len(), ledger.held_bytes()), (4, 4));
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        assert_eq!(decoded_bytes(u32::MAX, u32::MAX), None);
        assert!(Image::from_rgba8(u32::MAX, u32::MAX, Vec::new(), &ExternalLedger::new()).is_err());
    }

    #[test]
    fn images_may_be_drawn_on_other_threads() {
        fn check<T: Send + Sync>() {}
        check::<Image>();
    }
}
