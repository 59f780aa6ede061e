//! Clients that would write are held, so that replicas can have everything: FAILOVER,
//! and the end of a node that has replicas.
//!
//! First every core holds them. Then all shards are borrowed once: what was let in before
//! has run, and the offset is known that a replica must have. It is asked for by one
//! GETACK. A failover then follows the replica that has it, which is asked to lead.
//!
//! Invariant: from `Hold` to `LetGo` no client's write is let in, and `LetGo` comes once.

use std::collections::VecDeque;

use crate::replication::address::Address;
use crate::replication::follower::Level;
use crate::resp::Refusal;

use super::link::State;
use super::machine::{LinkInfo, Primary};
use super::stream::Overflow;

/// Who is to lead in this node's place, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// A replica; none is any that has everything.
    pub target: Option<Address>,
    /// For how long to wait for one.
    pub timeout_ms: Option<u64>,
    /// Do it then, whatever the replica has.
    pub forces: bool,
}

impl Succession {
    fn is_meant(&self, link: &LinkInfo<'_>) -> bool {
        let target = self.target.as_ref();
        target.is_none_or(|at| at.host == link.ip && at.port == link.port)
    }
}

/// What the node is, for who asks for a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Leads,
    Follows,
    /// It is about to end.
    Ends,
}

/// How far a failover is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    None,
    /// Until a replica has everything, and the stream has ended.
    Waiting,
    /// Until the replica leads, or this node does again.
    UnderWay,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Every core holds clients that would write: say `on_held` when all do.
    Hold,
    /// Borrow all shards, and say `on_halted`.
    Borrow,
    /// Put GETACK into the stream.
    AskReplicas,
    /// End the stream and say `on_stream_ended`, then follow this replica, which is asked
    /// to lead, and say `on_handed_over`.
    Follow(Address),
    /// The stream has not ended, and does not: nobody is followed.
    Stay,
    /// Follow nobody any more, and say `on_released`.
    Unfollow,
    /// Clients may write again, wherever that leads by now.
    LetGo,
    /// The node ends.
    End,
    Log(Level, String),
}

#[derive(Debug)]
enum Purpose {
    Succession(Succession),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The cores are told.
    Telling,
    /// All hold their clients, and the shards are on their way.
    Borrowing,
    /// Nothing is written behind this offset.
    Halted(u64),
    /// A replica is to be followed, when the stream has ended.
    Following,
    /// It is asked to lead.
    Asking,
    /// It would not: this node is about to lead again.
    Returning,
    /// The node ends, if nothing prevents it.
    Ending,
}

#[derive(Debug)]
struct Held {
    purpose: Purpose,
    stage: Stage,
    /// When it is given up, or done without those who are missing.
    until: Option<u64>,
}

/// See the module. Times are milliseconds of the clock of the `Primary`.
#[derive(Debug, Default)]
pub struct Halt {
    held: Option<Held>,
    /// How often shards were asked for and have not come: only the last time is one that
    /// nothing was let in before.
    borrowing: usize,
    actions: VecDeque<Action>,
}

