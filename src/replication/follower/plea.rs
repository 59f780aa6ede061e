//! A primary is followed that is this node's replica so far: it is asked to lead.
//!
//! Its answer may be lost when it leads already. It refuses to be asked again then, and is
//! asked as any primary: if this node led on, there would be two that do.

use crate::replication::greeting::Answer;

use super::action::Action;
use super::machine::Follower;

/// What is wanted of the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plea {
    None,
    /// That it leads; it was asked so often.
    Asks {
        requests: usize,
    },
    /// It leads, maybe since one of these was heard: that this node may go on from what it
    /// has.
    GoesOn,
}

impl Follower {
    /// The primary is this node's replica so far: it is asked to lead.
    pub fn ask_to_lead(&mut self) {
        self.plea = Plea::Asks { requests: 0 };
    }

    /// What the primary says to that; whether it is an answer to go on with.
    pub(super) fn hear_of_plea(&mut self, now: u64, answer: &Answer, line: &[u8]) -> bool {
        if *answer == Answer::Leads && matches!(self.plea, Plea::Asks { requests: 2.. }) {
            self.notice("The replica leads already. Going on with its stream, if it has that.");
            self.plea = Plea::GoesOn;
            self.actions.push_back(Action::HangUp);
            self.rest(now);
            return false;
        }
        let is_done = match answer {
            Answer::Continue { .. } => true,
            // Others may have made it lead, and then it need not have what is here.
            Answer::Full { .. } => self.plea != Plea::GoesOn,
            Answer::Wait | Answer::Later | Answer::Leads | Answer::Refused => false,
        };
        self.plea = Plea::None;
        self.actions.push_back(Action::HandedOver(is_done));
        if !is_done {
            let shown = line.escape_ascii();
            self.notice(&format!("The replica does not take over: {shown}"));
            self.fail(now);
        }
        is_done
    }
}
