//! The simulated list: what the strategies cost, that they show the same, and that numbers come out the same each time.

use std::cell::Cell;

use tenure_resource::image_cache::{CacheLimits, ExternalBytesSink};
use tenure_resource::simulation::{
    NoSink, Simulation, SimulationConfig, SimulationError, SimulationResult, Strategy, run,
};

#[derive(Default)]
struct Total {
    bytes: Cell<isize>,
    peak_bytes: Cell<isize>,
}

impl ExternalBytesSink for Total {
    fn adjust_external_bytes(&self, delta: isize) {
        self.bytes.set(self.bytes.get() + delta);
        self.peak_bytes.set(self.peak_bytes.get().max(self.bytes.get()));
    }
}

fn of(config: &SimulationConfig, strategy: Strategy) -> SimulationResult {
    run(config, strategy, &NoSink).expect("a configuration without zeros")
}

#[test]
fn ten_thousand_images_flung_past_stay_far_below_the_naive_peak() {
    let config = SimulationConfig::default();
    let naive = of(&config, Strategy::naive());
    let deferred = of(&config, Strategy::Deferred);
    assert_eq!((naive.decodes, naive.built_items), (10_000, 10_000));
    assert!(
        naive.collections > 0,
        "the comparison is with a program whose garbage is collected"
    );
    assert!(deferred.percent_below(&naive) >= 70.0, "{deferred:?}\n{naive:?}");
    assert!(deferred.decodes * 20 < naive.decodes, "{}", deferred.decodes);
    assert_eq!(deferred.checksum, naive.checksum);
    assert_eq!(deferred.visible_at_end, 8);
    // Whoever looks sees images: what is blank at low speed is there a few frames later.
    assert!(
        deferred.slow_blank_item_frames * 200 < deferred.visible_item_frames,
        "{deferred:?}"
    );
}

#[test]
fn all_strategies_show_the_same_and_each_run_is_the_same() {
    let config = SimulationConfig::with_items(700);
    let all = [
        Strategy::naive(),
        Strategy::naive_uncollected(),
        Strategy::Cached,
        Strategy::Deferred,
    ];
    let results = all.map(|strategy| of(&config, strategy));
    for (strategy, result) in all.iter().zip(&results) {
        assert_eq!(*result, of(&config, *strategy), "{}", strategy.name());
        assert_eq!(
            (result.checksum, result.frames),
            (results[0].checksum, results[0].frames),
            "{}",
            strategy.name()
        );
    }
    let [naive, uncollected, cached, deferred] = results;
    assert_eq!((naive.decodes, uncollected.decodes, cached.decodes), (700, 700, 700));
    assert_eq!(uncollected.peak_held_bytes as u64, uncollected.decoded_bytes);
    assert!(deferred.peak_held_bytes < cached.peak_held_bytes);
    let counts = deferred.deferred.expect("a deferred loader");
    assert_eq!(
        counts.deferred,
        counts.served_later + counts.dropped,
        "nothing waits in the end"
    );
    assert_eq!(
        counts.requested,
        counts.found + counts.dropped + deferred.decodes,
        "each load is decoded once"
    );
}

#[test]
fn the_sink_hears_of_every_byte_and_in_the_end_of_none() {
    let config = SimulationConfig::with_items(300);
    for strategy in [Strategy::naive(), Strategy::Cached, Strategy::Deferred] {
        let total = Total::default();
        let result = run(&config, strategy, &total).unwrap();
        assert_eq!(total.bytes.get(), 0, "{}", strategy.name());
        assert_eq!(
            total.peak_bytes.get() as usize,
            result.peak_held_bytes,
            "nothing comes and goes within a frame"
        );
    }
}

#[test]
fn a_small_cache_bounds_what_is_held() {
    let config = SimulationConfig {
        cache_limits: CacheLimits {
            max_entries: 20,
            max_bytes: 1 << 20,
        },
        ..SimulationConfig::with_items(1000)
    };
    let cached = of(&config, Strategy::Cached);
    // What is built is held besides: at most 16 items of 64 KiB.
    assert!(cached.peak_held_bytes <= (1 << 20) + 16 * (64 << 10), "{cached:?}");
    assert!(cached.cache.expect("a cache").evictions > 900);
}

#[test]
fn the_embedder_may_collect_for_the_naive_items() {
    let config = SimulationConfig::with_items(400);
    let mut simulation = Simulation::new(&config, Strategy::naive_uncollected()).unwrap();
    let mut frames = 0;
    while simulation.frame(&NoSink) {
        frames += 1;
        simulation.collected();
    }
    let offset_px = simulation.offset_px();
    let result = simulation.finish(&NoSink);
    assert_eq!((result.collections, offset_px), (frames, 400.0 * 240.0 - 1920.0));
    assert!(result.peak_held_bytes < 2 << 20, "{result:?}");
}

#[test]
fn lists_of_any_length_end() {
    for items in [0, 1, 7, 8, 9, 40] {
        let result = of(&SimulationConfig::with_items(items), Strategy::Deferred);
        assert_eq!(result.visible_at_end, items.min(8), "{items}");
        assert_eq!(result.built_items, items as u64);
    }
}

#[test]
fn zeros_are_refused_by_name() {
    let config = SimulationConfig {
        item_extent_px: 0,
        ..SimulationConfig::default()
    };
    let error = run(&config, Strategy::Cached, &NoSink).unwrap_err();
    assert!(
        matches!(error, SimulationError::Zero { name: "item_extent_px" }),
        "{error}"
    );
}
