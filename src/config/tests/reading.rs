//! Files, command lines and rewriting, together.

use std::io;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::config::{
    Added, Arguments, Fault, Files, Invocation, Loaded, SETTINGS, Settings, Start, load, parse,
    rewrite, version_line,
};

/// What a stock 7.0 package's file sets, without its comments.
const STOCK: &str = include_str!("stock_directives.conf");

fn read(given: &Arguments, texts: &[(&str, &str)]) -> Result<Loaded, Fault> {
    let mut open = |path: &Path| {
        let found = texts.iter().find(|(name, _)| Path::new(name) == path);
        found
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or(io::ErrorKind::NotFound.into())
    };
    let mut expand = |pattern: &str| {
        let start = pattern.trim_end_matches("*.conf");
        texts
            .iter()
            .filter(|(name, _)| name.starts_with(start))
            .map(|(name, _)| PathBuf::from(name))
            .collect()
    };
    load(
        given,
        &mut Files {
            read: &mut open,
            expand: &mut expand,
        },
    )
}

fn arguments(line: &[&str]) -> Arguments {
    let words: Vec<Vec<u8>> = line.iter().map(|word| word.as_bytes().to_vec()).collect();
    match parse(&words) {
        Invocation::Node(arguments) => arguments,
        other => panic!("{line:?} asks for a node, not {other:?}"),
    }
}

fn from_file(text: &str) -> Result<Loaded, Fault> {
    read(&arguments(&["a.conf"]), &[("a.conf", text)])
}

fn check_fault(text: &str, line: usize, shown: &str, why: &str) {
    let fault = from_file(text).expect_err("the file is wrong");
    let expected = [
        String::new(),
        format!(
            "*** FATAL CONFIG FILE ERROR (basalt {}) ***",
            env!("CARGO_PKG_VERSION")
        ),
        format!("Reading the configuration file a.conf, at line {line}"),
        format!(">>> '{shown}'"),
        why.to_owned(),
    ];
    assert_eq!(fault.lines, expected);
}

#[test]
fn a_stock_file_loads() {
    let loaded = from_file(STOCK).expect("stock's own file");
    assert_eq!(loaded.settings.text("bind"), "127.0.0.1 -::1");
    assert_eq!(loaded.settings.text("dir"), "/var/lib/redis");
}

#[test]
fn faults_name_file_line_and_text() {
    let directive = "Bad directive or wrong number of arguments";
    check_fault("# x\n\n foo bar \n", 3, "foo bar", directive);
    check_fault("\"\" x\n", 1, "\"\" x", directive);
    check_fault("rename-command\n", 1, "rename-command", directive);
    check_fault(
        "maxmemory abc",
        1,
        "maxmemory abc",
        "argument must be a memory value",
    );
    check_fault("port 1 2", 1, "port 1 2", "wrong number of arguments");
    check_fault("maxmemory", 1, "maxmemory", "wrong number of arguments");
    check_fault(
        "dir \"abc",
        1,
        "dir \"abc",
        "Unbalanced quotes in configuration line",
    );
    check_fault("save 1", 1, "save 1", "Invalid save parameters");
    check_fault("replicaof a", 1, "replicaof a", "wrong number of arguments");
    for words in ["\"a b c\"", "\"a\"", "\"\""] {
        let line = format!("replicaof {words}");
        check_fault(&line, 1, &line, "wrong number of arguments");
    }
    check_fault("replicaof a b", 1, "replicaof a b", "Invalid master port");
    check_fault(
        "replicaof a 65536",
        1,
        "replicaof a 65536",
        "Invalid master port",
    );
}

#[test]
fn a_primary_is_a_host_and_a_port() {
    for line in [
        "replicaof 10.0.0.1 6379",
        "slaveof 10.0.0.1 6379",
        "replicaof \"10.0.0.1 6379\"",
        "SlaveOf '10.0.0.1  6379'",
    ] {
        let settings = from_file(line).map(|loaded| loaded.settings);
        let primary = settings.expect("it is right").live().primary;
        assert_eq!(primary, Some(("10.0.0.1".into(), 6379)));
    }
}

