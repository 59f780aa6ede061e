//! The node: what it has, where it begins, and what clients and operators ask of it.

use std::collections::{BTreeMap, VecDeque};

use crate::replication::{
    Follower, Halt, History, Introduction, Method, Primary, ReplicationId, Stage, Standing,
    Takeover,
};

use super::super::around::Around;
use super::super::book::Point;
use super::super::net::End;
use super::super::world::Unit;
use crate::replication::tests::story::Applied;
use crate::replication::tests::stream::Memory;

use super::errands::Errand;
use super::handing::{Holding, Petition};
use super::hub::{Guest, Line, Waiting};
use super::lane::Lane;
use super::sync::{Running, Undelivered};
use super::upstream::{Portion, Resync};

/// What survives a crash.
#[derive(Clone, Debug)]
pub(in super::super) struct Disk {
    /// `replicaof`.
    pub(in super::super) primary: Option<usize>,
    /// `dbfilename`.
    pub(in super::super) file: Option<File>,
    pub(in super::super) protects: bool,
    pub(in super::super) is_stock: bool,
    /// `repl-diskless-sync`, and `repl-diskless-load disabled`.
    pub(in super::super) streams: bool,
    pub(in super::super) clears: bool,
}

/// What a file has, and where that stands.
#[derive(Clone, Debug)]
pub(in super::super) struct File {
    pub(in super::super) applied: Applied,
    pub(in super::super) standing: Option<Standing>,
    /// The last place in a history that the data has been at: no file says so, if it has
    /// been changed since.
    pub(in super::super) holds: Option<Point>,
    /// For the next start, if it was made for that.
    pub(in super::super) lineage: Option<String>,
}

impl File {
    pub(in super::super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = match self.standing {
            Some(at) => format!("{} {} {}\n", at.id, at.offset, at.database).into_bytes(),
            None => b"-\n".to_vec(),
        };
        bytes.extend(self.applied.file());
        bytes
    }

    pub(in super::super) fn of(bytes: &[u8]) -> File {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (head, rest) = bytes.split_at(end.expect("a file says where it stands") + 1);
        let head = String::from_utf8_lossy(head);
        let words: Vec<&str> = head.trim_end().split(' ').collect();
        let standing = (words.len() == 3).then(|| Standing {
            id: ReplicationId::parse(words[0].as_bytes()).expect("a name"),
            offset: words[1].parse().expect("a number"),
            database: words[2].parse().expect("a number"),
        });
        File {
            applied: Applied::of_file(rest),
            standing,
            holds: standing.map(Point::of),
            lineage: None,
        }
    }
}

pub(in super::super) struct Basalt {
    pub(in super::super) me: usize,
    pub(in super::super) disk: Disk,
    pub(in super::super) data: Applied,
    /// How far the data is in its history, while that is a primary's.
    pub(super) offset: Option<u64>,

    pub(in super::super) follower: Follower,
    pub(super) up: Option<End>,
    /// Whom it has dialled last.
    pub(super) dialled: usize,
    pub(super) resync: Resync,
    /// The bytes of a file that comes.
    pub(super) pieces: Vec<u8>,
    pub(super) portions: VecDeque<Portion>,
    pub(super) is_open: bool,
    pub(super) is_draining: bool,

    pub(in super::super) primary: Primary<Memory>,
    pub(super) guests: BTreeMap<End, Guest>,
    pub(super) lines: BTreeMap<u64, Line>,
    pub(super) lane: Lane,
    pub(super) wanted: Option<(Method, u64)>,
    pub(super) running: Option<Running>,
    pub(super) undelivered: Option<Undelivered>,
    pub(super) snapshots: u64,
    /// Whom to follow, when all cores refuse writes and the stream has ended.
    pub(super) demotion: Option<(usize, bool)>,
    pub(super) is_ceasing: bool,
    pub(super) halt: Halt,
    pub(super) holding: Holding,
    pub(super) takeover: Takeover<Petition>,
    pub(super) waits: Vec<Waiting>,

