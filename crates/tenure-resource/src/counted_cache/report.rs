//! Every resource with its count and its holders, as data and as a table: what keeps memory, and who.
//!
//! A report is a copy: it keeps no resource alive and does not change. Taking one costs a visit of every entry and a copy of
//! its key and its holders' names. Two reports show a leak: what is held more often after a scene than before it
//! ([`Report::growth_since`]). A report names holders, not the places in the program that took the handles.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::counted_cache::entry::{Entry, LoadState};
use crate::counted_cache::holder::{Holder, HolderCount};
use crate::counted_cache::statistics::CacheStatistics;
use crate::counted_cache::table::{Side, Table, bytes, time};

/// All resources of a cache at one time, in the order of their keys unless sorted otherwise.
///
/// Printed, it is a table with a line of totals:
///
/// ```
/// use std::rc::Rc;
/// use tenure::events::ManualClock;
/// use tenure_resource::counted_cache::{CacheConfig, CountedCache, KeepAll, Loaded, Priority};
///
/// let clock = Rc::new(ManualClock::new());
/// let config = CacheConfig::new(KeepAll).clock(Rc::clone(&clock)).budget_bytes(64 << 20);
/// let cache: CountedCache<&str, (), String> = CountedCache::new(config);
///
/// let hero = cache.get_or_load("hero.png", "scene 1", |_| Ok(Loaded::new((), 1_600_000)))?;
/// let also_hero = hero.hold_as("inventory");
/// drop(cache.get_or_load("intro.ogg", "scene 1", |_| Ok(Loaded::new((), 5 << 20)))?);
/// clock.advance_ns(12_300_000_000);
/// hero.touch();
/// let boss = cache.request("boss.png", Priority::HIGH, "scene 2");
///
/// assert_eq!(
///     cache.report().to_string(),
///     "\
/// resource   state       count    bytes     age  last use  holders
/// boss.png   queued 100      1      0 B  0.0 ms    0.0 ms  scene 2 ×1
/// hero.png   ready           2  1.5 MiB  12.3 s    0.0 ms  inventory ×1, scene 1 ×1
/// intro.ogg  ready           0  5.0 MiB  12.3 s    12.3 s
/// 3 resources: 1 ready and held, 1 ready and unused, 1 queued, 0 loading, 0 failed or canceled; 6.5 MiB of 64.0 MiB
/// "
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Report<K, E> {
    /// When it was taken, on the cache's clock.
    pub now_ns: u64,
    /// A row for each resource.
    pub rows: Vec<ReportRow<K, E>>,
    /// The cache's counters at that time.
    pub statistics: CacheStatistics,
}

/// One resource.
#[derive(Debug)]
pub struct ReportRow<K, E> {
    /// Which one.
    pub key: K,
    /// How far it is.
    pub state: LoadState,
    /// How many handles hold it.
    pub count: usize,
    /// Its size; 0 before it is ready.
    pub bytes: usize,
    /// Time since it was first asked for.
    pub age_ns: u64,
    /// Time since it was last counted up or down, or touched.
    pub since_use_ns: u64,
    /// Time since nobody holds it, if it is ready and nobody does.
    pub unused_ns: Option<u64>,
    /// How often its load was begun.
    pub attempts: u32,
    /// Whether its load is wanted even if nobody holds it.
    pub is_prefetch: bool,
    /// Who holds it, in the order of their names.
    pub holders: Vec<HolderCount>,
    /// Why it could not be loaded.
    pub error: Option<Rc<E>>,
}

impl<K: Clone, E> ReportRow<K, E> {
    pub(crate) fn of<V>(entry: &Entry<K, V, E>, now_ns: u64) -> Self {
        let since = |then_ns: u64| now_ns.saturating_sub(then_ns);
        Self {
            key: entry.key.clone(),
            state: entry.state(),
            count: entry.count.get(),
            bytes: entry.bytes.get(),
            age_ns: since(entry.requested_ns),
            since_use_ns: since(entry.last_use_ns.get()),
            unused_ns: entry.unused.get().map(|unused| since(unused.since_ns)),
            attempts: entry.attempts.get(),
            is_prefetch: entry.is_prefetch.get(),
            holders: entry.holders.borrow().to_vec(),
            error: entry.error(),
        }
    }
}

impl<K, E> Report<K, E> {
    /// Only what somebody holds.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.rows.retain(|row| row.count > 0);
        self
    }

    /// Only what a holder of this name holds.
    #[must_use]
    pub fn held_by(mut self, name: &str) -> Self {
        self.rows
            .retain(|row| row.holders.iter().any(|own| own.holder.name() == name));
        self
    }

    /// The largest first.
    #[must_use]
    pub fn largest_first(mut self) -> Self {
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
        self
    }

    /// What was not used for longest first.
    #[must_use]
    pub fn longest_unused_first(mut self) -> Self {
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.since_use_ns));
        self
    }
}

