//! COMMAND: what the table says of itself.

use crate::base::{Case, glob_matches};
use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Entry, Run, Table};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{
    Categories, Description, Flags, Group, KeyFlags, Spec, acl_categories, docs, each_key, info,
};

use super::print;

pub(crate) const COMMANDS: &[Command] = &[COMMAND];

const COMMAND: Command = Command {
    spec: Spec {
        name: "COMMAND",
        summary: "Describes all commands.",
        since: "2.8.13",
        cost: "O(N) with N the number of commands",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::CONNECTION),
        tips: &["nondeterministic_output_order"],
        arity: Some(-1),
        ..Spec::PLAIN
    },
    run: Run::AloneOr(all, SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[
    COMMAND_COUNT,
    COMMAND_DOCS,
    COMMAND_GETKEYS,
    COMMAND_GETKEYSANDFLAGS,
    COMMAND_HELP,
    COMMAND_INFO,
    COMMAND_LIST,
];

/// COMMAND alone: INFO of every command.
fn all(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let table = scene.local.table;
    reply.array(tops(table).count());
    for entry in tops(table) {
        print::describe(reply, &info_of(table, entry));
    }
    Ok(())
}

/// Entries that are no subcommands.
fn tops(table: &Table) -> impl Iterator<Item = &Entry> {
    table.entries().filter(|entry| entry.parent.is_none())
}

fn parent<'t>(table: &'t Table, entry: &Entry) -> Option<&'t Spec> {
    entry.parent.map(|parent| &table.at(parent).command.spec)
}

fn children<'t>(table: &'t Table, entry: &'t Entry) -> impl Iterator<Item = &'t Spec> {
    let children = entry.children.iter();
    children.map(|&child| &table.at(child).command.spec)
}

fn info_of(table: &Table, entry: &Entry) -> Description {
    info(
        &entry.command.spec,
        parent(table, entry),
        children(table, entry),
    )
}

const COMMAND_COUNT: Command = Command {
    spec: Spec {
        name: "COUNT",
        summary: "Counts the commands.",
        since: "2.8.13",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::CONNECTION),
        ..Spec::PLAIN
    },
    run: Run::Here(count),
};

fn count(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.int(tops(scene.local.table).count() as i64);
    Ok(())
}

const COMMAND_INFO: Command = Command {
    spec: Spec {
        name: "INFO",
        usage: "[command-name...]",
        summary: "Describes commands.",
        since: "2.8.13",
        cost: "O(N) with N the number of commands asked for",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::CONNECTION),
        tips: &["nondeterministic_output_order"],
        history: &[("7.0.0", "Without names it describes all commands.")],
        ..Spec::PLAIN
    },
    run: Run::Here(info_named),
};

fn info_named(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() == 2 {
        return all(scene, args, reply);
    }
    let table = scene.local.table;
    reply.array(args.len() - 2);
    for name in args.tail(2).iter() {
        match table.by_full_name(name) {
            Some(entry) => print::describe(reply, &info_of(table, entry)),
            None => reply.null(),
        }
    }
    Ok(())
}

const COMMAND_DOCS: Command = Command {
    spec: Spec {
        name: "DOCS",
        usage: "[command-name...]",
        summary: "Documents commands: what they do, since when, and their arguments.",
        since: "7.0.0",
        cost: "O(N) with N the number of commands asked for",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::CONNECTION),
        tips: &["nondeterministic_output_order"],
        ..Spec::PLAIN
    },
    run: Run::Here(docs_named),
};

fn docs_named(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let table = scene.local.table;
    let asked: Vec<&Entry> = if args.len() == 2 {
        tops(table).collect()
    } else {
        let names = args.tail(2).iter();
        names.filter_map(|name| table.by_full_name(name)).collect()
    };
    let docs_of = |entry: &&Entry| {
        docs(
            &entry.command.spec,
            parent(table, entry),
            children(table, entry),
        )
    };
    let all = Description::Named(asked.iter().map(docs_of).collect());
    print::describe(reply, &all);
    Ok(())
}

const COMMAND_LIST: Command = Command {
    spec: Spec {
        name: "LIST",
        usage: "[FILTERBY filterby=(MODULE module-name | ACLCAT category | PATTERN pattern:pattern)]",
        summary: "Lists the names of commands.",
        since: "7.0.0",
        cost: "O(N) with N the number of commands",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::CONNECTION),
        tips: &["nondeterministic_output_order"],
        ..Spec::PLAIN
    },
    run: Run::Here(list),
};

/// Which names COMMAND LIST gives.
enum Filter<'a> {
    Any,
    /// Of a module; there are none.
    Module,
    Category(Option<Categories>),
    Pattern(&'a [u8]),
}

impl Filter<'_> {
    fn fits(&self, entry: &Entry) -> bool {
        match self {
            Filter::Any => true,
            Filter::Module | Filter::Category(None) => false,
            Filter::Category(Some(category)) => acl_categories(&entry.command.spec).has(*category),
            Filter::Pattern(pattern) => {
                glob_matches(pattern, entry.name.as_bytes(), Case::Insensitive)
            }
        }
    }
}

