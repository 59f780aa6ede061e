//! Asking the processor for a line before it is needed. A hint: it reads
//! nothing the program can see, and any address will do.
#![cfg_attr(
    all(target_arch = "x86_64", not(miri)),
    expect(unsafe_code, reason = "the instruction is an intrinsic")
)]

/// Fetches the cache line at `address` into all levels.
#[inline]
pub fn line<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: prefetching never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(any(not(target_arch = "x86_64"), miri))]
    let _: *const T = address;
}
