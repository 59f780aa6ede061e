//! What waits for all shards or for all cores: one after the other.

use super::super::around::Around;
use super::Basalt;

#[derive(Debug)]
pub(super) enum Errand {
    /// Room for the primary's data.
    Clear,
    Exchange,
    Lead,
    /// All cores have the settings that say whom to follow.
    Told,
    Demote,
    Cease,
    /// The moment of a snapshot, and that the control core hears of it.
    Cut(u64),
    CutTold(u64),
    /// All cores hold clients that would write, for the so manieth time.
    Held(u64),
    /// What was let in before has run.
    Halt,
}

impl Basalt {
    /// Behind those before.
    pub(super) fn send_for(&mut self, around: &mut Around, errand: Errand) {
        let at = self.last_errand_at.max(around.soon(20));
        self.last_errand_at = at;
        self.errands.push_back((at, errand));
    }

    pub(super) fn run_errands(&mut self, around: &mut Around) {
        while let Some((at, _)) = self.errands.front()
            && *at <= around.now
        {
            let (_, errand) = self.errands.pop_front().expect("it is there");
            match errand {
                Errand::Clear => self.clear_for_primary(around),
                Errand::Exchange => self.exchange(around),
                Errand::Lead => self.begin_leading(around),
                Errand::Told => self.on_told(around),
                Errand::Demote => self.demote(around),
                Errand::Cease => self.cease(around),
                Errand::Cut(number) => self.on_cut(around, number),
                Errand::CutTold(number) => self.on_cut_told(around, number),
                Errand::Held(count) => self.on_held(around, count),
                Errand::Halt => self.on_halted(around),
            }
        }
    }
}
