//! From the command line to running cores, and the way out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use crate::base::{HashKey, Random};
use crate::command::{
    BUFFERS_IDLE_MS, Facts, Local, Placement, REDIS_VERSION, Rates, Readings, System, Table,
    commands,
};
use crate::config::{self, Fault, Files, Live, Loaded, Settings, Start};
use crate::keyspace::Keyspace;
use crate::pubsub::Directory;
use crate::replication::ReplicationId;
use crate::runtime::clock::unix_ms;
use crate::runtime::core::{Bell, Listener, Mailboxes, Postbox, Ring, Unavailable};
use crate::runtime::{control, ear, process, signal};
use crate::script::{Engine, Libraries};
use crate::session::Roster;
use crate::shard::Shard;
use crate::telemetry::{Counters, Lineage, Persistence, Replication, Telemetry};

use super::aof::{self, FileState, FileThread, Policy};
use super::check;
use super::control::{Changes, Control};
use super::core::{Core, Parts};
use super::crash;
use super::dealer::Dealer;
use super::door::{self, Announced};
use super::errand::Errands;
use super::flush::Doors;
use super::hub::Hub;
use super::letter::Letter;
use super::load::{self, Manner, Source};
use super::loading::{Loading, Origin};
use super::log::Log;
use super::recording::{FILE, Journal};
use super::shown::Shown;
use super::snapshot::{Saves, follow_delays};
use super::upstream::Upstream;

/// Descriptors the node needs beside one per client.
const OWN_FILES: u64 = 64;

/// What only the system knows.
pub(super) const SYSTEM: System = System {
    unix_us: crate::runtime::clock::unix_us,
    readings,
    give_back: super::janitor::wake,
};

/// Shards at most: one bit per core in a word, and one for the control core.
const SHARDS_MAX: usize = 63;

/// Starts a node with the program's arguments and runs it to its end; or checks
/// a file, if it is called by that name.
#[must_use]
pub fn run(program: &[u8], words: &[Vec<u8>]) -> ExitCode {
    if let Some(words) = check::asked(program, words) {
        return check::run(words);
    }
    if let Some(words) = aof::asked(program, words) {
        return aof::run(words);
    }
    match load(words) {
        Ok(Start::Say(text)) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Ok(Start::Node(loaded)) => match launch(*loaded, program) {
            Ok(()) => ExitCode::SUCCESS,
            Err(text) => complain(&text),
        },
        Err(fault) => complain(&fault.lines.join("\n")),
    }
}

fn load(words: &[Vec<u8>]) -> Result<Start, Fault> {
    let mut read = |path: &Path| {
        if path == Path::new("-") {
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut text)?;
            return Ok(text);
        }
        std::fs::read(path)
    };
    let mut expand = door::expand;
    let mut files = Files {
        read: &mut read,
        expand: &mut expand,
    };
    Start::parse(words, &mut files)
}

pub(super) fn say(text: &str) {
    use std::io::Write;
    // Nobody may be listening.
    let _unheard = writeln!(std::io::stdout(), "{text}").is_err();
}

pub(super) fn complain(text: &str) -> ExitCode {
    use std::io::Write;
    let _unheard = writeln!(std::io::stderr(), "{text}").is_err();
    ExitCode::FAILURE
}

/// What every core shares, made before any of them.
#[derive(Clone)]
struct Plan {
    settings: Arc<Settings>,
    live: Arc<Live>,
    table: &'static Table,
    facts: Arc<Facts>,
    counters: Arc<Vec<Counters>>,
    persistence: Arc<Persistence>,
    replication: Arc<Replication>,
    lineage: Arc<Lineage>,
    placement: Placement,
    hash_key: HashKey,
    mailboxes: Arc<Mailboxes<Letter>>,
    cores: Vec<usize>,
}

/// Starts the node; returns when it has ended.
fn launch(loaded: Loaded, program: &[u8]) -> Result<(), String> {
    let mut settings = loaded.settings;
    let table = table(&loaded.renames)?;
    let config_file = absolute(loaded.file.as_deref());
    enter_directory(&mut settings)?;
    let log = Log::of(&settings);
    log.check()
        .map_err(|error| format!("Can't open the log file: {error}"))?;
    let listeners = door::open(&settings)?;
    if door::is_daemon(&settings) {
        process::daemonize().map_err(|error| format!("Can't daemonize: {error}"))?;
    }
    crash::watch(&log, &settings);
    let has_log_file = !settings.bytes("logfile").is_empty();
    let shown = Shown::of(&settings, program);
    let served = serve(settings, table, (config_file, shown), listeners, &log);
    // A daemon has no standard error to complain to.
    if let Err(text) = &served
        && has_log_file
    {
        log.warning(text);
    }
    served
}

