//! Drives a `Follower`: the link to this node's primary, and what comes of it.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::HashKey;
use crate::keyspace::Keyspace;
use crate::replication::{Action, Address, Follower, Framing, Introduction, Level, Stage};
use crate::runtime::clock::{Stopwatch, unix_ms};
use crate::runtime::control::{Alarm, Wire};
use crate::runtime::core::Bell;
use crate::telemetry::{Link, Replication};

use super::control::Control;
use super::dealer::{Dealer, Dealing};
use super::dial::{Call, Dialing};
use super::errand::Client;
use super::letter::Letter;
use super::load;
use super::loading::Loading;
use super::marks::Marks;
use super::resync::{Before, Resync, adopt};
use super::save::file_name;

/// See the module.
pub(super) struct Upstream {
    pub(super) follower: Follower,
    dialing: Option<Dialing>,
    wire: Option<Wire>,
    /// What the cores have to do of the stream.
    pub(super) dealing: Dealing,
    pub(super) resync: Resync,
    before: Before,
    /// Who hears when there is no primary any more.
    pub(super) releasing: Vec<Client>,
    /// The cores were told that there is no data yet.
    is_loading_told: bool,
    watch: Stopwatch,
    bell: Bell,
    alarm: Alarm,
    hash_key: HashKey,
    pub(super) marks: Marks,
    pub(super) replication: Arc<Replication>,
}

impl Upstream {
    pub(super) fn new(
        (bell, hash_key): (Bell, HashKey),
        dealer: Dealer,
        replication: Arc<Replication>,
    ) -> Upstream {
        Upstream {
            follower: Follower::new(None),
            dialing: None,
            wire: None,
            dealing: Dealing::new(dealer),
            resync: Resync::None,
            before: Before::Cleared,
            releasing: Vec::new(),
            is_loading_told: false,
            watch: Stopwatch::start(),
            bell,
            alarm: Alarm::default(),
            hash_key,
            marks: Marks::default(),
            replication,
        }
    }

    /// What the control core sleeps at, and for how long it may.
    pub(super) fn wires(&self) -> impl Iterator<Item = &Wire> {
        self.wire.iter()
    }

    pub(super) fn left(&self) -> Option<Duration> {
        self.alarm.left(self.now())
    }

    /// Whether what the cores have is not all of the data.
    pub(super) fn is_loading(&self) -> bool {
        self.is_loading_told
    }

    pub(super) fn now(&self) -> u64 {
        self.watch.ns() / 1_000_000
    }
}

impl Control {
    /// At the start, once there is data: follows whom the settings name.
    pub(super) fn begin_following(&mut self) {
        if let Some((host, port)) = self.settings.primary() {
            let host = host.into();
            self.begin_to_follow(Address { host, port });
        }
    }

    /// REPLICAOF: the cores refuse writes before it is answered.
    pub(super) fn follow(&mut self, client: Client, host: String, port: u16) {
        for waiting in std::mem::take(&mut self.upstream.releasing) {
            self.answer(waiting, None);
        }
        self.give_up_taking_over();
        let address = Address { host, port };
        self.log
            .notice(&format!("REPLICAOF {address} enabled (user request)"));
        self.settings.set_primary(Some((&address.host, port)));
        let answer = client.answer(None);
        let change = self.publish(Some((client.core, answer)));
        if self.makes_stream() {
            // What clients have written is in it, and its end is to be known first.
            return self.begin_demotion(change, address);
        }
        if self.upstream.follower.stage() == Stage::Off {
            // Clients have written here, in no history.
            self.upstream.follower.on_forsaken();
        }
        self.begin_to_follow(address);
    }

    /// The cores take no writes: this primary is connected to.
    pub(super) fn begin_to_follow(&mut self, address: Address) {
        self.stop_leading();
        let now = self.upstream.now();
        self.upstream.follower.follow(now, address);
        // At once: the next letter may bring shards that were asked for before.
        self.act();
    }

    /// REPLICAOF NO ONE: answered when nothing of the primary is under way.
    pub(super) fn unfollow(&mut self, client: Client) {
        if self.settings.primary().is_none() {
            return self.answer(client, None);
        }
        self.log.notice("MASTER MODE enabled (user request)");
        self.upstream.releasing.push(client);
        let id = self.hub.next_name();
        self.upstream.follower.unfollow(id);
        self.act();
    }

    /// Reads what the machine needs out of the settings.
    pub(super) fn introduce(&mut self) {
        let settings = &self.settings;
        let announced: u16 = settings.number("replica-announce-port");
        let introduction = Introduction {
            port: match announced {
                0 => settings.number("port"),
                port => port,
            },
            ip: settings.text("replica-announce-ip"),
            user: settings.bytes("masteruser").to_vec(),
            password: settings.bytes("masterauth").to_vec(),
        };
        let timeout_s: u64 = settings.number("repl-timeout");
        let follower = &mut self.upstream.follower;
        follower.on_settings(introduction, timeout_s * 1000);
    }

