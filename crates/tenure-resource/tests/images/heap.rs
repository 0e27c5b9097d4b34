//! The cache beside a heap: pixels count as its external memory, and its need for memory shrinks the cache.

use std::cell::Cell;
use std::rc::Rc;

use tenure::prelude::*;
use tenure_resource::image_cache::{CacheLimits, ImageCache, Pressure};

use crate::{image, load};

#[derive(Kind)]
#[tail(u8)]
struct Bytes {}

#[derive(Kind)]
#[tail(Slot<Opt<Bytes>>)]
struct Array {}

#[derive(Roots)]
struct Roots {
    array: Root<Opt<Array>>,
}

object_model! { model Pictures { roots: Roots, kinds: [Bytes, Array] } }

fn isolate(config: HeapConfig) -> Isolate<Pictures> {
    Isolate::new(config, RootsInit { array: None }).expect("a heap")
}

#[test]
fn a_heap_sees_the_pixels_of_the_cache() {
    let cache = ImageCache::<u32>::new();
    isolate(HeapConfig::new()).enter(|h| {
        load(&cache, 1, 4000);
        load(&cache, 2, 400);
        assert_eq!(cache.sync(&*h), 4400);
        assert_eq!(h.statistics().sizes.external_bytes, 4400);
        assert_eq!(cache.sync(&*h), 0);
        cache.evict(&1, false);
        cache.sync(&*h);
        assert_eq!(h.statistics().sizes.external_bytes, 400);
    });
    // A new heap hears of what is there.
    isolate(HeapConfig::new()).enter(|h| {
        cache.ledger().sync_all(&*h);
        assert_eq!(h.statistics().sizes.external_bytes, 400);
    });
}

#[test]
fn many_pixels_make_the_heap_collect() {
    let cache = ImageCache::<u32>::new();
    isolate(HeapConfig::new()).enter(|h| {
        let majors_after = |h: &mut Heap<Pictures>, bytes: usize| {
            let before = h.statistics().major_collections;
            load(&cache, bytes as u32, bytes);
            cache.sync(&*h);
            for _ in 0..100_000 {
                let _ = h.alloc_slice_with::<Bytes>(|_| BytesInit {}, &[0; 64]);
            }
            h.statistics().major_collections - before
        };
        assert_eq!(majors_after(h, 4 << 20), 0);
        assert!(
            majors_after(h, 72 << 20) >= 1,
            "64 MiB of growth are a reason to collect"
        );
    });
}

#[test]
fn a_heap_near_its_limit_shrinks_the_cache() {
    let cache = ImageCache::<u32>::with_limits(CacheLimits::default());
    for key in 0..8 {
        load(&cache, key, 4 << 20);
    }
    let config = HeapConfig::new().max_old_bytes(16 << 20).semi_space_bytes(1 << 20);
    isolate(config).enter(|h| {
        let (weak, freed) = (cache.downgrade(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&freed);
        h.set_near_limit_callback(move |near| {
            // What the cache gives back, the heap may take: together they stay as they were.
            let bytes = weak.upgrade().map_or(0, |cache| cache.on_pressure(Pressure::Moderate));
            count.set(count.get() + bytes);
            near.limit_bytes + bytes
        });
        cache.sync(&*h);
        let (region, array) = h.alloc_tail_zeroed_with::<Array>(40, |_| ArrayInit {});
        region.roots().array.set(Some(array));
        for at in 0..28 {
            let (h, bytes) = h.alloc_slice_with::<Bytes>(|_| BytesInit {}, &[1; 1 << 20]);
            h.roots().array.get().expect("rooted").tail_set(h, at, Some(bytes));
        }
        assert!(freed.get() > 0, "28 MiB do not fit without");
        assert_eq!(cache.sync(&*h), -(freed.get() as isize));
        assert_eq!(cache.kept_bytes(), (32 << 20) - freed.get());
    });
}

#[test]
fn pressure_follows_from_the_numbers_of_the_heap() {
    let cache = ImageCache::<u32>::new();
    let config = HeapConfig::new().max_old_bytes(64 << 20).semi_space_bytes(1 << 20);
    isolate(config).enter(|h| {
        let pressure = |h: &Heap<Pictures>| {
            cache.sync(h);
            Pressure::of_heap(&h.statistics())
        };
        assert_eq!(pressure(h), None);
        let limit = h.statistics().max_old_bytes;
        let held = image(limit / 100 * 80 / 4 * 4, cache.ledger());
        assert_eq!(pressure(h), Some(Pressure::Moderate));
        let more = image(limit / 100 * 12 / 4 * 4, cache.ledger());
        assert_eq!(pressure(h), Some(Pressure::Critical));
        drop((held, more));
        assert_eq!(pressure(h), None);
    });
}
