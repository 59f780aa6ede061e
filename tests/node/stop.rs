//! Stopping: signals, SHUTDOWN, and what is left behind.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::process::Server;
use crate::wire::Reply;
use crate::{END_TIMEOUT, error, node, status, wait_until};

pub fn signal(node: &Server, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", node.id())])
        .status()
        .expect("sh can be run");
    assert!(sent.success(), "{name} was not sent");
}

fn ends_cleanly(mut node: Server) {
    let status = node.end(END_TIMEOUT);
    let log = node.log();
    let code = status.unwrap_or_else(|| panic!("it goes on: {log}")).code();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn sigterm_ends_it_cleanly() {
    let node = node(&[]);
    signal(&node, "TERM");
    ends_cleanly(node);
}

#[test]
fn sigint_ends_it_cleanly_with_clients_connected() {
    let node = node(&[]);
    let mut client = node.client();
    assert_eq!(
        client.ask(&["SET", "k", "v"]).expect("it answers"),
        status("OK")
    );
    signal(&node, "INT");
    ends_cleanly(node);
    assert!(client.read().is_err(), "the connection is not closed");
}

#[test]
fn the_pidfile_is_there_while_it_runs() {
    let node = node(&["pidfile node.pid"]);
    let path = node.folder().join("node.pid");
    let id = fs::read_to_string(&path).expect("the file is there");
    assert_eq!(id.trim(), node.id().to_string());
    signal(&node, "TERM");
    wait_until("the end of the pidfile", || !path.exists());
    ends_cleanly(node);
}

#[test]
fn shutdown_closes_without_a_reply() {
    for words in [
        &["SHUTDOWN"][..],
        &["SHUTDOWN", "NOSAVE"],
        &["shutdown", "nosave", "now"],
    ] {
        let node = node(&["save \"\""]);
        let mut client = node.client();
        client.send(words).expect("it reads");
        assert!(client.read().is_err(), "{words:?} is answered");
        ends_cleanly(node);
    }
}

#[test]
fn a_wrong_shutdown_is_refused() {
    let node = node(&[]);
    let mut client = node.client();
    let answer = client.ask(&["SHUTDOWN", "PLEASE"]).expect("it answers");
    assert_eq!(answer, error("ERR syntax error"));
    let answer = client.ask(&["SHUTDOWN", "ABORT"]).expect("it answers");
    assert_eq!(answer, error("ERR No shutdown in progress."));
}

#[test]
fn sigusr2_prints_a_report_and_goes_on() {
    let node = node(&[]);
    let mut client = node.client();
    signal(&node, "USR2");
    wait_until("a whole report in the log", || {
        node.log().contains("end of the report")
    });
    let log = node.log();
    for part in [
        "--- report: basalt",
        "2 shards",
        "shard 1: 0 keys",
        " clients, ",
    ] {
        assert!(log.contains(part), "`{part}` is not told: {log}");
    }
    assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
}

#[test]
fn a_client_that_is_idle_is_closed_after_the_timeout() {
    let node = node(&["timeout 1"]);
    let mut idle = node.client();
    let mut busy = node.client();
    assert_eq!(idle.ask(&["PING"]).expect("it answers"), status("PONG"));
    for _ in 0..40 {
        assert_eq!(busy.ask(&["PING"]).expect("it answers"), status("PONG"));
        thread::sleep(Duration::from_millis(100));
    }
    assert!(idle.read().is_err(), "the idle client is not closed");
    let answer = busy.ask(&["GET", "k"]).expect("it answers");
    assert_eq!(answer, Reply::Null);
}
