//! Where pages come from: reserve address space, commit, decommit, protect.
//!
//! [`SystemPages`] asks the operating system; [`FailingPages`] refuses chosen requests, to test what a heap does when
//! memory runs out. Reserving costs no memory; committed pages are zero and cost memory when first touched. A page
//! source never retries and never exits the process.

use std::fmt;

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

/// What may be done with committed pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Neither read nor written: a touch faults.
    None,
    /// Read and written.
    ReadWrite,
}

/// A request for address space or pages that the source did not grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    requested_bytes: usize,
    reason: String,
}

impl PageError {
    /// Builds the error for a request of `requested_bytes` that failed for `reason`.
    #[must_use]
    pub fn new(requested_bytes: usize, reason: impl Into<String>) -> PageError {
        PageError {
            requested_bytes,
            reason: reason.into(),
        }
    }

    /// Returns how many bytes were asked for.
    #[must_use]
    pub fn requested_bytes(&self) -> usize {
        self.requested_bytes
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system refused {} bytes: {}", self.requested_bytes, self.reason)
    }
}

impl std::error::Error for PageError {}

/// Hands out address space and pages.
///
/// # Safety
///
/// A reservation must be exclusively the caller's until released, aligned as asked, and its committed part readable
/// and writable (MEM-OWNED). The heap builds its memory safety on that.
pub unsafe trait PageSource: fmt::Debug {
    /// Reserves `bytes` of address space aligned to `align` bytes (a power of two, at least a page), inaccessible.
    ///
    /// # Errors
    ///
    /// When there is not so much address space.
    fn reserve(&mut self, bytes: usize, align: usize) -> Result<usize, PageError>;

    /// Gives a whole reservation back.
    ///
    /// # Safety
    ///
    /// `base` and `bytes` must be those of one `reserve` call, and nothing may use the memory afterwards.
    unsafe fn release(&mut self, base: usize, bytes: usize);

    /// Makes pages of a reservation readable and writable. Pages not committed before, or decommitted since, are zero.
    ///
    /// # Errors
    ///
    /// When there are no pages. The range is then as it was.
    ///
    /// # Safety
    ///
    /// The range must lie in a reservation of this source, in whole pages.
    unsafe fn commit(&mut self, base: usize, bytes: usize) -> Result<(), PageError>;

    /// Has the system put memory behind committed pages now, and not when each is touched for the first time, which costs a
    /// page fault. What is in them stays. A source may do nothing: then the faults come later.
    ///
    /// # Safety
    ///
    /// The range must be committed, in whole pages, and nothing else may use it meanwhile.
    unsafe fn populate(&mut self, base: usize, bytes: usize) {
        let _ = (base, bytes);
    }

    /// Gives pages back to the system; a touch faults until they are committed again.
    ///
    /// # Safety
    ///
    /// As for [`PageSource::commit`], and nothing live may lie in the range.
    unsafe fn decommit(&mut self, base: usize, bytes: usize);

    /// Sets what may be done with committed pages; their contents stay.
    ///
    /// # Safety
    ///
    /// As for [`PageSource::commit`].
    unsafe fn protect(&mut self, base: usize, bytes: usize, access: Access);

    /// Tells the system whether the range is worth backing with huge pages. They make tracing faster; the first touch of
    /// one clears 2 MiB, which is up to 5 ms on a virtual machine. Does nothing where that is unknown.
    ///
    /// # Safety
    ///
    /// As for [`PageSource::commit`].
    unsafe fn prefer_huge_pages(&mut self, base: usize, bytes: usize, preferred: bool);
}

/// Pages of the operating system, by `mmap` and its kin.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemPages;

