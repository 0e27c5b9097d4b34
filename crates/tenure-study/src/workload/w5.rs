//! W5, random graph: all objects live, then forced full collections.
//!
//! The objects hang on chunks of 65536 slots and point at random targets, so marking them jumps through memory.

use super::{Bench, Outcome, REGION_OBJECTS, RunError, seconds};
use std::time::Instant;
use tenure::prelude::*;

const CHUNK: u64 = 1 << 16;

#[derive(Kind)]
struct Object {
    id: u64,
    a: Slot<Opt<Object>>,
    b: Slot<Opt<Object>>,
    c: Slot<Opt<Object>>,
    d: Slot<Opt<Object>>,
}

#[derive(Kind)]
#[tail(Slot<Opt<Object>>)]
struct Chunk {}

#[derive(Kind)]
#[tail(Slot<Opt<Chunk>>)]
struct Directory {}

#[derive(Roots)]
struct Roots {
    directory: Root<Opt<Directory>>,
}

object_model! { model Graph { roots: Roots, kinds: [Object, Chunk, Directory] } }

const OUT_OF_MEMORY: RunError = RunError::OutOfMemory {
    doing: "building the graph",
};

fn directory(h: &Heap<Graph>) -> Gc<'_, Directory> {
    h.roots()
        .directory
        .get()
        .expect("the directory is stored before anything else")
}

fn chunk<'h>(directory: Gc<'h, Directory>, index: u64) -> Gc<'h, Chunk> {
    directory
        .tail_get(index as usize)
        .expect("chunks are allocated before they are used")
}

fn object<'h>(directory: Gc<'h, Directory>, id: u64) -> Option<Gc<'h, Object>> {
    chunk(directory, id / CHUNK).tail_get((id % CHUNK) as usize)
}

fn allocate(h: &mut Heap<Graph>, objects: u64) -> Result<(), RunError> {
    let chunks = objects.div_ceil(CHUNK);
    let (region, directory_) = h
        .try_alloc_tail_zeroed_with::<Directory, _>(chunks as usize, |_| DirectoryInit {})
        .map_err(|_| OUT_OF_MEMORY)?;
    region.roots().directory.set(Some(directory_));
    for index in 0..chunks {
        let ids = index * CHUNK..objects.min((index + 1) * CHUNK);
        let (region, fresh) = h
            .try_alloc_tail_zeroed_with::<Chunk, _>((ids.end - ids.start) as usize, |_| ChunkInit {})
            .map_err(|_| OUT_OF_MEMORY)?;
        directory(region).tail_set(region, index as usize, Some(fresh));
        for first in ids.clone().step_by(REGION_OBJECTS as usize) {
            h.safepoint();
            let h = &*h;
            let chunk = chunk(directory(h), index);
            for id in first..ids.end.min(first + REGION_OBJECTS) {
                let object = h
                    .try_alloc::<Object>(ObjectInit {
                        id,
                        a: None,
                        b: None,
                        c: None,
                        d: None,
                    })
                    .map_err(|_| OUT_OF_MEMORY)?;
                chunk.tail_set(h, (id % CHUNK) as usize, Some(object));
            }
        }
    }
    Ok(())
}

fn link(h: &Heap<Graph>, objects: u64, bench: &Bench) {
    let mut rng = bench.rng();
    let directory = directory(h);
    let mut pick = || object(directory, rng.index(objects));
    for from in (0..objects).filter_map(|id| object(directory, id)) {
        from.set_a(h, pick());
        from.set_b(h, pick());
        from.set_c(h, pick());
        from.set_d(h, pick());
    }
}

fn sum(h: &Heap<Graph>, objects: u64) -> u64 {
    let directory = directory(h);
    let id = |target: Option<Gc<'_, Object>>| target.map_or(0, |object| object.id());
    (0..objects)
        .filter_map(|id| object(directory, id))
        .map(|o| id(o.a()) + 3 * id(o.b()) + 5 * id(o.c()) + 7 * id(o.d()))
        .fold(0, u64::wrapping_add)
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let (objects, collections) = (sizes[0], sizes[1]);
    let mut isolate = Isolate::<Graph>::new(bench.config(), RootsInit { directory: None })?;
    isolate.enter(|h| {
        let watch = bench.start();
        allocate(h, objects)?;
        link(h, objects, bench);
        let build_ns = watch.elapsed_ns();
        let before = sum(h, objects);
        let checking_ns = watch.elapsed_ns() - build_ns;
        let full_ns = (0..collections)
            .map(|_| {
                let start = Instant::now();
                h.collect();
                start.elapsed().as_nanos() as u64
            })
            .collect();
        let span = watch.stop(h, checking_ns);
        let same = u32::from(sum(h, objects) == before);
        Ok(Outcome {
            check: vec![format!(
                "W5 n={objects} rng={} sum={before} same={same}",
                bench.rng_kind()
            )],
            span,
            parts: vec![("build_s", seconds(build_ns))],
            full_ns,
            full_objects: objects,
            ..Outcome::default()
        })
    })
}