impl Halt {
    /// The next thing to do.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When `look` has something to do at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.held.as_ref().and_then(|held| held.until)
    }

    /// Whether nothing is to come behind what was written.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.held.is_some()
    }

    /// How far a failover is.
    #[must_use]
    pub fn passage(&self) -> Passage {
        let Some(held) = self.held.as_ref().filter(|held| !held.is_end()) else {
            return Passage::None;
        };
        match held.stage {
            Stage::Asking | Stage::Returning => Passage::UnderWay,
            _ => Passage::Waiting,
        }
    }

    /// Whether the end waits for replicas.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.held.as_ref().is_some_and(Held::is_end)
    }

    /// FAILOVER.
    pub fn fail_over<O: Overflow>(
        &mut self,
        now: u64,
        succession: Succession,
        role: Role,
        primary: &Primary<O>,
    ) -> Result<(), Refusal> {
        self.check(&succession, role, primary)?;
        self.notice(match &succession.target {
            Some(target) => format!("FAILOVER requested to {target}."),
            None => "FAILOVER requested.".to_owned(),
        });
        let until = succession.timeout_ms.map(|ms| now.saturating_add(ms));
        self.hold(Purpose::Succession(succession), until);
        Ok(())
    }

    fn check<O: Overflow>(
        &self,
        succession: &Succession,
        role: Role,
        primary: &Primary<O>,
    ) -> Result<(), Refusal> {
        if self.passage() != Passage::None {
            return Err(Refusal::FAILOVER_UNDER_WAY);
        }
        if self.is_on() || role == Role::Ends {
            return Err(Refusal::FAILOVER_AT_THE_END);
        }
        if role == Role::Follows {
            return Err(Refusal::FAILOVER_AT_REPLICA);
        }
        if primary.replicas().next().is_none() {
            return Err(Refusal::FAILOVER_WITHOUT_REPLICAS);
        }
        let is_bounded = succession.timeout_ms.is_some() && succession.target.is_some();
        if succession.forces && !is_bounded {
            return Err(Refusal::FAILOVER_FORCE);
        }
        if succession.target.is_none() {
            return Ok(());
        }
        let link = primary.replicas().find(|link| succession.is_meant(link));
        match link.ok_or(Refusal::FAILOVER_NO_REPLICA)?.state {
            State::Online => Ok(()),
            State::Waiting | State::Receiving | State::Loading => Err(Refusal::FAILOVER_NOT_ONLINE),
        }
    }

    /// FAILOVER ABORT.
    pub fn abort(&mut self) -> Result<(), Refusal> {
        if self.passage() == Passage::None {
            return Err(Refusal::NO_FAILOVER);
        }
        self.give_up("Failover manually aborted");
        Ok(())
    }

    /// The node is to end: whether it waits for replicas.
    pub fn end<O: Overflow>(&mut self, now: u64, timeout_ms: u64, primary: &Primary<O>) -> bool {
        let has_replicas = primary.replicas().any(|link| is_online(&link));
        if timeout_ms == 0 || !has_replicas || self.is_on() {
            return false;
        }
        self.notice("Waiting for replicas before shutting down.".to_owned());
        self.hold(Purpose::End, Some(now + timeout_ms));
        true
    }

    /// The node does not end: it was told not to, or cannot. Whether it was about to.
    pub fn end_not(&mut self) -> bool {
        let was_ending = self.is_ending();
        if was_ending {
            self.let_go();
        }
        was_ending
    }

    fn hold(&mut self, purpose: Purpose, until: Option<u64>) {
        self.held = Some(Held {
            purpose,
            stage: Stage::Telling,
            until,
        });
        self.actions.push_back(Action::Hold);
    }

    fn let_go(&mut self) {
        self.held = None;
        self.actions.push_back(Action::LetGo);
    }

    /// All cores hold clients that would write.
    pub fn on_held(&mut self) {
        if let Some(held) = &mut self.held
            && held.stage == Stage::Telling
        {
            held.stage = Stage::Borrowing;
            self.borrowing += 1;
            self.actions.push_back(Action::Borrow);
        }
    }

    /// All shards are here: the stream has what was written.
    pub fn on_halted<O: Overflow>(&mut self, primary: &Primary<O>) {
        self.borrowing -= 1;
        let offset = primary.history().offset;
        let Some(held) = &mut self.held else { return };
        if held.stage != Stage::Borrowing || self.borrowing > 0 {
            return;
        }
        held.stage = Stage::Halted(offset);
        let lags = |link: LinkInfo<'_>| is_online(&link) && link.acknowledged < offset;
        if primary.replicas().any(lags) {
            self.actions.push_back(Action::AskReplicas);
        }
    }

    /// Goes on when replicas have everything, or the time is over.
    pub fn look<O: Overflow>(&mut self, now: u64, primary: &Primary<O>) {
        let Some(held) = &self.held else { return };
        let offset = match held.stage {
            Stage::Halted(offset) => Some(offset),
            Stage::Telling | Stage::Borrowing => None,
            Stage::Following | Stage::Asking | Stage::Returning | Stage::Ending => return,
        };
        let is_late = held.until.is_some_and(|until| until <= now);
        let has_all = |link: &LinkInfo<'_>| offset.is_some_and(|end| link.acknowledged >= end);
        let mut online = primary.replicas().filter(is_online);
        match &held.purpose {
            Purpose::End => {
                if is_late || offset.is_some() && online.all(|link| has_all(&link)) {
                    self.tell_who_lags(now, offset, primary);
                    self.go_on(Stage::Ending, Action::End);
                }
            }
            Purpose::Succession(succession) => {
                let found = online.find(|link| succession.is_meant(link) && has_all(link));
                if let Some(link) = found {
                    let (host, port) = (link.ip.to_owned(), link.port);
                    self.notice("Failover target is synced, failing over.".to_owned());
                    self.go_on(Stage::Following, Action::Follow(Address { host, port }));
                } else if is_late {
                    let forced = succession.target.clone().filter(|_| succession.forces);
                    self.end_waiting(forced);
                }
            }
        }
    }

    fn end_waiting(&mut self, forced: Option<Address>) {
        let Some(target) = forced else {
            return self.give_up("Replica never caught up before timeout");
        };
        self.notice(format!(
            "Failover to {target} time out exceeded, failing over."
        ));
        self.go_on(Stage::Following, Action::Follow(target));
    }

    fn go_on(&mut self, stage: Stage, action: Action) {
        let held = self.held.as_mut().expect("it is being looked at");
        held.stage = stage;
        held.until = None;
        self.actions.push_back(action);
    }

    /// The stream has ended, since a primary is to be followed; whether that is to be
    /// asked to lead.
    pub fn on_stream_ended(&mut self) -> bool {
        let Some(held) = self.held.as_mut() else {
            return false;
        };
        let is_due = held.stage == Stage::Following;
        if is_due {
            held.stage = Stage::Asking;
        }
        is_due
    }

    /// The replica leads, or would not.
    pub fn on_handed_over(&mut self, is_done: bool) {
        if self.stage() != Some(Stage::Asking) {
            return;
        }
        if is_done {
            self.notice("Failover is done: this node is a replica.".to_owned());
            return self.let_go();
        }
        self.give_up("Failover target rejected psync request");
    }

    /// Nobody is followed any more: whoever was held for a failover may write.
    pub fn on_released(&mut self) {
        if self.stage() == Some(Stage::Returning) {
            self.let_go();
        }
    }

    fn stage(&self) -> Option<Stage> {
        self.held.as_ref().map(|held| held.stage)
    }

    /// This node leads on.
    fn give_up(&mut self, why: &str) {
        let Some(held) = &mut self.held else { return };
        let text = format!("Failover aborted: {why}");
        self.actions.push_back(Action::Log(Level::Warning, text));
        match held.stage {
            Stage::Telling | Stage::Borrowing | Stage::Halted(_) => self.let_go(),
            Stage::Following => {
                self.actions.push_back(Action::Stay);
                self.let_go();
            }
            Stage::Asking => {
                held.stage = Stage::Returning;
                self.actions.push_back(Action::Unfollow);
            }
            Stage::Returning | Stage::Ending => {}
        }
    }

    /// The log hears which replicas do not have everything at the end.
    fn tell_who_lags<O: Overflow>(&mut self, now: u64, offset: Option<u64>, primary: &Primary<O>) {
        let offset = offset.unwrap_or(primary.history().offset);
        let (mut synced, mut all) = (0, 0);
        for link in primary.replicas().filter(is_online) {
            all += 1;
            let behind = offset.saturating_sub(link.acknowledged);
            if behind == 0 {
                synced += 1;
                continue;
            }
            let lag_s = now.saturating_sub(link.heard_at) / 1000;
            self.notice(format!(
                "Lagging replica {}:{} reported offset {behind} behind master, lag={lag_s}, \
                 state=online.",
                link.ip, link.port
            ));
        }
        self.notice(format!(
            "{synced} of {all} replicas are in sync when shutting down."
        ));
    }

    fn notice(&mut self, text: String) {
        self.actions.push_back(Action::Log(Level::Notice, text));
    }
}

impl Held {
    fn is_end(&self) -> bool {
        matches!(self.purpose, Purpose::End)
    }
}

fn is_online(link: &LinkInfo<'_>) -> bool {
    link.state == State::Online
}
