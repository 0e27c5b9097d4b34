//! A long list of images, scrolled fast from its start to its end: what a loader costs that loads all that passes, and
//! what one that waits.
//!
//! The list is a column of items of equal height. Those within the viewport, and a little beyond, are *built* in each
//! frame: they ask for their images. Those that leave are disposed of. Images are real PNG and JPEG files that are really
//! decoded, a few per frame, on the calling thread. Somebody flings the list, again and again, rests at a few places to
//! look, and goes on ([`SimulationConfig::rests`]). Nothing depends on time or chance: a configuration and a
//! [`Strategy`] have one result.
//!
//! A frame takes time proportional to the built items and to what it decodes. Nothing is drawn; layout, uploads to the
//! graphics processor and networks are not simulated.
//!
//! ```
//! use tenure_resource::simulation::{NoSink, SimulationConfig, Strategy, run};
//!
//! let config = SimulationConfig::with_items(500);
//! let naive = run(&config, Strategy::naive(), &NoSink)?;
//! let deferred = run(&config, Strategy::Deferred, &NoSink)?;
//! assert_eq!(naive.checksum, deferred.checksum, "the same is seen in the end");
//! assert!(deferred.decodes < naive.decodes / 2);
//! # Ok::<(), tenure_resource::simulation::SimulationError>(())
//! ```

mod corpus;
mod fling;
mod items;
mod list;

use std::error::Error;
use std::fmt;

use crate::deferred::{DeferredStatistics, Viewport};
use crate::image_cache::{CacheLimits, ExternalBytesSink, ImageCacheStatistics};

pub use list::Simulation;

/// How the items of the list load their images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Each item decodes its image as soon as it is built, and nobody shares or limits anything. What an item held is
    /// garbage once it is gone, and is freed at the next collection.
    Naive {
        /// A collection happens when pixels have grown by this many bytes since the last. `None` leaves it to
        /// [`Simulation::collected`].
        collect_after_bytes: Option<usize>,
    },
    /// Items load at once, through an image cache.
    Cached,
    /// Items load through an image cache, unless the list scrolls fast.
    Deferred,
}

impl Strategy {
    /// The naive strategy beside a heap that collects after 64 MiB of external growth, as tenure's does.
    #[must_use]
    pub fn naive() -> Strategy {
        Strategy::Naive {
            collect_after_bytes: Some(tenure::policy::trigger::EXTERNAL_SOFT_BYTES),
        }
    }

    /// The naive strategy if nothing is ever collected, like a program that keeps its images in an array.
    #[must_use]
    pub fn naive_uncollected() -> Strategy {
        Strategy::Naive {
            collect_after_bytes: None,
        }
    }

    /// The name of the strategy.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Strategy::Naive {
                collect_after_bytes: Some(_),
            } => "naive",
            Strategy::Naive {
                collect_after_bytes: None,
            } => "naive-uncollected",
            Strategy::Cached => "cached",
            Strategy::Deferred => "deferred",
        }
    }
}

/// The list, the screen and the journey.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationConfig {
    /// Items of the list.
    pub items: usize,
    /// Height of an item.
    pub item_extent_px: u32,
    /// Width of the viewport.
    pub viewport_width_px: u32,
    /// Height of the viewport.
    pub viewport_height_px: u32,
    /// How far beyond the viewport items are built, on each side.
    pub cache_extent_px: u32,
    /// Places where the journey rests, the end of the list included. At least 1.
    pub rests: u32,
    /// How long it rests.
    pub rest_frames: u32,
    /// Images that are decoded in a frame at most.
    pub decodes_per_frame: usize,
    /// Different images; items share them in turn.
    pub different_images: usize,
    /// Limits of the cache, for the strategies that have one.
    pub cache_limits: CacheLimits,
}

impl Default for SimulationConfig {
    /// 10,000 items on a phone of 1080 × 1920 pixels, 3 to a logical one: items of 80 logical pixels, built within 250
    /// logical pixels beyond the viewport, as Flutter does by default. Eight rests of a second each. 8 images decoded per
    /// frame, which is twice what passes at full speed. A cache with the default limits.
    fn default() -> SimulationConfig {
        SimulationConfig {
            items: 10_000,
            item_extent_px: 240,
            viewport_width_px: 1080,
            viewport_height_px: 1920,
            cache_extent_px: 750,
            rests: 8,
            rest_frames: 60,
            decodes_per_frame: 8,
            different_images: 48,
            cache_limits: CacheLimits::default(),
        }
    }
}

