//! Transactions and scripts whose keys all live on a core that is not the client's:
//! nobody can tell, but by what they cost.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::{PROGRAM, Reply, Server, bulk, told, wait_until};
use crate::wire::{Connection, request};

/// One for each of four cores, whatever core a client is at, and some more.
const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

const SHARDS: [usize; 2] = [1, 4];

fn node(shards: usize, settings: &[&str]) -> Server {
    let settings = settings.iter().map(|line| (*line).to_owned());
    let lines: Vec<String> = settings.chain([format!("shards {shards}")]).collect();
    Server::start(PROGRAM, &lines)
}

/// Requests, one a line: words between spaces, `~` for a space in one, `KEY` and `OTHER`
/// for two keys.
fn pipeline(text: &str, key: &str, other: &str) -> Vec<Vec<String>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let named = |word: &str| match word {
        "KEY" => key.to_owned(),
        "OTHER" => other.to_owned(),
        _ => word.replace('~', " "),
    };
    lines
        .map(|line| line.split(' ').map(named).collect())
        .collect()
}

/// What a client hears to all of it, sent at once; so many replies, and then that of
/// the last, an ECHO.
fn answers(client: &mut Connection, requests: &[Vec<String>]) -> Vec<String> {
    let mut bytes: Vec<u8> = requests.iter().flat_map(|words| request(words)).collect();
    bytes.extend(request(&["ECHO", "the end"]));
    client.send_bytes(&bytes).expect("the node reads");
    let mut replies = Vec::new();
    loop {
        let reply = client.read().expect("it is answered");
        if reply == bulk("the end") {
            return replies;
        }
        replies.push(reply.lines().join(" "));
    }
}

