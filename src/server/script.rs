//! Scripts and functions: where they run, what they may call, and what
//! everybody else hears when one takes long.
//!
//! A script of which its text shows that it names its keys as `KEYS[…]` runs
//! with the shards of these, at their core if it is one; any other with every
//! shard. It runs between two parts of a turn of the loop and not inside a
//! session's requests, so that the loop can go on below it when it takes long.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::command::{Entry, Evaluation, Lent, REDIS_VERSION, Run, Subject};
use crate::journal::Position;
use crate::keyspace::Database;
use crate::resp::{Args, Refusal, Reply, Version};
use crate::runtime::core::Kernel;
use crate::script::{BySha, Engine, Flags as ScriptFlags, Libraries, Pace, Sha, Verdict};
use crate::session::{Regard, SessionId};

use super::core::{Core, Work};
use super::letter::Letter;
use super::loan::{Call, Job};
use super::script_call::{Caller, Limits, State};
use super::serve::Flow;
use super::transaction::Exec;

/// Memory of a reply that is kept for the next.
const SPARE_BYTES: usize = 16 << 10;

/// A request to run a script.
pub(super) struct ScriptCall {
    /// The core of its client.
    pub(super) home: usize,
    pub(super) call: Call,
    /// `digest` of the words.
    pub(super) sha: Option<Sha>,
    /// How MONITOR names its client, if anybody monitors.
    shown_address: Option<Box<str>>,
    pub(super) place: Place,
}

/// Where a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its client waits, at the core where it runs or at another.
    Awaited,
    /// At another core, and its client goes on.
    Afar { is_muted: bool },
}

/// A script that has run at another core than its client's.
pub(super) struct Scripted {
    pub(super) script: Box<ScriptCall>,
    pub(super) reply: Vec<u8>,
    pub(super) took_ns: u64,
}

/// What waits for its place in the loop, with its shards in hand.
pub(super) struct Due {
    pub(super) job: Job,
    pub(super) held: Lent,
}

/// Scripts of one core.
#[derive(Default)]
pub(super) struct Scripts {
    pub(super) due: VecDeque<Due>,
    /// Of scripts seen here: whether they reach declared keys only.
    pub(super) proofs: BySha<bool>,
    /// Texts that came while one ran.
    pub(super) late: Vec<Arc<[u8]>>,
    /// The one that runs.
    pub(super) running: Option<Running>,
    /// Memory of replies, to be used again.
    spare: Vec<u8>,
    /// Letters that came while one waited for parts of every core, by sender.
    pub(super) put_by: VecDeque<(usize, Letter)>,
}

/// A script that runs.
#[derive(Debug)]
pub(super) struct Running {
    /// Its name if it is one.
    pub(super) function: Option<Box<[u8]>>,
    /// Whose it is: a session of a core.
    pub(super) client: (usize, SessionId),
    pub(super) has_written: bool,
    pub(super) is_killed: bool,
    began_ns: u64,
}

/// How a script ended, for the books.
enum Ended {
    Well,
    Failed(Refusal),
    /// With an error that was counted at the command.
    FailedAtCommand,
}

/// What runs.
enum Form {
    Script(Sha),
    /// By the name it was registered by.
    Function(Box<[u8]>),
}

/// A script that may run.
struct Prepared<'a> {
    request: Evaluation<'a>,
    form: Form,
    limits: Limits,
}

impl<K: Kernel> Core<K> {
    /// Runs the scripts whose shards are here, and behind each what its client sent
    /// behind it, so that this is answered together. What has not begun by `until`, on
    /// the core's watch, waits for the next turn, but for those that hold shards of others.
    pub(super) fn run_due(&mut self, until: u64) {
        while let Some(Due { job, mut held }) = self.work.scripts.due.pop_front() {
            let scripted = match job {
                Job::Script(call) => match self.work.shards_missing(&call, &held) {
                    None => Some(self.run_script(call, &mut held)),
                    Some(cores) => {
                        self.work.give_back(held);
                        self.work.borrow_for(Job::Script(call), cores);
                        continue;
                    }
                },
                Job::Exec(exec) => {
                    self.run_exec_with_scripts(&exec, &mut held);
                    None
                }
                Job::Call(_) | Job::Again(_) | Job::Errand(_) | Job::Cut(_) | Job::GivenUp => {
                    unreachable!("these run where they are")
                }
            };
            self.work.send_home(held);
            if let Some(scripted) = scripted {
                self.work.send_scripted(scripted);
            }
            let is_late = self.work.lap > until;
            if !is_late {
                self.work.run_in_turn();
            }
            self.work.serve_line();
            if is_late && self.work.only_own_is_due() {
                return;
            }
        }
    }

