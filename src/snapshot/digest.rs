//! The digest by which DEBUG DIGEST and DEBUG DIGEST-VALUE tell whether two nodes hold the same
//! data: stock's algorithm, so that a stock server's digest can be compared with ours.
//!
//! A digest is 20 bytes, at first zero. *Xor* joins it with the SHA-1 of some bytes: the order of
//! such steps does not matter. *Mix* does the same and takes the SHA-1 of the outcome: order
//! matters. What has no order (the keys of a database, the members of a set, the fields of a hash)
//! is joined by xor, what has one is mixed.

use std::fmt;

use sha1::{Digest as _, Sha1};

use crate::value::list::End;

use super::element::Element;
use super::hash::BEFORE_ALL;
use super::value::Value;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; Self::BYTES]);

impl Digest {
    pub const BYTES: usize = 20;

    /// What `to_bytes` gave.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }

    /// Joins in something without order.
    pub fn xor(&mut self, bytes: &[u8]) {
        self.join(Self(sha1(bytes)));
    }

    /// Joins in what comes next of something that has an order.
    pub fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = sha1(&self.0);
    }

    /// Joins in one of many parts without order, each of which has an order within.
    fn xor_each(&mut self, fill: impl FnOnce(&mut Self)) {
        let mut part = Self::default();
        fill(&mut part);
        self.xor(&part.0);
    }

    /// Joins in the digest of a part as it is.
    pub fn join(&mut self, part: Self) {
        for (byte, other) in self.0.iter_mut().zip(part.0) {
            *byte ^= other;
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// The digest of a value, and of whether its key has a deadline, on top of `start`: nothing for
/// DIGEST-VALUE, the key's name for DIGEST.
pub fn digest_of(start: Digest, value: Value<'_>, has_deadline: bool) -> Digest {
    let mut digest = start;
    digest.mix(&type_number(value).to_be_bytes());
    match value {
        Value::Text(text) => digest.mix(text),
        Value::List(list) => {
            let items = list.walk(End::Front, 0).map(Element::from);
            items.for_each(|item| item.with_text(|text| digest.mix(text)));
        }
        Value::Set(set) => {
            let members = set.iter().map(Element::from);
            members.for_each(|member| member.with_text(|text| digest.xor(text)));
        }
        Value::Hash(hash) => hash.each_with_deadline(BEFORE_ALL, |field, value, deadline| {
            digest.xor_each(|part| {
                Element::from(field).with_text(|text| part.mix(text));
                Element::from(value).with_text(|text| part.mix(text));
                if deadline.is_some() {
                    part.xor(b"!!hexpire!!");
                }
            });
        }),
        Value::Stream(stream) => stream.entries().iter().for_each(|entry| {
            digest.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.fields {
                Element::from(field).with_text(|text| digest.mix(text));
                Element::from(value).with_text(|text| digest.mix(text));
            }
        }),
        Value::SortedSet(set) => set.visit_all(|score, member| {
            digest.xor_each(|part| {
                part.mix(member);
                part.mix(score_text(score).as_bytes());
            });
        }),
    }
    if has_deadline {
        digest.xor(b"!!expire!!");
    }
    digest
}

/// How stock numbers the types in memory.
fn type_number(value: Value<'_>) -> u32 {
    match value {
        Value::Text(_) => 0,
        Value::List(_) => 1,
        Value::Set(_) => 2,
        Value::SortedSet(_) => 3,
        Value::Hash(_) => 4,
        // 5 is of modules.
        Value::Stream(_) => 6,
    }
}

/// A score as C's `%.17g` prints it.
fn score_text(score: f64) -> String {
    if score.is_infinite() {
        return if score > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // 17 digits in all, rounded to the nearest; the exponent says which form is taken.
    let scientific = format!("{score:.16e}");
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("the form has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    if (-4..17).contains(&exponent) {
        let decimals = usize::try_from(16 - exponent).expect("the exponent is below 17");
        return without_zeros(&format!("{score:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let digits = without_zeros(digits);
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// A decimal number without the zeros at its end that say nothing.
fn without_zeros(digits: &str) -> &str {
    if !digits.contains('.') {
        return digits;
    }
    digits.trim_end_matches('0').trim_end_matches('.')
}

fn sha1(bytes: &[u8]) -> [u8; Digest::BYTES] {
    Sha1::digest(bytes).into()
}
