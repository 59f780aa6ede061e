//! A giant value's way in: received into one buffer of its size, which then
//! becomes the value. Nothing of it is copied on its way to the keyspace.

use crate::command::{Entry, First, KeyPlan, Run};
use crate::resp::{Args, Decoded, OwnedArgs};
use crate::session::SessionId;

use super::ahead::first;
use super::core::Work;
use super::serve::Flow;

/// Requests from this size on are looked at: below it a copy is cheaper than
/// the second allocation.
pub(super) const GIANT_BYTES: usize = 1 << 20;

impl Work {
    /// Runs the one request in `inbox` if it is `SET key giant`; gives the
    /// inbox back if it is something else, or has to wait.
    pub(super) fn serve_giant(&mut self, id: SessionId, inbox: Vec<u8>) -> Option<Vec<u8>> {
        let Some((entry, first, start, len)) = self.is_giant(id, &inbox) else {
            return Some(inbox);
        };
        let words = Args::new(&inbox, &self.spans);
        let packed = OwnedArgs::new([words.get(0), words.get(1), b""]);
        let before = inbox[..start].to_vec();
        let mut value = inbox;
        value.truncate(start + len);
        // Some tens of bytes in front: moved within the buffer, not copied out.
        value.drain(..start);
        self.giant = Some(value);
        self.begin_lap();
        let flow = self.run(id, Some(entry), Some(first), packed.args());
        let value = self.giant.take();
        // It cannot run yet, the journal being full or a disk slow: it stays where it was.
        let held = value.filter(|_| flow == Flow::Hold)?;
        Some([&before[..], &held, b"\r\n"].concat())
    }

    /// The row, the key and where the value is, if this can run at once and
    /// takes its value whole.
    fn is_giant(
        &mut self,
        id: SessionId,
        inbox: &[u8],
    ) -> Option<(&'static Entry, First, usize, usize)> {
        if self.local.is_paused() || !self.may_run(id) {
            return None;
        }
        let limits = self.limits(id)?;
        let session = self.local.roster.find(id)?;
        if session.afar.is_any() {
            // It may have to wait.
            return None;
        }
        self.spans.clear();
        let decoded = session.decoder.decode(inbox, &mut self.spans, &limits);
        session.decoder.reset();
        let is_whole =
            matches!(decoded, Ok(Decoded::Request { consumed }) if consumed == inbox.len());
        if !is_whole || self.spans.len() != 3 {
            return None;
        }
        let args = Args::new(inbox, &self.spans);
        let entry = self.local.table.find(args)?;
        let (Run::Data(_), KeyPlan::One(1), "set") = (entry.command.run, entry.keys, entry.name)
        else {
            return None;
        };
        let first = first(&self.hash_key, args, 1);
        let is_mine = self.local.placement.core_of(first.slot) == self.local.core;
        if is_mine && !self.vault_is_open() {
            return None;
        }
        let value = self.spans[2];
        Some((entry, first, value.start as usize, value.len as usize))
    }
}