impl<K: Ord + Clone, E> Report<K, E> {
    /// What is held more often now than in an earlier report, and by whom: after a scene ended, and compared with the report
    /// before it began, this is what the scene has leaked.
    ///
    /// ```
    /// use tenure_resource::counted_cache::{AtOnce, CacheConfig, CountedCache, Loaded};
    ///
    /// let cache: CountedCache<&str, (), String> = CountedCache::new(CacheConfig::new(AtOnce));
    /// let load = |_: &&str| Ok(Loaded::new((), 1000));
    /// let font = cache.get_or_load("font", "game", load)?;
    /// let before = cache.report();
    ///
    /// let forgotten = cache.get_or_load("boss", "scene 2", load)?;
    /// let fine = cache.get_or_load("tiles", "scene 2", load)?;
    /// drop(fine);
    ///
    /// let growth = cache.report().growth_since(&before);
    /// assert_eq!(
    ///     growth.to_string(),
    ///     "resource  before  now   bytes  holders\nboss           0    1  1000 B  scene 2 +1\n"
    /// );
    /// # Ok::<(), tenure_resource::counted_cache::LoadError<String>>(())
    /// ```
    #[must_use]
    pub fn growth_since(&self, earlier: &Self) -> Growth<K> {
        let before: BTreeMap<&K, &ReportRow<K, E>> = earlier.rows.iter().map(|row| (&row.key, row)).collect();
        let mut rows = Vec::new();
        for row in &self.rows {
            let former = before.get(&row.key);
            let holders: Vec<HolderCount> = row
                .holders
                .iter()
                .filter_map(|own| {
                    let former = former.map_or(0, |row| count_of(&row.holders, &own.holder));
                    let count = own.count.checked_sub(former).filter(|&count| count > 0)?;
                    let holder = own.holder.clone();
                    Some(HolderCount { holder, count })
                })
                .collect();
            // A holder that took over from another one shows too, though the count is the same.
            if !holders.is_empty() {
                rows.push(GrowthRow {
                    key: row.key.clone(),
                    count_before: former.map_or(0, |row| row.count),
                    count: row.count,
                    bytes: row.bytes,
                    holders,
                });
            }
        }
        Growth { rows }
    }
}

fn count_of(holders: &[HolderCount], holder: &Holder) -> usize {
    holders
        .iter()
        .find(|own| own.holder == *holder)
        .map_or(0, |own| own.count)
}

/// What is held more often than before. An empty one means: no leak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth<K> {
    /// A row for each resource that a holder holds more often.
    pub rows: Vec<GrowthRow<K>>,
}

impl<K> Growth<K> {
    /// Whether nobody holds more than before.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// One resource that is held more often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrowthRow<K> {
    /// Which one.
    pub key: K,
    /// How many handles held it before.
    pub count_before: usize,
    /// How many do now.
    pub count: usize,
    /// Its size now.
    pub bytes: usize,
    /// Holders with more handles than before, with the difference.
    pub holders: Vec<HolderCount>,
}

impl<K: fmt::Display> fmt::Display for Growth<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            ("resource", Side::Left),
            ("before", Side::Right),
            ("now", Side::Right),
            ("bytes", Side::Right),
            ("holders", Side::Left),
        ]);
        for row in &self.rows {
            let holders: Vec<String> = row
                .holders
                .iter()
                .map(|own| format!("{} +{}", own.holder, own.count))
                .collect();
            table.push(vec![
                row.key.to_string(),
                row.count_before.to_string(),
                row.count.to_string(),
                bytes(row.bytes),
                holders.join(", "),
            ]);
        }
        table.fmt(f)
    }
}

impl<K: fmt::Display, E: fmt::Display> fmt::Display for Report<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            ("resource", Side::Left),
            ("state", Side::Left),
            ("count", Side::Right),
            ("bytes", Side::Right),
            ("age", Side::Right),
            ("last use", Side::Right),
            ("holders", Side::Left),
        ]);
        for row in &self.rows {
            let state = match (row.state, &row.error) {
                (LoadState::Queued { priority }, _) => format!("queued {priority}"),
                (LoadState::Failed, Some(error)) => format!("failed: {error}"),
                (state, _) => state.to_string(),
            };
            let mut holders: Vec<String> = row.holders.iter().map(ToString::to_string).collect();
            if row.is_prefetch {
                holders.push("(prefetch)".to_owned());
            }
            table.push(vec![
                row.key.to_string(),
                state,
                row.count.to_string(),
                bytes(row.bytes),
                time(row.age_ns),
                time(row.since_use_ns),
                holders.join(", "),
            ]);
        }
        table.fmt(f)?;
        let s = &self.statistics;
        write!(
            f,
            "{} resources: {} ready and held, {} ready and unused, {} queued, {} loading, {} failed or canceled; {}",
            s.entries,
            s.resident - s.unused,
            s.unused,
            s.queued,
            s.loading,
            s.entries - s.resident - s.queued - s.loading,
            bytes(s.resident_bytes),
        )?;
        if s.budget_bytes != usize::MAX {
            write!(f, " of {}", bytes(s.budget_bytes))?;
        }
        writeln!(f)
    }
}
