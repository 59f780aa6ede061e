//! The node as a primary: who asks for its stream, the links, changes of role.

use crate::replication::tests::story::requests;
use crate::replication::{Arrival, Asked, PrimaryAction, ReplicationId, Resume, Stage, Tally};

use super::super::around::{Around, Claim};
use super::super::book::Point;
use super::super::net::{End, Heard};
use super::super::world::HOST;
use super::Basalt;
use super::errands::Errand;
use super::sync::Sending;

/// What a primary hears that is asked to lead.
const TO_PRIMARY: &[u8] = b"-ERR PSYNC FAILOVER can't be sent to a master.\r\n";

/// A connection that has not asked for the stream.
#[derive(Debug, Default)]
pub(super) struct Guest {
    heard: Vec<u8>,
    port: u16,
    eof: bool,
    psync2: bool,
    /// It has asked, and becomes a link then; or the node is asked to lead.
    asked: Option<(u64, Asked, bool)>,
}

/// The connection of a link.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) end: End,
    /// The file that it is being sent.
    pub(super) sending: Option<Sending>,
}

/// A client that waits for replicas.
#[derive(Debug)]
pub(super) struct Waiting {
    /// What it wrote has tickets before this.
    ticket: u64,
    /// Which offset replicas must have, when that is known.
    offset: Option<u64>,
    replicas: usize,
    until: u64,
}

impl Basalt {
    pub(super) fn tend_hub(&mut self, around: &mut Around) {
        for end in around.net.accept(self.me) {
            self.guests.insert(end, Guest::default());
        }
        self.hear_guests(around);
        self.hear_links(around);
        self.read_lane(around, false);
        let deadline = self.primary.deadline(around.now);
        if deadline.is_some() {
            self.primary.on_time(around.now);
        }
        self.act_for_replicas(around);
        self.deliver_snapshot(around);
        self.begin_wanted_sync(around);
        self.tend_snapshot(around);
        self.look_at_halt(around);
        self.look_at_taking_over(around);
        self.look_at_waits(around);
        self.act_for_replicas(around);
    }

    fn hear_guests(&mut self, around: &mut Around) {
        let ends: Vec<End> = self.guests.keys().copied().collect();
        for end in ends {
            loop {
                let guest = self.guests.get_mut(&end).expect("it is there");
                if let Some((at, asked, fails_over)) = guest.asked {
                    if at <= around.now {
                        self.on_asked(around, end, asked, fails_over);
                    }
                    break;
                }
                match around.hear(end) {
                    None => break,
                    Some(Heard::Opened) => {}
                    Some(Heard::Closed(_)) => {
                        self.guests.remove(&end);
                        break;
                    }
                    Some(Heard::Bytes(bytes)) => self.on_guest(around, end, &bytes),
                }
            }
        }
    }