    fn run_script(&mut self, script: Box<ScriptCall>, held: &mut Lent) -> Scripted {
        let mut reply = std::mem::take(&mut self.work.scripts.spare);
        let began = self.work.begin_lap();
        let call = &script.call;
        let client = (call.database, call.version, call.regard);
        let whose = (script.home, call.session);
        let args = call.packed.args();
        if let Some(address) = &script.shown_address {
            self.work.show(call.database, address, call.entry, args);
        }
        self.work.begin_unit();
        let ended = self.evaluate(
            call.entry,
            (args, script.sha),
            client,
            whose,
            held,
            &mut reply,
        );
        self.work.end_unit(Position::FREE);
        let took_ns = self.work.begin_lap() - began;
        self.work.count_script(call.entry, took_ns, &ended);
        // In a transaction they wait for its end, or a message might stand in
        // the middle of its reply.
        self.work.grant_wishes();
        self.work.serve_ready(Some(held));
        Scripted {
            script,
            reply,
            took_ns,
        }
    }

    /// Runs a script and writes its reply.
    fn evaluate(
        &mut self,
        entry: &Entry,
        (args, sha): (Args<'_>, Option<Sha>),
        (database, version, regard): (usize, Version, Regard),
        whose: (usize, SessionId),
        held: &mut Lent,
        out: &mut Vec<u8>,
    ) -> Ended {
        let before = out.len();
        let Prepared {
            request,
            form,
            limits,
        } = match self.work.prepare(entry, args, sha) {
            Ok(prepared) => prepared,
            Err(refusal) => {
                Reply::new(out, version).refuse(&refusal);
                return Ended::Failed(refusal);
            }
        };
        let (sha, function) = match form {
            Form::Script(sha) => (Some(sha), None),
            Form::Function(function) => (None, Some(function)),
        };
        self.work.scripts.running = Some(Running {
            function,
            client: whose,
            has_written: false,
            is_killed: false,
            began_ns: self.work.lap,
        });
        let local = &mut self.work.local;
        // It may ask for them, and so may others while it takes long.
        local.lent_scripts = Some(local.script_sizes());
        // Out of the core's hands while it runs, for the loop may go on below.
        let mut engine = std::mem::replace(&mut local.scripts, Engine::new(REDIS_VERSION));
        let mut libraries = std::mem::replace(&mut local.functions, Libraries::new(REDIS_VERSION));
        let mut host = Caller {
            core: self,
            held,
            words: args,
            state: State {
                database,
                regard,
                limits,
            },
        };
        let (keys, arguments) = (request.keys, request.arguments);
        let mut reply = Reply::new(out, version);
        let verdict = match &sha {
            Some(sha) => engine.run(sha, keys, arguments, &mut host, &mut reply),
            None => libraries.run(request.subject, keys, arguments, &mut host, &mut reply),
        };
        self.work.choose_everyone();
        self.work.local.scripts = engine;
        self.work.local.functions = libraries;
        self.work.local.lent_scripts = None;
        self.work.scripts.running = None;
        self.work.end_busy();
        match verdict {
            Verdict::Returned => Ended::Well,
            Verdict::Failed => Ended::Failed(error_of(&out[before..])),
            Verdict::FailedAtCommand => Ended::FailedAtCommand,
        }
    }

    /// A transaction with scripts in it.
    fn run_exec_with_scripts(&mut self, exec: &Exec, held: &mut Lent) {
        let Some(mut going) = self.work.begin_exec(exec, held) else {
            return;
        };
        for index in 0..exec.len() {
            let (entry, args) = exec.command(self.work.local.table, index);
            if !matches!(entry.command.run, Run::Script { .. }) {
                self.work.run_step(exec, index, held, &mut going);
                continue;
            }
            let Some(client) = self.work.client_of(exec) else {
                continue;
            };
            if let Some(address) = self.work.shown_address(exec.session()) {
                self.work.show(client.0, &address, entry, args);
            }
            self.work.begin_lap();
            let words = (args, digest(entry, args));
            let whose = (self.work.local.core, exec.session());
            let ended = self.evaluate(entry, words, client, whose, held, going.made());
            let took = self.work.lap();
            self.work.count_script(entry, took, &ended);
            self.work.log_slow(exec.session(), entry, args, took);
            self.work.feed_call(exec.session(), entry, args);
        }
        self.work.end_exec(exec, going, held);
    }

    /// Asked by a script now and then: whether it may go on. One that takes
    /// long lets everybody know, and serves those who may end it.
    pub(super) fn pace(&mut self, words: Args<'_>) -> Pace {
        let Some(running) = &self.work.scripts.running else {
            return Pace::GoOn;
        };
        let limit_ms: u64 = self.work.local.settings.number("busy-reply-threshold");
        let ran_ns = self.work.watch.ns() - running.began_ns;
        if limit_ms == 0 || ran_ns / 1_000_000 < limit_ms {
            return Pace::GoOn;
        }
        self.work.begin_busy(words, ran_ns);
        self.turn_below_script();
        let running = self.work.scripts.running.as_ref();
        let is_killed = running.is_some_and(|running| running.is_killed);
        if is_killed || self.work.is_stopping {
            Pace::Kill
        } else {
            Pace::GoOn
        }
    }
}

impl Work {
    /// Counts a script that has run.
    fn count_script(&mut self, entry: &Entry, took_ns: u64, ended: &Ended) {
        match ended {
            Ended::Well => self.count_call(entry, took_ns, None),
            Ended::Failed(refusal) => self.count_call(entry, took_ns, Some(refusal)),
            Ended::FailedAtCommand => {
                self.local.count().commands_processed.add(1);
                let commands = &mut self.local.telemetry.commands;
                commands.record(usize::from(entry.index), took_ns, true);
            }
        }
    }

