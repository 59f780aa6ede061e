//! All nodes of a seed, what goes wrong, and how everything becomes well again.

use crate::base::Random;
use crate::replication::{Address, Succession};

use super::super::story::written;
use super::around::{Around, Rules, Seen};
use super::basalt::Disk;
use super::book::Book;
use super::handing::Handings;
use super::look::Known;
use super::net::{Net, Pace};
use super::node::Node;

/// Virtual milliseconds in which everything may go wrong.
const TROUBLE_MS: u64 = 10_000;

/// And in which all must be well afterwards, beside what the bytes take that are left to
/// send: a dead link is found by `repl-timeout`.
const HEALING_MS: u64 = 40_000;

/// Of these, clients write in the first.
const WRITING_MS: u64 = 4000;

/// What was sent before has come by then.
const LATE_MS: u64 = 300;

/// Where all nodes are.
pub(super) const HOST: &str = "10.0.0.1";

/// What a client writes at once.
pub(super) struct Unit {
    pub(super) database: u64,
    pub(super) effects: Vec<Vec<String>>,
}

impl Unit {
    fn any(dice: &mut Random, number: u64, is_heavy: bool) -> Unit {
        let count = match dice.below(4) {
            0 => 2 + dice.below(4),
            _ => 1,
        };
        let effects = (0..count).map(|_| {
            let key = dice.below(20);
            let line = match dice.below(8) {
                0 => format!("DEL k{key}"),
                1 if is_heavy => format!("SET k{key} {number}{}", "h".repeat(1 << 20)),
                1 => format!("SET k{key} {}", "v".repeat(dice.below(200) as usize + 1)),
                2..5 => format!("INCR n{key}"),
                _ => format!("SET k{key} {number}"),
            };
            line.split(' ').map(str::to_owned).collect()
        });
        Unit {
            effects: effects.collect(),
            database: dice.below(3),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let is_several = self.effects.len() > 1;
        if is_several {
            bytes.extend(written("MULTI"));
        }
        for effect in &self.effects {
            bytes.extend(written(&effect.join(" ")));
        }
        if is_several {
            bytes.extend(written("EXEC"));
        }
        bytes
    }
}

/// A place for a node.
pub(super) struct Slot {
    /// None while it is down.
    pub(super) node: Option<Node>,
    pub(super) disk: Disk,
    up_at: u64,
    frozen_until: u64,
    pub(super) known: Known,
}

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) around: Around,
    pub(super) slots: Vec<Slot>,
    written: u64,
}

impl World {
    pub(super) fn new(seed: u64, seen: Seen) -> World {
        let mut dice = Random::new(seed);
        let rules = Rules::any(&mut dice);
        let count = 3 + dice.below(3) as usize;
        let paces = (0..count).map(|_| pace(&mut dice, &rules)).collect();
        let mut around = Around {
            now: 0,
            dice,
            net: Net::default(),
            book: Book::default(),
            seen,
            rules,
            claims: Vec::new(),
            replaced: None,
            opened: None,
            returned: None,
            handings: Handings::new(seed),
            is_trouble: true,
            paces,
        };
        around.net.refuses = 8;
        let chains = around.dice.below(2) == 0;
        let has_stock = around.dice.below(2) == 0;
        let mut slots = Vec::new();
        for place in 0..count {
            let above = match place {
                0 => None,
                _ if chains => Some(around.dice.below(place as u64) as usize),
                _ => Some(0),
            };
            around.seen.chains += u64::from(above.is_some_and(|above| above > 0));
            let disk = Disk {
                primary: above,
                file: None,
                protects: true,
                is_stock: has_stock && around.dice.below(3) == 0,
                streams: around.dice.below(2) == 0,
                clears: around.dice.below(2) == 0,
            };
            slots.push(Slot {
                node: None,
                disk,
                up_at: around.soon(200),
                frozen_until: 0,
                known: Known::default(),
            });
            around.net.down.push(place);
        }
        World {
            seed,
            around,
            slots,
            written: 0,
        }
    }

    pub(super) fn play(mut self, seen: &mut Seen) {
        while self.around.now < TROUBLE_MS {
            self.trouble();
            self.step();
        }
        self.heal();
        *seen = self.around.seen;
    }

    fn dice(&mut self) -> &mut Random {
        &mut self.around.dice
    }

    /// Some milliseconds.
    fn step(&mut self) {
        let around = &mut self.around;
        around.now += 1 + around.dice.below(8);
        around.net.flow(around.now, &mut around.dice);
        for place in 0..self.slots.len() {
            let slot = &mut self.slots[place];
            if slot.node.is_none() && slot.up_at <= self.around.now {
                self.start(place);
            }
            let slot = &mut self.slots[place];
            if slot.frozen_until > self.around.now {
                continue;
            }
            if let Some(node) = &mut slot.node {
                node.step(&mut self.around);
                self.look(place);
            }
        }
    }