    /// Until when the cores take writes, though another is to be followed.
    pub(super) writes_until: u64,
    pub(super) errands: VecDeque<(u64, Errand)>,
    pub(super) last_errand_at: u64,
    /// For names and marks.
    pub(super) names: crate::base::Random,

    /// Where it began, and whether it has been linked with a primary since.
    pub(in super::super) began_at: Option<Point>,
    pub(in super::super) was_linked: bool,
    /// The last place in a history that others were told of.
    pub(super) holds: Option<Point>,
}

impl Basalt {
    /// It starts with what is on its disk.
    pub(in super::super) fn start(me: usize, disk: Disk, around: &mut Around) -> Basalt {
        let mut names = crate::base::Random::new(around.dice.next());
        let history = History::new(ReplicationId::founding(around.now, &mut names));
        let policy = around.rules.policy(disk.protects, disk.streams);
        let mut follower = Follower::new(None);
        let introduction = Introduction {
            port: 7000 + me as u16,
            password: match around.rules.has_password {
                true => b"secret".to_vec(),
                false => Vec::new(),
            },
            ..Introduction::default()
        };
        follower.on_settings(introduction, around.rules.timeout_ms);
        let mut node = Basalt {
            me,
            disk,
            data: Applied::default(),
            offset: None,
            follower,
            up: None,
            dialled: me,
            resync: Resync::None,
            pieces: Vec::new(),
            portions: VecDeque::new(),
            is_open: false,
            is_draining: false,
            primary: Primary::new(history, policy, Memory::default()),
            guests: BTreeMap::new(),
            lines: BTreeMap::new(),
            lane: Lane::default(),
            wanted: None,
            running: None,
            undelivered: None,
            snapshots: 0,
            demotion: None,
            is_ceasing: false,
            halt: Halt::default(),
            holding: Holding::default(),
            takeover: Takeover::default(),
            waits: Vec::new(),
            writes_until: 0,
            errands: VecDeque::new(),
            last_errand_at: 0,
            names,
            began_at: None,
            was_linked: false,
            holds: None,
        };
        node.load_at_start(around);
        node
    }

    pub(super) fn load_at_start(&mut self, around: &mut Around) {
        let file = self.disk.file.clone();
        let standing = file.as_ref().and_then(|file| file.standing);
        let mut lineage = None;
        if let Some(file) = file {
            self.data = file.applied;
            self.holds = file.holds;
            lineage = file.lineage;
        }
        self.began_at = self.holds;
        let times = (around.now, around.now);
        self.primary
            .start_with(times, lineage.as_deref(), standing, &mut self.names);
        match standing {
            None => {}
            Some(standing) if self.disk.primary.is_some() => {
                let history = History::at(standing.id, standing.offset);
                self.follower.on_history(history.clone(), standing.database);
                self.offset = Some(standing.offset);
                self.hand_on(around, history);
            }
            Some(standing) => self.lead_from(around, standing),
        }
        if let Some(place) = self.disk.primary {
            self.begin_to_follow(around, place);
        }
    }

    /// How the history is called that goes on from this one.
    pub(super) fn next_name(&mut self, around: &Around) -> ReplicationId {
        self.primary.next_name(around.now, &mut self.names)
    }

    pub(super) fn lead_from(&mut self, around: &mut Around, standing: Standing) {
        let mut history = History::at(standing.id, standing.offset);
        history.rename(self.primary.history().id);
        self.primary.begin(around.now, history);
        self.lane.begin();
        let before = Point {
            id: standing.id,
            offset: standing.offset,
        };
        if !around.book.has(before.id) {
            // It was down before it has led under that name.
            around.book.begin(before, &self.data, None);
        }
        self.tell_beginning(around, Some(before));
        self.act_for_replicas(around);
    }

