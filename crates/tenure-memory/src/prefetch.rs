//! Asking for a cache line before it is needed.
//!
//! One instruction on x86-64, nothing elsewhere. It waits for nothing and does not say whether it helped.

/// Begins to load the cache line of `address`, if the processor likes to. Any address will do.
#[inline(always)]
pub fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: MEM-OWNED is not needed, a prefetch reads nothing and cannot fault; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address as *const i8);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
