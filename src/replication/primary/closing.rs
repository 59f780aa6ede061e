//! How links end: what is too far behind or has been still for too long, all of
//! them when the stream becomes another, and what follows when one is gone.

use crate::replication::follower::Level;

use super::action::{Action, Method};
use super::catching::Catching;
use super::link::{Link, State};
use super::machine::Primary;
use super::stream::Overflow;

/// So long a replica is remembered that was dropped for being behind.
const REMEMBERED_MS: u64 = 600_000;

/// Without limits: a link that catches up may be behind by so much before writers wait for
/// it, and has caught up at half of it.
const UNLIMITED_BYTES: u64 = 64 << 20;

/// By how much a link may be behind: `client-output-buffer-limit replica`. 0 bytes are no
/// limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub hard_bytes: u64,
    pub soft_bytes: u64,
    pub soft_ms: u64,
}

impl Limits {
    /// The smaller of both, or `UNLIMITED_BYTES`.
    pub(super) fn least(self) -> u64 {
        let limits = [self.hard_bytes, self.soft_bytes];
        let least = limits.into_iter().filter(|bytes| *bytes > 0).min();
        least.unwrap_or(UNLIMITED_BYTES)
    }
}

impl<O: Overflow> Primary<O> {
    /// By how many bytes writers have outrun a link that has to catch up with them: they
    /// are to wait until it is none.
    pub fn outrun_by(&self, now: u64) -> u64 {
        let (end, limits) = (self.stream.end(), self.policy.limits);
        let outrun_by = |link: &Link| match &link.catching {
            Some(catching) if catching.gets_on(now) => {
                catching.outrun_by(limits, link.place(), link.behind(end))
            }
            _ => 0,
        };
        self.links.values().map(outrun_by).max().unwrap_or(0)
    }

    /// Closes links that get the stream and are behind by more than they may.
    pub(super) fn close_those_behind(&mut self, now: u64) {
        let (end, limits) = (self.stream.end(), self.policy.limits);
        self.dropped.retain(|_, at| now < *at + REMEMBERED_MS);
        let (mut over, mut outrun) = (Vec::new(), Vec::new());
        for (number, link) in &mut self.links {
            if link.state != State::Online {
                continue;
            }
            let (place, behind) = (link.place(), link.behind(end));
            if limits.soft_bytes == 0 || behind <= limits.soft_bytes {
                link.over_soft_since = None;
            } else {
                link.over_soft_since.get_or_insert(now);
            }
            link.catching.take_if(|_| Catching::is_over(limits, behind));
            if let Some(catching) = &mut link.catching {
                catching.look(now, place);
                if catching.gets_on(now) {
                    let is_outrun = catching.outrun_by(limits, place, behind) > 0;
                    if is_outrun && !std::mem::replace(&mut catching.is_told, true) {
                        outrun.push((link.arrival.who(), behind));
                    }
                    continue;
                }
            }
            let is_over_soft = link
                .over_soft_since
                .is_some_and(|since| now > since + limits.soft_ms);
            let is_over_hard = limits.hard_bytes > 0 && behind > limits.hard_bytes;
            if !is_over_hard && !is_over_soft {
                continue;
            }
            // One that was dropped for that before, has got everything again and gets on
            // would be in a loop: it is waited for.
            let who = link.arrival.who();
            let gets_on = link.sync.is_some() && link.catching.is_none();
            if gets_on && self.dropped.contains_key(&who) {
                link.begin_to_catch_up(now, end).is_told = true;
                outrun.push((who, behind));
            } else {
                over.push((*number, who));
            }
        }
        for (number, who) in over {
            self.dropped.insert(who, now);
            self.close(number, "it is too far behind the stream");
        }
        for (who, behind) in outrun {
            self.warn(format!(
                "Replica {who} is {behind} bytes behind and cannot catch up with the writers. \
                 They are slowed down, since it would need one full synchronization after the \
                 other"
            ));
        }
    }

    pub(super) fn close(&mut self, number: u64, why: &str) {
        let line = |who: String| format!("The link to replica {who} ends: {why}");
        self.end(number, Level::Notice, line);
    }

    /// Closes a link that has been still for too long, in this part of its life.
    pub(super) fn close_late(&mut self, number: u64, part: &str) {
        let line = |who: String| format!("Disconnecting timedout replica ({part}): {who}");
        self.end(number, Level::Warning, line);
    }

    fn end(&mut self, number: u64, level: Level, line: impl Fn(String) -> String) {
        let Some(link) = self.links.remove(&number) else {
            return;
        };
        let line = line(link.arrival.who());
        self.actions.push_back(Action::Log(level, line));
        self.actions.push_back(Action::Close { link: number });
        self.on_gone(link.heard_at.max(self.lonely_since));
    }

    /// Closes the links that have something of the stream, or wait for it.
    pub(super) fn close_served(&mut self, why: &str) {
        self.close_those(why, |link| link.state != State::Waiting);
    }

    pub(super) fn close_all(&mut self, why: &str) {
        self.close_those(why, |_| true);
    }

    fn close_those(&mut self, why: &str, are_meant: impl Fn(&Link) -> bool) {
        let meant = self.links.iter().filter(|(_, link)| are_meant(link));
        let meant: Vec<u64> = meant.map(|(number, _)| *number).collect();
        for number in meant {
            self.close(number, why);
        }
    }

    /// A link is gone.
    pub(super) fn on_gone(&mut self, now: u64) {
        if self.links.is_empty() {
            self.lonely_since = now;
        }
        self.trim();
        let Some(sync) = &mut self.sync else { return };
        let wants = |link: &Link| match sync.cut_at {
            Some(_) => link.receives(sync),
            None => link.state == State::Waiting,
        };
        if self.links.values().any(wants) {
            return;
        }
        let was_given_up = std::mem::replace(&mut sync.is_given_up, true);
        if sync.cut_at.is_some() && sync.method == Method::Streamed && !was_given_up {
            // Stock's words, for who looks for them.
            self.notice(
                "Diskless rdb transfer, last replica dropped, killing fork child.".to_owned(),
            );
        }
        self.actions.push_back(Action::GiveUp);
    }
}
