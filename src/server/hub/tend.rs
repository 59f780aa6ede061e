//! The round of the control core: what came of replicas, and what is to be done.

use crate::command::KeyPlan;
use crate::replication::{Level, PrimaryAction, Tally};
use crate::resp::OwnedArgs;
use crate::runtime::control::Wire;

use crate::server::control::Control;
use crate::server::letter::{Letter, Recruit};

use super::state::{Line, policy};

/// The core that speaks for the node: its shard says which lanes are on.
const SPEAKING: usize = 0;

impl Control {
    /// Acts by what the settings say of replicas now.
    pub(in crate::server) fn follow_hub_settings(&mut self) {
        let lag_s: u64 = self.settings.number("min-replicas-max-lag");
        self.hub.lag_ms = lag_s * 1000;
        let timeout_s = self.settings.number("repl-timeout");
        self.hub.replication.timeout_s.set(timeout_s);
        let policy = policy(&self.settings);
        self.hub.primary.on_settings(policy);
    }

    /// A client of a core has become a replica.
    pub(in crate::server) fn on_recruit(&mut self, core: usize, recruit: Recruit) {
        if recruit.fails_over && self.settings.primary().is_some() {
            return self.take_over(core, recruit);
        }
        let Recruit {
            session,
            socket,
            arrival,
            rest,
            ..
        } = recruit;
        let now = self.hub.now();
        let link = self.hub.primary.on_arrival(now, arrival);
        let wire = Wire::adopt(socket, self.hub.bell);
        if self.settings.is_on("repl-disable-tcp-nodelay") {
            wire.gather_packets();
        }
        let line = Line {
            wire,
            core,
            session,
        };
        self.hub.lines.insert(link, line);
        if !rest.is_empty() {
            self.hub.primary.on_bytes(now, link, &rest);
        }
    }

    /// One that is no replica after all hears why. It hangs up.
    pub(super) fn turn_away(&mut self, core: usize, recruit: Recruit, why: &'static [u8]) {
        let line = Line {
            wire: Wire::adopt(recruit.socket, self.hub.bell),
            core,
            session: recruit.session,
        };
        let link = self.hub.primary.turn_away(why);
        self.hub.lines.insert(link, line);
        self.act_for_replicas();
    }

    /// Looks after everything that has to do with replicas.
    pub(in crate::server) fn tend_hub(&mut self) {
        if !self.hub.has_work() {
            self.hub.alarm.clear();
            self.slow_writers();
            self.tell_of_replicas();
            return self.tell_who_catches_up();
        }
        self.take_deliveries();
        self.read_lines();
        self.read_lane();
        let now = self.hub.now();
        let deadline = self.hub.primary.deadline(now);
        if deadline.is_some() && self.hub.alarm.is_over(now) {
            self.hub.primary.on_time(now);
        }
        self.act_for_replicas();
        self.deliver_snapshot();
        self.begin_wanted_sync();
        self.look_at_settling();
        self.look_at_halt();
        self.look_at_taking_over();
        self.look_at_waits();
        self.act_for_replicas();
        self.hub.wires().for_each(Wire::flush);
        self.slow_writers();
        self.set_hub_alarm();
        self.tell_of_replicas();
        self.tell_who_catches_up();
    }

    /// What came from replicas, and how much of what they were given has gone.
    fn read_lines(&mut self) {
        let now = self.hub.now();
        let mut next = 0;
        while let Some((link, line)) = self.hub.lines.range(next..).next() {
            let link = *link;
            if let Some(bytes) = line.wire.receive() {
                self.hub.primary.on_bytes(now, link, &bytes);
            } else if line.wire.closed().is_some() {
                // Who sends its file may have ended it, and has said why.
                self.take_deliveries();
                self.hub.primary.on_closed(now, link);
                self.drop_line(link);
            } else {
                let pending = line.wire.pending() as u64;
                self.hub.primary.on_unsent(link, pending);
                next = link + 1;
            }
            self.act_for_replicas();
        }
    }

    pub(super) fn drop_line(&mut self, link: u64) {
        if let Some(line) = self.hub.lines.remove(&link) {
            let letter = Letter::ReplicaLeft(line.session);
            self.post.post(line.core, letter);
        }
    }

    /// Does what the machine says.
    pub(super) fn act_for_replicas(&mut self) {
        while let Some(action) = self.hub.primary.next_action() {
            match action {
                PrimaryAction::Send { link, bytes } => {
                    if let Some(line) = self.hub.lines.get(&link) {
                        line.wire.send(bytes);
                    }
                }
                PrimaryAction::Close { link } => self.drop_line(link),
                PrimaryAction::Snapshot(method) => {
                    let at = self.hub.wanted.map_or(0, |(_, at)| at);
                    self.hub.wanted = Some((method, at));
                }
                PrimaryAction::Feed { links, mark } => self.feed(links, mark),
                PrimaryAction::SendFile { links } => self.send_file_to(links),
                PrimaryAction::Asked { link, who, words } => {
                    self.refuse_of_replica(link, &who, &words);
                }
                PrimaryAction::GiveUp => self.give_up_sync(),
                PrimaryAction::Cease => self.begin_ceasing(),
                PrimaryAction::Ping if self.is_halting() => {}
                PrimaryAction::Ping => self.announce(&["PING"]),
                PrimaryAction::Count(tally) => {
                    let told = &self.hub.replication;
                    match tally {
                        Tally::Full => &told.syncs_full,
                        Tally::Continued => &told.syncs_partial,
                        Tally::NotContinued => &told.syncs_refused,
                    }
                    .add(1);
                }
                PrimaryAction::Log(Level::Notice, text) => self.log.notice(&text),
                PrimaryAction::Log(Level::Warning, text) => self.log.warning(&text),
            }
        }
    }

    /// A replica asks for what only clients may: it is let go, as by stock.
    fn refuse_of_replica(&mut self, link: u64, who: &str, words: &[Vec<u8>]) {
        let packed = OwnedArgs::new(words.iter().map(Vec::as_slice));
        let entry = self.table.find(packed.args());
        let name = entry.map_or("unknown command", |entry| entry.name);
        self.log.warning(&format!(
            "Replica generated a reply to command '{name}', disconnecting it: {who}"
        ));
        if entry.is_some_and(|entry| entry.keys != KeyPlan::None) {
            self.log.warning(&format!(
                "== CRITICAL == This master is sending an error to its replica: '-ERR Replica \
                 can't interact with the keyspace' after processing the command '{name}'"
            ));
        }
        let now = self.hub.now();
        self.hub.primary.on_closed(now, link);
        self.drop_line(link);
    }

    /// Puts a request into the stream that changes no data.
    pub(super) fn announce(&mut self, words: &[&str]) {
        let words = words.iter().map(|word| word.as_bytes().to_vec());
        let letter = Letter::Announce(words.collect());
        self.post.post(SPEAKING, letter);
    }

    /// The control core sleeps no longer than until there is something to do.
    fn set_hub_alarm(&mut self) {
        let now = self.hub.now();
        let deadlines = [
            self.hub.primary.deadline(now),
            self.hub.wanted.map(|(_, at)| at).filter(|at| *at > now),
            self.hub.undelivered.as_ref().map(|feed| feed.until),
            self.hub.waits.iter().filter_map(|wait| wait.until).min(),
            self.hub.settling.first().map(|(until, _)| *until),
            self.hub.halt.deadline(),
            self.hub.takeover.deadline(),
        ];
        let deadline = deadlines.into_iter().flatten().min();
        self.hub.alarm.set(now, deadline.map(|at| at.max(now + 1)));
    }
}