/// Pipelines in which something stands before, in and behind what runs afar.
const PIPELINES: &[&str] = &[
    "MULTI
     SET KEY 1
     INCR KEY
     LPUSH KEY x
     GET KEY
     EXEC
     GET KEY
     SET OTHER KEY
     MULTI
     DEL KEY
     EXEC
     EXISTS KEY OTHER",
    "WATCH KEY
     MULTI
     SET KEY watched
     EXEC
     WATCH KEY
     SET KEY changed
     MULTI
     GET KEY
     EXEC
     GET KEY
     WATCH KEY OTHER
     MULTI
     GET KEY
     EXEC
     EXEC
     MULTI
     SET KEY
     GET KEY
     EXEC
     MULTI
     EXEC",
    "MULTI
     SELECT 1
     SET KEY one
     EXEC
     GET KEY
     MULTI
     GET KEY
     EXEC
     SELECT 0
     GET KEY
     MULTI
     SWAPDB 0 1
     EXEC
     GET KEY
     MULTI
     GET KEY
     PUBLISH KEY message
     EXEC
     PUBLISH KEY message
     FLUSHALL
     MULTI
     EXISTS KEY
     EXEC",
    "EVAL return~redis.call('SET',KEYS[1],ARGV[1]) 1 KEY text
     EVAL return~redis.call('GET',KEYS[1]) 1 KEY
     EVAL return~redis.call('INCR',KEYS[1]) 1 KEY
     EVAL return~redis.pcall('INCR',KEYS[1]) 1 KEY
     EVAL return~redis.error_reply('MY_OWN') 1 KEY
     EVAL return~( 1 KEY
     EVAL return~1 2 KEY
     EVAL return~redis.call('GET',ARGV[1]) 1 KEY OTHER
     EVAL return~redis.call('SET',ARGV[1],ARGV[2]) 1 KEY OTHER KEY
     GET OTHER
     EVAL redis.call('SELECT',1)return~redis.call('SET',KEYS[1],'one') 1 KEY
     GET KEY
     DBSIZE
     EVAL return~redis.call('BLPOP',KEYS[1],0) 1 OTHER
     EVAL return~redis.call('LPUSH',KEYS[1],'x') 1 list
     EVAL_RO return~redis.call('SET',KEYS[1],'x') 1 KEY
     FLUSHALL
     EVAL return~redis.call('EXISTS',KEYS[1]) 1 KEY",
    "EVAL return~{KEYS[1],redis.call('GET',KEYS[1])} 1 KEY
     EVALSHA 6f0b6dd0a9c8c8a4f2a7a0c5d7e1e1f1d3b2c4a5 1 KEY
     SCRIPT LOAD return~redis.call('GET',KEYS[1])
     EVALSHA 620cd258c2c9c88c9d10db67812ccf663d96bdc6 1 OTHER
     SCRIPT EXISTS 620cd258c2c9c88c9d10db67812ccf663d96bdc6
     SCRIPT FLUSH
     EVALSHA 620cd258c2c9c88c9d10db67812ccf663d96bdc6 1 KEY
     EVAL return~redis.call('GET',KEYS[1]) 1 KEY
     EVALSHA 620cd258c2c9c88c9d10db67812ccf663d96bdc6 1 OTHER
     SCRIPT EXISTS 620cd258c2c9c88c9d10db67812ccf663d96bdc6
     SCRIPT FLUSH
     SCRIPT EXISTS 620cd258c2c9c88c9d10db67812ccf663d96bdc6",
    "MULTI
     SET KEY 5
     EVAL return~redis.call('INCR',KEYS[1]) 1 KEY
     GET KEY
     EXEC
     MULTI
     SET OTHER 7
     EVAL return~redis.call('INCR',KEYS[1]) 1 KEY
     DBSIZE
     EXEC
     EVAL return~redis.call('INCR',KEYS[1]) 1 KEY
     DISCARD
     MULTI
     GET KEY
     DISCARD
     GET KEY
     UNLINK KEY OTHER",
    "CLIENT REPLY SKIP
     EVAL return~redis.call('SET',KEYS[1],'skipped') 1 KEY
     GET KEY
     CLIENT REPLY OFF
     MULTI
     SET KEY silent
     EXEC
     EVAL return~redis.call('APPEND',KEYS[1],'ly') 1 KEY
     CLIENT REPLY ON
     GET KEY
     MULTI
     CLIENT REPLY SKIP
     GET KEY
     EXEC
     GET KEY
     RESET
     DEL KEY",
    "HELLO 3
     ZADD KEY 1 one 2 two
     MULTI
     ZRANGE KEY 0 -1 WITHSCORES
     ZSCORE KEY one
     GET OTHER
     EXEC
     EVAL redis.setresp(3)return~redis.call('ZRANGE',KEYS[1],0,-1,'WITHSCORES') 1 KEY
     EVAL return~redis.call('ZSCORE',KEYS[1],'two') 1 KEY
     EVAL return~{double=1.5} 1 KEY
     HELLO 2
     MULTI
     ZRANGE KEY 0 -1 WITHSCORES
     EXEC
     EVAL return~redis.call('ZSCORE',KEYS[1],'two') 1 KEY
     DEL KEY",
    "MULTI
     BLPOP KEY 0
     RPUSH KEY x
     BLPOP KEY 0
     SORT KEY
     EXEC
     SUBSCRIBE KEY
     UNSUBSCRIBE KEY
     EVAL return~redis.call('RPUSH',KEYS[1],'y') 1 KEY
     BLPOP KEY OTHER 0
     MULTI
     OBJECT HELP
     EXEC",
    "FCALL put 1 KEY one
     FCALL take 1 KEY
     FCALL_RO take 1 KEY
     FCALL_RO put 1 KEY x
     FCALL far 1 KEY OTHER
     GET OTHER
     FCALL put 1 OTHER two
     FCALL Take 1 OTHER
     FCALL put 2 OTHER KEY three
     MGET KEY OTHER
     MULTI
     FCALL put 1 KEY four
     FCALL far 1 KEY OTHER
     GET KEY
     EXEC
     FCALL nosuch 1 KEY
     FCALL put 0
     FCALL take 1 KEY
     LPUSH list x
     FCALL take 1 list
     GET KEY",
    "MULTI
     SET KEY 1
     SET OTHER 2
     GET KEY
     LPUSH OTHER x
     INCR OTHER
     EXEC
     GET KEY
     GET OTHER
     MULTI
     GET OTHER
     GET KEY
     EXEC
     MULTI
     INCR KEY
     EXEC
     MSET KEY 5 OTHER 6
     MULTI
     GETDEL OTHER
     APPEND KEY 7
     EXEC
     PUBLISH KEY x
     GET KEY
     EXISTS KEY OTHER
     EXEC
     WATCH KEY
     MULTI
     SET OTHER watched
     INCR KEY
     EXEC
     MULTI
     MGET KEY OTHER
     SET KEY 9
     SET OTHER 10
     EXEC
     CLIENT REPLY OFF
     MULTI
     SET KEY off
     SET OTHER off
     EXEC
     CLIENT REPLY ON
     MGET KEY OTHER
     MULTI
     SET KEY no
     SET OTHER
     EXEC
     MULTI
     SET KEY no
     SET OTHER no
     DISCARD
     SELECT 1
     MULTI
     SET KEY in1
     SET OTHER in1
     EXEC
     SELECT 0
     MULTI
     GET KEY
     GET OTHER
     BLPOP list 0
     EXEC
     EVAL return~redis.call('GET',KEYS[1]) 1 OTHER
     FLUSHALL",
    "HELLO 3
     MULTI
     HSET KEY f v
     SADD OTHER m
     HGETALL KEY
     SMEMBERS OTHER
     GET nothing
     EXEC
     HELLO 2
     MULTI
     HGETALL KEY
     SMEMBERS OTHER
     GET nothing
     EXEC
     DEL KEY OTHER",
];

/// Functions: some of which it can be told what they reach, and one of which not.
const LIBRARIES: [&str; 2] = [
    "#!lua name=near\n\
     local function put(keys, args) return redis.call('SET', keys[1], args[1]) end\n\
     local function take(keys) local k = keys[1] return redis.call('GET', k) end\n\
     redis.register_function('put', put)\n\
     redis.register_function{function_name='take', callback=take, flags={'no-writes'}}",
    "#!lua name=far\n\
     redis.register_function('far', function(keys, args) return redis.call('SET', args[1], keys[1]) end)",
];

fn load(client: &mut Connection, library: &str) {
    let words = ["FUNCTION", "LOAD", "REPLACE", library];
    let told = client.ask(&words).expect("it is answered").lines();
    assert!(!told[0].starts_with("(error)"), "{told:?}");
}

fn without_ids(reply: &str) -> String {
    // HELLO tells which client of the node it is.
    let mut words: Vec<&str> = reply.split(' ').collect();
    if let Some(at) = words.iter().position(|word| *word == "\"id\"") {
        words.drain(at..at + 4);
    }
    words.join(" ")
}

#[test]
fn pipelines_are_answered_as_by_one_core() {
    let nodes = SHARDS.map(|shards| node(shards, &[]));
    for node in &nodes {
        for library in LIBRARIES {
            load(&mut node.client(), library);
        }
    }
    for text in PIPELINES {
        for (at, key) in KEYS.iter().enumerate() {
            let other = KEYS[(at + 3) % KEYS.len()];
            let requests = pipeline(text, key, other);
            let [one, four] = [&nodes[0], &nodes[1]].map(|node| {
                let mut client = node.client();
                let replies = answers(&mut client, &requests);
                client.ask(&["FLUSHALL"]).expect("it is answered");
                let replies = replies.iter().map(|reply| without_ids(reply));
                replies.collect::<Vec<_>>()
            });
            assert_eq!(one, four, "{requests:?}");
        }
    }
}

/// A pipeline of sixteen, each with a reply of its own.
fn sixteen(words: &[&[&str]]) -> (Vec<u8>, usize) {
    let one: Vec<u8> = words.iter().flat_map(|words| request(words)).collect();
    (one.repeat(16), words.len() * 16)
}

#[test]
fn pipelines_leave_in_few_sends_and_letters() {
    const ROUNDS: usize = 100;
    let node = node(4, &[]);
    let mut teller = node.client();
    let script: &[&[&str]] = &[&["EVAL", "return redis.call('INCR', KEYS[1])", "1", "b"]];
    let transaction: &[&[&str]] = &[&["MULTI"], &["INCR", "b"], &["GET", "b"], &["EXEC"]];
    load(&mut teller, LIBRARIES[0]);
    let function: &[&[&str]] = &[&["FCALL", "put", "1", "b", "v"]];
    let in_parts: &[&[&str]] = &[&["MULTI"], &["INCR", "b"], &["GET", "a"], &["EXEC"]];
    for words in [script, transaction, function, in_parts] {
        // On every core one.
        let mut clients: Vec<Connection> = (0..4).map(|_| node.client()).collect();
        let (bytes, replies) = sixteen(words);
        let before = told(&mut teller, "total_writes_processed");
        for _ in 0..ROUNDS {
            for client in &mut clients {
                client.send_bytes(&bytes).expect("the node reads");
                for _ in 0..replies {
                    client.read().expect("it is answered");
                }
            }
        }
        let writes = told(&mut teller, "total_writes_processed") - before;
        let pipelines = (ROUNDS * clients.len()) as u64;
        assert!(
            writes < 2 * pipelines,
            "{writes} for {pipelines} of {words:?}"
        );
    }
}

#[test]
fn a_transaction_is_refused_where_it_would_run_without_memory() {
    let node = node(4, &[]);
    let mut admin = node.client();
    for key in KEYS {
        let mut client = node.client();
        for words in [&["WATCH", key][..], &["MULTI"], &["SET", key, "value"]] {
            client.ask(words).expect("it is answered");
        }
        let set = |admin: &mut Connection, bytes: &str| {
            let told = admin.ask(&["CONFIG", "SET", "maxmemory", bytes]);
            assert_eq!(told.expect("it is answered"), super::status("OK"));
        };
        set(&mut admin, "1");
        let told = client.ask(&["EXEC"]).expect("it is answered").lines();
        set(&mut admin, "0");
        let text = "(error) EXECABORT Transaction discarded because of: OOM ";
        assert!(told[0].starts_with(text), "{told:?}");
        assert_eq!(client.ask(&["EXISTS", key]).ok(), Some(Reply::Integer(0)));
        // Neither the transaction nor its watch is left.
        for (words, reply) in [
            (&["MULTI"][..], "OK"),
            (&["SET", key, "value"], "QUEUED"),
            (&["EXEC"], "1) OK"),
        ] {
            let told = client.ask(words).expect("it is answered").lines();
            assert_eq!(told, [reply]);
        }
    }
}

#[test]
fn events_and_slow_commands_of_what_ran_afar_are_told() {
    let node = node(
        4,
        &["notify-keyspace-events KEA", "slowlog-log-slower-than 0"],
    );
    let mut listener = node.client();
    listener
        .ask(&["PSUBSCRIBE", "__keyspace@0__:*"])
        .expect("it is answered");
    let mut client = node.client();
    let name = ["CLIENT", "SETNAME", "writer"];
    client.ask(&name).expect("it is answered");
    for key in KEYS {
        for words in [
            &["MULTI"][..],
            &["SET", key, "1"],
            &["INCR", key],
            &["EXEC"],
        ] {
            client.ask(words).expect("it is answered");
        }
        let body = "redis.call('APPEND', KEYS[1], '0') return redis.call('DEL', KEYS[1])";
        client
            .ask(&["EVAL", body, "1", key])
            .expect("it is answered");
        for event in ["set", "incrby", "append", "del"] {
            let told = listener.read().expect("it is told").lines();
            assert!(told[2].ends_with(&format!(":{key}\"")), "{told:?}");
            assert_eq!(told[3], format!("4) \"{event}\""));
        }
    }
    let Ok(Reply::Array(entries)) = client.ask(&["SLOWLOG", "GET", "-1"]) else {
        panic!("SLOWLOG GET is a list");
    };
    let is_of_writer = |entry: &Reply| match entry {
        Reply::Array(fields) if fields[5] == bulk("writer") => Some(fields[3].lines().join(" ")),
        _ => None,
    };
    let slow: BTreeSet<String> = entries.iter().filter_map(is_of_writer).collect();
    for key in KEYS {
        for words in [
            format!("1) \"SET\" 2) \"{key}\" 3) \"1\""),
            format!("1) \"INCR\" 2) \"{key}\""),
        ] {
            assert!(slow.contains(&words), "{words} is not among {slow:?}");
        }
    }
}

#[test]
fn what_a_client_sent_before_it_went_runs_whole() {
    let node = node(4, &[]);
    let mut client = node.client();
    for (round, key) in KEYS.iter().enumerate() {
        let [one, two] = ["one", "two"].map(|name| format!("{name}{{{key}}}"));
        let mut leaver = node.client();
        let mut bytes = Vec::new();
        for _ in 0..200 {
            let words: [&[&str]; 5] = [
                &["MULTI"],
                &["INCR", &one],
                &["INCR", &two],
                &["EXEC"],
                &["EVAL", "return redis.call('GET', KEYS[1])", "1", &one],
            ];
            bytes.extend(words.iter().flat_map(|words| request(words)));
        }
        leaver.send_bytes(&bytes).expect("the node reads");
        if round % 2 == 0 {
            leaver.read().expect("it is answered");
        }
        drop(leaver);
        for _ in 0..20 {
            let both = client.ask(&["MGET", &one, &two]).expect("it is answered");
            let lines = both.lines().join(" ");
            let values: Vec<&str> = lines
                .split(' ')
                .filter(|word| !word.ends_with(')'))
                .collect();
            if let [one, two] = values[..] {
                assert_eq!(one, two);
            }
        }
    }
    // Nothing is left of any of them.
    wait_until("the last client", || {
        told(&mut client, "connected_clients") == 1
    });
}

#[test]
fn what_a_client_sends_behind_its_own_endless_script_waits_for_it() {
    for shards in SHARDS {
        let node = node(shards, &["busy-reply-threshold 50"]);
        let mut other = node.client();
        for key in KEYS {
            let mut client = node.client();
            let endless = "while true do redis.pcall('GET', KEYS[1]) end";
            let short = "return redis.call('APPEND', KEYS[1], 'b')";
            let words: [&[&str]; 9] = [
                &["ECHO", "before"],
                &["EVAL", endless, "1", key],
                &["GET", key],
                &["MULTI"],
                &["SET", key, "a"],
                &["EXEC"],
                &["EVAL", short, "1", key],
                &["MSETNX", key, "v", "a-key-of-another-core", "v"],
                &["GET", key],
            ];
            let bytes: Vec<u8> = words.iter().flat_map(|words| request(words)).collect();
            client.send_bytes(&bytes).expect("the node reads");
            wait_until("the news", || {
                let told = other.ask(&["GET", key]).expect("it is answered");
                matches!(told, Reply::Error(text) if text.starts_with(b"BUSY "))
            });
            if shards > 1 {
                // On one core it stands before the script in one send, as at stock.
                assert_eq!(client.read().ok(), Some(bulk("before")));
            }
            thread::sleep(Duration::from_millis(20));
            let killed = other.ask(&["SCRIPT", "KILL"]).expect("it is answered");
            assert_eq!(killed, super::status("OK"));
            let mut replies = Vec::new();
            for _ in 0..words.len() - usize::from(shards > 1) {
                replies.push(client.read().expect("it is answered").lines().join(" "));
            }
            let replies = &replies[usize::from(shards == 1)..];
            assert!(replies[0].contains("killed by user"), "{replies:?}");
            let expected = ["(nil)", "OK", "QUEUED", "1) OK", "(integer) 2"];
            assert_eq!(replies[1..6], expected, "{shards} shards, {key}");
            assert_eq!(replies[6..], ["(integer) 0", "\"ab\""]);
            client.ask(&["DEL", key]).expect("it is answered");
        }
    }
}
