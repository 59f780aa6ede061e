//! What was recorded must make the same data: the slices of all cores, put in
//! order and done again, one after the other, on empty shards.

use std::collections::BTreeMap;

use crate::command::{Lent, with_value};
use crate::journal::Merge;
use crate::keyspace::{Clock, Keyspace, Overdue, Touch};
use crate::resp::{Args, Decoded, Decoder, Limits};
use crate::shard::Shard;
use crate::snapshot::{Digest, digest_of};

use super::super::recording::FILE_LANE;
use super::super::replay::Replay;
use super::node::Node;

/// What a key holds: its digest and its deadline.
type Held = (Digest, Option<u64>);

pub(super) fn look(node: &Node) -> Result<(), String> {
    if !node.is_recorded {
        return Ok(());
    }
    let mut merge = Merge::new(1, 0);
    let mut bytes = 0;
    node.journal.feed.receive(FILE_LANE, |ticket, slice| {
        bytes += slice.weight();
        merge.put(ticket, slice);
    });
    if node.journal.feed.bytes(FILE_LANE) != bytes {
        return Err("the lane counts other bytes than it has".to_owned());
    }
    let (mut stream, mut weight) = (Vec::new(), 0);
    for next in merge.by_ref() {
        assert_eq!(next.offset, stream.len() as u64);
        stream.extend(next.select.iter().flatten());
        stream.extend_from_slice(&next.bytes);
        weight += next.weight;
    }
    if merge.is_holding() {
        return Err("a part of a joint unit is missing".to_owned());
    }
    if weight != bytes {
        return Err("what came out weighs something else than what went in".to_owned());
    }
    if merge.ticket() != node.journal.feed.last() + 1 {
        return Err(format!("ticket {} is missing", merge.ticket()));
    }
    let local = &node.cores[0].work.local;
    let live = &local.live;
    let databases = live.databases as usize;
    let empty = |core| Some(Shard::new(core, databases, node.cores[0].work.hash_key));
    let shards: Lent = (0..node.cores.len()).map(empty).collect();
    let mut replay = Replay::new(local.table, live, shards);
    run(&mut replay, &stream)?;
    for (core, again) in node.cores.iter().zip(replay.shards()) {
        let vault = core.work.vault.peek().expect("every shard is at home");
        let again = again.as_ref().expect("it was just made");
        for database in 0..databases {
            let (one, other) = (held(vault, database), held(&again.keyspace, database));
            if let Some(key) = differing(&one, &other) {
                return Err(format!(
                    "done again, {} of database {database} holds something else: {:?}, not {:?}",
                    key.escape_ascii(),
                    other.get(&key),
                    one.get(&key),
                ));
            }
        }
    }
    Ok(())
}

fn run(replay: &mut Replay, stream: &[u8]) -> Result<(), String> {
    let (mut decoder, mut spans) = (Decoder::new(), Vec::new());
    let limits = Limits::default();
    let mut at = 0;
    while at < stream.len() {
        spans.clear();
        let decoded = decoder.decode(&stream[at..], &mut spans, &limits);
        let Ok(Decoded::Request { consumed }) = decoded else {
            return Err(format!("no request at {at}"));
        };
        let args = Args::new(&stream[at..], &spans);
        replay.run(args).map_err(|why| why.0)?;
        at += consumed;
    }
    if replay.give_up_transaction() {
        return Err("a transaction has no end".to_owned());
    }
    Ok(())
}

fn held(keyspace: &Keyspace, database: usize) -> BTreeMap<Vec<u8>, Held> {
    // Also what has expired and is not noticed yet.
    let clock = Clock {
        now: 0,
        touch: Touch::Leave,
        overdue: Overdue::Left,
    };
    let mut all = BTreeMap::new();
    let mut cursor = 0;
    loop {
        cursor = keyspace.db(database).scan(cursor, 1000, &clock, |found| {
            let deadline = found.deadline();
            let digest = with_value(found, |value| {
                digest_of(Digest::default(), value, deadline.is_some())
            });
            all.insert(found.key().to_vec(), (digest, deadline));
        });
        if cursor == 0 {
            return all;
        }
    }
}

fn differing(one: &BTreeMap<Vec<u8>, Held>, other: &BTreeMap<Vec<u8>, Held>) -> Option<Vec<u8>> {
    let mut keys = one.keys().chain(other.keys());
    let differing = keys.find(|key| one.get(*key) != other.get(*key));
    differing.cloned()
}