/// Starts what the settings ask for and serves until it is to end.
fn serve(
    mut settings: Settings,
    table: &'static Table,
    (config_file, shown): (Option<PathBuf>, Shown),
    listeners: Vec<Listener>,
    log: &Log,
) -> Result<(), String> {
    fit_open_files(&mut settings, log)?;
    let live = Arc::new(settings.live());
    if settings.bytes("disable-thp") == b"yes" && !process::forgo_huge_pages() {
        log.warning("transparent huge pages cannot be turned off for this process");
    }
    super::janitor::start_janitor()?;
    let announced = Announced::new(&settings, log);
    announced.loading(log);
    let cores = chosen_cores(&settings)?;
    let persistence = Persistence::default();
    // What stock says before the first save, too.
    persistence.saved_at_s.set(unix_ms() / 1000);
    let plan = Plan {
        settings: Arc::new(settings.clone()),
        live,
        table,
        facts: Arc::new(facts(config_file.as_deref(), announced.supervisor_name())),
        counters: Arc::new(cores.iter().map(|_| Counters::default()).collect()),
        persistence: Arc::new(persistence),
        replication: Arc::default(),
        lineage: Arc::new(Lineage::new(founding_name())),
        placement: Placement::new(cores.len()),
        hash_key: HashKey::random(),
        mailboxes: Mailboxes::new(cores.len() + 1),
        cores,
    };
    log.notice(&format!(
        "basalt {} starts: {} shards, pid {}",
        env!("CARGO_PKG_VERSION"),
        plan.cores.len(),
        std::process::id()
    ));
    let process = (config_file, shown);
    run_cores(&plan, settings, process, listeners, log, &announced)?;
    announced.withdraw();
    log.notice("basalt is now ready to exit, bye bye...");
    Ok(())
}

fn run_cores(
    plan: &Plan,
    settings: Settings,
    (config_file, shown): (Option<PathBuf>, Shown),
    listeners: Vec<Listener>,
    log: &Log,
    announced: &Announced,
) -> Result<(), String> {
    let source = source(&settings, plan.table, log).inspect_err(|why| {
        if settings.bytes("logfile").is_empty() {
            log.warning(why);
        }
    })?;
    let (bell, visitor) =
        control::door().map_err(|error| format!("Can't make the control core's bell: {error}"))?;
    signal::listen(bell);
    let doors = door::Doors::of(&listeners)
        .map_err(|error| format!("Can't hold the listening sockets: {error}"))?;
    let (file_bell, ear) =
        ear::door().map_err(|error| format!("Can't make the file thread's bell: {error}"))?;
    let journal = Journal::new(plan.cores.len(), [file_bell, bell]);
    let Started {
        threads,
        bells,
        gate,
    } = start_cores(plan, &journal, listeners, bell, source.is_some())?;
    // Before anybody is told that the node is ready.
    let executor = control::Executor::new(visitor)?;
    let (orders, ordered) = mpsc::channel();
    let file_thread = FileThread {
        journal: journal.clone(),
        orders: ordered,
        ear,
        log: log.clone(),
        persistence: Arc::clone(&plan.persistence),
        bells: bells.clone(),
        control: bell,
        policy: Policy::of(&settings),
        early: Vec::new(),
        restraint: aof::Restraint::default(),
    };
    let file_thread = thread::Builder::new()
        .name("aof".to_owned())
        .spawn(move || file_thread.run())
        .map_err(|error| format!("Can't start a thread: {error}"))?;
    let file = FileState {
        orders,
        bell: file_bell,
        journal: journal.clone(),
        is_on: settings.is_on("appendonly"),
        cuts: 0,
        wanted: None,
    };
    let end_of_file = file.ending();
    let (fail, failure) = mpsc::channel();
    let dealer = Dealer::new(plan.table, bells.len());
    let upstream = Upstream::new((bell, plan.hash_key), dealer, Arc::clone(&plan.replication));
    let hub = Hub::new(
        &settings,
        journal.clone(),
        bell,
        Arc::clone(&plan.replication),
        Lineage::clone(&plan.lineage),
    );
    let mut control = Control {
        settings,
        table: plan.table,
        post: Postbox::new(Arc::clone(&plan.mailboxes), plan.cores.len()),
        bell,
        bells,
        config_file,
        shown,
        log: log.clone(),
        counters: Arc::clone(&plan.counters),
        changes: Changes::default(),
        doors,
        unrelieved: Vec::new(),
        relieving: 0,
        has_asked: false,
        clients_limit: 0,
        errands: Errands::default(),
        upstream,
        hub,
        file,
        loading: None,
        snapshot: None,
        saves: Saves::default(),
        announced: announced.clone(),
        failure: fail,
        persistence: Arc::clone(&plan.persistence),
        is_stopping: false,
    };
    let port = plan.settings.text("port");
    log.notice(&format!("Running mode=standalone, port={port}."));
    if let Some(source) = source {
        let (log, persistence) = (log.clone(), Arc::clone(&plan.persistence));
        let mut manner = Manner::of(&control.settings, log, persistence);
        manner.goes_on = true;
        let empty = |_| *Keyspace::new(plan.live.databases as usize, plan.hash_key);
        let keyspaces = (0..plan.cores.len()).map(empty).collect();
        follow_delays(&control.settings, &control.persistence);
        let keyspaces = (keyspaces, Vec::new());
        control.loading = Some(Loading::begin(source, keyspaces, manner, bell)?);
        control.persistence.loading.set(1);
    } else {
        if control.file.is_on {
            let (folder, manifest) = aof::founded(&control.settings)?;
            control.file.begin(folder, manifest);
        }
        control.start_empty();
        announced.ready(log);
        log.notice("Ready to accept connections");
        control.introduce();
        control.begin_following();
    }
    // Who is answered finds these lines in the log.
    gate.open();
    executor.run(|doorbell| control.run(doorbell));
    for thread in threads {
        thread
            .join()
            .map_err(|_| "a shard core ended in a panic".to_owned())?;
    }
    // Everything that was recorded is on disk when the process ends.
    end_of_file();
    file_thread
        .join()
        .map_err(|_| "the append-only file's thread ended in a panic".to_owned())?;
    failure.try_recv().map_or(Ok(()), Err)
}

