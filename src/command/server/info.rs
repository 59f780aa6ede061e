//! INFO: which sections, and the numbers they are made from.
//!
//! Every core packs its share and, for the sections that need them, its
//! statistics of commands and errors; the client's core adds them up.

use crate::command::gather::{Gather, Part};
use crate::command::scene::{Local, Scene};
use crate::command::table::{Command, Run};
use crate::memory::used_memory;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Categories, Flags, Group, Spec};
use crate::telemetry::{CommandStats, ErrorStats, Parcel, Totals, totals};

use super::footprint::Footprint;
use super::print::Lines;
use super::share::Share;
use super::{info_commands, info_sections, info_shards};

pub(crate) const COMMANDS: &[Command] = &[INFO];

const INFO: Command = Command {
    spec: Spec {
        name: "INFO",
        usage: "[section...]",
        summary: "Returns facts and counters of the server.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::DANGEROUS),
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        history: &[("7.0.0", "Several sections in one call.")],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(GATHER),
};

const GATHER: Gather = Gather {
    check: |_, _| Ok(()),
    part,
    merge,
};

/// What the sections are written from.
pub(super) struct Gathered<'a> {
    pub(super) local: &'a Local,
    /// Unix milliseconds.
    pub(super) now_ms: u64,
    /// By core.
    pub(super) shares: Vec<Share>,
    pub(super) totals: Totals,
    pub(super) footprint: Footprint,
    pub(super) commands: CommandStats,
    pub(super) errors: ErrorStats,
}

impl Gathered<'_> {
    /// One number of all cores together.
    pub(super) fn sum(&self, number: impl Fn(&Share) -> u64) -> u64 {
        self.shares.iter().map(number).sum()
    }

    /// The largest of all cores.
    pub(super) fn max(&self, number: impl Fn(&Share) -> u64) -> u64 {
        self.shares.iter().map(number).max().unwrap_or(0)
    }
}

/// One section.
struct Section {
    /// As clients name it.
    name: &'static str,
    /// Shown when nothing is asked for.
    is_default: bool,
    write: fn(&Gathered<'_>, &mut Lines),
}

/// In the order they are printed.
const SECTIONS: [Section; 14] = [
    section("server", true, info_sections::server),
    section("clients", true, info_sections::clients),
    section("memory", true, info_sections::memory),
    section("persistence", true, info_sections::persistence),
    section("stats", true, info_sections::stats),
    section("replication", true, info_sections::replication),
    section("cpu", true, info_sections::cpu),
    section("modules", true, |_, lines| lines.section("Modules")),
    section("commandstats", false, info_commands::commands),
    section("errorstats", true, info_commands::errors),
    section("latencystats", false, info_commands::latencies),
    section("cluster", true, info_sections::cluster),
    section("keyspace", true, info_shards::keyspace),
    section("shards", true, info_shards::shards),
];

const COMMANDSTATS: usize = 8;
const LATENCYSTATS: usize = 10;

const fn section(
    name: &'static str,
    is_default: bool,
    write: fn(&Gathered<'_>, &mut Lines),
) -> Section {
    Section {
        name,
        is_default,
        write,
    }
}

/// Which sections are asked for; words that name none are passed over.
fn chosen(args: Args<'_>) -> [bool; SECTIONS.len()] {
    let mut chosen = SECTIONS.map(|section| section.is_default && args.len() == 1);
    for index in 1..args.len() {
        let everything = args.is(index, b"all") || args.is(index, b"everything");
        let default = args.is(index, b"default");
        for (is_chosen, section) in chosen.iter_mut().zip(&SECTIONS) {
            *is_chosen |= everything
                || default && section.is_default
                || args.is(index, section.name.as_bytes());
        }
    }
    chosen
}

fn part(part: &mut Part<'_>, args: Args<'_>, out: &mut Vec<u8>) {
    let chosen = chosen(args);
    Share::of(part).pack(out);
    part.local.telemetry.errors.pack(out);
    if chosen[COMMANDSTATS] || chosen[LATENCYSTATS] {
        let commands = &part.local.telemetry.commands;
        commands.pack(chosen[LATENCYSTATS], out);
    }
}

fn merge(
    scene: &mut Scene<'_>,
    args: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let local = &*scene.local;
    // Before the answer takes memory of its own.
    let used = used_memory() as u64;
    let mut gathered = Gathered {
        local,
        now_ms: scene.now_ms,
        shares: Vec::new(),
        totals: totals(local.counters.iter()),
        footprint: Footprint::default(),
        commands: CommandStats::new(local.table.len()),
        errors: ErrorStats::default(),
    };
    for answer in answers {
        let mut parcel = Parcel::new(answer);
        gathered.shares.push(Share::unpack(&mut parcel));
        gathered.errors.add_packed(&mut parcel);
        if !parcel.is_empty() {
            gathered.commands.add_packed(&mut parcel);
        }
    }
    gathered.footprint = Footprint::now(local, used, &gathered.shares);
    let mut lines = Lines::default();
    for (section, is_chosen) in SECTIONS.iter().zip(chosen(args)) {
        if is_chosen {
            (section.write)(&gathered, &mut lines);
        }
    }
    reply.verbatim("txt", lines.text().as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{COMMANDSTATS, LATENCYSTATS, SECTIONS, chosen};
    use crate::resp::OwnedArgs;

    fn names(words: &str) -> String {
        let owned = OwnedArgs::new(words.split(' '));
        let chosen = chosen(owned.args());
        let named = SECTIONS.iter().zip(chosen).filter(|(_, chosen)| *chosen);
        let names: Vec<&str> = named.map(|(section, _)| section.name).collect();
        names.join(" ")
    }

    #[test]
    fn sections_are_chosen_by_name_and_by_set() {
        assert_eq!(names("INFO Stats keyspace nosuch stats"), "stats keyspace");
        assert_eq!(names("INFO nosuch"), "");
        assert_eq!(names("INFO"), names("INFO default"));
        assert!(!names("INFO default").contains("commandstats"));
        assert!(names("INFO default latencystats").contains("latencystats"));
        assert_eq!(names("INFO all").split(' ').count(), SECTIONS.len());
        assert_eq!(names("INFO all"), names("INFO EVERYTHING"));
    }

    #[test]
    fn what_the_parts_pack_for_is_where_it_is_said_to_be() {
        assert_eq!(SECTIONS[COMMANDSTATS].name, "commandstats");
        assert_eq!(SECTIONS[LATENCYSTATS].name, "latencystats");
    }
}
