//! FAILOVER, and the end of a node with replicas, at the node that leads so far; and a
//! replica that is asked to lead.

use bytes::Bytes;

use crate::replication::{
    Address, Arrival, Halt, HaltAction, Passage, Primary, Role, Succession, Takeover,
};
use crate::resp::Refusal;

use super::primary::{ID, arrival, from, goes_on, leading};
use super::stream::Memory;

/// A node at offset 100 with two replicas that have everything, the second with another
/// port, and their numbers.
fn family() -> (Primary<Memory>, [u64; 2]) {
    let mut primary = leading(100);
    let links = [7000, 7001].map(|port| {
        let arrival = Arrival {
            port,
            ..arrival(from(ID, 101))
        };
        primary.on_arrival(0, arrival)
    });
    (primary, links)
}

fn any() -> Succession {
    Succession {
        target: None,
        timeout_ms: None,
        forces: false,
    }
}

fn to(port: u16, timeout_ms: u64) -> Succession {
    Succession {
        target: Some(at(port)),
        timeout_ms: Some(timeout_ms),
        forces: false,
    }
}

fn at(port: u16) -> Address {
    Address {
        host: "10.0.0.2".to_owned(),
        port,
    }
}

/// What it wants done, but the log.
fn actions(halt: &mut Halt) -> Vec<HaltAction> {
    std::iter::from_fn(|| halt.next_action())
        .filter(|action| !matches!(action, HaltAction::Log(..)))
        .collect()
}

/// The last line for the log.
fn last_word(halt: &mut Halt) -> String {
    let words = std::iter::from_fn(|| halt.next_action());
    let words = words.filter_map(|action| match action {
        HaltAction::Log(_, text) => Some(text),
        _ => None,
    });
    words.last().expect("it says something")
}

/// A failover that has begun at time 0, and of which all cores know.
fn begun(primary: &Primary<Memory>, succession: Succession) -> Halt {
    let mut halt = Halt::default();
    let begun = halt.fail_over(0, succession, Role::Leads, primary);
    assert_eq!(begun, Ok(()));
    assert_eq!(actions(&mut halt), [HaltAction::Hold]);
    halt.on_held();
    assert_eq!(actions(&mut halt), [HaltAction::Borrow]);
    halt
}

/// One whose target is asked.
fn asking() -> Halt {
    let (primary, _) = family();
    let mut halt = begun(&primary, to(7001, 1000));
    halt.on_halted(&primary);
    halt.look(0, &primary);
    assert_eq!(actions(&mut halt), [HaltAction::Follow(at(7001))]);
    assert_eq!(halt.passage(), Passage::Waiting);
    assert!(halt.on_stream_ended());
    assert_eq!(halt.passage(), Passage::UnderWay);
    halt
}

#[test]
fn a_failover_follows_the_first_replica_that_has_everything() {
    let (mut primary, links) = family();
    let mut halt = Halt::default();
    let begun = halt.fail_over(0, any(), Role::Leads, &primary);
    assert_eq!(begun, Ok(()));
    assert_eq!(actions(&mut halt), [HaltAction::Hold]);
    assert_eq!(halt.passage(), Passage::Waiting);
    // A write that was let in before the last core knew.
    goes_on(&mut primary, Bytes::from_static(b"write"));
    halt.on_held();
    assert_eq!(actions(&mut halt), [HaltAction::Borrow]);
    goes_on(&mut primary, Bytes::from_static(b"and its end"));
    // Nobody knows yet what a replica must have.
    primary.on_bytes(0, links[0], &ack(105));
    halt.look(10, &primary);
    assert_eq!(actions(&mut halt), []);
    halt.on_halted(&primary);
    assert_eq!(actions(&mut halt), [HaltAction::AskReplicas]);
    primary.on_bytes(0, links[0], &ack(115));
    halt.look(20, &primary);
    assert_eq!(actions(&mut halt), []);
    primary.on_bytes(0, links[1], &ack(116));
    halt.look(30, &primary);
    assert_eq!(actions(&mut halt), [HaltAction::Follow(at(7001))]);
    assert_eq!(halt.deadline(), None);
    assert!(halt.on_stream_ended());
    assert_eq!(halt.passage(), Passage::UnderWay);
    halt.on_handed_over(true);
    assert_eq!(actions(&mut halt), [HaltAction::LetGo]);
    assert_eq!(halt.passage(), Passage::None);
}

fn ack(offset: u64) -> Vec<u8> {
    let text = offset.to_string();
    format!(
        "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n${}\r\n{text}\r\n",
        text.len()
    )
    .into_bytes()
}

#[test]
fn nobody_is_asked_who_has_everything() {
    let (primary, _) = family();
    let mut halt = begun(&primary, any());
    halt.on_halted(&primary);
    assert_eq!(actions(&mut halt), []);
    halt.look(0, &primary);
    assert_eq!(actions(&mut halt), [HaltAction::Follow(at(7000))]);
}

