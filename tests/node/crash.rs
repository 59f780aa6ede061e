//! Last words: what a node that crashes leaves in its log, and how it ends.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::Server;
use crate::stop::signal;
use crate::{END_TIMEOUT, node, status};

/// Waits for the end of a crash: the signal it died of, and its log file.
fn last_words(mut node: Server) -> (Option<i32>, String) {
    let status = node.end(END_TIMEOUT);
    let log = fs::read_to_string(node.folder().join("node.log")).expect("there is a log file");
    let status = status.unwrap_or_else(|| panic!("it goes on: {log}"));
    (status.signal(), log)
}

fn is_reported(log: &str, what: &str) {
    let report = log
        .split_once("BUG REPORT START")
        .and_then(|(_, rest)| rest.split_once("BUG REPORT END"));
    let (report, _) = report.unwrap_or_else(|| panic!("no whole report: {log}"));
    for part in [what, env!("CARGO_PKG_VERSION"), "thread ", "bytes resident"] {
        assert!(report.contains(part), "`{part}` is not told: {log}");
    }
    // The way there, innermost first.
    assert!(report.contains("0: "), "no frames: {log}");
}

#[test]
fn a_crash_is_reported_and_the_exit_status_says_its_signal() {
    for (name, number) in [("SEGV", 11), ("ABRT", 6)] {
        let node = node(&["logfile node.log"]);
        signal(&node, name);
        let (died_of, log) = last_words(node);
        assert_eq!(died_of, Some(number), "{log}");
        is_reported(&log, &format!("crashed by signal {number}"));
    }
}

#[test]
fn a_crash_can_be_asked_for() {
    let node = node(&["logfile node.log", "enable-debug-command yes"]);
    let mut client = node.client();
    client.send(&["DEBUG", "SEGFAULT"]).expect("it reads");
    let (died_of, log) = last_words(node);
    assert_eq!(died_of, Some(11), "{log}");
    is_reported(&log, "crashed by signal 11");
}

#[test]
fn a_bug_is_reported_with_its_place_and_ends_the_node() {
    let node = node(&["logfile node.log", "enable-debug-command yes"]);
    let mut client = node.client();
    client.send(&["DEBUG", "PANIC"]).expect("it reads");
    let (died_of, log) = last_words(node);
    assert_eq!(died_of, Some(6), "{log}");
    is_reported(&log, "DEBUG PANIC was asked for");
    assert!(log.contains("src/command/server/debug.rs"), "{log}");
    assert!(client.read().is_err(), "the connection is not closed");
}

#[test]
fn a_crash_is_reported_unless_the_report_is_not_wanted() {
    const REPORT: &str = "BASALT BUG REPORT START";
    for (setting, at_run_time, is_reported) in [
        ("crash-log-enabled yes", "yes", true),
        ("crash-log-enabled no", "no", false),
        ("crash-log-enabled yes", "no", false),
        ("crash-log-enabled no", "yes", true),
    ] {
        let mut node = node(&[setting]);
        let set = node
            .client()
            .ask(&["CONFIG", "SET", "crash-log-enabled", at_run_time]);
        assert_eq!(set.expect("it answers"), status("OK"));
        signal(&node, "SEGV");
        let ended = node.end(END_TIMEOUT).expect("it dies of it");
        assert_eq!(ended.code(), None, "it ends by the signal: {ended}");
        let log = node.log();
        assert_eq!(log.contains(REPORT), is_reported, "{setting}: {log}");
    }
}

#[test]
fn a_bug_may_end_the_node_with_an_exit_code() {
    let settings = [
        "logfile node.log",
        "enable-debug-command yes",
        "use-exit-on-panic yes",
    ];
    let mut node = node(&settings);
    let mut client = node.client();
    client.send(&["DEBUG", "PANIC"]).expect("it reads");
    let status = node.end(END_TIMEOUT).expect("it ends");
    let log = fs::read_to_string(node.folder().join("node.log")).expect("there is a log file");
    assert_eq!(status.code(), Some(1), "{status}: {log}");
    is_reported(&log, "DEBUG PANIC was asked for");
}

#[test]
fn a_crash_without_memory_ends_with_what_could_be_said() {
    for (name, number) in [("SEGV", 11), ("ABRT", 6)] {
        let node = node(&["logfile node.log"]);
        let id = node.id().to_string();
        // The control core answers, so it runs and takes no more memory for that.
        let reply = node.client().ask(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(reply.expect("it answers"), status("OK"));
        // Whatever asks the system for memory from now on gets none.
        let limited = Command::new("prlimit")
            .args(["--pid", &id, "--as=1:1"])
            .status();
        assert!(limited.expect("it runs").success());
        let start = Instant::now();
        signal(&node, name);
        let (died_of, log) = last_words(node);
        assert!(start.elapsed() < Duration::from_secs(5), "{log}");
        assert_eq!(died_of, Some(number), "{log}");
        assert!(log.contains("BUG REPORT START"), "{log}");
        assert!(
            log.contains(&format!("crashed by signal {number}")),
            "{log}"
        );
    }
}