// SAFETY: MEM-OWNED holds because `mmap` without MAP_FIXED returns memory that nobody else has, and the trimmed ends are
// unmapped before anybody sees them.
unsafe impl PageSource for SystemPages {
    fn reserve(&mut self, bytes: usize, align: usize) -> Result<usize, PageError> {
        let size = rustix::param::page_size();
        if size != super::PAGE_BYTES {
            return Err(PageError::new(
                bytes,
                format!("pages of {size} bytes are not supported, only of 4096"),
            ));
        }
        let padded = bytes
            .checked_add(align)
            .ok_or_else(|| PageError::new(bytes, "more than the address space"))?;
        // SAFETY: MEM-OWNED, a null hint and no MAP_FIXED: the kernel picks unused address space.
        let start = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                padded,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }
        .map_err(|e| PageError::new(bytes, format!("reserving address space: {e}")))? as usize;
        let base = super::round_up(start, align);
        let unmap = |from: usize, to: usize| {
            if from < to {
                // SAFETY: MEM-OWNED, the range is part of the mapping just made and nobody has seen it yet.
                // A failure only leaves address space reserved.
                let _ = unsafe { rustix::mm::munmap(from as *mut _, to - from) };
            }
        };
        unmap(start, base);
        unmap(super::round_up(base + bytes, super::PAGE_BYTES), start + padded);
        Ok(base)
    }

    unsafe fn release(&mut self, base: usize, bytes: usize) {
        // SAFETY: MEM-OWNED, the caller hands back a whole reservation. A failure only leaves address space reserved.
        let _ = unsafe { rustix::mm::munmap(base as *mut _, bytes) };
    }

    unsafe fn commit(&mut self, base: usize, bytes: usize) -> Result<(), PageError> {
        // SAFETY: MEM-OWNED, the range lies in a reservation of the caller's.
        unsafe { rustix::mm::mprotect(base as *mut _, bytes, MprotectFlags::READ | MprotectFlags::WRITE) }
            .map_err(|e| PageError::new(bytes, format!("committing pages: {e}")))
    }

    unsafe fn populate(&mut self, base: usize, bytes: usize) {
        // SAFETY: MEM-OWNED, the range lies in a reservation of the caller's, and populating it changes no contents.
        let populated = unsafe { rustix::mm::madvise(base as *mut _, bytes, Advice::LinuxPopulateWrite) };
        if populated == Err(rustix::io::Errno::INVAL) {
            // Kernels before 5.14 do not know the advice.
            for page in (base..base + bytes).step_by(super::PAGE_BYTES) {
                let page = page as *mut u64;
                // SAFETY: MEM-OWNED, committed as the caller says; what is written is what was there.
                unsafe { page.write_volatile(page.read_volatile()) };
            }
        }
    }

    unsafe fn decommit(&mut self, base: usize, bytes: usize) {
        // SAFETY: MEM-OWNED, the range lies in a reservation of the caller's, which says that nothing live is in it.
        let given_back = unsafe { rustix::mm::madvise(base as *mut _, bytes, Advice::LinuxDontNeed) };
        if given_back.is_err() {
            // Locked pages cannot be given back so; a new mapping in their place is zero too.
            // SAFETY: MEM-OWNED, as above: the range is replaced by the same address space.
            let replaced = unsafe {
                rustix::mm::mmap_anonymous(
                    base as *mut _,
                    bytes,
                    ProtFlags::empty(),
                    MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
                )
            };
            assert!(
                replaced.is_ok(),
                "the system neither took back nor replaced {bytes} bytes"
            );
        }
        // SAFETY: MEM-OWNED, as above.
        let _ = unsafe { rustix::mm::mprotect(base as *mut _, bytes, MprotectFlags::empty()) };
    }

    unsafe fn protect(&mut self, base: usize, bytes: usize, access: Access) {
        let flags = match access {
            Access::None => MprotectFlags::empty(),
            Access::ReadWrite => MprotectFlags::READ | MprotectFlags::WRITE,
        };
        // SAFETY: MEM-OWNED, the range lies in a reservation of the caller's.
        let done = unsafe { rustix::mm::mprotect(base as *mut _, bytes, flags) };
        assert!(
            done.is_ok() || access == Access::None,
            "the system refused to unprotect {bytes} bytes"
        );
    }

    unsafe fn prefer_huge_pages(&mut self, base: usize, bytes: usize, preferred: bool) {
        let advice = if preferred {
            Advice::LinuxHugepage
        } else {
            Advice::LinuxNoHugepage
        };
        // SAFETY: MEM-OWNED, advice changes no contents. A kernel without huge pages refuses, which is fine.
        let _ = unsafe { rustix::mm::madvise(base as *mut _, bytes, advice) };
    }
}

/// System pages that refuse to commit at chosen requests.
///
/// The `k`-th commit (counted from 1) and, if `persistent`, every later one fails: what a heap must survive.
#[derive(Debug)]
pub struct FailingPages {
    inner: SystemPages,
    fail_at: u64,
    persistent: bool,
    commits: u64,
}

impl FailingPages {
    /// Fails the `fail_at`-th commit, and all later ones if `persistent`.
    #[must_use]
    pub fn new(fail_at: u64, persistent: bool) -> FailingPages {
        FailingPages {
            inner: SystemPages,
            fail_at,
            persistent,
            commits: 0,
        }
    }
}

// SAFETY: MEM-OWNED is the inner source's; this one only refuses.
unsafe impl PageSource for FailingPages {
    fn reserve(&mut self, bytes: usize, align: usize) -> Result<usize, PageError> {
        self.inner.reserve(bytes, align)
    }

    unsafe fn release(&mut self, base: usize, bytes: usize) {
        // SAFETY: MEM-OWNED, passed on.
        unsafe { self.inner.release(base, bytes) }
    }

    unsafe fn commit(&mut self, base: usize, bytes: usize) -> Result<(), PageError> {
        self.commits += 1;
        if self.commits == self.fail_at || (self.persistent && self.commits > self.fail_at) {
            return Err(PageError::new(
                bytes,
                format!("stress setting: commit {} fails", self.commits),
            ));
        }
        // SAFETY: MEM-OWNED, passed on.
        unsafe { self.inner.commit(base, bytes) }
    }

    unsafe fn populate(&mut self, base: usize, bytes: usize) {
        // SAFETY: MEM-OWNED, passed on.
        unsafe { self.inner.populate(base, bytes) }
    }

    unsafe fn decommit(&mut self, base: usize, bytes: usize) {
        // SAFETY: MEM-OWNED, passed on.
        unsafe { self.inner.decommit(base, bytes) }
    }

    unsafe fn protect(&mut self, base: usize, bytes: usize, access: Access) {
        // SAFETY: MEM-OWNED, passed on.
        unsafe { self.inner.protect(base, bytes, access) }
    }

    unsafe fn prefer_huge_pages(&mut self, base: usize, bytes: usize, preferred: bool) {
        // SAFETY: MEM-OWNED, passed on.
        unsafe { self.inner.prefer_huge_pages(base, bytes, preferred) }
    }
}
