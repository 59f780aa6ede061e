//! What clients of a writable replica write there, beside stock.

use crate::Side;
use crate::wire::Reply;

const WRITABLE: &[&str] = &["replica-read-only no"];

#[test]
fn keys_with_deadlines_of_a_replicas_own_go_there() {
    let replicas = [
        Side::stock(WRITABLE),
        Side::basalt(1, WRITABLE),
        Side::basalt(3, WRITABLE),
    ];
    for mut replica in replicas {
        let mut primary = Side::stock(&[]);
        // So that nothing of the primary's goes by its word.
        primary.ask("DEBUG SET-ACTIVE-EXPIRE 0");
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.ask("SET theirs v PX 100");
        replica.wait_until("it has the primary's offset", |replica| {
            replica.offset() == primary.offset()
        });
        for line in [
            "SET one v PX 100",
            "SET two v",
            "PEXPIRE two 100",
            "RPUSH from v",
            "PEXPIRE from 100",
            "RENAME from three",
            "SET later v EX 1000",
            "SET never v PX 100",
            "PERSIST never",
            "SELECT 3",
            "SET four v PX 100",
            "SELECT 0",
        ] {
            assert!(!matches!(replica.ask(line), Reply::Error(_)), "{line}");
        }
        replica.wait_until("its own have gone", |replica| {
            replica.told("expired_keys") == "4"
        });
        assert_eq!(replica.ask("DBSIZE"), Reply::Integer(3), "and no others");
        assert_eq!(replica.ask("EXISTS theirs"), Reply::Integer(0));
        assert_eq!(replica.ask("EXISTS later never"), Reply::Integer(2));
        replica.wait_until("it keeps an eye on one", |replica| {
            replica.told("slave_expires_tracked_keys") == "1"
        });
        replica.ask("PEXPIRE later 1");
        replica.wait_until("that goes, too", |replica| {
            replica.told("expired_keys") == "5"
        });
        // From now on every deadline is its own.
        replica.ask("REPLICAOF NO ONE");
        replica.wait_until("the primary's goes", |replica| {
            replica.ask("DBSIZE") == Reply::Integer(1)
        });
    }
}

#[test]
fn clients_that_write_find_nothing_whose_time_is_over() {
    let replicas = [Side::stock(WRITABLE), Side::basalt(3, WRITABLE)];
    for mut replica in replicas {
        let mut primary = Side::stock(&[]);
        primary.ask("DEBUG SET-ACTIVE-EXPIRE 0");
        replica.ask("DEBUG SET-ACTIVE-EXPIRE 0");
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.ask("SET theirs 5 PX 1");
        replica.ask("SET own 5 PX 1");
        replica.wait_until("it has the primary's offset", |replica| {
            replica.offset() == primary.offset()
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(replica.ask("DBSIZE"), Reply::Integer(2));
        assert_eq!(replica.ask("INCR theirs"), Reply::Integer(1));
        assert_eq!(replica.ask("PTTL theirs"), Reply::Integer(-1));
        assert_eq!(replica.ask("INCR own"), Reply::Integer(1));
        assert_eq!(replica.ask("DBSIZE"), Reply::Integer(2));
    }
}
