//! What clients of a replica may do, and what a change of its role does to them.

use std::thread;
use std::time::Duration;

use crate::wire::{Connection, Reply};
use crate::{Side, error, settle};

const READ_ONLY: &str = "READONLY You can't write against a read only replica.";
const STALE: &str =
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";

/// A replica of each kind whose primary is not there.
fn lonely() -> [Side; 2] {
    let settings = ["replicaof 127.0.0.1 1", "databases 16"];
    [Side::stock(&settings), Side::basalt(3, &settings)]
}

#[test]
fn clients_of_a_replica_hear_what_stocks_hear() {
    let [mut stock, mut basalt] = lonely();
    let requests = [
        "SET k v",
        "BLPOP k 1",
        "GET k",
        "DBSIZE",
        "MSET a 1 b 2",
        "EVAL return(redis.call('set','a','b')) 0",
        "EVAL #!lua\nreturn(1) 0",
        "EVAL #!lua\tflags=no-writes\nreturn(1) 0",
        "EVAL_RO return(redis.call('set','a','b')) 0",
        "PUBLISH c m",
        "PFCOUNT p",
        "MULTI",
        "GET k",
        "SET k v",
        "EXEC",
        "FLUSHALL",
        "REPLICAOF 127.0.0.1 1",
        "REPLICAOF 127.0.0.1 x",
        "REPLICAOF no two",
        "REPLICAOF 127.0.0.1 70000",
        "ROLE",
        "CONFIG GET replicaof",
        "CONFIG SET replica-serve-stale-data no",
        "GET k",
        "SET k v",
        "PING",
        "EVAL return(1) 0",
        "MULTI",
        "GET k",
        "EXEC",
        "ROLE",
        "CONFIG SET replica-read-only no",
        "CONFIG SET replica-serve-stale-data yes",
        "SET k v",
        "GET k",
        "EVAL return(redis.call('set','a','b')) 0",
        "REPLICAOF NO ONE",
        "ROLE",
        "CONFIG GET replicaof",
        "SLAVEOF NO ONE",
    ];
    for request in requests {
        let (theirs, ours) = (stock.ask(request), basalt.ask(request));
        // An attempt is under way or not.
        let shown = |reply: &Reply| format!("{reply:?}").replace("connecting", "connect");
        assert_eq!(shown(&ours), shown(&theirs), "{request}");
    }
}

#[test]
fn exec_hears_what_its_requests_would_hear() {
    for mut side in [Side::stock(&[]), Side::basalt(3, &[])] {
        side.ask("CONFIG SET replica-serve-stale-data no");
        let script = "#!lua\nreturn 1";
        let requests: [(&[&str], &str); 4] = [
            (&["GET", "k"], STALE),
            (&["PING"], STALE),
            (&["SET", "k", "v"], READ_ONLY),
            (&["EVAL", script, "0"], READ_ONLY),
        ];
        for (words, why) in requests {
            let mut client = side.server.client();
            client.ask(&["MULTI"]).expect("it is open");
            client.ask(words).expect("it is open");
            side.ask("REPLICAOF 127.0.0.1 1");
            let reply = client.ask(&["EXEC"]).expect("it is open");
            let expected = format!("EXECABORT Transaction discarded because of: {why}");
            assert_eq!(reply, error(&expected), "{words:?}");
            side.ask("REPLICAOF NO ONE");
        }
    }
}

#[test]
fn blocked_clients_are_let_go_when_the_node_becomes_a_replica() {
    for mut side in [Side::stock(&[]), Side::basalt(3, &[])] {
        let mut waiting: Vec<Connection> = (0..3).map(|_| side.server.client()).collect();
        let threads: Vec<_> = waiting
            .drain(..)
            .enumerate()
            .map(|(index, mut client)| {
                thread::spawn(move || client.ask(&["BLPOP", &format!("key{index}"), "4"]))
            })
            .collect();
        side.wait_until("three wait", |side| side.told("blocked_clients") == "3");
        side.ask("REPLICAOF 127.0.0.1 1");
        for thread in threads {
            let reply = thread.join().expect("it ends");
            let expected = "UNBLOCKED force unblock from blocking operation, instance state \
                            changed (master -> replica?)";
            assert_eq!(reply.ok(), Some(error(expected)));
        }
        assert_eq!(side.ask("SET k v"), error(READ_ONLY));
    }
}

