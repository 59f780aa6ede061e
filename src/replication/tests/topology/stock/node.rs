//! The node: what it has, under which name, and what clients and operators ask of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Random;
use crate::replication::tests::story::Applied;
use crate::replication::{ReplicationId, Standing};

use super::super::around::{Around, Claim};
use super::super::basalt::{Disk, File};
use super::super::book::Point;
use super::super::net::End;
use super::super::world::Unit;
use super::primary::{Child, Replica};
use super::replica::Link;

/// The last bytes of the stream, and the number of the first of them.
#[derive(Debug)]
pub(super) struct Backlog {
    pub(super) first: u64,
    pub(super) bytes: Vec<u8>,
}

/// A client that waits for replicas.
#[derive(Debug)]
struct Waiting {
    at: Point,
    replicas: usize,
    until: u64,
}

/// What a replica knows of the stream it was cut off from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cached {
    pub(super) id: ReplicationId,
    pub(super) offset: u64,
    pub(super) database: u64,
}

pub(in super::super) struct Stock {
    pub(in super::super) me: usize,
    pub(in super::super) disk: Disk,
    pub(in super::super) data: Applied,
    pub(super) id: ReplicationId,
    /// The name before, and the first offset that is not of both.
    pub(super) earlier: Option<(ReplicationId, u64)>,
    /// Of the stream's last byte.
    pub(super) offset: u64,
    pub(super) backlog: Option<Backlog>,
    /// Selected in the stream; none if it is to be said.
    pub(super) selected: Option<u64>,

    pub(super) replicas: BTreeMap<End, Replica>,
    pub(super) child: Option<Child>,
    pub(super) lonely_since: u64,
    pub(super) pinged_at: u64,
    waits: Vec<Waiting>,

    pub(super) link: Link,
    pub(super) cached: Option<Cached>,
    pub(super) names: Random,
}

impl Stock {
    /// It starts with what is on its disk.
    pub(in super::super) fn start(me: usize, disk: Disk, around: &mut Around) -> Stock {
        let mut names = Random::new(around.dice.next());
        let mut node = Stock {
            me,
            disk,
            data: Applied::default(),
            id: ReplicationId::random(&mut names),
            earlier: None,
            offset: 0,
            backlog: None,
            selected: None,
            replicas: BTreeMap::new(),
            child: None,
            lonely_since: around.now,
            pinged_at: around.now,
            waits: Vec::new(),
            link: Link::None,
            cached: None,
            names,
        };
        let file = node.disk.file.clone();
        let standing = file.as_ref().and_then(|file| file.standing);
        if let Some(file) = file {
            node.data = file.applied;
        }
        if let Some(at) = standing {
            node.offset = at.offset;
            node.begin_backlog();
            if node.disk.primary.is_some() {
                node.id = at.id;
                node.cached = Some(Cached {
                    id: at.id,
                    offset: at.offset,
                    database: at.database as u64,
                });
            } else {
                node.earlier = Some((at.id, at.offset + 1));
                let before = Point::of(at);
                node.tell_beginning(around, Some(before));
            }
        }
        if let Some(place) = node.disk.primary {
            node.link = Link::Resting { until: around.now };
            node.dials(place);
        }
        node
    }

    pub(super) fn dials(&mut self, place: usize) {
        self.disk.primary = Some(place);
    }

    pub(super) fn begin_backlog(&mut self) {
        self.backlog = Some(Backlog {
            first: self.offset + 1,
            bytes: Vec::new(),
        });
    }

    pub(super) fn tell_beginning(&self, around: &mut Around, before: Option<Point>) {
        let at = Point {
            id: self.id,
            offset: self.offset,
        };
        // As the stream has it, which says a database only when it is another.
        let mut data = self.data.clone();
        data.database = self.selected.unwrap_or(data.database);
        around.book.begin(at, &data, before);
    }

    /// Everything that is due.
    pub(in super::super) fn step(&mut self, around: &mut Around) {
        self.tend_replicas(around);
        self.tend_link(around);
        self.look_at_waits(around);
    }

    pub(super) fn is_primary(&self) -> bool {
        self.disk.primary.is_none()
    }

    /// What it has, where it can be said: where there is a backlog, its name and offset say
    /// it, and a cut link's too.
    pub(in super::super) fn sight(&self) -> Option<(Point, u64)> {
        let is_said = match self.is_primary() {
            true => self.backlog.is_some(),
            false => self.cached.is_some() || self.link.is_streaming(),
        };
        let at = Point {
            id: self.id,
            offset: self.offset,
        };
        is_said.then_some((at, self.data.digest))
    }

    pub(in super::super) fn is_settled(&self) -> bool {
        self.link.is_streaming()
    }

