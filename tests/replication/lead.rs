//! Stock and basalt follow basalt: in full, by every way, its stream, and what
//! changes of role make of both.

use std::thread;
use std::time::{Duration, Instant};

use crate::cuts::write_through_cuts;
use crate::proxy::Proxy;
use crate::wire::Reply;
use crate::writer::{Dice, write};
use crate::{Side, error, settle, status};

#[test]
fn replicas_have_every_write_by_every_way_out() {
    for shards in [1, 3] {
        for way in ["repl-diskless-sync yes", "repl-diskless-sync no"] {
            let mut primary = Side::primary(shards, &[way]);
            let mut dice = Dice::new(shards as u64);
            write(&mut primary.server.client(), &mut dice, 2000);
            primary.ask("DEBUG POPULATE 20000 key 200");
            let replicas = [
                Side::stock(&[]),
                Side::stock(&["repl-diskless-load swapdb"]),
                Side::basalt(2, &[]),
            ];
            for mut replica in replicas {
                replica.ask("SET own data");
                replica.follow(primary.port());
                thread::scope(|scope| {
                    for seed in 0..2 {
                        let mut client = primary.server.client();
                        scope.spawn(move || write(&mut client, &mut Dice::new(50 + seed), 1500));
                    }
                });
                replica.wait_until_linked();
                write(&mut primary.server.client(), &mut dice, 500);
                settle(&mut primary, &mut replica);
            }
            assert_eq!(primary.told("sync_full"), "3", "{way}");
        }
    }
}

#[test]
fn a_cut_stream_is_resumed_without_a_full_synchronisation() {
    for is_stock in [true, false] {
        let mut primary = Side::primary(3, &[]);
        let proxy = Proxy::to(primary.port());
        let mut replica = match is_stock {
            true => Side::stock(&[]),
            false => Side::basalt(2, &[]),
        };
        replica.follow(proxy.port());
        replica.wait_until_linked();
        let mut dice = Dice::new(3);
        write_through_cuts((&mut primary, &mut replica), &proxy, &mut dice, 10);
    }
}

