//! Nodes that end and come back: they go on where their file stands, and nobody gets
//! less than it has.

use std::thread;
use std::time::Duration;

use crate::writer::{Dice, write};
use crate::{Side, settle};

/// The settings that it has now are those that it starts with.
fn remember(side: &mut Side) {
    side.ask("CONFIG REWRITE");
}

/// BGSAVE, to its end.
fn save(side: &mut Side) {
    side.ask("BGSAVE");
    side.wait_until("it is saved", |side| {
        side.told("rdb_bgsave_in_progress") == "0"
    });
}

#[test]
fn a_replica_that_ends_goes_on_where_its_file_stands() {
    for (is_stock_primary, shards) in [(true, 1), (true, 3), (false, 2)] {
        let mut primary = match is_stock_primary {
            true => Side::stock(&[]),
            false => Side::primary(3, &[]),
        };
        let mut replica = Side::primary(shards, &[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        remember(&mut replica);
        write(&mut primary.server.client(), &mut Dice::new(1), 1000);
        primary.ask("SELECT 3");
        primary.ask("SET last in-three");
        // Under writes, so that units are on their way when it ends.
        thread::scope(|scope| {
            let mut client = primary.server.client();
            scope.spawn(move || write(&mut client, &mut Dice::new(2), 4000));
            replica.shut_down_and_restart();
        });
        replica.wait_until_linked();
        settle(&mut primary, &mut replica);
        assert_eq!(primary.told("sync_full"), "1", "{}", replica.server.log());
        assert_eq!(primary.told("sync_partial_ok"), "1");
        // A file of BGSAVE is as good, whenever the process ends.
        save(&mut replica);
        write(&mut primary.server.client(), &mut Dice::new(3), 500);
        settle(&mut primary, &mut replica);
        replica.restart();
        replica.wait_until_linked();
        settle(&mut primary, &mut replica);
        assert_eq!(primary.told("sync_full"), "1", "{}", replica.server.log());
        assert_eq!(primary.told("sync_partial_ok"), "2");
    }
}

#[test]
fn replicas_go_on_with_a_primary_that_was_shut_down() {
    for shards in [1, 3] {
        let mut primary = Side::primary(shards, &[]);
        let mut replicas = [Side::stock(&[]), Side::primary(2, &[])];
        for replica in &mut replicas {
            replica.follow(primary.port());
            replica.wait_until_linked();
        }
        write(&mut primary.server.client(), &mut Dice::new(4), 1000);
        // They are over when the file is loaded, and nobody has said so.
        primary.ask("DEBUG SET-ACTIVE-EXPIRE 0");
        for index in 0..100 {
            primary.ask(&format!("SET short:{index} v PX 20"));
        }
        for replica in &mut replicas {
            replica.wait_until("it has all", |side| side.offset() == primary.offset());
        }
        primary.shut_down_and_restart();
        // And some that the writer made.
        let expired: u64 = primary
            .told("rdb_last_load_keys_expired")
            .parse()
            .expect("a number");
        assert!(expired >= 100, "{expired}");
        for replica in &mut replicas {
            replica.wait_until_linked();
        }
        write(&mut primary.server.client(), &mut Dice::new(5), 300);
        for replica in &mut replicas {
            settle(&mut primary, replica);
        }
        assert_eq!(primary.told("sync_full"), "0", "{}", primary.server.log());
        assert_eq!(primary.told("sync_partial_ok"), "2");
    }
}

#[test]
fn a_stock_node_goes_on_from_a_file_of_basalt() {
    let mut primary = Side::primary(3, &[]);
    let mut replica = Side::stock(&[]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    remember(&mut replica);
    write(&mut primary.server.client(), &mut Dice::new(6), 500);
    settle(&mut primary, &mut replica);
    save(&mut primary);
    write(&mut primary.server.client(), &mut Dice::new(7), 500);
    // The replica ends, and comes back with what the primary had then.
    drop(replica.client.ask(&["SHUTDOWN", "NOSAVE"]));
    replica.server.end(Duration::from_secs(20));
    std::fs::copy(
        primary.server.folder().join("dump.rdb"),
        replica.server.folder().join("dump.rdb"),
    )
    .expect("it is there");
    replica.restart();
    replica.wait_until_linked();
    settle(&mut primary, &mut replica);
    assert_eq!(primary.told("sync_full"), "1", "{}", replica.server.log());
}

/// What a primary that is killed starts again with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    Nothing,
    /// When nobody followed it, so the file names no place in a history.
    DataFromBefore,
    DataFromSince,
    /// It has been killed before, and its history has another name since.
    DataFromBeforeItsName,
}

/// Of replicas that have what the primary has lost.
fn keep_what_they_have(primary: &Side, replicas: &mut [Side]) {
    thread::sleep(Duration::from_millis(2500));
    for replica in replicas {
        assert_eq!(replica.told("master_link_status"), "down");
        let value = crate::wire::Reply::Bulk(b"replicas-have-it".to_vec());
        assert_eq!(replica.ask("GET only"), value);
    }
    let log = primary.server.log();
    assert!(log.contains("repl-protect-replicas no"), "{log}");
}

fn takes_nothing(with: Start) {
    let mut primary = Side::primary(2, &[]);
    if with == Start::DataFromBefore {
        primary.ask("SET early v");
        primary.ask("SAVE");
    }
    let mut replicas = [Side::stock(&[]), Side::primary(1, &[])];
    for replica in &mut replicas {
        replica.follow(primary.port());
        replica.wait_until_linked();
    }
    if with != Start::DataFromBefore {
        write(&mut primary.server.client(), &mut Dice::new(8), 300);
    }
    if with == Start::DataFromSince {
        primary.ask("SAVE");
    }
    if with == Start::DataFromBeforeItsName {
        for replica in &mut replicas {
            settle(&mut primary, replica);
        }
        primary.ask("SAVE");
        primary.restart();
        for replica in &mut replicas {
            replica.wait_until_linked();
        }
        assert_eq!(primary.told("sync_full"), "0");
    }
    primary.ask("SET only replicas-have-it");
    for replica in &mut replicas {
        replica.wait_until("it has all", |side| side.offset() == primary.offset());
    }
    primary.restart();
    keep_what_they_have(&primary, &mut replicas);
    // Nor does it forget who they are when it has a file of what it has now.
    primary.ask("SET other v");
    primary.ask("SAVE");
    primary.restart();
    keep_what_they_have(&primary, &mut replicas);
    // One who has nothing is served meanwhile.
    let mut other = Side::stock(&[]);
    other.follow(primary.port());
    other.wait_until_linked();
    // And all are when that is what they are to have.
    primary.ask("CONFIG SET repl-protect-replicas no");
    for replica in &mut replicas {
        replica.wait_until_linked();
        settle(&mut primary, replica);
        assert_eq!(replica.ask("EXISTS only"), crate::wire::Reply::Integer(0));
    }
}

#[test]
fn a_primary_that_lost_data_takes_none_from_its_replicas() {
    thread::scope(|scope| {
        for with in [
            Start::Nothing,
            Start::DataFromBefore,
            Start::DataFromSince,
            Start::DataFromBeforeItsName,
        ] {
            scope.spawn(move || takes_nothing(with));
        }
    });
}

#[test]
fn a_replica_that_falls_behind_a_new_primary_is_synchronised_anew() {
    let mut primary = Side::basalt(
        2,
        &[
            "repl-diskless-sync-delay 0",
            "repl-backlog-size 16kb",
            "repl-timeout 5",
        ],
    );
    let proxy = crate::proxy::Proxy::to(primary.port());
    let mut replicas = [Side::stock(&[]), Side::primary(1, &[])];
    for replica in &mut replicas {
        replica.follow(proxy.port());
        replica.wait_until_linked();
    }
    // Both are cut off while more is written than the backlog keeps.
    for replica in &mut replicas {
        replica.ask("REPLICAOF 127.0.0.1 1");
    }
    write(&mut primary.server.client(), &mut Dice::new(9), 1000);
    primary.ask(&format!("SET large {}", "x".repeat(100_000)));
    for replica in &mut replicas {
        replica.follow(primary.port());
        replica.wait_until_linked();
        settle(&mut primary, replica);
    }
    assert_eq!(primary.told("sync_full"), "4", "{}", primary.server.log());
}
