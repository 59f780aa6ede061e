//! A node without sockets, for the tests of commands: the real table and the
//! real handlers, several shards, and a clock that moves when told.
//!
//! `check("SET k v; GET k", "OK; v")` plays requests on one shard and on three.
//! A request's words are separated by spaces; `""` is an empty word. Replies
//! are written bare: `nil`, a number, a text, `[a b]` for an array, and an
//! error as its line.

use std::sync::Arc;

use crate::base::{HashKey, Random, slot_of};
use crate::config::{Events, Live, Settings};
use crate::journal::{EVERYONE, Effects};
use crate::keyspace::{Clock, Key, Overdue, Touch};
use crate::pubsub::Directory;
use crate::resp::{Args, Outcome, OwnedArgs, Reply, Version};
use crate::script::{Engine, Libraries};
use crate::session::{Client, Origin, Roster, SessionId};
use crate::shard::Shard;
use crate::telemetry::{Counters, Lineage, Telemetry};

use super::event::{Event, noted};
use super::gather::{Caller, Gather, Part};
use super::scene::{BUFFERS_IDLE_MS, Facts, Local, Rates, Readings, Scene, System};
use super::table::{DataHandler, Entry, Run, Table};
use super::turn::{Data, Lent, Turn};
use super::version::REDIS_VERSION;
use super::{Admission, Placement, Route, admit, commands, cursor_core, route};

/// The replies to some requests, on any number of shards.
#[track_caller]
pub(super) fn check(requests: &str, replies: &str) {
    for shards in [1, 3] {
        let mut node = Node::new(shards);
        assert_eq!(node.play(requests), replies, "with {shards} shards");
    }
}

/// A node of some shards and one client, of shard 0.
pub(super) struct Node {
    table: &'static Table,
    placement: Placement,
    shards: Lent,
    locals: Vec<Local>,
    session: SessionId,
    pub(super) clock: Clock,
    /// Events of all turns.
    pub(super) events: Vec<Event>,
    /// Changes that handlers have counted.
    pub(super) changes: u64,
    /// What all turns left, where it is recorded.
    pub(super) effects: Effects,
}

/// The moment every node starts at: some time in 2023.
pub(super) const START_MS: u64 = 1_700_000_000_000;

impl Node {
    pub(super) fn new(shards: usize) -> Node {
        // A row's table lives as long as the process, also in tests.
        let table: &'static Table = Box::leak(Box::new(Table::new(commands())));
        let placement = Placement::new(shards);
        let settings = Arc::new(Settings::default());
        let databases = settings.live().databases as usize;
        let hash_key = HashKey([1, 2]);
        let mut locals: Vec<Local> = (0..shards)
            .map(|core| local(core, placement, table, &settings))
            .collect();
        let client = Client::new(1, origin(), true, START_MS);
        let session = locals[0].roster.admit(client);
        Node {
            table,
            placement,
            shards: (0..shards)
                .map(|core| Some(Shard::new(core, databases, hash_key)))
                .collect(),
            locals,
            session,
            clock: Clock {
                now: START_MS,
                touch: Touch::Lru,
                overdue: Overdue::Removed,
            },
            events: Vec::new(),
            changes: 0,
            effects: Effects::default(),
        }
    }

    /// Has every core record the events of these classes.
    pub(super) fn listen(&mut self, classes: &str) {
        for local in &mut self.locals {
            let mut live = Live::clone(&local.live);
            live.events = Events::of(classes.as_bytes());
            local.live = Arc::new(live);
        }
        let noted = noted(Events::of(classes.as_bytes()), false);
        for shard in self.shards.iter_mut().flatten() {
            shard.keyspace.note(noted);
        }
    }

    /// Has what turns leave recorded.
    pub(super) fn record(&mut self) {
        for shard in self.shards.iter_mut().flatten() {
            shard.recorded_by = 1;
            shard.keyspace.note(noted(Events::default(), true));
        }
    }

