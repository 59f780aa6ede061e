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