#[test]
fn what_a_replica_had_before_it_came_again_does_not_count() {
    let (mut primary, links) = family();
    goes_on(&mut primary, Bytes::from_static(b"write"));
    primary.on_bytes(0, links[1], &ack(105));
    // It has crashed, and is back with an older file. Nobody has heard of the end.
    let again = Arrival {
        port: 7001,
        ..arrival(from(ID, 101))
    };
    let link = primary.on_arrival(5, again);
    let mut halt = begun(&primary, to(7001, 1000));
    halt.on_halted(&primary);
    halt.look(5, &primary);
    assert_eq!(actions(&mut halt), [HaltAction::AskReplicas]);
    primary.on_bytes(5, link, &ack(105));
    halt.look(5, &primary);
    assert_eq!(actions(&mut halt), [HaltAction::Follow(at(7001))]);
}

#[test]
fn what_cannot_be_is_refused() {
    let (mut primary, links) = family();
    let mut halt = Halt::default();
    let lonely = leading(100);
    let forced = Succession {
        forces: true,
        ..any()
    };
    let cases = [
        (any(), Role::Ends, &primary, Refusal::FAILOVER_AT_THE_END),
        (any(), Role::Follows, &primary, Refusal::FAILOVER_AT_REPLICA),
        (
            any(),
            Role::Leads,
            &lonely,
            Refusal::FAILOVER_WITHOUT_REPLICAS,
        ),
        (forced, Role::Leads, &primary, Refusal::FAILOVER_FORCE),
        (
            to(7002, 10),
            Role::Leads,
            &primary,
            Refusal::FAILOVER_NO_REPLICA,
        ),
    ];
    for (succession, role, primary, refusal) in cases {
        assert_eq!(halt.fail_over(0, succession, role, primary), Err(refusal));
    }
    let one_that_loads = Arrival {
        port: 7003,
        ..arrival(from(ID, 1))
    };
    primary.on_arrival(0, one_that_loads);
    assert_eq!(
        halt.fail_over(0, to(7003, 10), Role::Leads, &primary),
        Err(Refusal::FAILOVER_NOT_ONLINE)
    );
    assert_eq!(halt.abort(), Err(Refusal::NO_FAILOVER));
    assert!(!halt.is_on());
    assert_eq!(actions(&mut halt), []);
    let mut halt = begun(&primary, any());
    assert_eq!(
        halt.fail_over(0, any(), Role::Leads, &primary),
        Err(Refusal::FAILOVER_UNDER_WAY)
    );
    assert!(!halt.end(0, 1000, &primary), "it ends without waiting");
    primary.on_closed(0, links[0]);
    let mut halt = Halt::default();
    assert!(halt.end(0, 1000, &primary));
    assert_eq!(
        halt.fail_over(0, any(), Role::Leads, &primary),
        Err(Refusal::FAILOVER_AT_THE_END)
    );
}

#[test]
fn a_failover_is_given_up_at_its_time_wherever_it_is() {
    for steps in 0..3 {
        let (mut primary, links) = family();
        let mut halt = Halt::default();
        let begun = halt.fail_over(0, to(7001, 50), Role::Leads, &primary);
        assert_eq!(begun, Ok(()));
        goes_on(&mut primary, Bytes::from_static(b"write"));
        if steps > 0 {
            halt.on_held();
        }
        if steps > 1 {
            halt.on_halted(&primary);
        }
        actions(&mut halt);
        assert_eq!(halt.deadline(), Some(50));
        // The one that has everything is not the one that is meant.
        primary.on_bytes(0, links[0], &ack(105));
        halt.look(49, &primary);
        assert_eq!(actions(&mut halt), []);
        halt.look(50, &primary);
        assert_eq!(actions(&mut halt), [HaltAction::LetGo]);
        assert!(!halt.is_on());
        // What was under way comes too late.
        halt.on_held();
        if steps == 1 {
            halt.on_halted(&primary);
        }
        assert_eq!(actions(&mut halt), []);
    }
}

#[test]
fn one_that_is_forced_goes_to_its_target_at_its_time() {
    let (mut primary, links) = family();
    let forced = Succession {
        forces: true,
        ..to(7001, 50)
    };
    let mut halt = begun(&primary, forced);
    goes_on(&mut primary, Bytes::from_static(b"write"));
    halt.on_halted(&primary);
    assert_eq!(actions(&mut halt), [HaltAction::AskReplicas]);
    // It has lost its link, too.
    primary.on_closed(0, links[1]);
    halt.look(50, &primary);
    assert_eq!(actions(&mut halt), [HaltAction::Follow(at(7001))]);
}

