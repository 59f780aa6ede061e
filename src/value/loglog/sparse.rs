//! Sparse registers: runs of equal ones, in order.
//!
//! `00llllll` is 1 to 64 zeros, `01llllll llllllll` 1 to 16384 zeros, `1vvvvvll` 1 to 4 registers
//! of 1 to 32. What follows each change is fixed to the byte by what Redis does: a run is cut
//! where it is hit, and of a few runs from the one before it, neighbours of one value are joined.

use std::fmt::Write;

use super::element::REGISTERS;

/// The highest register a run can hold.
pub(super) const RANK_MAX: u8 = 32;

const SHORT_ZEROS_MAX: usize = 64;
const VALUES_MAX: usize = 4;

/// Runs looked at for neighbours of one value after a change.
const JOINED_WITHIN: usize = 5;

/// Registers of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub value: u8,
    /// Registers.
    pub len: usize,
    /// Bytes it is written in.
    pub size: usize,
}

/// The run at the front of `runs`; `None` if it is cut short, or there is none.
fn first(runs: &[u8]) -> Option<Run> {
    let byte = *runs.first()?;
    let (value, len, size) = match byte >> 6 {
        0 => (0, usize::from(byte & 63) + 1, 1),
        1 => {
            let low = usize::from(*runs.get(1)?);
            (0, (usize::from(byte & 63) << 8 | low) + 1, 2)
        }
        _ => ((byte >> 2 & 31) + 1, usize::from(byte & 3) + 1, 1),
    };
    Some(Run { value, len, size })
}

/// Every run, up to the first that is cut short.
pub(super) fn each(mut runs: &[u8]) -> impl Iterator<Item = Run> + '_ {
    std::iter::from_fn(move || {
        let run = first(runs)?;
        runs = &runs[run.size..];
        Some(run)
    })
}

/// Whether the runs hold exactly all registers.
pub(super) fn is_whole(runs: &[u8]) -> bool {
    let (len, size) = each(runs).fold((0, 0), |(len, size), run| (len + run.len, size + run.size));
    len == REGISTERS && size == runs.len()
}

/// Appends runs of registers that are all zero.
pub(super) fn push_empty(out: &mut Vec<u8>) {
    let mut written = Written::default();
    written.push(0, REGISTERS);
    out.extend_from_slice(written.bytes());
}

/// Runs being written: three at most, of which one is one byte.
#[derive(Default)]
struct Written {
    bytes: [u8; 5],
    len: usize,
}

impl Written {
    fn push(&mut self, value: u8, len: usize) {
        let Some(last) = len.checked_sub(1) else {
            return;
        };
        if value > 0 {
            self.byte(0x80 | (value - 1) << 2 | last as u8);
        } else if len <= SHORT_ZEROS_MAX {
            self.byte(last as u8);
        } else {
            self.byte(0x40 | (last >> 8) as u8);
            self.byte(last as u8);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What raising a register came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was as high already.
    Not,
    Yes,
    /// Runs do not hold the rank, or would be too long with it: they are as before.
    NoRoom,
    /// The runs end before the register.
    Broken,
}

/// Where to look for a register when they rise in ascending order: a run that ends before the one
/// raised last, or the first run. From the first each time, a union would take quadratic time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    /// Place of the run.
    at: usize,
    /// Its first register.
    first: usize,
}

/// Raises the register at `index` to `rank` in the runs that `text` holds from `start` on, where
/// the text may become `len_max` bytes long.
pub(super) fn raise(
    text: &mut Vec<u8>,
    start: usize,
    cursor: &mut Cursor,
    index: usize,
    rank: u8,
    len_max: u64,
) -> Raised {
    if rank > RANK_MAX {
        return Raised::NoRoom;
    }
    let Some(hit) = find(&text[start..], cursor, index) else {
        return Raised::Broken;
    };
    let Run { value, len, size } = hit.run;
    if value >= rank {
        return Raised::Not;
    }
    let mut written = Written::default();
    written.push(value, index - hit.first);
    written.push(rank, 1);
    written.push(value, hit.first + len - index - 1);
    let written = written.bytes();
    let len_then = text.len() + written.len() - size;
    if written.len() > size && len_then as u64 > len_max {
        return Raised::NoRoom;
    }
    let at = start + hit.at;
    text.splice(at..at + size, written.iter().copied());
    join(text, start + hit.before.unwrap_or(0));
    Raised::Yes
}

/// The run that holds a register.
struct Hit {
    run: Run,
    /// Its place.
    at: usize,
    /// The place of the run before it.
    before: Option<usize>,
    /// Its first register.
    first: usize,
}

/// Finds the run that holds the register, from `cursor` on, and moves that to two runs before it:
/// the run before it may be joined with it, but the one before that will still end before the
/// register.
fn find(runs: &[u8], cursor: &mut Cursor, index: usize) -> Option<Hit> {
    let mut here = *cursor;
    let mut before: Option<Cursor> = None;
    loop {
        let run = first(&runs[here.at..])?;
        if index < here.first + run.len {
            debug_assert!(before.is_some() || here.at == 0);
            return Some(Hit {
                run,
                at: here.at,
                before: before.map(|before| before.at),
                first: here.first,
            });
        }
        *cursor = before.unwrap_or(*cursor);
        before = Some(here);
        here.at += run.size;
        here.first += run.len;
    }
}

/// Joins neighbours of one value among the runs at `at`.
fn join(text: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINED_WITHIN {
        let Some(run) = first(&text[at..]) else {
            return;
        };
        let next = at + run.size;
        let joined = first(&text[next..])
            .filter(|next| run.value > 0 && next.value == run.value)
            .map(|next| run.len + next.len)
            .filter(|&len| len <= VALUES_MAX);
        let Some(len) = joined else {
            at = next;
            continue;
        };
        let mut written = Written::default();
        written.push(run.value, len);
        text.splice(at..=next, written.bytes().iter().copied());
    }
}

/// The runs as PFDEBUG DECODE shows them: `Z:16000 v:3,1 z:5`.
pub(super) fn describe(runs: &[u8]) -> String {
    let mut out = String::new();
    for Run { value, len, size } in each(runs) {
        if !out.is_empty() {
            out.push(' ');
        }
        let written = match (value, size) {
            (0, 1) => write!(out, "z:{len}"),
            (0, _) => write!(out, "Z:{len}"),
            _ => write!(out, "v:{value},{len}"),
        };
        written.expect("a String takes what is written to it");
    }
    out
}