    fn start(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        self.around.net.down.retain(|down| *down != place);
        slot.known.begin();
        let node = Node::start(place, slot.disk.clone(), &mut self.around);
        let began_at = node.guards().flatten();
        self.around.seen.resumed += u64::from(began_at.is_some());
        slot.node = Some(node);
        self.look(place);
    }

    /// A client writes at some node that leads.
    fn write(&mut self) {
        let place = self.any();
        self.written += 1;
        let (number, is_heavy) = (self.written, self.around.rules.is_heavy);
        let unit = Unit::any(&mut self.around.dice, number, is_heavy);
        let slot = &mut self.slots[place];
        if slot.frozen_until > self.around.now {
            return;
        }
        let Some(node) = &mut slot.node else { return };
        if !node.write(&mut self.around, &unit) {
            return;
        }
        self.around.handings.write(place);
        self.around.seen.transactions += u64::from(unit.effects.len() > 1);
        if self.around.dice.below(10) == 0 {
            let replicas = 1 + self.around.dice.below(3) as usize;
            node.wait(&mut self.around, replicas);
        }
    }

    fn any(&mut self) -> usize {
        let count = self.slots.len() as u64;
        self.dice().below(count) as usize
    }

    /// What clients, operators and accidents do.
    fn trouble(&mut self) {
        if self.dice().below(2) == 0 {
            self.write();
        }
        let place = self.any();
        match self.dice().below(3000) {
            0..20 => {
                let around = &mut self.around;
                around.net.cut(around.now, &mut around.dice);
            }
            20..24 => {
                let around = &mut self.around;
                around.net.silence(&mut around.dice);
            }
            24..32 => {
                let until = self.around.soon(4000);
                self.slots[place].frozen_until = until;
                self.around.seen.frozen += 1;
            }
            34..40 => self.crash(place),
            42..70 => {
                if let Some(node) = &mut self.slots[place].node {
                    node.save(&mut self.around);
                }
            }
            70..76 => self.promote(place),
            76..86 => self.move_elsewhere(place),
            86..98 => self.hand_over(place),
            98..102 => self.abort(place),
            _ => {}
        }
    }

    fn crash(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let Some(node) = slot.node.take() else { return };
        self.around.handings.disturb(place);
        let is_failing_over = matches!(&node, Node::Basalt(node) if node.is_failing_over());
        slot.disk = node.into_disk();
        if is_failing_over && self.around.dice.below(2) == 0 {
            // Nobody has written down that it follows another.
            slot.disk.primary = None;
        }
        slot.frozen_until = 0;
        self.around.seen.crashes += 1;
        if self.around.dice.below(3) == 0 {
            // It comes back on another disk.
            slot.disk.file = None;
        }
        slot.up_at = self.around.soon(3000);
        let is_heard = self.around.dice.below(3) > 0;
        let around = &mut self.around;
        around.net.down.push(place);
        let chance = (around.now, &mut around.dice);
        around.net.crash(chance, place, is_heard);
        if self.around.dice.below(2) == 0 {
            self.fail_over(place);
        }
    }

    /// An orchestrator lets a replica of a node lead, and all others follow it, the one
    /// that is down, too, when it comes back.
    fn fail_over(&mut self, place: usize) {
        let mut others = 0..self.slots.len();
        let Some(next) = others.find(|other| self.above(*other) == Some(place)) else {
            return;
        };
        self.around.seen.failovers += 1;
        self.promote(next);
        for other in 0..self.slots.len() {
            if self.above(other) == Some(place) && other != next {
                self.tell_to_follow(other, next);
            }
        }
        self.tell_to_follow(place, next);
    }

    fn tell_to_follow(&mut self, place: usize, above: usize) {
        self.around.handings.disturb(place);
        let slot = &mut self.slots[place];
        match &mut slot.node {
            Some(node) => node.follow(&mut self.around, above),
            None => slot.disk.primary = Some(above),
        }
    }

    fn promote(&mut self, place: usize) {
        self.around.handings.disturb(place);
        if let Some(node) = &mut self.slots[place].node {
            self.around.seen.promotions += u64::from(node.disk().primary.is_some());
            node.unfollow(&mut self.around);
        }
    }

    fn move_elsewhere(&mut self, place: usize) {
        let above = self.any();
        if self.is_below(above, place) {
            return;
        }
        if let Some(node) = &mut self.slots[place].node {
            self.around.seen.moves += 1;
            self.around.handings.disturb(place);
            node.follow(&mut self.around, above);
        }
    }

    /// An operator says FAILOVER to the primary of a node, or to a primary.
    fn hand_over(&mut self, to: usize) {
        let place = self.above(to).unwrap_or(to);
        let timeout_ms = 1 + self.dice().below(2000);
        let (is_named, is_bounded) = (self.dice().below(3) > 0, self.dice().below(8) > 0);
        let forces = self.dice().below(4) == 0;
        let succession = Succession {
            target: is_named.then(|| Address {
                host: HOST.to_owned(),
                port: 7000 + to as u16,
            }),
            timeout_ms: is_bounded.then_some(timeout_ms),
            forces: forces && is_named && is_bounded,
        };
        let around = &mut self.around;
        if let Some(node) = &mut self.slots[place].node
            && node.hand_over(around, succession)
        {
            around.seen.handings += 1;
        }
    }

