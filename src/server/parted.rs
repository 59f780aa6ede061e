//! Transactions with keys of several cores: each core runs those commands of which it
//! has the keys, all in one place of the order of what concerns several cores.
//!
//! Only a transaction of which each command has its keys on one core, and that
//! watches nothing, is run so; others borrow. `docs/design/cross-core.md` tells
//! which, and why nobody sees half of one.

use crate::command::{Entry, cores_needed, each_slot};
use crate::session::{SessionId, Transaction};
use crate::spec::Flags;

use super::core::Work;
use super::letter::Carried;
use super::scatter::{Joint, in_order};
use super::serve::Flow;
use super::transaction::Exec;

impl Work {
    /// The core of each command of a transaction without watches, if it can run in
    /// parts now.
    pub(super) fn place_in_parts(
        &mut self,
        id: SessionId,
        transaction: &Transaction,
        cores: u64,
    ) -> Option<Vec<u8>> {
        let may_part = cores.count_ones() > 1
            && !transaction.needs_client
            && self.may_run_in_parts(id)
            // Who waits for keys of several cores is served with all of them in hand.
            && !(transaction.writes && self.post.has_wide_waits());
        if !may_part {
            return None;
        }
        let mut owners = Vec::with_capacity(transaction.commands.len());
        for queued in &transaction.commands {
            let entry = self.local.table.at(queued.entry);
            let needed = cores_needed(entry, queued.words.args(), self.local.placement);
            owners.push(match needed.count_ones() {
                // It is refused, or reads what is the same everywhere.
                0 => self.local.core as u8,
                1 => needed.trailing_zeros() as u8,
                _ => return None,
            });
        }
        (self.out_of_memory_for_growth(transaction.grows).is_none()).then_some(owners)
    }

    /// Stages the parts of a transaction, whose commands are of these cores.
    pub(super) fn start_parts(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        transaction: Transaction,
        (owners, cores): (Vec<u8>, u64),
    ) -> Flow {
        let joint = Joint::Transaction(Vec::with_capacity(cores.count_ones() as usize));
        let whose = owners.iter().copied();
        let Some(part) = self.open_scatter(id, entry, joint, whose, cores) else {
            return Flow::Pause;
        };
        let mut parts: Vec<Option<Box<Transaction>>> = Vec::new();
        parts.resize_with(self.local.placement.cores(), || None);
        for (owner, queued) in owners.iter().zip(transaction.commands) {
            let its = parts[usize::from(*owner)].get_or_insert_default();
            its.queue(queued);
        }
        for (core, its) in parts.into_iter().enumerate() {
            if let Some(mut its) = its {
                its.writes = transaction.writes;
                let exec = Exec::to_be_sent(id, part.gap, entry, its, Vec::new());
                self.box_for(core).add_transaction(part, Box::new(exec));
            }
        }
        self.post_full_hops();
        Flow::Next
    }

    /// Runs this core's part of a transaction with a stamp, on the shard, which is at
    /// home.
    pub(super) fn run_exec_part(
        &mut self,
        exec: &mut Exec,
        stamp: u64,
        request: &mut Carried,
        replies: &mut Vec<u8>,
    ) {
        let mut keys = std::mem::take(&mut self.scatters.keys);
        keys.clear();
        for index in 0..exec.len() {
            let (entry, args) = exec.command(self.local.table, index);
            let writes = entry.flags().has(Flags::WRITE);
            each_slot(entry, args, |slot| keys.push((slot, writes)));
        }
        request.until = self.mark_exec_part(stamp, &keys);
        self.scatters.keys = keys;
        self.scatters.runs_exec = true;
        let position = self.position_of(request, (stamp, request.until), exec.transaction.writes);
        self.run_sent_commands(exec, request, position, replies);
        self.scatters.runs_exec = false;
        request.reply_end = replies.len();
    }

    /// Looks which commands of a transaction that has run in parts were slow.
    pub(super) fn log_slow_parts(
        &mut self,
        id: SessionId,
        owners: &[u8],
        run: &[(usize, Box<Exec>)],
    ) {
        for (_, (exec, index)) in in_order(owners, run) {
            let (entry, args) = exec.command(self.local.table, index);
            self.log_slow(id, entry, args, exec.took_ns[index]);
        }
    }
}
