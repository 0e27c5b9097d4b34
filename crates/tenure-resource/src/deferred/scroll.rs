//! How fast a view scrolls, and whether that is too fast to load what passes.
//!
//! The velocity is what the scrolling code says it is, or the average of the offsets that it reported in the last 100 ms.
//! Whoever stops reporting has stopped scrolling: no velocity outlives this window. A scroll defers loading while its
//! velocity is greater than the viewport's longest side per second, as in Flutter, or by a rule of the embedder's own.
//! Each call takes time proportional to the reports in the window.
//!
//! It does not scroll, and it predicts nothing: the answer is about this moment.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

/// How long a report counts. Long enough for two frames at 20 per second; shorter than what is seen as waiting.
const WINDOW_NS: u64 = 100_000_000;

/// The visible part of what is scrolled.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Viewport {
    /// Width in pixels.
    pub width_px: f64,
    /// Height in pixels.
    pub height_px: f64,
}

impl Viewport {
    /// The longer one of width and height.
    #[must_use]
    pub fn longest_side_px(&self) -> f64 {
        self.width_px.max(self.height_px)
    }
}

/// What a rule for deferring is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScrollMetrics {
    /// Pixels per second; negative towards the start.
    pub velocity_px_s: f64,
    /// The visible part.
    pub viewport: Viewport,
}

impl ScrollMetrics {
    /// Flutter's rule: in one second more passes than the longest side of the viewport. An unknown velocity (not a
    /// number) defers nothing.
    ///
    /// ```
    /// use tenure_resource::deferred::{ScrollMetrics, Viewport};
    ///
    /// let viewport = Viewport { width_px: 1080.0, height_px: 1920.0 };
    /// let fast = |velocity_px_s| ScrollMetrics { velocity_px_s, viewport }.is_fast();
    /// assert!(fast(-1921.0) && !fast(1920.0) && !fast(f64::NAN));
    /// ```
    #[must_use]
    pub fn is_fast(&self) -> bool {
        self.velocity_px_s.abs() > self.viewport.longest_side_px()
    }
}

type Rule = Rc<dyn Fn(&ScrollMetrics) -> bool>;

/// Where a view is scrolled to, as its scrolling code reports it. It is a handle: clones are the same view.
///
/// ```
/// use tenure_resource::deferred::{ScrollPosition, Viewport};
///
/// let scroll = ScrollPosition::new(Viewport { width_px: 400.0, height_px: 800.0 });
/// let ms = 1_000_000;
/// scroll.moved_to(0.0, 0);
/// scroll.moved_to(80.0, 20 * ms);
/// assert_eq!(scroll.metrics(20 * ms).velocity_px_s, 4000.0);
/// assert!(scroll.recommends_deferral(20 * ms));
/// // Nothing is heard of it any more: it has stopped.
/// assert!(!scroll.recommends_deferral(200 * ms));
/// ```
#[derive(Clone)]
pub struct ScrollPosition(Rc<Reports>);

struct Reports {
    viewport: Cell<Viewport>,
    /// Times in nanoseconds and offsets, oldest first.
    offsets: RefCell<VecDeque<(u64, f64)>>,
    /// Time and velocity, if the scrolling code knows it.
    velocity: Cell<Option<(u64, f64)>>,
    rule: RefCell<Rule>,
}

impl ScrollPosition {
    /// Makes a position at rest, with Flutter's rule ([`ScrollMetrics::is_fast`]).
    #[must_use]
    pub fn new(viewport: Viewport) -> ScrollPosition {
        ScrollPosition(Rc::new(Reports {
            viewport: Cell::new(viewport),
            offsets: RefCell::default(),
            velocity: Cell::new(None),
            rule: RefCell::new(Rc::new(ScrollMetrics::is_fast)),
        }))
    }

    /// Replaces the rule. It is asked for each request that waits, once per frame; it should only compare numbers.
    pub fn set_rule(&self, rule: impl Fn(&ScrollMetrics) -> bool + 'static) {
        let before = self.0.rule.replace(Rc::new(rule));
        drop(before);
    }

    /// Changes the visible part.
    pub fn set_viewport(&self, viewport: Viewport) {
        self.0.viewport.set(viewport);
    }

    /// Reports an offset that was reached by scrolling. The velocity follows from the offsets of the last 100 ms.
    pub fn moved_to(&self, offset_px: f64, now_ns: u64) {
        let mut offsets = self.0.offsets.borrow_mut();
        while (offsets.front()).is_some_and(|&(at_ns, _)| now_ns.saturating_sub(at_ns) > WINDOW_NS) {
            offsets.pop_front();
        }
        offsets.push_back((now_ns, offset_px));
        self.0.velocity.set(None);
    }

    /// Reports an offset that was reached by a jump, which is no scrolling.
    pub fn jumped_to(&self, offset_px: f64, now_ns: u64) {
        self.0.offsets.borrow_mut().clear();
        self.moved_to(offset_px, now_ns);
    }

