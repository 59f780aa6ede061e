//! Who is not given the data of a node that has started with less than it had.

use crate::base::Random;
use crate::replication::{
    Asked, Guard, History, Method, Policy, Primary, PrimaryAction, ReplicationId, Resume, Tally,
};

use super::primary::{arrival, policy};
use super::stream::Memory;

/// A name of another family.
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const MARK: [u8; 40] = [b'm'; 40];

fn other() -> ReplicationId {
    ReplicationId::parse(OTHER.as_bytes()).expect("a name")
}

/// A node that leads under a name and has started in this manner.
fn begun(guard: Guard, id: ReplicationId) -> Primary<Memory> {
    let mut primary = Primary::new(History::new(other()), policy(), Memory::default());
    primary.on_start(guard, Some(id));
    primary
}

/// Names of one family, each from the one before, a second apart.
fn names<const N: usize>() -> [ReplicationId; N] {
    let mut random = Random::new(7);
    let mut now = 1_700_000_000_000;
    let mut last = ReplicationId::founding(now, &mut random);
    [(); N].map(|()| {
        now += 1000;
        let next = last.successor(now, &mut random);
        std::mem::replace(&mut last, next)
    })
}

/// Whether who asks for this is told to keep what it has.
fn is_refused(primary: &mut Primary<Memory>, now: u64, id: ReplicationId, from: u64) -> bool {
    let resume = Resume { id, from };
    primary.on_arrival(now, arrival(Asked::Psync(Some(resume))));
    let done: Vec<PrimaryAction> = std::iter::from_fn(|| primary.next_action()).collect();
    let is_told = done.iter().any(|action| {
        matches!(action, PrimaryAction::Send { bytes, .. } if bytes.starts_with(b"-NOMASTERLINK "))
    });
    let is_full = done.contains(&PrimaryAction::Count(Tally::Full));
    assert!(is_told != is_full, "{done:?}");
    is_told
}

#[test]
fn a_successor_is_of_the_family_and_later_whatever_the_clock_says() {
    let mut random = Random::new(1);
    let first = ReplicationId::founding(5000, &mut random);
    assert_eq!(first.moment(), 5000);
    let second = first.successor(100, &mut random);
    assert!(second.is_akin(&first) && second.moment() == 5001);
    assert_eq!(second.successor(9000, &mut random).moment(), 9000);
    assert!(!first.is_akin(&ReplicationId::founding(5000, &mut random)));
    // A stock primary's name may say any moment, the last one, too.
    let last = ReplicationId::parse(&[b'f'; 40]).expect("a name");
    let next = last.successor(100, &mut random);
    assert!(next.is_akin(&last) && next != last);
}

#[test]
fn who_has_more_than_was_loaded_keeps_it_until_it_is_told_otherwise() {
    let [older, loaded, lost, now] = names();
    let mut guard = Guard::default();
    guard.on_start(loaded, Some(100), now);
    let mut primary = begun(guard, now);
    assert!(is_refused(&mut primary, 0, loaded, 102));
    // What was written under a name that is newer than the file.
    assert!(is_refused(&mut primary, 0, lost, 1));
    // It is no link: nobody waits for it, and it counts for nothing.
    assert_eq!(primary.links().count(), 0);
    // What is here, or was never here, is nobody's loss.
    for (id, from) in [
        (loaded, 101),
        (loaded, 40),
        (older, 5000),
        (other(), 5000),
        (now, 7),
    ] {
        assert!(!is_refused(&mut primary, 0, id, from), "{id} {from}");
    }
    primary.on_settings(Policy {
        protects: false,
        ..policy()
    });
    assert!(!is_refused(&mut primary, 0, loaded, 102));
}

#[test]
fn of_a_history_whose_file_names_no_place_everybody_has_more() {
    let [older, loaded, now] = names();
    let mut guard = Guard::default();
    guard.on_start(loaded, None, now);
    let mut primary = begun(guard, now);
    assert!(is_refused(&mut primary, 0, loaded, 1));
    assert!(!is_refused(&mut primary, 0, older, 500));
}

#[test]
fn another_start_forgets_nobody() {
    let [first, lost, second, third] = names();
    let mut guard = Guard::default();
    guard.on_start(first, Some(100), second);
    let text = guard.text(0, 0);
    let mut guard = Guard::parse(&text, 0, 0);
    guard.on_start(second, Some(300), third);
    assert_eq!(Guard::parse(&guard.text(0, 0), 0, 0), guard);
    let mut primary = begun(guard, third);
    for (id, from) in [(first, 102), (lost, 1), (second, 302)] {
        assert!(is_refused(&mut primary, 0, id, from), "{id} {from}");
    }
    for (id, from) in [(first, 101), (second, 301)] {
        assert!(!is_refused(&mut primary, 0, id, from), "{id} {from}");
    }
}