#[test]
fn a_transfer_that_is_cut_is_begun_again() {
    for way in ["repl-diskless-sync yes", "repl-diskless-sync no"] {
        let mut primary = Side::primary(2, &[way, "rdbcompression no"]);
        primary.ask("DEBUG POPULATE 20000 key 300");
        let proxy = Proxy::to(primary.port());
        proxy.cut_after(2_000_000);
        let mut replica = Side::stock(&[]);
        replica.follow(proxy.port());
        replica.wait_until("the transfer is cut", |_| proxy.cuts() == 1);
        replica.wait_until_linked();
        write(&mut primary.server.client(), &mut Dice::new(9), 300);
        settle(&mut primary, &mut replica);
        assert_eq!(primary.told("sync_full"), "2");
        // Nothing stays of what was not sent.
        let left = std::fs::read_dir(primary.server.folder()).expect("it is there");
        let left = left.map(|entry| entry.expect("it is readable").file_name());
        let left: Vec<_> = left
            .filter(|name| name.to_string_lossy().starts_with("temp"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_chain_hands_on_the_same_bytes_and_stays_together_when_roles_change() {
    let mut first = Side::primary(3, &[]);
    let mut second = Side::primary(2, &[]);
    let mut third = Side::stock(&[]);
    second.follow(first.port());
    second.wait_until_linked();
    write(&mut first.server.client(), &mut Dice::new(1), 500);
    third.follow(second.port());
    thread::scope(|scope| {
        let mut client = first.server.client();
        scope.spawn(move || write(&mut client, &mut Dice::new(2), 3000));
    });
    third.wait_until_linked();
    settle(&mut first, &mut second);
    settle(&mut second, &mut third);
    assert_eq!(first.offset(), third.offset());
    // The second leads: the third goes on, and so does the first as its replica.
    assert_eq!(second.ask("REPLICAOF NO ONE"), status("OK"));
    write(&mut second.server.client(), &mut Dice::new(3), 500);
    third.wait_until_linked();
    settle(&mut second, &mut third);
    first.follow(second.port());
    first.wait_until_linked();
    write(&mut second.server.client(), &mut Dice::new(4), 500);
    settle(&mut second, &mut first);
    settle(&mut second, &mut third);
    assert_eq!(second.told("sync_full"), "1", "{}", second.server.log());
    assert_eq!(
        second.told("sync_partial_ok"),
        "2",
        "{}",
        second.server.log()
    );
    // And back: the third leads a node that led.
    third.ask("REPLICAOF NO ONE");
    second.follow(third.port());
    second.wait_until_linked();
    first.wait_until_linked();
    write(&mut third.server.client(), &mut Dice::new(5), 500);
    settle(&mut third, &mut second);
    settle(&mut third, &mut first);
    assert_eq!(third.told("sync_full"), "0", "{}", third.server.log());
}

#[test]
fn what_a_primary_loses_when_it_follows_is_what_nobody_else_has() {
    let mut first = Side::primary(3, &[]);
    let mut second = Side::stock(&[]);
    second.follow(first.port());
    second.wait_until_linked();
    settle(&mut first, &mut second);
    second.ask("REPLICAOF NO ONE");
    second.ask("SET k theirs");
    let mut writers: Vec<_> = (0..3).map(|_| first.server.client()).collect();
    thread::scope(|scope| {
        for (seed, client) in writers.iter_mut().enumerate() {
            // Refused from a moment on.
            scope.spawn(move || write(client, &mut Dice::new(seed as u64), 1000));
        }
        thread::sleep(Duration::from_millis(20));
        first.follow(second.port());
    });
    first.wait_until_linked();
    settle(&mut second, &mut first);
    assert_eq!(first.ask("GET k"), Reply::Bulk(b"theirs".to_vec()));
}

#[test]
fn wait_counts_replicas_that_have_what_was_written() {
    let mut primary = Side::primary(3, &[]);
    assert_eq!(primary.ask("WAIT 0 0"), Reply::Integer(0));
    assert_eq!(primary.ask("WAIT 1 50"), Reply::Integer(0));
    let mut replicas = [Side::stock(&[]), Side::basalt(2, &[])];
    for replica in &mut replicas {
        replica.follow(primary.port());
        replica.wait_until_linked();
    }
    primary.wait_until("both are online", |side| {
        side.ask("WAIT 2 1000") == Reply::Integer(2)
    });
    let mut shortest = Duration::MAX;
    for index in 0..200 {
        let began = Instant::now();
        // A pipeline: WAIT is for what stands before it, wherever that runs.
        let key = format!("k{index}");
        let mut bytes = crate::wire::request(&["SET", &key, "v"]);
        bytes.extend(crate::wire::request(&["WAIT", "2", "5000"]));
        primary.client.send_bytes(&bytes).expect("it listens");
        let replies = [primary.client.read(), primary.client.read()];
        let [Ok(set), Ok(wait)] = replies else {
            panic!("{replies:?}");
        };
        assert_eq!((set, wait), (status("OK"), Reply::Integer(2)), "{index}");
        shortest = shortest.min(began.elapsed());
        for replica in &mut replicas {
            assert_eq!(
                replica.ask(&format!("GET {key}")),
                Reply::Bulk(b"v".to_vec())
            );
        }
    }
    // Nothing on the way waits for a clock; a busy machine is slow now and then.
    assert!(shortest < Duration::from_millis(30), "{shortest:?}");
    // In a transaction it does not wait.
    for request in ["MULTI", "SET k v", "WAIT 3 0"] {
        primary.ask(request);
    }
    let Reply::Array(replies) = primary.ask("EXEC") else {
        panic!("it runs");
    };
    assert!(matches!(replies[1], Reply::Integer(0..=2)), "{replies:?}");
    let start = Instant::now();
    assert_eq!(primary.ask("WAIT 3 200"), Reply::Integer(2));
    assert!(start.elapsed() >= Duration::from_millis(190));
    assert_eq!(
        primary.ask("WAIT 1 x"),
        error("ERR timeout is not an integer or out of range")
    );
    assert_eq!(primary.ask("WAIT 1 -1"), error("ERR timeout is negative"));
    let refused = replicas[1].ask("WAIT 1 1");
    assert_eq!(refused, replicas[0].ask("WAIT 1 1"));
}

#[test]
fn who_sends_no_more_waits_no_longer_and_has_its_replies() {
    let primary = Side::primary(3, &[]);
    for replicas in ["0", "5"] {
        let mut client = primary.server.client();
        client.send(&["WAIT", replicas, "0"]).expect("it listens");
        client
            .socket()
            .shutdown(std::net::Shutdown::Write)
            .expect("it is connected");
        assert_eq!(client.read().ok(), Some(Reply::Integer(0)), "{replicas}");
    }
}

#[test]
fn writes_need_as_many_replicas_as_the_settings_say() {
    let mut primary = Side::primary(2, &["min-replicas-to-write 1"]);
    let refusal = Reply::Error(b"NOREPLICAS Not enough good replicas to write.".to_vec());
    for request in ["SET k v", "EVAL return(redis.call('set','a','b')) 0"] {
        let Reply::Error(text) = primary.ask(request) else {
            panic!("{request} is refused");
        };
        assert!(text.starts_with(b"NOREPLICAS"), "{request}");
    }
    assert_eq!(primary.ask("GET k"), Reply::Null);
    // Either setting switches it off.
    primary.ask("CONFIG SET min-replicas-max-lag 0");
    assert_eq!(primary.ask("SET other v"), status("OK"));
    primary.ask("CONFIG SET min-replicas-max-lag 10");
    assert_eq!(primary.ask("SET k v"), refusal);
    let mut replica = Side::stock(&[]);
    replica.follow(primary.port());
    primary.wait_until("it is taken", |side| side.ask("SET k v") == status("OK"));
    drop(replica);
    primary.wait_until("it is refused", |side| side.ask("SET k v") == refusal);
}

#[test]
fn a_replica_that_is_frozen_in_a_transfer_holds_up_no_writer() {
    let mut primary = Side::primary(2, &["rdbcompression no", "repl-timeout 30"]);
    primary.ask("DEBUG POPULATE 60000 key 1000");
    let mut replica = Side::stock(&[]);
    // Its bytes come to stand in the proxy, which reads none of them.
    let proxy = Proxy::to(primary.port());
    replica.follow(proxy.port());
    primary.wait_until("the transfer has begun", |side| {
        side.told("slave0").contains("state=wait_bgsave")
            && side.told("rdb_bgsave_in_progress") == "1"
    });
    replica.signal("-STOP");
    let mut client = primary.server.client();
    let mut longest = Duration::ZERO;
    let value = "w".repeat(1000);
    for index in 0..60_000 {
        let start = Instant::now();
        let words = ["SET", &format!("key:{index}"), &value];
        assert_eq!(client.ask(&words).expect("it answers"), status("OK"));
        longest = longest.max(start.elapsed());
    }
    replica.signal("-CONT");
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    replica.wait_until_linked();
    settle(&mut primary, &mut replica);
    assert_eq!(primary.told("sync_full"), "1");
}

#[test]
fn what_replicas_are_told_and_who_they_are_can_be_seen() {
    let mut primary = Side::primary(3, &["repl-ping-replica-period 1"]);
    let mut replica = Side::stock(&["replica-announce-ip 10.1.2.3", "replica-announce-port 77"]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    primary.wait_until("it is online", |side| {
        side.told("slave0")
            .starts_with("ip=10.1.2.3,port=77,state=online,offset=")
    });
    assert_eq!(primary.told("connected_slaves"), "1");
    let before = primary.offset();
    primary.wait_until("it is pinged", |side| side.offset() > before);
    let mut listener = replica.server.client();
    listener.ask(&["SUBSCRIBE", "channel"]).expect("it answers");
    primary.ask("PUBLISH channel message");
    let heard = listener.read().expect("it hears it");
    assert!(
        format!("{heard:?}").contains("109, 101, 115") || format!("{heard:?}").contains("message")
    );
    let Reply::Bulk(list) = primary.ask("CLIENT LIST TYPE replica") else {
        panic!("a list is a text");
    };
    let list = String::from_utf8(list).expect("it is text");
    assert!(
        list.contains(" cmd=psync ") && list.contains(" flags=S"),
        "{list}"
    );
    // Whoever is killed comes back and goes on.
    assert_eq!(primary.ask("CLIENT KILL TYPE replica"), Reply::Integer(1));
    primary.wait_until("it is back", |side| side.told("sync_partial_ok") == "1");
    settle(&mut primary, &mut replica);
}

#[test]
fn what_a_replica_says_wrong_hears_what_stock_says() {
    let mut stock = Side::stock(&[]);
    let mut basalt = Side::primary(2, &[]);
    for request in [
        "REPLCONF",
        "REPLCONF listening-port",
        "REPLCONF listening-port x",
        "REPLCONF nonsense 1",
        "REPLCONF capa eof capa nonsense",
        "REPLCONF rdb-only x",
        "PSYNC ? x",
        "PSYNC",
        "SYNC more",
        "MULTI",
        "PSYNC ? -1",
        "EXEC",
        "EVAL return(redis.call('psync','?','-1')) 0",
        "REPLICAOF 127.0.0.1 1",
        "PSYNC ? -1",
        "SYNC",
    ] {
        let shown = |reply: Reply| {
            format!("{reply:?}")
                .split(" script: ")
                .next()
                .map(str::to_owned)
        };
        assert_eq!(
            shown(basalt.ask(request)),
            shown(stock.ask(request)),
            "{request}"
        );
    }
}

#[test]
fn a_replica_that_waits_while_its_primary_follows_another_has_nothing_twice() {
    let mut first = Side::stock(&[]);
    first.ask("DEBUG POPULATE 1000 key 50");
    let mut second = Side::basalt(2, &["repl-diskless-sync-delay 2"]);
    let mut third = Side::stock(&[]);
    second.ask("SET own 1");
    third.follow(second.port());
    second.wait_until("it waits", |side| {
        side.told("slave0").contains("wait_bgsave")
    });
    // A port at which nobody is, for longer than the delay.
    second.follow(crate::process::free_port());
    thread::sleep(Duration::from_millis(2500));
    second.follow(first.port());
    second.wait_until_linked();
    third.wait_until_linked();
    for _ in 0..10 {
        first.ask("INCR count");
        first.ask("RPUSH list a b c");
    }
    settle(&mut first, &mut second);
    settle(&mut second, &mut third);
    assert_eq!(third.ask("GET count"), Reply::Bulk(b"10".to_vec()));
}

#[test]
fn a_snapshot_that_cannot_be_made_does_not_hold_up_the_primary() {
    let mut first = Side::stock(&[]);
    let mut second = Side::basalt(2, &["repl-diskless-sync no", "repl-diskless-sync-delay 0"]);
    second.follow(first.port());
    second.wait_until_linked();
    std::fs::remove_dir_all(second.server.folder()).expect("it is there");
    let mut stranger = second.server.client();
    stranger.send(&["PSYNC", "?", "-1"]).expect("it listens");
    for index in 0..30 {
        first.ask(&format!("SET k{index} v"));
        thread::sleep(Duration::from_millis(50));
    }
    drop(stranger);
    settle(&mut first, &mut second);
    second.wait_until("nobody waits", |side| side.told("connected_slaves") == "0");
}

#[test]
fn nothing_else_comes_between_the_bytes_of_the_stream() {
    let mut primary = Side::primary(2, &[]);
    let mut stranger = primary.server.client();
    for words in [
        &["HELLO", "3"][..],
        &["SUBSCRIBE", "channel"],
        &["PSYNC", "?", "-1"],
    ] {
        stranger.send(words).expect("it listens");
        thread::sleep(Duration::from_millis(50));
    }
    primary.ask("PUBLISH channel pushed");
    primary.ask("SET k v");
    stranger
        .send(&["REPLCONF", "ACK", "1"])
        .expect("it listens");
    primary.wait_until("it is online", |side| {
        side.told("slave0").contains("state=online")
    });
    stranger
        .send(&["REPLCONF", "ACK", "9223372036854775807"])
        .expect("it listens");
    thread::sleep(Duration::from_millis(100));
    assert_eq!(primary.ask("WAIT 2 100"), Reply::Integer(1));
    primary.ask("SET k w");
    // What it said was more than there was.
    assert_eq!(primary.ask("WAIT 1 100"), Reply::Integer(0));
    let mut bytes = vec![0; 1 << 16];
    let timeout = Some(Duration::from_millis(200));
    stranger
        .socket()
        .set_read_timeout(timeout)
        .expect("it can be set");
    let mut all = Vec::new();
    while let Ok(len) = std::io::Read::read(&mut stranger.socket(), &mut bytes) {
        if len == 0 {
            break;
        }
        all.extend_from_slice(&bytes[..len]);
    }
    let text = String::from_utf8_lossy(&all);
    assert!(!text.contains(">3\r\n$7\r\nmessage"), "{text}");
    assert!(text.contains("PUBLISH"), "{text}");
}

#[test]
fn the_backlog_goes_when_nobody_has_wanted_it_for_long() {
    let mut primary = Side::primary(2, &["repl-backlog-ttl 1"]);
    let mut replica = Side::stock(&[]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    let before = primary.told("master_replid");
    replica.ask("REPLICAOF NO ONE");
    primary.wait_until("it goes", |side| side.told("repl_backlog_active") == "0");
    assert_ne!(primary.told("master_replid"), before);
    primary.ask("SET unseen v");
    replica.follow(primary.port());
    replica.wait_until_linked();
    settle(&mut primary, &mut replica);
    assert_eq!(primary.told("sync_full"), "2");
}

/// The two numbers of WAITAOF.
fn disks(reply: &Reply) -> (i64, i64) {
    let Reply::Array(numbers) = reply else {
        panic!("{reply:?}");
    };
    match numbers[..] {
        [Reply::Integer(local), Reply::Integer(replicas)] => (local, replicas),
        _ => panic!("{reply:?}"),
    }
}

#[test]
fn waitaof_counts_the_disks_that_have_what_was_written() {
    let aof = ["appendonly yes", "appendfsync everysec"];
    let mut primary = Side::primary(3, &aof);
    let mut replica = Side::basalt(2, &aof);
    replica.follow(primary.port());
    replica.wait_until_linked();
    primary.wait_until("it is online", |side| {
        side.told("slave0").contains("state=online")
    });
    for index in 0..3 {
        let key = format!("k{index}");
        let mut bytes = crate::wire::request(&["SET", &key, "v"]);
        bytes.extend(crate::wire::request(&["WAITAOF", "1", "1", "10000"]));
        primary.client.send_bytes(&bytes).expect("it listens");
        assert_eq!(primary.client.read().ok(), Some(status("OK")));
        let reply = primary.client.read().expect("it answers");
        assert_eq!(disks(&reply), (1, 1), "{index}");
        // It is in the files that a process would find after the machine's end.
        for side in [&primary, &replica] {
            let folder = side.server.folder().join("appendonlydir");
            let files = std::fs::read_dir(folder).expect("it is there");
            let texts = files.map(|file| std::fs::read(file.expect("it is there").path()));
            let has_key =
                |text: Vec<u8>| text.windows(key.len()).any(|part| part == key.as_bytes());
            assert!(texts.map(|text| text.expect("it can be read")).any(has_key));
        }
    }
    // Of a command that changes nothing on several cores, nothing is written, and whoever
    // waits for it does not wait for the next write of others.
    let keys: Vec<String> = (0..20).map(|index| format!("none{index}")).collect();
    primary.ask(&format!("DEL {}", keys.join(" ")));
    assert_eq!(disks(&primary.ask("WAITAOF 1 0 5000")).0, 1);
    // A replica without a file has nothing on disk, however much it has acknowledged.
    replica.ask("CONFIG SET appendonly no");
    primary.ask("SET k w");
    assert_eq!(primary.ask("WAIT 1 5000"), Reply::Integer(1));
    let start = Instant::now();
    assert_eq!(disks(&primary.ask("WAITAOF 0 1 300")).1, 0);
    assert!(start.elapsed() >= Duration::from_millis(290));
    // And this node none when its own ends while somebody waits.
    let mut client = primary.server.client();
    client
        .ask(&["CONFIG", "SET", "appendfsync", "no"])
        .expect("it answers");
    client.ask(&["SET", "k", "x"]).expect("it answers");
    client
        .send(&["WAITAOF", "1", "0", "0"])
        .expect("it listens");
    thread::sleep(Duration::from_millis(200));
    primary.ask("CONFIG SET appendonly no");
    let text = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    let refusal = Reply::Error(text.as_bytes().to_vec());
    assert_eq!(client.read().ok(), Some(refusal));
}

#[test]
fn another_client_ends_a_wait_for_replicas() {
    let mut primary = Side::primary(3, &[]);
    for (reason, reply) in [
        ("TIMEOUT", Reply::Integer(0)),
        (
            "ERROR",
            Reply::Error(b"UNBLOCKED client unblocked via CLIENT UNBLOCK".to_vec()),
        ),
    ] {
        let mut client = primary.server.client();
        let Ok(Reply::Integer(id)) = client.ask(&["CLIENT", "ID"]) else {
            panic!("it has a number");
        };
        let unblock = format!("CLIENT UNBLOCK {id} {reason}");
        assert_eq!(primary.ask(&unblock), Reply::Integer(0));
        client.send(&["WAIT", "1", "0"]).expect("it listens");
        primary.wait_until("it waits", |side| side.told("blocked_clients") == "1");
        assert_eq!(primary.ask(&unblock), Reply::Integer(1));
        assert_eq!(client.read().ok(), Some(reply));
        assert_eq!(primary.told("blocked_clients"), "0");
        assert_eq!(client.ask(&["PING"]).ok(), Some(status("PONG")));
    }
    // One that goes is counted no more.
    let mut client = primary.server.client();
    client.send(&["WAIT", "1", "0"]).expect("it listens");
    primary.wait_until("it waits", |side| side.told("blocked_clients") == "1");
    drop(client);
    primary.wait_until("it is gone", |side| side.told("blocked_clients") == "0");
}

#[test]
fn a_replica_is_no_client_and_its_file_is_a_save_in_progress() {
    let mut primary = Side::primary(2, &["rdb-key-save-delay 20000"]);
    primary.ask("DEBUG POPULATE 100 key 100");
    let before = primary.told("connected_clients");
    let mut replica = Side::stock(&[]);
    replica.follow(primary.port());
    primary.wait_until("its file is made", |side| {
        side.told("rdb_bgsave_in_progress") == "1"
    });
    replica.wait_until_linked();
    primary.wait_until("it is made", |side| {
        side.told("rdb_bgsave_in_progress") == "0"
    });
    assert_eq!(primary.told("connected_slaves"), "1");
    assert_eq!(primary.told("connected_clients"), before);
}
