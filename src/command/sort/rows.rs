//! The commands: SORT, SORT_RO.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::command::waiting::Waiting;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{
    Begin, Categories, Extent, Flags, Group, KeyFlags, Keys, KeysFault, Spec, Visit, Words,
};
use crate::value::Compound;
use crate::value::list::{End, List};

use super::arrange::arrange;
use super::elements::{collect, len};
use super::request::{By, Compare, Order, Request, Storing};

pub(crate) const COMMANDS: &[Command] = &[SORT, SORT_RO];

const KEY: Keys = Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS));

/// Keys that are made of the elements: no word names them.
const PATTERNS: Keys = Keys::from(
    Begin::Unknown,
    Extent::Unknown,
    KeyFlags::RO.and(KeyFlags::ACCESS),
)
.noting("The keys that BY and GET lead to are known only once the elements are.");

/// What both have in common.
const SORTS: Spec = Spec {
    cost: "O(N+M*log(M)) with N the elements and M those returned; O(N) where nothing is ordered",
    group: Group::Generic,
    categories: Some(
        Categories::SET
            .and(Categories::SORTEDSET)
            .and(Categories::LIST)
            .and(Categories::DANGEROUS),
    ),
    ..Spec::PLAIN
};

const SORT: Command = Command {
    spec: Spec {
        name: "SORT",
        usage: "key [BY by-pattern:pattern@1\"pattern\"] [LIMIT limit=(offset:integer count:integer)] [GET get-pattern:pattern@1\"pattern\"]... [order=(ASC | DESC)] [sorting=ALPHA] [STORE destination:key@2]",
        summary: "Returns or stores the elements of a list, set or sorted set in an order.",
        since: "1.0.0",
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            KEY,
            PATTERNS,
            Keys::by(destination, KeyFlags::OW.and(KeyFlags::UPDATE))
                .noting("The last STORE says where the result goes."),
        ],
        ..SORTS
    },
    run: Run::DataOrWhole(sort, looks_elsewhere),
};

fn sort(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = Request::parse(args, Storing::Allowed)?;
    run(turn, args, request, reply)
}

const SORT_RO: Command = Command {
    spec: Spec {
        name: "SORT_RO",
        usage: "key [BY by-pattern:pattern@1\"pattern\"] [LIMIT limit=(offset:integer count:integer)] [GET get-pattern:pattern@1\"pattern\"]... [order=(ASC | DESC)] [sorting=ALPHA]",
        summary: "Returns the elements of a list, set or sorted set in an order.",
        since: "7.0.0",
        flags: Flags::READONLY,
        keys: &[KEY, PATTERNS],
        ..SORTS
    },
    run: Run::DataOrWhole(sort_ro, looks_elsewhere),
};

fn sort_ro(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = Request::parse(args, Storing::Refused)?;
    run(turn, args, request, reply)
}

/// Whether a request reads keys on any core. One that is refused reads none.
fn looks_elsewhere(args: Args<'_>) -> bool {
    Request::parse(args, Storing::Allowed).is_ok_and(|request| request.looks_elsewhere())
}

/// Finds the destination: the last STORE wins.
fn destination(words: &dyn Words, visit: &mut Visit<'_>) -> Result<(), KeysFault> {
    let mut found = None;
    let mut index = 2;
    while index < words.count() {
        let word = words.word(index).to_ascii_lowercase();
        match word.as_slice() {
            b"limit" => index += 2,
            b"by" | b"get" => index += 1,
            b"store" if index + 1 < words.count() => {
                index += 1;
                found = Some(index);
            }
            _ => {}
        }
        index += 1;
    }
    if let Some(index) = found {
        visit(index, KeyFlags::OW.and(KeyFlags::UPDATE));
    }
    Ok(())
}

fn run(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    mut request: Request<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let key = turn.key(args, 1);
    let is_script = matches!(turn.waiting, Waiting::NeverInScript);
    let found = turn.read(&key);
    let len = len(found)?;
    let is_set = found.is_some_and(|found| matches!(found.compound(), Some(Compound::Set(_))));
    let is_kept = request.store.is_some() || is_script;
    if is_set && is_kept && matches!(request.by, By::Nothing) {
        // What is stored, and what a script does, must not depend on how the
        // set is kept.
        request.by = By::Themselves;
        request.compare = Compare::Texts;
    }
    let wanted = request.wanted(len);
    let elements = if matches!(request.by, By::Nothing) {
        collect(found, wanted, request.order)
    } else {
        let all = collect(found, 0..len, Order::Ascending);
        let mut arranged = arrange(turn, all, &request)?;
        arranged.truncate(wanted.end);
        arranged.drain(..wanted.start);
        arranged
    };
    match request.store {
        None => answer(turn, &elements, &request, reply),
        Some(destination) => {
            let key = turn.key(args, destination);
            let result = result(turn, elements, &request);
            let len = result.len();
            let has_changed = turn.store(&key, result, EventClass::List, "sortstore");
            turn.changed((len as u64).max(u64::from(has_changed)));
            reply.int(len as i64);
        }
    }
    Ok(())
}

fn answer(turn: &mut Turn<'_>, elements: &[Vec<u8>], request: &Request<'_>, reply: &mut Reply<'_>) {
    reply.array(elements.len() * request.gets.len().max(1));
    for element in elements {
        if request.gets.is_empty() {
            reply.bulk(element);
        }
        for pattern in &request.gets {
            match pattern.find(turn, element) {
                Some(text) => reply.bulk(&text),
                None => reply.null(),
            }
        }
    }
}

/// The list to be stored; what is not there is an empty text in it.
fn result(turn: &mut Turn<'_>, elements: Vec<Vec<u8>>, request: &Request<'_>) -> List {
    let rules = turn.rules();
    let mut texts = Vec::new();
    for element in elements {
        if request.gets.is_empty() {
            texts.push(element);
        } else {
            for pattern in &request.gets {
                texts.push(pattern.find(turn, &element).unwrap_or_default());
            }
        }
    }
    let mut list = List::default();
    list.push(End::Back, texts.iter().map(Vec::as_slice), &rules);
    list
}
