//! The case that buffers were made for: views of several images in a linear memory that grows, packed into a ZIP.
//!
//! A converter returns a view for each image that it has made. With the views kept, every image made before a growth is
//! lost, and reported so; with copies (`slice`), the archive is what was made, bit for bit.

use std::io::{Cursor, Read};

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage};
use tenure::prelude::*;
use tenure_resource::buffer::{DetachedBy, ElementType, Reader, TypedAccess, ViewError, ViewLint, ViewObject};
use tenure_resource::linear_memory::{LinearMemory, PAGE_BYTES};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::vm::*;

/// An image that does not compress to nothing.
fn picture(number: u32) -> RgbImage {
    let mut noise = 0x9e37_79b9_u32.wrapping_mul(number + 1);
    RgbImage::from_fn(90 + 20 * number, 60 + 10 * number, |x, y| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([
            (x * 2 + number) as u8,
            (y * 3) as u8 ^ (noise >> 28) as u8,
            (noise >> 24) as u8,
        ])
    })
}

/// The file of each image: PNG and JPEG in turn.
fn files() -> Vec<(String, Vec<u8>)> {
    let file = |number: u32| {
        let picture = picture(number);
        let mut bytes = Cursor::new(Vec::new());
        if number.is_multiple_of(2) {
            picture.write_to(&mut bytes, ImageFormat::Png).expect("encoded");
            (format!("{number}.png"), bytes.into_inner())
        } else {
            JpegEncoder::new_with_quality(&mut bytes, 85)
                .encode_image(&picture)
                .expect("encoded");
            (format!("{number}.jpeg"), bytes.into_inner())
        }
    };
    (0..8).map(file).collect()
}

/// What the converter gives for each image.
#[derive(Clone, Copy, PartialEq)]
enum Gives {
    /// A view of the memory.
    Views,
    /// A view of a copy.
    Slices,
}

/// Writes each file into the memory, as a converter that runs there would, and puts a view of it into the roots. Returns
/// how many files were there at each growth, with the line of the growth.
fn convert(
    h: &mut Heap<Vm>,
    files: &[(String, Vec<u8>)],
    gives: Gives,
    lint: &mut ViewLint<Typed>,
) -> (Vec<usize>, u32) {
    set_memory(h, LinearMemory::new(1, Some(64)).expect("a page"));
    let views = h.alloc_tail::<Views>(files.len(), ViewsInit {}, |_| None);
    h.roots().views.set(Some(views));
    let (mut end, mut growths, mut line) = (16_usize, Vec::new(), 0);
    for (number, (_, file)) in files.iter().enumerate() {
        let missing = (end + file.len()).saturating_sub(memory(h).bytes().get(h).len_bytes());
        if missing > 0 {
            line = line!() + 1;
            grow(h, missing.div_ceil(PAGE_BYTES) as u64);
            growths.push(number);
        }
        {
            let h = &*h;
            memory(h)
                .bytes()
                .get(h)
                .write(end as u64, file)
                .expect("it was made to fit");
            let buffer = memory_buffer(h).expect("not freed");
            let mut view = typed(h, buffer, ElementType::U8, end, Some(file.len())).expect("within the memory");
            if gives == Gives::Slices {
                let copy = view.view().slice(Typed::backing(view, h)).expect("just made");
                view = typed(h, own_buffer(h, copy), ElementType::U8, 0, None).expect("all of it");
            }
            lint.watch(h, view);
            h.roots()
                .views
                .get()
                .expect("made above")
                .tail_set(h, number, Some(view));
        }
        end = (end + file.len()).next_multiple_of(8);
        // The converter does other things in between.
        h.collect_minor();
    }
    (growths, line)
}

/// Packs what the views show. Returns the archive, and the errors of what has no bytes any more.
fn pack(h: &Heap<Vm>, files: &[(String, Vec<u8>)]) -> (Vec<u8>, Vec<(usize, ViewError)>) {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let mut lost = Vec::new();
    let views = h.roots().views.get().expect("converted before");
    for (number, (name, _)) in files.iter().enumerate() {
        let method = if number == 0 {
            CompressionMethod::Deflated
        } else {
            CompressionMethod::Stored
        };
        match views.tail_get(number).expect("one for each").view_bytes(h) {
            Ok(bytes) => {
                archive
                    .start_file(name.as_str(), SimpleFileOptions::default().compression_method(method))
                    .expect("a new name");
                std::io::copy(&mut Reader::new(bytes), &mut archive).expect("memory");
            }
            Err(error) => lost.push((number, error)),
        }
    }
    (archive.finish().expect("memory").into_inner(), lost)
}

#[test]
fn images_in_views_that_were_kept_are_reported_as_lost() {
    let files = files();
    isolate().enter(|h| {
        let mut lint = ViewLint::new();
        let (growths, line) = convert(h, &files, Gives::Views, &mut lint);
        let last = *growths.last().expect("the images do not fit a page");
        assert!(growths.len() >= 2 && last < files.len(), "{growths:?}");

        let (archive, lost) = pack(h, &files);
        // Lost is what was there at the last growth, and nothing else.
        let numbers: Vec<usize> = lost.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (0..last).collect::<Vec<_>>());
        for (number, error) in &lost {
            let detachment = error.detachment().expect("detached");
            // The first growth after the image took it.
            let growth = growths.iter().position(|at| at > number).expect("lost by one");
            let DetachedBy::Growth { from_pages, to_pages } = detachment.by else {
                panic!("{detachment}")
            };
            assert!(from_pages > growth as u64 && to_pages > from_pages);
            assert_eq!(
                (detachment.origin.place.file(), detachment.origin.place.line()),
                (file!(), line)
            );
            assert!(
                error
                    .to_string()
                    .contains(&format!("from {from_pages} to {to_pages} pages")),
                "{error}"
            );
        }
        let archive = ZipArchive::new(Cursor::new(archive)).expect("an archive of the rest");
        assert_eq!(archive.len(), files.len() - last);

        // The lint knows before anybody looks.
        h.collect();
        let kept = lint.kept(h);
        assert_eq!(kept.len(), last);
        for (kept, (_, error)) in kept.iter().zip(&lost) {
            assert_eq!(Some(&kept.detachment), error.detachment());
            let ViewError::Detached { view: Some(made), .. } = error else {
                panic!("{error}")
            };
            assert_eq!((kept.origin, kept.origin.place.file()), (*made, file!()));
        }
    });
}

#[test]
fn images_that_were_sliced_are_packed_bit_for_bit() {
    let files = files();
    isolate().enter(|h| {
        let mut lint = ViewLint::new();
        let (growths, _) = convert(h, &files, Gives::Slices, &mut lint);
        assert!(growths.len() >= 2);
        h.collect();
        assert_eq!(lint.kept(h), []);

        let (archive, lost) = pack(h, &files);
        assert_eq!(lost, []);
        let mut archive = ZipArchive::new(Cursor::new(archive)).expect("an archive");
        assert_eq!(archive.len(), files.len());
        for (number, (name, file)) in files.iter().enumerate() {
            let mut bytes = Vec::new();
            archive
                .by_name(name)
                .expect("packed")
                .read_to_end(&mut bytes)
                .expect("its checksum holds");
            assert!(bytes == *file, "{name} differs");
            let decoded = image::load_from_memory(&bytes).expect("an image").to_rgb8();
            assert_eq!(decoded.dimensions(), picture(number as u32).dimensions());
            if number.is_multiple_of(2) {
                assert!(decoded == picture(number as u32), "PNG keeps each pixel");
            }
        }
    });
}