#[test]
fn what_basalt_lacks_is_refused_by_name() {
    for (line, feature) in [
        ("tls-port 6380", "'tls-port'"),
        ("cluster-enabled yes", "'cluster-enabled'"),
        ("loadmodule x.so", "modules"),
        ("user \"alice on\"", "users besides the default one"),
        ("user alice on", "users besides the default one"),
        ("user default off", "rules for the default user"),
        ("user default on ~a* +@all", "rules for the default user"),
        ("user default #abc", "rules for the default user"),
    ] {
        check_fault(
            line,
            1,
            line,
            &format!("basalt does not have {feature} yet"),
        );
    }
    let off =
        "appendonly no\nreplicaof no one\nslaveof \"no one\"\ntls-port 0\ncluster-enabled no\n";
    assert_eq!(
        from_file(off).map(|loaded| loaded.settings),
        Ok(Settings::default())
    );
}

/// The SHA-256 of `foo`.
const DIGEST: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

#[test]
fn a_file_that_stock_rewrote_loads() {
    let free = "user default on nopass ~* &* +@all\nlatency-tracking-info-percentiles 50 99 99.9\n";
    assert_eq!(
        from_file(free).map(|loaded| loaded.settings),
        Ok(Settings::default())
    );
    for (before, after) in [("", "requirepass foo\n"), ("requirepass \"foo\"\n", "")] {
        let closed =
            format!("{before}user default on sanitize-payload #{DIGEST} ~* &* +@all\n{after}");
        let loaded = from_file(&closed).expect("the password is the same");
        assert_eq!(loaded.settings.text("requirepass"), "foo");
    }
}

#[test]
fn a_password_that_only_its_digest_tells_is_refused() {
    let line = format!("user default on #{DIGEST} ~* &* +@all");
    let why = "basalt does not have passwords besides `requirepass` yet";
    check_fault(&line, 1, &line, why);
    let fault = from_file(&format!("requirepass bar\n{line}\n")).expect_err("it is another");
    assert_eq!(fault.lines.last().map(String::as_str), Some(why));
}

#[test]
fn a_rewritten_file_says_nothing_of_the_default_user() {
    let old = b"port 7000\nuser default on nopass ~* &* +@all\nhz 10\n";
    let settings = from_file(std::str::from_utf8(old).expect("it is text"));
    let settings = settings.expect("the file is sound").settings;
    let new = rewrite(old, &settings, Added::Changed);
    assert_eq!(String::from_utf8_lossy(&new), "port 7000\nhz 10\n");
}

#[test]
fn directives_that_mean_nothing_any_more_are_passed_over() {
    let old =
        "list-max-ziplist-entries 512\nlist-max-ziplist-value 64\nlua-replicate-commands yes\n";
    assert_eq!(
        from_file(old).map(|loaded| loaded.settings),
        Ok(Settings::default())
    );
}

#[test]
fn lines_of_save_add_up_until_an_empty_one() {
    let saves = |file: &str, expected: &str| {
        let loaded = from_file(file).expect("the file is sound");
        let save = loaded.settings.get(b"save").unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(save), expected, "{file}");
    };
    saves("", "3600 1 300 100 60 10000");
    saves("save 60 1000\nsave 300 10 5 5\n", "60 1000 300 10 5 5");
    saves("save \"\"\nsave 60 1000\n", "60 1000");
    saves("save 60 1000\nsave \"\"\n", "");
    saves("save 60 1000\nsave\n", "");
    saves("save 60 1000\nsave \"\"\nsave 7 7\n", "7 7");
}

#[test]
fn includes_apply_where_they_stand() {
    let texts = [
        (
            "a.conf",
            "port 1\ninclude b.conf\ninclude d/*.conf\ninclude none/*.conf\nport 4\n",
        ),
        ("b.conf", "port 2\nhz 20\n"),
        ("d/c.conf", "timeout 3\n"),
    ];
    let loaded = read(&arguments(&["a.conf"]), &texts).expect("all are there");
    let shown = ["port", "hz", "timeout"].map(|name| loaded.settings.text(name));
    assert_eq!(shown, ["4", "20", "3"]);
}

