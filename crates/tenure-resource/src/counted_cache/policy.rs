//! Which resources that nobody holds are released, and when.
//!
//! A [`ReleasePolicy`] is asked about one unused resource after the other, the longest unused first, whenever one becomes
//! unused and whenever the embedder calls [`maintain`](crate::counted_cache::CountedCache::maintain). It answers from the
//! numbers that it is shown and may stop the round, so the given policies cost one question per round and one per released
//! resource. A policy is not asked where the budget, a request or memory pressure has decided already.

use std::fmt;

/// An unused resource, as a policy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnusedEntry<'a, K> {
    /// Which one.
    pub key: &'a K,
    /// Its size.
    pub bytes: usize,
    /// For how long nobody has held it, on the cache's clock.
    pub unused_ns: u64,
    /// How many resources are unused, this one included.
    pub unused_count: usize,
    /// Their bytes, this one's included.
    pub unused_bytes: usize,
    /// Bytes of all resources, used and unused.
    pub resident_bytes: usize,
}

/// What becomes of an unused resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is released.
    Release,
    /// It stays; the next one is asked about.
    Keep,
    /// It stays, and so do all that became unused after it. They are not asked about.
    KeepRest,
}

/// Decides about resources that nobody holds. Implemented by closures too.
///
/// ```
/// use tenure_resource::counted_cache::{CacheConfig, CountedCache, Loaded, UnusedEntry, Verdict};
///
/// // Fonts stay for good, everything else goes as soon as nobody holds it.
/// let policy = |unused: &UnusedEntry<'_, String>| match unused.key.ends_with(".ttf") {
///     true => Verdict::Keep,
///     false => Verdict::Release,
/// };
/// let cache: CountedCache<String, Vec<u8>> = CountedCache::new(CacheConfig::new(policy));
/// for name in ["serif.ttf", "hero.png"] {
///     let handle = cache.get_or_load(name.to_owned(), "test", |_| Ok(Loaded::new(vec![0; 100], 100)))?;
///     drop(handle);
/// }
/// assert!(cache.is_ready("serif.ttf") && !cache.is_ready("hero.png"));
/// # Ok::<(), tenure_resource::counted_cache::LoadError<Box<dyn std::error::Error>>>(())
/// ```
pub trait ReleasePolicy<K> {
    /// What becomes of `entry`.
    fn decide(&self, entry: &UnusedEntry<'_, K>) -> Verdict;
}

impl<K, F: Fn(&UnusedEntry<'_, K>) -> Verdict> ReleasePolicy<K> for F {
    fn decide(&self, entry: &UnusedEntry<'_, K>) -> Verdict {
        self(entry)
    }
}

impl<K> ReleasePolicy<K> for Box<dyn ReleasePolicy<K>> {
    fn decide(&self, entry: &UnusedEntry<'_, K>) -> Verdict {
        (**self).decide(entry)
    }
}

/// Releases a resource as soon as nobody holds it: the least memory, and a load each time somebody comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtOnce;

impl<K> ReleasePolicy<K> for AtOnce {
    fn decide(&self, _: &UnusedEntry<'_, K>) -> Verdict {
        Verdict::Release
    }
}

/// Releases nothing by itself: the budget, requests and memory pressure do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAll;

impl<K> ReleasePolicy<K> for KeepAll {
    fn decide(&self, _: &UnusedEntry<'_, K>) -> Verdict {
        Verdict::KeepRest
    }
}

/// Releases what nobody has held for so long. For resources that are dropped and wanted again within moments, such as
/// those of a list that scrolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AfterDelay {
    /// How long an unused resource stays.
    pub delay_ns: u64,
}

impl AfterDelay {
    /// Unused resources stay for `seconds`.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self {
            delay_ns: seconds.saturating_mul(1_000_000_000),
        }
    }
}

impl<K> ReleasePolicy<K> for AfterDelay {
    fn decide(&self, entry: &UnusedEntry<'_, K>) -> Verdict {
        if entry.unused_ns >= self.delay_ns {
            Verdict::Release
        } else {
            Verdict::KeepRest
        }
    }
}

