//! A primary and what replicas say to it.

use bytes::Bytes;

use crate::replication::{
    Arrival, Asked, History, Level, Limits, Method, Policy, Primary, PrimaryAction, ReplicationId,
    Resume, State, Tally,
};

use super::stream::Memory;

pub(super) const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const MARK: [u8; 40] = [b'm'; 40];

pub(super) fn id(text: &str) -> ReplicationId {
    ReplicationId::parse(text.as_bytes()).expect("a name")
}

pub(super) fn policy() -> Policy {
    Policy {
        backlog_bytes: 1000,
        backlog_ttl_ms: 3_600_000,
        timeout_ms: 60_000,
        ping_ms: 10_000,
        streams: true,
        delay_ms: 5000,
        links_at_once: 0,
        protects: true,
        limits: Limits {
            hard_bytes: 10 << 20,
            soft_bytes: 2 << 20,
            soft_ms: 60_000,
        },
    }
}

pub(super) fn arrival(asked: Asked) -> Arrival {
    Arrival {
        asked,
        ip: "10.0.0.2".to_owned(),
        port: 7000,
        eof: true,
        psync2: true,
        rdb_only: false,
    }
}

/// One that keeps its stream from this offset on.
pub(super) fn leading(offset: u64) -> Primary<Memory> {
    let history = History::at(id(ID), offset);
    let mut primary = Primary::new(history.clone(), policy(), Memory::default());
    primary.begin(0, history);
    primary
}

/// The stream goes on.
pub(super) fn goes_on(primary: &mut Primary<Memory>, bytes: Bytes) {
    primary.on_stream(bytes);
    primary.flow();
}

/// What it wants done, but the log.
fn actions(primary: &mut Primary<Memory>) -> Vec<PrimaryAction> {
    std::iter::from_fn(|| primary.next_action())
        .filter(|action| !matches!(action, PrimaryAction::Log(..)))
        .collect()
}

fn send(link: u64, bytes: &str) -> PrimaryAction {
    PrimaryAction::Send {
        link,
        bytes: Bytes::copy_from_slice(bytes.as_bytes()),
    }
}

pub(super) fn from(name: &str, from: u64) -> Asked {
    Asked::Psync(Some(Resume { id: id(name), from }))
}

/// A link that has received everything and gets the stream, at time 0.
fn online(primary: &mut Primary<Memory>) -> u64 {
    let end = primary.history().offset;
    let link = primary.on_arrival(0, arrival(from(ID, end + 1)));
    assert_eq!(primary.link(link), Some((State::Online, end)));
    actions(primary);
    link
}

#[test]
fn who_has_what_was_written_before_goes_on() {
    let mut primary = leading(100);
    goes_on(&mut primary, Bytes::from_static(b"one"));
    goes_on(&mut primary, Bytes::from_static(b"two"));
    let link = primary.on_arrival(0, arrival(from(ID, 102)));
    assert_eq!(
        actions(&mut primary),
        [
            PrimaryAction::Count(Tally::Continued),
            send(link, &format!("+CONTINUE {ID}\r\n")),
            send(link, "ne"),
            send(link, "two"),
        ]
    );
    // It has everything.
    let link = primary.on_arrival(0, arrival(from(ID, 107)));
    assert_eq!(primary.link(link), Some((State::Online, 106)));
    let mut old = arrival(from(ID, 107));
    old.psync2 = false;
    actions(&mut primary);
    let link = primary.on_arrival(0, old);
    assert_eq!(actions(&mut primary)[1..], [send(link, "+CONTINUE\r\n")]);
}

#[test]
fn who_has_other_things_gets_everything() {
    let mut primary = leading(100);
    let all = [from(ID, 100), from(ID, 102), from(OTHER, 101)];
    for asked in all {
        let link = primary.on_arrival(0, arrival(asked));
        let expected = [Tally::NotContinued, Tally::Full].map(PrimaryAction::Count);
        assert_eq!(actions(&mut primary), expected, "{asked:?}");
        assert_eq!(primary.link(link), Some((State::Waiting, 0)));
    }
    let first = primary.on_arrival(0, arrival(Asked::Psync(None)));
    let expected = [PrimaryAction::Count(Tally::Full)];
    assert_eq!(actions(&mut primary), expected);
    // They are told every second that they are not forgotten.
    primary.on_time(1000);
    assert_eq!(actions(&mut primary).len(), 4);
    primary.on_closed(1000, first);
}

