//! W4, message window: a ring of buffers of 1 KiB, each operation replaces the oldest.
//!
//! The ring is one array of slots, larger than the nursery takes, so every store goes through the barrier into old memory.

use super::{Bench, Outcome, RunError};
use crate::measure::Laps;
use tenure::prelude::*;

const BUFFER_BYTES: usize = 1024;

#[derive(Kind)]
#[tail(u8)]
struct Buffer {}

#[derive(Kind)]
#[tail(Slot<Opt<Buffer>>)]
struct Ring {}

#[derive(Roots)]
struct Roots {
    ring: Root<Opt<Ring>>,
}

object_model! { model Messages { roots: Roots, kinds: [Buffer, Ring] } }

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let (window, messages) = (sizes[0], sizes[1]);
    let mut isolate = Isolate::<Messages>::new(bench.config(), RootsInit { ring: None })?;
    isolate.enter(|h| {
        let watch = bench.start();
        let (region, ring) = h
            .try_alloc_tail_zeroed_with::<Ring, _>(window as usize, |_| RingInit {})
            .map_err(|_| RunError::OutOfMemory {
                doing: "allocating the ring",
            })?;
        region.roots().ring.set(Some(ring));
        let mut laps = Laps::new();
        laps.start();
        for message in 0..messages {
            let contents = [message as u8; BUFFER_BYTES];
            let (h, buffer) = h
                .try_alloc_slice_with::<Buffer, _>(|_| BufferInit {}, &contents)
                .map_err(|_| RunError::OutOfMemory {
                    doing: "allocating a message",
                })?;
            if let Some(ring) = h.roots().ring.get() {
                ring.tail_set(h, (message % window) as usize, Some(buffer));
            }
            laps.lap();
        }
        let span = watch.stop(h, 0);
        let (mut sum, mut bytes) = (0, 0);
        for buffer in h
            .roots()
            .ring
            .get()
            .iter()
            .flat_map(|ring| ring.tail())
            .filter_map(|slot| slot.get())
        {
            sum += u64::from(buffer.tail()[0].get()) + u64::from(buffer.tail()[BUFFER_BYTES - 1].get());
            bytes += buffer.tail_len() as u64;
        }
        let check = format!("W4 w={window} ops={messages} sum={sum} bytes={bytes}");
        Ok(Outcome {
            check: vec![check],
            span,
            objects: Some(messages),
            laps: Some(laps),
            ..Outcome::default()
        })
    })
}
