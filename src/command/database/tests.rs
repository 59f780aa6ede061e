//! What the database commands promise, over one shard and several.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::command::check::{Node, check};

#[test]
fn sizes_and_flushes_cover_all_shards() {
    check("MSET a 1 b 2 c 3 d 4 e 5; DBSIZE", "OK; 5");
    check("MSET a 1 b 2 c 3; FLUSHDB; DBSIZE", "OK; OK; 0");
    check(
        "MSET a 1 b 2 c 3; SELECT 1; FLUSHDB async; SELECT 0; DBSIZE",
        "OK; OK; OK; OK; 3",
    );
    check(
        "MSET a 1 b 2 c 3; SELECT 1; FLUSHALL SYNC; SELECT 0; DBSIZE",
        "OK; OK; OK; OK; 0",
    );
    check(
        "FLUSHALL FOO; FLUSHDB SYNC x",
        "ERR syntax error; ERR syntax error",
    );
}

#[test]
fn databases_change_places_on_every_shard() {
    check(
        "MSET a 1 b 2 c 3; SWAPDB 0 1; DBSIZE; SELECT 1; MGET a b c",
        "OK; OK; 0; OK; [1 2 3]",
    );
    check(
        "SWAPDB x y; SWAPDB 99 y",
        "ERR invalid first DB index; ERR invalid second DB index",
    );
    check(
        "SWAPDB 0 16; SWAPDB -1 0",
        "ERR DB index is out of range; ERR DB index is out of range",
    );
}

#[test]
fn a_random_key_is_one_of_the_keys() {
    check("RANDOMKEY; SET only v; RANDOMKEY", "nil; OK; only");
    let mut node = Node::new(3);
    node.play("MSET a 1 b 2 c 3 d 4 e 5");
    let drawn: BTreeSet<String> = (0..500).map(|_| node.play("RANDOMKEY")).collect();
    let drawn: Vec<&str> = drawn.iter().map(String::as_str).collect();
    assert_eq!(drawn, ["a", "b", "c", "d", "e"]);
}

#[test]
fn keys_matches_whole_names() {
    check(
        "MSET {t}1 a {t}2 b; KEYS {t}1; KEYS {t}; KEYS nothing*",
        "OK; [{t}1]; []; []",
    );
}

#[test]
fn scan_refuses_cursors_before_options() {
    check(
        "SCAN abc FOO; SCAN -; SCAN 18446744073709551616",
        &["ERR invalid cursor"; 3].join("; "),
    );
    check(
        "SCAN 0 COUNT; SCAN 0 COUNT 0; SCAN 0 COUNT -1; SCAN 0 FOO bar; SCAN 0 MATCH a COUNT",
        &["ERR syntax error"; 5].join("; "),
    );
    check(
        "SCAN 0 COUNT abc FOO",
        "ERR value is not an integer or out of range",
    );
}

#[test]
fn scan_filters_by_type_in_any_case() {
    for shards in [1, 3] {
        let mut node = Node::new(shards);
        node.play("MSET a 1 b 2 c 3");
        assert_eq!(walk(&mut node, "TYPE STRING").len(), 3);
        assert_eq!(walk(&mut node, "TYPE list").len(), 0);
        assert_eq!(walk(&mut node, "MATCH x MATCH a").len(), 1);
    }
}

/// All keys a walk meets; asserts that it ends.
fn walk(node: &mut Node, options: &str) -> BTreeSet<String> {
    let mut met = BTreeSet::new();
    let mut cursor = "0".to_owned();
    for _ in 0..10_000 {
        let reply = node.play(&format!("SCAN {cursor} {options}"));
        let (next, keys) = reply[1..reply.len() - 2]
            .split_once(" [")
            .expect("a cursor, then an array");
        met.extend(keys.split_ascii_whitespace().map(str::to_owned));
        if next == "0" {
            return met;
        }
        cursor = next.to_owned();
    }
    panic!("the walk does not end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_walk_meets_every_key_on_any_number_of_shards(
        shards in 1_usize..6,
        keys in proptest::collection::btree_set("[a-z]{1,3}", 0..60),
        count in 1_usize..20,
    ) {
        let mut node = Node::new(shards);
        for key in &keys {
            node.play(&format!("SET {key} v"));
        }
        prop_assert_eq!(walk(&mut node, &format!("COUNT {count}")), keys);
    }

    #[test]
    fn any_number_is_a_cursor(shards in 1_usize..6, cursor: i64) {
        let mut node = Node::new(shards);
        node.play("MSET a 1 b 2 c 3");
        let reply = node.play(&format!("SCAN {cursor}"));
        prop_assert!(reply.starts_with('['), "{}", reply);
    }
}
