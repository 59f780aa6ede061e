//! `docs/settings.md` is written from the table; `UPDATE=1` writes it anew.

use std::fmt::Write as _;

use crate::config::{Change, Kind, SETTINGS, Setting, Support};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");

const HEAD: &str = "\
# Settings

Written from `src/config/table.rs`; `UPDATE=1 cargo test --lib settings_page` writes it anew.

A setting stands in a file of `redis.conf` syntax (`basalt file.conf`), on the command line (`--name value`), or,
where it may change while running, in `CONFIG SET name value`. Sizes take units: `1k` is 1000 bytes, `1kb` 1024.

- **live**: CONFIG SET changes it. **start**: only before start. **protected**: CONFIG SET changes it where
  `enable-protected-configs` lets the client.
- **works**: does what it says. **shown**: accepted and shown, so that a file made for Redis loads; there is nothing
  for it to act on. **hidden**: for tests; CONFIG GET finds it by its whole name, and by no pattern. **not yet**: asks for something basalt does not have; only the default is accepted, anything else
  stops the start with the line's place.

## What differs from Redis 7.2

- `CONFIG GET *` names every setting 7.0.15 names, with the same defaults, and of 7.2 `set-max-listpack-entries`,
  `set-max-listpack-value`, `locale-collate` and `cluster-announce-human-nodename`.
- `shards` is basalt's own; `io-threads` has no meaning here.
- `user`, `loadmodule` and `--sentinel` are refused: not yet. `user default on nopass ~* &* +@all`, which stock's `CONFIG REWRITE`
  leaves in every file, is taken; with a `#digest` in place of `nopass` where `requirepass` is that password. `CONFIG REWRITE` drops the line.
- A fault names the file too: `Reading the configuration file a.conf, at line 3`; lines of the command line are
  counted by themselves.
- `CONFIG REWRITE` writes `requirepass` as itself, not as a `user` line, and words in quotes only where needed.

";

fn form(kind: Kind) -> String {
    match kind {
        Kind::Text => String::from("text"),
        Kind::Title => String::from("text with `{names}`"),
        Kind::Bool => String::from("yes, no"),
        Kind::Integer(least, most) => format!("integer from {}", range(least, most)),
        Kind::Octal => String::from("octal up to 777"),
        Kind::Memory(least, most) => format!("size from {}", range(least, most)),
        Kind::MemoryOrPercent => String::from("size or percent of `maxmemory`"),
        Kind::Enum(words) => words.join(", "),
        Kind::Words(most) => format!("up to {most} words"),
        Kind::OutputLimits => String::from("class hard soft seconds, repeated"),
        Kind::Save => String::from("pairs of seconds and changes"),
        Kind::Percentiles => String::from("numbers from 0 to 100"),
        Kind::Events => String::from("letters of `Ag$lshzxeKEtmdn`"),
        Kind::Shutdown => String::from("default, or some of save, nosave, now, force"),
        Kind::OomScores => String::from("three integers from -2000 to 2000"),
    }
}

fn range(least: i64, most: i64) -> String {
    if most == i64::MAX {
        format!("{least}")
    } else {
        format!("{least} to {most}")
    }
}

fn row(setting: &Setting) -> String {
    let name = if setting.alias.is_empty() {
        format!("`{}`", setting.name)
    } else {
        format!("`{}`, `{}`", setting.name, setting.alias)
    };
    let change = match setting.change {
        Change::Live => "live",
        Change::Start => "start",
        Change::Protected => "protected",
    };
    let support = match setting.support {
        Support::Works => "works",
        Support::Shown => "shown",
        Support::Hidden => "hidden",
        Support::Later => "not yet",
    };
    let default = if setting.default.is_empty() {
        "empty".into()
    } else {
        format!("`{}`", setting.default)
    };
    format!(
        "| {name} | {} | {default} | {change} | {support} | {} |",
        form(setting.kind),
        setting.doc
    )
}

#[test]
fn settings_page_is_fresh() {
    let mut page = String::from(HEAD);
    page.push_str(
        "| name | values | default | changes | here | what it does |\n|---|---|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        writeln!(page, "{}", row(setting)).expect("a String takes any text");
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PATH, &page).expect("docs/ can be written");
    }
    let found = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        found == page,
        "docs/settings.md is stale: UPDATE=1 cargo test --lib settings_page"
    );
}
