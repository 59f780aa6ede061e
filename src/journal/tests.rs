//! Units, slices and their order.

use super::{Effects, Merge, Open, Part, Position, Slice, UnitId, select};

fn words(text: &str) -> Vec<&[u8]> {
    text.split(' ').map(str::as_bytes).collect()
}

/// A stream as its words: `SELECT 1; SET k v`.
fn told(mut bytes: &[u8]) -> String {
    let mut requests = Vec::new();
    while !bytes.is_empty() {
        let count = number(&mut bytes, b'*');
        let mut request = Vec::new();
        for _ in 0..count {
            let len = number(&mut bytes, b'$');
            request.push(String::from_utf8_lossy(&bytes[..len]).into_owned());
            bytes = &bytes[len + 2..];
        }
        requests.push(request.join(" "));
    }
    requests.join("; ")
}

fn number(bytes: &mut &[u8], kind: u8) -> usize {
    let rest = bytes.strip_prefix(&[kind]).expect("a header");
    let end = rest.iter().position(|byte| *byte == b'\r').expect("a line");
    let number = std::str::from_utf8(&rest[..end]).expect("digits");
    *bytes = &rest[end + 2..];
    number.parse().expect("a number")
}

fn effects(units: &[(usize, &str)]) -> Effects {
    let mut effects = Effects::default();
    for (database, text) in units {
        effects.push(*database, words(text).into_iter());
    }
    effects
}

#[test]
fn only_several_effects_are_a_transaction() {
    let mut open = Open::default();
    open.add_unit(&effects(&[(0, "SET k v")]));
    open.add_unit(&effects(&[(0, "DEL j"), (0, "SET j w")]));
    open.add_unit(&Effects::default());
    let slice = open.seal();
    assert_eq!(
        told(&slice.bytes),
        "SET k v; MULTI; DEL j; SET j w; EXEC",
        "nothing is left of a unit of nothing"
    );
    assert!(open.is_empty() && open.seal().bytes.is_empty());
}

#[test]
fn a_slice_selects_within_and_the_merge_before() {
    let mut open = Open::default();
    open.add_request(1, words("SET k v").into_iter());
    open.add_unit(&effects(&[(1, "INCR k"), (0, "INCR j")]));
    let slice = open.seal();
    assert_eq!(
        told(&slice.bytes),
        "SET k v; MULTI; INCR k; SELECT 0; INCR j; EXEC"
    );
    assert_eq!(slice.databases, Some((1, 0)));
    let mut merge = Merge::new(7, 100);
    merge.put(7, slice.clone());
    merge.put(8, slice.clone());
    let first = merge.next().expect("it has come");
    assert_eq!((first.ticket, first.offset), (7, 100));
    assert_eq!(first.select, Some(select(1)));
    let second = merge.next().expect("it has come");
    assert_eq!(second.offset, 100 + first.len());
    assert_eq!(second.select, Some(select(1)), "the first one ended in 0");
    open.add_request(0, words("SET k v").into_iter());
    merge.put(9, open.seal());
    assert_eq!(merge.next().expect("it has come").select, None);
    merge.forget_database();
    open.add_request(0, words("SET k v").into_iter());
    merge.put(10, open.seal());
    assert_eq!(merge.next().expect("it has come").select, Some(select(0)));
}

#[test]
fn slices_come_out_in_the_order_of_their_tickets() {
    let mut open = Open::default();
    let mut merge = Merge::new(1, 0);
    let mut slice = |text: &str| {
        open.add_request(0, words(text).into_iter());
        open.seal()
    };
    merge.put(3, slice("SET c 3"));
    merge.put(2, slice("SET b 2"));
    assert_eq!(merge.next(), None, "the first is on its way");
    merge.put(0, slice("SET z 0"));
    let cut = Slice {
        cut: Some(5),
        ..Slice::default()
    };
    merge.put(1, cut);
    let first = merge.next().expect("it has come");
    assert_eq!((first.cut, first.offset, first.len()), (Some(5), 0, 0));
    let mut stream = Vec::new();
    for next in merge.by_ref() {
        assert_eq!(next.offset, stream.len() as u64);
        stream.extend(next.select.iter().flatten());
        stream.extend_from_slice(&next.bytes);
    }
    assert_eq!(told(&stream), "SELECT 0; SET b 2; SET c 3");
    assert_eq!(merge.offset(), stream.len() as u64);
}

#[test]
fn a_slice_stays_as_it_is_while_others_are_written() {
    let mut open = Open::default();
    let mut slices = Vec::new();
    for round in 0..5000_usize {
        let text = format!("SET key{round} {}", "x".repeat(round % 97));
        open.add_request(0, words(&text).into_iter());
        slices.push((text, open.seal()));
        if round % 3 == 0 {
            // What nobody reads any more is written again.
            slices.swap_remove(round % slices.len());
        }
    }
    for (text, slice) in slices {
        assert_eq!(told(&slice.bytes), text);
    }
}

