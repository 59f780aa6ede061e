//! Where an element leaves its mark: MurmurHash64A of its bytes, cut in two.

/// Registers of a value: 14 bits of an element's hash choose one.
pub const REGISTERS: usize = 1 << REGISTER_BITS;

/// Bits of the hash that choose the register.
const REGISTER_BITS: u32 = 14;

/// Bits of the hash that are left to be counted.
pub(super) const RANK_BITS: u32 = 64 - REGISTER_BITS;

/// The seed Redis hashes elements with.
const SEED: u64 = 0xadc8_3b19;

/// The register of an element and its rank: one more than the zeros at the low end of the rest of
/// its hash, 1 to 51.
pub(super) fn mark(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    let register = hash as usize % REGISTERS;
    let rest = hash >> (64 - RANK_BITS) | 1 << RANK_BITS;
    (register, rest.trailing_zeros() as u8 + 1)
}

/// Austin Appleby's MurmurHash2 for 64-bit machines, as on a little-endian one.
pub(super) fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mixed = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        let mixed = (mixed ^ mixed >> SHIFT).wrapping_mul(FACTOR);
        hash = (hash ^ mixed).wrapping_mul(FACTOR);
    }
    if !tail.is_empty() {
        let mut word = [0; 8];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}
