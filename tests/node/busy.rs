//! A script that never ends: everybody hears of it, on every core, and anybody
//! may end it.

use std::thread;
use std::time::{Duration, Instant};

use super::{PROGRAM, Reply, Server};
use crate::wire::Connection;

/// How long others may have to wait for the news.
const PATIENCE: Duration = Duration::from_secs(5);

fn node(shards: usize) -> Server {
    let lines = [
        format!("shards {shards}"),
        "busy-reply-threshold 50".to_owned(),
    ];
    Server::start(PROGRAM, &lines)
}

fn error(reply: Reply) -> String {
    match reply {
        Reply::Error(text) => String::from_utf8_lossy(&text).into_owned(),
        other => format!("{other:?}"),
    }
}

/// Asks until the answer begins with this.
fn until(client: &mut Connection, words: &[&str], start: &str) {
    let began = Instant::now();
    loop {
        let told = error(client.ask(words).expect("the node answers"));
        if told.starts_with(start) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{words:?}: {told}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_script_without_end_is_ended_from_any_core() {
    for shards in [1, 4] {
        let node = node(shards);
        let mut clients: Vec<Connection> = (0..6).map(|_| node.client()).collect();
        let told = error(clients[0].ask(&["SCRIPT", "KILL"]).expect("an answer"));
        assert!(told.starts_with("NOTBUSY "), "{told}");
        for round in 0..clients.len() {
            let mut script = node.client();
            let body = "while true do redis.pcall('GET', KEYS[1]) end";
            let key = format!("key-{round}");
            script
                .send(&["EVAL", body, "1", &key])
                .expect("the node reads");
            for client in &mut clients {
                until(client, &["GET", &key], "BUSY ");
            }
            let told = error(
                clients[round]
                    .ask(&["FUNCTION", "KILL"])
                    .expect("an answer"),
            );
            assert!(told.starts_with("BUSY "), "{told}");
            let killed = clients[round].ask(&["SCRIPT", "KILL"]).expect("an answer");
            assert!(matches!(killed, Reply::Status(_)), "{killed:?}");
            let told = error(script.read().expect("it is answered"));
            assert!(told.contains("Script killed by user"), "{told}");
            for client in &mut clients {
                until(client, &["EXISTS", &key], "(integer) 0");
            }
        }
    }
}

#[test]
fn a_script_that_has_written_is_not_ended() {
    for shards in [1, 4] {
        let node = node(shards);
        let mut script = node.client();
        let mut client = node.client();
        // About a second by the node's own clock.
        let body = "redis.call('SET', KEYS[1], 'written') \
            local began = redis.call('TIME') \
            while true do \
                local now = redis.call('TIME') \
                if (now[1] - began[1]) * 1000000 + now[2] - began[2] > 1000000 then break end \
            end \
            return 'done'";
        script
            .send(&["EVAL", body, "1", "key"])
            .expect("the node reads");
        until(&mut client, &["GET", "key"], "BUSY ");
        let told = error(client.ask(&["SCRIPT", "KILL"]).expect("an answer"));
        assert!(told.starts_with("UNKILLABLE "), "{told}");
        let reply = script.read().expect("it is answered");
        assert_eq!(reply, Reply::Bulk(b"done".to_vec()));
        until(&mut client, &["GET", "key"], "\"written\"");
    }
}

#[test]
fn the_function_that_runs_is_told_of_on_every_core() {
    for shards in [1, 4] {
        let node = node(shards);
        let mut clients: Vec<Connection> = (0..6).map(|_| node.client()).collect();
        let library = "#!lua name=lib\n\
            redis.register_function('Endless', function() while true do end end)";
        let loaded = clients[0].ask(&["FUNCTION", "LOAD", library]);
        assert_eq!(loaded.expect("an answer"), Reply::Bulk(b"lib".to_vec()));
        let mut caller = node.client();
        caller
            .send(&["FCALL", "ENDLESS", "1", "k", "word"])
            .expect("the node reads");
        for client in &mut clients {
            until(client, &["PING"], "BUSY ");
            let stats = client.ask(&["FUNCTION", "STATS"]).expect("an answer");
            let lines = stats.lines().join("\n");
            let (before, after) = lines.split_once("(integer) ").expect("a duration");
            let (ran_ms, after) = after.split_once('\n').expect("more behind it");
            assert!(ran_ms.parse::<u64>().expect("a number") >= 50, "{lines}");
            assert_eq!(before, RUNNING, "{lines}");
            assert_eq!(after, ENGINES, "{lines}");
        }
        let killed = clients[1].ask(&["FUNCTION", "KILL"]).expect("an answer");
        assert!(matches!(killed, Reply::Status(_)), "{killed:?}");
        for client in &mut clients {
            until(client, &["EXISTS", "k"], "(integer) 0");
            let stats = client.ask(&["FUNCTION", "STATS"]).expect("an answer");
            assert_eq!(stats.lines()[1], "2) (nil)");
        }
        let mut script = node.client();
        script
            .send(&["EVAL", "while true do end", "0"])
            .expect("the node reads");
        for client in &mut clients {
            until(client, &["FUNCTION", "STATS"], "BUSY ");
        }
        let killed = clients[2].ask(&["SCRIPT", "KILL"]).expect("an answer");
        assert!(matches!(killed, Reply::Status(_)), "{killed:?}");
    }
}

#[test]
fn commands_that_wait_for_shards_of_a_busy_script_are_refused() {
    let lines = ["shards 4".to_owned(), "busy-reply-threshold 300".to_owned()];
    let node = Server::start(PROGRAM, &lines);
    let mut client = node.client();
    let keys: Vec<String> = (0..32).map(|number| format!("key-{number}")).collect();
    let over_all = |name: &str| {
        let mut words = vec![name.to_owned()];
        for key in &keys {
            words.push(key.clone());
            words.extend(name.starts_with("MSET").then(|| "v".to_owned()));
        }
        words
    };
    assert!(matches!(
        client.ask(&over_all("MSET")),
        Ok(Reply::Status(_))
    ));
    for key in &keys[..8] {
        let mut script = node.client();
        let body = "while true do redis.pcall('GET', KEYS[1]) end";
        script
            .send(&["EVAL", body, "1", key])
            .expect("the node reads");
        thread::sleep(Duration::from_millis(50));
        // Not busy yet: these begin to borrow shards, each from its core.
        let mut waiting: Vec<Connection> = (0..8).map(|_| node.client()).collect();
        for (number, one) in waiting.iter_mut().enumerate() {
            match number % 3 {
                0 => one.send(&over_all("MSETNX")),
                1 => one.send(&["EVAL", "return redis.call('DBSIZE')", "0"]),
                _ => {
                    one.send(&["MULTI"]).expect("the node reads");
                    one.read().expect("it is answered");
                    one.send(&over_all("DEL")).expect("the node reads");
                    one.read().expect("it is answered");
                    one.send(&["EXEC"])
                }
            }
            .expect("the node reads");
        }
        for one in &mut waiting {
            let told = error(one.read().expect("it is answered"));
            let told = told.trim_start_matches("EXECABORT Transaction discarded because of: ");
            assert!(told.starts_with("BUSY "), "{told}");
        }
        until(&mut client, &["SCRIPT", "KILL"], "OK");
        until(&mut client, &["EXISTS", key], "(integer) 1");
        // All shards are where they belong, and nothing was deleted.
        let found = client.ask(&over_all("EXISTS")).expect("an answer");
        assert_eq!(found, Reply::Integer(keys.len() as i64));
        for one in &mut waiting {
            assert_eq!(one.ask(&over_all("EXISTS")).expect("an answer"), found);
        }
    }
}

#[test]
fn a_command_that_has_run_in_part_waits_for_the_end_of_a_busy_script() {
    let lines = [
        "shards 4".to_owned(),
        "busy-reply-threshold 1000".to_owned(),
    ];
    let node = Server::start(PROGRAM, &lines);
    let keys: Vec<String> = (0..32).map(|number| format!("key-{number}")).collect();
    let over_all = |name: &str, value: Option<&str>| {
        let mut words = vec![name.to_owned()];
        for key in &keys {
            words.push(key.clone());
            words.extend(value.map(str::to_owned));
        }
        words
    };
    let mut client = node.client();
    let mut rounds = 0;
    for key in &keys[..4] {
        let mut script = node.client();
        let body = "while true do redis.pcall('GET', KEYS[1]) end";
        let eval = ["EVAL", body, "1", key];
        script.send(&eval).expect("the node reads");
        thread::sleep(Duration::from_millis(50));
        // Not busy yet: all cores but one run their parts.
        let mut waiting: Vec<Connection> = (0..8).map(|_| node.client()).collect();
        for one in &mut waiting {
            one.send(&over_all("MSET", Some(key)))
                .expect("the node reads");
        }
        until(&mut client, &["SCRIPT", "KILL"], "OK");
        let mut done = 0;
        for one in &mut waiting {
            match one.read().expect("it is answered") {
                Reply::Status(_) => done += 1,
                // Its core is the script's, and did not look before.
                other => assert!(error(other).starts_with("BUSY ")),
            }
        }
        // On a machine that is full the script may be busy before they are read.
        if done == 0 {
            continue;
        }
        rounds += 1;
        let found = client.ask(&over_all("MGET", None)).expect("an answer");
        let value = Reply::Bulk(key.clone().into_bytes());
        assert_eq!(found, Reply::Array(vec![value; keys.len()]));
    }
    assert!(rounds > 0, "clients of other cores began");
}

#[test]
fn one_of_many_that_load_a_library_of_one_name_at_once_succeeds() {
    let node = node(4);
    let mut clients: Vec<Connection> = (0..8).map(|_| node.client()).collect();
    for round in 0..40 {
        for (number, client) in clients.iter_mut().enumerate() {
            let code = format!(
                "#!lua name=lib\nredis.register_function('f', function() return {number} end)"
            );
            client
                .send(&["FUNCTION", "LOAD", &code])
                .expect("the node reads");
        }
        let mut winners = Vec::new();
        for (number, client) in clients.iter_mut().enumerate() {
            match client.read().expect("it is answered") {
                Reply::Bulk(name) => {
                    assert_eq!(name, b"lib");
                    winners.push(number);
                }
                refused => {
                    let told = error(refused);
                    assert_eq!(told, "ERR Library 'lib' already exists");
                }
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let winner = Reply::Integer(winners[0] as i64);
        for client in &mut clients {
            let value = client.ask(&["FCALL", "f", "0"]).expect("an answer");
            assert_eq!(value, winner, "round {round}");
        }
        let deleted = clients[round % 8].ask(&["FUNCTION", "DELETE", "lib"]);
        assert!(matches!(deleted, Ok(Reply::Status(_))), "{deleted:?}");
    }
}

/// FUNCTION STATS up to how long the function has run.
const RUNNING: &str = "\
1) \"running_script\"
2) 1) \"name\"
   2) \"Endless\"
   3) \"command\"
   4) 1) \"FCALL\"
      2) \"ENDLESS\"
      3) \"1\"
      4) \"k\"
      5) \"word\"
   5) \"duration_ms\"
   6) ";