    /// Looks after everything that has to do with the primary.
    pub(super) fn tend_upstream(&mut self) {
        self.look_at_marks();
        let follower = &self.upstream.follower;
        if follower.stage() == Stage::Off && !follower.has_actions() {
            return self.upstream.alarm.clear();
        }
        self.act();
        self.look_at_dialing();
        self.look_at_wire();
        self.look_at_resync();
        let now = self.upstream.now();
        let is_due = |at: u64| at <= now;
        if self.upstream.follower.deadline().is_some_and(is_due) {
            self.upstream.follower.on_time(now);
        }
        self.act();
        self.upstream.wires().for_each(Wire::flush);
        self.set_alarm();
        self.tell_cores();
    }

    fn look_at_dialing(&mut self) {
        let dialing = self.upstream.dialing.as_ref();
        let Some(outcome) = dialing.and_then(Dialing::outcome) else {
            return;
        };
        self.upstream.dialing = None;
        let now = self.upstream.now();
        let bell = self.upstream.bell;
        let adopted = outcome.and_then(|socket| {
            let wire = Wire::adopt(socket, bell);
            let handles = self.bells.iter().map(|_| wire.handle());
            let handles: Result<Vec<OwnedFd>, _> = handles.collect();
            let handles = handles.map_err(|error| error.to_string())?;
            Ok((wire, handles))
        });
        match adopted {
            Ok((wire, handles)) => {
                self.upstream.wire = Some(wire);
                self.upstream.dealing.handles = handles;
                self.upstream.follower.on_connected(now);
            }
            Err(why) => self.upstream.follower.on_closed(now, &why),
        }
        self.act();
    }

    fn look_at_wire(&mut self) {
        loop {
            let is_cut_awaited = self.holds_stream();
            let upstream = &mut self.upstream;
            let now = upstream.now();
            let Some(wire) = &upstream.wire else { return };
            let is_held =
                is_cut_awaited || !upstream.follower.wants_bytes() || upstream.resync.is_full();
            wire.hold(is_held);
            if is_held {
                return;
            }
            if let Some(bytes) = wire.receive() {
                upstream
                    .follower
                    .on_bytes(now, &bytes, &mut upstream.dealing.dealer);
            } else if let Some(why) = wire.closed() {
                upstream.wire = None;
                upstream.follower.on_closed(now, &why);
            } else {
                return;
            }
            self.act();
        }
    }

    fn look_at_resync(&mut self) {
        self.upstream.resync.advance();
        match self.upstream.resync.outcome() {
            None => {}
            Some(Ok(whole)) => {
                whole.tell(&self.log);
                self.upstream.resync = Resync::Whole(Box::new(whole));
                self.borrow_all(crate::command::Errand::Exchange);
            }
            Some(Err(why)) => {
                self.log.warning(&why);
                self.log.warning(
                    "Failed trying to load the MASTER synchronization DB, check server logs.",
                );
                self.upstream.resync.abandon();
                self.end_loading();
                let now = self.upstream.now();
                self.upstream
                    .follower
                    .on_closed(now, "its data is not right");
                self.on_loaded(Err(()));
                self.upstream.wire = None;
                self.act();
            }
        }
    }

    /// Does what the machine says.
    fn act(&mut self) {
        while let Some(action) = self.upstream.follower.next_action() {
            match action {
                Action::Connect(address) => self.dial(address),
                Action::HangUp => {
                    self.upstream.wire = None;
                    self.upstream.dialing = None;
                }
                Action::Send(bytes) => {
                    if let Some(wire) = &self.upstream.wire {
                        wire.send(bytes);
                    }
                }
                Action::Receive { framing, continues } => self.begin_resync(framing, continues),
                Action::Piece(piece) => self.take_piece(piece),
                Action::Load => self.load_resync(),
                Action::Abandon => {
                    if self.upstream.resync.is_fed() {
                        let read = self.upstream.replication.sync_read_bytes.read();
                        self.log.warning(&format!(
                            "Internal error in RDB reading offset {read}: the link to the master \
                             has ended"
                        ));
                    }
                    self.upstream.resync.abandon();
                    self.end_loading();
                }
                Action::Open { database } => {
                    self.on_linked();
                    self.open_shares(database);
                }
                Action::Apply { bytes, end } => {
                    self.deal(bytes, end);
                }
                Action::Drain => {
                    self.upstream.wire = None;
                    self.drain();
                }
                Action::Released => self.released(),
                Action::HandedOver(is_done) => self.on_handed_over(is_done),
                Action::Log(Level::Notice, text) => self.log.notice(&text),
                Action::Log(Level::Warning, text) => self.log.warning(&text),
            }
        }
    }