/// What there is to be loaded; an append-only file that is not there is made.
fn source(settings: &Settings, table: &'static Table, log: &Log) -> Result<Option<Origin>, String> {
    if !settings.is_on("appendonly") {
        let file = load::open(settings)?;
        let source = file.map(Source::of_file).transpose()?;
        return Ok(source.map(Origin::Rdb));
    }
    match aof::open(settings, table)? {
        Some(opened) => Ok(Some(Origin::Aof(Box::new(opened)))),
        None => aof::found(settings, log).map(|()| None),
    }
}

/// Starts the shard cores; all have their rings and whatever else they need when
/// this returns, and wait for the gate to open.
fn start_cores(
    plan: &Plan,
    journal: &Journal,
    listeners: Vec<Listener>,
    control: Bell,
    is_loading: bool,
) -> Result<Started, String> {
    let (made, rings) = mpsc::channel();
    let mut threads = Vec::new();
    let mut openers = Vec::new();
    let mut listeners = Some(listeners);
    for core in 0..plan.cores.len() {
        let (open, opened) = mpsc::channel::<Doors>();
        openers.push(open);
        let plan = plan.clone();
        let databases = plan.live.databases as usize;
        let hash_key = plan.hash_key;
        let post = Postbox::new(Arc::clone(&plan.mailboxes), core);
        let listeners = listeners.take().unwrap_or_default();
        let made = made.clone();
        let journal = journal.clone();
        let cpu = plan.cores[core];
        let life = move || {
            process::pin(cpu);
            let ring = Ring::new();
            // Lua does not leave the thread it is made in.
            let local = local(&plan, core, is_loading);
            let mut shard = Shard::new(core, databases, hash_key);
            if plan.live.appendonly {
                shard.recorded_by = FILE;
            }
            let told = made.send((
                core,
                ring.as_ref()
                    .map(Ring::descriptor_and_bell)
                    .map_err(|Unavailable(text)| text.clone()),
            ));
            let (Ok(ring), Ok(())) = (ring, told) else {
                return;
            };
            // The boot gives up when another core's ring cannot be had.
            let Ok(doors) = opened.recv() else { return };
            let parts = Parts {
                local,
                shard,
                post,
                hash_key,
                doors,
                listeners,
                journal,
            };
            Core::new(ring, parts).run();
        };
        let thread = thread::Builder::new()
            .name(format!("shard-{core}"))
            .spawn(life)
            .map_err(|error| format!("Can't start a thread: {error}"))?;
        threads.push(thread);
    }
    drop(made);
    let mut descriptors = vec![-1; plan.cores.len()];
    let mut bells = vec![control; plan.cores.len()];
    for (core, ring) in rings {
        let (descriptor, bell) = ring?;
        descriptors[core] = descriptor;
        bells[core] = bell;
        if descriptors.iter().all(|&descriptor| descriptor >= 0) {
            break;
        }
    }
    let doors = Doors::new(descriptors, control);
    Ok(Started {
        threads,
        bells,
        gate: Gate { openers, doors },
    })
}

/// The shard cores, waiting at the gate.
struct Started {
    threads: Vec<JoinHandle<()>>,
    bells: Vec<Bell>,
    gate: Gate,
}

/// Holds the cores back until everything is ready.
struct Gate {
    openers: Vec<mpsc::Sender<Doors>>,
    doors: Doors,
}

