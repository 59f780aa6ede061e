//! Save points, and what follows when saving fails.

use crate::command::{Entry, SavePoint};
use crate::resp::Refusal;
use crate::server::core::Work;
use crate::server::letter::Letter;
use crate::session::SessionId;
use crate::spec::Flags;
use crate::telemetry::totals;

impl Work {
    /// Tells the control core of a save point that is due. The first core looks for
    /// all.
    pub(in crate::server) fn look_at_save_points(&mut self) {
        let persistence = &self.local.persistence;
        let points = &self.local.live.save_points;
        if self.local.core != 0 || points.is_empty() || persistence.saving.read() == 1 {
            return;
        }
        let all = totals(self.local.counters.iter()).changes;
        let changes = all.saturating_sub(persistence.changes_at_save.read());
        let now_s = self.clock.now / 1000;
        let elapsed_s = now_s.saturating_sub(persistence.saved_at_s.read());
        let mut points = points.iter();
        let due = points.find(|(seconds, least)| changes >= *least && elapsed_s > *seconds);
        if let Some(&(seconds, changes)) = due {
            let control = self.local.placement.cores();
            let due = SavePoint { seconds, changes };
            self.post.post(control, Letter::SavePoint(due));
        }
    }

    /// Whether writes are refused, because the data cannot be saved as configured.
    pub(in crate::server) fn refuses_unsaved(&self) -> bool {
        let live = &self.local.live;
        self.local.save_failed && live.stop_writes_on_bgsave_error && !live.save_points.is_empty()
    }

    /// Refuses what writes then, and PING, by which others look whether all is well.
    pub(in crate::server) fn unsaved_refusal(
        &mut self,
        id: SessionId,
        entry: &Entry,
    ) -> Option<Refusal> {
        if !self.refuses_unsaved() {
            return None;
        }
        let session = self.local.roster.find(id)?;
        let transaction = session.transaction.as_ref();
        let writes = match entry.name {
            "ping" => true,
            "exec" => transaction.is_some_and(|transaction| transaction.writes),
            _ => entry.flags().has(Flags::WRITE),
        };
        writes.then_some(Refusal::SAVE_FAILED)
    }
}
