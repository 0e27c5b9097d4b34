//! Finalizers: files in a window, closed by whoever drains the queue.
//!
//! Each file owns a native resource and has a finalizer with one of three priorities. An operation opens a file in a
//! random place of the window, in place of another, which then dies. The queue is drained between stretches of
//! operations; every sixteenth file is kept once more by its finalizer and registered again, so it comes out twice. In the
//! end everything dies. Checks that each finalizer ran as often as it should, on the right object, and that each resource
//! was dropped exactly once.

use super::{Bench, Outcome, RunError, seconds};
use crate::measure::Laps;
use std::cell::Cell;
use std::rc::Rc;
use tenure::prelude::*;

/// Operations between two looks at the queue.
const STRETCH: u64 = 256;

/// One in so many files is kept once by its finalizer.
const KEPT_ONCE: u64 = 16;

/// What is counted when a resource is dropped.
#[derive(Default)]
struct Dropped {
    count: Cell<u64>,
    sum: Cell<u64>,
}

struct Descriptor {
    id: u64,
    dropped: Rc<Dropped>,
}

impl NativeResource for Descriptor {}

impl Drop for Descriptor {
    fn drop(&mut self) {
        self.dropped.count.set(self.dropped.count.get() + 1);
        self.dropped.sum.set(self.dropped.sum.get().wrapping_add(self.id));
    }
}

#[derive(Kind)]
struct File {
    id: u64,
    closed: Cell<bool>,
    descriptor: Native<Files, Descriptor>,
}

#[derive(Kind)]
#[tail(Slot<Opt<File>>)]
struct Window {}

#[derive(Roots)]
struct Roots {
    window: Root<Opt<Window>>,
    kept: Root<Opt<Window>>,
}

object_model! { model Files { roots: Roots, kinds: [File, Window] } }

const NO_MEMORY: RunError = RunError::OutOfMemory { doing: "opening files" };

fn open(h: &mut Heap<Files>, place: usize, id: u64, dropped: &Rc<Dropped>) -> Result<(), RunError> {
    h.safepoint();
    let h = &*h;
    let descriptor = Descriptor {
        id,
        dropped: Rc::clone(dropped),
    };
    let file = h
        .try_alloc::<File>(FileInit {
            id,
            closed: false,
            descriptor: h.adopt(descriptor, 64),
        })
        .map_err(|_| NO_MEMORY)?;
    h.register_finalizer(file, (id % 3) as u8);
    if let Some(window) = h.roots().window.get() {
        window.tail_set(h, place, Some(file));
    }
    Ok(())
}

/// What finalizers did.
#[derive(Default)]
struct Closed {
    runs: u64,
    sum: u64,
    kept: u64,
}

/// Closes the files whose finalizers are due.
fn drain(h: &Heap<Files>, closed: &mut Closed) -> Result<(), RunError> {
    while let Some(value) = h.next_finalizable() {
        let Some(file) = value.cast::<File>() else {
            return Err(RunError::Wrong("what came out of the queue is no file".to_owned()));
        };
        if file.descriptor().get(h).id != file.id() {
            return Err(RunError::Wrong(format!("file {} has another's descriptor", file.id())));
        }
        closed.runs += 1;
        closed.sum = closed.sum.wrapping_add(file.id());
        if file.id() % KEPT_ONCE == 0 && !file.closed() {
            // Kept for a while, and registered again.
            if let Some(kept) = h.roots().kept.get() {
                kept.tail_set(h, closed.kept as usize % kept.tail_len(), Some(file));
                closed.kept += 1;
            }
            h.register_finalizer(file, 0);
        }
        file.set_closed(h, true);
    }
    Ok(())
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let (window, operations) = (sizes[0], sizes[1]);
    let mut rng = bench.rng();
    let dropped = Rc::new(Dropped::default());
    let roots = RootsInit {
        window: None,
        kept: None,
    };
    let mut isolate = Isolate::<Files>::new(bench.config(), roots)?;
    isolate.enter(|h| {
        let watch = bench.start();
        for kept in [false, true] {
            let length = if kept { 64 } else { window as usize };
            let (region, new) = h
                .try_alloc_tail_zeroed_with::<Window, _>(length, |_| WindowInit {})
                .map_err(|_| NO_MEMORY)?;
            let root = if kept {
                &region.roots().kept
            } else {
                &region.roots().window
            };
            root.set(Some(new));
        }
        let mut closed = Closed::default();
        for id in 0..window {
            open(h, id as usize, id, &dropped)?;
        }
        let fill_s = seconds(watch.elapsed_ns());
        let mut laps = Laps::new();
        laps.start();
        for op in 0..operations {
            open(h, rng.index(window) as usize, window + op, &dropped)?;
            if op % STRETCH == STRETCH - 1 {
                drain(h, &mut closed)?;
            }
            laps.lap();
        }
        h.roots().window.set(None);
        // Once for those in the window, once for those that their finalizers keep, once for what came out last.
        for _ in 0..3 {
            h.roots().kept.set(None);
            h.collect();
            drain(h, &mut closed)?;
        }
        h.collect();
        let span = watch.stop(h, 0);
        let files = window + operations;
        let again = files.div_ceil(KEPT_ONCE);
        if closed.runs != files + again || dropped.count.get() != files {
            return Err(RunError::Wrong(format!(
                "of {files} files, {again} of them twice, {} were closed and {} dropped",
                closed.runs,
                dropped.count.get()
            )));
        }
        let check = format!(
            "finalizers window={window} ops={operations} closed={} sum={} dropped={} dropped_sum={}",
            closed.runs,
            closed.sum,
            dropped.count.get(),
            dropped.sum.get()
        );
        Ok(Outcome {
            check: vec![check],
            span,
            objects: Some(files),
            parts: vec![("fill_s", fill_s)],
            laps: Some(laps),
            ..Outcome::default()
        })
    })
}
