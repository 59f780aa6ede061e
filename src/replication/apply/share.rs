//! What one core has to do of a stream, and when it may.

use std::collections::{BTreeMap, VecDeque};

use super::deal::Step;

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Run these units.
    Run(Vec<u8>),
    /// Tell that core that this one waits for its meeting.
    Meet { number: u64, at: usize },
    /// Tell these cores, one bit each, that this meeting is over.
    Part { number: u64, others: u64 },
    /// Everything up to this offset has run here.
    Applied(u64),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Share {
    steps: VecDeque<Step>,
    /// Cores that wait for this one, by meeting; they may come before this core has heard
    /// of it.
    met: BTreeMap<u64, u32>,
    /// The meeting this core waits in.
    waits: Option<u64>,
    /// The meeting whose units run here, and who waits for them.
    leads: Option<(u64, u64)>,
}

impl Share {
    /// More has come.
    pub fn on_steps(&mut self, steps: Vec<Step>) {
        self.steps.extend(steps);
    }

    /// A core waits for a meeting here.
    pub fn on_met(&mut self, number: u64) {
        *self.met.entry(number).or_default() += 1;
    }

    /// A meeting is over that this core waited for.
    ///
    /// # Panics
    /// When it did not.
    pub fn on_parted(&mut self, number: u64) {
        assert_eq!(self.waits.take(), Some(number), "one meeting at a time");
    }

    /// Whether there is nothing to do any more, if all that was to run has run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.waits.is_none() && self.leads.is_none()
    }

    /// What is to be done next, given that all that was to run here has run.
    pub fn next_task(&mut self) -> Option<Task> {
        if let Some((number, others)) = self.leads.take() {
            return Some(Task::Part { number, others });
        }
        if self.waits.is_some() {
            return None;
        }
        if let Some(Step::Lead { number, others, .. }) = self.steps.front() {
            if self.met.get(number) != Some(&others.count_ones()) {
                return None;
            }
            self.met.remove(number);
        }
        match self.steps.pop_front()? {
            Step::Run(bytes) => Some(Task::Run(bytes)),
            Step::Meet { number, at } => {
                self.waits = Some(number);
                Some(Task::Meet { number, at })
            }
            Step::Lead {
                number,
                others,
                bytes,
            } => {
                self.leads = Some((number, others));
                Some(Task::Run(bytes))
            }
            Step::End(end) => Some(Task::Applied(end)),
        }
    }
}
