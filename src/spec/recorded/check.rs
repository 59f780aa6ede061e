//! The comparison of rows with the recorded facts.

use std::collections::BTreeMap;

use super::json::Json;
use crate::spec::describe::{Description, docs, info};
use crate::spec::{Keys, Spec};

const INFO: &str = include_str!("../../../tests/fixtures/command-info.json");
pub(super) const DOCS: &str = include_str!("../../../tests/fixtures/command-docs.json");
const DIFFERENCES: &str = include_str!("../../../tests/fixtures/differences-7.2.txt");

/// Fails unless rows and recorded facts differ exactly where the list of differences says so.
///
/// Each row comes with its container, if it is a subcommand.
pub(crate) fn check<'s>(rows: impl IntoIterator<Item = (Option<&'s Spec>, &'s Spec)>) {
    let recorded = [("info", Json::parse(INFO)), ("docs", Json::parse(DOCS))];
    let mut listed: Vec<&str> = DIFFERENCES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut unlisted = Vec::new();
    let mut names = Vec::new();
    for (container, spec) in rows {
        let name = docs(spec, container, []).0;
        let ours = [
            ("info", our_info(spec, container)),
            ("docs", our_docs(spec, container)),
        ];
        for line in compare(&name, &recorded, &ours) {
            match listed.iter().position(|known| *known == line) {
                Some(index) => drop(listed.swap_remove(index)),
                None => unlisted.push(line),
            }
        }
        names.push(name);
    }
    listed.retain(|line| {
        let name = line
            .split_whitespace()
            .next()
            .expect("a line that is not empty");
        names.iter().any(|checked| checked == name)
    });
    assert!(
        unlisted.is_empty() && listed.is_empty(),
        "differences that are not listed:\n{}\nlisted, but equal:\n{}",
        unlisted.join("\n"),
        listed.join("\n"),
    );
}

/// The lines in which our description of one command differs from the recorded ones.
fn compare(name: &str, recorded: &[(&str, Json); 2], ours: &[(&str, Json); 2]) -> Vec<String> {
    let mut lines = Vec::new();
    for ((part, recorded), (_, ours)) in recorded.iter().zip(ours) {
        let Some(recorded) = recorded.member(name) else {
            lines.push(format!("{name} {part} is new"));
            continue;
        };
        let (recorded, ours) = (facts(recorded), facts(ours));
        let mut paths: Vec<_> = recorded.keys().chain(ours.keys()).collect();
        paths.sort();
        paths.dedup();
        for path in paths {
            let of = |side: &BTreeMap<String, String>| {
                side.get(path).map_or("nothing", String::as_str).to_owned()
            };
            if recorded.get(path) != ours.get(path) {
                let (before, after) = (of(&recorded), of(&ours));
                lines.push(format!("{name} {part}{path}: {before} -> {after}"));
            }
        }
    }
    lines
}

/// Every fact with the path that leads to it; a list of texts is one fact.
pub(super) fn facts(json: &Json) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    collect(json, String::new(), &mut facts);
    facts
}

fn collect(json: &Json, path: String, facts: &mut BTreeMap<String, String>) {
    match json {
        Json::Text(text) => drop(facts.insert(path, text.clone())),
        Json::Array(items) if items.iter().all(|item| matches!(item, Json::Text(_))) => {
            let texts: Vec<_> = items.iter().filter_map(Json::text).collect();
            if !texts.is_empty() {
                facts.insert(path, texts.join(" "));
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{path}[{index}]"), facts);
            }
        }
        Json::Map(members) => {
            for (name, member) in members {
                // Which subcommands there are is for the table to say, not for a row.
                if name != "subcommands" {
                    collect(member, format!("{path}.{name}"), facts);
                }
            }
        }
    }
}

/// Our COMMAND INFO of a row in the form of the recorded one.
fn our_info(spec: &Spec, container: Option<&Spec>) -> Json {
    let Description::Array(fields) = info(spec, container, []) else {
        panic!("COMMAND INFO of one command is an array");
    };
    let names = [
        "arity",
        "flags",
        "first",
        "last",
        "step",
        "categories",
        "tips",
        "keys",
    ];
    let mut members: Vec<_> = names
        .iter()
        .zip(fields.iter().skip(1))
        .map(|(name, field)| ((*name).to_owned(), json(field)))
        .collect();
    let noted = |keys: &Keys| Json::Text(keys.notes.is_some().to_string());
    if spec.keys.iter().any(|keys| keys.notes.is_some()) {
        let noted = Json::Array(spec.keys.iter().map(noted).collect());
        members.push(("noted".to_owned(), noted));
    }
    Json::Map(members)
}

/// Our COMMAND DOCS of a row in the form of the recorded one.
fn our_docs(spec: &Spec, container: Option<&Spec>) -> Json {
    let Description::Map(entries) = docs(spec, container, []).1 else {
        panic!("COMMAND DOCS of one command is a map");
    };
    let mut members = Vec::new();
    for (name, entry) in &entries {
        let value = match *name {
            "summary" | "replaced_by" => continue,
            "complexity" => Json::Text("true".to_owned()),
            "history" => {
                let versions = spec.history.iter().map(|(version, _)| *version);
                Json::Array(
                    versions
                        .map(|version| Json::Text(version.to_owned()))
                        .collect(),
                )
            }
            _ => json(entry),
        };
        members.push(((*name).to_owned(), value));
    }
    Json::Map(members)
}

/// Without the notes and texts, which 7.0.15 does not say or says in its own words.
pub(super) fn json(description: &Description) -> Json {
    match description {
        Description::Int(number) => Json::Text(number.to_string()),
        Description::Text(text) => Json::Text(text.clone()),
        Description::Status(text) => Json::Text((*text).to_owned()),
        Description::Array(items) | Description::Set(items) => {
            Json::Array(items.iter().map(json).collect())
        }
        Description::Map(entries) => Json::Map(
            entries
                .iter()
                .filter(|(name, _)| !["notes", "display_text"].contains(name))
                .map(|(name, entry)| ((*name).to_owned(), json(entry)))
                .collect(),
        ),
        Description::Named(entries) => Json::Map(
            entries
                .iter()
                .map(|(name, entry)| (name.clone(), json(entry)))
                .collect(),
        ),
    }
}