/// What stands behind it.
const ENGINES: &str = "\
3) \"engines\"
4) 1) \"LUA\"
   2) 1) \"libraries_count\"
      2) (integer) 1
      3) \"functions_count\"
      4) (integer) 1";

#[test]
fn while_a_script_takes_long_the_node_ends_only_without_saving() {
    for shards in [1, 4] {
        let node = node(shards);
        let mut script = node.client();
        let mut client = node.client();
        script
            .send(&["EVAL", "while true do end", "1", "key"])
            .expect("the node reads");
        until(&mut client, &["GET", "key"], "BUSY ");
        for words in [
            &["SHUTDOWN"][..],
            &["SHUTDOWN", "SAVE"],
            &["SHUTDOWN", "NOW", "FORCE"],
        ] {
            let told = error(client.ask(words).expect("the node goes on"));
            assert!(told.ends_with("SCRIPT KILL or SHUTDOWN NOSAVE."), "{told}");
        }
        let told = error(client.ask(&["SHUTDOWN", "ABORT"]).expect("an answer"));
        assert_eq!(told, "ERR No shutdown in progress.");
        assert!(client.ask(&["SHUTDOWN", "NOSAVE"]).is_err());
    }
}

#[test]
fn the_log_says_what_waits_for_long() {
    let lines = ["shards 2", "busy-reply-threshold 60000"].map(str::to_owned);
    let node = Server::start(PROGRAM, &lines);
    let mut script = node.client();
    let mut clients: Vec<Connection> = (0..4).map(|_| node.client()).collect();
    for client in &mut clients {
        client.ask(&["PING"]).expect("it has arrived");
    }
    let body = "local began = redis.call('TIME') \
        while true do \
            local now = redis.call('TIME') \
            if now[1] - began[1] > 7 then return redis.call('GET', KEYS[1]) end \
        end";
    script
        .send(&["EVAL", body, "1", "key"])
        .expect("the node reads");
    thread::sleep(Duration::from_millis(100));
    for (number, client) in clients.iter_mut().enumerate() {
        let words: Vec<String> = (0..20).map(|key| format!("{number}:{key}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        client
            .send(&[&["MSETNX"], &words[..]].concat())
            .expect("the node reads");
    }
    let told = "A command over several shards (msetnx) has waited for 5 s at shard";
    let began = Instant::now();
    while !node.log().contains(told) {
        assert!(began.elapsed() < 2 * PATIENCE, "{}", node.log());
        thread::sleep(Duration::from_millis(50));
    }
    script.read().expect("it is answered");
    for client in &mut clients {
        assert_eq!(client.read().expect("an answer"), Reply::Integer(1));
    }
    let times = node.log().matches(told).count();
    assert!(times <= clients.len(), "once for each: {times}");
}
