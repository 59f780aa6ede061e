//! What a script may reach: the shards it needs, read off its text, and the keys it is
//! called with.

use crate::command::{
    Entry, Evaluation, Lent, Run, Subject, functions_reach_only_declared_keys,
    reaches_only_declared_keys,
};
use crate::resp::Args;
use crate::script::Sha;
use crate::session::SessionId;

use super::ahead::Soon;
use super::core::Work;
use super::script::ScriptCall;

impl Work {
    /// The cores a script may need, one bit each.
    pub(super) fn cores_of_script(
        &mut self,
        entry: &Entry,
        args: Args<'_>,
        sha: Option<Sha>,
    ) -> u64 {
        let Run::Script { subject, .. } = entry.command.run else {
            return 0;
        };
        let placement = self.local.placement;
        let all = placement.all();
        let Ok(request) = Evaluation::parse(args, subject) else {
            return 0;
        };
        let sha = match (subject, sha) {
            (Subject::Function, _) => return self.cores_of_function(&request),
            (Subject::Body | Subject::Digest, Some(sha)) => sha,
            (Subject::Body | Subject::Digest, None) => return 0,
        };
        let is_clear = match self.scripts.proofs.get(&sha) {
            Some(is_clear) => *is_clear,
            None => {
                let known = self.local.scripts.find(&sha);
                let body = match subject {
                    Subject::Body => request.subject,
                    _ => match known {
                        Some(script) => script.body,
                        // The news of it may be in the mail of this turn.
                        None => return all,
                    },
                };
                let is_clear = reaches_only_declared_keys(body, self.local.table);
                if self.local.scripts.is_empty() {
                    // They were flushed, and so are the verdicts.
                    self.scripts.proofs.clear();
                }
                self.scripts.proofs.insert(sha, is_clear);
                is_clear
            }
        };
        if !is_clear {
            return all;
        }
        placement.cores_of_keys(request.keys.iter())
    }

    /// The keys it says it uses, to be asked memory for.
    pub(super) fn keys_of_script(&mut self, id: SessionId, entry: &Entry, args: Args<'_>) -> Soon {
        let session = self.local.roster.find(id);
        let database = session.map_or(0, |session| session.client.database);
        let parsed = match entry.command.run {
            Run::Script { subject, .. } => Evaluation::parse(args, subject).ok(),
            _ => None,
        };
        self.soon(database, parsed.map(|request| request.keys))
    }

    /// The same for a function. One that there is not is refused where it is.
    fn cores_of_function(&mut self, request: &Evaluation<'_>) -> u64 {
        let table = self.local.table;
        let judge = |library: &[u8]| functions_reach_only_declared_keys(library, table);
        let placement = self.local.placement;
        match self.local.functions.verdict(request.subject, judge) {
            Some(true) => placement.cores_of_keys(request.keys.iter()),
            Some(false) => placement.all(),
            None => 0,
        }
    }

    /// The cores that a script needs whose shards are here, if these are not enough: the
    /// function it calls is another one since they were asked for.
    pub(super) fn shards_missing(&mut self, script: &ScriptCall, held: &Lent) -> Option<u64> {
        let Run::Script {
            subject: Subject::Function,
            ..
        } = script.call.entry.command.run
        else {
            return None;
        };
        let args = script.call.packed.args();
        let needed = self.cores_of_script(script.call.entry, args, None);
        (needed & !cores_in(held) != 0).then_some(needed | 1 << self.local.core)
    }
}

/// The cores whose shards are in hand, one bit each.
pub(super) fn cores_in(held: &Lent) -> u64 {
    let shards = held.iter().flatten();
    shards.fold(0, |cores, shard| cores | 1 << shard.core)
}
