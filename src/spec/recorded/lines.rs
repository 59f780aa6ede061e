//! The grammar of usage lines can say what the reference server documents of every command.

use super::check;
use super::check::{DOCS, facts, json};
use super::json::Json;
use crate::spec::{Description, Flags, Group, KeyFlags, Keys, Spec, docs};

/// The usage line that stands for a recorded list of arguments.
fn line(arguments: &Json, next_key: &mut usize) -> String {
    list(arguments, " ", next_key)
}

fn list(arguments: &Json, between: &str, next_key: &mut usize) -> String {
    let Json::Array(arguments) = arguments else {
        panic!("arguments are a list");
    };
    let lines: Vec<_> = arguments
        .iter()
        .map(|argument| element(argument, next_key))
        .collect();
    lines.join(between)
}

fn element(argument: &Json, next_key: &mut usize) -> String {
    let text = |member: &str| argument.member(member).and_then(Json::text);
    let has = |flag: &str| match argument.member("flags") {
        Some(Json::Array(flags)) => flags.iter().any(|known| known.text() == Some(flag)),
        Some(Json::Text(_) | Json::Map(_)) | None => false,
    };
    let name = text("name").expect("an argument has a name");
    let kind = text("type").expect("an argument has a type");
    let mut line = match (kind, text("token")) {
        ("pure-token", token) => format!("{name}={}", token.expect("a word")),
        (_, Some(token)) => format!("{token} {name}"),
        (_, None) => name.to_owned(),
    };
    match kind {
        "pure-token" => {}
        "oneof" | "block" => {
            let between = if kind == "oneof" { " | " } else { " " };
            let children = argument.member("arguments").expect("a group has arguments");
            line += &format!("=({})", list(children, between, next_key));
        }
        kind => line += &format!(":{kind}"),
    }
    if let Some(index) = text("key_spec_index") {
        let index: usize = index.parse().expect("a number");
        if kind != "key" || index != *next_key {
            line += &format!("@{index}");
        }
        if kind == "key" {
            *next_key = index + 1;
        }
    }
    if let Some(version) = text("since") {
        line += &format!("{{{version}}}");
    }
    if let Some(version) = text("deprecated_since") {
        line += &format!("{{..{version}}}");
    }
    line += if has("multiple") && !has("multiple_token") {
        "..."
    } else {
        ""
    };
    if has("optional") {
        line = format!("[{line}]");
    }
    line + if has("multiple_token") { "..." } else { "" }
}

#[test]
fn every_recorded_command_has_a_usage_line() {
    let Json::Map(commands) = Json::parse(DOCS) else {
        panic!("the commands are a map");
    };
    let mut checked = 0;
    for (name, command) in &commands {
        let Some(arguments) = command.member("arguments") else {
            continue;
        };
        // The grammar takes no names like `ip:port`, which 7.2 does not have any more.
        if name == "client|kill" {
            continue;
        }
        let usage: &'static str = line(arguments, &mut 0).leak();
        let spec = Spec {
            usage,
            ..Spec::PLAIN
        };
        let Description::Map(entries) = docs(&spec, None, []).1 else {
            panic!("COMMAND DOCS of one command is a map");
        };
        let (_, ours) = entries.last().expect("arguments stand last");
        assert_eq!(facts(&json(ours)), facts(arguments), "{name}: {usage}");
        checked += 1;
    }
    assert_eq!(checked, 275, "commands with arguments");
}

const MSET: Spec = Spec {
    name: "MSET",
    usage: "data=(key value)...",
    since: "1.0.1",
    group: Group::String,
    flags: Flags::WRITE.and(Flags::DENYOOM),
    keys: &[Keys::range(1, -1, 2, KeyFlags::OW.and(KeyFlags::UPDATE))],
    tips: &[
        "request_policy:multi_shard",
        "response_policy:all_succeeded",
    ],
    ..Spec::PLAIN
};

#[test]
fn a_row_with_its_listed_differences_passes() {
    check([(None, &MSET)]);
}

#[test]
#[should_panic(expected = "mset info.arity: -3 -> -2")]
fn a_difference_that_is_not_listed_fails() {
    let usage = "data=(key [value])...";
    check([(None, &Spec { usage, ..MSET })]);
}

#[test]
#[should_panic(expected = "listed, but equal:\nmset docs.arguments[0].name: key_value -> data")]
fn a_listed_difference_that_is_none_fails() {
    let usage = "key_value=(key value)...";
    check([(None, &Spec { usage, ..MSET })]);
}
