//! The hash that places keys in tables: keyed, so that no client can choose keys that collide.
//!
//! Folded multiplication: two words of input are mixed with two secret words and multiplied to 128
//! bits, and the halves are combined. Without the secrets (16 random bytes per process) an
//! attacker cannot tell which inputs collide. A key of 16 bytes costs two dependent
//! multiplications, 2-5 ns for a key of 16 bytes. It is not a message authentication code, and is not stable
//! across versions: never store or send it.

/// The secret of a process's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKey(pub [u64; 2]);

impl HashKey {
    /// A key from the kernel. Panics if it has no entropy to give.
    pub fn random() -> Self {
        let word = || getrandom::u64().expect("the kernel provides random bytes");
        Self([word(), word()])
    }
}

// Odd constants with about half their bits set: digits of pi.
const SALT_SHORT: u64 = 0x243f_6a88_85a3_08d3;
const SALT_END: u64 = 0x1319_8a2e_0370_7345;
const SALT_LONG: u64 = 0xa409_3822_299f_31d1;

/// The hash of `bytes` under `key`: all 64 bits are usable.
#[inline]
pub fn keyed_hash(key: &HashKey, bytes: &[u8]) -> u64 {
    let [first, second] = key.0;
    let len = bytes.len();
    let mut seed = first;
    let (low, high) = if len <= 16 {
        short(bytes)
    } else {
        seed = long(bytes, first, second);
        // The last 16 bytes overlap what `long` has read, so no length needs a loop of its own.
        (word(bytes, len - 16), word(bytes, len - 8))
    };
    let mixed = fold(low ^ second ^ SALT_SHORT, high ^ seed);
    fold(mixed ^ SALT_END ^ first, len as u64 ^ second ^ SALT_LONG)
}

/// Two words that hold all of at most 16 bytes. Different inputs of one length give different words;
/// the length itself is mixed in by the caller.
#[inline]
fn short(bytes: &[u8]) -> (u64, u64) {
    let len = bytes.len();
    if len >= 8 {
        (word(bytes, 0), word(bytes, len - 8))
    } else if len >= 4 {
        (half(bytes, 0), half(bytes, len - 4))
    } else if len > 0 {
        let middle = u64::from(bytes[len / 2]);
        (u64::from(bytes[0]) << 8 | middle, u64::from(bytes[len - 1]))
    } else {
        (0, 0)
    }
}

/// Mixes all whole 32-byte stretches, in two lanes that do not wait for each other, then the
/// 16 bytes that may remain before the last 16.
#[inline(never)]
fn long(bytes: &[u8], first: u64, second: u64) -> u64 {
    let mut left = first;
    let mut right = second ^ SALT_LONG;
    let mut at = 0;
    // The last 16 bytes are the caller's.
    while bytes.len() - at > 32 {
        left = fold(word(bytes, at) ^ second, word(bytes, at + 8) ^ left);
        right = fold(
            word(bytes, at + 16) ^ first ^ SALT_END,
            word(bytes, at + 24) ^ right,
        );
        at += 32;
    }
    if bytes.len() - at > 16 {
        left = fold(
            word(bytes, at) ^ second ^ SALT_SHORT,
            word(bytes, at + 8) ^ left,
        );
    }
    left ^ right.rotate_left(23)
}

#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

#[inline]
fn half(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32::from_le_bytes(
        bytes[at..at + 4].try_into().expect("4 bytes"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: HashKey = HashKey([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);

    #[test]
    fn equal_bytes_hash_equal_and_another_key_hashes_differently() {
        let text = b"user:1000".to_vec();
        assert_eq!(keyed_hash(&KEY, &text), keyed_hash(&KEY, b"user:1000"));
        assert_ne!(keyed_hash(&KEY, &text), keyed_hash(&HashKey([1, 2]), &text));
    }

    #[test]
    fn every_byte_of_every_length_counts() {
        for len in 0..200 {
            let mut bytes = vec![7_u8; len];
            let hash = keyed_hash(&KEY, &bytes);
            for at in 0..len {
                bytes[at] ^= 1;
                assert_ne!(keyed_hash(&KEY, &bytes), hash, "byte {at} of {len}");
                bytes[at] ^= 1;
            }
            bytes.push(0);
            assert_ne!(keyed_hash(&KEY, &bytes), hash, "length {len}");
        }
    }

    /// Numbered keys, the likeliest of all, must fill 2^16 buckets like random ones, by the
    /// low and by the high bits.
    #[test]
    fn numbered_keys_spread_evenly() {
        let buckets = 1 << 16;
        let mut low = vec![0_u32; buckets];
        let mut high = vec![0_u32; buckets];
        let keys = buckets * 8;
        for number in 0..keys {
            let hash = keyed_hash(&KEY, format!("key:{number:012}").as_bytes());
            low[(hash & 0xffff) as usize] += 1;
            high[(hash >> 48) as usize] += 1;
        }
        for counts in [low, high] {
            let squares: u64 = counts.iter().map(|&count| u64::from(count).pow(2)).sum();
            // Random: keys * (1 + keys / buckets) = 9 per key, within a few thousandths.
            let per_key = squares as f64 / keys as f64;
            assert!((8.9..9.1).contains(&per_key), "{per_key}");
        }
    }

    #[test]
    fn flipping_a_bit_flips_half_the_hash() {
        let mut flipped = 0;
        let bytes = *b"0123456789abcdef";
        let hash = keyed_hash(&KEY, &bytes);
        for bit in 0..128 {
            let mut other = bytes;
            other[bit / 8] ^= 1 << (bit % 8);
            flipped += (keyed_hash(&KEY, &other) ^ hash).count_ones();
        }
        let mean = f64::from(flipped) / 128.0;
        assert!((29.0..35.0).contains(&mean), "{mean}");
    }
}
