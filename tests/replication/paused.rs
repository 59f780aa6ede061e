//! CLIENT PAUSE at a replica holds up what its primary sends, too, beside stock.

use std::time::{Duration, Instant};

use crate::Side;
use crate::wire::Reply;

fn text(value: &str) -> Reply {
    Reply::Bulk(value.as_bytes().to_vec())
}

#[test]
fn a_paused_replica_takes_its_primarys_writes_and_applies_none() {
    for mut replica in [Side::stock(&[]), Side::basalt(1, &[]), Side::basalt(3, &[])] {
        let mut primary = Side::primary(2, &[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.ask("SET k 0");
        assert_eq!(primary.ask("WAIT 1 60000"), Reply::Integer(1));
        let applied = replica.told("slave_repl_offset");

        replica.ask("CLIENT PAUSE 60000 WRITE");
        primary.ask("MULTI");
        primary.ask("SET k 1");
        primary.ask("SET j 1");
        primary.ask("EXEC");
        assert_eq!(primary.ask("WAIT 1 300"), Reply::Integer(0));
        let sent = primary.offset().to_string();
        replica.wait_until("it has read all", |replica| {
            replica.told("slave_read_repl_offset") == sent
        });
        assert_eq!(replica.told("slave_repl_offset"), applied);
        assert_eq!(replica.ask("GET k"), text("0"));
        replica.ask("CLIENT UNPAUSE");
        assert_eq!(primary.ask("WAIT 1 60000"), Reply::Integer(1));
        assert_eq!(
            replica.ask("MGET k j"),
            Reply::Array(vec![text("1"), text("1")])
        );

        replica.ask("CLIENT PAUSE 1000 ALL");
        primary.ask("SET k 2");
        assert_eq!(primary.ask("WAIT 1 300"), Reply::Integer(0));
        assert_eq!(primary.ask("WAIT 1 60000"), Reply::Integer(1));
        assert_eq!(replica.ask("GET k"), text("2"));
        assert_eq!(replica.told("master_link_status"), "up");
    }
}

#[test]
fn a_paused_replica_that_is_to_lead_has_what_it_was_sent() {
    let mut replica = Side::basalt(3, &[]);
    let mut primary = Side::primary(2, &[]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    replica.ask("CLIENT PAUSE 60000 WRITE");
    primary.ask("SET k 1");
    let sent = primary.offset().to_string();
    replica.wait_until("it has read all", |replica| {
        replica.told("slave_read_repl_offset") == sent
    });
    let began = Instant::now();
    replica.ask("REPLICAOF NO ONE");
    assert_eq!(replica.ask("GET k"), text("1"));
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(replica.told("role"), "master");
}
