//! The scheduler: who runs, what happens on the lines, what time it is, first
//! in any order and then in a fair one.

use std::sync::Arc;

use crate::base::Random;
use crate::command::Table;
use crate::config::Settings;
use crate::resp::Value;

use super::acts::{self, Act};
use super::client::{Client, Line};
use super::exchange::{Exchange, Waits};
use super::ledger::Ledger;
use super::network::Carry;
use super::node::Node;

/// Things that happen in any order at most; then all are fair.
const STEPS_MAX: u64 = 40_000;

/// Steps after which other cores are favoured.
const FAVOUR_STEPS: u64 = 300;

/// Time that passes at most while all cores sleep and the lines may do more.
const NAP_NS: u64 = 1_000_000;

/// Time that a fair round takes.
const ROUND_NS: u64 = 200_000;

/// Rounds in which all that was asked must be answered, when all are fair.
const ROUNDS_MAX: u64 = 4_000;

/// What a seed makes of everything.
pub(super) struct Profile {
    pub(super) cores: usize,
    /// Letters a mailbox holds.
    pub(super) room: usize,
    /// How many letters of how many are late in each turn.
    late: (u64, u64),
    clients: u64,
    acts_each: u64,
    acts: Vec<Act>,
    /// Of a thousand steps so many end a connection.
    closes: u64,
    /// All are fair from the beginning, and every client is busy.
    is_flood: bool,
}

impl Profile {
    fn of(dice: &mut Random) -> Profile {
        let mut pick = |from: &[usize]| from[dice.below(from.len() as u64) as usize];
        let cores = pick(&[1, 2, 2, 3, 3, 4, 5]);
        let room = pick(&[1, 1, 2, 3, 8, 1024]);
        let late = pick(&[0, 1, 2, 3]);
        let closes = pick(&[0, 0, 1, 5]) as u64;
        let is_flood = pick(&[0, 0, 0, 1]) == 1;
        Profile {
            cores,
            room,
            late: [(0, 1), (1, 3), (3, 4), (9, 10)][late],
            clients: 2 + dice.below(8),
            acts_each: (4 + dice.below(10)) * if is_flood { 2 } else { 1 },
            acts: acts::some(dice),
            closes: if is_flood { 0 } else { closes },
            is_flood,
        }
    }
}

/// See the module.
pub(super) struct World {
    pub(super) node: Node,
    pub(super) clients: Vec<Client>,
    pub(super) ledger: Ledger,
    pub(super) dice: Random,
    pub(super) profile: Profile,
    pub(super) round: u64,
    /// All get their turn, and no letter is late.
    pub(super) is_fair: bool,
    /// How likely each core is to run.
    favours: Vec<u64>,
}

impl World {
    pub(super) fn new(table: &'static Table, settings: &Arc<Settings>, seed: u64) -> World {
        let mut dice = Random::new(seed);
        let profile = Profile::of(&mut dice);
        let shape = (profile.cores, profile.room);
        World {
            node: Node::new(table, settings, shape, &mut dice),
            clients: Vec::new(),
            ledger: Ledger::default(),
            favours: vec![1; profile.cores],
            dice,
            profile,
            round: 0,
            is_fair: true,
        }
    }

    /// Lives from the beginning to where every request is answered, or waits
    /// for what never comes.
    pub(super) fn live(&mut self) -> Result<(), String> {
        self.connect(0, 0);
        for requests in acts::beginnings() {
            self.ask(requests)?;
        }
        for _ in 0..self.profile.clients {
            let core = self.dice.below(self.profile.cores as u64) as usize;
            self.connect(core, self.profile.acts_each);
        }
        if self.profile.is_flood {
            self.flood()?;
        } else {
            self.disorder()?;
        }
        self.settle()
    }

    /// How many may stand before one, at all cores.
    pub(super) fn crowd(&self) -> u64 {
        self.clients.len() as u64 * self.profile.cores as u64
    }

    /// Everybody asks as much as it can, and all get their turns.
    fn flood(&mut self) -> Result<(), String> {
        while self.clients.iter().any(Client::has_more_to_do) {
            for at in 1..self.clients.len() {
                self.act(at);
            }
            if !self.fair_round()? {
                self.sleep_on();
            }
            if self.round > ROUNDS_MAX * 4 {
                return Err(format!("no end of it: {}", self.report()));
            }
        }
        Ok(())
    }

