//! Scrolling by flings: each adds velocity, friction takes it away, and somebody who looks for something flings again
//! until the place is near.
//!
//! The physics are those of Flutter's friction simulation (13.5 % of the velocity is left after a second), computed frame
//! by frame with additions and multiplications alone, so that every machine gets the same numbers. A frame takes constant
//! time. It does not bounce: at its ends the list stops at once.

/// Frames per second.
pub(super) const FRAME_RATE: u64 = 60;
const FRAME_S: f64 = 1.0 / FRAME_RATE as f64;
/// 0.135 to the power of 1/60, written out because powers differ between machines in the last digit.
const KEPT_PER_FRAME: f64 = 0.967_176_114_974_160_1;
/// What one fling adds: the most that Flutter takes from a finger, 8000 logical pixels per second, at 3 pixels each.
const FLING_PX_S: f64 = 24_000.0;
/// What flings add up to at most; Flutter's limit for momentum that is carried on.
const MAX_PX_S: f64 = 40_000.0;
/// Frames from one fling to the next: four per second.
const FLING_FRAMES: u32 = 15;
/// Below this the list is at rest.
const REST_PX_S: f64 = 20.0;

/// A list on its way from the start to the end, with rests in between.
#[derive(Debug)]
pub(super) struct Journey {
    offset_px: f64,
    velocity_px_s: f64,
    max_offset_px: f64,
    legs: u32,
    /// Legs that are done.
    leg: u32,
    frames_since_fling: u32,
    rest_frames: u32,
    rested_frames: u32,
}

impl Journey {
    /// A journey over `max_offset_px` in `legs` parts (at least one), with a rest of `rest_frames` after each.
    pub(super) fn new(max_offset_px: f64, legs: u32, rest_frames: u32) -> Journey {
        Journey {
            offset_px: 0.0,
            velocity_px_s: 0.0,
            max_offset_px,
            legs: legs.max(1),
            leg: 0,
            frames_since_fling: FLING_FRAMES,
            rest_frames,
            rested_frames: 0,
        }
    }

    pub(super) fn offset_px(&self) -> f64 {
        self.offset_px
    }

    pub(super) fn velocity_px_s(&self) -> f64 {
        self.velocity_px_s
    }

    /// Advances by one frame. Returns whether the journey goes on.
    pub(super) fn advance(&mut self) -> bool {
        if self.leg >= self.legs {
            return false;
        }
        if self.wants_to_fling() {
            self.velocity_px_s = (self.velocity_px_s + FLING_PX_S).min(MAX_PX_S);
            self.frames_since_fling = 0;
        }
        self.frames_since_fling = self.frames_since_fling.saturating_add(1);
        self.offset_px += self.velocity_px_s * FRAME_S;
        self.velocity_px_s *= KEPT_PER_FRAME;
        if self.offset_px >= self.max_offset_px {
            self.offset_px = self.max_offset_px;
            self.velocity_px_s = 0.0;
        }
        if self.velocity_px_s < REST_PX_S {
            self.velocity_px_s = 0.0;
        }
        if self.velocity_px_s == 0.0 && !self.has_far_to_go() {
            self.rested_frames += 1;
            if self.rested_frames > self.rest_frames {
                self.rested_frames = 0;
                self.frames_since_fling = FLING_FRAMES;
                self.leg += 1;
            }
        }
        true
    }

    fn wants_to_fling(&self) -> bool {
        self.rested_frames == 0 && self.frames_since_fling >= FLING_FRAMES && self.has_far_to_go()
    }

    /// Whether it would come to rest before the end of the leg. The last leg goes through to the end.
    fn has_far_to_go(&self) -> bool {
        let is_last = self.leg + 1 >= self.legs;
        if is_last {
            return self.offset_px < self.max_offset_px;
        }
        let target_px = self.max_offset_px * f64::from(self.leg + 1) / f64::from(self.legs);
        let coasting_px = self.velocity_px_s * FRAME_S / (1.0 - KEPT_PER_FRAME);
        // One fling alone carries so far: less is not worth one.
        let fling_px = FLING_PX_S * FRAME_S / (1.0 - KEPT_PER_FRAME);
        self.offset_px + coasting_px + fling_px / 2.0 < target_px
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs to the end; returns frames, the greatest velocity, and how often it came to rest.
    fn run(mut journey: Journey) -> (u32, f64, u32, f64) {
        let (mut frames, mut fastest, mut rests, mut was_moving) = (0, 0f64, 0, false);
        let mut offset_px = 0.0;
        while journey.advance() {
            frames += 1;
            assert!(frames < 1_000_000, "{journey:?}");
            assert!(journey.offset_px() >= offset_px && journey.offset_px() <= journey.max_offset_px);
            offset_px = journey.offset_px();
            fastest = fastest.max(journey.velocity_px_s());
            let is_moving = journey.velocity_px_s() > 0.0;
            rests += u32::from(was_moving && !is_moving);
            was_moving = is_moving;
        }
        (frames, fastest, rests, offset_px)
    }

    #[test]
    fn it_rests_after_each_leg_and_ends_at_the_end() {
        let (_, fastest, rests, end_px) = run(Journey::new(1e6, 5, 10));
        assert_eq!((rests, end_px), (5, 1e6));
        assert!(fastest > 30_000.0 && fastest <= MAX_PX_S, "{fastest}");
    }

    #[test]
    fn a_list_that_fits_the_screen_only_rests() {
        let (frames, fastest, _, end_px) = run(Journey::new(0.0, 3, 10));
        assert_eq!((fastest, end_px), (0.0, 0.0));
        assert_eq!(frames, 33);
    }

    #[test]
    fn legs_shorter_than_a_fling_end_too() {
        let (_, _, _, end_px) = run(Journey::new(100.0, 50, 0));
        assert_eq!(end_px, 100.0);
        run(Journey::new(1.0, 0, 0));
    }

    #[test]
    fn friction_is_that_of_a_second() {
        let left: f64 = (0..FRAME_RATE).map(|_| KEPT_PER_FRAME).product();
        assert!((left - 0.135).abs() < 1e-12, "{left}");
    }
}
