//! What COMMAND INFO and COMMAND DOCS say of a row, as trees a handler prints.
//!
//! Built for documentation, not for the path of a command: the trees allocate.

use super::categories::acl_categories;
use super::find::first_last_step;
use super::flags::Flags;
use super::keys::{Begin, Extent, Keys};
use super::row::{Spec, arity};
use super::usage::{Argument, Kind, arguments};

/// A reply before it has a protocol: maps and sets are arrays in RESP2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// An integer.
    Int(i64),
    /// A bulk string.
    Text(String),
    /// A simple string, as flags and categories are printed.
    Status(&'static str),
    /// An array.
    Array(Vec<Description>),
    /// A set.
    Set(Vec<Description>),
    /// A map in the order it is printed.
    Map(Vec<(&'static str, Description)>),
    /// A map whose keys are names of commands.
    Named(Vec<(String, Description)>),
}

impl Description {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn statuses(names: impl Iterator<Item = &'static str>) -> Self {
        Self::Set(names.map(Self::Status).collect())
    }

    fn int(number: impl Into<i64>) -> Self {
        Self::Int(number.into())
    }
}

/// The lower-case name of a row: `get`, and `config|get` below `CONFIG`.
fn full_name(spec: &Spec, container: Option<&Spec>) -> String {
    let own = spec.name.to_ascii_lowercase();
    match container {
        Some(container) => format!("{}|{own}", container.name.to_ascii_lowercase()),
        None => own,
    }
}

/// The names of a row's flags in the order of COMMAND INFO, `movablekeys` among them where some
/// key stands at no fixed place.
pub fn flag_names(spec: &Spec) -> impl Iterator<Item = &'static str> {
    let movable = spec.keys.iter().any(|keys| {
        !matches!(
            keys,
            Keys {
                begin: Begin::Index(_),
                extent: Extent::Range { .. },
                ..
            }
        )
    });
    let flags = if movable {
        spec.flags.and(Flags::MOVABLEKEYS)
    } else {
        spec.flags
    };
    flags.names()
}

/// The ten fields COMMAND INFO gives of a row; `subcommands` are the rows below it.
#[must_use]
pub fn info<'s>(
    spec: &Spec,
    container: Option<&Spec>,
    subcommands: impl IntoIterator<Item = &'s Spec>,
) -> Description {
    let (first, last, step) = first_last_step(spec);
    let below: Vec<_> = subcommands
        .into_iter()
        .map(|subcommand| info(subcommand, Some(spec), []))
        .collect();
    let categories = acl_categories(spec).names();
    Description::Array(vec![
        Description::Text(full_name(spec, container)),
        Description::int(arity(spec, container.is_some())),
        Description::statuses(flag_names(spec)),
        Description::Int(first),
        Description::Int(last),
        Description::Int(step),
        Description::statuses(categories),
        Description::Set(spec.tips.iter().copied().map(Description::text).collect()),
        Description::Set(spec.keys.iter().map(keys).collect()),
        // The reference server prints an array of subcommands, but an empty set of none.
        if below.is_empty() {
            Description::Set(below)
        } else {
            Description::Array(below)
        },
    ])
}

fn keys(keys: &Keys) -> Description {
    let mut map = Vec::with_capacity(4);
    if let Some(notes) = keys.notes {
        map.push(("notes", Description::text(notes)));
    }
    map.push(("flags", Description::statuses(keys.flags.names())));
    map.push(("begin_search", begin(keys.begin)));
    map.push(("find_keys", extent(keys.extent)));
    Description::Map(map)
}

fn begin(begin: Begin) -> Description {
    match begin {
        Begin::Index(index) => typed("index", vec![("index", Description::int(index))]),
        Begin::Keyword { word, from } => typed(
            "keyword",
            vec![
                ("keyword", Description::text(word)),
                ("startfrom", Description::int(from)),
            ],
        ),
        Begin::Unknown => typed("unknown", Vec::new()),
    }
}

fn extent(extent: Extent) -> Description {
    match extent {
        Extent::Range { last, step, limit } => typed(
            "range",
            vec![
                ("lastkey", Description::int(last)),
                ("keystep", Description::int(step)),
                ("limit", Description::int(limit)),
            ],
        ),
        Extent::Count { at, first, step } => typed(
            "keynum",
            vec![
                ("keynumidx", Description::int(at)),
                ("firstkey", Description::int(first)),
                ("keystep", Description::int(step)),
            ],
        ),
        Extent::Unknown => typed("unknown", Vec::new()),
    }
}

fn typed(name: &str, spec: Vec<(&'static str, Description)>) -> Description {
    Description::Map(vec![
        ("type", Description::text(name)),
        ("spec", Description::Map(spec)),
    ])
}

/// One entry of COMMAND DOCS: the name it stands under, and the map of what is documented.
#[must_use]
pub fn docs<'s>(
    spec: &Spec,
    container: Option<&Spec>,
    subcommands: impl IntoIterator<Item = &'s Spec>,
) -> (String, Description) {
    let mut map = vec![
        ("summary", Description::text(spec.summary)),
        ("since", Description::text(spec.since)),
        ("group", Description::text(spec.group.name())),
    ];
    if !spec.cost.is_empty() {
        map.push(("complexity", Description::text(spec.cost)));
    }
    if spec.system || spec.deprecated.is_some() {
        let deprecated = spec.deprecated.map(|_| "deprecated");
        let system = spec.system.then_some("syscmd");
        let flags = deprecated.into_iter().chain(system);
        map.push(("doc_flags", Description::statuses(flags)));
    }
    if let Some(deprecated) = spec.deprecated {
        map.push(("deprecated_since", Description::text(deprecated.since)));
        map.push(("replaced_by", Description::text(deprecated.replaced_by)));
    }
    if !spec.history.is_empty() {
        let changes = spec.history.iter().map(|(version, change)| {
            Description::Array(vec![Description::text(version), Description::text(change)])
        });
        map.push(("history", Description::Set(changes.collect())));
    }
    let arguments = arguments(spec.usage);
    if !arguments.is_empty() {
        map.push(("arguments", argument_list(&arguments)));
    }
    let below: Vec<_> = subcommands
        .into_iter()
        .map(|subcommand| docs(subcommand, Some(spec), []))
        .collect();
    if !below.is_empty() {
        map.push(("subcommands", Description::Named(below)));
    }
    (full_name(spec, container), Description::Map(map))
}

fn argument_list(arguments: &[Argument]) -> Description {
    Description::Array(arguments.iter().map(argument).collect())
}

fn argument(argument: &Argument) -> Description {
    let mut map = vec![
        ("name", Description::text(&argument.name)),
        ("type", Description::text(argument.kind.name())),
    ];
    if !matches!(argument.kind, Kind::OneOf | Kind::Block) {
        let text = argument.text.as_deref().unwrap_or(&argument.name);
        map.push(("display_text", Description::text(text)));
    }
    if let Some(keys) = argument.keys {
        let index = i64::try_from(keys).expect("a row has few keys");
        map.push(("key_spec_index", Description::Int(index)));
    }
    let texts = [
        ("token", &argument.token),
        ("since", &argument.since),
        ("deprecated_since", &argument.deprecated_since),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            map.push((name, Description::text(text)));
        }
    }
    let flags: Vec<_> = [
        (argument.optional, "optional"),
        (argument.multiple, "multiple"),
        (argument.multiple_token, "multiple_token"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect();
    if !flags.is_empty() {
        map.push(("flags", Description::statuses(flags.into_iter())));
    }
    if !argument.children.is_empty() {
        map.push(("arguments", argument_list(&argument.children)));
    }
    Description::Map(map)
}
