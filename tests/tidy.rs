//! The rules of the house that no compiler checks: who may name whom, where
//! unsafe, async, files, clocks and atomics may stand, sizes, names.
//!
//! Every rule is an allow-list over the sources with comments and strings
//! blanked out, so a mention in prose is free and a mention in code is not.
//! A message says what to do instead. To change a rule, change it here in a
//! commit of its own.

#[path = "tidy/source.rs"]
mod source;

use source::{Source, Token};

/// Who may name whom. A row may name only rows above it, so there are no
/// cycles; a folder of `src/` without a row fails, and so does a row without
/// a folder.
const ARROWS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("memory", &["base"]),
    ("resp", &["base"]),
    ("spec", &["base", "resp"]),
    ("value", &["base", "memory"]),
    ("config", &["base"]),
    ("telemetry", &["base"]),
    ("keyspace", &["base", "memory", "value"]),
    ("snapshot", &["base", "value"]),
    ("journal", &["base", "resp"]),
    ("shard", &["base", "resp", "keyspace"]),
    ("script", &["base", "resp"]),
    ("pubsub", &["base"]),
    ("replication", &["base", "resp"]),
    (
        "session",
        &["base", "resp", "spec", "config", "telemetry", "shard"],
    ),
    (
        "command",
        &[
            "base",
            "memory",
            "resp",
            "spec",
            "value",
            "config",
            "telemetry",
            "keyspace",
            "snapshot",
            "journal",
            "shard",
            "script",
            "pubsub",
            "session",
        ],
    ),
    ("runtime", &["base"]),
    (
        "server",
        &[
            "base",
            "memory",
            "resp",
            "spec",
            "value",
            "config",
            "telemetry",
            "keyspace",
            "snapshot",
            "journal",
            "shard",
            "script",
            "pubsub",
            "replication",
            "session",
            "command",
            "runtime",
        ],
    ),
];

/// What the program itself may name of the library.
const PROGRAM_MAY_NAME: &[&str] = &["server"];

/// Where a word may stand, as prefixes of paths below `src/`, and what to do
/// elsewhere.
struct Place {
    /// What the rule is about.
    what: &'static str,
    /// Whether a token (with the path before it) is an instance.
    is: fn(&str, &str) -> bool,
    allowed: &'static [&'static str],
    /// Whether code under `#[cfg(test)]` is free of the rule.
    free_in_tests: bool,
    instead: &'static str,
}

const PLACES: &[Place] = &[
    Place {
        what: "unsafe",
        is: |_, word| word == "unsafe" || word == "unsafe_code",
        allowed: &["memory/", "runtime/", "script/raw/"],
        free_in_tests: false,
        instead: "build on the safe face of memory/ or runtime/, or extend it there",
    },
    Place {
        what: "async",
        is: |_, word| word == "async" || word == "await",
        allowed: &["runtime/control/", "server/"],
        free_in_tests: false,
        instead: "make it a machine: on_… takes the event, next_action() says what to do",
    },
    Place {
        what: "glommio",
        is: |_, word| word == "glommio",
        allowed: &["runtime/control/"],
        free_in_tests: false,
        instead: "go through the names runtime/control/ exports",
    },
    Place {
        what: "io_uring",
        is: |_, word| word == "io_uring",
        allowed: &["runtime/core/"],
        free_in_tests: false,
        instead: "go through the names runtime/core/ exports",
    },
    Place {
        what: "files, sockets and threads of std",
        is: |before, word| before == "std" && matches!(word, "fs" | "net" | "thread"),
        allowed: &["runtime/", "server/", "main.rs"],
        free_in_tests: true,
        instead: "take bytes as an argument, or return what the driver in server/ shall do",
    },
    Place {
        what: "clocks",
        is: |_, word| matches!(word, "Instant" | "SystemTime"),
        allowed: &["runtime/", "server/"],
        free_in_tests: true,
        instead: "take `now: Time` as an argument",
    },
    Place {
        what: "atomics",
        is: |_, word| {
            word.strip_prefix("Atomic")
                .is_some_and(|rest| rest.starts_with(['B', 'I', 'P', 'U']))
        },
        allowed: &["runtime/", "memory/", "telemetry/counters", "base/claim"],
        free_in_tests: true,
        instead: "a core owns its data: send a message through a mailbox",
    },
    Place {
        what: "locks",
        is: |_, word| matches!(word, "Mutex" | "RwLock" | "Condvar"),
        allowed: &["runtime/"],
        free_in_tests: true,
        instead: "a core owns its data: send a message through a mailbox",
    },
];

