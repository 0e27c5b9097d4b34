//! The two halves of the nursery: which is active, how large they are, how far they may spill.
//!
//! ```text
//! half: | capacity              | spill          | slack + room for appended hashes |   uncommitted ...
//!       start                   limit            hard                              committed end
//! ```
//!
//! Both halves always have the same pages committed, so that survivors have room whatever the active half holds
//! (NUR-ROOM). Changing the size costs a system call. The halves do not know what lies in them.

use tenure_memory::{Cage, PAGE_BYTES, PageError, Range, round_up};

/// What the room for hashes grows by.
const HASH_STEP_BYTES: usize = 64 << 10;

/// The nursery's halves.
///
/// Invariant (NUR-BUMP): `start <= top <= hard + slack` in the active half.
/// Invariant (NUR-ROOM): the reserve half has pages for everything the active half holds plus one word for each object
/// whose hash is to be appended.
/// Invariant (NUR-EMPTY): between collections no slot refers into the reserve half.
#[derive(Debug)]
pub struct Nursery {
    active: usize,
    capacity_bytes: usize,
    spill_bytes: usize,
    slack_bytes: usize,
    committed_bytes: usize,
    pending_hashes: usize,
    flips: u64,
}

impl Nursery {
    /// Commits both halves for `capacity_bytes`. `slack_bytes` beyond the limit are always writable.
    ///
    /// # Errors
    ///
    /// When there are no pages.
    pub fn new(cage: &mut Cage, capacity_bytes: usize, slack_bytes: usize) -> Result<Nursery, PageError> {
        let mut nursery = Nursery {
            active: 0,
            capacity_bytes,
            spill_bytes: 0,
            slack_bytes,
            committed_bytes: 0,
            pending_hashes: 0,
            flips: 0,
        };
        nursery.commit(cage, nursery.needed(capacity_bytes, 0))?;
        Ok(nursery)
    }

    /// Returns the bytes that one half of `capacity_bytes` with `spill_bytes` takes.
    fn needed(&self, capacity_bytes: usize, spill_bytes: usize) -> usize {
        let used = capacity_bytes + spill_bytes;
        round_up(
            used + self.slack_bytes + Self::hash_room(used).max(self.pending_hashes * 8),
            PAGE_BYTES,
        )
    }

    const fn hash_room(used_bytes: usize) -> usize {
        used_bytes / 16
    }

    fn commit(&mut self, cage: &mut Cage, bytes: usize) -> Result<(), PageError> {
        if bytes > cage.half(0).bytes() {
            return Err(PageError::new(bytes, "the nursery's address space is used up"));
        }
        if bytes > self.committed_bytes {
            for half in 0..2 {
                let start = cage.half(half).start;
                cage.commit(start + self.committed_bytes, start + bytes)?;
            }
            self.committed_bytes = bytes;
        }
        Ok(())
    }

    /// Changes the capacity. The halves are uncommitted beyond it when nothing lies there, unless their pages are to be
    /// kept: giving them back takes as long as a short minor collection.
    ///
    /// # Errors
    ///
    /// When there are no pages; the capacity is then as it was.
    pub fn set_capacity(
        &mut self,
        cage: &mut Cage,
        capacity_bytes: usize,
        used_bytes: usize,
        keep_pages: bool,
    ) -> Result<(), PageError> {
        let needed = self.needed(capacity_bytes, 0);
        self.commit(cage, needed)?;
        if needed < self.committed_bytes && used_bytes <= capacity_bytes && !keep_pages {
            for half in 0..2 {
                let start = cage.half(half).start;
                cage.decommit(start + needed, start + self.committed_bytes);
            }
            self.committed_bytes = needed;
        }
        self.capacity_bytes = capacity_bytes;
        Ok(())
    }

    /// Lets the active half grow by `bytes` beyond its limit until the next collection.
    ///
    /// # Errors
    ///
    /// When there are no pages or no address space; nothing is changed then.
    pub fn extend_spill(&mut self, cage: &mut Cage, bytes: usize) -> Result<(), PageError> {
        self.commit(cage, self.needed(self.capacity_bytes, self.spill_bytes + bytes))?;
        self.spill_bytes += bytes;
        Ok(())
    }

    /// Sets the spill to what survived beyond the capacity: after a collection, when `used_bytes` are in the active half.
    ///
    /// # Errors
    ///
    /// When there are no pages for that. The window then ends early enough that its slack is there still.
    pub fn end_spill(&mut self, cage: &mut Cage, used_bytes: usize) -> Result<(), PageError> {
        let spill = round_up(used_bytes.saturating_sub(self.capacity_bytes), PAGE_BYTES);
        let committed = self.commit(cage, self.needed(self.capacity_bytes, spill));
        let most = self
            .committed_bytes
            .saturating_sub(self.slack_bytes + self.capacity_bytes);
        self.spill_bytes = spill.min(most);
        committed
    }

    /// Returns whether there is room for one more hash word.
    #[must_use]
    #[inline]
    pub fn has_hash_room(&self) -> bool {
        let window = self.capacity_bytes + self.spill_bytes + self.slack_bytes;
        self.pending_hashes < self.committed_bytes.saturating_sub(window) / 8
    }

    /// Makes room for more hash words.
    ///
    /// # Errors
    ///
    /// When there are no pages or no address space; nothing is changed then.
    pub fn extend_hash_room(&mut self, cage: &mut Cage) -> Result<(), PageError> {
        self.commit(cage, self.committed_bytes + HASH_STEP_BYTES)
    }

    /// Notes that one more object wants a hash word at its next move. There must be room for it.
    #[inline]
    pub fn reserve_hash(&mut self) {
        debug_assert!(self.has_hash_room(), "NUR-ROOM");
        self.pending_hashes += 1;
    }

    /// Checks that the reserve half has room for `used_bytes` and the hashes to be appended.
    ///
    /// # Panics
    ///
    /// When it has not: NUR-ROOM is broken.
    pub fn check_room(&self, used_bytes: usize) {
        assert!(used_bytes + self.pending_hashes * 8 <= self.committed_bytes, "NUR-ROOM");
    }

    /// Returns the salt of hashes that are taken of objects in the active half: its addresses are used again after each
    /// collection, and their hashes are not to be.
    #[must_use]
    #[inline]
    pub fn hash_salt(&self) -> u64 {
        self.flips + 1
    }

    /// Exchanges the halves' roles.
    pub fn flip(&mut self) {
        self.active ^= 1;
        self.flips += 1;
        self.pending_hashes = 0;
    }

    /// Returns the active half's address space.
    #[must_use]
    #[inline]
    pub fn active(&self, cage: &Cage) -> Range {
        cage.half(self.active)
    }

    /// Returns the reserve half's address space.
    #[must_use]
    #[inline]
    pub fn reserve(&self, cage: &Cage) -> Range {
        cage.half(self.active ^ 1)
    }

    /// Returns the capacity of one half: what the mutator may fill before a minor collection.
    #[must_use]
    #[inline]
    pub fn capacity_bytes(&self) -> usize {
        self.capacity_bytes
    }

    /// Returns how far the active half may be filled beyond its capacity until the next collection.
    #[must_use]
    #[inline]
    pub fn spill_bytes(&self) -> usize {
        self.spill_bytes
    }

    /// Returns the bytes committed in each half.
    #[must_use]
    #[inline]
    pub fn committed_half_bytes(&self) -> usize {
        self.committed_bytes
    }
}