#[test]
fn a_history_before_the_promotion_goes_on_up_to_it() {
    let mut primary = leading(100);
    goes_on(&mut primary, Bytes::from_static(b"old"));
    primary.lead(0, id(OTHER));
    goes_on(&mut primary, Bytes::from_static(b"new"));
    assert_eq!(primary.history().earlier, Some((id(ID), 104)));
    let link = primary.on_arrival(0, arrival(from(ID, 104)));
    let sent = actions(&mut primary);
    let answer = format!("+CONTINUE {OTHER}\r\n");
    assert_eq!(sent[1..], [send(link, &answer), send(link, "new")]);
    let link = primary.on_arrival(0, arrival(from(ID, 105)));
    assert_eq!(primary.link(link), Some((State::Waiting, 0)));
}

#[test]
fn a_snapshot_serves_all_that_wait_for_it() {
    let mut primary = leading(100);
    let first = primary.on_arrival(0, arrival(Asked::Psync(None)));
    let second = primary.on_arrival(3000, arrival(Asked::Psync(None)));
    primary.on_time(4999);
    let of = |actions: Vec<PrimaryAction>| {
        let is_snapshot = |action: &PrimaryAction| matches!(action, PrimaryAction::Snapshot(_));
        actions.into_iter().filter(is_snapshot).collect::<Vec<_>>()
    };
    assert_eq!(of(actions(&mut primary)), []);
    primary.on_time(5000);
    let expected = [PrimaryAction::Snapshot(Method::Streamed)];
    assert_eq!(of(actions(&mut primary)), expected);
    let third = primary.on_arrival(5500, arrival(Asked::Psync(None)));
    goes_on(&mut primary, Bytes::from_static(b"in the file"));
    actions(&mut primary);
    primary.on_cut(111, MARK);
    let late = primary.on_arrival(5600, arrival(Asked::Psync(None)));
    goes_on(&mut primary, Bytes::from_static(b"behind it"));
    let before = format!("+FULLRESYNC {ID} 111\r\n$EOF:{}\r\n", "m".repeat(40));
    let feed = PrimaryAction::Feed {
        links: [first, second, third].to_vec(),
        mark: MARK,
    };
    let [first_told, second_told, third_told] =
        [first, second, third].map(|link| send(link, &before));
    let count = PrimaryAction::Count(Tally::Full);
    assert_eq!(
        actions(&mut primary),
        [first_told, second_told, third_told, feed, count]
    );
    primary.on_fed(6000, first);
    // A line end is no word of what it has loaded.
    primary.on_bytes(6100, first, b"\n\r\n");
    assert_eq!(primary.link(first), Some((State::Loading, 0)));
    assert_eq!(actions(&mut primary), []);
    let ack = b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$3\r\n111\r\n";
    primary.on_bytes(6200, first, &ack[..20]);
    primary.on_bytes(6200, first, &ack[20..]);
    assert_eq!(actions(&mut primary), [send(first, "behind it")]);
    assert_eq!(primary.link(first), Some((State::Online, 111)));
    // The others are closed if it fails; who came late gets another.
    primary.on_snapshot_over(6300, Err("the disk is full".to_owned()));
    let closed = [second, third].map(|link| PrimaryAction::Close { link });
    assert_eq!(actions(&mut primary), closed);
    primary.on_time(11_000);
    assert_eq!(of(actions(&mut primary)), expected);
    assert_eq!(primary.link(late), Some((State::Waiting, 0)));
}

#[test]
fn who_knows_no_marks_gets_a_file_and_waits_for_nothing() {
    let mut primary = leading(100);
    let mut old = arrival(Asked::Sync);
    old.eof = false;
    let link = primary.on_arrival(0, old);
    let expected = PrimaryAction::Snapshot(Method::Filed);
    assert_eq!(
        actions(&mut primary),
        [PrimaryAction::Count(Tally::Full), expected]
    );
    primary.on_cut(100, MARK);
    goes_on(&mut primary, Bytes::from_static(b"behind it"));
    // SYNC has no answer.
    assert_eq!(actions(&mut primary), [send(link, "")]);
    primary.on_time(1000);
    assert_eq!(actions(&mut primary), [send(link, "\n")]);
    primary.on_snapshot_over(2000, Ok(()));
    let file = PrimaryAction::SendFile { links: vec![link] };
    assert_eq!(actions(&mut primary), [file]);
    // Nothing is sent into the file, also when another is being made.
    let late = primary.on_arrival(2100, arrival(Asked::Psync(None)));
    primary.on_time(2200);
    assert!(!actions(&mut primary).contains(&send(link, "\n")));
    primary.on_time(7200);
    primary.on_cut(109, MARK);
    primary.on_snapshot_over(7300, Err("the disk is full".to_owned()));
    let closed = PrimaryAction::Close { link: late };
    assert_eq!(actions(&mut primary).last(), Some(&closed));
    // One that takes nothing of its file is let go.
    let frozen = primary.on_arrival(7400, arrival(Asked::Psync(None)));
    primary.on_late(7500, frozen);
    let closed = PrimaryAction::Close { link: frozen };
    assert!(actions(&mut primary).contains(&closed));
    primary.on_fed(8000, link);
    assert_eq!(actions(&mut primary), [send(link, "behind it")]);
    // It says nothing, ever.
    primary.on_time(200_000);
    assert_eq!(actions(&mut primary), [PrimaryAction::Ping]);
}

