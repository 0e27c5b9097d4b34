//! Decoding PNG and JPEG into RGBA, with limits that are checked before memory is taken.
//!
//! The header is read first; what it announces is held against [`DecodeLimits`] before the first pixel is allocated, so
//! that a file of a few bytes cannot ask for gigabytes. Decoding takes time proportional to encoded bytes and pixels, and
//! for its duration up to twice the memory of the result. The orientation in the metadata is applied. Color profiles are
//! not, and of an animated PNG the first frame is decoded.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::decoded::{Image, decoded_bytes};
use super::error::LoadError;
use super::ledger::ExternalLedger;

/// What is accepted for decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Encoded bytes of one image.
    pub max_encoded_bytes: usize,
    /// Longest side of one image.
    pub max_side_px: u32,
    /// Decoded bytes of one image, at 4 bytes per pixel. The decoder may need as much again for its own format.
    pub max_decoded_bytes: usize,
}

impl Default for DecodeLimits {
    /// 64 MiB encoded, 16,384 pixels per side (the largest texture that graphics hardware commonly takes), and 256 MiB
    /// decoded (64 megapixels, the largest photographs that are common).
    fn default() -> DecodeLimits {
        DecodeLimits {
            max_encoded_bytes: 64 << 20,
            max_side_px: 16_384,
            max_decoded_bytes: 256 << 20,
        }
    }
}

/// Room for the decoder's own tables (Huffman codes, one row of each kind), on top of pixels.
const DECODER_TABLES_BYTES: u64 = 4 << 20;

/// Decodes a PNG or JPEG image; the format is told from the first bytes. The pixels are counted on `ledger`.
///
/// # Errors
///
/// A [`LoadError`] that says which limit was exceeded or what is wrong with the bytes.
///
/// ```
/// use tenure_resource::image_cache::{DecodeLimits, ExternalLedger, LoadError, decode};
///
/// let ledger = ExternalLedger::new();
/// let error = decode(b"GIF89a", &DecodeLimits::default(), &ledger).unwrap_err();
/// assert!(matches!(error, LoadError::UnsupportedFormat));
/// ```
pub fn decode(encoded: &[u8], limits: &DecodeLimits, ledger: &ExternalLedger) -> Result<Image, LoadError> {
    if encoded.len() > limits.max_encoded_bytes {
        return Err(LoadError::EncodedTooLarge {
            given_bytes: encoded.len(),
            max_bytes: limits.max_encoded_bytes,
        });
    }
    let mut reader = ImageReader::new(Cursor::new(encoded)).with_guessed_format()?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(LoadError::UnsupportedFormat);
    }
    let mut decoder_limits = Limits::no_limits();
    decoder_limits.max_alloc = Some((limits.max_decoded_bytes as u64).saturating_mul(2) + DECODER_TABLES_BYTES);
    reader.limits(decoder_limits.clone());
    let decoder = reader.into_decoder().map_err(LoadError::Malformed)?;
    let (width_px, height_px) = decoder.dimensions();
    let fits = width_px.max(height_px) <= limits.max_side_px
        && decoded_bytes(width_px, height_px).is_some_and(|bytes| bytes <= limits.max_decoded_bytes);
    if !fits {
        return Err(LoadError::ImageTooLarge {
            width_px,
            height_px,
            max_side_px: limits.max_side_px,
            max_decoded_bytes: limits.max_decoded_bytes,
        });
    }
    decode_pixels(decoder_limits, decoder)
        .map_err(LoadError::Malformed)
        .and_then(|decoded| {
            let rgba = decoded.into_rgba8();
            let (width_px, height_px) = rgba.dimensions();
            Image::from_rgba8(width_px, height_px, rgba.into_raw(), ledger)
        })
}