fn filter(args: Args<'_>) -> Result<Filter<'_>, Refusal> {
    if args.len() == 2 {
        return Ok(Filter::Any);
    }
    if args.len() != 5 || !args.is(2, b"filterby") {
        return Err(Refusal::Syntax);
    }
    let word = args.get(4);
    if args.is(3, b"module") {
        Ok(Filter::Module)
    } else if args.is(3, b"aclcat") {
        let named =
            |(_, name): &&(Categories, &str)| name.as_bytes()[1..].eq_ignore_ascii_case(word);
        let found = Categories::NAMES.iter().find(named);
        Ok(Filter::Category(found.map(|(category, _)| *category)))
    } else if args.is(3, b"pattern") {
        Ok(Filter::Pattern(word))
    } else {
        Err(Refusal::Syntax)
    }
}

fn list(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let filter = filter(args)?;
    let mark = reply.deferred();
    let mut listed = 0;
    for entry in scene.local.table.entries() {
        if filter.fits(entry) {
            reply.text(entry.name);
            listed += 1;
        }
    }
    reply.fill_array(mark, listed);
    Ok(())
}

const COMMAND_GETKEYS: Command = Command {
    spec: Spec {
        name: "GETKEYS",
        usage: "command [arg...]",
        summary: "Finds the keys among the words of a command.",
        since: "2.8.13",
        cost: "O(N) with N the number of words",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::CONNECTION),
        ..Spec::PLAIN
    },
    run: Run::Here(getkeys),
};

fn getkeys(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = args.tail(2);
    let keys = keys(scene.local.table, request)?;
    reply.array(keys.len());
    for (index, _) in keys {
        reply.bulk(request.get(index));
    }
    Ok(())
}

const COMMAND_GETKEYSANDFLAGS: Command = Command {
    spec: Spec {
        name: "GETKEYSANDFLAGS",
        usage: "command [arg...]",
        summary: "Finds the keys among the words of a command, and what it does to them.",
        since: "7.0.0",
        cost: "O(N) with N the number of words",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::CONNECTION),
        ..Spec::PLAIN
    },
    run: Run::Here(getkeysandflags),
};

fn getkeysandflags(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = args.tail(2);
    let keys = keys(scene.local.table, request)?;
    reply.array(keys.len());
    for (index, flags) in keys {
        reply.array(2);
        reply.bulk(request.get(index));
        reply.set(flags.names().count());
        for name in flags.names() {
            reply.simple(name);
        }
    }
    Ok(())
}

/// The keys of a request by position, and what happens to them.
fn keys(table: &Table, request: Args<'_>) -> Result<Vec<(usize, KeyFlags)>, Refusal> {
    let entry = table.find(request).ok_or(Refusal::INVALID_COMMAND)?;
    if !entry.children.is_empty() && request.len() > 1 {
        return Err(Refusal::INVALID_COMMAND);
    }
    let spec = &entry.command.spec;
    if spec.keys.is_empty() {
        return Err(Refusal::NO_KEY_ARGUMENTS);
    }
    if !entry.takes(request.len()) {
        return Err(Refusal::INVALID_COMMAND_ARITY);
    }
    let mut keys = Vec::new();
    let found = each_key(spec, &request, |index, flags| keys.push((index, flags)));
    if found.is_ok() {
        Ok(keys)
    } else if entry.flags().has(Flags::NO_MANDATORY_KEYS) {
        Ok(Vec::new())
    } else {
        Err(Refusal::INVALID_COMMAND_ARGUMENTS)
    }
}

const COMMAND_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what COMMAND can do.",
        since: "5.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::CONNECTION),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(
        reply,
        "COMMAND",
        &[
            "(no subcommand)",
            "    Facts of all commands, as COMMAND INFO gives them.",
            "COUNT",
            "    How many commands there are.",
            "DOCS [<command> ...]",
            "    What commands do, since when, and their arguments (default: of all).",
            "GETKEYS <command> <argument> [<argument> ...]",
            "    The keys among the words of a request.",
            "GETKEYSANDFLAGS <command> <argument> [<argument> ...]",
            "    The keys, and what the request does to them.",
            "INFO [<command> ...]",
            "    Arity, flags, keys and categories of commands (default: of all).",
            "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
            "    The names of commands.",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::{keys, parent};
    use crate::command::families::commands;
    use crate::command::table::Table;
    use crate::resp::{OwnedArgs, Refusal};
    use crate::spec::recorded;

    #[test]
    fn rows_say_what_stock_says_but_for_the_listed_differences() {
        let table = Table::new(commands());
        let rows = table.entries();
        recorded::check(rows.map(|entry| (parent(&table, entry), &entry.command.spec)));
    }

    fn check(request: &str, expected: Result<&str, Refusal>) {
        let table = Table::new(commands());
        let owned = OwnedArgs::new(request.split(' '));
        let found = keys(&table, owned.args()).map(|keys| {
            let shown = keys
                .iter()
                .map(|(index, _)| String::from_utf8_lossy(owned.args().get(*index)).into_owned());
            shown.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found, expected.map(str::to_owned), "{request}");
    }

    #[test]
    fn keys_of_a_request_are_found_or_refused() {
        check("get k", Ok("k"));
        check("MSET a 1 b 2", Ok("a b"));
        check("memory usage k", Ok("k"));
        check("get", Err(Refusal::INVALID_COMMAND_ARITY));
        check("nosuch a", Err(Refusal::INVALID_COMMAND));
        check("config nosuch x", Err(Refusal::INVALID_COMMAND));
        check("config get port", Err(Refusal::NO_KEY_ARGUMENTS));
        check("ping", Err(Refusal::NO_KEY_ARGUMENTS));
    }
}
