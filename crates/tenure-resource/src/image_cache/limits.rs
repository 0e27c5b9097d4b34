//! How much a cache may keep: numbers by default, and numbers that follow from the machine's memory.
//!
//! [`CacheLimits::for_memory`] is a pure function; [`physical_memory_bytes`] asks the system once. Both take constant
//! time. Limits say what is *kept*: images that somebody holds are beyond them, as no cache can free those.

/// Entries that are kept at most, by default.
pub const DEFAULT_MAX_ENTRIES: usize = 1000;
/// Bytes of pixels that are kept at most, by default: 100 MiB.
pub const DEFAULT_MAX_BYTES: usize = 100 << 20;

/// The share of physical memory that images may take: 1/32 gives the default of 100 MiB at 3.2 GiB, the machines that the
/// default suits.
const MEMORY_PARTS: u64 = 32;
/// Less than this does not hold two screens of a phone.
const LEAST_BYTES: u64 = 16 << 20;
/// More than this was never looked at again before it was evicted.
const MOST_BYTES: u64 = 512 << 20;

/// What a cache keeps at most. An image is kept if it fits both; 0 in either keeps nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// Images.
    pub max_entries: usize,
    /// Bytes of their pixels.
    pub max_bytes: usize,
}

impl Default for CacheLimits {
    /// [`DEFAULT_MAX_ENTRIES`] and [`DEFAULT_MAX_BYTES`].
    fn default() -> CacheLimits {
        CacheLimits {
            max_entries: DEFAULT_MAX_ENTRIES,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl CacheLimits {
    /// Limits that keep nothing. Equal requests still share a load while somebody holds it.
    pub const DISABLED: CacheLimits = CacheLimits {
        max_entries: 0,
        max_bytes: 0,
    };

    /// Limits for a machine with `memory_bytes` of memory: a 32nd of it, at least 16 MiB and at most 512 MiB, and one
    /// entry for each 102.4 KiB, which is the ratio of the defaults.
    ///
    /// ```
    /// use tenure_resource::image_cache::CacheLimits;
    ///
    /// assert_eq!(CacheLimits::for_memory(4 << 30).max_bytes, 128 << 20);
    /// assert_eq!(CacheLimits::for_memory(256 << 20).max_bytes, 16 << 20);
    /// assert_eq!(CacheLimits::for_memory(64 << 30).max_bytes, 512 << 20);
    /// ```
    #[must_use]
    pub fn for_memory(memory_bytes: u64) -> CacheLimits {
        let max_bytes = (memory_bytes / MEMORY_PARTS).clamp(LEAST_BYTES, MOST_BYTES);
        let max_entries = max_bytes * DEFAULT_MAX_ENTRIES as u64 / DEFAULT_MAX_BYTES as u64;
        CacheLimits {
            max_entries: max_entries as usize,
            max_bytes: max_bytes as usize,
        }
    }

    /// [`for_memory`](CacheLimits::for_memory) of this machine, or the default where the system does not tell.
    #[must_use]
    pub fn for_this_machine() -> CacheLimits {
        physical_memory_bytes().map_or_else(CacheLimits::default, CacheLimits::for_memory)
    }

    /// Whether anything can be kept.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.max_entries > 0 && self.max_bytes > 0
    }
}

/// Memory that this process can have: physical memory, or the limit of its control group where that is lower. `None`
/// where there is no way to ask without a library of its own (everywhere but on Linux).
#[must_use]
pub fn physical_memory_bytes() -> Option<u64> {
    system_memory_bytes().map(|bytes| bytes.min(group_limit_bytes().unwrap_or(u64::MAX)))
}

#[cfg(target_os = "linux")]
fn system_memory_bytes() -> Option<u64> {
    let info = rustix::system::sysinfo();
    // Field types differ between targets.
    #[allow(clippy::useless_conversion, reason = "the fields are narrower on 32-bit targets")]
    let (units, unit_bytes) = (u64::try_from(info.totalram).ok()?, u64::from(info.mem_unit));
    Some(units.saturating_mul(unit_bytes.max(1))).filter(|&bytes| bytes > 0)
}

#[cfg(not(target_os = "linux"))]
fn system_memory_bytes() -> Option<u64> {
    None
}

/// The memory limit of the process's control group (version 2, as seen from inside a container).
fn group_limit_bytes() -> Option<u64> {
    parse_group_limit(&std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?)
}

/// "max" stands for no limit.
fn parse_group_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|&bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_meets_the_default_and_its_ends() {
        let at_default = CacheLimits::for_memory(32 * DEFAULT_MAX_BYTES as u64);
        assert_eq!(at_default, CacheLimits::default());
        assert_eq!(CacheLimits::for_memory(0).max_bytes, 16 << 20);
        assert_eq!(CacheLimits::for_memory(0).max_entries, 160);
        assert_eq!(CacheLimits::for_memory(u64::MAX).max_bytes, 512 << 20);
        assert_eq!(CacheLimits::for_memory(u64::MAX).max_entries, 5120);
    }

    #[test]
    fn group_limits_are_numbers_or_nothing() {
        assert_eq!(parse_group_limit("536870912\n"), Some(536_870_912));
        assert_eq!(parse_group_limit("max\n"), None);
        assert_eq!(parse_group_limit(""), None);
        assert_eq!(parse_group_limit("0"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells() {
        let bytes = physical_memory_bytes().expect("sysinfo");
        assert!(bytes >= 16 << 20, "{bytes}");
        assert!(CacheLimits::for_this_machine().is_enabled());
    }

    #[test]
    fn zero_of_either_disables() {
        assert!(CacheLimits::default().is_enabled());
        assert!(!CacheLimits::DISABLED.is_enabled());
        let no_bytes = CacheLimits {
            max_bytes: 0,
            ..CacheLimits::default()
        };
        assert!(!no_bytes.is_enabled());
    }
}
