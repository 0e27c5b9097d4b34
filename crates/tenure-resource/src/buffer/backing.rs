//! Bytes outside of the heap that views see, and the eras in which they see them.
//!
//! A [`Backing`] is a `Vec<Cell<u8>>`: several views read and write it while the heap is borrowed as shared, and its
//! length changes under a mutable borrow only, so what a region has borrowed stays. Time is divided into *eras*: one
//! ends whenever views lose their bytes, and a view works in the era that it was made in, which is one compare. The ends
//! are kept, at most [`HISTORY_MAX`] of them, so that a late view learns what happened.
//!
//! Making `n` bytes costs a call of the allocator, and for large `n` no page is touched, since the system gives zeros.
//! Growing by `d` touches the lesser of `d` and the length before. What is no longer wanted is put aside and given back in pieces
//! ([`Unwanted`]). A backing does not know which object owns it, nor the heap.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;

use zerocopy::{FromZeros, IntoBytes};

use super::bytes;
use super::error::{DetachedBy, Detachment, NoMemory, Origin, Resize};
use super::unwanted::{Bytes, Unwanted};

/// Ends of eras that a backing remembers: 12 KiB at most. A program whose memory grows more often gets the last
/// possible growth instead of the exact one for views older than that.
const HISTORY_MAX: usize = 256;

/// What an operation gives back at once of what it no longer needs: a quarter of a millisecond with pages of 4 KiB.
pub(crate) const PIECE_BYTES: usize = 4 << 20;

/// Unused capacity below this is kept: giving it back would cost a copy in small allocations, and save little.
const EXCESS_KEPT_BYTES: usize = 64 << 10;

/// The bytes of an [`ArrayBuffer`](super::ArrayBuffer) or a [`LinearMemory`](crate::linear_memory::LinearMemory), as
/// views see them.
pub struct Backing {
    bytes: Bytes,
    /// The longest length since memory was last given back: what lies below has been touched.
    touched_bytes: usize,
    /// Memory that nobody sees any more, to be given back in pieces.
    unwanted: Unwanted,
    era: u64,
    /// Whether the bytes are gone for good, so that no new view can be made.
    is_closed: bool,
    history: VecDeque<Detachment>,
    shrunk: Option<Resize>,
}

fn zeroed(len_bytes: usize) -> Result<Bytes, NoMemory> {
    Cell::<u8>::new_vec_zeroed(len_bytes).map_err(|_| NoMemory { bytes: len_bytes })
}

impl Backing {
    pub(crate) fn zeroed(len_bytes: usize) -> Result<Backing, NoMemory> {
        Ok(Backing::of(zeroed(len_bytes)?))
    }

    pub(crate) fn of(bytes: Bytes) -> Backing {
        Backing {
            touched_bytes: bytes.len(),
            bytes,
            unwanted: Unwanted::default(),
            era: 0,
            is_closed: false,
            history: VecDeque::new(),
            shrunk: None,
        }
    }

    /// Returns all bytes; none when they are gone.
    #[must_use]
    #[inline(always)]
    pub(crate) fn cells(&self) -> &[Cell<u8>] {
        &self.bytes
    }

    /// Returns all bytes as a plain slice, which the mutable borrow makes possible.
    #[must_use]
    pub(crate) fn plain_mut(&mut self) -> &mut [u8] {
        self.bytes.as_mut_slice().as_mut_bytes()
    }

    /// Returns the length in bytes; 0 when the bytes are gone.
    #[must_use]
    #[inline(always)]
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the number of the era that views made now belong to. It rises by one whenever views lose their bytes.
    #[must_use]
    #[inline(always)]
    pub fn era(&self) -> u64 {
        self.era
    }

    /// Returns the era that a new view is to be made in: the one that has ended, where there are no bytes any more.
    #[inline]
    pub(crate) fn era_of_new_views(&self) -> u64 {
        self.era - u64::from(self.is_closed)
    }

