//! Buffers: packets in a window, filled and summed through views, and a linear memory that grows under old views.
//!
//! A packet is an object with an array buffer outside of the heap and a typed view of it. An operation puts a new packet
//! into a random place of the window, writes it through its view, and sums another; so buffers die all the time, and
//! their bytes are what asks for collections. Now and then the linear memory grows: the view that was made of it before
//! must then say that it is detached, and a slice that was copied out must still be there. Checks the sums, and that the
//! bytes of everything that died were given back.

use super::{Bench, Outcome, RunError, seconds};
use crate::measure::Laps;
use tenure::prelude::*;
use tenure_resource::buffer::{ArrayBuffer, Backing, BufferHeap, ElementType, TypedAccess, View, ViewObject};
use tenure_resource::linear_memory::LinearMemory;

/// Operations between two growths of the linear memory.
const GROWTH: u64 = 4096;

/// Pages after which the memory is freed and made anew.
const MAX_PAGES: u64 = 64;

#[derive(Kind)]
struct Packet {
    bytes: Native<Net, ArrayBuffer>,
}

#[derive(Kind)]
struct Words {
    view: Plain<View>,
    packet: Slot<Ref<Packet>>,
}

impl ViewObject for Words {
    type View = View;
    fn view(&self) -> View {
        self.view.0
    }
    fn backing<'h>(this: Gc<'h, Words>, heap: &'h Heap<Net>) -> &'h Backing {
        this.packet().bytes().get(heap)
    }
}

#[derive(Kind)]
#[tail(Slot<Opt<Words>>)]
struct Window {}

#[derive(Kind)]
struct Memory {
    pages: Native<Net, LinearMemory>,
}

#[derive(Roots)]
struct Roots {
    window: Root<Opt<Window>>,
    memory: Root<Opt<Memory>>,
}

object_model! { model Net { roots: Roots, kinds: [Packet, Words, Window, Memory] } }

const NO_MEMORY: RunError = RunError::OutOfMemory {
    doing: "making buffers",
};

fn wrong(error: impl std::fmt::Display) -> RunError {
    RunError::Wrong(error.to_string())
}

/// Puts a packet of `words` words, each holding `id`, into a place of the window.
fn receive(h: &mut Heap<Net>, place: usize, id: u64, words: usize) -> Result<(), RunError> {
    h.safepoint();
    let h = &*h;
    let buffer = ArrayBuffer::new(words * 4).map_err(|_| NO_MEMORY)?;
    let view = View::new(&buffer, ElementType::U32, 0, Some(words), id).map_err(wrong)?;
    let packet = h
        .try_alloc::<Packet>(PacketInit {
            bytes: h.adopt_buffer(buffer),
        })
        .map_err(|_| NO_MEMORY)?;
    let object = h
        .try_alloc::<Words>(WordsInit { view, packet })
        .map_err(|_| NO_MEMORY)?;
    object.elements::<u32>(h).map_err(wrong)?.fill(id as u32);
    if let Some(window) = h.roots().window.get() {
        window.tail_set(h, place, Some(object));
    }
    Ok(())
}

/// Returns the sum of the words of the packet in a place, which are all alike.
fn sum(h: &Heap<Net>, place: usize) -> Result<u64, RunError> {
    let words = h.roots().window.get().and_then(|window| window.tail_get(place));
    let Some(words) = words else {
        return Err(RunError::Wrong(format!("place {place} of the window is empty")));
    };
    let elements = words.elements::<u32>(h).map_err(wrong)?;
    Ok(elements.iter().map(u64::from).sum())
}

/// Makes a memory of one page, which holds `id` in its first word.
fn new_memory(h: &mut Heap<Net>, id: u64) -> Result<(), RunError> {
    h.safepoint();
    let h = &*h;
    let pages = LinearMemory::new(1, Some(MAX_PAGES)).map_err(wrong)?;
    pages.store::<u64>(0, id).map_err(wrong)?;
    let memory = h
        .try_alloc::<Memory>(MemoryInit {
            pages: h.adopt_buffer(pages),
        })
        .map_err(|_| NO_MEMORY)?;
    h.roots().memory.set(Some(memory));
    Ok(())
}

