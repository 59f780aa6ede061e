//! Scripts that were recorded as such: servers before 7.0 may have recorded that a
//! script was run, and not what it did. It runs again, and does the same: such a
//! server let no script write by chance.

use crate::command::{DataHandler, Evaluation, Run, Subject, Table};
use crate::keyspace::Clock;
use crate::resp::{Args, Outcome, Refusal, Reply, Version};
use crate::runtime::clock::unix_ms;
use crate::script::{Effects, Engine, Host, Libraries, LogLevel, Pace, Permission, Sha};
use crate::spec::Flags;

use super::replay::Onto;
use super::serve::finish;

/// What a script may touch.
pub(super) struct Rerun<'a> {
    pub(super) table: &'static Table,
    pub(super) data: &'a mut Onto,
    /// Where it begins; another that it selects is for itself.
    pub(super) database: usize,
}

/// Runs the script that a request names.
pub(super) fn run_again(
    rerun: Rerun<'_>,
    subject: Subject,
    args: Args<'_>,
    (scripts, libraries): (&mut Engine, &mut Libraries),
    reply: &mut Reply<'_>,
) -> Outcome {
    let request = Evaluation::parse(args, subject)?;
    let (keys, arguments) = (request.keys, request.arguments);
    let clock = rerun.data.clock_of_script();
    let mut host = Caller { rerun, clock };
    let sha = match subject {
        Subject::Body => scripts.load(request.subject)?,
        Subject::Digest => {
            let sha = Sha::parse(request.subject).filter(|sha| scripts.find(sha).is_some());
            sha.ok_or(Refusal::NO_SCRIPT)?
        }
        Subject::Function => {
            if libraries.find(request.subject).is_none() {
                return Err(Refusal::NO_FUNCTION);
            }
            libraries.run(request.subject, keys, arguments, &mut host, reply);
            return Ok(());
        }
    };
    scripts.run(&sha, keys, arguments, &mut host, reply);
    Ok(())
}

/// Does what a script asks for.
struct Caller<'a> {
    rerun: Rerun<'a>,
    clock: Clock,
}

impl Host for Caller<'_> {
    fn call(&mut self, words: Args<'_>, version: Version, reply: &mut Vec<u8>) {
        let before = reply.len();
        let outcome = self.run(words, version, reply);
        finish(reply, before, version, &outcome);
    }

    fn permission(&mut self, words: Args<'_>) -> Permission {
        match self.rerun.table.find(words) {
            Some(_) => Permission::Granted,
            None => Permission::Unknown,
        }
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn set_effects(&mut self, _: Effects) {}

    fn pace(&mut self) -> Pace {
        Pace::GoOn
    }
}

impl Caller<'_> {
    fn run(&mut self, args: Args<'_>, version: Version, out: &mut Vec<u8>) -> Outcome {
        let entry = self.rerun.table.find(args);
        let entry = entry.ok_or(Refusal::SCRIPT_UNKNOWN_COMMAND)?;
        if !entry.takes(args.len()) {
            return Err(Refusal::SCRIPT_WRONG_ARITY);
        }
        if entry.flags().has(Flags::NOSCRIPT) {
            return Err(Refusal::SCRIPT_NOT_ALLOWED);
        }
        match entry.command.run {
            Run::Data(handler)
            | Run::DataOrWhole(handler, _)
            | Run::Whole(handler)
            | Run::AtCursor(handler)
            | Run::EverywhereOr(_, handler) => self.turn(handler, args, version, out),
            Run::Here(_) => self.answer(entry.name, args, &mut Reply::new(out, version)),
            Run::Everywhere(_)
            | Run::EverywhereOrNode(..)
            | Run::Led(_)
            | Run::Exec
            | Run::Script { .. }
            | Run::KillScript { .. }
            | Run::Node(_)
            | Run::Waits(_)
            | Run::Container(_)
            | Run::AloneOr(..) => Err(Refusal::SCRIPT_NOT_ALLOWED),
        }
    }

    fn turn(
        &mut self,
        handler: DataHandler,
        args: Args<'_>,
        version: Version,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let Rerun { data, database, .. } = &mut self.rerun;
        data.turn(handler, (*database, self.clock, version), args, out)
    }

    /// The commands without data on which what a script writes may depend.
    fn answer(&mut self, name: &str, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
        match name {
            "select" => {
                let index = std::str::from_utf8(args.get(1)).ok();
                let index = index.and_then(|index| index.parse::<usize>().ok());
                let databases = self.rerun.data.databases();
                self.rerun.database = index
                    .filter(|index| *index < databases)
                    .ok_or(Refusal::DB_OUT_OF_RANGE)?;
                reply.ok();
            }
            "ping" if args.len() == 1 => reply.simple("PONG"),
            "ping" | "echo" => reply.bulk(args.get(1)),
            "time" => {
                let now_ms = unix_ms();
                reply.array(2);
                for number in [now_ms / 1000, now_ms % 1000 * 1000] {
                    reply.bulk(itoa::Buffer::new().format(number).as_bytes());
                }
            }
            "publish" | "spublish" => reply.int(0),
            _ => return Err(Refusal::SCRIPT_NOT_ALLOWED),
        }
        Ok(())
    }
}
