//! What must be left when all clients have gone: the data, and nothing else.

use std::collections::BTreeSet;

use crate::resp::Value;

use super::acts;
use super::client::Line;
use super::exchange::{Waits, number, texts, words};
use super::history::{self, Transaction};
use super::world::World;

impl World {
    /// Looks at everything, sends everybody home, and looks again.
    pub(super) fn end_well(&mut self) -> Result<(), String> {
        self.look_at_waiting()?;
        self.release_waiting()?;
        self.look_at_money()?;
        self.look_at_tokens()?;
        self.look_at_history()?;
        for client in &mut self.clients {
            if client.line == Line::Open {
                client.line = Line::Ending;
            }
        }
        self.settle()?;
        (0..self.profile.cores).try_for_each(|core| self.look_at_core(core))?;
        super::recorded::look(&self.node)
    }

    /// Who waits, by client.
    fn waiting(&self) -> Vec<(usize, Vec<String>)> {
        let clients = self.clients.iter().enumerate();
        let open = clients.filter(|(_, client)| client.line == Line::Open);
        open.filter_map(|(at, client)| match &client.exchange.as_ref()?.waits {
            Waits::For(lists) => Some((at, lists.clone())),
            Waits::No | Waits::Some => None,
        })
        .collect()
    }

    fn clients_blocked(&self) -> u64 {
        let counters = &self.node.cores[0].work.local.counters;
        counters
            .iter()
            .map(|count| count.clients_blocked.read())
            .sum()
    }

    /// Whoever waits does so for good reason, and is counted.
    fn look_at_waiting(&mut self) -> Result<(), String> {
        let waiting = self.waiting();
        let counted = self.clients_blocked();
        if counted != waiting.len() as u64 {
            return Err(format!("{counted} are blocked, but these: {waiting:?}"));
        }
        for (at, lists) in waiting {
            let mut exists = words("EXISTS");
            exists.extend(lists);
            if self.ask(vec![exists])? != [Value::Int(0)] {
                let client = self.clients[at].report();
                return Err(format!("waits though there is something: {client}"));
            }
        }
        Ok(())
    }

    /// Ends all waits, in one of two ways.
    fn release_waiting(&mut self) -> Result<(), String> {
        for (at, _) in self.waiting() {
            if self.dice.below(2) == 0 {
                self.break_line(at);
                continue;
            }
            let unblock = format!("CLIENT UNBLOCK {}", self.clients[at].number);
            let reply = self.ask(vec![words(&unblock)])?;
            if reply != [Value::Int(1)] {
                return Err(format!("{unblock}: {reply:?}"));
            }
        }
        self.settle()?;
        match self.clients_blocked() {
            0 => Ok(()),
            more => Err(format!("{more} are blocked in the end")),
        }
    }

    fn look_at_money(&mut self) -> Result<(), String> {
        let replies = self.ask(vec![acts::balances()])?;
        acts::check_sum(&texts(&replies[0])?)
    }

    /// No token is there twice, and none is lost but with a client.
    fn look_at_tokens(&mut self) -> Result<(), String> {
        let replies = self.ask(acts::trays())?;
        let mut tokens = Vec::new();
        for reply in &replies {
            tokens.extend(texts(reply)?);
        }
        let unique: BTreeSet<&String> = tokens.iter().collect();
        let lost = acts::TOKENS - unique.len().min(acts::TOKENS);
        if unique.len() != tokens.len() || lost > self.ledger.tokens_lost {
            let may_be_lost = self.ledger.tokens_lost;
            return Err(format!("{lost} lost, {may_be_lost} may be: {tokens:?}"));
        }
        Ok(())
    }

    /// What transactions saw has an order.
    fn look_at_history(&mut self) -> Result<(), String> {
        let mut last = Transaction {
            began: self.ledger.moment,
            ..Transaction::default()
        };
        let replies = self.ask(acts::lists())?;
        for (key, reply) in replies.iter().enumerate() {
            last.reads.push((key, texts(reply)?));
        }
        last.ended = self.ledger.moment;
        let mut history = std::mem::take(&mut self.ledger.history);
        for mut unknown in std::mem::take(&mut self.ledger.unknown) {
            let has_run = unknown.appends.iter().any(|(key, value)| {
                let (_, list) = &last.reads[*key];
                list.contains(value)
            });
            if has_run {
                unknown.ended = u128::MAX;
                history.push(unknown);
            }
        }
        history.push(last);
        history::check(&history)
    }

    /// A core has nothing but its data.
    fn look_at_core(&mut self, at: usize) -> Result<(), String> {
        let core = &mut self.node.cores[at];
        let work = &mut core.work;
        let count = work.local.count();
        let commands = &work.local.telemetry.commands;
        // Time passes between turns only.
        let takes_time = commands.used().any(|(_, row)| row.nanoseconds > 0);
        let are_counted = count.clients_blocked.read() + count.clients_connected.read();
        let observers_idle = work
            .vault
            .at_home()
            .is_some_and(|shard| shard.observers.is_idle() && !shard.observers.has_ready());
        let facts = [
            (work.vault.is_quiet(), "its shard is at home, and no line"),
            (observers_idle, "nobody observes its keys"),
            (work.loans.is_empty(), "no loan"),
            (work.sequence.is_empty(), "nothing out of its order"),
            (work.scatters.is_empty(), "no part under way"),
            (work.settling.is_idle(), "nothing that waits to be told"),
            (work.asks.is_empty(), "no question"),
            (work.announcements.is_empty(), "no news"),
            (work.hops.is_empty(), "no box being filled"),
            (!work.post.has_mail() && !work.post.has_unsent(), "no mail"),
            (work.timers.is_empty(), "no timer"),
            (work.early.is_empty(), "no early answer"),
            (work.outgoing.is_empty(), "no answer to be posted"),
            (work.paused.is_empty(), "nobody paused"),
            (work.resumed.is_empty(), "nobody to resume"),
            (work.condemned.is_empty(), "nobody to hang up"),
            (work.scripts.due.is_empty(), "no script due"),
            (work.blocked == 0, "nobody blocked"),
            (work.local.roster.iter().next().is_none(), "no session"),
            (are_counted == 0, "counters at zero"),
            (!takes_time, "commands that are measured from their begin"),
            (core.ring.is_quiet(), "nothing in the ring"),
        ];
        match facts.iter().find(|(is_so, _)| !is_so) {
            None => Ok(()),
            Some((_, what)) => Err(format!("core {at} has not: {what}")),
        }
    }
}

/// The sum of numbers that a reply holds.
pub(super) fn sum(texts: &[String]) -> Result<i64, String> {
    let numbers = texts.iter().map(|text| Value::Simple(text.clone()));
    numbers.map(|reply| number(&reply)).sum()
}
