//! Append-only files with requests to run scripts, as servers before 7.0 wrote
//! them: stock and basalt make the same data of them.

use std::fs;
use std::path::Path;

use crate::aof::{ON, end};
use crate::wire::{Reply, request};
use crate::{Side, data_folder};

const FIRST: &str = "return redis.call('incr', KEYS[1])";
const LOADED: &str = "return redis.call('append', KEYS[1], ARGV[1])";
/// Their SHA1.
const FIRST_SHA: &str = "2bab3b661081db58bd2341920e0ba7cf5dc77b25";
const LOADED_SHA: &str = "b2f9e208649373dfbe8c03d7e2bb80f97e1b210a";

/// A file as a server before 7.0 left it: one, and nothing of a base.
fn write_file(folder: &Path, requests: &[&[&str]]) {
    let bytes: Vec<u8> = requests.iter().flat_map(|words| request(words)).collect();
    fs::write(folder.join("appendonly.aof"), bytes).expect("the folder is there");
}

fn requests() -> Vec<Vec<String>> {
    let deep = "redis.call('select', 3) redis.call('set', KEYS[1], 'there') \
        if redis.call('ping').ok == 'PONG' then redis.call('rpush', 'l', redis.call('echo', 'e')) end";
    let many = "for i = 1, 100 do redis.call('hset', 'h', i, i * i) end \
        local sum = 0 for _, v in ipairs(redis.call('hvals', 'h')) do sum = sum + v end \
        redis.call('set', 'sum', sum) redis.call('zadd', 'z', 1, 'a', 2, 'b') \
        return redis.call('sort', 'nothing')";
    let caught = "redis.call('set', 'caught', redis.pcall('lpush', 'n', 'x').err)";
    let lines: &[&[&str]] = &[
        &["SELECT", "0"],
        &["EVAL", FIRST, "1", "n"],
        &["EVALSHA", FIRST_SHA, "1", "n"],
        &[
            "EVALSHA",
            "0000000000000000000000000000000000000000",
            "1",
            "n",
        ],
        &["SCRIPT", "LOAD", LOADED],
        &["EVALSHA", LOADED_SHA, "1", "text", "abc"],
        &["EVAL", deep, "1", "k"],
        &["SET", "still", "0"],
        &["EVAL", many, "0"],
        &["EVAL", caught, "0"],
        &["EVAL", "no script", "0"],
        &["MULTI"],
        &["EVAL", FIRST, "1", "{a}n"],
        &["EVAL", FIRST, "1", "other"],
        &["EXEC"],
        &["EVAL", "redis.call('expire', KEYS[1], 1000)", "1", "n"],
    ];
    let owned = |line: &&[&str]| line.iter().map(|word| (*word).to_owned()).collect();
    lines.iter().map(owned).collect()
}

#[test]
fn scripts_that_were_recorded_are_run_again() {
    let requests = requests();
    let requests: Vec<Vec<&str>> = requests
        .iter()
        .map(|words| words.iter().map(String::as_str).collect())
        .collect();
    let requests: Vec<&[&str]> = requests.iter().map(Vec::as_slice).collect();
    let (stocks, ours) = (data_folder(), data_folder());
    write_file(stocks.path(), &requests);
    write_file(ours.path(), &requests);
    let mut stock = Side::stock(stocks.path(), ON);
    let mut side = Side::basalt(ours.path(), 3, ON);
    for line in [
        "MGET n text k sum caught {a}n other still",
        "HGETALL h",
        "LRANGE l 0 -1",
        "ZRANGE z 0 -1",
        "SELECT 3",
        "MGET k sum still",
        "LRANGE l 0 -1",
        "SELECT 0",
        "DBSIZE",
    ] {
        assert_eq!(side.tell(line), stock.tell(line), "{line}");
    }
    // The deadline counts from the load, as by stock.
    for side in [&mut side, &mut stock] {
        let Reply::Integer(ttl) = side.tell("TTL n") else {
            panic!("a number of seconds");
        };
        assert!((900..=1000).contains(&ttl), "{ttl}");
    }
    // What is written from now on stands behind it.
    side.tell("SET later 1");
    side.tell("PERSIST n");
    let digest = side.digest();
    end(side);
    let mut again = Side::basalt(ours.path(), 1, ON);
    assert_eq!(again.digest(), digest);
}

/// Stock's server ends with a crash report here.
#[test]
fn a_script_that_fails_has_done_what_it_did() {
    let folder = data_folder();
    let fails = "redis.call('set', 'before', 1) redis.call('incr', 'text') \
        redis.call('set', 'after', 1)";
    write_file(
        folder.path(),
        &[
            &["SELECT", "0"],
            &["SET", "text", "a"],
            &["EVAL", fails, "0"],
            &["SET", "behind", "1"],
        ],
    );
    let mut side = Side::basalt(folder.path(), 2, ON);
    assert_eq!(side.tell("EXISTS text before behind"), Reply::Integer(3));
    assert_eq!(side.tell("EXISTS after"), Reply::Integer(0));
}
