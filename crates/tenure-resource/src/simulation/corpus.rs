//! The images of the list: small PNG and JPEG files, made by the `image` crate from numbers.
//!
//! There are a few different ones, which the items share; each item is a key of its own all the same, so each costs a
//! decode of its own. Making them takes time linear in their pixels, once. They are the same on every machine: no random
//! source is used.

use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};

/// Sides of the images: thumbnails as lists have them.
const SIDES_PX: [u32; 3] = [64, 96, 128];

/// Encoded images by number.
pub(super) struct Corpus(Vec<Arc<[u8]>>);

impl Corpus {
    /// Makes `count` images, at least one.
    pub(super) fn new(count: usize) -> Result<Corpus, ImageError> {
        (0..count.max(1) as u32)
            .map(|number| encode(number).map(Arc::from))
            .collect::<Result<_, _>>()
            .map(Corpus)
    }

    /// The encoded image of an item.
    pub(super) fn of_item(&self, item: usize) -> Arc<[u8]> {
        Arc::clone(&self.0[item % self.0.len()])
    }
}

/// One image: even ones are PNG, odd ones JPEG.
pub(super) fn encode(number: u32) -> Result<Vec<u8>, ImageError> {
    let side_px = SIDES_PX[number as usize % SIDES_PX.len()];
    let rgb = paint(number, side_px);
    let mut encoded = Vec::new();
    if number.is_multiple_of(2) {
        PngEncoder::new(&mut encoded).write_image(&rgb, side_px, side_px, ExtendedColorType::Rgb8)?;
    } else {
        JpegEncoder::new(&mut encoded).encode(&rgb, side_px, side_px, ExtendedColorType::Rgb8)?;
    }
    Ok(encoded)
}

/// A gradient with some grain, so that it neither compresses to nothing nor is noise.
fn paint(number: u32, side_px: u32) -> Vec<u8> {
    let mut grain = number.wrapping_mul(0x9e37_79b9) | 1;
    let mut rgb = Vec::with_capacity((side_px * side_px * 3) as usize);
    for y in 0..side_px {
        for x in 0..side_px {
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (grain >> 29) as u8;
            rgb.push((x * 255 / side_px) as u8 ^ noise);
            rgb.push((y * 255 / side_px) as u8);
            rgb.push((number.wrapping_mul(37) as u8).wrapping_add(noise));
        }
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_cache::{DecodeLimits, ExternalLedger, decode};

    #[test]
    fn all_decode_and_differ() {
        let corpus = Corpus::new(12).unwrap();
        let ledger = ExternalLedger::new();
        let decoded: Vec<_> = (0..12)
            .map(|item| decode(&corpus.of_item(item), &DecodeLimits::default(), &ledger).unwrap())
            .collect();
        for (at, image) in decoded.iter().enumerate() {
            assert_eq!(image.width_px(), SIDES_PX[at % 3]);
            assert!(decoded[..at].iter().all(|other| other.rgba() != image.rgba()));
        }
        assert!(corpus.of_item(0).starts_with(b"\x89PNG") && corpus.of_item(1).starts_with(&[0xff, 0xd8]));
        assert_eq!(corpus.of_item(3), corpus.of_item(15));
    }
}
