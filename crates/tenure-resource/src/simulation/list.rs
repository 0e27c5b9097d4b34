//! The list itself: which items are built and which are visible in each frame, and what is counted of it.
//!
//! Items are a sliding window over the indices, kept in a deque: a frame takes off what has left at one end and builds
//! what has come at the other, in time proportional to the change. It does not draw.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use crate::image_cache::ExternalBytesSink;

use super::corpus::Corpus;
use super::fling::{FRAME_RATE, Journey};
use super::items::{Item, Items};
use super::{SimulationConfig, SimulationError, SimulationResult, Strategy};

/// A journey through the list, frame by frame.
///
/// ```
/// use tenure_resource::simulation::{NoSink, Simulation, SimulationConfig, Strategy};
///
/// let mut simulation = Simulation::new(&SimulationConfig::with_items(50), Strategy::naive_uncollected())?;
/// while simulation.frame(&NoSink) {
///     // A program with a heap would run here, and say when a major collection has found the garbage.
///     if simulation.held_bytes() > 1 << 20 {
///         simulation.collected();
///     }
/// }
/// assert!(simulation.finish(&NoSink).collections > 0);
/// # Ok::<(), tenure_resource::simulation::SimulationError>(())
/// ```
pub struct Simulation {
    config: SimulationConfig,
    strategy: Strategy,
    journey: Journey,
    items: Items,
    /// The built items, and the index of the first.
    built: VecDeque<Item>,
    first_index: usize,
    frame: u64,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    built_items: u64,
    visible_item_frames: u64,
    blank_item_frames: u64,
    slow_blank_item_frames: u64,
}

impl Simulation {
    /// Prepares a journey; makes the images of the list.
    ///
    /// # Errors
    ///
    /// If the configuration has a 0 where there must be none.
    pub fn new(config: &SimulationConfig, strategy: Strategy) -> Result<Simulation, SimulationError> {
        config.check()?;
        let corpus = Corpus::new(config.different_images).map_err(SimulationError::Images)?;
        let content_px = config.items as f64 * f64::from(config.item_extent_px);
        let max_offset_px = (content_px - f64::from(config.viewport_height_px)).max(0.0);
        Ok(Simulation {
            journey: Journey::new(max_offset_px, config.rests, config.rest_frames),
            items: Items::new(strategy, corpus, config.viewport(), config.cache_limits),
            config: config.clone(),
            strategy,
            built: VecDeque::new(),
            first_index: 0,
            frame: 0,
            counts: Counts::default(),
        })
    }

    /// Runs one frame, and tells `sink` by how much the pixels have grown or shrunk. Returns whether the journey goes on.
    pub fn frame(&mut self, sink: &(impl ExternalBytesSink + ?Sized)) -> bool {
        if !self.journey.advance() {
            return false;
        }
        self.frame += 1;
        let now_ns = self.frame * 1_000_000_000 / FRAME_RATE;
        self.items.begin_frame(self.journey.velocity_px_s(), now_ns);
        self.build();
        self.items.end_frame(self.config.decodes_per_frame);
        self.count(now_ns);
        self.items.ledger().sync(sink);
        true
    }

    /// Says that a collection has found what items held that are gone (naive strategy).
    pub fn collected(&mut self) {
        self.items.collect();
    }

    /// Bytes of pixels now, whoever holds them.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.items.ledger().held_bytes()
    }

    /// The offset of the viewport now.
    #[must_use]
    pub fn offset_px(&self) -> f64 {
        self.journey.offset_px()
    }

    /// Ends the journey where it is, frees everything, tells `sink`, and returns what it cost.
    pub fn finish(self, sink: &(impl ExternalBytesSink + ?Sized)) -> SimulationResult {
        let decodes = self.items.decodes();
        let statistics = self.items.statistics();
        let visible = self.visible();
        let ledger = self.items.ledger().clone();
        let result = SimulationResult {
            strategy: self.strategy,
            items: self.config.items,
            frames: self.frame,
            built_items: self.counts.built_items,
            decodes: decodes.decoded,
            decoded_bytes: decodes.decoded_bytes,
            peak_held_bytes: ledger.peak_bytes(),
            end_held_bytes: ledger.held_bytes(),
            collections: self.items.collections(),
            visible_item_frames: self.counts.visible_item_frames,
            blank_item_frames: self.counts.blank_item_frames,
            slow_blank_item_frames: self.counts.slow_blank_item_frames,
            visible_at_end: visible.len(),
            checksum: self.checksum(visible),
            cache: statistics.map(|(cache, _)| cache),
            deferred: statistics.map(|(_, deferred)| deferred),
        };
        drop(self);
        ledger.sync(sink);
        result
    }

    /// The items that lie at least partly within the viewport, widened by `beyond_px` on each side.
    fn indices(&self, beyond_px: u32) -> Range<usize> {
        let extent_px = f64::from(self.config.item_extent_px);
        let (offset_px, beyond_px) = (self.journey.offset_px(), f64::from(beyond_px));
        let first = ((offset_px - beyond_px).max(0.0) / extent_px) as usize;
        let end_px = offset_px + f64::from(self.config.viewport_height_px) + beyond_px;
        let end = ((end_px / extent_px).ceil() as usize).min(self.config.items);
        first.min(end)..end
    }

    fn visible(&self) -> Range<usize> {
        self.indices(0)
    }

    fn build(&mut self) {
        let wanted = self.indices(self.config.cache_extent_px);
        while self.first_index < wanted.start {
            if let Some(item) = self.built.pop_front() {
                self.items.dispose(item);
                self.first_index += 1;
            } else {
                self.first_index = wanted.start;
            }
        }
        while self.first_index + self.built.len() < wanted.end {
            let item = self.items.build(self.first_index + self.built.len());
            self.built.push_back(item);
            self.counts.built_items += 1;
        }
    }

    fn count(&mut self, now_ns: u64) {
        let visible = self.visible();
        let blank = visible
            .clone()
            .filter(|&index| self.item(index).is_none_or(|item| item.image().is_none()))
            .count();
        self.counts.visible_item_frames += visible.len() as u64;
        self.counts.blank_item_frames += blank as u64;
        if !self.items.is_fast(now_ns) {
            self.counts.slow_blank_item_frames += blank as u64;
        }
    }

    fn item(&self, index: usize) -> Option<&Item> {
        self.built.get(index.checked_sub(self.first_index)?)
    }

    fn checksum(&self, visible: Range<usize>) -> u64 {
        let mut hash = Fnv::default();
        for index in visible {
            hash.write(&(index as u64).to_le_bytes());
            if let Some(image) = self.item(index).and_then(Item::image) {
                hash.write(&image.width_px().to_le_bytes());
                hash.write(image.rgba());
            }
        }
        hash.0
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("strategy", &self.strategy)
            .field("frame", &self.frame)
            .field("offset_px", &self.offset_px())
            .finish_non_exhaustive()
    }
}

/// FNV-1a: the same on every machine, and nobody attacks it here.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
