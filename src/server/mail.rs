//! The mail of a core: what others wrote is run, in the order of its stamps where it has
//! one.

use crate::runtime::core::Kernel;

use super::core::Core;
use super::jitter::Jitter;
use super::letter::Letter;

/// Letters of one sender run in one turn, so that sockets are not starved.
const LETTERS_PER_TURN: u64 = 256;

impl<K: Kernel> Core<K> {
    /// Runs what the others wrote; says how many letters that were.
    pub(super) fn read_mail(&mut self) -> u64 {
        let mut letters = 0;
        while let Some((from, letter)) = self.work.scripts.put_by.pop_front() {
            self.on_letter(from, letter);
        }
        if let Some(jitter) = &mut self.jitter {
            jitter.doze();
        }
        let cores = self.work.local.placement.cores();
        if let Some(busy) = self.work.local.busy.clone()
            && busy.core != self.work.local.core
            && self.jitter.is_none()
        {
            // That its script has ended: others may write because they know.
            letters += self.read_mail_of(busy.core).0;
        }
        let mut late = 0_u64;
        // The control core is the one after the last.
        for from in 0..=cores {
            if self.jitter.as_mut().is_some_and(Jitter::holds_back) {
                late |= 1 << from;
                continue;
            }
            letters += self.read_mail_of(from).0;
        }
        if !self.work.sequence.is_empty() {
            letters += self.run_sequence(late);
        }
        letters
    }

    /// Runs letters of one sender: how many, and whether there are no more.
    fn read_mail_of(&mut self, from: usize) -> (u64, bool) {
        for letters in 0..LETTERS_PER_TURN {
            let Some(letter) = self.work.post.receive(from) else {
                return (letters, true);
            };
            self.on_letter(from, letter);
        }
        (LETTERS_PER_TURN, false)
    }

    /// Runs the letters with a stamp that have their place in the order. What
    /// senders have said is read before their mail.
    fn run_sequence(&mut self, late: u64) -> u64 {
        let mut letters = 0;
        let mut unread = 0_u64;
        for from in 0..self.work.local.placement.cores() {
            if !self.work.sequence.asks_for(from) {
                continue;
            }
            if late >> from & 1 == 1 {
                unread |= 1 << from;
                continue;
            }
            let below = self.work.post.posted_below(from);
            let (count, is_all) = self.read_mail_of(from);
            letters += count;
            if is_all {
                self.work.sequence.learn(from, below);
            } else {
                unread |= 1 << from;
            }
        }
        self.work.sequence.has_unread = unread > 0;
        while let Some((from, letter)) = self.work.sequence.next() {
            self.run_letter(from, letter);
        }
        letters
    }

    fn on_letter(&mut self, from: usize, letter: Letter) {
        if let Some(letter) = self.work.sequence.keep_back(from, letter) {
            self.run_letter(from, letter);
        }
    }

    fn run_letter(&mut self, from: usize, letter: Letter) {
        let work = &mut self.work;
        match letter {
            Letter::Connection {
                fd,
                is_unix,
                number,
            } => {
                self.welcome(fd, is_unix, number);
                self.work.local.count().connections_taken.add(1);
            }
            Letter::Listen(listeners) => self.on_listen(listeners),
            Letter::Batch(batch) => work.on_batch(from, batch),
            Letter::Replies(batch) => work.on_replies(from, batch),
            Letter::Borrow { loan, .. } => work.on_borrow(from, loan),
            Letter::Lend { loan, shard } => work.on_lend(from, loan, shard),
            Letter::Settled => work.settling.is_told(),
            Letter::Return { shard } => work.on_return(shard),
            Letter::Served(served) => work.on_served(*served),
            Letter::RunScript(call) => work.on_run_script(call),
            Letter::Scripted(scripted) => work.on_scripted(&scripted),
            Letter::Script(body) => work.on_script(body),
            Letter::Busy(busy) => work.on_busy(busy),
            Letter::Kill(kill) => work.on_kill(kill),
            Letter::TryAgain(wait) => work.on_try_again(wait),
            Letter::Forget(observer) => work.on_forget(observer),
            Letter::Ask { ask, request } => work.on_ask(from, ask, request),
            Letter::Answer { ask, bytes } => work.on_answer(from, ask, bytes),
            Letter::AskHolder { request, shard } => work.answer_holder(from, &request, shard),
            Letter::HeldAnswer { .. } => unreachable!("whoever asked waits for it"),
            Letter::Settings {
                change,
                settings,
                live,
            } => {
                work.local.settings = settings;
                let before = std::mem::replace(&mut work.local.live, live);
                work.read_settings();
                if work.local.live.is_replica() && !before.is_replica() {
                    work.end_all_waits();
                }
                if before.holds_writes && !work.local.live.holds_writes {
                    work.resume_paused();
                }
                work.post.post(from, Letter::TakenOver { change });
            }
            Letter::Relieve => work.relieve_memory(),
            Letter::RelieveClients => work.relieve_clients(),
            Letter::TrustWeights => {
                work.trust_weights();
                work.post.post(from, Letter::Relieved);
            }
            Letter::News { news, ask } => work.on_news(from, &news, ask),
            Letter::Known { ask } => work.on_known(ask),
            Letter::Publish(publication) => work.deliver(&publication),
            Letter::Feed(line) => work.feed_monitors(&line),
            Letter::Unmonitored => work.local.monitored &= !(1 << from),
            Letter::Lead(decision) => work.on_lead(from, decision),
            Letter::Decided(decided) => work.on_decided(*decided),
            Letter::LendAll { errand } => work.on_lend_all(errand),
            Letter::MakeCut(order) => work.on_make_cut(order),
            Letter::SaveFailed(failed) => work.local.save_failed = failed,
            Letter::Loaded {
                keyspace,
                functions,
            } => work.on_loaded(keyspace, &functions),
            Letter::Libraries { functions, flush } => {
                if flush {
                    work.local.functions.flush();
                }
                work.load_libraries(&functions);
            }
            Letter::LoadingBegins { is_served } => {
                work.local.is_loading = !is_served;
                work.local.is_async_loading = is_served;
            }
            Letter::LoadingOver => {
                work.local.is_loading = false;
                work.local.is_async_loading = false;
            }
            Letter::Obey(order) => work.on_order(*order),
            Letter::Met { number } => work.on_met(number),
            Letter::Parted { number } => work.on_parted(number),
            Letter::Lineage(lineage) => work.local.lineage = lineage,
            Letter::CaughtUp(id) => work.on_caught_up(id),
            Letter::ReplicaLeft(id) => work.on_replica_left(id),
            Letter::Replicas(replicas) => work.local.replicas = replicas,
            Letter::Announce(words) => work.tell_replicas(words),
            Letter::Decide(_)
            | Letter::Recruit(_)
            | Letter::EndWait { .. }
            | Letter::TakenOver { .. }
            | Letter::Relieved
            | Letter::Log { .. }
            | Letter::Sleep(_)
            | Letter::CatchUp(_)
            | Letter::AllLent { .. }
            | Letter::Emptied { .. }
            | Letter::Applied { .. }
            | Letter::Drained
            | Letter::CutMade { .. }
            | Letter::SavePoint(_)
            | Letter::Installed => {
                unreachable!("a shard core is not the control core")
            }
            Letter::Stop => work.is_stopping = true,
        }
    }
}