    fn dial(&mut self, address: Address) {
        let timeout_s = self.settings.number("repl-timeout");
        let call = Call {
            host: address.host,
            port: address.port,
            source: self.settings.text("bind-source-addr"),
            timeout: Duration::from_secs(timeout_s),
        };
        match Dialing::begin(call, self.upstream.bell) {
            Ok(dialing) => self.upstream.dialing = Some(dialing),
            Err(why) => {
                let now = self.upstream.now();
                self.upstream.follower.on_closed(now, &why);
            }
        }
    }

    /// There is no primary any more: the cores may take writes.
    fn released(&mut self) {
        if self.lead_on() {
            self.free_of_primary();
        }
    }

    /// The cores take writes, unless another primary is followed by now.
    pub(super) fn free_of_primary(&mut self) {
        if self.upstream.follower.primary().is_some() {
            return;
        }
        self.settings.set_primary(None);
        self.end_returning();
        let releasing = std::mem::take(&mut self.upstream.releasing);
        let mut answers = releasing
            .iter()
            .map(|client| (client.core, client.answer(None)));
        self.publish(answers.next());
        for answer in answers {
            self.publish(Some(answer));
        }
        self.serve_those_to_be();
    }

    fn begin_resync(&mut self, framing: Framing, continues: bool) {
        let total = match framing {
            Framing::Length(bytes) => Some(bytes),
            Framing::Mark(_) => None,
        };
        let replication = &self.upstream.replication;
        replication.sync_total_bytes.set(total.unwrap_or(0));
        replication.sync_read_bytes.set(0);
        let before = match self.settings.bytes("repl-diskless-load") {
            b"swapdb" if continues => Before::Served,
            b"swapdb" => Before::Kept,
            b"on-empty-db" if !self.has_keys() => Before::Kept,
            _ => Before::Cleared,
        };
        self.upstream.before = before;
        let begun = if before == Before::Cleared {
            Resync::written(unix_ms()).map_err(|error| error.to_string())
        } else {
            self.begin_loading();
            self.log
                .notice("MASTER <-> REPLICA sync: Loading DB in memory");
            let keyspaces = self.new_keyspaces();
            let manner = self.manner();
            Resync::fed(total, keyspaces, Vec::new(), manner, self.upstream.bell)
        };
        match begun {
            Ok(resync) => self.upstream.resync = resync,
            Err(why) => self.give_up_resync(&why),
        }
    }

    fn take_piece(&mut self, piece: Vec<u8>) {
        let read = &self.upstream.replication.sync_read_bytes;
        read.add(piece.len() as u64);
        if let Err(error) = self.upstream.resync.on_piece(piece) {
            let why = format!("Write error or short write writing to the DB dump file: {error}");
            self.give_up_resync(&why);
        }
        self.upstream.resync.advance();
    }

    /// Whether any core has a key.
    pub(super) fn has_keys(&self) -> bool {
        self.counters.iter().any(|count| count.keys.read() > 0)
    }

    /// The link is given up, and with it what came.
    fn give_up_resync(&mut self, why: &str) {
        self.log.warning(why);
        self.upstream.wire = None;
        let now = self.upstream.now();
        self.upstream.follower.on_closed(now, why);
    }

    /// All bytes are here.
    fn load_resync(&mut self) {
        match std::mem::take(&mut self.upstream.resync) {
            Resync::Written { file, path } => {
                let name: PathBuf = file_name(&self.settings);
                // What it would put under that name is not this node's data any more.
                self.give_up_snapshot();
                match adopt(file, &path, &name) {
                    Ok(source) => {
                        let source = Some(source);
                        self.upstream.resync = Resync::Clearing { source };
                        self.begin_loading();
                        self.log
                            .notice("MASTER <-> REPLICA sync: Flushing old data");
                        self.borrow_all(crate::command::Errand::Clear);
                    }
                    Err(error) => {
                        self.log.warning(&format!(
                            "Failed trying to rename the temp DB into {}: {error}",
                            name.display()
                        ));
                        self.on_loaded(Err(()));
                    }
                }
            }
            other => {
                self.upstream.resync = other;
                self.upstream.resync.end_feed();
                self.upstream.resync.advance();
            }
        }
    }

    fn on_loaded(&mut self, loaded: Result<usize, ()>) {
        let upstream = &mut self.upstream;
        let now = upstream.now();
        let dealer = &mut upstream.dealing.dealer;
        upstream.follower.on_loaded(now, loaded, dealer);
    }

