//! Memory that objects hold outside of the heap: a count, which starts and drives collections.
//!
//! What counts is the growth since the last major collection, without what is known to be dead and waits to be released:
//! that is no reason to collect, and must not hide new growth either. Constant time for each change. Whoever holds the
//! memory says how much it is; nothing is measured.

use tenure_events::Decision;

use crate::core::{Core, Inner};

impl Core {
    /// Counts bytes that objects of this heap hold elsewhere. Much growth starts a major collection at the next
    /// collecting allocation.
    pub fn adjust_external_bytes(&self, delta: isize) {
        let inner = self.inner();
        inner.external_bytes = inner.external_bytes.saturating_add_signed(delta);
        inner.external_low_bytes = inner.external_low_bytes.min(inner.held_external_bytes());
        let grown = inner.external_growth_bytes() > tenure_policy::trigger::EXTERNAL_SOFT_BYTES;
        // A cycle that is under way is what the growth asks for.
        if grown && inner.cycle.is_none() {
            self.request_safepoint();
        }
        // A program that allocates little but outside of the heap would never come to the next slice. What is given back
        // meanwhile is no progress of the cycle.
        inner.external_since_slice_bytes = inner.external_since_slice_bytes.saturating_add(delta.max(0) as usize);
        if inner.cycle.is_none() || inner.external_since_slice_bytes < inner.config.settings.mark_step_bytes {
            return;
        }
        if !self.has_slices() {
            // Everything is marked, and the last pause waits for a minor collection.
            inner.minor_requested = true;
            self.request_safepoint();
        } else if self.window.limit.get() > 0 {
            let top = self.window.top.get();
            self.window.limit.set(self.window.limit.get().min(top));
        }
    }
}

impl Inner {
    /// Returns the external memory of what is not known to be dead. What waits to be released is no reason to collect, and
    /// must not hide one either.
    pub(crate) fn held_external_bytes(&self) -> usize {
        self.external_bytes.saturating_sub(self.watched.natives.dead_bytes())
    }

    /// Returns by how much external memory has grown since the last major collection.
    pub(crate) fn external_growth_bytes(&self) -> usize {
        self.held_external_bytes().saturating_sub(self.external_low_bytes)
    }

    /// Says what became of the external memory for which a collection ran. Another one for it comes after as much growth,
    /// whatever this one found.
    pub(crate) fn external_decision(&self) -> Decision {
        let dead_bytes = self.watched.natives.dead_bytes();
        Decision {
            subject: "external memory",
            value: self.held_external_bytes() as u64,
            unit: "bytes",
            reason: if dead_bytes > 0 {
                "resources of dead objects are released after the pause"
            } else {
                "nothing that died owned any: collected for again after as much growth"
            },
        }
    }
}