    /// The shard of a key, and the key.
    pub(super) fn shard_of<'k>(&mut self, bytes: &'k [u8]) -> (&mut Shard, Key<'k>) {
        let core = self.placement.core_of(slot_of(bytes));
        let shard = home(&mut self.shards, core);
        let key = shard.keyspace.key(bytes);
        (shard, key)
    }

    /// Plays requests separated by `;` and joins their replies in the same way.
    pub(super) fn play(&mut self, requests: &str) -> String {
        let words = |request: &str| -> Vec<Vec<u8>> {
            let words = request.split_ascii_whitespace();
            words
                .map(|word| if word == "\"\"" { "" } else { word })
                .map(|word| word.as_bytes().to_vec())
                .collect()
        };
        let replies: Vec<String> = requests
            .split(';')
            .map(|request| self.say(&words(request)))
            .collect();
        replies.join("; ")
    }

    /// Plays one request and writes its reply bare.
    pub(super) fn say<Word: AsRef<[u8]>>(&mut self, words: &[Word]) -> String {
        let reply = self.ask(words);
        let mut rest = reply.as_slice();
        let text = bare(&mut rest);
        assert!(rest.is_empty(), "one request has one reply");
        text
    }

    /// Plays one request; its reply as sent, in RESP2.
    pub(super) fn ask<Word: AsRef<[u8]>>(&mut self, words: &[Word]) -> Vec<u8> {
        let owned = OwnedArgs::new(words);
        let args = owned.args();
        let mut out = Vec::new();
        let table = self.table;
        let mut scene = self.scene();
        let live = Arc::clone(&scene.local.live);
        let client = scene.client();
        let (version, database) = (client.version, client.database);
        assert_eq!(version, Version::Two, "bare replies are RESP2's");
        let admission = admit(table.find(args), args, client, &live);
        let mut reply = Reply::new(&mut out, version);
        let outcome = match admission {
            Admission::Run(entry) => self.run(entry, args, database, &mut reply),
            Admission::Refuse(refusal) => Err(refusal),
        };
        if let Err(refusal) = outcome {
            reply.truncate(0);
            reply.refuse(&refusal);
        }
        out
    }

    fn scene(&mut self) -> Scene<'_> {
        Scene {
            local: &mut self.locals[0],
            me: self.session,
            now_ms: self.clock.now,
        }
    }

    fn run(
        &mut self,
        entry: &Entry,
        args: Args<'_>,
        database: usize,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        let all = self.placement.all();
        match entry.command.run {
            Run::Here(handler) | Run::AloneOr(handler, _) => {
                handler(&mut self.scene(), args, reply)
            }
            Run::Everywhere(gather)
            | Run::EverywhereOr(gather, _)
            | Run::Led(gather)
            | Run::EverywhereOrNode(gather, ..) => self.gather(&gather, args, database, reply),
            Run::AtCursor(handler) => {
                let core = cursor_core(args, self.placement);
                self.turn(handler, Route::One(core), args, database, reply)
            }
            Run::Whole(handler) => self.turn(handler, Route::Many(all), args, database, reply),
            Run::Data(handler) | Run::DataOrWhole(handler, _) => {
                let place = route(entry, args, self.placement);
                self.turn(handler, place, args, database, reply)
            }
            Run::Node(_)
            | Run::Waits(_)
            | Run::Container(_)
            | Run::Exec
            | Run::Script { .. }
            | Run::KillScript { .. } => panic!("{} needs a server", entry.name),
        }
    }

    fn turn(
        &mut self,
        handler: DataHandler,
        place: Route,
        args: Args<'_>,
        database: usize,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        // What is not asked for is not lent: a handler that reaches beyond its
        // route panics.
        let mut lent: Lent = (0..self.placement.cores()).map(|_| None).collect();
        let data = match place {
            Route::Nowhere => Data::Home(home(&mut self.shards, 0)),
            Route::One(core) => Data::Home(home(&mut self.shards, core)),
            Route::Many(cores) => {
                for core in (0..lent.len()).filter(|core| cores >> core & 1 == 1) {
                    lent[core] = self.shards[core].take();
                }
                Data::Lent(&mut lent)
            }
        };
        let local = &mut self.locals[0];
        let mut turn = Turn::new(
            data,
            self.placement,
            None,
            database,
            self.clock,
            &mut local.random,
            &local.live,
        );
        let outcome = handler(&mut turn, args, reply);
        let mut after = turn.end();
        if after.recorded_by() != 0
            && let Some(effects) = after.effects(database, args)
        {
            self.effects.append(&effects, EVERYONE);
        }
        self.events.extend(after.events);
        self.changes += after.tally.changes;
        for (home, lent) in self.shards.iter_mut().zip(lent) {
            if lent.is_some() {
                *home = lent;
            }
        }
        outcome
    }

    fn gather(
        &mut self,
        gather: &Gather,
        args: Args<'_>,
        database: usize,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        (gather.check)(&mut self.scene(), args)?;
        let caller = Caller {
            core: 0,
            session: self.session,
            client: 1,
            database,
        };
        let mut answers = Vec::new();
        for (core, local) in self.locals.iter_mut().enumerate() {
            let shard = home(&mut self.shards, core);
            let mut part = Part {
                local,
                keyspace: &mut shard.keyspace,
                observers: &shard.observers,
                clock: self.clock,
                caller,
            };
            let mut answer = Vec::new();
            (gather.part)(&mut part, args, &mut answer);
            answers.push(answer);
        }
        (gather.merge)(&mut self.scene(), args, &answers, reply)
    }
}

