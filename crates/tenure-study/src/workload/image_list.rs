//! A long list of images that is scrolled fast: what the collector and a cache of pixels have to say to each other.
//!
//! Three loaders take the same journey through the list (`tenure_resource::simulation`), each beside a heap of its own.
//! Every built item is an object; the pixels that its image holds are external bytes of the heap. With the naive loader,
//! pixels go when a major collection finds their items dead; the cached one shares and limits them; the deferred one
//! does not load what flies past. Decoding is real. Checks that all three show the same in the end, and that the
//! deferred one's peak is at least 70 % below the naive one's.

use super::{Bench, Outcome, RunError};
use tenure::prelude::*;
use tenure_resource::simulation::{Simulation, SimulationConfig, SimulationResult, Strategy};

/// By how much the deferred loader's peak has to be below the naive one's, in percent, on journeys like the default.
const SAVED_PERCENT: f64 = 70.0;

/// Items that a journey must have for the bound to apply: on a short one, what is on the screen is much of the list.
const LONG_LIST: u64 = 2000;

#[derive(Kind)]
struct Item {
    place: u64,
    above: Slot<Opt<Item>>,
}

#[derive(Roots)]
struct Roots {
    screen: Root<Opt<Item>>,
}

object_model! { model List { roots: Roots, kinds: [Item] } }

/// Items that are built in a frame.
const BUILT_PER_FRAME: u64 = 16;

/// Goes the whole way, with a frame's objects and external bytes on the heap.
fn journey(h: &mut Heap<List>, config: &SimulationConfig, strategy: Strategy) -> Result<SimulationResult, RunError> {
    let mut simulation = Simulation::new(config, strategy).map_err(|error| RunError::Wrong(error.to_string()))?;
    let mut majors = h.statistics().major_collections;
    loop {
        let goes_on = simulation.frame(&*h);
        h.roots().screen.set(None);
        for place in 0..BUILT_PER_FRAME {
            let item = h
                .try_alloc_with::<Item, _>(|h| ItemInit {
                    place,
                    above: h.roots().screen.get(),
                })
                .map(|(region, item)| region.roots().screen.set(Some(item)));
            item.map_err(|_| RunError::OutOfMemory {
                doing: "building items of the list",
            })?;
        }
        let now = h.statistics().major_collections;
        if now != majors {
            simulation.collected();
            majors = now;
        }
        if !goes_on {
            return Ok(simulation.finish(&*h));
        }
    }
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let config = SimulationConfig {
        rests: sizes[1] as u32,
        ..SimulationConfig::with_items(sizes[0] as usize)
    };
    let mut isolate = Isolate::<List>::new(bench.config(), RootsInit { screen: None })?;
    isolate.enter(|h| {
        let watch = bench.start();
        let naive = journey(h, &config, Strategy::naive_uncollected())?;
        let cached = journey(h, &config, Strategy::Cached)?;
        let deferred = journey(h, &config, Strategy::Deferred)?;
        let span = watch.stop(h, 0);
        if naive.checksum != deferred.checksum || naive.checksum != cached.checksum {
            return Err(RunError::Wrong(
                "the loaders show different images in the end".to_owned(),
            ));
        }
        let saved = deferred.percent_below(&naive);
        if saved < SAVED_PERCENT && sizes[0] >= LONG_LIST && sizes[1] <= 8 {
            return Err(RunError::Wrong(format!(
                "the deferred loader's peak is {saved:.0} % below the naive one's, and was to be {SAVED_PERCENT} %"
            )));
        }
        let external = h.statistics().sizes.external_bytes;
        if external != 0 {
            return Err(RunError::Wrong(format!(
                "{external} bytes of pixels are counted when all are gone"
            )));
        }
        let check = format!(
            "image-list items={} rests={} frames={} naive={} cached={} deferred={} checksum={:016x}",
            sizes[0], sizes[1], deferred.frames, naive.decodes, cached.decodes, deferred.decodes, deferred.checksum
        );
        let mb = |result: &SimulationResult| result.peak_held_bytes as f64 / f64::from(1 << 20);
        Ok(Outcome {
            check: vec![check],
            span,
            parts: vec![
                ("naive_peak_mb", mb(&naive)),
                ("cached_peak_mb", mb(&cached)),
                ("deferred_peak_mb", mb(&deferred)),
                ("saved_percent", saved),
            ],
            ..Outcome::default()
        })
    })
}