/// Keeps so many unused resources and so many of their bytes, and releases the longest unused beyond that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAtMost {
    /// How many unused resources stay at most.
    pub count: usize,
    /// How many bytes they have at most.
    pub bytes: usize,
}

impl KeepAtMost {
    /// Keeps at most `count` unused resources, of any size.
    #[must_use]
    pub const fn count(count: usize) -> Self {
        Self {
            count,
            bytes: usize::MAX,
        }
    }

    /// Keeps at most `bytes` of unused resources, however many.
    #[must_use]
    pub const fn bytes(bytes: usize) -> Self {
        Self {
            count: usize::MAX,
            bytes,
        }
    }
}

impl<K> ReleasePolicy<K> for KeepAtMost {
    fn decide(&self, entry: &UnusedEntry<'_, K>) -> Verdict {
        if entry.unused_count > self.count || entry.unused_bytes > self.bytes {
            Verdict::Release
        } else {
            Verdict::KeepRest
        }
    }
}

/// Releases what either of two policies releases: `Either(AfterDelay::seconds(30), KeepAtMost::bytes(64 << 20))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Either<A, B>(pub A, pub B);

impl<K, A: ReleasePolicy<K>, B: ReleasePolicy<K>> ReleasePolicy<K> for Either<A, B> {
    fn decide(&self, entry: &UnusedEntry<'_, K>) -> Verdict {
        let first = self.0.decide(entry);
        if first == Verdict::Release {
            return Verdict::Release;
        }
        match (first, self.1.decide(entry)) {
            (_, Verdict::Release) => Verdict::Release,
            (Verdict::KeepRest, Verdict::KeepRest) => Verdict::KeepRest,
            // One of them may still release a later one.
            _ => Verdict::Keep,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Release => "release",
            Self::Keep => "keep",
            Self::KeepRest => "keep the rest",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(unused_ns: u64, unused_count: usize, unused_bytes: usize) -> UnusedEntry<'static, u8> {
        UnusedEntry {
            key: &7,
            bytes: 1,
            unused_ns,
            unused_count,
            unused_bytes,
            resident_bytes: unused_bytes,
        }
    }

    #[test]
    fn the_given_policies_decide_at_their_bounds() {
        let entry = entry(1_000_000_000, 3, 50);
        assert_eq!(AtOnce.decide(&entry), Verdict::Release);
        assert_eq!(KeepAll.decide(&entry), Verdict::KeepRest);
        assert_eq!(AfterDelay::seconds(1).decide(&entry), Verdict::Release);
        assert_eq!(
            AfterDelay {
                delay_ns: 1_000_000_001
            }
            .decide(&entry),
            Verdict::KeepRest
        );
        assert_eq!(KeepAtMost::count(3).decide(&entry), Verdict::KeepRest);
        assert_eq!(KeepAtMost::count(2).decide(&entry), Verdict::Release);
        assert_eq!(KeepAtMost::bytes(50).decide(&entry), Verdict::KeepRest);
        assert_eq!(KeepAtMost::bytes(49).decide(&entry), Verdict::Release);
    }

    #[test]
    fn either_releases_what_one_releases_and_stops_where_both_stop() {
        let keep = |_: &UnusedEntry<'_, u8>| Verdict::Keep;
        let entry = entry(0, 1, 1);
        assert_eq!(Either(AtOnce, KeepAll).decide(&entry), Verdict::Release);
        assert_eq!(Either(KeepAll, AtOnce).decide(&entry), Verdict::Release);
        assert_eq!(Either(KeepAll, KeepAll).decide(&entry), Verdict::KeepRest);
        assert_eq!(Either(KeepAll, keep).decide(&entry), Verdict::Keep);
        assert_eq!(Either(keep, KeepAll).decide(&entry), Verdict::Keep);
        let boxed: Box<dyn ReleasePolicy<u8>> = Box::new(Either(KeepAll, KeepAtMost::count(0)));
        assert_eq!(boxed.decide(&entry), Verdict::Release);
    }
}
