//! FAILOVER, and the end of a node that has replicas: nobody misses anything that was
//! answered.

use std::thread;
use std::time::{Duration, Instant};

use crate::proxy::Proxy;
use crate::wire::Reply;
use crate::writer::{Dice, write};
use crate::{PATIENCE, Side, error, settle, status};

/// Basalt with three shards, and one of each kind behind it, both of which have said
/// how far they are.
fn family() -> (Side, [Side; 2]) {
    let mut primary = Side::primary(3, &[]);
    let mut replicas = [Side::stock(&[]), Side::primary(2, &[])];
    for replica in &mut replicas {
        replica.follow(primary.port());
        replica.wait_until_linked();
    }
    primary.wait_until("both are online", |side| {
        let mut lines = ["slave0", "slave1"].into_iter().map(|name| side.told(name));
        lines.all(|line| line.contains("state=online"))
    });
    (primary, replicas)
}

fn wait_for_failover(side: &mut Side) {
    side.wait_until("the failover is over", |side| {
        side.told("master_failover_state") == "no-failover"
    });
}

/// Counts as long as writes are taken, and says how far it came.
fn count(port: u16) -> i64 {
    let mut client = crate::wire::Connection::open(port).expect("it listens");
    let mut last = 0;
    loop {
        match client.ask(&["INCR", "counter"]) {
            Ok(Reply::Integer(number)) => last = number,
            _ => return last,
        }
    }
}

#[test]
fn a_failover_under_writes_loses_nothing_and_costs_no_full_synchronisation() {
    for chosen in [0, 1] {
        let (mut primary, mut replicas) = family();
        write(&mut primary.server.client(), &mut Dice::new(1), 500);
        let port = primary.port();
        let counters: Vec<_> = (0..3).map(|_| thread::spawn(move || count(port))).collect();
        thread::sleep(Duration::from_millis(200));
        let target = replicas[chosen].port();
        let start = Instant::now();
        let reply = primary.ask(&format!("FAILOVER TO 127.0.0.1 {target}"));
        assert_eq!(reply, status("OK"));
        wait_for_failover(&mut primary);
        let took = start.elapsed();
        let counted = counters
            .into_iter()
            .map(|thread| thread.join().expect("it counts"));
        let counted = counted.max().expect("some counted");
        primary.wait_until_linked();
        let [one, other] = &mut replicas;
        let (leads, follows) = if chosen == 0 {
            (one, other)
        } else {
            (other, one)
        };
        assert_eq!(leads.told("role"), "master");
        let held = leads.ask("GET counter");
        assert_eq!(held, Reply::Bulk(counted.to_string().into_bytes()));
        follows.follow(target);
        follows.wait_until_linked();
        write(&mut leads.server.client(), &mut Dice::new(2), 300);
        settle(leads, &mut primary);
        settle(leads, follows);
        let log = leads.server.log();
        assert_eq!(leads.told("sync_full"), "0", "{log}");
        assert_eq!(leads.told("sync_partial_ok"), "2", "{log}");
        assert!(took < Duration::from_secs(3), "{took:?}");
        // And back, from a node that was a replica, to one that led.
        let reply = leads.ask(&format!(
            "FAILOVER TO 127.0.0.1 {} TIMEOUT 10000",
            primary.port()
        ));
        assert_eq!(reply, status("OK"));
        wait_for_failover(leads);
        leads.wait_until_linked();
        assert_eq!(primary.told("role"), "master");
        assert_eq!(primary.ask("SET k v"), status("OK"));
        settle(&mut primary, leads);
        assert_eq!(primary.told("sync_full"), "2");
    }
}

#[test]
fn a_failover_that_cannot_be_leaves_everything_as_it_was() {
    let (mut primary, mut replicas) = family();
    replicas[0].signal("-STOP");
    primary.ask("SET k before");
    let port = replicas[0].port();
    let asked = primary.ask(&format!("FAILOVER TO 127.0.0.1 {port} TIMEOUT 60000"));
    assert_eq!(asked, status("OK"));
    assert_eq!(primary.told("master_failover_state"), "waiting-for-sync");
    // Reads go on, and writes wait.
    let mut writer = primary.server.client();
    writer.send(&["SET", "k", "behind"]).expect("it listens");
    thread::sleep(Duration::from_millis(100));
    assert_eq!(primary.ask("GET k"), Reply::Bulk(b"before".to_vec()));
    for (request, text) in [
        ("FAILOVER", "ERR FAILOVER already in progress."),
        (
            "REPLICAOF NO ONE",
            "ERR REPLICAOF not allowed while failing over.",
        ),
    ] {
        assert_eq!(primary.ask(request), error(text));
    }
    let mut late = primary.server.client();
    assert_eq!(
        late.ask(&["PSYNC", "?", "-1"]).expect("it answers"),
        error("NOMASTERLINK Can't SYNC while failing over")
    );
    assert_eq!(primary.ask("FAILOVER ABORT"), status("OK"));
    assert_eq!(writer.read().expect("it is answered"), status("OK"));
    assert_eq!(primary.ask("GET k"), Reply::Bulk(b"behind".to_vec()));
    assert_eq!(
        primary.ask("FAILOVER ABORT"),
        error("ERR No failover in progress.")
    );
    // By its time.
    primary.ask(&format!("FAILOVER TO 127.0.0.1 {port} TIMEOUT 200"));
    wait_for_failover(&mut primary);
    assert_eq!(primary.told("role"), "master");
    assert_eq!(primary.ask("SET k v"), status("OK"));
    replicas[0].signal("-CONT");
    for replica in &mut replicas {
        settle(&mut primary, replica);
    }
    assert_eq!(primary.told("sync_full"), "2");
    assert_eq!(primary.told("sync_partial_ok"), "0");
}

