//! Lengths and strings of the RDB format.
//!
//! ```text
//! 00LLLLLL                      a length below 64
//! 01LLLLLL LLLLLLLL             a length below 16,384
//! 10000000 and 4 bytes          a length, highest byte first
//! 10000001 and 8 bytes          a length, highest byte first
//! 11000000 and 1 byte           a string: the decimal of this number
//! 11000001 and 2 bytes          the same, lowest byte first
//! 11000010 and 4 bytes          the same, lowest byte first
//! 11000011 length length bytes  a string: compressed length, length, LZF
//! ```

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use crate::base::{lzf, parse_i64, write_i64};

use super::sink::Sink;

/// Whether long strings are compressed: the setting rdbcompression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Off,
    On,
}

/// The bytes are cut short, or are not of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Only longer strings are compressed.
const UNCOMPRESSED_MAX: usize = 20;

/// Only strings this short are tried as a number: `-2147483648` has 11 bytes.
const NUMBER_BYTES_MAX: usize = 11;

const LENGTH_32: u8 = 0x80;
const LENGTH_64: u8 = 0x81;
const NUMBER_8: u8 = 0xc0;
const NUMBER_16: u8 = 0xc1;
const NUMBER_32: u8 = 0xc2;
const COMPRESSED: u8 = 0xc3;

/// Appends a length.
pub fn write_length(out: &mut impl Sink, len: u64) {
    let [.., seventh, eighth] = len.to_be_bytes();
    if len < 1 << 6 {
        out.put(&[eighth]);
    } else if len < 1 << 14 {
        out.put(&[0x40 | seventh, eighth]);
    } else if let Ok(len) = u32::try_from(len) {
        out.put(&[LENGTH_32]);
        out.put(&len.to_be_bytes());
    } else {
        out.put(&[LENGTH_64]);
        out.put(&len.to_be_bytes());
    }
}

/// Appends a string: as a number if it is the decimal of one, compressed if that is asked for and
/// pays, or as it is.
pub fn write_string(out: &mut impl Sink, text: &[u8], compression: Compression) {
    if text.len() <= NUMBER_BYTES_MAX
        && let Some(number) = parse_i64(text)
        && let Ok(number) = i32::try_from(number)
    {
        write_number(out, number);
        return;
    }
    if compression == Compression::On && text.len() > UNCOMPRESSED_MAX {
        out.put_compressible(text);
    } else {
        write_plain(out, text);
    }
}

/// Appends a string compressed, if that makes it shorter.
pub(super) fn write_compressed(out: &mut impl Sink, text: &[u8]) {
    let mut compressed = Vec::with_capacity(text.len());
    if lzf::compress(text, &mut compressed) {
        out.put(&[COMPRESSED]);
        write_length(out, compressed.len() as u64);
        write_length(out, text.len() as u64);
        out.put(&compressed);
    } else {
        write_plain(out, text);
    }
}

/// Appends a string as it is.
pub fn write_plain(out: &mut impl Sink, text: &[u8]) {
    write_length(out, text.len() as u64);
    out.put(text);
}

fn write_number(out: &mut impl Sink, number: i32) {
    if let Ok(number) = i8::try_from(number) {
        out.put(&[NUMBER_8]);
        out.put(&number.to_le_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        out.put(&[NUMBER_16]);
        out.put(&number.to_le_bytes());
    } else {
        out.put(&[NUMBER_32]);
        out.put(&number.to_le_bytes());
    }
}

/// What the first bytes of a length or a string say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// A length, which has so many bytes itself.
    Length(usize),
    /// A number in the place of a string, so many bytes in all.
    Number(usize),
    /// A compressed string.
    Compressed,
}

/// How a length or a string begins; `None` if nothing is there yet.
pub(super) fn prefix(bytes: &[u8]) -> Result<Option<Prefix>, Malformed> {
    let Some(&first) = bytes.first() else {
        return Ok(None);
    };
    Ok(Some(match first {
        0..0x40 => Prefix::Length(1),
        0x40..LENGTH_32 => Prefix::Length(2),
        LENGTH_32 => Prefix::Length(5),
        LENGTH_64 => Prefix::Length(9),
        NUMBER_8 => Prefix::Number(2),
        NUMBER_16 => Prefix::Number(3),
        NUMBER_32 => Prefix::Number(5),
        COMPRESSED => Prefix::Compressed,
        _ => return Err(Malformed),
    }))
}

/// Takes a length off the front of `bytes`.
pub fn read_length(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let [first] = take(bytes)?;
    match first {
        0..0x40 => Ok(u64::from(first)),
        0x40..LENGTH_32 => {
            let [second] = take(bytes)?;
            Ok(u64::from(u16::from_be_bytes([first & 0x3f, second])))
        }
        LENGTH_32 => Ok(u64::from(u32::from_be_bytes(take(bytes)?))),
        LENGTH_64 => Ok(u64::from_be_bytes(take(bytes)?)),
        _ => Err(Malformed),
    }
}

/// Takes a string off the front of `bytes`; borrowed where it stands there as it is.
pub fn read_string<'a>(bytes: &mut &'a [u8]) -> Result<Cow<'a, [u8]>, Malformed> {
    let number = match bytes.first() {
        Some(&NUMBER_8) => {
            let [_, number] = take(bytes)?;
            i64::from(i8::from_le_bytes([number]))
        }
        Some(&NUMBER_16) => {
            let [_, number @ ..] = take::<3>(bytes)?;
            i64::from(i16::from_le_bytes(number))
        }
        Some(&NUMBER_32) => {
            let [_, number @ ..] = take::<5>(bytes)?;
            i64::from(i32::from_le_bytes(number))
        }
        Some(&COMPRESSED) => {
            let [_] = take(bytes)?;
            return read_compressed(bytes).map(Cow::Owned);
        }
        _ => {
            let len = read_length(bytes)?;
            return take_slice(bytes, len).map(Cow::Borrowed);
        }
    };
    let mut text = Vec::new();
    write_i64(&mut text, number);
    Ok(Cow::Owned(text))
}

fn read_compressed(bytes: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    let compressed_len = read_length(bytes)?;
    let len = usize::try_from(read_length(bytes)?).or(Err(Malformed))?;
    let compressed = take_slice(bytes, compressed_len)?;
    lzf::decompress(compressed, len).ok_or(Malformed)
}

/// Takes so many bytes off the front of `bytes`.
pub(super) fn take<const LEN: usize>(bytes: &mut &[u8]) -> Result<[u8; LEN], Malformed> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    *bytes = rest;
    Ok(*taken)
}

/// The same, of a number only known now.
pub(super) fn take_slice<'a>(bytes: &mut &'a [u8], len: u64) -> Result<&'a [u8], Malformed> {
    let len = usize::try_from(len).or(Err(Malformed))?;
    let (taken, rest) = bytes.split_at_checked(len).ok_or(Malformed)?;
    *bytes = rest;
    Ok(taken)
}
