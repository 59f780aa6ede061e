//! Sessions of the clients people use, against nodes with one shard and with
//! four: redis-cli, redis-benchmark, redis-py, ioredis and redis-rs; and what is
//! built on them, with four: locks of redis-py, jobs of BullMQ, Celery and RQ.
//!
//! What a session needs is installed below `target/clients`, once; without a
//! network that fails and says so. The sessions themselves are in the
//! language of their client, in files beside this one.

#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/node asks more of a process")]
mod process;
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "tests/commands shows replies too")]
mod wire;

mod rust;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use process::Server;

const REDIS_PY: &str = "redis==5.2.1";
/// With the client it is made for.
const BULLMQ: [&str; 2] = ["bullmq@6.7.0", "ioredis@6.0.0"];
const IOREDIS: &str = "ioredis@5.4.2";
/// Both with the redis-py of their time, which speaks RESP3 unless told otherwise.
const CELERY: [&str; 3] = ["celery[redis]==5.7.0", "kombu==5.7.0", "redis==8.1.0"];
const RQ: [&str; 2] = ["rq==3.0.0", "redis==8.1.0"];

fn nodes() -> impl Iterator<Item = Server> {
    ["shards 1", "shards 4"].into_iter().map(|shards| {
        let settings = [shards.to_owned(), "enable-debug-command yes".to_owned()];
        Server::start(env!("CARGO_BIN_EXE_basalt"), &settings)
    })
}

/// How many seconds a session may take.
const SESSION_SECONDS: &str = "60";

/// A command that is ended when its session takes too long.
fn limited(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args([SESSION_SECONDS, program]);
    command
}

/// Runs a command to its end and panics with what it said if it failed.
fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed:\n{said}\n{complained}"
    );
    said
}

/// Runs an installation once, in a folder that is complete when it is there.
fn installed(name: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients");
    let folder = root.join(name);
    if !folder.exists() {
        let unfinished = root.join(format!("{name}.unfinished"));
        drop(fs::remove_dir_all(&unfinished));
        fs::create_dir_all(&unfinished).expect("target/ can be written");
        install(&unfinished);
        fs::rename(&unfinished, &folder).expect("target/ can be written");
    }
    folder
}

/// Like `run`, for what needs the network.
fn fetch(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed; these sessions need the network once, to install their client:\n\
         {complained}"
    );
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// Packages of Python in a folder of their own, installed once; the folder
/// for PYTHONPATH.
fn pip_installed(name: &str, packages: &[&str]) -> PathBuf {
    let folder = installed(name, |folder| {
        let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"];
        fetch(
            Command::new("python3")
                .args(pip)
                .arg("--target")
                .arg(folder.join("packages"))
                .args(packages),
        );
    });
    folder.join("packages")
}

/// redis-py, installed once, also where several tests ask for it together.
fn redis_py() -> &'static Path {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    PACKAGES.get_or_init(|| pip_installed("redis-py", &[REDIS_PY]))
}

/// A node whose keys and clients are spread over four shards.
fn wide_node() -> Server {
    let settings = ["shards 4".to_owned()];
    Server::start(env!("CARGO_BIN_EXE_basalt"), &settings)
}

/// Locks, optimistic transactions and scripts from many threads.
#[test]
fn redis_py_locks() {
    let packages = redis_py();
    let node = wide_node();
    run(limited("python3")
        .arg(script("locks.py"))
        .arg(node.port().to_string())
        .env("PYTHONPATH", packages));
}

/// Jobs with delays, priorities and failures through BullMQ.
#[test]
fn bullmq_jobs() {
    let packages = installed("bullmq", |folder| {
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
        fetch(Command::new("npm").args(install).arg(folder).args(BULLMQ));
    });
    let node = wide_node();
    run(limited("node")
        .arg(script("jobs.js"))
        .arg(node.port().to_string())
        .env("NODE_PATH", packages.join("node_modules")));
}

/// A session whose workers are programs of their own that import it.
fn work(session: &str, packages: &Path) {
    let node = wide_node();
    let session = script(session);
    let beside = session.parent().expect("it is a file in a folder");
    let path = format!("{}:{}", packages.display(), beside.display());
    run(limited("python3")
        .arg(&session)
        .env("NODE_PORT", node.port().to_string())
        .env("PYTHONPATH", path)
        .env("PYTHONDONTWRITEBYTECODE", "1"));
}

/// Tasks, chords, retries, priorities, revocation and a killed worker through
/// Celery.
#[test]
fn celery_work() {
    work("work_celery.py", &pip_installed("celery", &CELERY));
}

/// Jobs with dependencies, retries, times, limits and a killed fork through RQ.
#[test]
fn rq_work() {
    work("work_rq.py", &pip_installed("rq", &RQ));
}

#[test]
fn redis_py_session() {
    let packages = redis_py();
    for node in nodes() {
        run(limited("python3")
            .arg(script("session.py"))
            .arg(node.port().to_string())
            .env("PYTHONPATH", packages));
    }
}

#[test]
fn ioredis_session() {
    let packages = installed("ioredis", |folder| {
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
        fetch(Command::new("npm").args(install).arg(folder).arg(IOREDIS));
    });
    for node in nodes() {
        run(limited("node")
            .arg(script("session.js"))
            .arg(node.port().to_string())
            .env("NODE_PATH", packages.join("node_modules")));
    }
}