/// Returns the linear memory.
fn memory(h: &Heap<Net>) -> Option<&LinearMemory> {
    h.roots().memory.get().map(|memory| memory.pages().get(h))
}

/// Grows the memory by a page under a view and beside a slice. Returns what both say afterwards.
fn grow(h: &mut Heap<Net>, op: u64) -> Result<u64, RunError> {
    let no_memory = || RunError::Wrong("the linear memory is gone".to_owned());
    let (view, slice, pages) = {
        let pages = memory(&*h).ok_or_else(no_memory)?;
        let buffer = pages.buffer(op).map_err(wrong)?;
        let view = buffer.view(pages, ElementType::U64, 0, Some(1), op).map_err(wrong)?;
        let slice = buffer.slice(pages, 0..8).map_err(wrong)?;
        (view, slice, pages.pages())
    };
    if pages == MAX_PAGES {
        new_memory(h, op)?;
        return Ok(0);
    }
    let Some(_) = h.roots().memory.get() else {
        return Err(no_memory());
    };
    h.change_buffer(
        |h| h.roots().memory.get().expect("checked just above").pages(),
        |pages| pages.grow(1, op),
    )
    .map_err(wrong)?;
    let pages = memory(&*h).ok_or_else(no_memory)?;
    if view.get::<u64>(pages, 0).is_ok() {
        return Err(RunError::Wrong("a view outlived the growth of its memory".to_owned()));
    }
    let kept = slice.bytes().map_err(wrong)?[0].get();
    let now = pages.load::<u64>(0).map_err(wrong)? as u8;
    if kept != now {
        return Err(RunError::Wrong("growing changed the memory".to_owned()));
    }
    Ok(u64::from(kept) + pages.pages())
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let (window, operations, words) = (sizes[0], sizes[1], sizes[2] as usize);
    let mut rng = bench.rng();
    let roots = RootsInit {
        window: None,
        memory: None,
    };
    let mut isolate = Isolate::<Net>::new(bench.config(), roots)?;
    isolate.enter(|h| {
        let watch = bench.start();
        let (region, new) = h
            .try_alloc_tail_zeroed_with::<Window, _>(window as usize, |_| WindowInit {})
            .map_err(|_| NO_MEMORY)?;
        region.roots().window.set(Some(new));
        new_memory(h, 1)?;
        for id in 0..window {
            receive(h, id as usize, id, words)?;
        }
        let fill_s = seconds(watch.elapsed_ns());
        let (mut total, mut peak_bytes) = (0u64, 0);
        let mut laps = Laps::new();
        laps.start();
        for op in 0..operations {
            receive(h, rng.index(window) as usize, window + op, words)?;
            total = total.wrapping_add(sum(h, rng.index(window) as usize)?);
            if op % GROWTH == GROWTH - 1 {
                total = total.wrapping_add(grow(h, op)?);
                peak_bytes = peak_bytes.max(h.statistics().sizes.external_bytes);
            }
            laps.lap();
        }
        let span = watch.stop(h, 0);
        h.roots().window.set(None);
        h.roots().memory.set(None);
        h.collect();
        let left = h.statistics().sizes.external_bytes;
        if left != 0 {
            return Err(RunError::Wrong(format!(
                "{left} bytes are counted for buffers when all are dead"
            )));
        }
        let check = format!(
            "buffers window={window} ops={operations} words={words} rng={} sum={total}",
            bench.rng_kind()
        );
        Ok(Outcome {
            check: vec![check],
            span,
            objects: Some(2 * (window + operations)),
            parts: vec![
                ("fill_s", fill_s),
                ("peak_external_mb", peak_bytes as f64 / f64::from(1 << 20)),
            ],
            laps: Some(laps),
            ..Outcome::default()
        })
    })
}