    /// The book hears of a history that this node leads from here on.
    pub(super) fn tell_beginning(&self, around: &mut Around, before: Option<Point>) {
        let history = self.primary.history();
        let at = Point {
            id: history.id,
            offset: history.offset,
        };
        around.book.begin(at, &self.data, before);
    }

    /// Everything that is due.
    pub(in super::super) fn step(&mut self, around: &mut Around) {
        self.run_errands(around);
        self.tend_upstream(around);
        self.tend_hub(around);
    }

    /// What it has, where that can be said: of a primary's stream what is applied, of
    /// its own when all of that is in the stream.
    pub(in super::super) fn sight(&self) -> Option<(Point, u64)> {
        let digest = self.data.digest;
        if self.primary.leads() {
            let history = self.primary.history();
            let at = Point {
                id: history.id,
                offset: history.offset,
            };
            return self.lane.is_told().then_some((at, digest));
        }
        let id = self.follower.history()?.id;
        let is_known = id != ReplicationId::NONE && self.follower.primary().is_some();
        let offset = self.offset.filter(|_| is_known)?;
        Some((Point { id, offset }, digest))
    }

    /// Whether it makes the stream that others follow, or would.
    pub(in super::super) fn leads(&self) -> bool {
        self.disk.primary.is_none() && self.primary.leads()
    }

    /// Whether it follows somebody and has nothing under way.
    pub(in super::super) fn is_settled(&self) -> bool {
        self.follower.stage() == Stage::Streaming && self.portions.is_empty()
    }

    /// For who looks why it is not well.
    pub(in super::super) fn state(&self) -> String {
        let links = self.primary.links();
        let links = links.map(|link| (link.port, link.state, link.acknowledged));
        format!(
            "replicaof {:?}, at {:?}, {:?} {:?}, leads {}, {:?}, links {:?}, wanted {:?}, {:?}, {:?}",
            self.disk.primary,
            self.sight(),
            self.follower.stage(),
            self.follower.offsets(),
            self.primary.leads(),
            self.primary.history(),
            links.collect::<Vec<_>>(),
            self.wanted,
            self.errands,
            self.halt,
        )
    }

    /// A client writes; whether it may.
    pub(in super::super) fn write(&mut self, around: &mut Around, unit: &Unit) -> bool {
        let is_free = self.disk.primary.is_none() || around.now < self.writes_until;
        if !is_free
            || self.holds_writes(around.now)
            || !self.primary.leads()
            || self.resync.is_loading()
        {
            return false;
        }
        if self.primary.outrun_by(around.now) > 0 {
            around.seen.slowed += 1;
            return false;
        }
        self.data.database = unit.database;
        for effect in &unit.effects {
            self.data.apply(effect);
        }
        self.lane.record(around, unit);
        true
    }

    /// SAVE. Of a primary's stream that is on its way it cannot be said where the data
    /// stands.
    pub(in super::super) fn save(&mut self, around: &mut Around) {
        if self.resync.is_loading() {
            return;
        }
        let standing = self.standing_now(around);
        let holds = match self.primary.is_on() {
            true => standing.map(Point::of).or(self.sight().map(|(at, _)| at)),
            false => self.holds,
        };
        self.disk.file = Some(File {
            applied: self.data.clone(),
            standing,
            holds,
            lineage: Some(self.primary.lineage(around.now, around.now)),
        });
    }

    /// With all shards in hand.
    pub(super) fn standing_now(&mut self, around: &mut Around) -> Option<Standing> {
        if !self.primary.leads() {
            return self.follower.standing();
        }
        self.read_lane(around, true);
        self.lane.forget_database();
        let history = self.primary.history();
        self.primary.is_on().then_some(Standing {
            id: history.id,
            offset: history.offset,
            database: 0,
        })
    }

    /// CONFIG SET repl-protect-replicas.
    pub(in super::super) fn protect(&mut self, around: &Around, protects: bool) {
        self.disk.protects = protects;
        let policy = around.rules.policy(protects, self.disk.streams);
        self.primary.on_settings(policy);
    }
}