#[test]
fn an_include_that_is_missing_or_circular_is_a_fault() {
    let missing = from_file("include b.conf\n").expect_err("b.conf is not there");
    assert!(missing.lines[0].starts_with("Fatal error, can't open config file 'b.conf'"));
    let circle = from_file("include a.conf\n").expect_err("a.conf includes itself");
    assert_eq!(circle.lines[4], "Too many nested includes");
}

#[test]
fn rename_command_is_kept_for_who_knows_the_commands() {
    let loaded = from_file("rename-command GET \"\"\n").expect("two words");
    assert_eq!(
        (
            loaded.renames[0].command.as_slice(),
            loaded.renames[0].name.len()
        ),
        (&b"GET"[..], 0)
    );
}

#[test]
fn command_lines_become_lines_of_the_file() {
    for (line, expected) in [
        (
            &["--port", "7000", "--bind", "a", "b"][..],
            "port \"7000\"\nbind \"a\" \"b\"",
        ),
        (&["--save", "", "--hz", "20"], "save \"\"\nhz \"20\""),
        (&["--save", "--hz", "20"], "save \"\"\nhz \"20\""),
        (&["--hz", "20", "--save"], "hz \"20\"\nsave \"\""),
        (&["--port", "--foo"], "port \"--foo\""),
        (&["--port", "a b"], "port \"a b\""),
        (&["--port 7000 --foo"], "port 7000 --foo"),
        (&["--foo 1", "bar"], "foo 1 \"bar\""),
        (&["-port", "7"], "\"-port\" \"7\""),
        (&[], ""),
    ] {
        assert_eq!(
            String::from_utf8_lossy(&arguments(line).directives),
            expected,
            "{line:?}"
        );
    }
}

#[test]
fn a_fault_on_the_command_line_shows_its_words_in_quotes() {
    for (line, shown, why) in [
        (
            &["--port", "1", "2"][..],
            "port \"1\" \"2\"",
            "wrong number of arguments",
        ),
        (&["--port"], "port", "wrong number of arguments"),
        (
            &["--shutdown-on-sigint"],
            "shutdown-on-sigint",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            &["--replicaof", "a", "b"],
            "replicaof \"a\" \"b\"",
            "Invalid master port",
        ),
    ] {
        let fault = read(&arguments(line), &[]).expect_err("the line is wrong");
        assert_eq!(fault.lines[3..], [format!(">>> '{shown}'"), why.to_owned()]);
    }
}

#[test]
fn file_then_standard_input_then_directives() {
    let texts = [
        ("a.conf", "port 1\nhz 11\ntimeout 1"),
        ("-", "hz 12\ntimeout 2"),
    ];
    for line in [
        &["a.conf", "-", "--timeout", "3"][..],
        &["a.conf", "--timeout", "3", "-"],
    ] {
        let loaded = read(&arguments(line), &texts).expect("all are there");
        let shown = ["port", "hz", "timeout"].map(|name| loaded.settings.text(name));
        assert_eq!(shown, ["1", "12", "3"]);
    }
}

#[test]
fn version_help_and_sentinel_are_told_apart() {
    let asked = |word: &str| parse(&[word.as_bytes().to_vec()]);
    assert_eq!(
        [asked("-v"), asked("--version")],
        [Invocation::Version, Invocation::Version]
    );
    assert_eq!(
        [asked("-h"), asked("--help")],
        [Invocation::Help, Invocation::Help]
    );
    let more = [b"-h".to_vec(), b"--port".to_vec(), b"1".to_vec()];
    assert_eq!(parse(&more), Invocation::Help);
    assert_eq!(asked("--sentinel"), Invocation::Sentinel);
}