#[test]
fn a_replica_that_will_not_lead_gives_the_lead_back() {
    let (mut primary, mut replicas) = family();
    // Stock without the command: it refuses PSYNC.
    let port = replicas[0].port();
    let refused = replicas[0].ask("ACL SETUSER default -psync");
    assert_eq!(refused, status("OK"));
    replicas[0].signal("-STOP");
    // It does not have this yet, so it is waited for.
    primary.ask("SET k before");
    primary.ask(&format!("FAILOVER TO 127.0.0.1 {port}"));
    let mut writer = primary.server.client();
    writer.send(&["SET", "k", "v"]).expect("it listens");
    // Who comes later, while the replica is asked, hears READONLY, as with stock.
    primary.wait_until("it is held", |side| side.told("blocked_clients") == "1");
    replicas[0].signal("-CONT");
    wait_for_failover(&mut primary);
    assert_eq!(writer.read().expect("it is answered"), status("OK"));
    assert_eq!(primary.told("role"), "master");
    let log = primary.server.log();
    let line = "Failover aborted: Failover target rejected psync request";
    assert_eq!(log.matches(line).count(), 1, "{log}");
    replicas[0].ask("ACL SETUSER default +psync");
    for replica in &mut replicas {
        replica.wait_until_linked();
        settle(&mut primary, replica);
    }
    assert_eq!(primary.told("sync_full"), "2", "{log}");
    assert_eq!(primary.told("sync_partial_ok"), "2");
}

#[test]
fn a_failover_whose_answer_is_lost_leaves_one_that_leads() {
    for mut replica in [Side::stock(&[]), Side::primary(2, &[])] {
        let mut primary = Side::primary(2, &[]);
        let proxy = Proxy::to(replica.port());
        let announced = proxy.port();
        replica.ask(&format!("CONFIG SET replica-announce-port {announced}"));
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.wait_until("it is online", |side| {
            side.told("slave0").contains("state=online")
        });
        primary.ask("SET k before");
        // +PONG, +OK for each REPLCONF, and one byte of what PSYNC is answered.
        proxy.cut_after(7 + 2 * 5 + 1);
        assert_eq!(primary.ask("FAILOVER"), status("OK"));
        wait_for_failover(&mut primary);
        assert_eq!(proxy.cuts(), 1);
        let log = primary.server.log();
        assert_eq!(replica.told("role"), "master", "{log}");
        assert_eq!(primary.told("role"), "slave", "{log}");
        primary.wait_until_linked();
        replica.ask("SET k behind");
        settle(&mut replica, &mut primary);
        assert_eq!(replica.told("sync_full"), "0", "{log}");
    }
}

#[test]
fn what_is_asked_wrong_of_a_failover_hears_what_stock_says() {
    let mut stock = Side::stock(&[]);
    let mut basalt = Side::primary(2, &[]);
    let requests = [
        "FAILOVER",
        "FAILOVER ABORT",
        "FAILOVER ABORT NOW",
        "FAILOVER TO 127.0.0.1",
        "FAILOVER TO 127.0.0.1 x",
        "FAILOVER TO 127.0.0.1 1",
        "FAILOVER TO 127.0.0.1 1 FORCE",
        "FAILOVER FORCE TIMEOUT 100",
        "FAILOVER TIMEOUT 0",
        "FAILOVER TIMEOUT -1",
        "FAILOVER TIMEOUT x",
        "FAILOVER TIMEOUT 1 TIMEOUT 2",
        "FAILOVER FORCE FORCE",
        "PSYNC ? -1 FAILOVER",
    ];
    for request in requests {
        assert_eq!(basalt.ask(request), stock.ask(request), "{request}");
    }
    // The same with replicas, and at a replica.
    let mut replicas = [Side::stock(&[]), Side::stock(&[])];
    replicas[0].follow(stock.port());
    replicas[1].follow(basalt.port());
    for replica in &mut replicas {
        replica.wait_until_linked();
    }
    for request in &requests[1..] {
        assert_eq!(basalt.ask(request), stock.ask(request), "{request}");
    }
    let mut ours = Side::primary(1, &[]);
    ours.follow(stock.port());
    ours.wait_until_linked();
    for request in ["FAILOVER", "PSYNC abc 1 FAILOVER"] {
        assert_eq!(ours.ask(request), replicas[0].ask(request), "{request}");
    }
}