    /// All shards are here: what they hold goes, and the loader begins.
    pub(super) fn clear_for_primary(&mut self, shards: &mut [Box<crate::shard::Shard>]) {
        let Resync::Clearing { source } = &mut self.upstream.resync else {
            return;
        };
        let source = source.take().expect("it is cleared once");
        // What it would be of goes.
        self.give_up_snapshot();
        self.upstream.follower.on_forsaken();
        self.end_stream(shards);
        self.forsake();
        let mut old = Vec::new();
        for (shard, new) in shards.iter_mut().zip(self.new_keyspaces()) {
            old.push(shard.renew(new));
        }
        if self.settings.is_on("replica-lazy-flush") {
            free(std::mem::take(&mut old));
        }
        self.log
            .notice("MASTER <-> REPLICA sync: Loading DB in memory");
        let keyspaces = self.new_keyspaces();
        let begun = Loading::begin(source, (keyspaces, old), self.manner(), self.upstream.bell);
        match begun {
            Ok(loading) => self.upstream.resync = Resync::Loading(loading),
            Err(why) => {
                self.log.warning(&why);
                self.upstream.resync = Resync::None;
                self.end_loading();
                self.on_loaded(Err(()));
            }
        }
    }

    /// All shards are here, and get the keyspaces of the primary.
    pub(super) fn exchange(&mut self, shards: &mut [Box<crate::shard::Shard>]) {
        let Resync::Whole(whole) = std::mem::take(&mut self.upstream.resync) else {
            return;
        };
        let whole = *whole;
        self.give_up_snapshot();
        self.end_stream(shards);
        let mut old = Vec::new();
        for (shard, new) in shards.iter_mut().zip(whole.keyspaces) {
            old.push(shard.renew(new));
        }
        free(old);
        self.forget_marks();
        self.renew_file(shards);
        self.give_libraries(whole.loaded.functions.into(), true);
        self.end_loading();
        let database = whole.loaded.stream_database;
        self.on_loaded(Ok(database));
        if let Some(history) = self.upstream.follower.history().cloned() {
            self.hand_on(history);
        }
    }

    fn new_keyspaces(&self) -> Vec<Keyspace> {
        let databases = self.settings.live().databases as usize;
        let empty = |_| *Keyspace::new(databases, self.upstream.hash_key);
        (0..self.bells.len()).map(empty).collect()
    }

    fn manner(&self) -> load::Manner {
        let (log, persistence) = (self.log.clone(), Arc::clone(&self.persistence));
        load::Manner::of(&self.settings, log, persistence)
    }

    /// Tells the cores that a load is under way, as the data before it is
    /// served or not.
    fn begin_loading(&mut self) {
        let is_served = self.upstream.before == Before::Served;
        self.upstream.is_loading_told = !is_served;
        self.persistence.loading.set(u64::from(!is_served));
        self.persistence.async_loading.set(u64::from(is_served));
        self.post_all(|| Letter::LoadingBegins { is_served });
    }

    fn end_loading(&mut self) {
        let cells = [&self.persistence.loading, &self.persistence.async_loading];
        if cells.iter().all(|cell| cell.read() == 0) {
            return;
        }
        cells.iter().for_each(|cell| cell.set(0));
        self.upstream.is_loading_told = false;
        self.post_all(|| Letter::LoadingOver);
    }

    /// The control core sleeps no longer than until the machine wants to be looked at.
    fn set_alarm(&mut self) {
        let upstream = &mut self.upstream;
        let now = upstream.now();
        upstream.alarm.set(now, upstream.follower.deadline());
    }

    /// What INFO and the cores read.
    fn tell_cores(&mut self) {
        let upstream = &mut self.upstream;
        let follower = &upstream.follower;
        let told = &upstream.replication;
        let link = match follower.stage() {
            Stage::Off => Link::None,
            Stage::Resting | Stage::Draining => Link::Down,
            Stage::Connecting => Link::Connecting,
            Stage::Greeting => Link::Handshake,
            Stage::Receiving | Stage::Loading => Link::Sync,
            Stage::Streaming => Link::Connected,
        };
        let now_s = unix_ms() / 1000;
        if told.link() == Link::Connected && link != Link::Connected {
            told.down_since_s.set(now_s);
        }
        let silent_ms = upstream.now().saturating_sub(follower.heard_at());
        told.heard_at_s.set(now_s.saturating_sub(silent_ms / 1000));
        let (received, applied) = follower.offsets();
        told.received.set(received);
        told.applied.set(applied);
        told.set_link(link);
    }
}

/// Frees keyspaces while nobody waits for it.
fn free(keyspaces: Vec<Keyspace>) {
    let life = move || drop(keyspaces);
    let started = std::thread::Builder::new()
        .name("free".to_owned())
        .spawn(life);
    // Without a thread they were freed just now.
    drop(started);
}