fn home(shards: &mut Lent, core: usize) -> &mut Shard {
    shards[core]
        .as_deref_mut()
        .expect("a loan ends with its turn")
}

/// A core's affairs, with nothing of the machine in them.
pub(crate) fn local(
    core: usize,
    placement: Placement,
    table: &'static Table,
    settings: &Arc<Settings>,
) -> Local {
    let cores = placement.cores();
    Local {
        core,
        placement,
        table,
        settings: Arc::clone(settings),
        live: Arc::new(settings.live()),
        facts: Arc::new(Facts {
            started_ms: START_MS,
            run_id: "0".repeat(40),
            executable: String::new(),
            config_file: String::new(),
            process_id: 1,
            os: String::new(),
            supervised_by: "no",
        }),
        system: System {
            unix_us: || START_MS * 1000,
            readings: Readings::default,
            give_back: || (),
        },
        roster: Roster::default(),
        directory: Directory::new(HashKey([1, 2]), cores > 1),
        telemetry: Telemetry::new(core, cores, table.len()),
        rates: Rates::default(),
        is_loading: false,
        is_async_loading: false,
        replication: Arc::default(),
        lineage: Arc::new(Lineage::new("0".repeat(40))),
        replicas: Arc::default(),
        save_failed: false,
        persistence: Arc::default(),
        counters: Arc::new((0..cores).map(|_| Counters::default()).collect()),
        random: Random::new(core as u64),
        pause: None,
        monitored: 0,
        active_expire: true,
        scripts_may_all: false,
        buffers_idle_ms: Some(BUFFERS_IDLE_MS),
        wishes: Vec::new(),
        scripts: Engine::new(REDIS_VERSION),
        functions: Libraries::new(REDIS_VERSION),
        lent_scripts: None,
        busy: None,
        expired_counted: 0,
    }
}

fn origin() -> Origin {
    Origin {
        address: "127.0.0.1:1".into(),
        local: "127.0.0.1:6379".into(),
        is_loopback: true,
        is_unix: false,
        fd: 1,
    }
}

/// One RESP2 value, taken off the front of `rest`.
fn bare(rest: &mut &[u8]) -> String {
    let end = rest
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .expect("a reply has whole lines");
    let line = String::from_utf8_lossy(&rest[1..end]).into_owned();
    let kind = rest[0];
    *rest = &rest[end + 2..];
    let len = || line.parse::<i64>().expect("a length is a number");
    match kind {
        b'+' | b'-' | b':' => line,
        b'$' if len() < 0 => "nil".to_owned(),
        b'$' => {
            let (text, after) = rest.split_at(len() as usize);
            *rest = &after[2..];
            text.escape_ascii().to_string()
        }
        b'*' if len() < 0 => "nil".to_owned(),
        b'*' => {
            let members: Vec<String> = (0..len()).map(|_| bare(rest)).collect();
            format!("[{}]", members.join(" "))
        }
        other => panic!("no RESP2 value begins with {}", char::from(other)),
    }
}