#[test]
fn a_node_ends_when_its_replicas_have_everything() {
    for by_signal in [false, true] {
        let (mut primary, mut replicas) = family();
        primary.ask("CONFIG SET save \"\"");
        // It is some megabytes behind when the end is asked for.
        replicas[0].signal("-STOP");
        let port = primary.port();
        let counters: Vec<_> = (0..2).map(|_| thread::spawn(move || count(port))).collect();
        thread::sleep(Duration::from_millis(300));
        let mut other = primary.server.client();
        if by_signal {
            primary.signal("-TERM");
        } else {
            other.send(&["SHUTDOWN", "NOSAVE"]).expect("it listens");
        }
        primary.wait_until("it waits", |side| {
            !side.told("shutdown_in_milliseconds").is_empty()
        });
        replicas[0].signal("-CONT");
        assert!(primary.server.end(PATIENCE).is_some());
        let counted = counters
            .into_iter()
            .map(|thread| thread.join().expect("it counts"));
        let counted = counted.max().expect("some counted").to_string();
        let log = primary.server.log();
        assert!(log.contains("2 of 2 replicas are in sync"), "{log}");
        for replica in &mut replicas {
            assert_eq!(
                replica.ask("GET counter"),
                Reply::Bulk(counted.clone().into_bytes())
            );
        }
    }
}

#[test]
fn a_node_waits_no_longer_than_it_should_for_a_replica_that_lags() {
    let (mut primary, replicas) = family();
    primary.ask("CONFIG SET shutdown-timeout 1");
    replicas[0].signal("-STOP");
    primary.ask("SET k v");
    let asks = |side: &mut Side| {
        let mut client = side.server.client();
        client.send(&["SHUTDOWN", "NOSAVE"]).expect("it listens");
        side.wait_until("it waits", |side| {
            !side.told("shutdown_in_milliseconds").is_empty()
        });
        client
    };
    assert_eq!(
        primary.ask("SHUTDOWN ABORT"),
        error("ERR No shutdown in progress.")
    );
    let mut asked = asks(&mut primary);
    assert_eq!(primary.told("blocked_clients"), "1");
    let mut writer = primary.server.client();
    writer.send(&["SET", "k", "w"]).expect("it listens");
    assert_eq!(primary.ask("SHUTDOWN ABORT"), status("OK"));
    let told = error("ERR Errors trying to SHUTDOWN. Check logs.");
    assert_eq!(asked.read().expect("it is answered"), told);
    assert_eq!(writer.read().expect("it is answered"), status("OK"));
    assert_eq!(primary.told("shutdown_in_milliseconds"), "");
    assert_eq!(primary.told("blocked_clients"), "0");
    let start = Instant::now();
    drop(asks(&mut primary));
    assert!(primary.server.end(PATIENCE).is_some());
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(900), "{took:?}");
    let log = primary.server.log();
    assert!(log.contains("1 of 2 replicas are in sync"), "{log}");
    assert!(log.contains("Lagging replica"), "{log}");
    replicas[0].signal("-CONT");
}

#[test]
fn a_replica_that_is_told_to_follow_another_takes_over_from_nobody() {
    let mut primary = Side::primary(2, &[]);
    let mut other = Side::primary(1, &[]);
    let mut replica = Side::basalt(2, &[]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    // While its link stands, there might be more to come on that: it waits.
    let mut asking = replica.server.client();
    let (id, next) = (primary.told("master_replid"), primary.offset() + 1);
    asking
        .send(&["PSYNC", &id, &next.to_string(), "FAILOVER"])
        .expect("it listens");
    replica.wait_until("it was asked", |side| {
        side.server.log().contains("failover request")
    });
    replica.follow(other.port());
    let heard = asking.read().expect("it answers");
    assert_eq!(heard, error("ERR This node was told to follow another one"));
    replica.wait_until_linked();
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(replica.told("role"), "slave", "{}", replica.server.log());
    assert_eq!(replica.told("master_port"), other.port().to_string());
    other.ask("SET k v");
    settle(&mut other, &mut replica);
    assert_eq!(primary.ask("SET k w"), status("OK"));
}
