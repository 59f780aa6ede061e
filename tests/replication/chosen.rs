//! What a script leaves for the file or the replicas only, with `redis.set_repl`,
//! beside stock.

use std::thread;
use std::time::Duration;

use crate::Side;
use crate::wire::{Connection, Reply};

const FILE: &str = "appendonly yes";

/// A stock primary and basalt ones of several shards.
fn primaries() -> [Side; 3] {
    [
        Side::stock(&[FILE]),
        Side::primary(1, &[FILE]),
        Side::primary(3, &[FILE]),
    ]
}

fn ask(client: &mut Connection, words: &[&str]) -> Reply {
    client.ask(words).expect("it answers")
}

/// The values of keys, parted by blanks; `-` for none.
fn values(side: &mut Side, keys: &str) -> String {
    let Reply::Array(values) = side.ask(&format!("MGET {keys}")) else {
        panic!("MGET has an array");
    };
    let shown = values.iter().map(|value| match value {
        Reply::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
        _ => "-".to_owned(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Waits until the replica has everything that was left for it so far.
pub fn wait_for(replica: &mut Side, primary: &mut Side) {
    primary.ask("SET mark x");
    replica.wait_until("it has the primary's offset", |replica| {
        replica.offset() == primary.offset()
    });
}

const SELECTIVE: &str = "redis.call('set', 'a', '1') \
     redis.set_repl(redis.REPL_NONE) redis.call('set', 'b', '2') \
     redis.set_repl(redis.REPL_AOF) redis.call('set', 'c', '3') \
     redis.set_repl(redis.REPL_SLAVE) redis.call('set', 'd', '4') \
     redis.set_repl(redis.REPL_ALL) redis.call('set', 'e', '5')";

#[test]
fn a_script_chooses_who_is_left_what() {
    for mut primary in primaries() {
        let mut replica = Side::stock(&[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        let client = &mut primary.server.client();
        ask(client, &["SET", "b", "old"]);
        ask(client, &["EVAL", SELECTIVE, "0"]);
        // The next begins with everyone, and so does what follows in a transaction.
        ask(client, &["EVAL", "redis.call('set', 'f', '6')", "0"]);
        ask(client, &["MULTI"]);
        ask(client, &["SET", "g", "7"]);
        let none = "redis.set_repl(redis.REPL_NONE) redis.call('set', 'h', '8')";
        ask(client, &["EVAL", none, "0"]);
        ask(client, &["SET", "i", "9"]);
        ask(client, &["EXEC"]);
        let failing = "redis.set_repl(redis.REPL_AOF) redis.call('set', 'j', '10') error('oh')";
        ask(client, &["EVAL", failing, "0"]);
        ask(client, &["SET", "k", "11"]);
        let library = "#!lua name=own\n redis.register_function('own', function() \
             redis.set_repl(redis.REPL_REPLICA) redis.call('set', 'l', '12') end)";
        ask(client, &["FUNCTION", "LOAD", library]);
        ask(client, &["FCALL", "own", "0"]);
        wait_for(&mut replica, &mut primary);
        let keys = "a b c d e f g h i j k l";
        assert_eq!(values(&mut primary, keys), "1 2 3 4 5 6 7 8 9 10 11 12");
        assert_eq!(
            values(&mut replica, keys),
            "1 old - 4 5 6 7 - 9 - 11 12",
            "{}",
            replica.server.log()
        );
        primary.ask("DEBUG LOADAOF");
        primary.wait_until("it has loaded", |side| side.told("loading") == "0");
        assert_eq!(values(&mut primary, keys), "1 old 3 - 5 6 7 - 9 10 11 -");
    }
}

#[test]
fn what_happens_by_itself_is_left_for_everyone() {
    for mut primary in primaries() {
        let mut replica = Side::stock(&[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.ask("DEBUG SET-ACTIVE-EXPIRE 0");
        primary.ask("SET old v PX 1");
        primary.ask("SET other v");
        wait_for(&mut replica, &mut primary);
        thread::sleep(Duration::from_millis(10));
        assert_eq!(replica.ask("DBSIZE"), Reply::Integer(3));
        let script = "redis.set_repl(redis.REPL_NONE) redis.call('del', 'other') \
             return redis.call('exists', 'old')";
        let client = &mut primary.server.client();
        let reply = ask(client, &["EVAL", script, "0"]);
        assert_eq!(reply, Reply::Integer(0));
        wait_for(&mut replica, &mut primary);
        assert_eq!(replica.ask("DBSIZE"), Reply::Integer(2));
        assert_eq!(values(&mut replica, "other"), "v");
    }
}

#[test]
fn a_message_is_left_for_replicas_as_a_script_chooses() {
    for mut primary in primaries() {
        let mut replica = Side::stock(&[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        let mut listener = replica.server.client();
        ask(&mut listener, &["SUBSCRIBE", "news"]);
        let script = "redis.set_repl(redis.REPL_AOF) redis.call('publish', 'news', 'one') \
             redis.set_repl(redis.REPL_REPLICA) redis.call('publish', 'news', 'two')";
        let client = &mut primary.server.client();
        ask(client, &["EVAL", script, "0"]);
        let Ok(Reply::Array(message)) = listener.read() else {
            panic!("a message comes");
        };
        assert_eq!(message.last(), Some(&Reply::Bulk(b"two".to_vec())));
        primary.ask("SET k v");
    }
}

#[test]
fn the_stream_counts_what_is_left_for_replicas() {
    for (shards, file) in [(1, "appendonly no"), (1, FILE), (3, FILE)] {
        let mut primary = Side::primary(shards, &[file]);
        let mut replica = Side::stock(&[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.ask("SELECT 0");
        primary.ask("SET k v");
        let client = &mut primary.server.client();
        let len = |words: &[&str]| crate::wire::request(words).len() as u64;
        let framing = len(&["MULTI"]) + len(&["EXEC"]);
        let set = len(&["set", "k", "1"]);
        let none = "redis.set_repl(redis.REPL_NONE) redis.call('set', 'k', '1') \
             redis.set_repl(redis.REPL_AOF) redis.call('set', 'k', '1')";
        let one = "redis.call('set', 'k', '1') redis.set_repl(redis.REPL_AOF) \
             redis.call('set', 'k', '2')";
        let two = "redis.call('set', 'k', '1') redis.set_repl(redis.REPL_AOF) \
             redis.call('set', 'k', '2') redis.set_repl(redis.REPL_REPLICA) \
             redis.call('set', 'k', '3')";
        let elsewhere = "redis.set_repl(redis.REPL_AOF) redis.call('select', '1') \
             redis.call('set', 'k', '2')";
        for (script, more) in [
            (none, 0),
            (one, set),
            (two, framing + 2 * set),
            (elsewhere, 0),
            ("redis.call('set', 'k', '1')", set),
        ] {
            let before = primary.offset();
            ask(client, &["EVAL", script, "0"]);
            assert_eq!(primary.offset() - before, more, "{shards} shards: {script}");
        }
        replica.wait_until("it has the primary's offset", |replica| {
            replica.offset() == primary.offset()
        });
        assert_eq!(replica.told("master_link_status"), "up");
    }
}

#[test]
fn debug_replicate_is_for_replicas_only() {
    for mut primary in primaries() {
        let mut replica = Side::stock(&[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.ask("SET k v");
        let before = primary.offset();
        let done = primary.ask("DEBUG REPLICATE set only theirs");
        assert_eq!(done, crate::status("OK"));
        let more = crate::wire::request(&["set", "only", "theirs"]).len() as u64;
        primary.wait_until("it is in the stream", |primary| {
            primary.offset() == before + more
        });
        wait_for(&mut replica, &mut primary);
        assert_eq!(values(&mut replica, "k only"), "v theirs");
        primary.ask("DEBUG LOADAOF");
        primary.wait_until("it has loaded", |side| side.told("loading") == "0");
        assert_eq!(values(&mut primary, "k only"), "v -");
        let refused = "ERR unknown subcommand or wrong number of arguments for 'REPLICATE'. \
             Try DEBUG HELP.";
        assert_eq!(primary.ask("DEBUG REPLICATE"), crate::error(refused));
    }
}