/// A file that passes this is two ideas.
const FILE_LINES_MAX: usize = 600;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "manager",
];

fn arrow_row(folder: &str) -> &'static [&'static str] {
    ARROWS
        .iter()
        .find(|(name, _)| *name == folder)
        .map(|(_, may_name)| *may_name)
        .unwrap_or_else(|| {
            panic!("src/{folder} has no row in ARROWS: say in tests/tidy.rs whom it may name")
        })
}

/// Panics with all findings at once, so one run shows the whole work.
fn verdict(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} finding(s):\n  {}",
        findings.len(),
        findings.join("\n  ")
    );
}

#[test]
fn arrows_point_down() {
    let mut findings = Vec::new();
    for source in Source::all(&["src"]) {
        for line in source.opaque_lines() {
            findings.push(format!("{source}:{line}: name the modules one by one"));
        }
        let (root, own, may_name) = match source.folder() {
            None if source.below_src() == "lib.rs" => continue,
            None => ("basalt", "main.rs", PROGRAM_MAY_NAME),
            Some(folder) => ("crate", folder, arrow_row(folder)),
        };
        for named in source.named_after(root) {
            if named.word == own || may_name.contains(&named.word.as_str()) {
                continue;
            }
            findings.push(format!(
                "{source}:{}: {own} may not name `{}`; name only {may_name:?}, or move the code \
                 to the module that may (docs/architecture.md)",
                named.line, named.word
            ));
        }
    }
    verdict(&findings);
}

#[test]
fn every_row_names_only_rows_above_it() {
    for (at, (folder, may_name)) in ARROWS.iter().enumerate() {
        for named in *may_name {
            assert!(
                ARROWS[..at].iter().any(|(above, _)| above == named),
                "ARROWS: {folder} names {named}, which is not above it: reorder the rows, or \
                 remove the cycle"
            );
        }
    }
}

#[test]
fn every_row_has_its_folder_and_every_folder_its_row() {
    let folders = source::folders("src");
    for folder in &folders {
        arrow_row(folder);
    }
    for (row, _) in ARROWS {
        assert!(
            folders.iter().any(|folder| folder == row),
            "ARROWS has a row for src/{row}, which does not exist: remove the row"
        );
    }
}

#[test]
fn no_path_climbs_to_the_root_by_super() {
    let mut findings = Vec::new();
    for source in Source::all(&["src"]) {
        for (line, climbs) in source.super_chains() {
            if climbs >= source.depth() {
                findings.push(format!(
                    "{source}:{line}: {climbs} × `super` leaves the folder: write `crate::…`, \
                     which the arrows can see"
                ));
            }
        }
    }
    verdict(&findings);
}

#[test]
fn no_module_exports_another_ones_items() {
    let mut findings = Vec::new();
    for source in Source::all(&["src"]) {
        for named in source.re_exported_from_crate() {
            if Some(named.word.as_str()) != source.folder() {
                findings.push(format!(
                    "{source}:{}: re-exports `{}`, which hides an arrow: let the user name it",
                    named.line, named.word
                ));
            }
        }
    }
    verdict(&findings);
}

#[test]
fn dangerous_words_stand_only_in_their_places() {
    let mut findings = Vec::new();
    for source in Source::all(&["src"]) {
        let path = source.below_src();
        for place in PLACES {
            if place
                .allowed
                .iter()
                .any(|allowed| path.starts_with(allowed))
            {
                continue;
            }
            for Token { line, word, before } in source.words() {
                let is_free = place.free_in_tests && source.is_test_line(*line);
                if !is_free && (place.is)(before, word) {
                    findings.push(format!(
                        "{source}:{line}: `{word}` ({}) may stand only in {:?}: {}",
                        place.what, place.allowed, place.instead
                    ));
                }
            }
        }
    }
    verdict(&findings);
}

