//! How links end: what is too far behind or has been still for too long, all of
//! them when the stream becomes another, and what follows when one is gone.

use super::action::{Action, Method};
use super::link::{Link, State};
use super::machine::Primary;
use super::stream::Overflow;

impl<O: Overflow> Primary<O> {
    /// Closes links that get the stream and are behind by more than they may.
    pub(super) fn close_those_behind(&mut self, now: u64) {
        let policy = self.policy.clone();
        let end = self.stream.end();
        let mut over = Vec::new();
        for (number, link) in &mut self.links {
            if link.state != State::Online {
                continue;
            }
            let behind = (end + 1).saturating_sub(link.next) + link.unsent;
            if policy.soft_bytes == 0 || behind <= policy.soft_bytes {
                link.over_soft_since = None;
            } else {
                link.over_soft_since.get_or_insert(now);
            }
            let is_over_soft = link
                .over_soft_since
                .is_some_and(|since| now > since + policy.soft_ms);
            if policy.hard_bytes > 0 && behind > policy.hard_bytes || is_over_soft {
                over.push(*number);
            }
        }
        for number in over {
            self.close(number, "it is too far behind the stream");
        }
    }

    pub(super) fn close(&mut self, number: u64, why: &str) {
        let Some(link) = self.links.remove(&number) else {
            return;
        };
        let arrival = &link.arrival;
        self.notice(format!(
            "The link to replica {}:{} ends: {why}",
            arrival.ip, arrival.port
        ));
        self.hang_up(number, link.heard_at);
    }

    /// Closes a link that has been still for too long, in this part of its life.
    pub(super) fn close_late(&mut self, number: u64, part: &str) {
        let Some(link) = self.links.remove(&number) else {
            return;
        };
        let arrival = &link.arrival;
        self.warn(format!(
            "Disconnecting timedout replica ({part}): {}:{}",
            arrival.ip, arrival.port
        ));
        self.hang_up(number, link.heard_at);
    }

    fn hang_up(&mut self, number: u64, heard_at: u64) {
        self.actions.push_back(Action::Close { link: number });
        self.on_gone(heard_at.max(self.lonely_since));
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
