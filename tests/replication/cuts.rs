//! Links that are cut at any byte go on where they were.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::proxy::Proxy;
use crate::writer::{Dice, write};
use crate::{Side, settle};

#[test]
fn a_cut_stream_is_resumed_without_a_full_synchronisation() {
    for shards in [1, 3] {
        let mut primary = Side::stock(&[]);
        let proxy = Proxy::to(primary.port());
        let mut replica = Side::basalt(shards, &[]);
        replica.follow(proxy.port());
        replica.wait_until_linked();
        let mut dice = Dice::new(shards as u64);
        write_through_cuts((&mut primary, &mut replica), &proxy, &mut dice, 15);
    }
}

/// Cuts the link between a primary and its replica so often while the primary is
/// written to: the replica goes on each time, and has everything in the end.
pub fn write_through_cuts(
    (primary, replica): (&mut Side, &mut Side),
    proxy: &Proxy,
    dice: &mut Dice,
    rounds: u64,
) {
    let mut client = primary.server.client();
    for round in 1..=rounds {
        proxy.cut_after(1 + dice.below(8000));
        while proxy.cuts() < round {
            write(&mut client, dice, 50);
        }
        replica.wait_until_linked();
    }
    settle(primary, replica);
    let logs = format!("{}\n{}", primary.server.log(), replica.server.log());
    assert_eq!(primary.told("sync_full"), "1", "{logs}");
    let resumed: u64 = primary.told("sync_partial_ok").parse().expect("a number");
    assert!(resumed >= rounds, "{resumed}");
}

#[test]
fn a_primary_that_is_killed_as_a_client_is_followed_again() {
    let mut primary = Side::stock(&[]);
    let mut replica = Side::basalt(2, &[]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    let mut client = primary.server.client();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice::new(8);
            while !is_over.load(Ordering::Relaxed) {
                write(&mut client, &mut dice, 50);
            }
        });
        for _ in 0..30 {
            // In the midst of what it sends.
            replica.ask("CLIENT KILL TYPE master");
            thread::sleep(Duration::from_millis(20));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    settle(&mut primary, &mut replica);
    assert_eq!(primary.told("sync_full"), "1", "{}", replica.server.log());
}

#[test]
fn a_transfer_that_is_cut_is_begun_again_and_the_data_before_it_served() {
    for load in ["disabled", "swapdb"] {
        let mut primary = Side::stock(&[]);
        primary.ask("DEBUG POPULATE 15000 key 300");
        let proxy = Proxy::to(primary.port());
        let mut replica = Side::basalt(3, &[&format!("repl-diskless-load {load}")]);
        for index in 0..100 {
            replica.ask(&format!("SET own{index} v"));
        }
        let mut dice = Dice::new(5);
        // Of some hundred KB: the primary compresses its values.
        proxy.cut_after(100_000 + dice.below(200_000));
        replica.follow(proxy.port());
        replica.wait_until("the transfer is cut", |_| proxy.cuts() == 1);
        if load == "disabled" {
            let reply = replica.ask("GET own7");
            assert_eq!(reply, crate::wire::Reply::Bulk(b"v".to_vec()));
        }
        replica.wait_until_linked();
        settle(&mut primary, &mut replica);
        assert_eq!(primary.told("sync_full"), "2");
    }
}

#[test]
fn a_primary_that_stands_still_is_given_up_and_found_again() {
    let mut primary = Side::stock(&["repl-ping-replica-period 1"]);
    let mut replica = Side::basalt(2, &["repl-timeout 2"]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    primary.ask("SET k v");
    let mut sleeper = primary.server.client();
    thread::spawn(move || drop(sleeper.ask(&["DEBUG", "SLEEP", "4"])));
    replica.wait_until("the link is given up", |replica| {
        replica.told("master_link_status") == "down"
    });
    thread::sleep(Duration::from_secs(2));
    replica.wait_until_linked();
    settle(&mut primary, &mut replica);
    assert_eq!(primary.told("sync_full"), "1");
}
