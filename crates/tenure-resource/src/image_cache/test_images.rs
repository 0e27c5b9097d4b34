//! Encoded images for tests, made by the `image` crate. Linear in the pixels; not compiled otherwise.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Pixels that differ between seeds.
pub(crate) fn rgba(width_px: u32, height_px: u32, seed: u8) -> Vec<u8> {
    (0..height_px)
        .flat_map(|y| (0..width_px).flat_map(move |x| [x as u8 ^ seed, y as u8, seed, 200]))
        .collect()
}

pub(crate) fn png(width_px: u32, height_px: u32, seed: u8) -> Vec<u8> {
    let mut encoded = Vec::new();
    PngEncoder::new(&mut encoded)
        .write_image(
            &rgba(width_px, height_px, seed),
            width_px,
            height_px,
            ExtendedColorType::Rgba8,
        )
        .expect("encoding into memory");
    encoded
}

pub(crate) fn jpeg(width_px: u32, height_px: u32, seed: u8) -> Vec<u8> {
    let rgb: Vec<u8> = rgba(width_px, height_px, seed)
        .chunks(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let mut encoded = Vec::new();
    JpegEncoder::new(&mut encoded)
        .encode(&rgb, width_px, height_px, ExtendedColorType::Rgb8)
        .expect("encoding into memory");
    encoded
}

/// The beginning of a PNG with these dimensions: a header with a valid checksum, and the start of pixels that never come.
pub(crate) fn png_header(width_px: u32, height_px: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width_px.to_be_bytes());
    header.extend(height_px.to_be_bytes());
    header.extend([8, 6, 0, 0, 0]);
    let mut encoded = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    encoded.extend(&header);
    encoded.extend(crc32(&header).to_be_bytes());
    encoded.extend(b"\0\0\x10\0IDAT\x78\x9c");
    encoded
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}