#[test]
fn words_of_a_file_that_are_none_are_left_out() {
    let [first, second] = names();
    let mut guard = Guard::default();
    guard.on_start(first, None, second);
    let text = guard.text(0, 0);
    let strange = format!("unknown:x {text} {first}:1 {first}:x:{second} :: {text}:1 é");
    assert_eq!(Guard::parse(&strange, 0, 0), guard);
}

#[test]
fn no_more_than_the_latest_losses_are_kept() {
    let mut random = Random::new(3);
    let mut guard = Guard::default();
    let mut last = ReplicationId::founding(0, &mut random);
    let first = last;
    for _ in 0..1000 {
        let next = last.successor(0, &mut random);
        guard.on_start(last, Some(10), next);
        last = next;
    }
    let text = guard.text(0, 0);
    assert_eq!(text.split(' ').count(), 256);
    assert!(!text.contains(first.as_str()));
}

#[test]
fn a_node_that_began_with_nothing_refuses_for_an_hour() {
    let [mine] = names();
    let mut primary = begun(Guard::unknown(0), mine);
    assert!(!is_refused(&mut primary, 3_599_999, other(), 1));
    assert!(!is_refused(&mut primary, 3_600_000, other(), 2));
    // Who was refused is from then on, though it may ask again in an hour only.
    let mut primary = begun(Guard::unknown(0), mine);
    assert!(is_refused(&mut primary, 3_599_999, other(), 2));
    assert!(is_refused(&mut primary, 9_000_000, other(), 2));
    // And by the node's next start; its own clock begins again then.
    let at_start = primary.guard().text(3_599_000, 1_700_000_000_000);
    let guard = Guard::parse(&at_start, 0, 1_700_000_000_400);
    let third = ReplicationId::founding(1, &mut Random::new(9));
    let mut primary = begun(guard.clone(), mine);
    assert!(is_refused(&mut primary, 9_000_000, other(), 2));
    assert!(is_refused(&mut primary, 599, third, 2));
    let mut primary = begun(guard, mine);
    assert!(!is_refused(&mut primary, 600, third, 2));
}

#[test]
fn who_is_linked_with_a_primary_has_its_data_and_loses_none() {
    let [mine, next] = names();
    let mut primary = begun(Guard::unknown(0), mine);
    // To be told to follow somebody is not to have anything of it.
    primary.follow();
    primary.lead(0, next);
    assert!(is_refused(&mut primary, 0, other(), 2));
    primary.follow();
    primary.on_linked();
    primary.lead(0, mine);
    assert!(!is_refused(&mut primary, 0, other(), 2));
    assert_eq!(primary.guard().text(0, 0), "");
}

#[test]
fn a_replica_of_what_this_node_has_made_is_never_refused() {
    let [mine, next] = names();
    let mut primary = begun(Guard::unknown(0), mine);
    primary.begin(0, History::new(mine));
    // More than the backlog keeps, so that nobody can go on from the beginning.
    for _ in 0..20 {
        primary.on_stream(vec![b'x'; 200].into());
        primary.flow();
    }
    assert!(!is_refused(&mut primary, 1000, mine, 100));
    // Nor when the history has got another name since, as it does without replicas.
    primary.cease(next);
    assert!(!is_refused(&mut primary, 1000, mine, 100));
    assert!(is_refused(&mut primary, 1000, other(), 100));
}

#[test]
fn who_was_given_the_data_and_comes_with_another_history_is_not_refused() {
    let [mine] = names();
    let history = History::new(mine);
    let mut primary = begun(Guard::unknown(0), mine);
    let resume = Resume {
        id: other(),
        from: 500,
    };
    let mut arrives = |port, asked| {
        let mut arrival = arrival(asked);
        arrival.port = port;
        let link = primary.on_arrival(10_000, arrival);
        primary.on_time(20_000);
        let done: Vec<PrimaryAction> = std::iter::from_fn(|| primary.next_action()).collect();
        if done.contains(&PrimaryAction::Snapshot(Method::Streamed)) {
            primary.begin(0, history.clone());
            primary.on_cut(0, MARK);
            primary.on_fed(10_000, link);
            primary.on_snapshot_over(10_000, Ok(()));
            primary.on_closed(10_000, link);
            while primary.next_action().is_some() {}
        }
        done.contains(&PrimaryAction::Count(Tally::Full))
    };
    assert!(!arrives(7000, Asked::Psync(Some(resume))));
    assert!(arrives(7000, Asked::Psync(None)));
    assert!(arrives(7000, Asked::Psync(Some(resume))));
    assert!(!arrives(7001, Asked::Psync(Some(resume))));
}
