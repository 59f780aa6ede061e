//! Where members are: GEOPOS, GEOHASH, GEODIST.

use std::io::Write;

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply, Version};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::geo::Place;
use crate::value::sorted_set::SortedSet;

use super::parse;

pub(crate) const COMMANDS: &[Command] = &[GEODIST, GEOHASH, GEOPOS];

const READ_KEYS: &[Keys] = &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))];

const GEOPOS: Command = Command {
    spec: Spec {
        name: "GEOPOS",
        usage: "key [member...]",
        summary: "Returns the longitude and latitude of members.",
        since: "3.2.0",
        cost: "O(1) for each member",
        group: Group::Geo,
        flags: Flags::READONLY,
        keys: READ_KEYS,
        ..Spec::PLAIN
    },
    run: Run::Data(geopos),
};

fn geopos(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let set = turn.read_as::<SortedSet>(&key)?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => write_place(reply, Place::from_score(score)),
            None => reply.null_array(),
        }
    }
    Ok(())
}

const GEOHASH: Command = Command {
    spec: Spec {
        name: "GEOHASH",
        usage: "key [member...]",
        summary: "Returns the places of members as geohash texts.",
        since: "3.2.0",
        cost: "O(1) for each member",
        group: Group::Geo,
        flags: Flags::READONLY,
        keys: READ_KEYS,
        ..Spec::PLAIN
    },
    run: Run::Data(geohash),
};

fn geohash(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let set = turn.read_as::<SortedSet>(&key)?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => reply.bulk(&Place::from_score(score).geohash()),
            None => reply.null(),
        }
    }
    Ok(())
}

const GEODIST: Command = Command {
    spec: Spec {
        name: "GEODIST",
        usage: "key member1 member2 [unit=(M | KM | FT | MI)]",
        summary: "Returns how far two members are apart.",
        since: "3.2.0",
        cost: "O(1)",
        group: Group::Geo,
        flags: Flags::READONLY,
        keys: READ_KEYS,
        ..Spec::PLAIN
    },
    run: Run::Data(geodist),
};

fn geodist(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let metres_per_unit = match args.len() {
        4 => 1.0,
        5 => parse::metres_per_unit(args.get(4))?,
        _ => return Err(Refusal::Syntax),
    };
    let key = turn.key(args, 1);
    let set = turn.read_as::<SortedSet>(&key)?;
    let place = |index| {
        let score = set?.score(args.get(index))?;
        Some(Place::from_score(score))
    };
    match place(2).zip(place(3)) {
        Some((one, other)) => write_distance(reply, one.distance_m(other) / metres_per_unit),
        None => reply.null(),
    }
    Ok(())
}

/// A place as an array of longitude and latitude.
pub(super) fn write_place(reply: &mut Reply<'_>, place: Place) {
    reply.array(2);
    for degrees in [place.longitude, place.latitude] {
        let text = fixed::<17>(degrees);
        // As many digits as 17 decimals show, without the zeros at the end.
        let end = text
            .iter()
            .rposition(|byte| *byte != b'0')
            .expect("there is a point");
        let end = if text[end] == b'.' { end } else { end + 1 };
        let text: &[u8] = match &text[..end] {
            b"-0" => b"0",
            text => text,
        };
        match reply.version() {
            Version::Two => reply.bulk(text),
            Version::Three => {
                reply.raw(b",");
                reply.raw(text);
                reply.raw(b"\r\n");
            }
        }
    }
}

/// A distance as a text with four decimals.
pub(super) fn write_distance(reply: &mut Reply<'_>, distance: f64) {
    reply.bulk(&fixed::<4>(distance));
}

/// A number with so many decimals.
fn fixed<const DECIMALS: usize>(number: f64) -> Vec<u8> {
    let mut text = Vec::with_capacity(32);
    write!(text, "{number:.DECIMALS$}").expect("a vector takes all that is written");
    text
}