    /// Sends a script to where it runs; its session waits.
    pub(super) fn start_script(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> Flow {
        let soon = self.keys_of_script(id, entry, args);
        self.ask_memory(&soon, Database::prefetch_slot);
        let sha = digest(entry, args);
        if self.must_stay_unknown(id, entry, sha.as_ref()) {
            return self.await_afar(id);
        }
        let cores = self.cores_of_script(entry, args, sha);
        self.ask_memory(&soon, Database::prefetch_bucket);
        let me = self.local.core;
        let only = cores.trailing_zeros() as usize;
        let is_afar = cores.count_ones() == 1 && only != me;
        let shown_address = self.shown_address(id);
        let begun = if is_afar {
            self.call_afar(id, entry, args)
        } else {
            let call = self.call_of(id, entry, args);
            call.map(|call| (call, Place::Awaited))
        };
        let Some((call, place)) = begun else {
            return Flow::Pause;
        };
        self.ask_memory(&soon, Database::prefetch_entry);
        let script = Box::new(ScriptCall {
            home: me,
            call,
            sha,
            shown_address,
            place,
        });
        if is_afar {
            return self.send_script(only, script);
        }
        // Its own shard, too: while a script runs here nobody uses it.
        self.borrow_for(Job::Script(script), cores | 1 << me);
        Flow::Pause
    }

    /// Sends the reply of a script to its client's core.
    pub(super) fn send_scripted(&mut self, scripted: Scripted) {
        let home = scripted.script.home;
        if home == self.local.core {
            self.on_scripted(&scripted);
            if scripted.reply.capacity() <= SPARE_BYTES {
                self.scripts.spare = scripted.reply;
                self.scripts.spare.clear();
            }
        } else {
            self.post.post(home, Letter::Scripted(Box::new(scripted)));
        }
    }

    /// Whether nothing that waits for its place in the loop holds shards of others.
    fn only_own_is_due(&self) -> bool {
        let me = self.local.core;
        let mut held = self
            .scripts
            .due
            .iter()
            .flat_map(|due| due.held.iter().flatten());
        held.all(|shard| shard.core == me)
    }

    /// Finds what is to run, loads it if it is new, and checks what it says of
    /// itself.
    fn prepare<'a>(
        &mut self,
        entry: &Entry,
        args: Args<'a>,
        sha: Option<Sha>,
    ) -> Result<Prepared<'a>, Refusal> {
        let Run::Script {
            subject,
            reads_only,
        } = entry.command.run
        else {
            unreachable!("only scripts are prepared");
        };
        if subject == Subject::Function && self.local.functions.find(args.get(1)).is_none() {
            // Said before the number of keys is looked at.
            return Err(Refusal::NO_FUNCTION);
        }
        let request = Evaluation::parse(args, subject)?;
        let (form, flags) = match subject {
            Subject::Function => {
                let functions = &self.local.functions;
                let found = functions.find(request.subject);
                let found = found.ok_or(Refusal::NO_FUNCTION)?;
                // Copied: the libraries are lent to the run.
                (Form::Function(found.name.into()), found.flags)
            }
            Subject::Body | Subject::Digest => {
                let sha = sha.ok_or(Refusal::NO_SCRIPT)?;
                if subject == Subject::Body {
                    self.learn_script(&sha, request.subject)?;
                }
                (Form::Script(sha), self.flags_of(&sha)?)
            }
        };
        if reads_only && !flags.compatible && !flags.no_writes {
            return Err(Refusal::SCRIPT_WRITES);
        }
        let says_it_writes = !flags.compatible && !flags.no_writes && !reads_only;
        if self.lacks_replicas() && says_it_writes {
            return Err(Refusal::NO_REPLICAS);
        }
        if self.refuses_unsaved() && says_it_writes {
            return Err(Refusal::SAVE_FAILED);
        }
        let is_full = self.out_of_memory_for_growth(true).is_some();
        if is_full && !flags.compatible && !flags.allow_oom && !flags.no_writes {
            return Err(Refusal::SCRIPT_OUT_OF_MEMORY);
        }
        let is_stale = self.is_stale();
        if self.local.live.is_replica() {
            self.may_run_at_replica(&flags)?;
        }
        let limits = Limits {
            is_stale,
            is_read_only_replica: self.local.live.is_replica() && self.local.live.replica_read_only,
            reads_only: reads_only || flags.no_writes,
            is_out_of_memory: is_full && !flags.allow_oom,
        };
        Ok(Prepared {
            request,
            form,
            limits,
        })
    }