#[test]
fn what_has_come_and_not_come_out_goes_on_elsewhere() {
    let slice = |text: &str| {
        let mut open = Open::default();
        open.add_request(0, words(text).into_iter());
        open.seal()
    };
    let mut first = Merge::new(5, 0);
    for (ticket, text) in [(9, "SET d 4"), (5, "SET a 1"), (7, "SET c 3")] {
        first.put(ticket, slice(text));
    }
    assert_eq!(first.next().map(|merged| merged.ticket), Some(5));
    let rest: Vec<_> = first.into_rest().collect();
    let tickets: Vec<u64> = rest.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(tickets, [7, 9]);
    let mut second = Merge::new(7, 0);
    for (ticket, slice) in rest {
        second.put(ticket, slice);
    }
    second.put(8, Slice::default());
    let out: String = second.map(|merged| told(&merged.bytes)).collect();
    assert_eq!(out, "SET c 3SET d 4");
}

/// A slice of parts of units, each of so many: `unit`, `until`, and what it did.
fn parts(parts: &[(UnitId, u8, u64, &str)]) -> Slice {
    let mut open = Open::default();
    for (unit, parts, until, text) in parts {
        let part = Part {
            unit: *unit,
            parts: *parts,
            until: *until,
        };
        assert!(open.takes(Position::Part(part)));
        let left: &[(usize, &str)] = match *text {
            "" => &[],
            text => &[(0, text)],
        };
        open.add_part(part, effects(left));
    }
    open.seal()
}

/// One of a request that stands behind all units before this one.
fn behind(unit: UnitId, text: &str) -> Slice {
    let mut open = Open::default();
    assert!(open.takes(Position::Behind(unit)));
    open.stand_behind(unit);
    open.add_request(0, words(text).into_iter());
    assert!(open.takes(Position::Behind(unit)));
    assert!(!open.takes(Position::Behind((unit.0 + 1, 0))));
    open.seal()
}

/// What comes out of slices with the tickets 1, 2, 3 …, after each of them.
fn merged(slices: Vec<Slice>) -> Vec<String> {
    let mut merge = Merge::new(1, 0);
    let mut weight = 0;
    let mut out = Vec::new();
    for (ticket, slice) in (1..).zip(slices) {
        weight += slice.weight();
        merge.put(ticket, slice);
        let mut stream = Vec::new();
        for next in merge.by_ref() {
            weight -= next.weight;
            stream.extend_from_slice(&next.bytes);
        }
        out.push(told(&stream));
    }
    assert!(!merge.is_holding());
    assert_eq!(weight, 0, "what came out weighs what went in");
    out
}

#[test]
fn a_joint_unit_comes_out_with_its_last_part_and_what_stands_behind_it_then() {
    let out = merged(vec![
        parts(&[((5, 0), 2, 0, "SET a 1")]),
        behind((5, u32::MAX), "SET a 2"),
        behind((0, 0), "SET c 1"),
        parts(&[((5, 0), 2, 0, "SET b 1")]),
        behind((5, u32::MAX), "SET b 2"),
    ]);
    let whole = "MULTI; SET a 1; SET b 1; EXEC; SET a 2";
    assert_eq!(out, ["", "", "SET c 1", whole, "SET b 2"]);
}

#[test]
fn a_part_of_nothing_counts_and_a_unit_of_one_effect_is_no_transaction() {
    let out = merged(vec![
        parts(&[((5, 0), 3, 0, ""), ((5, 1), 2, 0, "")]),
        parts(&[((5, 0), 3, 0, "DEL k")]),
        parts(&[((5, 1), 2, 0, ""), ((5, 0), 3, 0, "")]),
    ]);
    assert_eq!(out, ["", "", "DEL k"]);
}

#[test]
fn a_unit_waits_for_those_it_depends_on_and_for_no_others() {
    // (5, 0) is missing a part all along; 7 depends on it, 6 on nothing.
    let out = merged(vec![
        parts(&[((5, 0), 2, 0, "SET a 5"), ((5, 1), 2, 0, "SET b 5")]),
        parts(&[((6, 0), 2, 0, "SET c 6"), ((7, 0), 2, 5, "SET a 7")]),
        parts(&[((6, 0), 2, 0, "SET d 6"), ((7, 0), 2, 0, "SET d 7")]),
        parts(&[((5, 1), 2, 0, "SET e 5")]),
        parts(&[((5, 0), 2, 0, "SET f 5")]),
    ]);
    assert_eq!(
        out,
        [
            "",
            "",
            "MULTI; SET c 6; SET d 6; EXEC",
            "MULTI; SET b 5; SET e 5; EXEC",
            "MULTI; SET a 5; SET f 5; EXEC; MULTI; SET a 7; SET d 7; EXEC",
        ]
    );
}

#[test]
fn what_runs_between_two_parts_of_one_stamp_stands_between_them() {
    let out = merged(vec![
        parts(&[((5, 0), 2, 0, "SET a 1")]),
        behind((5, 1), "APPEND a 2"),
        parts(&[((5, 1), 2, 5, "DEL a")]),
        parts(&[((5, 0), 2, 0, "SET b 1"), ((5, 1), 2, 5, "DEL b")]),
    ]);
    let all = "MULTI; SET a 1; SET b 1; EXEC; APPEND a 2; MULTI; DEL a; DEL b; EXEC";
    assert_eq!(out, ["", "", "", all]);
}
