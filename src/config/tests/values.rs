//! The settings table against stock's answers.

use crate::config::{Author, Policy, SETTINGS, Settings, memory};

fn literally(pattern: &[u8], name: &[u8]) -> bool {
    pattern == b"*"
        || pattern
            .strip_suffix(b"*")
            .is_some_and(|start| name.starts_with(start))
}

fn set(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let mut settings = Settings::default();
    let pairs: Vec<(&[u8], &[u8])> = pairs
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    match settings.set(Author::RemoteClient, &pairs) {
        Ok(()) => Ok(settings),
        Err(fault) => {
            assert_eq!(
                settings,
                Settings::default(),
                "a refused CONFIG SET changes nothing"
            );
            Err(fault.to_string())
        }
    }
}

fn check(name: &'static str, value: &str, expected: &str) {
    let shown = set(&[(name, value)]).map(|settings| settings.text(name));
    assert_eq!(shown.as_deref(), Ok(expected), "{name} {value}");
}

fn check_refused(name: &str, value: &str, why: &str) {
    let expected = format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}");
    assert_eq!(set(&[(name, value)]).err(), Some(expected));
}

#[test]
fn every_default_is_canonical_and_every_name_is_unique() {
    let mut names = Vec::new();
    for setting in SETTINGS {
        let mut settings = Settings::default();
        if setting.name != "replicaof" {
            let words = [setting.default.as_bytes().to_vec()];
            assert_eq!(
                settings.set_from_file(setting.name.as_bytes(), &words),
                Ok(())
            );
        }
        assert_eq!(settings, Settings::default(), "{}", setting.name);
        names.extend(
            [setting.name, setting.alias]
                .into_iter()
                .filter(|name| !name.is_empty()),
        );
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn sizes_take_units_in_any_case() {
    for (text, bytes) in [
        ("0", Some(0)),
        ("", Some(0)),
        ("1k", Some(1000)),
        ("1KB", Some(1024)),
        ("64mb", Some(64 << 20)),
        ("3G", Some(3_000_000_000)),
        ("2gb", Some(2 << 30)),
        ("1.5gb", None),
        ("-1", None),
        ("+5", None),
        ("100tb", None),
        ("99999999999gb", None),
    ] {
        assert_eq!(memory(text.as_bytes()), bytes, "{text}");
    }
}

#[test]
fn values_are_shown_in_canonical_form() {
    check("maxmemory", "100KB", "102400");
    check("maxmemory-policy", "ALLKEYS-LRU", "allkeys-lru");
    check("maxmemory-clients", "5%", "5%");
    check("hz", "1000", "500");
    check("hz", "0", "1");
    check(
        "latency-tracking-info-percentiles",
        "50.123456789 5.0",
        "50.123457 5",
    );
    check("latency-tracking-info-percentiles", "", "");
    check("shutdown-on-sigterm", "now save", "save now");
    check(
        "client-output-buffer-limit",
        "pubsub 1mb 2kb 7 replica 0 0 0",
        "normal 0 0 0 slave 0 0 0 pubsub 1048576 2048 7",
    );
    check("save", "", "");
}

#[test]
fn refusals_carry_stocks_texts() {
    check_refused("maxmemory", "abc", "argument must be a memory value");
    check_refused(
        "maxclients",
        "abc",
        "argument couldn't be parsed into an integer",
    );
    check_refused(
        "maxclients",
        "0",
        "argument must be between 1 and 4294967295 inclusive",
    );
    check_refused("appendonly", "maybe", "argument must be 'yes' or 'no'");
    check_refused("daemonize", "yes", "can't set immutable config");
    check_refused("dir", "/tmp", "can't set protected config");
    check_refused("save", "60 1000 30", "Invalid save parameters");
    check("save", "60  1000 3600 1", "60 1000 3600 1");
    check_refused(
        "client-output-buffer-limit",
        "normal 1 2",
        "Wrong number of arguments in buffer limit configuration.",
    );
    check_refused(
        "maxmemory-clients",
        "101%",
        "percentage argument must be less or equal to 100",
    );
    assert_eq!(
        set(&[("foo", "1")]).err().as_deref(),
        Some("ERR Unknown option or number of arguments for CONFIG SET - 'foo'")
    );
    let twice = set(&[("maxmemory", "1"), ("maxmemory", "2")]).err();
    assert!(twice.is_some_and(|text| text.ends_with("- duplicate parameter")));
}

#[test]
fn config_set_is_all_or_nothing() {
    assert!(set(&[("maxmemory", "10mb"), ("maxclients", "0")]).is_err());
}

#[test]
fn both_names_of_a_setting_answer() {
    let settings = Settings::default();
    let found = settings.matching(&[b"slave-priority", b"replica-priority"], &literally);
    let names: Vec<&[u8]> = found.iter().map(|(name, _)| name.as_slice()).collect();
    assert_eq!(names, [&b"replica-priority"[..], b"slave-priority"]);
    assert_eq!(settings.get(b"Slave-Priority"), Some(&b"100"[..]));
}

#[test]
fn several_patterns_show_a_setting_once() {
    let settings = Settings::default();
    let found = settings.matching(&[b"maxmemory", b"maxm*", b"PORT"], &literally);
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(found.iter().any(|(name, _)| name == b"PORT"));
}

#[test]
fn the_cores_see_typed_values() {
    let settings = set(&[
        ("maxmemory", "1gb"),
        ("maxmemory-clients", "10%"),
        ("maxmemory-policy", "volatile-ttl"),
        ("requirepass", "secret"),
    ]);
    let live = settings.expect("all four may be set").live();
    assert_eq!(live.maxmemory, 1 << 30);
    assert_eq!(live.maxmemory_clients, (1 << 30) / 10);
    assert_eq!(live.maxmemory_policy, Policy::VolatileTtl);
    assert_eq!(live.requirepass.as_deref(), Some(&b"secret"[..]));
    assert_eq!(live.output_limits[1].hard, 256 << 20);
    assert_eq!(live.latency_percentiles, [50.0, 99.0, 99.9]);
}

#[test]
fn names_of_files_are_no_paths() {
    for (name, noun) in [
        ("dbfilename", "filename"),
        ("appendfilename", "filename"),
        ("appenddirname", "dirname"),
    ] {
        for value in ["a/b", "a\\b", "/etc/passwd"] {
            let mut settings = Settings::default();
            let set = settings.set_from_file(name.as_bytes(), &[value.into()]);
            let why = format!("{name} can't be a path, just a {noun}");
            assert_eq!(set, Err(why), "{value}");
        }
    }
}