impl SimulationConfig {
    /// The default with another number of items.
    #[must_use]
    pub fn with_items(items: usize) -> SimulationConfig {
        SimulationConfig {
            items,
            ..SimulationConfig::default()
        }
    }

    fn viewport(&self) -> Viewport {
        Viewport {
            width_px: f64::from(self.viewport_width_px),
            height_px: f64::from(self.viewport_height_px),
        }
    }

    fn check(&self) -> Result<(), SimulationError> {
        let numbers = [
            ("item_extent_px", u64::from(self.item_extent_px)),
            ("viewport_width_px", u64::from(self.viewport_width_px)),
            ("viewport_height_px", u64::from(self.viewport_height_px)),
            ("rests", u64::from(self.rests)),
            ("decodes_per_frame", self.decodes_per_frame as u64),
            ("different_images", self.different_images as u64),
        ];
        match numbers.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(SimulationError::Zero { name }),
            None => Ok(()),
        }
    }
}

/// Why a simulation cannot begin.
#[derive(Debug)]
#[non_exhaustive]
pub enum SimulationError {
    /// A number of the configuration is 0 that must be at least 1.
    Zero {
        /// The field's name.
        name: &'static str,
    },
    /// The images of the list could not be encoded.
    Images(image::ImageError),
}

impl fmt::Display for SimulationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero { name } => write!(f, "{name} is 0, at least 1 is accepted; leave it at its default"),
            Self::Images(_) => f.write_str("the images of the list could not be encoded"),
        }
    }
}

impl Error for SimulationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Images(error) => Some(error),
            Self::Zero { .. } => None,
        }
    }
}

/// What a journey cost.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationResult {
    /// How images were loaded.
    pub strategy: Strategy,
    /// Items of the list.
    pub items: usize,
    /// Frames of the journey.
    pub frames: u64,
    /// Items that were built.
    pub built_items: u64,
    /// Images that were decoded.
    pub decodes: u64,
    /// Bytes of their pixels, in all.
    pub decoded_bytes: u64,
    /// The most bytes of pixels at one time, whoever held them.
    pub peak_held_bytes: usize,
    /// Bytes of pixels at the end of the journey, before anything was dropped.
    pub end_held_bytes: usize,
    /// Collections of what items had held (naive only).
    pub collections: u64,
    /// Items in the viewport, summed over all frames.
    pub visible_item_frames: u64,
    /// Of these, those whose image was not there.
    pub blank_item_frames: u64,
    /// Of these, those in frames that were not fast: what somebody who looks could see.
    pub slow_blank_item_frames: u64,
    /// Items in the viewport at the end.
    pub visible_at_end: usize,
    /// A checksum of their pixels (FNV-1a, 64 bits). It is the same for every strategy that shows the same.
    pub checksum: u64,
    /// Counts of the cache, if there was one.
    pub cache: Option<ImageCacheStatistics>,
    /// Counts of the deferred loader, if there was one.
    pub deferred: Option<DeferredStatistics>,
}

impl SimulationResult {
    /// By how much this peak of held bytes is below that of another, in percent.
    #[must_use]
    pub fn percent_below(&self, other: &SimulationResult) -> f64 {
        if other.peak_held_bytes == 0 {
            return 0.0;
        }
        100.0 * (1.0 - self.peak_held_bytes as f64 / other.peak_held_bytes as f64)
    }
}

/// A sink that nobody listens to.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

impl ExternalBytesSink for NoSink {
    fn adjust_external_bytes(&self, _delta: isize) {}
}

/// Runs a whole journey. `sink` hears in each frame by how much the pixels have grown or shrunk; in the end all are freed,
/// so the sum of what it hears is 0. To do something between the frames, step a [`Simulation`].
///
/// # Errors
///
/// If the configuration has a 0 where there must be none.
pub fn run(
    config: &SimulationConfig,
    strategy: Strategy,
    sink: &(impl ExternalBytesSink + ?Sized),
) -> Result<SimulationResult, SimulationError> {
    let mut simulation = Simulation::new(config, strategy)?;
    while simulation.frame(sink) {}
    Ok(simulation.finish(sink))
}

/// An encoded PNG image of 64 × 64 pixels, for examples.
///
/// # Panics
///
/// Never: it is encoded into memory, from pixels of the right number.
#[must_use]
pub fn sample_png() -> Vec<u8> {
    corpus::encode(0).expect("an image encoded into memory")
}