    /// A script that says what it does is refused before it runs.
    fn may_run_at_replica(&self, flags: &ScriptFlags) -> Result<(), Refusal> {
        if self.is_stale() && !flags.allow_stale {
            return Err(Refusal::MASTER_DOWN);
        }
        if self.local.live.replica_read_only && !flags.no_writes && !flags.compatible {
            return Err(Refusal::READ_ONLY);
        }
        Ok(())
    }

    /// Whether a request may write: a script says of itself that it does not.
    pub(super) fn may_write(&self, entry: &Entry, args: Args<'_>) -> bool {
        let flags = self.script_flags(entry, args);
        entry.may_write() && !flags.is_some_and(|flags| flags.no_writes)
    }

    /// Whether a request is a script that says of itself that it writes.
    pub(super) fn says_it_writes(&self, entry: &Entry, args: Args<'_>) -> bool {
        let flags = self.script_flags(entry, args);
        entry.may_write() && flags.is_some_and(|flags| !flags.compatible && !flags.no_writes)
    }

    /// What a script says of itself, if one is known that a request names.
    fn script_flags(&self, entry: &Entry, args: Args<'_>) -> Option<ScriptFlags> {
        let Run::Script { subject, .. } = entry.command.run else {
            return None;
        };
        match subject {
            Subject::Body => ScriptFlags::declared_by(args.get(1)),
            Subject::Digest => digest(entry, args).and_then(|sha| self.flags_of(&sha).ok()),
            Subject::Function => {
                let found = self.local.functions.find(args.get(1));
                found.map(|found| found.flags)
            }
        }
    }

    fn flags_of(&self, sha: &Sha) -> Result<ScriptFlags, Refusal> {
        let script = self.local.scripts.find(sha).ok_or(Refusal::NO_SCRIPT)?;
        Ok(script.flags)
    }

    /// Loads a script, and tells the other cores of a new one.
    pub(super) fn learn_script(&mut self, sha: &Sha, body: &[u8]) -> Result<(), Refusal> {
        if self.local.scripts.find(sha).is_some() {
            return Ok(());
        }
        self.local.scripts.load(body)?;
        let text: Arc<[u8]> = body.into();
        for core in self.local.placement.others(self.local.core) {
            self.post.post(core, Letter::Script(Arc::clone(&text)));
        }
        Ok(())
    }

    /// Another core has met a new script.
    pub(super) fn on_script(&mut self, body: Arc<[u8]>) {
        if self.scripts.running.is_some() {
            self.scripts.late.push(body);
            return;
        }
        // It was compiled there, and is the same here.
        let loaded = self.local.scripts.load(&body);
        debug_assert!(loaded.is_ok());
    }
}

/// What names the script that a request runs; nothing for a function, and for
/// words that name none.
pub(super) fn digest(entry: &Entry, args: Args<'_>) -> Option<Sha> {
    let Run::Script { subject, .. } = entry.command.run else {
        return None;
    };
    match subject {
        Subject::Body => Some(Sha::of(args.get(1))),
        Subject::Digest => Sha::parse(args.get(1)),
        Subject::Function => None,
    }
}

/// The error a reply consists of.
fn error_of(reply: &[u8]) -> Refusal {
    let line = reply.strip_prefix(b"-").unwrap_or(reply);
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    Refusal::Composed(String::from_utf8_lossy(line).into_owned())
}
