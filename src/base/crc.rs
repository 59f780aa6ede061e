//! The checksums Redis speaks: CRC-16/XMODEM places keys in hash slots, CRC-64/Jones
//! closes RDB files and DUMP payloads. Tables are computed at compile time.

/// Hash slots of a cluster, and of our placement in standalone mode too.
pub const SLOTS: u16 = 16_384;

const CRC16: [[u16; 256]; 8] = crc16_tables();
const CRC64: [[u64; 256]; 8] = crc64_tables();

/// CRC-16/XMODEM (polynomial 0x1021, start 0): the check of "123456789" is 0x31c3.
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut crc = 0_u16;
    for word in words {
        let mut mixed = *word;
        let [high, low] = crc.to_be_bytes();
        mixed[0] ^= high;
        mixed[1] ^= low;
        crc = 0;
        for (table, &byte) in CRC16.iter().rev().zip(&mixed) {
            crc ^= table[usize::from(byte)];
        }
    }
    for &byte in rest {
        crc = crc << 8 ^ CRC16[0][usize::from((crc >> 8) as u8 ^ byte)];
    }
    crc
}

/// The slot of `key`, 0 to 16,383: of what stands between the first `{` and the first `}` after it,
/// if anything does, else of the whole key.
#[inline]
pub fn slot_of(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

#[inline]
fn hash_tag(key: &[u8]) -> &[u8] {
    if let Some(open) = memchr::memchr(b'{', key)
        && let Some(len) = memchr::memchr(b'}', &key[open + 1..])
        && len > 0
    {
        return &key[open + 1..open + 1 + len];
    }
    key
}

/// Continues the CRC-64/Jones of RDB over `bytes`; begin with `seed` 0. The check of
/// "123456789" is 0xe9c6d914c4b8d9ca.
pub fn crc64(seed: u64, bytes: &[u8]) -> u64 {
    let mut crc = seed;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mixed = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
        crc = 0;
        for (table, &byte) in CRC64.iter().rev().zip(&mixed) {
            crc ^= table[usize::from(byte)];
        }
    }
    for &byte in rest {
        crc = CRC64[0][usize::from(crc as u8 ^ byte)] ^ crc >> 8;
    }
    crc
}

/// Table `n` advances a byte by `n` further zero bytes, so that eight look-ups, none of which
/// waits for another, take eight bytes.
const fn crc16_tables() -> [[u16; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = crc << 1 ^ if crc >> 15 == 1 { 0x1021 } else { 0 };
            bit += 1;
        }
        tables[0][index] = crc;
        index += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut index = 0;
        while index < 256 {
            let before: u16 = tables[table - 1][index];
            tables[table][index] = before << 8 ^ tables[0][(before >> 8) as usize];
            index += 1;
        }
        table += 1;
    }
    tables
}

/// The same for CRC-64, lowest bit first.
const fn crc64_tables() -> [[u64; 256]; 8] {
    // 0xad93d23594c935a9 with its bits reversed, for bytes taken lowest bit first.
    const POLYNOMIAL: u64 = 0xad93_d235_94c9_35a9_u64.reverse_bits();
    let mut tables = [[0; 256]; 8];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        tables[0][index] = crc;
        index += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut index = 0;
        while index < 256 {
            let before = tables[table - 1][index];
            tables[table][index] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            index += 1;
        }
        table += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_both_sums() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(0, b""), 0);
    }

    #[test]
    fn crc64_of_the_parts_is_crc64_of_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for cut in [0, 1, 7, 8, 9, 500, 999, 1000] {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(crc64(crc64(0, head), tail), crc64(0, &bytes), "{cut}");
        }
    }

    #[test]
    fn crc16_is_the_same_bit_by_bit() {
        let bytes: Vec<u8> = (0..200_u8).map(|index| index.wrapping_mul(37)).collect();
        for len in 0..bytes.len() {
            let slow = bytes[..len].iter().fold(0_u16, |crc, byte| {
                (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
                    crc << 1 ^ if crc >> 15 == 1 { 0x1021 } else { 0 }
                })
            });
            assert_eq!(crc16(&bytes[..len]), slow, "{len}");
        }
    }

    /// Recorded with CLUSTER KEYSLOT.
    #[test]
    fn slots_follow_the_hash_tag() {
        for (key, slot) in [
            ("", 0),
            ("foo", 12182),
            ("{foo}bar", 12182),
            ("a{foo}{bar}", 12182),
            ("somekey", 11058),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
        for whole in ["{}foo", "foo{", "foo}", "}foo{", "foo{}{bar}"] {
            assert_eq!(slot_of(whole.as_bytes()), crc16(whole.as_bytes()) % SLOTS);
        }
    }
}
