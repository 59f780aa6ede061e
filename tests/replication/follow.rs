//! Basalt follows stock: in full, by every way in, and its stream.

use std::thread;
use std::time::Duration;

use crate::chosen::wait_for;
use crate::wire::Reply;
use crate::writer::{Dice, write};
use crate::{Side, settle};

const DISKLESS: [&str; 2] = ["repl-diskless-sync no", "repl-diskless-sync yes"];
const LOADS: [&str; 3] = [
    "repl-diskless-load disabled",
    "repl-diskless-load on-empty-db",
    "repl-diskless-load swapdb",
];

#[test]
fn data_and_stream_are_the_primarys_by_every_way_in() {
    for (number, shards) in [1, 3].into_iter().enumerate() {
        for diskless in DISKLESS {
            for load in LOADS {
                let mut primary = Side::stock(&[diskless]);
                let mut dice = Dice::new(7 + number as u64);
                write(&mut primary.server.client(), &mut dice, 2000);
                let mut replica = Side::basalt(shards, &[load]);
                replica.ask("SET own data");
                let port = primary.port();
                replica.follow(port);
                write(&mut primary.server.client(), &mut dice, 500);
                replica.wait_until_linked();
                write(&mut primary.server.client(), &mut dice, 2000);
                settle(&mut primary, &mut replica);
                assert_eq!(replica.ask("GET own"), Reply::Null, "{load}");
                assert_eq!(primary.told("sync_full"), "1", "{diskless}, {load}");
            }
        }
    }
}

#[test]
fn writers_that_write_at_once_do_not_disturb_each_other() {
    let mut primary = Side::stock(&[]);
    let mut replica = Side::basalt(3, &[]);
    replica.follow(primary.port());
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let mut client = primary.server.client();
            scope.spawn(move || write(&mut client, &mut Dice::new(100 + seed), 2000));
        }
    });
    settle(&mut primary, &mut replica);
}

#[test]
fn values_and_transactions_of_megabytes_arrive() {
    let mut primary = Side::stock(&[]);
    let mut replica = Side::basalt(3, &["proto-max-bulk-len 1mb"]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    let large = "v".repeat(3 << 20);
    primary.ask(&format!("SET large {large}"));
    primary.ask("MULTI");
    for index in 0..2000 {
        primary.ask(&format!("SET k{index} {}", &large[..2000]));
    }
    primary.ask("EXEC");
    settle(&mut primary, &mut replica);
    let Reply::Bulk(got) = replica.ask("GET large") else {
        panic!("it is there");
    };
    assert_eq!(got.len(), large.len());
}

#[test]
fn an_append_only_file_begins_anew_with_the_primarys_data() {
    for shards in [1, 3] {
        let mut primary = Side::stock(&[]);
        let mut dice = Dice::new(3);
        write(&mut primary.server.client(), &mut dice, 500);
        let mut replica = Side::basalt(shards, &["appendonly yes"]);
        replica.ask("SET own data");
        replica.follow(primary.port());
        replica.wait_until_linked();
        write(&mut primary.server.client(), &mut dice, 500);
        settle(&mut primary, &mut replica);
        replica.wait_until("the file has begun anew", |side| {
            side.told("aof_rewrite_in_progress") == "0"
        });
        write(&mut primary.server.client(), &mut dice, 500);
        settle(&mut primary, &mut replica);
        let before = replica.digest();
        assert_eq!(replica.ask("DEBUG LOADAOF"), Reply::Status(b"OK".to_vec()));
        assert_eq!(replica.digest(), before, "{shards} shards");
        assert_eq!(replica.ask("GET own"), Reply::Null);
    }
}

#[test]
fn a_snapshot_under_way_ends_when_the_data_is_exchanged() {
    for load in LOADS {
        let mut primary = Side::stock(&[]);
        primary.ask("DEBUG POPULATE 20000 key 50");
        let mut replica = Side::basalt(3, &[load]);
        replica.ask("DEBUG POPULATE 50000 own 50");
        for _ in 0..3 {
            replica.ask("BGSAVE");
            replica.follow(primary.port());
            replica.wait_until_linked();
            replica.ask("BGSAVE SCHEDULE");
            replica.wait_until("no snapshot is under way", |side| {
                side.told("rdb_bgsave_in_progress") == "0"
            });
            settle(&mut primary, &mut replica);
            replica.ask("REPLICAOF NO ONE");
        }
    }
}

#[test]
fn libraries_come_with_the_data_and_with_the_stream() {
    let mut primary = Side::stock(&[]);
    let library = |name: &str| {
        format!("#!lua name={name}\nredis.register_function('{name}',function()return'{name}'end)")
    };
    let load = |side: &mut Side, name: &str| {
        let reply = side.client.ask(&["FUNCTION", "LOAD", &library(name)]);
        assert!(matches!(reply, Ok(Reply::Bulk(_))), "{reply:?}");
    };
    load(&mut primary, "first");
    let mut replica = Side::basalt(3, &[]);
    load(&mut replica, "own");
    replica.follow(primary.port());
    replica.wait_until_linked();
    load(&mut primary, "second");
    settle(&mut primary, &mut replica);
    for name in ["first", "second"] {
        let reply = replica.ask(&format!("FCALL_RO {name} 0"));
        let expected = b"ERR Can not execute a script with write flag using *_ro command.";
        assert_eq!(reply, Reply::Error(expected.to_vec()));
    }
    let Reply::Array(libraries) = replica.ask("FUNCTION LIST") else {
        panic!("it has libraries");
    };
    assert_eq!(libraries.len(), 2);
}

/// Its primary says when a field goes, as it does of keys: a replica that is behind goes by
/// neither its clock nor what its own clients ask for meanwhile.
#[test]
fn fields_go_when_the_primary_says_so() {
    let mut primary = Side::primary(1, &[]);
    for shards in [1, 3] {
        let mut replica = Side::basalt(shards, &[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.ask("DEL hash");
        primary.ask("HSET hash counted 5 kept a other b");
        primary.ask("HPEXPIRE hash 300 FIELDS 2 counted kept");
        wait_for(&mut replica, &mut primary);
        replica.signal("-STOP");
        primary.ask("HINCRBY hash counted 1");
        let kept = primary.ask("HPERSIST hash FIELDS 2 counted kept");
        assert_eq!(
            kept,
            Reply::Array(vec![Reply::Integer(1), Reply::Integer(1)])
        );
        primary.ask("HPEXPIRE hash 200 FIELDS 1 other");
        primary.ask("HPERSIST hash FIELDS 1 other");
        thread::sleep(Duration::from_millis(500));
        replica.signal("-CONT");
        settle(&mut primary, &mut replica);
        let fields = replica.ask("HMGET hash counted kept other");
        let wanted = ["6", "a", "b"].map(|text| Reply::Bulk(text.into()));
        assert_eq!(fields, Reply::Array(wanted.to_vec()));
        let left = replica.ask("HTTL hash FIELDS 3 counted kept other");
        assert_eq!(left, Reply::Array(vec![Reply::Integer(-1); 3]));
    }
}
