//! Where something ends whose bytes are still coming: it steps over lengths, texts and fixed bytes,
//! understands none of them, and keeps its place when bytes run out.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::opcode::Step;
use crate::snapshot::string::{Malformed, Prefix, prefix, read_length};

/// Steps under way, so often more.
#[derive(Debug)]
struct Frame {
    steps: &'static [Step],
    next: usize,
    rounds: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Extent {
    frames: Vec<Frame>,
    /// Bytes that are stepped over; more than have come, while a text is under way.
    at: u64,
}

/// How far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It ends after so many bytes.
    Whole(usize),
    /// It has at least so many.
    AtLeast(u64),
}

impl Extent {
    pub(super) fn new(steps: &'static [Step]) -> Self {
        let frame = Frame {
            steps,
            next: 0,
            rounds: 1,
        };
        Self {
            frames: vec![frame],
            at: 0,
        }
    }

    /// Goes on in `bytes`, which begin where they began the last time.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<Reach, Malformed> {
        loop {
            let at = usize::try_from(self.at).or(Err(Malformed))?;
            let Some(rest) = bytes.get(at..) else {
                return Ok(Reach::AtLeast(self.at));
            };
            let Some(frame) = self.frames.last_mut() else {
                return Ok(Reach::Whole(at));
            };
            let Some(step) = frame.steps.get(frame.next) else {
                frame.rounds = frame.rounds.saturating_sub(1);
                frame.next = 0;
                if frame.rounds == 0 {
                    self.frames.pop();
                }
                continue;
            };
            let Some(taken) = self.take(*step, rest)? else {
                return Ok(Reach::AtLeast(self.at.saturating_add(1)));
            };
            self.at = self.at.checked_add(taken).ok_or(Malformed)?;
        }
    }

    /// Takes a step and says over how many bytes; `None` while it cannot be known.
    fn take(&mut self, step: Step, rest: &[u8]) -> Result<Option<u64>, Malformed> {
        let mut inner = None;
        let mut stays = false;
        let taken = match step {
            Step::Bytes(len) => Some(len as u64),
            Step::Text => text_bytes(rest)?,
            Step::Length => length(rest)?.map(|(_, bytes)| bytes),
            Step::ScoreText => rest.first().map(|&len| match len {
                253.. => 1,
                _ => u64::from(len).saturating_add(1),
            }),
            Step::Times(steps) => length(rest)?.map(|(rounds, bytes)| {
                inner = (rounds > 0).then_some((steps, rounds));
                bytes
            }),
            Step::ModuleParts => module_part(rest)?.map(|(bytes, is_last)| {
                stays = !is_last;
                bytes
            }),
        };
        if taken.is_some() {
            if let Some(frame) = self.frames.last_mut()
                && !stays
            {
                frame.next = frame.next.saturating_add(1);
            }
            if let Some((steps, rounds)) = inner {
                self.frames.push(Frame {
                    steps,
                    next: 0,
                    rounds,
                });
            }
        }
        Ok(taken)
    }
}

/// A length and its own bytes.
fn length(rest: &[u8]) -> Result<Option<(u64, u64)>, Malformed> {
    match prefix(rest)? {
        Some(Prefix::Length(bytes)) if rest.len() >= bytes => {
            let mut rest = rest;
            Ok(Some((read_length(&mut rest)?, bytes as u64)))
        }
        Some(Prefix::Length(_)) | None => Ok(None),
        Some(Prefix::Number(_) | Prefix::Compressed) => Err(Malformed),
    }
}

/// All bytes of a text.
fn text_bytes(rest: &[u8]) -> Result<Option<u64>, Malformed> {
    let all = match prefix(rest)? {
        None => return Ok(None),
        Some(Prefix::Number(bytes)) => return Ok(Some(bytes as u64)),
        Some(Prefix::Length(_)) => length(rest)?,
        Some(Prefix::Compressed) => {
            let rest = rest.get(1..).unwrap_or_default();
            let Some((compressed_len, first)) = length(rest)? else {
                return Ok(None);
            };
            let rest = usize::try_from(first).ok().and_then(|at| rest.get(at..));
            let second = length(rest.unwrap_or_default())?;
            second.map(|(_, second)| {
                (
                    compressed_len,
                    first.saturating_add(second).saturating_add(1),
                )
            })
        }
    };
    let Some((len, before)) = all else {
        return Ok(None);
    };
    len.checked_add(before).map(Some).ok_or(Malformed)
}

/// One part of a module's value: its bytes, and whether it is the last.
fn module_part(rest: &[u8]) -> Result<Option<(u64, bool)>, Malformed> {
    let Some((kind, bytes)) = length(rest)? else {
        return Ok(None);
    };
    let after = usize::try_from(bytes).ok().and_then(|at| rest.get(at..));
    let after = after.unwrap_or_default();
    let value = match kind {
        0 => return Ok(Some((bytes, true))),
        // A number, with and without a sign.
        1 | 2 => length(after)?.map(|(_, bytes)| bytes),
        // Numbers with a point, of 4 and 8 bytes.
        3 => Some(4),
        4 => Some(8),
        5 => text_bytes(after)?,
        _ => return Err(Malformed),
    };
    Ok(value.map(|value| (value.saturating_add(bytes), false)))
}
