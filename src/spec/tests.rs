//! The grammar line by line, arity, and keys among words.

use super::{
    Argument, Begin, Extent, Flags, Group, KeyFlags, Keys, KeysFault, Kind, Spec, Words,
    acl_categories, arity, each_key, first_last_step, flag_names, info, parse,
};

/// An argument tree in one line: `token?name:type[keys]"text"{since}{..deprecated}flags(children)`.
fn shown(arguments: &[Argument]) -> String {
    let one = |argument: &Argument| {
        let mut line = String::new();
        if let Some(token) = &argument.token {
            line += &format!("{token}?");
        }
        line += &format!("{}:{}", argument.name, argument.kind.name());
        if let Some(keys) = argument.keys {
            line += &format!("[{keys}]");
        }
        if let Some(text) = &argument.text {
            line += &format!("{text:?}");
        }
        if let Some(since) = &argument.since {
            line += &format!("{{{since}}}");
        }
        if let Some(version) = &argument.deprecated_since {
            line += &format!("{{..{version}}}");
        }
        for (set, sign) in [
            (argument.optional, "-optional"),
            (argument.multiple, "-multiple"),
            (argument.multiple_token, "-multiple_token"),
        ] {
            line += if set { sign } else { "" };
        }
        if !argument.children.is_empty() {
            line += &format!("({})", shown(&argument.children));
        }
        line
    };
    arguments.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(usage: &str, expected: &str) {
    let arguments = parse(usage).expect("a line of the grammar");
    assert_eq!(shown(&arguments), expected, "{usage}");
}

#[track_caller]
fn check_fault(usage: &str, at: usize, expected: &str) {
    let fault = parse(usage).expect_err("a broken line");
    assert_eq!((fault.at, fault.expected), (at, expected), "{usage}");
}

#[test]
fn a_name_is_a_string_and_key_is_a_key() {
    check("key value", "key:key[0] value:string");
}

#[test]
fn every_type_has_its_name() {
    check(
        "a:integer b:double c:pattern d:unix-time e:key f:string",
        "a:integer b:double c:pattern d:unix-time e:key[0] f:string",
    );
}

#[test]
fn keys_are_numbered_in_order_unless_told() {
    check("destkey:key key...", "destkey:key[0] key:key[1]-multiple");
    check("key1:key@0 key2:key@0", "key1:key[0] key2:key[0]");
    check(
        "key by:pattern@1 store:key@2",
        "key:key[0] by:pattern[1] store:key[2]",
    );
}

#[test]
fn a_word_stands_for_itself_or_before_its_value() {
    check(
        "[NX] ALPHA",
        "NX?nx:pure-token-optional ALPHA?alpha:pure-token",
    );
    check("[sorting=ALPHA]", "ALPHA?sorting:pure-token-optional");
    check("[DB index:integer]", "DB?index:integer-optional");
    check(
        "A equal== B",
        "A?a:pure-token =?equal:pure-token B?b:pure-token",
    );
    check(
        "id=(auto-id=* | id)",
        "id:oneof(*?auto-id:pure-token id:string)",
    );
    check(
        "limit=(approximately=~ | equal==)",
        "limit:oneof(~?approximately:pure-token =?equal:pure-token)",
    );
}

#[test]
fn a_group_is_a_block_or_a_choice() {
    check(
        "data=(key value)...",
        "data:block-multiple(key:key[0] value:string)",
    );
    check(
        "[expiration=(EX seconds:integer{2.6.12} | PERSIST)]",
        "expiration:oneof-optional(EX?seconds:integer{2.6.12} PERSIST?persist:pure-token)",
    );
    check(
        "[AUTH auth=(username password)]",
        "AUTH?auth:block-optional(username:string password:string)",
    );
    check(
        "a=(b=(X | Y) | c=(d [e]))",
        "a:oneof(b:oneof(X?x:pure-token Y?y:pure-token) c:block(d:string e:string-optional))",
    );
}

#[test]
fn dots_after_a_bracket_repeat_the_word_too() {
    check(
        "[ID client-id:integer...]",
        "ID?client-id:integer-optional-multiple",
    );
    check(
        "[GET pattern:pattern]...",
        "GET?pattern:pattern-optional-multiple-multiple_token",
    );
    check("[member]...", "member:string-optional-multiple");
}

#[test]
fn versions_and_texts_follow_the_type() {
    check(
        "old-format\"ip:port\"{..2.8.12} [LADDR laddr\"ip:port\"{6.2.0}]",
        "old-format:string\"ip:port\"{..2.8.12} LADDR?laddr:string\"ip:port\"{6.2.0}-optional",
    );
}

#[test]
fn a_broken_line_says_where() {
    check_fault("key )", 4, "an argument");
    check_fault("key [value", 10, "`]` after one argument");
    check_fault("[a b]", 3, "`]` after one argument");
    check_fault("x=(A B | C)", 7, "one argument before `|`");
    check_fault("x=(A | B C)", 10, "one argument between bars");
    check_fault("x=(", 3, "`)`");
    check_fault("x=()", 4, "arguments inside a group");
    check_fault("count:number", 12, "a type before this");
    check_fault("key:key@x", 8, "a number");
    check_fault("=x", 0, "a name, a word in capitals or `[`");
    check_fault("a:", 2, "a name in small letters");
    check_fault("a{6.2", 5, "`}`");
}

#[track_caller]
fn check_arity(usage: &'static str, expected: i16) {
    let spec = Spec {
        usage,
        ..Spec::PLAIN
    };
    assert_eq!(arity(&spec, false), expected, "{usage}");
    let subcommand = expected + expected.signum();
    assert_eq!(arity(&spec, true), subcommand, "{usage}");
}

#[test]
fn arity_counts_the_fewest_words() {
    check_arity("", 1);
    check_arity("key value", 3);
    check_arity("key [value]", -2);
    check_arity("key...", -2);
    check_arity("data=(key value)...", -3);
    check_arity("EX seconds:integer", 3);
    check_arity("mode=(ON | OFF)", 2);
    check_arity("x=(A | B c)", -2);
    check_arity("[x=(A | B c)] d", -2);
}

#[test]
fn a_row_may_state_its_arity() {
    let spec = Spec {
        arity: Some(-2),
        ..Spec::PLAIN
    };
    assert_eq!(arity(&spec, false), -2);
}

/// The keys of `line` as `position:flags`, separated by spaces.
fn found(keys: &'static [Keys], line: &str) -> Result<String, KeysFault> {
    let spec = Spec {
        keys,
        ..Spec::PLAIN
    };
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let mut found = Vec::new();
    each_key(&spec, &words.as_slice(), |index, flags| {
        let flags: Vec<_> = flags.names().collect();
        found.push(format!("{index}:{}", flags.join(",")));
    })?;
    Ok(found.join(" "))
}

#[track_caller]
fn check_keys(keys: &'static [Keys], line: &str, expected: &str) {
    assert_eq!(found(keys, line).as_deref(), Ok(expected), "{line}");
}

#[track_caller]
fn check_no_keys(keys: &'static [Keys], line: &str) {
    assert_eq!(found(keys, line), Err(KeysFault), "{line}");
}

const RO: KeyFlags = KeyFlags::RO;

#[test]
fn a_range_of_keys_is_found() {
    check_keys(
        const { &[Keys::one(1, RO.and(KeyFlags::ACCESS))] },
        "GET a",
        "1:RO,access",
    );
    const ALL: &[Keys] = &[Keys::range(1, -1, 1, RO)];
    check_keys(ALL, "DEL a b c", "1:RO 2:RO 3:RO");
    check_no_keys(ALL, "DEL");
    const PAIRS: &[Keys] = &[Keys::range(1, -1, 2, RO)];
    check_keys(PAIRS, "MSET a 1 b 2", "1:RO 3:RO");
    check_keys(PAIRS, "MSET a 1 b", "1:RO 3:RO");
    const BUT_ONE: &[Keys] = &[Keys::range(1, -2, 1, RO)];
    check_keys(BUT_ONE, "BLPOP a b 0", "1:RO 2:RO");
    check_no_keys(BUT_ONE, "BLPOP 0");
    const TWO: &[Keys] = &[Keys::range(1, 2, 1, RO)];
    check_keys(TWO, "LCS a b LEN", "1:RO 2:RO");
    check_no_keys(TWO, "LCS a");
}

#[test]
fn keys_beside_a_fault_are_visited() {
    let spec = Spec {
        keys: const { &[Keys::one(1, RO), Keys::range(2, -1, 1, RO)] },
        ..Spec::PLAIN
    };
    let words: &[&[u8]] = &[b"PFMERGE", b"d"];
    let mut found = Vec::new();
    let outcome = each_key(&spec, &words, |index, _| found.push(index));
    assert_eq!((outcome, found), (Err(KeysFault), vec![1]));
}

#[test]
fn counted_keys_are_found() {
    const COUNTED: &[Keys] = &[Keys::counted(2, RO)];
    check_keys(COUNTED, "EVAL s 2 a b c", "3:RO 4:RO");
    check_no_keys(COUNTED, "EVAL s 0 a");
    check_no_keys(COUNTED, "EVAL s 0");
    check_no_keys(COUNTED, "EVAL s 3 a b");
    check_no_keys(COUNTED, "EVAL s -1 a b");
    check_no_keys(COUNTED, "EVAL s x a b");
    check_no_keys(COUNTED, "EVAL s 99999999999999999999 a");
    check_no_keys(COUNTED, "EVAL s");
}

#[test]
fn keys_after_a_word_are_found() {
    const HALF: Extent = Extent::Range {
        last: -1,
        step: 1,
        limit: 2,
    };
    const BEGIN: Begin = Begin::Keyword {
        word: "STREAMS",
        from: 1,
    };
    const STREAMS: &[Keys] = &[Keys::from(BEGIN, HALF, RO)];
    check_keys(STREAMS, "XREAD COUNT 1 streams a b 0 0", "4:RO 5:RO");
    check_keys(STREAMS, "XREAD COUNT 1", "");
    check_no_keys(STREAMS, "XREAD COUNT 1 streams");
    const BACKWARDS: &[Keys] = &[Keys::after("KEYS", -2, RO)];
    check_keys(BACKWARDS, "MIGRATE h p KEYS a KEYS b", "6:RO");
    check_keys(BACKWARDS, "MIGRATE h p a KEYS", "");
}

#[test]
fn a_row_decides_or_finds_keys_itself() {
    fn reads(words: &dyn Words) -> KeyFlags {
        if words.count() > 3 {
            KeyFlags::RW
        } else {
            KeyFlags::OW
        }
    }
    const DECIDED: &[Keys] = &[Keys::one(1, KeyFlags::RW).deciding(reads, "Depends.")];
    check_keys(DECIDED, "SET a b", "1:OW");
    check_keys(DECIDED, "SET a b GET", "1:RW");
    assert!(DECIDED[0].flags.has(KeyFlags::VARIABLE_FLAGS));
    fn last(words: &dyn Words, visit: &mut super::Visit<'_>) -> Result<(), KeysFault> {
        visit(words.count() - 1, KeyFlags::OW);
        Ok(())
    }
    const FOUND: &[Keys] = &[Keys::one(1, RO), Keys::by(last, KeyFlags::OW)];
    check_keys(FOUND, "SORT a STORE b", "1:RO 3:OW");
}

#[track_caller]
fn check_first_last_step(keys: &'static [Keys], expected: (i64, i64, i64)) {
    let spec = Spec {
        keys,
        ..Spec::PLAIN
    };
    assert_eq!(first_last_step(&spec), expected);
}

#[test]
fn the_old_form_of_key_positions_joins_adjacent_runs() {
    check_first_last_step(&[], (0, 0, 0));
    check_first_last_step(const { &[Keys::range(1, -1, 2, RO)] }, (1, -1, 2));
    check_first_last_step(const { &[Keys::one(1, RO), Keys::one(2, RO)] }, (1, 2, 1));
    check_first_last_step(
        const { &[Keys::one(2, RO), Keys::range(3, -1, 1, RO)] },
        (2, -1, 1),
    );
    check_first_last_step(const { &[Keys::one(1, RO), Keys::one(3, RO)] }, (0, 0, 0));
    check_first_last_step(
        const { &[Keys::one(3, RO), Keys::after("KEYS", -2, RO)] },
        (3, 3, 1),
    );
    check_first_last_step(const { &[Keys::counted(1, RO)] }, (0, 0, 0));
}

#[test]
fn categories_follow_from_group_and_flags() {
    let names = |spec: &Spec| {
        acl_categories(spec)
            .names()
            .map(|name| &name[1..])
            .collect::<Vec<_>>()
            .join(" ")
    };
    let get = Spec {
        group: Group::String,
        flags: Flags::READONLY.and(Flags::FAST),
        ..Spec::PLAIN
    };
    assert_eq!(names(&get), "read string fast");
    let script = Spec {
        group: Group::Scripting,
        flags: Flags::READONLY,
        ..Spec::PLAIN
    };
    assert_eq!(names(&script), "slow scripting");
    let config = Spec {
        group: Group::Server,
        flags: Flags::ADMIN,
        ..Spec::PLAIN
    };
    assert_eq!(names(&config), "admin slow dangerous");
}

#[test]
fn keys_without_fixed_place_make_a_command_movable() {
    let spec = Spec {
        flags: Flags::NOSCRIPT,
        keys: const { &[Keys::counted(2, RO)] },
        ..Spec::PLAIN
    };
    assert_eq!(
        flag_names(&spec).collect::<Vec<_>>(),
        ["noscript", "movablekeys"]
    );
}

#[test]
fn info_of_a_container_lists_its_subcommands() {
    let container = Spec {
        name: "CONFIG",
        ..Spec::PLAIN
    };
    let get = Spec {
        name: "GET",
        usage: "parameter...",
        ..Spec::PLAIN
    };
    let shown = format!("{:?}", info(&container, None, [&get]));
    assert!(
        shown.contains("Array([Array([Text(\"config|get\"), Int(-3)"),
        "{shown}"
    );
}

#[test]
fn kinds_have_the_names_of_the_documentation() {
    assert_eq!(Kind::PureToken.name(), "pure-token");
    assert_eq!(Kind::UnixTime.name(), "unix-time");
}
