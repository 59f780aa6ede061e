//! Payloads with some bytes changed: everybody takes one, to the same value, or refuses it.

use basalt::base::crc64;

use crate::random::Random;
use crate::side::Side;
use crate::stage::{Difference, Stage, difference, restore, status};
use crate::wire::{Reply, quote};

/// Where it is restored: no command comes to it.
const SCRATCH: &[u8] = b"corrupt";

/// Version and checksum, behind the value.
const FOOTER_BYTES: usize = 10;

/// Bytes that numbers and lengths are made of at their limits.
const EDGE_BYTES: &[u8] = &[
    0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xf0, 0xf4, 0xfe, 0xff,
];

/// Types of values that stock 7.0 does not know.
const TYPES_SINCE: &[u8] = &[20, 21, 24, 25];

impl Stage {
    /// Changes the payload of a key by a seed, and lets everybody restore it. Stock does this in
    /// a server of its own, since a payload may be its end.
    pub fn corrupt(&mut self, key: &[u8], seed: &[u8]) -> Result<(), Difference> {
        let Reply::Bulk(payload) = self.sides[0].ask(&[b"DUMP", key]) else {
            return Ok(());
        };
        let seed = seed.iter().fold(0, |sum: u64, byte| {
            sum.wrapping_mul(257).wrapping_add(u64::from(*byte))
        });
        let mut random = Random::new(seed ^ crc64(0, &payload));
        for _ in 0..4 {
            let payload = changed(&payload, &mut random);
            self.judge(&payload)?;
        }
        Ok(())
    }

    fn judge(&mut self, payload: &[u8]) -> Result<(), Difference> {
        let stock = verdict(&mut self.stand_in, payload);
        if self.stand_in.revive() {
            self.stand_in.ask(&["HELLO", &self.protocol]);
        }
        for at in 1..self.sides.len() {
            let ours = verdict(&mut self.sides[at], payload);
            if !is_right(payload, &stock, &ours) {
                let told = difference(&stock[0], &self.sides[at], &ours[0]);
                let payload = quote(payload);
                return Err(Difference {
                    stock: format!(
                        "RESTORE {payload}:\n    {}\n    {:?}",
                        told.stock,
                        &stock[1..]
                    ),
                    ours: format!("{}\n    {:?}", told.ours, &ours[1..]),
                    ..told
                });
            }
        }
        Ok(())
    }
}

/// What RESTORE answers, and what there is then: the digest and, of a stream, its groups.
fn verdict(side: &mut Side, payload: &[u8]) -> Vec<Reply> {
    let mut replies = vec![restore(side, SCRATCH, payload, b"0")];
    if replies[0] == status("OK") {
        replies.push(side.ask(&[b"DEBUG".as_slice(), b"DIGEST-VALUE", SCRATCH]));
        let groups = side.ask(&[b"XINFO".as_slice(), b"GROUPS", SCRATCH]);
        replies.push(without_lag(groups));
        side.ask(&[b"DEL".as_slice(), SCRATCH]);
    }
    replies
}

/// Without what comes last of each group: stock counts from the first id that the payload tells,
/// we from the first there is.
fn without_lag(reply: Reply) -> Reply {
    match reply {
        Reply::Array(groups) => Reply::Array(groups.into_iter().map(without_lag_of_one).collect()),
        other => other,
    }
}

fn without_lag_of_one(group: Reply) -> Reply {
    match group {
        Reply::Array(mut items) => {
            items.truncate(10);
            Reply::Array(items)
        }
        Reply::Map(mut pairs) => {
            pairs.truncate(5);
            Reply::Map(pairs)
        }
        other => other,
    }
}

/// Whether we judge as stock does, or have a reason not to.
fn is_right(payload: &[u8], stock: &[Reply], ours: &[Reply]) -> bool {
    if stock == ours {
        return true;
    }
    let is_refused = |replies: &[Reply]| {
        let bad: &[u8] = b"ERR Bad data format";
        matches!(&replies[0], Reply::Error(text) if text.as_slice() == bad)
    };
    let is_newer = TYPES_SINCE.contains(&payload[0]);
    // Stock takes a value that ends before the payload does or goes on into the footer, and it
    // trusts a stream's numbers more than we do.
    is_refused(ours) || is_newer && is_refused(stock)
}

fn changed(payload: &[u8], random: &mut Random) -> Vec<u8> {
    let (body, footer) = payload.split_at(payload.len() - FOOTER_BYTES);
    let mut body = body.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(body.len());
        match random.below(6) {
            0 | 1 => body[at] ^= 1 << random.below(8),
            2 => body[at] = *random.of(EDGE_BYTES),
            3 => body[at] = body[at].wrapping_add(1),
            4 if body.len() > 1 => drop(body.remove(at)),
            _ => body.insert(at, *random.of(EDGE_BYTES)),
        }
    }
    body.extend(&footer[..2]);
    let sum = crc64(0, &body);
    body.extend(sum.to_le_bytes());
    body
}