    /// Returns what took the bytes away, if they are gone for good.
    #[must_use]
    pub fn closed(&self) -> Option<Detachment> {
        if self.is_closed {
            self.history.back().copied()
        } else {
            None
        }
    }

    /// Returns what ended the given era, if it has ended.
    #[must_use]
    pub fn detachment(&self, era: u64) -> Option<Detachment> {
        if era >= self.era {
            return None;
        }
        let since_end = usize::try_from(self.era - era).ok();
        let index = since_end.and_then(|eras| self.history.len().checked_sub(eras));
        let Some(index) = index else {
            let oldest = *self.history.front()?;
            return Some(match oldest.by {
                DetachedBy::Growth { from_pages, .. } => Detachment {
                    by: DetachedBy::EarlierGrowth { to_pages: from_pages },
                    ..oldest
                },
                _ => oldest,
            });
        };
        self.history.get(index).copied()
    }

    /// Returns what made the backing shorter last.
    #[must_use]
    pub fn shrunk(&self) -> Option<Resize> {
        self.shrunk
    }

    /// Returns how many bytes of memory are held: what was touched, and what is still to be given back. This is what the
    /// heap should count as external memory.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.touched_bytes + self.unwanted_bytes()
    }

    /// Returns how many bytes of memory are no longer needed and still to be given back.
    #[must_use]
    pub fn unwanted_bytes(&self) -> usize {
        let unused_bytes = self.touched_bytes - self.bytes.len();
        self.unwanted.held_bytes() + unused_bytes
    }

    /// Ends the era: no view made so far sees the bytes again.
    pub(crate) fn end_era(&mut self, by: DetachedBy, origin: Origin) {
        if self.history.len() == HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(Detachment { by, origin });
        self.era += 1;
    }

    /// Ends the last era and takes the bytes out, with all that is to be given back.
    pub(crate) fn take(&mut self, by: DetachedBy, origin: Origin) -> Backing {
        self.end_era(by, origin);
        self.is_closed = true;
        let mut taken = Backing::of(std::mem::take(&mut self.bytes));
        taken.touched_bytes = std::mem::take(&mut self.touched_bytes);
        taken.unwanted = std::mem::take(&mut self.unwanted);
        taken
    }

    /// Ends the last era and puts the bytes aside, to be given back in pieces.
    pub(crate) fn discard(&mut self, by: DetachedBy, origin: Origin) {
        self.end_era(by, origin);
        self.is_closed = true;
        let bytes = std::mem::take(&mut self.bytes);
        self.touched_bytes = 0;
        self.unwanted.add(bytes);
    }

    /// Gives back about `budget_bytes` of memory of a backing that nobody uses any more, the bytes included. Returns whether
    /// there is nothing left.
    pub(crate) fn release_all(&mut self, budget_bytes: usize, origin: Origin) -> bool {
        if !self.is_closed {
            self.discard(DetachedBy::Free, origin);
        }
        self.release_unwanted(budget_bytes)
    }

    /// Returns the bytes; what else is held is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Makes the backing longer, by zeros. `limit_bytes` is what it can become at most, for reserving.
    ///
    /// # Errors
    ///
    /// When there is no memory. Nothing is changed then.
    pub(crate) fn extend(&mut self, len_bytes: usize, limit_bytes: usize) -> Result<(), NoMemory> {
        let old_bytes = self.bytes.len();
        let added_bytes = len_bytes - old_bytes;
        if len_bytes > self.bytes.capacity() {
            if added_bytes > old_bytes {
                // Copying the old bytes touches less than clearing the new ones.
                let fresh = zeroed(len_bytes)?;
                bytes::copy(&fresh, &self.bytes);
                let old = std::mem::replace(&mut self.bytes, fresh);
                self.unwanted.add(old);
                self.unwanted.release(PIECE_BYTES);
                self.touched_bytes = len_bytes;
                return Ok(());
            }
            // What is reserved beyond the length is not touched; it makes repeated growth linear where the allocator
            // cannot remap.
            let wanted_bytes = old_bytes.saturating_mul(2).min(limit_bytes).max(len_bytes);
            let reserved = self.bytes.try_reserve_exact(wanted_bytes - old_bytes);
            if reserved.is_err() && self.bytes.try_reserve_exact(added_bytes).is_err() {
                return Err(NoMemory { bytes: len_bytes });
            }
        }
        Cell::<u8>::extend_vec_zeroed(&mut self.bytes, added_bytes).map_err(|_| NoMemory { bytes: len_bytes })?;
        self.touched_bytes = self.touched_bytes.max(len_bytes);
        Ok(())
    }

    /// Makes the backing shorter. A few bytes move to memory of their own; many stay, and what is not needed any more is
    /// given back from the end, the first piece now.
    pub(crate) fn shrink(&mut self, len_bytes: usize, origin: Origin) {
        self.shrunk = Some(Resize {
            from_bytes: self.bytes.len(),
            to_bytes: len_bytes,
            origin,
        });
        self.bytes.truncate(len_bytes);
        if len_bytes <= PIECE_BYTES && self.excess_bytes() > PIECE_BYTES {
            // Without memory for the copy, the excess is given back from the end as well.
            if let Ok(fresh) = zeroed(len_bytes) {
                bytes::copy(&fresh, &self.bytes);
                let old = std::mem::replace(&mut self.bytes, fresh);
                self.unwanted.add(old);
                self.touched_bytes = len_bytes;
            }
        }
        self.release_unwanted(PIECE_BYTES);
    }

    /// Gives back about `budget_bytes` of memory that is no longer needed; at least 64 KiB, if there is as much. Returns whether
    /// there is nothing left to give back. Takes about 60 µs per MiB.
    ///
    /// The heap does this by itself for what a change sets aside; a buffer of more than 4 MiB that was made much shorter keeps what
    /// it had until this is called.
    pub fn release_unwanted(&mut self, budget_bytes: usize) -> bool {
        let before_bytes = self.unwanted.held_bytes();
        if self.unwanted.release(budget_bytes) {
            self.release_excess(budget_bytes.saturating_sub(before_bytes));
        }
        self.unwanted.is_empty() && self.excess_bytes() == 0
    }

    /// Takes out what is to be given back, but for the excess at the end of what is in use.
    pub(crate) fn take_unwanted(&mut self) -> Option<Unwanted> {
        let unwanted = std::mem::take(&mut self.unwanted);
        (!unwanted.is_empty()).then_some(unwanted)
    }

    /// What was touched beyond the length, if it is worth giving back.
    fn excess_bytes(&self) -> usize {
        let excess_bytes = self.touched_bytes - self.bytes.len();
        if excess_bytes < EXCESS_KEPT_BYTES {
            0
        } else {
            excess_bytes
        }
    }

    /// Gives back capacity beyond the length, from its end.
    fn release_excess(&mut self, budget_bytes: usize) {
        if self.excess_bytes() == 0 {
            return;
        }
        // Capacity that was never touched costs nothing to give back.
        let budget_bytes = budget_bytes.max(EXCESS_KEPT_BYTES);
        let rest_bytes = self.touched_bytes.saturating_sub(budget_bytes).max(self.bytes.len());
        let address = self.bytes.as_ptr();
        self.bytes.shrink_to(rest_bytes);
        if self.bytes.as_ptr() != address {
            // This allocator moves what it shrinks: once is enough.
            self.bytes.shrink_to_fit();
        }
        self.touched_bytes = self.touched_bytes.min(self.bytes.capacity());
    }
}

impl fmt::Debug for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backing")
            .field("len_bytes", &self.len_bytes())
            .field("held_bytes", &self.held_bytes())
            .field("era", &self.era)
            .field("detached", &self.history.back())
            .finish_non_exhaustive()
    }
}
