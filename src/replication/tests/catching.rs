//! Links that have to catch up with what was written during their synchronisation.

use bytes::Bytes;

use crate::replication::{Asked, History, Level, Primary, PrimaryAction, ReplicationId, State};

use super::primary::{arrival, policy};
use super::stream::Memory;

const MIB: u64 = 1 << 20;
const ACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n";

/// A primary with one link, and what was done by it. The limits are 10 MiB and, for a
/// minute, 2 MiB.
struct Stage {
    primary: Primary<Memory>,
    link: u64,
    now: u64,
    is_closed: bool,
    warnings: usize,
}

impl Stage {
    fn new() -> Stage {
        let id = ReplicationId::parse(&[b'a'; 40]).expect("a name");
        let history = History::at(id, 0);
        let mut primary = Primary::new(history.clone(), policy(), Memory::default());
        primary.begin(0, history);
        Stage {
            primary,
            link: 0,
            now: 0,
            is_closed: false,
            warnings: 0,
        }
    }

    fn write(&mut self, mebibytes: u64) {
        for _ in 0..mebibytes {
            self.primary
                .on_stream(Bytes::from(vec![b'x'; MIB as usize]));
        }
        self.primary.flow();
        self.look();
    }

    fn look(&mut self) {
        while let Some(action) = self.primary.next_action() {
            match action {
                PrimaryAction::Close { link } if link == self.link => self.is_closed = true,
                PrimaryAction::Log(Level::Warning, text) => {
                    assert!(text.contains("slowed down"), "{text}");
                    self.warnings += 1;
                }
                _ => {}
            }
        }
    }

    /// A full synchronisation, during which so much is written.
    fn synchronise(&mut self, meanwhile: u64) {
        self.link = self
            .primary
            .on_arrival(self.now, arrival(Asked::Psync(None)));
        self.is_closed = false;
        self.now += 5000;
        self.primary.on_time(self.now);
        let offset = self.primary.history().offset;
        self.primary.on_cut(offset, [b'm'; 40]);
        self.write(meanwhile);
        self.primary.on_fed(self.now, self.link);
        self.primary.on_snapshot_over(self.now, Ok(()));
        self.primary.on_bytes(self.now, self.link, ACK);
        self.look();
        let state = self.primary.link(self.link).map(|(state, _)| state);
        assert_eq!(state, Some(State::Online));
    }

    /// A second, in which the system takes a mebibyte, or nothing.
    fn second(&mut self, takes: bool) {
        self.now += 1000;
        self.primary.on_bytes(self.now, self.link, ACK);
        if takes {
            self.primary.on_unsent(self.link, 0);
        }
        self.primary.on_time(self.now);
        self.look();
    }

    fn outrun_by(&self) -> u64 {
        self.primary.outrun_by(self.now)
    }
}

#[test]
fn who_gets_on_is_not_dropped_for_what_its_file_took() {
    let mut stage = Stage::new();
    stage.synchronise(40);
    for second in 0..39 {
        stage.second(true);
        assert!(!stage.is_closed, "after {second} s");
        assert_eq!(stage.outrun_by(), 0);
    }
    // It has caught up: what is true of others is true of it.
    stage.write(12);
    stage.second(false);
    assert!(stage.is_closed);
    assert_eq!(stage.warnings, 0);
}

#[test]
fn writers_that_outrun_it_are_to_wait() {
    let mut stage = Stage::new();
    stage.synchronise(20);
    let mut waited = 0;
    for _ in 0..200 {
        if stage.outrun_by() == 0 {
            stage.write(3);
        } else {
            waited += 1;
        }
        stage.second(true);
        assert!(!stage.is_closed);
    }
    // It takes 1 MiB a second, of which it has to catch up with a part.
    assert!((120..180).contains(&waited), "{waited} of 200");
    assert_eq!(stage.warnings, 1);
    // So it comes to an end.
    let behind = stage.primary.history().offset + 1 - 200 * MIB;
    assert!(behind < 20 * MIB, "{behind}");
}

#[test]
fn who_stands_still_holds_nobody_up() {
    let mut stage = Stage::new();
    stage.synchronise(20);
    stage.write(30);
    assert!(stage.outrun_by() > 0);
    for _ in 0..7 {
        stage.second(false);
    }
    assert_eq!(stage.outrun_by(), 0);
    assert!(stage.is_closed);
}

#[test]
fn who_was_dropped_and_is_too_slow_again_is_waited_for() {
    let mut stage = Stage::new();
    stage.synchronise(0);
    stage.second(true);
    stage.write(12);
    stage.second(true);
    assert!(stage.is_closed, "the first time it is as with stock");
    stage.synchronise(0);
    stage.second(true);
    stage.write(12);
    stage.second(true);
    assert!(!stage.is_closed, "it would be a loop");
    assert_eq!(stage.outrun_by(), 0);
    stage.write(20);
    stage.second(true);
    assert!(stage.outrun_by() > 0);
    assert!(!stage.is_closed);
    // Long after, it is the first time again.
    while stage.outrun_by() > 0 || stage.now < 700_000 {
        stage.second(true);
    }
    stage.write(12);
    stage.second(true);
    assert!(stage.is_closed);
}
