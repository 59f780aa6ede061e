//! Who is near: GEOSEARCH, GEOSEARCHSTORE, and the older GEORADIUS family.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Deprecated, Flags, Group, KeyFlags, Keys, Spec};
use crate::value::sorted_set::SortedSet;

use super::query::{Form, Hits, Query, Stored, Storing};
use super::read::{write_distance, write_place};

pub(crate) const COMMANDS: &[Command] = &[
    GEORADIUS,
    GEORADIUSBYMEMBER,
    GEORADIUSBYMEMBER_RO,
    GEORADIUS_RO,
    GEOSEARCH,
    GEOSEARCHSTORE,
];

const COST: &str = "O(N+log(M)) with N the number of members in the cells around the area, and M that of all members";

const SOURCE: Keys = Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS));

const STORED: KeyFlags = KeyFlags::OW.and(KeyFlags::UPDATE);

const GEORADIUS: Command = Command {
    spec: Spec {
        name: "GEORADIUS",
        usage: "key longitude:double latitude:double radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:integer [ANY{6.2.0}])] [order=(ASC | DESC)] [store=(STORE storekey:key@1 | STOREDIST storedistkey:key@2)]",
        summary: "Returns or stores the members within a circle around a place.",
        since: "3.2.0",
        cost: COST,
        group: Group::Geo,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            SOURCE,
            Keys::after("STORE", 6, STORED),
            Keys::after("STOREDIST", 6, STORED),
        ],
        history: &[("6.2.0", "ANY for COUNT."), ("7.0.0", "Units in capitals.")],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
        }),
        ..Spec::PLAIN
    },
    run: Run::DataOrWhole(georadius, stores_again),
};

fn georadius(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, reply, Form::Radius(Storing::Allowed))
}

/// Whether a destination is named more than once: the last one counts, and the row names the first.
fn stores_again(args: Args<'_>) -> bool {
    let is_store = |word: &[u8]| {
        word.eq_ignore_ascii_case(b"store") || word.eq_ignore_ascii_case(b"storedist")
    };
    args.iter().filter(|word| is_store(word)).count() > 1
}