    /// FAILOVER ABORT.
    fn abort(&mut self, place: usize) {
        if let Some(node) = &mut self.slots[place].node
            && node.abort(&mut self.around)
        {
            self.around.handings.disturb(place);
            self.around.seen.aborted += 1;
        }
    }

    /// Whom a node is told to follow.
    fn above(&self, place: usize) -> Option<usize> {
        let slot = &self.slots[place];
        let disk = slot.node.as_ref().map_or(&slot.disk, Node::disk);
        disk.primary
    }

    /// Whether a node is another one, or follows it over others.
    fn is_below(&self, place: usize, other: usize) -> bool {
        let mut at = Some(place);
        // A ring has an end for who counts.
        for _ in 0..=self.slots.len() {
            match at {
                None => return false,
                Some(place) if place == other => return true,
                Some(place) => at = self.above(place),
            }
        }
        true
    }

    /// Nothing goes wrong any more, and an operator sees to it that there is one
    /// primary: everybody has its data, in a bounded time and with few full
    /// synchronisations.
    fn heal(&mut self) {
        self.around.is_trouble = false;
        let now = self.around.now;
        self.around.net.heal(now);
        for slot in &mut self.slots {
            slot.up_at = 0;
            slot.frozen_until = 0;
        }
        self.step();
        for place in 0..self.slots.len() {
            self.abort(place);
        }
        // What was asked of a node before is heard before it is told otherwise.
        let late = self.around.now + LATE_MS;
        while self.around.now < late {
            self.step();
        }
        let is_deaf = |slot: &Slot| slot.node.as_ref().is_some_and(Node::is_deaf);
        while self.slots.iter().any(is_deaf) {
            self.step();
        }
        let root = self.any();
        self.promote(root);
        for place in 0..self.slots.len() {
            let node = self.slots[place].node.as_mut().expect("all are up");
            node.protect(&self.around, false);
        }
        let mut below = vec![root];
        for place in (0..self.slots.len()).filter(|place| *place != root) {
            let nth = self.around.dice.below(below.len() as u64) as usize;
            let above = below[nth];
            below.push(place);
            let is_told = self.above(place) == Some(above);
            let node = self.slots[place].node.as_mut().expect("all are up");
            // One that was just told to lead has not let go of its setting.
            if !is_told || node.follows_nobody() {
                node.follow(&mut self.around, above);
            }
        }
        let (begun, full) = (self.around.now, self.around.seen.full);
        while !self.is_well(root) {
            let ms = self.around.now - begun;
            let most = HEALING_MS + self.sending_ms(root);
            assert!(ms < most, "seed {}: {}", self.seed, self.state());
            if ms < WRITING_MS && self.dice().below(4) == 0 {
                self.write();
            }
            self.step();
        }
        let full = self.around.seen.full - full;
        let most = 3 * self.slots.len() as u64;
        assert!(
            full <= most,
            "seed {}: {full} full synchronizations",
            self.seed
        );
    }

    /// What the whole history takes from node to node, if each has the next one behind it.
    fn sending_ms(&self, root: usize) -> u64 {
        let node = self.slots[root].node.as_ref().expect("all are up");
        let bytes = node.offset();
        let takes = |pace: &Pace| bytes / pace.piece.min(pace.room) * (pace.rest_ms + 1);
        self.around.paces.iter().map(takes).sum()
    }

    fn is_well(&self, root: usize) -> bool {
        let node = |slot: &Slot| slot.node.as_ref().and_then(Node::sight);
        let Some(sight) = node(&self.slots[root]) else {
            return false;
        };
        let mut places = 0..self.slots.len();
        places.all(|place| {
            let slot = &self.slots[place];
            let is_settled = slot.node.as_ref().is_some_and(Node::is_settled);
            node(slot) == Some(sight) && (is_settled || place == root)
        })
    }

    /// What all nodes say, for who looks why they do not agree.
    fn state(&self) -> String {
        let mut text = format!("{:?}", self.around.rules);
        for slot in &self.slots {
            let Some(node) = &slot.node else { continue };
            text.push_str(&format!("\n{}: {}", node.me(), node.state()));
            text.push_str(&format!(", {:?}", self.around.paces[node.me()]));
        }
        text
    }
}

fn pace(dice: &mut Random, rules: &Rules) -> Pace {
    let is_slow = dice.below(4) == 0;
    let (room, piece) = match (rules.is_heavy, is_slow) {
        (true, false) => (1 << 18, 1 << 18),
        (true, true) => (1 << 17, 1 << 16),
        (false, false) => (200 + dice.below(20_000), 20 << (2 * dice.below(5))),
        (false, true) => (500 + dice.below(1000), 300),
    };
    Pace {
        room,
        piece,
        rest_ms: match is_slow {
            true => 5 + dice.below(20),
            false => 0,
        },
    }
}