#[test]
fn rewriting_keeps_comments_and_order() {
    let old = "# head\nmaxmemory 100mb\n\ntimeout 5\ntimeout 7\nrename-command LOLWUT \"\"\n\
               slave-priority 90\nclient-output-buffer-limit replica 1mb 1mb 60\n";
    let mut loaded = from_file(old).expect("a sound file");
    let pairs: [(&[u8], &[u8]); 4] = [
        (b"maxmemory", b"0"),
        (b"timeout", b"9"),
        (b"requirepass", b"a b"),
        (b"maxclients", b"777"),
    ];
    assert_eq!(
        loaded
            .settings
            .set(crate::config::Author::LocalClient, &pairs),
        Ok(())
    );
    let new = rewrite(old.as_bytes(), &loaded.settings, Added::Changed);
    let expected = "# head\nmaxmemory 0\n\ntimeout 9\n\nrename-command LOLWUT \"\"\n\
                    replica-priority 90\nclient-output-buffer-limit normal 0 0 0\n\
                    \n# Generated by CONFIG REWRITE\nmaxclients 777\n\
                    client-output-buffer-limit replica 1mb 1mb 60\n\
                    client-output-buffer-limit pubsub 32mb 8mb 60\nrequirepass \"a b\"\n";
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[9..].sort();
        lines
    };
    let new = String::from_utf8(new).expect("all text");
    assert_eq!(sorted(&new), sorted(expected));
    let again = from_file(&new).expect("what was written loads");
    assert_eq!(again.settings, loaded.settings);
    let same = rewrite(new.as_bytes(), &loaded.settings, Added::Changed);
    assert_eq!(same, new.as_bytes());
    let all = rewrite(new.as_bytes(), &loaded.settings, Added::All);
    let all = String::from_utf8(all).expect("all text");
    // Those of which an empty value has no line.
    let said = SETTINGS.iter().filter(|setting| {
        let name = setting.name;
        all.lines().any(|line| line.split(' ').next() == Some(name))
    });
    assert_eq!(SETTINGS.len() - said.count(), 1);
    let again = from_file(&all).expect("what was written loads");
    assert_eq!(again.settings, loaded.settings);
}

#[test]
fn a_start_says_or_runs() {
    let mut read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let mut expand = |_: &str| Vec::new();
    let mut files = Files {
        read: &mut read,
        expand: &mut expand,
    };
    let mut start = |word: &str| Start::parse(&[word.as_bytes().to_vec()], &mut files);
    assert_eq!(start("-v"), Ok(Start::Say(version_line())));
    assert!(matches!(start("--save"), Ok(Start::Node(_))));
    let fault = start("--sentinel").expect_err("there is none");
    assert_eq!(
        (fault.to_string().as_str(), fault.exit_code()),
        ("basalt does not have Sentinel yet", 1)
    );
    assert!(start("none.conf").is_err());
}

#[test]
fn words_of_a_value_are_quoted_where_they_need_it() {
    let loaded = from_file("bind 127.0.0.1 \"a\\x00b\" \"c\\\"d\"\n").expect("any words do");
    let again = rewrite(b"", &loaded.settings, Added::Changed);
    let again = String::from_utf8(again).expect("values are quoted");
    assert!(
        again.contains("bind 127.0.0.1 \"a\\x00b\" \"c\\\"d\"\n"),
        "{again}"
    );
    let again = from_file(&again).expect("what was written loads");
    assert_eq!(again.settings, loaded.settings);
}

proptest! {
    #[test]
    fn no_file_and_no_value_brings_the_reader_down(
        lines in proptest::collection::vec(("[a-z-]{0,12}", any::<prop::sample::Index>(), ".{0,20}"), 0..8),
        noise in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        for (name, known, value) in &lines {
            let known = SETTINGS[known.index(SETTINGS.len())].name;
            for text in [format!("{known} {value}"), format!("{name} {value}\n{known} \"{value}")] {
                if let Ok(loaded) = from_file(&text) {
                    // Whatever was accepted can be read as numbers and words.
                    let live = loaded.settings.live();
                    prop_assert!((1..=500).contains(&live.hz));
                    let again = rewrite(b"", &loaded.settings, Added::Changed);
                    let again = String::from_utf8(again).expect("values are quoted");
                    let again = from_file(&again).expect("what was written loads");
                    prop_assert_eq!(again.settings, loaded.settings);
                }
            }
        }
        let mut loaded = Loaded::default();
        let mut read = |_: &Path| Err(io::ErrorKind::NotFound.into());
        let mut expand = |_: &str| Vec::new();
        let mut files = Files { read: &mut read, expand: &mut expand };
        if let Err(fault) = loaded.read_text("noise", &noise, &mut files) {
            prop_assert!(!fault.lines.is_empty());
        }
    }
}
