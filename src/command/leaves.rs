//! What commands leave in the journal, as `tests/effects/stream.txt` has it
//! from stock Redis, and that no command that writes has been forgotten there.

#[path = "../../tests/effects/stream.rs"]
mod stream;

use crate::resp::{Args, OwnedArgs};
use crate::spec::Flags;

use super::check::Node;
use super::effects::cases::{self, Case};
use super::table::{Run, Table};

const CASES: &str = include_str!("../../tests/effects/stream.txt");

/// What needs a server: who waits, what EXEC and scripts run, messages.
const ELSEWHERE: &[&str] = &["&", "MULTI", "EVAL", "SCRIPT", "FUNCTION", "PUBLISH"];

#[test]
fn commands_leave_what_stock_leaves() {
    let mut differences = Vec::new();
    for shards in [1, 3] {
        let here = |case: &&Case| !ELSEWHERE.iter().any(|word| case.text.contains(word));
        for case in cases::parse(CASES).iter().filter(here) {
            let left = leaves(shards, case);
            // What expires at several cores at once does so in no order.
            let sorted = |lines: &[String]| {
                let mut lines = lines.to_vec();
                lines.sort_unstable();
                lines
            };
            let is_same = left == case.told || shards > 1 && sorted(&left) == sorted(&case.told);
            if !is_same {
                let (text, told) = (&case.text, &case.told);
                differences.push(format!(
                    "{text}\n  wanted {told:?}\n  got    {left:?} with {shards} shards"
                ));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// What the last request of a case leaves.
fn leaves(shards: usize, case: &Case) -> Vec<String> {
    let mut node = Node::new(shards);
    node.record();
    for request in case.before() {
        if request[0] == b"..." {
            node.clock.now += 20;
        } else {
            node.say(request);
        }
    }
    let before = node.effects.len();
    node.say(case.last());
    let left: Vec<_> = node.effects.iter().skip(before).collect();
    let mut bytes = Vec::new();
    let is_several = left.len() > 1;
    if is_several {
        bytes.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
    }
    for effect in left {
        let database = effect.database.to_string();
        let select = [b"SELECT", database.as_bytes()];
        crate::journal::put_request(&mut bytes, select.into_iter());
        bytes.extend_from_slice(effect.bytes);
    }
    if is_several {
        bytes.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
    }
    let commands = stream::commands(&bytes);
    stream::lines(&commands, node.clock.now as i64, case.last())
}

#[test]
fn every_command_that_writes_has_a_case() {
    let table: &'static Table = Box::leak(Box::new(Table::new(super::commands())));
    let cases = cases::parse(CASES);
    let found = |request: &[Vec<u8>]| {
        let words = OwnedArgs::new(request);
        let args: Args<'_> = words.args();
        table.find(args).map(|entry| entry.index)
    };
    let played: Vec<u16> = cases.iter().filter_map(|case| found(case.last())).collect();
    let missing: Vec<&str> = table
        .entries()
        .filter(|entry| !matches!(entry.command.run, Run::Container(_)))
        .filter(|entry| entry.flags().has(Flags::WRITE) || entry.flags().has(Flags::MAY_REPLICATE))
        .filter(|entry| !played.contains(&entry.index))
        .map(|entry| entry.name)
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