#[test]
fn a_replica_does_not_expire_keys_and_does_not_show_them() {
    let mut primary = Side::stock(&[]);
    let mut replica = Side::basalt(3, &[]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    primary.ask("DEBUG SET-ACTIVE-EXPIRE 0");
    for index in 0..50 {
        primary.ask(&format!("SET k{index} v PX 100"));
    }
    thread::sleep(Duration::from_millis(300));
    // Stock passes over a first ACK that comes too early, and begins with the next.
    let offset = primary.offset();
    replica.wait_until("it has them", |side| side.offset() >= offset);
    assert_eq!(replica.ask("GET k1"), Reply::Null);
    assert_eq!(replica.ask("EXISTS k1"), Reply::Integer(0));
    assert_eq!(replica.ask("DBSIZE"), Reply::Integer(50));
    // To the primary's commands they are there until it says otherwise.
    primary.ask("APPEND k1 w");
    primary.ask("INCR other");
    assert_eq!(primary.ask("GET k2"), Reply::Null);
    primary.ask("DEBUG SET-ACTIVE-EXPIRE 1");
    replica.wait_until("all are gone", |side| {
        side.ask("DBSIZE") == Reply::Integer(2)
    });
    settle(&mut primary, &mut replica);
}

#[test]
fn a_promoted_replica_writes_and_a_wrong_password_is_none() {
    let mut primary = Side::stock(&["requirepass secret"]);
    primary.ask("AUTH secret");
    primary.ask("SET k v");
    let mut replica = Side::basalt(3, &["masterauth wrong"]);
    replica.follow(primary.port());
    replica.wait_until("it is refused", |side| {
        side.server.log().contains("Unable to AUTH to MASTER")
    });
    replica.ask("CONFIG SET masterauth secret");
    replica.wait_until_linked();
    settle(&mut primary, &mut replica);
    let before = replica.told("master_replid");
    assert_eq!(
        replica.ask("REPLICAOF NO ONE"),
        Reply::Status(b"OK".to_vec())
    );
    assert_eq!(replica.ask("SET k w"), Reply::Status(b"OK".to_vec()));
    assert_eq!(replica.told("master_replid2"), before);
    // What it wrote alone goes when it follows again.
    replica.follow(primary.port());
    replica.wait_until_linked();
    settle(&mut primary, &mut replica);
    assert_eq!(replica.ask("GET k"), Reply::Bulk(b"v".to_vec()));
}

#[test]
fn a_replica_answers_from_stale_data_or_says_that_it_does_not() {
    let mut primary = Side::stock(&[]);
    primary.ask("SET k v");
    let mut replica = Side::basalt(3, &["replica-serve-stale-data no"]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    assert_eq!(replica.ask("GET k"), Reply::Bulk(b"v".to_vec()));
    drop(primary);
    replica.wait_until("it is told", |side| side.ask("GET k") == error(STALE));
    replica.ask("CONFIG SET replica-serve-stale-data yes");
    assert_eq!(replica.ask("GET k"), Reply::Bulk(b"v".to_vec()));
}

#[test]
fn a_long_script_holds_the_stream_and_loses_nothing() {
    let mut primary = Side::stock(&[]);
    let mut replica = Side::basalt(3, &["busy-reply-threshold 50"]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    let mut busy = replica.server.client();
    let script = "local i=0 while i<5000000 do i=i+1 end return i";
    let ran = thread::spawn(move || busy.ask(&["EVAL", script, "0"]));
    for index in 0..3000 {
        primary.ask(&format!("SET k{index} v"));
        if index % 100 == 0 {
            primary.ask("MULTI");
            primary.ask(&format!("INCR a{index}"));
            primary.ask(&format!("INCR b{index}"));
            primary.ask("EXEC");
        }
    }
    drop(ran.join());
    // On a slow machine its client has given up before.
    replica.wait_until("the script has ended", |side| {
        side.ask("PING") == Reply::Status(b"PONG".to_vec())
    });
    settle(&mut primary, &mut replica);
}
