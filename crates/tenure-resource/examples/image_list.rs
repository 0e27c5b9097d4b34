//! A list of images scrolled fast, with each way of loading them: `cargo run -p tenure-resource --example image_list`.
//!
//! Arguments, all optional: the number of items (10000), and the number of places where the journey rests (8).
#![forbid(unsafe_code)]

use std::error::Error;

use tenure_resource::simulation::{NoSink, SimulationConfig, Strategy, run};

const MIB: f64 = (1 << 20) as f64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = SimulationConfig::default();
    let mut arguments = std::env::args().skip(1);
    if let Some(items) = arguments.next() {
        config.items = items.parse().map_err(|_| format!("`{items}` is no number of items"))?;
    }
    if let Some(rests) = arguments.next() {
        config.rests = rests.parse().map_err(|_| format!("`{rests}` is no number of rests"))?;
    }
    let naive = run(&config, Strategy::naive(), &NoSink)?;
    println!(
        "{} items, {} frames, {} rests, {} visible in the end\n",
        naive.items, naive.frames, config.rests, naive.visible_at_end
    );
    println!("strategy            decodes  decoded MiB  peak MiB  below naive  end MiB  blank  slow blank  checksum");
    let others = [Strategy::naive_uncollected(), Strategy::Cached, Strategy::Deferred];
    let results = others.map(|strategy| run(&config, strategy, &NoSink));
    for result in std::iter::once(Ok(naive.clone())).chain(results) {
        let result = result?;
        let percent_blank = |frames: u64| 100.0 * frames as f64 / result.visible_item_frames.max(1) as f64;
        println!(
            "{:<18} {:>8} {:>12.1} {:>9.2} {:>10.1} % {:>8.2} {:>4.1} % {:>9.2} %  {:016x}",
            result.strategy.name(),
            result.decodes,
            result.decoded_bytes as f64 / MIB,
            result.peak_held_bytes as f64 / MIB,
            result.percent_below(&naive),
            result.end_held_bytes as f64 / MIB,
            percent_blank(result.blank_item_frames),
            percent_blank(result.slow_blank_item_frames),
            result.checksum,
        );
    }
    Ok(())
}