#[test]
fn every_file_opens_with_what_it_is() {
    let mut findings = Vec::new();
    for source in Source::all(&["src", "tests", "benches"]) {
        if !source.raw().starts_with("//! ") {
            findings.push(format!(
                "{source}: does not open with `//! `: say what it is, why it exists and what \
                 always holds"
            ));
        }
    }
    verdict(&findings);
}

#[test]
fn no_file_is_too_long() {
    let mut findings = Vec::new();
    for source in Source::all(&["src", "tests", "benches"]) {
        let lines = source.raw().lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(format!(
                "{source}: {lines} lines, more than {FILE_LINES_MAX}: it is two ideas, find \
                 the seam"
            ));
        }
    }
    verdict(&findings);
}

#[test]
fn a_mod_file_is_a_table_of_contents() {
    let mut findings = Vec::new();
    for source in Source::all(&["src"]) {
        let path = source.below_src();
        if path != "lib.rs" && !path.ends_with("mod.rs") {
            continue;
        }
        for item in source.items() {
            let is_listing = ["mod ", "pub mod ", "pub(crate) mod ", "pub(super) mod "]
                .iter()
                .chain(&["use ", "pub use ", "pub(crate) use ", "pub(super) use "])
                .any(|start| item.starts_with(start));
            let is_code = item.starts_with("mod ") && item.contains('{');
            if !is_listing || is_code {
                let shown: String = item.chars().take(60).collect();
                findings.push(format!(
                    "{source}: holds code (`{shown}`): move it to a file named after it; a \
                     mod.rs holds `//!`, mod lines and re-exports"
                ));
            }
        }
    }
    verdict(&findings);
}

#[test]
fn nothing_is_left_for_later() {
    // Written in halves, so that this file does not find itself.
    let marks = [
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X"),
    ];
    let mut findings = Vec::new();
    for source in Source::all(&["src", "tests", "benches"]) {
        for (index, line) in source.raw().lines().enumerate() {
            for word in line.split(|mark: char| !mark.is_alphanumeric() && mark != '_') {
                if marks.contains(&word) {
                    findings.push(format!(
                        "{source}:{}: {word}: do it now, or leave it out",
                        index + 1
                    ));
                }
            }
        }
        for line in source.ignored_tests() {
            findings.push(format!(
                "{source}:{line}: an ignored test proves nothing: make it pass or delete it"
            ));
        }
    }
    verdict(&findings);
}

#[test]
fn names_say_what_is_inside() {
    let mut findings = Vec::new();
    for source in Source::all(&["src", "tests", "benches"]) {
        let file_names = source.path().iter().filter_map(|part| part.to_str());
        for part in file_names.map(|part| part.trim_end_matches(".rs")) {
            if EMPTY_NAMES.contains(&part) {
                findings.push(format!(
                    "{source}: `{part}` says nothing: name the idea in it"
                ));
            }
        }
        for name in source.module_names() {
            if EMPTY_NAMES.contains(&name.word.as_str()) {
                findings.push(format!(
                    "{source}:{}: module `{}` says nothing: name the idea in it",
                    name.line, name.word
                ));
            }
        }
    }
    verdict(&findings);
}

#[test]
fn every_command_row_has_a_transcript() {
    let asked = source::transcript_commands("tests/commands");
    let mut findings = Vec::new();
    for source in Source::all(&["src/command"]) {
        for (line, name) in source.command_rows() {
            if !asked.contains(&name.to_ascii_uppercase()) {
                findings.push(format!(
                    "{source}:{line}: no transcript asks {name}: add it to the .txt of its \
                     family in tests/commands/"
                ));
            }
        }
    }
    verdict(&findings);
}
