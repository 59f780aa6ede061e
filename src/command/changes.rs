//! What counts as a change, as stock counts `rdb_changes_since_last_save`. Replicas, watches and
//! snapshots go by it, so the same request on the same data counts the same.

use super::check::Node;

/// Plays requests one after the other; each counts as many changes.
#[track_caller]
fn check_changes(requests: &[(&str, u64)]) {
    let mut node = Node::new(1);
    for (request, changes) in requests {
        let before = node.changes;
        node.play(request);
        assert_eq!(node.changes - before, *changes, "{request}");
    }
}

#[test]
fn fields_that_are_written_anew_are_changes() {
    check_changes(&[
        ("BITFIELD b SET u8 0 0", 1),
        ("BITFIELD b SET u8 0 0", 0),
        ("BITFIELD b SET u8 0 1", 1),
        ("BITFIELD b SET u8 0 1", 0),
        ("BITFIELD b SET u8 0 1 SET u8 8 0", 2),
        ("BITFIELD b SET u8 0 1 SET u8 8 0", 0),
        ("BITFIELD b GET u8 100", 0),
        ("BITFIELD b GET u8 0 SET u8 0 2 GET u8 0", 1),
        ("BITFIELD b INCRBY u8 0 0", 0),
        ("BITFIELD b INCRBY u8 0 1", 1),
        ("BITFIELD b OVERFLOW FAIL SET u8 0 300", 0),
        ("BITFIELD b OVERFLOW FAIL SET u8 64 300", 0),
        ("BITFIELD b OVERFLOW FAIL SET u8 128 300 SET u8 0 3", 1),
        ("BITFIELD b SET u8 0 4 SET u8 0 3 SET u8 0 3", 2),
    ]);
}

#[test]
fn a_score_or_a_deadline_that_stays_is_no_change() {
    check_changes(&[
        ("ZINCRBY z 0 a", 1),
        ("ZINCRBY z 0 a", 0),
        ("ZINCRBY z 1 a", 1),
        ("SET s x", 1),
        ("GETEX s PERSIST", 0),
        ("GETEX s EX 100", 1),
        ("GETEX s PERSIST", 1),
        ("GETEX s PERSIST", 0),
    ]);
}
