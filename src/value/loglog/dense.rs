//! Dense registers: six bits each, the low bits of a byte first.

use super::element::REGISTERS;

/// Bytes of all registers.
pub(super) const LEN: usize = REGISTERS * 6 / 8;

/// The register at `index`.
pub(super) fn register(registers: &[u8], index: usize) -> u8 {
    let at = index * 6 / 8;
    let low = u16::from(registers[at]);
    let high = registers.get(at + 1).map_or(0, |byte| u16::from(*byte));
    ((high << 8 | low) >> (index * 6 % 8)) as u8 & 63
}

/// Raises the register at `index` to `rank`; `false` if it is as high already.
pub(super) fn raise(registers: &mut [u8], index: usize, rank: u8) -> bool {
    if register(registers, index) >= rank {
        return false;
    }
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let [low, high] = (u16::from(rank) << shift).to_le_bytes();
    let [low_mask, high_mask] = (63u16 << shift).to_le_bytes();
    registers[at] = registers[at] & !low_mask | low;
    if high_mask != 0 {
        registers[at + 1] = registers[at + 1] & !high_mask | high;
    }
    true
}

/// Every register in order. Four of them are three bytes.
pub(super) fn each(registers: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let (groups, _) = registers.as_chunks::<3>();
    groups.iter().flat_map(|group| {
        let four = u32::from_le_bytes([group[0], group[1], group[2], 0]);
        [0, 6, 12, 18].map(|shift| (four >> shift) as u8 & 63)
    })
}