const GEORADIUS_RO: Command = Command {
    spec: Spec {
        name: "GEORADIUS_RO",
        usage: "key longitude:double latitude:double radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:integer [ANY{6.2.0}])] [order=(ASC | DESC)]",
        summary: "Returns the members within a circle around a place.",
        since: "3.2.10",
        cost: COST,
        group: Group::Geo,
        flags: Flags::READONLY,
        keys: &[SOURCE],
        history: &[("6.2.0", "ANY for COUNT.")],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` with the `BYRADIUS` argument",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(georadius_ro),
};

fn georadius_ro(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, reply, Form::Radius(Storing::Unknown))
}

const GEORADIUSBYMEMBER: Command = Command {
    spec: Spec {
        name: "GEORADIUSBYMEMBER",
        usage: "key member radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:integer [ANY])] [order=(ASC | DESC)] [store=(STORE storekey:key@1 | STOREDIST storedistkey:key@2)]",
        summary: "Returns or stores the members within a circle around a member.",
        since: "3.2.0",
        cost: COST,
        group: Group::Geo,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            SOURCE,
            Keys::after("STORE", 5, STORED),
            Keys::after("STOREDIST", 5, STORED),
        ],
        history: &[("6.2.0", "ANY for COUNT."), ("7.0.0", "Units in capitals.")],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        }),
        ..Spec::PLAIN
    },
    run: Run::DataOrWhole(georadiusbymember, stores_again),
};

fn georadiusbymember(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, reply, Form::RadiusByMember(Storing::Allowed))
}

const GEORADIUSBYMEMBER_RO: Command = Command {
    spec: Spec {
        name: "GEORADIUSBYMEMBER_RO",
        usage: "key member radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:integer [ANY])] [order=(ASC | DESC)]",
        summary: "Returns the members within a circle around a member.",
        since: "3.2.10",
        cost: COST,
        group: Group::Geo,
        flags: Flags::READONLY,
        keys: &[SOURCE],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(georadiusbymember_ro),
};

fn georadiusbymember_ro(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, reply, Form::RadiusByMember(Storing::Unknown))
}

const GEOSEARCH: Command = Command {
    spec: Spec {
        name: "GEOSEARCH",
        usage: "key from=(FROMMEMBER member | FROMLONLAT fromlonlat=(longitude:double latitude:double)) by=(circle=(BYRADIUS radius:double unit=(M | KM | FT | MI)) | box=(BYBOX width:double height:double unit=(M | KM | FT | MI))) [order=(ASC | DESC)] [count-block=(COUNT count:integer [ANY])] [WITHCOORD] [WITHDIST] [WITHHASH]",
        summary: "Returns the members within a circle or a box.",
        since: "6.2.0",
        cost: COST,
        group: Group::Geo,
        flags: Flags::READONLY,
        keys: &[SOURCE],
        history: &[("7.0.0", "Units in capitals.")],
        ..Spec::PLAIN
    },
    run: Run::Data(geosearch),
};

fn geosearch(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, reply, Form::Search)
}

const GEOSEARCHSTORE: Command = Command {
    spec: Spec {
        name: "GEOSEARCHSTORE",
        usage: "destination:key source:key from=(FROMMEMBER member | FROMLONLAT fromlonlat=(longitude:double latitude:double)) by=(circle=(BYRADIUS radius:double unit=(M | KM | FT | MI)) | box=(BYBOX width:double height:double unit=(M | KM | FT | MI))) [order=(ASC | DESC)] [count-block=(COUNT count:integer [ANY])] [STOREDIST]",
        summary: "Stores the members within a circle or a box at another key.",
        since: "6.2.0",
        cost: COST,
        group: Group::Geo,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, STORED),
            Keys::one(2, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ],
        history: &[("7.0.0", "Units in capitals.")],
        ..Spec::PLAIN
    },
    run: Run::Data(geosearchstore),
};

fn geosearchstore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, reply, Form::SearchStore)
}

/// What all of them do: they differ in where their words stand.
fn answer(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>, form: Form) -> Outcome {
    let source = turn.key(args, if form == Form::SearchStore { 2 } else { 1 });
    // The type is looked at before the words, as in stock: so is a member.
    let set = turn.read_as::<SortedSet>(&source)?;
    let query = Query::parse(args, form, set)?;
    let found = set.map(|set| query.search(set)).unwrap_or_default();
    match query.store_at {
        Some(word) => {
            let count = found.hits.len();
            let event = match form {
                Form::SearchStore => "geosearchstore",
                Form::Search | Form::Radius(_) | Form::RadiusByMember(_) => "georadiusstore",
            };
            store(turn, args, (word, event), &found, query.stored);
            reply.int(count as i64);
        }
        None => write(reply, &query, &found),
    }
    Ok(())
}

/// Puts what was found at the key at `word`; nothing found leaves no key.
fn store(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    (word, event): (usize, &'static str),
    found: &Hits,
    stored: Stored,
) {
    let key = turn.key(args, word);
    let rules = turn.rules();
    let mut set = SortedSet::default();
    for hit in &found.hits {
        let score = match stored {
            Stored::Places => hit.score,
            Stored::Distances => hit.distance,
        };
        set.insert(found.name(hit), score, &rules);
    }
    let has_changed = turn.store(&key, set, EventClass::SortedSet, event);
    turn.changed((found.hits.len() as u64).max(u64::from(has_changed)));
}

fn write(reply: &mut Reply<'_>, query: &Query, found: &Hits) {
    let wanted = [query.with_distance, query.with_score, query.with_place];
    let details = wanted.into_iter().filter(|is_wanted| *is_wanted).count();
    reply.array(found.hits.len());
    for hit in &found.hits {
        if details > 0 {
            reply.array(details + 1);
        }
        reply.bulk(found.name(hit));
        if query.with_distance {
            write_distance(reply, hit.distance);
        }
        if query.with_score {
            reply.int(hit.score as i64);
        }
        if query.with_place {
            write_place(reply, hit.place);
        }
    }
}