#[test]
fn one_that_is_aborted_gives_the_lead_back() {
    let (primary, _) = family();
    let mut halt = begun(&primary, any());
    assert_eq!(halt.abort(), Ok(()));
    assert_eq!(actions(&mut halt), [HaltAction::LetGo]);
    assert_eq!(halt.abort(), Err(Refusal::NO_FAILOVER));

    // The stream has not ended.
    let mut halt = begun(&primary, any());
    halt.on_halted(&primary);
    halt.look(0, &primary);
    assert_eq!(actions(&mut halt), [HaltAction::Follow(at(7000))]);
    assert_eq!(halt.abort(), Ok(()));
    assert_eq!(actions(&mut halt), [HaltAction::Stay, HaltAction::LetGo]);
    assert!(!halt.on_stream_ended());

    // It has, and clients wait until this node leads again.
    let mut halt = asking();
    assert_eq!(halt.abort(), Ok(()));
    assert_eq!(actions(&mut halt), [HaltAction::Unfollow]);
    assert_eq!(halt.passage(), Passage::UnderWay);
    assert_eq!(halt.abort(), Ok(()));
    assert_eq!(actions(&mut halt), []);
    // An answer that comes now is too late.
    halt.on_handed_over(true);
    assert_eq!(actions(&mut halt), []);
    halt.on_released();
    assert_eq!(actions(&mut halt), [HaltAction::LetGo]);
    assert_eq!(halt.passage(), Passage::None);
}

#[test]
fn one_whose_target_refuses_gives_the_lead_back() {
    let mut halt = asking();
    halt.on_handed_over(false);
    assert_eq!(
        last_word(&mut halt),
        "Failover aborted: Failover target rejected psync request"
    );
    halt.on_released();
    assert_eq!(actions(&mut halt), [HaltAction::LetGo]);
}

#[test]
fn shards_that_were_asked_for_before_say_nothing_of_writes_since() {
    let (mut primary, _) = family();
    let mut halt = begun(&primary, any());
    assert_eq!(halt.abort(), Ok(()));
    assert_eq!(actions(&mut halt), [HaltAction::LetGo]);
    // A write is let in meanwhile, and waits for its shard.
    let begun = halt.fail_over(0, any(), Role::Leads, &primary);
    assert_eq!(begun, Ok(()));
    halt.on_held();
    assert_eq!(actions(&mut halt), [HaltAction::Hold, HaltAction::Borrow]);
    halt.on_halted(&primary);
    halt.look(0, &primary);
    assert_eq!(actions(&mut halt), []);
    goes_on(&mut primary, Bytes::from_static(b"write"));
    halt.on_halted(&primary);
    halt.look(0, &primary);
    assert_eq!(actions(&mut halt), [HaltAction::AskReplicas]);
}

#[test]
fn a_node_ends_when_its_replicas_have_everything_or_its_time_is_over() {
    for has_all in [true, false] {
        let (mut primary, links) = family();
        let mut halt = Halt::default();
        assert!(!halt.end(0, 0, &primary), "it is not to wait");
        assert!(!halt.end(0, 1000, &leading(100)), "for nobody");
        assert!(halt.end(0, 1000, &primary));
        assert!(halt.is_ending());
        assert_eq!(halt.passage(), Passage::None);
        assert_eq!(actions(&mut halt), [HaltAction::Hold]);
        goes_on(&mut primary, Bytes::from_static(b"write"));
        halt.on_held();
        halt.on_halted(&primary);
        assert_eq!(
            actions(&mut halt),
            [HaltAction::Borrow, HaltAction::AskReplicas]
        );
        primary.on_bytes(0, links[0], &ack(105));
        halt.look(999, &primary);
        assert_eq!(actions(&mut halt), []);
        if has_all {
            primary.on_bytes(0, links[1], &ack(105));
        }
        halt.look(if has_all { 999 } else { 1000 }, &primary);
        let word = match has_all {
            true => "2 of 2 replicas are in sync when shutting down.",
            false => "1 of 2 replicas are in sync when shutting down.",
        };
        let all: Vec<HaltAction> = std::iter::from_fn(|| halt.next_action()).collect();
        assert_eq!(all.last(), Some(&HaltAction::End));
        assert!(format!("{all:?}").contains(word), "{all:?}");
        // It could not.
        assert!(halt.end_not());
        assert_eq!(actions(&mut halt), [HaltAction::LetGo]);
        assert!(!halt.end_not());
    }
}

#[test]
fn a_replica_that_is_asked_leads_when_its_primary_has_said_everything() {
    let mut takeover = Takeover::default();
    assert!(!takeover.look(0, false));
    takeover.on_asked(0, "first");
    takeover.on_asked(500, "second");
    assert!(!takeover.look(1999, true));
    assert_eq!(takeover.deadline(), Some(2000));
    assert!(takeover.look(1999, false));
    assert!(!takeover.look(1999, false), "once");
    assert_eq!(takeover.on_leading(), ["first", "second"]);
    // The link does not end.
    takeover.on_asked(3000, "first");
    assert!(takeover.look(5000, true));
    assert_eq!(takeover.on_leading(), ["first"]);
    // It is to follow another.
    takeover.on_asked(6000, "first");
    assert_eq!(takeover.give_up(), ["first"]);
    assert_eq!(takeover.deadline(), None);
    assert!(!takeover.look(9000, false));
}