    pub(in super::super) fn is_loading(&self) -> bool {
        self.link.is_loading()
    }

    pub(in super::super) fn follows_nobody(&self) -> bool {
        self.is_primary()
    }

    pub(in super::super) fn state(&self) -> String {
        let replicas = self.replicas.values();
        let replicas: Vec<String> = replicas.map(Replica::state).collect();
        format!(
            "stock, replicaof {:?}, at {:?}, {}, earlier {:?}, cached {:?}, replicas {replicas:?}",
            self.disk.primary,
            self.sight(),
            self.link.state(),
            self.earlier,
            self.cached,
        )
    }

    /// A client writes; whether it may.
    pub(in super::super) fn write(&mut self, around: &mut Around, unit: &Unit) -> bool {
        if !self.is_primary() || self.link.is_loading() {
            return false;
        }
        self.data.database = unit.database;
        for effect in &unit.effects {
            self.data.apply(effect);
        }
        self.feed(around, Some(unit.database), &unit.bytes());
        true
    }

    /// WAIT.
    pub(in super::super) fn wait(&mut self, around: &mut Around, replicas: usize) {
        if !self.is_primary() || self.backlog.is_none() {
            return;
        }
        let at = Point {
            id: self.id,
            offset: self.offset,
        };
        let until = around.now + 200 + around.dice.below(1500);
        self.waits.push(Waiting {
            at,
            replicas,
            until,
        });
        self.feed(
            around,
            None,
            b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n",
        );
    }

    fn look_at_waits(&mut self, around: &mut Around) {
        let id = self.id;
        let replicas = &self.replicas;
        self.waits.retain(|waiting| {
            let has = |replica: &&Replica| replica.has(waiting.at.offset);
            // A stock node counts one twice that has come again before it is missed; that is
            // known, and not what is looked for.
            let ports = replicas.values().filter(has).map(Replica::port);
            let count = ports.collect::<BTreeSet<u16>>().len();
            if waiting.at.id != id {
                return false;
            }
            let is_over = count >= waiting.replicas || waiting.until <= around.now;
            if is_over && count > 0 {
                around.claims.push(Claim {
                    at: waiting.at,
                    replicas: count,
                });
            }
            !is_over
        });
    }

    /// What a file says of where the data stands.
    pub(super) fn standing(&self) -> Option<Standing> {
        let (id, offset) = (self.id, self.offset);
        let database = match (&self.link, self.cached) {
            _ if self.is_primary() => match self.backlog.is_some() {
                true => self.selected.unwrap_or(0),
                false => return None,
            },
            (Link::Streaming(streaming), _) => streaming.database(),
            (_, Some(cached)) => cached.database,
            _ => return None,
        };
        let database = database as usize;
        Some(Standing {
            id,
            offset,
            database,
        })
    }

    /// SAVE.
    pub(in super::super) fn save(&mut self) {
        if self.link.is_loading() {
            return;
        }
        let standing = self.standing();
        self.disk.file = Some(File {
            applied: self.data.clone(),
            standing,
            holds: standing.map(Point::of),
            lineage: None,
        });
    }

    /// REPLICAOF.
    pub(in super::super) fn follow(&mut self, around: &mut Around, place: usize) {
        if self.disk.primary == Some(place) || self.link.is_loading() {
            // Already connected to specified master, or LOADING.
            return;
        }
        let was_primary = self.is_primary();
        self.cut_link(around);
        self.close_replicas(around);
        self.disk.primary = Some(place);
        self.waits.clear();
        if was_primary {
            if self.backlog.is_none() {
                // Nobody has this name, but it may be gone on from.
                self.begin_backlog();
                self.tell_beginning(around, None);
            }
            self.cached = Some(Cached {
                id: self.id,
                offset: self.offset,
                database: 0,
            });
        }
        self.link = Link::Resting { until: around.now };
    }

    /// REPLICAOF NO ONE.
    pub(in super::super) fn unfollow(&mut self, around: &mut Around) {
        if self.is_primary() || self.link.is_loading() {
            return;
        }
        // Also in the midst of a file that would have replaced it.
        let had = Point {
            id: self.id,
            offset: self.offset,
        };
        self.cut_link(around);
        self.cached = None;
        self.disk.primary = None;
        self.link = Link::None;
        self.earlier = Some((self.id, self.offset + 1));
        self.id = ReplicationId::random(&mut self.names);
        self.close_replicas(around);
        self.selected = None;
        self.lonely_since = around.now;
        self.pinged_at = around.now;
        if self.backlog.is_some() {
            self.tell_beginning(around, Some(had));
        }
    }
}