#[test]
fn a_link_gets_what_its_socket_takes() {
    let mut primary = leading(0);
    let slow = online(&mut primary);
    let piece = Bytes::from(vec![b'x'; 600 << 10]);
    for _ in 0..4 {
        goes_on(&mut primary, piece.clone());
    }
    assert_eq!(actions(&mut primary).len(), 2);
    primary.on_unsent(slow, 600 << 10);
    assert_eq!(actions(&mut primary).len(), 1);
    // Above the hard limit it goes, and does not hold the stream up.
    for _ in 0..20 {
        goes_on(&mut primary, piece.clone());
    }
    assert_eq!(primary.backlog().start, 2 * (600 << 10) + (600 << 10) + 1);
    primary.on_time(1);
    let expected = [PrimaryAction::Close { link: slow }];
    assert_eq!(actions(&mut primary), expected);
    goes_on(&mut primary, Bytes::from_static(b"on"));
    let kept = primary.backlog();
    assert!(kept.end - kept.start <= (600 << 10) + 2);
}

#[test]
fn the_soft_limit_is_one_of_time() {
    for hard_bytes in [10 << 20, 0] {
        the_soft_limit_beside(hard_bytes);
    }
}

fn the_soft_limit_beside(hard_bytes: u64) {
    let mut primary = leading(0);
    let mut policy = policy();
    policy.limits.hard_bytes = hard_bytes;
    primary.on_settings(policy);
    let slow = online(&mut primary);
    goes_on(&mut primary, Bytes::from(vec![b'x'; 3 << 20]));
    actions(&mut primary);
    primary.on_time(1000);
    primary.on_bytes(60_000, slow, b"\n");
    primary.on_time(61_000);
    let closed = [PrimaryAction::Close { link: slow }];
    assert!(
        !actions(&mut primary)
            .iter()
            .any(|action| closed.contains(action))
    );
    primary.on_time(61_001);
    assert!(
        actions(&mut primary)
            .iter()
            .any(|action| closed.contains(action))
    );
}

#[test]
fn who_is_silent_or_babbles_goes() {
    let mut primary = leading(0);
    let (silent, babbling) = (online(&mut primary), online(&mut primary));
    primary.on_bytes(100, babbling, b"*1\r\n$x\r\n");
    let close = |link| PrimaryAction::Close { link };
    assert_eq!(actions(&mut primary), [close(babbling)]);
    primary.on_time(60_000);
    primary.on_time(60_001);
    let actions = actions(&mut primary);
    assert_eq!(actions, [PrimaryAction::Ping, close(silent)]);
}

#[test]
fn the_stream_ends_when_nobody_wanted_it_for_long() {
    let mut primary = leading(0);
    let link = online(&mut primary);
    primary.on_closed(5000, link);
    assert_eq!(primary.deadline(5000), Some(3_605_000));
    primary.on_time(3_604_999);
    assert_eq!(actions(&mut primary), []);
    primary.on_time(3_605_000);
    assert_eq!(actions(&mut primary), [PrimaryAction::Cease]);
    primary.cease(id(OTHER));
    let link = primary.on_arrival(3_605_001, arrival(from(ID, 1)));
    assert_eq!(primary.link(link), Some((State::Waiting, 0)));
    // A replica's own never does.
    let mut primary = leading(0);
    primary.follow();
    assert_eq!(primary.deadline(0), None);
}