    fn on_guest(&mut self, around: &mut Around, end: End, bytes: &[u8]) {
        let leads = self.disk.primary.is_none();
        let is_cut = !leads && self.follower.stage() != Stage::Streaming;
        let is_failing_over = self.is_failing_over();
        let ours = self.primary.history().id;
        let guest = self.guests.get_mut(&end).expect("it is there");
        guest.heard.extend_from_slice(bytes);
        let found = requests(&guest.heard);
        let used = found.last().map_or(0, |(_, end)| *end);
        guest.heard.drain(..used);
        let mut out: Vec<u8> = Vec::new();
        for (words, _) in found {
            match words[0].as_str() {
                "PING" => out.extend(b"+PONG\r\n"),
                "REPLCONF" => {
                    for pair in words[1..].chunks(2) {
                        match (pair[0].as_str(), pair[1].as_str()) {
                            ("listening-port", port) => {
                                guest.port = port.parse().expect("a number");
                            }
                            ("capa", "eof") => guest.eof = true,
                            ("capa", "psync2") => guest.psync2 = true,
                            _ => {}
                        }
                    }
                    out.extend(b"+OK\r\n");
                }
                "AUTH" => out.extend(b"+OK\r\n"),
                "PSYNC" if words.len() > 3 && leads => out.extend(TO_PRIMARY),
                "PSYNC" if words.len() > 3 && words[1] != ours.as_str() => {
                    out.extend(b"-ERR PSYNC FAILOVER replid must match my replid.\r\n");
                }
                "PSYNC" | "SYNC" if is_failing_over => {
                    out.extend(b"-NOMASTERLINK Can't SYNC while failing over\r\n");
                }
                "PSYNC" | "SYNC" if is_cut && words.len() < 4 => {
                    out.extend(b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n");
                }
                "PSYNC" => {
                    let id = ReplicationId::parse(words[1].as_bytes());
                    let resume = id.zip(words[2].parse().ok());
                    let resume = resume.map(|(id, from)| Resume { id, from });
                    let asked = Asked::Psync(resume);
                    guest.asked = Some((around.soon(10), asked, words.len() > 3));
                }
                "SYNC" => guest.asked = Some((around.soon(10), Asked::Sync, false)),
                other => panic!("a replica does not say {other}"),
            }
        }
        if !out.is_empty() {
            around.net.send(end, out.into());
        }
    }

    fn on_asked(&mut self, around: &mut Around, end: End, asked: Asked, fails_over: bool) {
        if fails_over && self.disk.primary.is_some() {
            let guest = self.guests.remove(&end).expect("it has asked");
            return self.take_over(around, (end, guest, asked));
        }
        self.recruit(around, end, asked);
    }

    pub(super) fn recruit(&mut self, around: &mut Around, end: End, asked: Asked) {
        let guest = self.guests.remove(&end).expect("it is there");
        let arrival = Arrival {
            asked,
            ip: HOST.to_owned(),
            port: guest.port,
            eof: guest.eof,
            psync2: guest.psync2,
            rdb_only: false,
        };
        let link = self.primary.on_arrival(around.now, arrival);
        let sending = None;
        self.lines.insert(link, Line { end, sending });
        self.act_for_replicas(around);
    }

    fn hear_links(&mut self, around: &mut Around) {
        let links: Vec<u64> = self.lines.keys().copied().collect();
        for link in links {
            while let Some(line) = self.lines.get(&link) {
                match around.hear(line.end) {
                    Some(Heard::Bytes(bytes)) => {
                        self.primary.on_bytes(around.now, link, &bytes);
                    }
                    Some(Heard::Closed(_)) => {
                        self.primary.on_closed(around.now, link);
                        self.lines.remove(&link);
                    }
                    Some(Heard::Opened) => {}
                    None => {
                        let pending = match line.sending {
                            Some(_) => 0,
                            None => around.net.unsent(line.end),
                        };
                        self.primary.on_unsent(link, pending);
                        self.act_for_replicas(around);
                        break;
                    }
                }
                self.act_for_replicas(around);
            }
        }
    }

    pub(super) fn drop_line(&mut self, around: &mut Around, link: u64) {
        if let Some(line) = self.lines.remove(&link) {
            around.hang_up(line.end);
        }
    }

    /// Does what the machine says.
    pub(super) fn act_for_replicas(&mut self, around: &mut Around) {
        while let Some(action) = self.primary.next_action() {
            match action {
                PrimaryAction::Send { link, bytes } => {
                    if let Some(line) = self.lines.get(&link) {
                        assert!(line.sending.is_none(), "a socket has one writer at a time");
                        around.net.send(line.end, bytes);
                    }
                }
                PrimaryAction::Close { link } => self.drop_line(around, link),
                PrimaryAction::Snapshot(method) => {
                    let at = self.wanted.map_or(0, |(_, at)| at);
                    self.wanted = Some((method, at));
                }
                PrimaryAction::Feed { links, mark } => self.feed(around, links, mark),
                PrimaryAction::SendFile { links } => self.send_file_to(around, links),
                PrimaryAction::GiveUp => self.give_up_sync(around),
                PrimaryAction::Cease => {
                    if !std::mem::replace(&mut self.is_ceasing, true) {
                        self.send_for(around, Errand::Cease);
                    }
                }
                PrimaryAction::Ping if self.halt.is_on() => {}
                PrimaryAction::Ping => self.lane.announce(around, "PING"),
                PrimaryAction::Count(Tally::Continued) => around.seen.partial += 1,
                PrimaryAction::Count(_) => {}
                PrimaryAction::Asked { words, .. } => panic!("a replica asks for {words:?}"),
                PrimaryAction::Log(_, text) => self.note(around, &text),
            }
        }
    }

    /// What is counted is known by its line in the log.
    fn note(&mut self, around: &mut Around, text: &str) {
        let seen = &mut around.seen;
        let counted = [
            ("too far behind the stream", &mut seen.dropped),
            ("They are slowed down", &mut seen.waited),
            ("would destroy what only the replica has", &mut seen.refused),
            ("gets the file that is being written", &mut seen.joined),
        ];
        for (part, count) in counted {
            *count += u64::from(text.contains(part));
        }
    }

    /// The stream is not needed any more, and all shards are here.
    pub(super) fn cease(&mut self, around: &mut Around) {
        let was_asked = std::mem::take(&mut self.is_ceasing);
        let makes_stream = self.lane.is_merged();
        if makes_stream && !was_asked {
            // This node leads by now.
            return;
        }
        self.end_stream(around);
        if makes_stream {
            around.seen.ceased += 1;
            let history = self.primary.history();
            self.holds = Some(Point {
                id: history.id,
                offset: history.offset,
            });
            let id = self.next_name(around);
            self.primary.cease(id);
            self.act_for_replicas(around);
        }
    }

    pub(super) fn stop_leading(&mut self, around: &mut Around) {
        if self.primary.leads() {
            self.primary.follow();
            self.act_for_replicas(around);
            self.give_up_sync(around);
        }
    }

    /// No core takes writes any more.
    pub(super) fn on_told(&mut self, around: &mut Around) {
        if let Some((_, is_asked)) = &mut self.demotion
            && !std::mem::replace(is_asked, true)
        {
            self.writes_until = 0;
            self.send_for(around, Errand::Demote);
        }
    }

    /// All shards are here: the history's end is known, and it is gone on from there.
    pub(super) fn demote(&mut self, around: &mut Around) {
        if !matches!(self.demotion, Some((_, true))) {
            return;
        }
        self.end_stream(around);
        let (place, _) = self.demotion.take().expect("it was looked at");
        self.primary.follow();
        self.act_for_replicas(around);
        self.waits.clear();
        let history = self.primary.history().clone();
        self.offset = Some(history.offset);
        self.follower.on_history(history, 0);
        self.begin_to_follow(around, place);
        self.on_stream_ended(around);
    }

    /// The primary's history may have another name now.
    pub(super) fn adopt_name(&mut self, around: &mut Around) {
        let follower = &self.follower;
        let Some(history) = follower.history().filter(|_| follower.primary().is_some()) else {
            return;
        };
        let primary = &mut self.primary;
        if primary.is_on() && !primary.leads() && history.id != primary.history().id {
            primary.adopt(history.id);
            self.act_for_replicas(around);
        }
    }

    /// WAIT.
    pub(crate) fn wait(&mut self, around: &mut Around, replicas: usize) {
        self.waits.push(Waiting {
            ticket: self.lane.last(),
            offset: None,
            replicas,
            until: around.now + 200 + around.dice.below(1500),
        });
    }

    fn look_at_waits(&mut self, around: &mut Around) {
        let mut asks = false;
        for mut waiting in std::mem::take(&mut self.waits) {
            let is_new = waiting.offset.is_none();
            let history = self.primary.history();
            let (id, end) = (history.id, history.offset);
            if is_new {
                waiting.offset = self.lane.has(waiting.ticket).then_some(end);
            }
            let offset = waiting.offset;
            let count = offset.map_or(0, |offset| self.primary.acknowledged(offset));
            if count >= waiting.replicas || waiting.until <= around.now {
                if let Some(offset) = offset.filter(|_| count > 0 && self.lane.is_merged()) {
                    let at = Point { id, offset };
                    around.claims.push(Claim {
                        at,
                        replicas: count,
                    });
                }
                continue;
            }
            asks |= is_new && offset.is_some();
            self.waits.push(waiting);
        }
        if asks && self.lane.is_merged() && !self.halt.is_on() {
            self.lane.announce(around, "REPLCONF GETACK *");
        }
    }
}