fn decode_pixels(mut limits: Limits, mut decoder: impl ImageDecoder) -> Result<DynamicImage, ImageError> {
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut decoded = DynamicImage::from_decoder(decoder)?;
    decoded.apply_orientation(orientation);
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_cache::test_images::{jpeg, png, png_header};

    fn limits() -> DecodeLimits {
        DecodeLimits::default()
    }

    #[test]
    fn png_comes_out_as_it_went_in() {
        let ledger = ExternalLedger::new();
        let image = decode(&png(5, 3, 9), &limits(), &ledger).unwrap();
        assert_eq!((image.width_px(), image.height_px(), image.size_bytes()), (5, 3, 60));
        assert_eq!(image.rgba(), crate::image_cache::test_images::rgba(5, 3, 9));
        assert_eq!(ledger.held_bytes(), 60);
        drop(image);
        assert_eq!(ledger.held_bytes(), 0);
    }

    #[test]
    fn jpeg_decodes_opaque() {
        let ledger = ExternalLedger::new();
        let image = decode(&jpeg(16, 8, 1), &limits(), &ledger).unwrap();
        assert_eq!((image.width_px(), image.height_px()), (16, 8));
        assert!(image.rgba().chunks(4).all(|pixel| pixel[3] == 255));
    }

    #[test]
    fn each_limit_is_exact_and_named() {
        let ledger = ExternalLedger::new();
        let encoded = png(20, 10, 0);
        let exact = DecodeLimits {
            max_encoded_bytes: encoded.len(),
            max_side_px: 20,
            max_decoded_bytes: 800,
        };
        assert!(decode(&encoded, &exact, &ledger).is_ok());
        let less = DecodeLimits {
            max_encoded_bytes: encoded.len() - 1,
            ..exact
        };
        assert!(matches!(
            decode(&encoded, &less, &ledger),
            Err(LoadError::EncodedTooLarge { .. })
        ));
        for less in [
            DecodeLimits {
                max_side_px: 19,
                ..exact
            },
            DecodeLimits {
                max_decoded_bytes: 799,
                ..exact
            },
        ] {
            let error = decode(&encoded, &less, &ledger).unwrap_err();
            assert!(
                matches!(
                    error,
                    LoadError::ImageTooLarge {
                        width_px: 20,
                        height_px: 10,
                        ..
                    }
                ),
                "{error}"
            );
        }
    }

    #[test]
    fn a_bomb_is_refused_by_its_header_alone() {
        // 4 GiB of pixels announced in less than 100 bytes; nothing else is there to be read.
        let bomb = png_header(65_000, 16_000);
        let error = decode(&bomb, &limits(), &ExternalLedger::new()).unwrap_err();
        assert!(
            matches!(error, LoadError::ImageTooLarge { width_px: 65_000, .. }),
            "{error}"
        );
    }

    #[test]
    fn damage_anywhere_is_an_error_or_an_image_but_no_panic() {
        let ledger = ExternalLedger::new();
        for encoded in [png(9, 9, 3), jpeg(9, 9, 3)] {
            for cut in 0..encoded.len() {
                let _ = decode(&encoded[..cut], &limits(), &ledger);
                let mut flipped = encoded.clone();
                flipped[cut] ^= 0x55;
                let _ = decode(&flipped, &limits(), &ledger);
            }
            assert!(decode(&encoded[..encoded.len() / 2], &limits(), &ledger).is_err());
        }
        assert_eq!(ledger.held_bytes(), 0);
    }

    #[test]
    fn orientation_of_the_metadata_is_applied() {
        // "Rotated by 90 degrees" swaps the sides.
        let plain = jpeg(16, 8, 1);
        let exif = [
            0xff, 0xe1, 0x00, 0x22, b'E', b'x', b'i', b'f', 0, 0, b'I', b'I', 0x2a, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3,
            0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
        ];
        let turned: Vec<u8> = [&plain[..2], &exif, &plain[2..]].concat();
        let image = decode(&turned, &limits(), &ExternalLedger::new()).unwrap();
        assert_eq!((image.width_px(), image.height_px()), (8, 16));
    }
}