#[test]
fn acknowledgements_are_counted() {
    let mut primary = leading(0);
    let (first, second) = (online(&mut primary), online(&mut primary));
    goes_on(&mut primary, Bytes::from_static(b"0123456789"));
    let ack = |offset: &str| {
        let len = offset.len();
        format!("*3\r\n$8\r\nreplconf\r\n$3\r\nack\r\n${len}\r\n{offset}\r\n").into_bytes()
    };
    primary.on_bytes(500, first, &ack("10"));
    primary.on_bytes(900, second, &ack("4"));
    // It does not fall.
    primary.on_bytes(600, first, &ack("3"));
    let counts = [0, 4, 5, 10, 11].map(|offset| primary.acknowledged(offset));
    assert_eq!(counts, [2, 2, 1, 1, 0]);
    assert_eq!(
        (primary.healthy(1500, 600), primary.healthy(1500, 1000)),
        (1, 2)
    );
}

#[test]
fn a_snapshot_nobody_waits_for_is_given_up() {
    let mut primary = leading(0);
    let link = primary.on_arrival(0, arrival(Asked::Psync(None)));
    primary.on_time(5000);
    primary.on_cut(0, MARK);
    actions(&mut primary);
    primary.on_closed(5001, link);
    assert_eq!(actions(&mut primary), [PrimaryAction::GiveUp]);
}

#[test]
fn what_cannot_be_put_aside_is_kept_in_memory_for_a_while() {
    let mut primary = leading(0);
    primary.on_arrival(0, arrival(Asked::Psync(None)));
    primary.on_time(5000);
    primary.on_cut(0, MARK);
    actions(&mut primary);
    primary.overflow().is_full = true;
    for _ in 0..40 {
        goes_on(&mut primary, Bytes::from(vec![b'x'; 1 << 20]));
    }
    let why = "The stream for replicas stays in memory: no space left";
    let told = PrimaryAction::Log(Level::Warning, why.to_owned());
    let all: Vec<_> = std::iter::from_fn(|| primary.next_action()).collect();
    assert_eq!(all, [told]);
    assert_eq!(primary.in_memory().0, 40 << 20);
    primary.overflow().is_full = false;
    for _ in 0..4 {
        goes_on(&mut primary, Bytes::from(vec![b'x'; 1 << 20]));
    }
    assert!(primary.in_memory().0 <= 8 << 20);
    assert_eq!(primary.next_action(), None);
}

#[test]
fn what_cannot_be_kept_costs_the_one_that_needs_it() {
    let mut primary = leading(0);
    let waits = primary.on_arrival(0, arrival(Asked::Psync(None)));
    primary.on_time(5000);
    primary.on_cut(0, MARK);
    let mut level = None;
    primary.overflow().is_full = true;
    for _ in 0..70 {
        goes_on(&mut primary, Bytes::from(vec![b'x'; 1 << 20]));
    }
    let mut closed = false;
    while let Some(action) = primary.next_action() {
        match action {
            PrimaryAction::Log(Level::Warning, text) => level = Some(text),
            PrimaryAction::Close { link } => closed |= link == waits,
            _ => {}
        }
    }
    assert!(closed, "{level:?}");
    let expected = "The stream cannot be kept for all replicas: no space left";
    assert_eq!(level.as_deref(), Some(expected));
    assert!(primary.backlog().end - primary.backlog().start <= 1 << 20);
}

#[test]
fn a_shorter_time_between_pings_counts_from_the_last_one() {
    let mut primary = leading(0);
    primary.on_arrival(0, arrival(Asked::Sync));
    actions(&mut primary);
    primary.on_settings(Policy {
        ping_ms: 1000,
        ..policy()
    });
    assert!(primary.deadline(500).is_some_and(|at| at <= 1000));
    primary.on_time(1000);
    assert!(actions(&mut primary).contains(&PrimaryAction::Ping));
}

#[test]
fn who_was_sent_its_file_has_nothing_before_it_says_so() {
    let mut primary = leading(0);
    let mut old = arrival(Asked::Psync(None));
    old.eof = false;
    let link = primary.on_arrival(0, old);
    primary.on_cut(0, MARK);
    primary.on_snapshot_over(0, Ok(()));
    primary.on_fed(0, link);
    assert_eq!(primary.link(link), Some((State::Online, 0)));
    assert_eq!(primary.acknowledged(0), 0, "it may be loading");
    let ack = b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n";
    primary.on_bytes(0, link, ack);
    assert_eq!(primary.acknowledged(0), 1);
}

#[test]
fn a_replica_that_comes_again_is_one() {
    let mut primary = leading(100);
    let before = online(&mut primary);
    primary.on_arrival(5000, arrival(from(ID, 101)));
    assert_eq!(primary.acknowledged(100), 1);
    assert_eq!(primary.healthy(5000, 10_000), 1);
    // One that says more is another replica, whose address looks the same.
    primary.on_bytes(5500, before, b"\n");
    assert_eq!(primary.acknowledged(100), 2);
}
