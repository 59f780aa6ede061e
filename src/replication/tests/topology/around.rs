//! What is around all nodes: time, chance, the network, and who knows everything.

use crate::base::Random;
use crate::replication::{Limits, Policy};

use super::book::{Book, Point};
use super::handing::Handings;
use super::net::{End, Heard, Net, Pace};

/// What happened in all worlds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) full: u64,
    pub(super) partial: u64,
    pub(super) shared: u64,
    pub(super) joined: u64,
    pub(super) failed_loads: u64,
    pub(super) failed_snapshots: u64,
    pub(super) transactions: u64,
    pub(super) promotions: u64,
    pub(super) failovers: u64,
    /// FAILOVER was begun, done, so that who led before went on partially, by a stock
    /// node, refused by the one that was to lead, and aborted by an operator.
    pub(super) handings: u64,
    pub(super) handed: u64,
    pub(super) handed_partially: u64,
    pub(super) taken_by_stock: u64,
    pub(super) refused_to_lead: u64,
    pub(super) aborted: u64,
    pub(super) moves: u64,
    pub(super) crashes: u64,
    pub(super) resumed: u64,
    pub(super) refused: u64,
    pub(super) dropped: u64,
    pub(super) waited: u64,
    pub(super) slowed: u64,
    pub(super) frozen: u64,
    pub(super) ceased: u64,
    pub(super) chains: u64,
    /// A stream from a node of the other kind has begun or gone on.
    pub(super) mixed: u64,
    /// Digests that were compared.
    pub(super) compared: u64,
}

impl Seen {
    /// So many worlds have shown enough: else they would prove less than they say.
    pub(super) fn check(&self, worlds: u64) {
        let often = [
            self.full,
            self.partial,
            self.transactions,
            self.promotions,
            self.moves,
            self.crashes,
            self.frozen,
            self.compared / 100,
        ];
        let seldom = [
            self.shared,
            self.joined,
            self.failed_loads,
            self.failed_snapshots,
            self.failovers,
            self.handings,
            self.handed_partially,
            self.resumed,
            self.refused,
            self.ceased,
            self.chains,
            self.mixed,
        ];
        let rarely = [
            self.dropped,
            self.taken_by_stock,
            self.refused_to_lead,
            self.aborted,
        ];
        assert!(often.iter().all(|count| *count > worlds), "{self:?}");
        assert!(seldom.iter().all(|count| *count > worlds / 25), "{self:?}");
        assert!(rarely.iter().all(|count| *count > worlds / 100), "{self:?}");
    }
}

/// What all nodes of a world are set to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) backlog_bytes: u64,
    pub(super) backlog_ttl_ms: u64,
    pub(super) timeout_ms: u64,
    pub(super) ping_ms: u64,
    pub(super) delay_ms: u64,
    pub(super) links_at_once: usize,
    pub(super) limits: Limits,
    pub(super) has_password: bool,
    /// Values of a mebibyte are written, too.
    pub(super) is_heavy: bool,
}

impl Rules {
    pub(super) fn any(dice: &mut Random) -> Rules {
        let is_heavy = dice.below(25) == 0;
        let backlog_bytes = match is_heavy {
            true => 1 << 20,
            false => 200 + dice.below(6000),
        };
        // As the settings have it: who goes on partially may be behind by the backlog.
        let hard_bytes = match dice.below(3) {
            0 => 0,
            _ => backlog_bytes + dice.below(3000),
        };
        let timeout_ms = 2000 + dice.below(3000);
        Rules {
            backlog_bytes,
            backlog_ttl_ms: match dice.below(4) {
                0 => 1000 + dice.below(3000),
                _ => 3_600_000,
            },
            timeout_ms,
            ping_ms: 200 + dice.below(timeout_ms / 4),
            delay_ms: dice.below(400),
            links_at_once: dice.below(3) as usize,
            limits: Limits {
                hard_bytes: match is_heavy {
                    true => hard_bytes + (2 << 20),
                    false => hard_bytes,
                },
                soft_bytes: dice.below(2) * (500 + dice.below(3000)),
                soft_ms: dice.below(2000),
            },
            has_password: dice.below(3) == 0,
            is_heavy,
        }
    }

    pub(super) fn policy(&self, protects: bool, streams: bool) -> Policy {
        Policy {
            backlog_bytes: self.backlog_bytes,
            backlog_ttl_ms: self.backlog_ttl_ms,
            timeout_ms: self.timeout_ms,
            ping_ms: self.ping_ms,
            streams,
            delay_ms: self.delay_ms,
            links_at_once: self.links_at_once,
            protects,
            limits: self.limits,
        }
    }
}

/// A client was told that so many replicas have everything up to a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) at: Point,
    pub(super) replicas: usize,
}

/// A full synchronisation has replaced what a node had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replaced {
    pub(super) by: usize,
    pub(super) was: Option<Point>,
}

pub(super) struct Around {
    pub(super) now: u64,
    pub(super) dice: Random,
    pub(super) net: Net,
    pub(super) book: Book,
    pub(super) seen: Seen,
    pub(super) rules: Rules,
    /// What must be looked at behind this step of a node.
    pub(super) claims: Vec<Claim>,
    pub(super) replaced: Option<Replaced>,
    /// Whose stream the node goes on with.
    pub(super) opened: Option<usize>,
    /// The node would hand over, and leads on.
    pub(super) returned: Option<usize>,
    pub(super) handings: Handings,
    /// Loads and snapshots may fail.
    pub(super) is_trouble: bool,
    /// How fast the connections of each node are.
    pub(super) paces: Vec<Pace>,
}

impl Around {
    /// Some milliseconds from now, fewer than so many.
    pub(super) fn soon(&mut self, ms: u64) -> u64 {
        self.now + self.dice.below(ms)
    }

    /// One of so many times, while things may go wrong.
    pub(super) fn fails(&mut self, one_of: u64) -> bool {
        self.is_trouble && self.dice.below(one_of) == 0
    }

    pub(super) fn dial(&mut self, from: usize, to: usize) -> End {
        let pace = self.paces[from];
        self.net.dial((self.now, &mut self.dice), [from, to], pace)
    }

    pub(super) fn hear(&mut self, end: End) -> Option<Heard> {
        self.net.hear(self.now, &mut self.dice, end)
    }

    pub(super) fn hang_up(&mut self, end: End) {
        self.net.hang_up((self.now, &mut self.dice), end);
    }
}