impl Gate {
    /// Lets the cores serve.
    fn open(self) {
        for opener in self.openers {
            // A core that is gone has panicked, and its join will say so.
            let _gone = opener.send(self.doors.clone()).is_err();
        }
    }
}

fn local(plan: &Plan, core: usize, is_loading: bool) -> Local {
    let cores = plan.cores.len();
    Local {
        core,
        placement: plan.placement,
        table: plan.table,
        settings: Arc::clone(&plan.settings),
        live: Arc::clone(&plan.live),
        facts: Arc::clone(&plan.facts),
        system: SYSTEM,
        roster: Roster::default(),
        directory: Directory::new(plan.hash_key, cores > 1),
        telemetry: Telemetry::new(core, cores, plan.table.len()),
        rates: Rates::default(),
        is_loading,
        is_async_loading: false,
        replication: Arc::clone(&plan.replication),
        lineage: Arc::clone(&plan.lineage),
        replicas: Arc::default(),
        save_failed: false,
        persistence: Arc::clone(&plan.persistence),
        counters: Arc::clone(&plan.counters),
        random: Random::from_entropy(),
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

/// Raises the limit of open files to what `maxclients` needs, or lowers
/// `maxclients` to what is allowed, as stock does.
fn fit_open_files(settings: &mut Settings, log: &Log) -> Result<(), String> {
    let wanted: u64 = settings.number("maxclients");
    let possible = possible_clients(wanted);
    let files = possible + OWN_FILES;
    if possible == wanted {
        return Ok(());
    }
    if possible == 0 {
        return Err(format!(
            "more than {OWN_FILES} open files are needed to serve anybody: raise ulimit -n"
        ));
    }
    log.warning(&format!(
        "maxclients is reduced from {wanted} to {possible}, since {files} open files are allowed: raise ulimit -n"
    ));
    settings.set_from_file(b"maxclients", &[possible.to_string().into_bytes()])
}

/// How many of so many clients there are open files for.
pub(super) fn possible_clients(wanted: u64) -> u64 {
    let files = process::raise_open_files(wanted + OWN_FILES);
    files.saturating_sub(OWN_FILES).min(wanted)
}

/// The table with the file's renames, for the life of the process.
fn table(renames: &[config::Rename]) -> Result<&'static Table, String> {
    let mut table = Table::new(commands());
    for rename in renames {
        table
            .rename(&rename.command, &rename.name)
            .map_err(|why| Fault::at(&rename.place, why).lines.join("\n"))?;
    }
    Ok(Box::leak(Box::new(table)))
}

fn absolute(file: Option<&Path>) -> Option<PathBuf> {
    file.map(|file| std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()))
}

/// Goes to `dir`, which then says where that is, as CONFIG GET shows it.
fn enter_directory(settings: &mut Settings) -> Result<(), String> {
    let directory = String::from_utf8_lossy(settings.bytes("dir")).into_owned();
    std::env::set_current_dir(&directory)
        .map_err(|error| format!("Can't chdir to '{directory}': {error}"))?;
    if let Ok(here) = std::env::current_dir() {
        settings.set_from_file(b"dir", &[here.into_os_string().into_encoded_bytes()])?;
    }
    Ok(())
}

/// The cores to pin shards to: as many as asked for, the machine's in turn.
fn chosen_cores(settings: &Settings) -> Result<Vec<usize>, String> {
    let available = process::cores();
    let asked: usize = settings.number("shards");
    let shards = if asked == 0 { available.len() } else { asked };
    if shards > SHARDS_MAX {
        return Err(format!(
            "shards {shards}: at most {SHARDS_MAX} are possible"
        ));
    }
    Ok(available.into_iter().cycle().take(shards.max(1)).collect())
}

fn facts(config_file: Option<&Path>, supervised_by: &'static str) -> Facts {
    let executable = std::env::current_exe().unwrap_or_default();
    Facts {
        started_ms: unix_ms(),
        run_id: ReplicationId::random(&mut Random::from_entropy()).to_string(),
        executable: executable.display().to_string(),
        config_file: config_file.map_or_else(String::new, |file| file.display().to_string()),
        process_id: std::process::id(),
        os: process::system_name(),
        supervised_by,
    }
}

/// How the history is called of a node that knows of none.
fn founding_name() -> String {
    ReplicationId::founding(unix_ms(), &mut Random::from_entropy()).to_string()
}

fn readings() -> Readings {
    let (process, thread) = (process::usage(), process::thread_usage());
    Readings {
        user_us: process.user_us,
        system_us: process.system_us,
        thread_user_us: thread.user_us,
        thread_system_us: thread.system_us,
        resident_bytes: process::resident_bytes(),
        machine_bytes: process::machine_bytes(),
    }
}
