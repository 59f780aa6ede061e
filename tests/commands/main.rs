//! Transcripts of sessions, each played against stock Redis, which proves
//! the expectation, and against basalt with one, two and five shards.
//!
//! `BASALT_TRANSCRIPTS=stock` plays them against stock only, `=basalt` against
//! basalt only. `UPDATE=1` writes stock's replies into the files: read the
//! difference before you keep it. The language is told in `transcript.rs`.

#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/node asks more of a process")]
mod process;
#[path = "../harness/wire.rs"]
mod wire;

mod player;
mod transcript;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use player::Player;
use process::Server;
use transcript::{Block, Step};

/// How many differences of one server are shown.
const SHOWN_MAX: usize = 60;

const SHARDS: &[usize] = &[1, 2, 5];

/// What both kinds of server are started with.
const SETTINGS: &[&str] = &["enable-debug-command yes"];

/// One server to play against.
struct Stage {
    name: String,
    is_stock: bool,
    program: &'static str,
    settings: Vec<String>,
}

fn stages() -> Vec<Stage> {
    let only = env::var("BASALT_TRANSCRIPTS").unwrap_or_default();
    let common = || SETTINGS.iter().map(|setting| (*setting).to_owned());
    let mut stages = Vec::new();
    if only != "basalt" {
        stages.push(Stage {
            name: "stock".to_owned(),
            is_stock: true,
            program: "redis-server",
            settings: common().collect(),
        });
    }
    if only != "stock" && !is_update() {
        stages.extend(SHARDS.iter().map(|shards| Stage {
            name: format!("basalt with {shards} shard(s)"),
            is_stock: false,
            program: env!("CARGO_BIN_EXE_basalt"),
            settings: common().chain([format!("shards {shards}")]).collect(),
        }));
    }
    stages
}

fn is_update() -> bool {
    env::var("UPDATE").is_ok_and(|value| value == "1")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands")
}

/// Plays a file against every server and panics with all differences.
fn check(name: &str) {
    let file = format!("{name}.txt");
    let text = fs::read_to_string(folder().join(&file)).expect("the transcript is readable");
    let steps = transcript::parse(&file, &text);
    let mut told = String::new();
    for stage in stages() {
        let server = Server::start(stage.program, &stage.settings);
        let replies = replies(&server, &stage, &steps);
        if is_update() {
            fs::write(folder().join(&file), updated(&text, &steps, &replies))
                .expect("the transcript is writable");
            continue;
        }
        let differences = differences(&file, &stage, &steps, &replies);
        if !differences.is_empty() {
            let count = differences.len();
            let shown = differences[..count.min(SHOWN_MAX)].join("\n");
            let log = server.log();
            let log: Vec<&str> = log.lines().rev().take(5).collect();
            told.push_str(&format!(
                "\n{}: {count} difference(s); end of its log: {log:?}\n{shown}\n",
                stage.name
            ));
        }
    }
    assert!(told.is_empty(), "{told}");
}

fn replies(server: &Server, stage: &Stage, steps: &[Step]) -> Vec<Vec<String>> {
    let mut player = Player::new(server.port(), stage.is_stock, is_update());
    let mut replies = Vec::new();
    for step in steps {
        let lines = player.play(step);
        let is_lost = lines.last().is_some_and(|line| line == "(no reply)")
            && !step.expected_on(stage.is_stock).accepts(&lines);
        replies.push(lines);
        // What follows a reply that never came would only wait as well.
        if is_lost && !is_update() {
            break;
        }
    }
    replies
}

fn differences(file: &str, stage: &Stage, steps: &[Step], replies: &[Vec<String>]) -> Vec<String> {
    let mut found = Vec::new();
    for (step, got) in steps.iter().zip(replies) {
        let wanted = step.expected_on(stage.is_stock);
        let is_open = wanted.lines.is_empty()
            && !matches!(step.kind, transcript::Kind::Raw | transcript::Kind::Wait);
        if is_open || !wanted.accepts(got) {
            found.push(format!(
                "{file}:{}: {}\n  wanted:\n    {}\n  got from {}:\n    {}",
                step.line,
                step.text,
                if is_open {
                    "nothing is written down: UPDATE=1 fills it".to_owned()
                } else {
                    wanted.lines.join("\n    ")
                },
                stage.name,
                got.join("\n    ")
            ));
        }
    }
    found
}

/// The file with stock's replies in place of what it did not reply.
fn updated(text: &str, steps: &[Step], replies: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (step, got) in steps.iter().zip(replies).rev() {
        let block: &Block = step.expected_on(true);
        if !block.accepts(got) && !block.has_pattern() {
            lines.splice(block.from..block.to, got.iter().cloned());
        }
    }
    lines.join("\n") + "\n"
}

/// One test for each transcript, and one that no transcript is forgotten.
macro_rules! transcripts {
    ($($test:ident: $file:literal,)*) => {
        $(
            #[test]
            fn $test() {
                check($file);
            }
        )*

        #[test]
        fn every_transcript_is_played() {
            let listed = [$($file),*];
            for entry in fs::read_dir(folder()).expect("the folder is readable") {
                let path = entry.expect("the listing goes on").path();
                let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
                let is_text = path.extension().is_some_and(|extension| extension == "txt");
                assert!(
                    !is_text || listed.contains(&name),
                    "{name}.txt is played by no test: list it in tests/commands/main.rs"
                );
            }
        }
    };
}

transcripts! {
    any_type: "any-type",
    bitfield: "bitfield",
    bitmaps: "bitmaps",
    client: "client",
    blocking: "blocking",
    command: "command",
    config: "config",
    connection: "connection",
    copy_move_rename: "copy-move-rename",
    databases: "databases",
    debug_data: "debug-data",
    dump_restore: "dump-restore",
    eval: "eval",
    expire: "expire",
    geo: "geo",
    hash_field_expiry: "hash-field-expiry",
    hashes: "hashes",
    hyperloglog: "hyperloglog",
    keys: "keys",
    keyspace_events: "keyspace-events",
    lists: "lists",
    object: "object",
    protocol: "protocol",
    pubsub: "pubsub",
    replication: "replication",
    resp3: "resp3",
    scan: "scan",
    scripts: "scripts",
    save: "save",
    server: "server",
    several_cores: "several-cores",
    sets: "sets",
    sorted_sets: "sorted-sets",
    sort: "sort",
    stream_groups: "stream-groups",
    streams: "streams",
    strings: "strings",
    transactions: "transactions",
}