    /// Reports a velocity that the scrolling code knows, such as that of a fling. It counts until the next report, for at
    /// most 100 ms.
    pub fn moving_at(&self, velocity_px_s: f64, now_ns: u64) {
        self.0.offsets.borrow_mut().clear();
        self.0.velocity.set(Some((now_ns, velocity_px_s)));
    }

    /// The velocity at a time, which should not be before that of the last report.
    #[must_use]
    pub fn metrics(&self, now_ns: u64) -> ScrollMetrics {
        ScrollMetrics {
            velocity_px_s: self.velocity_px_s(now_ns),
            viewport: self.0.viewport.get(),
        }
    }

    /// Whether loads should wait at this time.
    #[must_use]
    pub fn recommends_deferral(&self, now_ns: u64) -> bool {
        // The rule is called with nothing borrowed.
        let rule = Rc::clone(&self.0.rule.borrow());
        rule(&self.metrics(now_ns))
    }

    fn velocity_px_s(&self, now_ns: u64) -> f64 {
        if let Some((at_ns, velocity_px_s)) = self.0.velocity.get() {
            let is_recent = now_ns.saturating_sub(at_ns) <= WINDOW_NS;
            return if is_recent { velocity_px_s } else { 0.0 };
        }
        let offsets = self.0.offsets.borrow();
        let Some(&(last_ns, last_px)) = offsets.back() else {
            return 0.0;
        };
        let now_ns = now_ns.max(last_ns);
        let oldest = offsets
            .iter()
            .find(|&&(at_ns, _)| now_ns - at_ns.min(now_ns) <= WINDOW_NS);
        match oldest {
            // Since the last report it has moved nowhere, so the average over the time until now falls.
            Some(&(first_ns, first_px)) if first_ns < now_ns => {
                (last_px - first_px) / ((now_ns - first_ns) as f64 / 1e9)
            }
            _ => 0.0,
        }
    }
}

impl fmt::Debug for ScrollPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScrollPosition")
            .field("viewport", &self.0.viewport)
            .field("offsets", &self.0.offsets)
            .field("velocity", &self.0.velocity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn scroll() -> ScrollPosition {
        ScrollPosition::new(Viewport {
            width_px: 100.0,
            height_px: 50.0,
        })
    }

    #[test]
    fn the_average_of_the_window_falls_after_the_last_report() {
        let scroll = scroll();
        for step in 0..=10 {
            scroll.moved_to(f64::from(step) * 10.0, u64::from(step as u32) * 10 * MS);
        }
        assert_eq!(scroll.metrics(100 * MS).velocity_px_s, 1000.0);
        let later = scroll.metrics(150 * MS).velocity_px_s;
        assert!(later > 0.0 && later < 1000.0, "{later}");
        assert_eq!(scroll.metrics(201 * MS).velocity_px_s, 0.0);
    }

    #[test]
    fn reports_of_one_moment_are_no_velocity() {
        let scroll = scroll();
        scroll.moved_to(0.0, 5);
        scroll.moved_to(1e6, 5);
        assert_eq!(scroll.metrics(5).velocity_px_s, 0.0);
    }

    #[test]
    fn a_jump_is_no_scrolling() {
        let scroll = scroll();
        scroll.moved_to(0.0, 0);
        scroll.jumped_to(1e6, 10 * MS);
        assert!(!scroll.recommends_deferral(10 * MS));
        scroll.moved_to(1e6 + 1.0, 20 * MS);
        assert_eq!(scroll.metrics(20 * MS).velocity_px_s, 100.0);
    }

    #[test]
    fn a_known_velocity_counts_until_the_next_report() {
        let scroll = scroll();
        scroll.moving_at(-101.0, 0);
        assert!(scroll.recommends_deferral(100 * MS));
        assert!(!scroll.recommends_deferral(101 * MS));
        scroll.moving_at(100.0, 102 * MS);
        assert!(
            !scroll.recommends_deferral(102 * MS),
            "exactly one side per second is not fast"
        );
        scroll.moving_at(500.0, 103 * MS);
        scroll.moved_to(0.0, 104 * MS);
        assert!(!scroll.recommends_deferral(104 * MS));
    }

    #[test]
    fn a_time_before_the_reports_is_answered() {
        let scroll = scroll();
        scroll.moved_to(0.0, 50 * MS);
        scroll.moved_to(10.0, 60 * MS);
        assert_eq!(scroll.metrics(0).velocity_px_s, 1000.0);
        scroll.moved_to(10.0, 0);
        assert!(scroll.metrics(0).velocity_px_s.is_finite());
    }

    #[test]
    fn the_rule_can_be_the_embedders() {
        let scroll = scroll();
        let inner = scroll.clone();
        scroll.set_rule(move |metrics| {
            // A rule may use the position, and even replace itself.
            inner.set_rule(|_| false);
            metrics.velocity_px_s == 0.0
        });
        assert!(scroll.recommends_deferral(0));
        assert!(!scroll.recommends_deferral(0));
    }

    #[test]
    fn old_reports_are_forgotten() {
        let scroll = scroll();
        for step in 0..10_000 {
            scroll.moved_to(0.0, step * MS);
        }
        assert!(scroll.0.offsets.borrow().len() <= 102);
    }
}