    /// Things happen in any order.
    fn disorder(&mut self) -> Result<(), String> {
        self.is_fair = false;
        self.node.hold_back(Some(self.profile.late), &mut self.dice);
        for step in 0..STEPS_MAX {
            if step % FAVOUR_STEPS == 0 {
                if !self.clients.iter().any(Client::has_more_to_do) {
                    break;
                }
                for favour in &mut self.favours {
                    *favour = [1, 1, 5, 40][self.dice.below(4) as usize];
                }
            }
            self.step()?;
        }
        self.is_fair = true;
        self.node.hold_back(None, &mut self.dice);
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        self.ledger.moment += 1;
        match self.dice.below(16) {
            0..=7 => self.run_somebody(),
            8..=12 => {
                let at = self.somebody();
                self.carry(at, Carry::Some)?;
            }
            13 => {
                let at = self.somebody();
                self.act(at);
            }
            14 => self.node.turn_control(),
            _ => {
                let most = [2_000, 50_000, 2_000_000][self.dice.below(3) as usize];
                let passed = self.dice.below(most);
                self.node.pass(passed);
            }
        }
        if self.dice.below(1000) < self.profile.closes {
            let at = self.somebody();
            if at > 0 {
                self.close(at);
                let core = self.dice.below(self.profile.cores as u64) as usize;
                self.connect(core, self.profile.acts_each / 2);
            }
        }
        self.look()
    }

    /// A client that is not over.
    fn somebody(&mut self) -> usize {
        let clients = self.clients.iter().enumerate();
        let there = clients.filter(|(_, client)| client.line != Line::Over);
        let there: Vec<usize> = there.map(|(at, _)| at).collect();
        there[self.dice.below(there.len() as u64) as usize]
    }

    /// A core that has something to do runs, rather one that is favoured.
    fn run_somebody(&mut self) {
        let ready: Vec<usize> = (0..self.profile.cores)
            .filter(|&core| self.node.may_run(core))
            .collect();
        let sum: u64 = ready.iter().map(|&core| self.favours[core]).sum();
        if sum == 0 {
            let wake_ns = self.node.next_wake_ns() - self.node.now_ns();
            return self.node.pass(wake_ns.min(NAP_NS));
        }
        let mut drawn = self.dice.below(sum);
        for core in ready {
            if drawn < self.favours[core] {
                return self.node.turn(core);
            }
            drawn -= self.favours[core];
        }
    }

    /// Time passes until the first core wakes by itself.
    fn sleep_on(&mut self) {
        let wake = self.node.next_wake_ns();
        self.node.pass(wake - self.node.now_ns());
    }

    /// What must be true at every moment.
    fn look(&mut self) -> Result<(), String> {
        match self.node.overslept() {
            None => Ok(()),
            Some(core) => Err(format!("core {core} sleeps, has mail, and nobody rang")),
        }
    }

    /// A client that has nothing under way begins something.
    fn act(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if !client.is_idle() || client.acts_left == 0 {
            return;
        }
        client.acts_left -= 1;
        let exchange = acts::begin(
            &self.profile.acts,
            client.number,
            &mut self.ledger,
            client.dice(),
        );
        client.begin(exchange, self.round);
    }

    /// Everything that can happen happens once; whether anything did.
    pub(super) fn fair_round(&mut self) -> Result<bool, String> {
        self.round += 1;
        self.ledger.moment += 1;
        let mut has_moved = self.node.control_has_work();
        for at in 0..self.clients.len() {
            has_moved |= self.carry(at, Carry::All)?;
        }
        for core in 0..self.profile.cores {
            if self.node.may_run(core) {
                has_moved = true;
                self.node.turn(core);
            }
        }
        self.node.turn_control();
        self.node.pass(ROUND_NS);
        self.look()?;
        Ok(has_moved)
    }

    /// Fair rounds until all is answered but those who wait for lists, and
    /// nobody is held back by a pause, who would then find something or wait.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        let began = self.round;
        for client in &mut self.clients {
            client.began = client.began.max(began);
        }
        while self.round - began < ROUNDS_MAX {
            let has_moved = self.fair_round()?;
            let is_owed = self.clients.iter().any(Client::is_owed);
            let is_answered = !is_owed && !self.node.is_pausing();
            if is_answered && !has_moved {
                return Ok(());
            }
            if !has_moved {
                self.sleep_on();
            }
        }
        Err(format!("not answered: {}", self.report()))
    }

    /// The first client asks something; its replies.
    pub(super) fn ask(&mut self, requests: Vec<Vec<String>>) -> Result<Vec<Value>, String> {
        let asked = Exchange::new(requests, |ledger, _, replies| {
            ledger.answers = replies.to_vec();
            Ok(None)
        });
        self.clients[0].begin(asked, self.round);
        self.settle()?;
        Ok(std::mem::take(&mut self.ledger.answers))
    }

    pub(super) fn report(&self) -> String {
        let owed = self.clients.iter().filter(|client| client.is_owed());
        let lines: Vec<String> = owed.map(Client::report).collect();
        lines.join("\n")
    }
}

impl Client {
    /// Whether it is still to do or to hear something, and does not wait for
    /// what may never come.
    fn has_more_to_do(&self) -> bool {
        self.is_owed() || self.line == Line::Open && self.exchange.is_none() && self.acts_left > 0
    }

    /// Whether it must be told something, or let go.
    pub(super) fn is_owed(&self) -> bool {
        match self.line {
            Line::Open => self
                .exchange
                .as_ref()
                .is_some_and(|exchange| !matches!(exchange.waits, Waits::For(_))),
            Line::Ending | Line::Broken => true,
            Line::Over => false,
        }
    }
}
