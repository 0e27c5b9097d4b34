//! Allocation: pairs of two words, of which the last 1024 stay reachable, as in workload W7.
//!
//! A time is that of one object, with its share of all collections. The limit is bumpalo, which only moves a pointer and
//! forgets a MiB at a time; the peer is gc-arena, which takes each object from malloc. The pairs of data have no slots;
//! those of slots refer to one old object, so that chains do not keep the garbage alive.

use criterion::{Bencher, Criterion};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tenure::prelude::*;

/// Pairs of data that stay reachable.
const RING: usize = 1024;

/// Pairs of slots that stay reachable: a roots struct takes up to 1024 words, and one of them is the target.
const SLOT_RING: usize = 512;

/// Bytes of objects after which bumpalo starts again.
const RESET_BYTES: usize = 1 << 20;

/// Objects that are allocated between two safepoints where safepoints are explicit.
const BATCH: u64 = 64;

#[derive(Kind)]
struct Pair {
    a: u64,
    b: u64,
}

#[derive(Roots)]
struct Roots {
    ring: [Root<Opt<Pair>>; RING],
}

object_model! { model Pairs { roots: Roots, kinds: [Pair] } }

#[derive(Kind)]
struct SlotPair {
    left: Slot<Opt<SlotPair>>,
    right: Slot<Opt<SlotPair>>,
}

#[derive(Roots)]
struct SlotRoots {
    ring: [Root<Opt<SlotPair>>; SLOT_RING],
    target: Root<Opt<SlotPair>>,
}

object_model! { model SlotPairs { roots: SlotRoots, kinds: [SlotPair] } }

/// Measures `allocate(h, n)`, which allocates `n` objects.
fn tenure_data(b: &mut Bencher<'_>, allocate: impl Fn(&mut Heap<Pairs>, u64)) {
    let mut isolate =
        Isolate::<Pairs>::new(HeapConfig::new(), RootsInit { ring: [None; RING] }).expect("a heap of the default size");
    b.iter_custom(|objects| {
        isolate.enter(|h| {
            let start = Instant::now();
            allocate(h, objects);
            let time = start.elapsed();
            let pairs = h.roots().ring.iter().filter_map(Root::get);
            black_box(pairs.map(|pair| pair.a() ^ pair.b()).sum::<u64>());
            time
        })
    });
}

/// Every allocation is a safepoint.
fn tenure_pairs(h: &mut Heap<Pairs>, objects: u64) {
    for a in 0..objects {
        let (h, pair) = h.alloc_with::<Pair>(|_| PairInit { a, b: a + 1 });
        h.roots().ring[a as usize % RING].set(Some(pair));
    }
}

/// Every 64th allocation is a safepoint, the others are in a region.
fn tenure_pairs_region(h: &mut Heap<Pairs>, objects: u64) {
    for first in (0..objects).step_by(BATCH as usize) {
        h.safepoint();
        let h = &*h;
        for a in first..objects.min(first + BATCH) {
            let pair = h.alloc::<Pair>(PairInit { a, b: a + 1 });
            h.roots().ring[a as usize % RING].set(Some(pair));
        }
    }
}

fn tenure_slots(b: &mut Bencher<'_>) {
    let roots = SlotRootsInit {
        ring: [None; SLOT_RING],
        target: None,
    };
    let mut isolate = Isolate::<SlotPairs>::new(HeapConfig::new(), roots).expect("a heap of the default size");
    isolate.enter(|h| {
        let (h, target) = h.alloc_with::<SlotPair>(|_| SlotPairInit {
            left: None,
            right: None,
        });
        h.roots().target.set(Some(target));
    });
    isolate.enter(Heap::collect);
    b.iter_custom(|objects| {
        isolate.enter(|h| {
            let start = Instant::now();
            for i in 0..objects {
                let (h, pair) = h.alloc_with::<SlotPair>(|h| SlotPairInit {
                    left: h.roots().target.get(),
                    right: None,
                });
                h.roots().ring[i as usize % SLOT_RING].set(Some(pair));
            }
            let time = start.elapsed();
            let pairs = h.roots().ring.iter().filter_map(Root::get);
            black_box(
                pairs
                    .filter(|pair| pair.left().is_some() && pair.right().is_none())
                    .count(),
            );
            time
        })
    });
}

/// The limit: what `allocate` makes is forgotten after each MiB. The ring holds addresses only.
fn bump<const N: usize, T>(b: &mut Bencher<'_>, mut make: impl FnMut(u64) -> T) {
    let per_reset = (RESET_BYTES / size_of::<T>()) as u64;
    // A little more, so that all of it lies in one chunk.
    let mut bump = bumpalo::Bump::with_capacity(RESET_BYTES + 4096);
    let mut ring = vec![std::ptr::null::<T>(); N].into_boxed_slice();
    let ring: &mut [*const T; N] = (&mut *ring).try_into().expect("made with this length");
    b.iter_custom(|objects| {
        let start = Instant::now();
        for first in (0..objects).step_by(per_reset as usize) {
            bump.reset();
            for i in first..objects.min(first + per_reset) {
                ring[i as usize % N] = bump.alloc(make(i));
            }
            black_box(&ring);
        }
        start.elapsed()
    });
}

mod peer {
    //! The same on gc-arena. Its ring lies in chunks of 64, because a store into an array makes all of it gray again.

    use super::{BATCH, RING, SLOT_RING};
    use gc_arena::{Arena, Collect, Gc, Mutation, RefLock, Rootable, lock::Lock, static_collect};
    use std::time::{Duration, Instant};

    const CHUNK: usize = 64;

    type Chunk<'gc, T> = Gc<'gc, RefLock<[Option<Gc<'gc, T>>; CHUNK]>>;

    #[derive(Collect)]
    #[collect(no_drop)]
    struct Ring<'gc, T: Collect<'gc>> {
        chunks: Vec<Chunk<'gc, T>>,
        target: Gc<'gc, Pair>,
    }

    impl<'gc, T: Collect<'gc>> Ring<'gc, T> {
        fn new(mc: &Mutation<'gc>, length: usize) -> Ring<'gc, T> {
            Ring {
                chunks: (0..length / CHUNK)
                    .map(|_| Gc::new(mc, RefLock::new([None; CHUNK])))
                    .collect(),
                target: Gc::new(mc, Pair { a: 1, b: 2 }),
            }
        }

        #[inline(always)]
        fn set(&self, mc: &Mutation<'gc>, i: usize, object: Gc<'gc, T>) {
            // The number of chunks is a power of two.
            self.chunks[(i / CHUNK) & (self.chunks.len() - 1)].borrow_mut(mc)[i % CHUNK] = Some(object);
        }
    }

    pub(super) struct Pair {
        a: u64,
        b: u64,
    }
    static_collect!(Pair);

    #[derive(Collect)]
    #[collect(no_drop)]
    struct SlotPair<'gc> {
        left: Lock<Option<Gc<'gc, Pair>>>,
        right: Lock<Option<Gc<'gc, Pair>>>,
    }

    /// Calls `step` for batches of `objects` numbers, `collect` between them; returns the time.
    fn batches(objects: u64, mut step: impl FnMut(std::ops::Range<u64>)) -> Duration {
        let start = Instant::now();
        for first in (0..objects).step_by(BATCH as usize) {
            step(first..objects.min(first + BATCH));
        }
        start.elapsed()
    }

    pub(super) fn pairs(b: &mut criterion::Bencher<'_>) {
        let mut arena = Arena::<Rootable![Ring<'_, Pair>]>::new(|mc| Ring::new(mc, RING));
        b.iter_custom(|objects| {
            batches(objects, |range| {
                arena.mutate(|mc, ring| {
                    for i in range {
                        ring.set(mc, i as usize, Gc::new(mc, Pair { a: i, b: i + 1 }));
                    }
                });
                arena.collect_debt();
            })
        });
        let sum: u64 = arena.mutate(|_, ring| {
            let chunks = ring.chunks.iter();
            chunks
                .flat_map(|chunk| chunk.borrow().iter().flatten().map(|p| p.a ^ p.b).collect::<Vec<_>>())
                .sum()
        });
        std::hint::black_box(sum);
    }

    pub(super) fn slots(b: &mut criterion::Bencher<'_>) {
        let mut arena = Arena::<Rootable![Ring<'_, SlotPair<'_>>]>::new(|mc| Ring::new(mc, SLOT_RING));
        b.iter_custom(|objects| {
            batches(objects, |range| {
                arena.mutate(|mc, ring| {
                    for i in range {
                        let pair = SlotPair {
                            left: Lock::new(Some(ring.target)),
                            right: Lock::new(None),
                        };
                        ring.set(mc, i as usize, Gc::new(mc, pair));
                    }
                });
                arena.collect_debt();
            })
        });
        let empty = arena.mutate(|_, ring| {
            let first = ring.chunks[0].borrow()[0];
            first.is_some_and(|pair| pair.right.get().is_none() && pair.left.get().is_some())
        });
        std::hint::black_box(empty);
    }
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("allocation/pair_of_data");
    group.measurement_time(Duration::from_secs(1));
    group.bench_function("tenure", |b| tenure_data(b, tenure_pairs));
    group.bench_function("tenure_region", |b| tenure_data(b, tenure_pairs_region));
    group.bench_function("bumpalo_limit", |b| bump::<RING, _>(b, |i| (i, i + 1)));
    // As many bytes as an object of tenure takes, its header included.
    group.bench_function("bumpalo_with_header", |b| bump::<RING, _>(b, |i| (7u64, i, i + 1)));
    group.bench_function("gc_arena_peer", peer::pairs);
    group.finish();

    let mut group = c.benchmark_group("allocation/pair_of_slots");
    group.bench_function("tenure", tenure_slots);
    let target = (1u64, 2u64);
    group.bench_function("bumpalo_limit", |b| {
        bump::<SLOT_RING, _>(b, |_| {
            (
                std::cell::Cell::new(Some(black_box(&target))),
                std::cell::Cell::new(None::<&(u64, u64)>),
            )
        });
    });
    group.bench_function("gc_arena_peer", peer::slots);
    group.finish();
}
