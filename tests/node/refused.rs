//! A machine that does not let the node have what it needs: one clear line
//! with the remedy, exit code 1, nothing half started.

use std::fs;
use std::process::Command;

use crate::machine::{with_locked_bytes, without_io_uring};
use crate::process::{Folder, free_port};
use crate::{PROGRAM, run};

#[test]
fn io_uring_refused_is_one_clear_line() {
    let port = free_port().to_string();
    let mut command = Command::new(PROGRAM);
    command.args(["--port", &port, "--shards", "2"]);
    let end = run(without_io_uring(&mut command));
    assert_eq!(end.code, Some(1), "{}", end.said);
    let about = end.said.lines().filter(|line| line.contains("io_uring"));
    assert_eq!(
        about.count(),
        1,
        "not one line about io_uring: {}",
        end.said
    );
    assert!(!end.said.contains("panicked"), "{}", end.said);
    assert!(!end.said.contains("Ready to accept"), "{}", end.said);
}

#[test]
fn a_control_core_that_cannot_run_is_told_before_anybody_hears_of_readiness() {
    let port = free_port().to_string();
    let mut command = Command::new(PROGRAM);
    command.args(["--port", &port, "--shards", "1"]);
    let end = run(with_locked_bytes(&mut command, 64 * 1024));
    assert_eq!(end.code, Some(1), "{}", end.said);
    let remedy = end.said.lines().filter(|line| line.contains("ulimit -l"));
    assert_eq!(
        remedy.count(),
        1,
        "not one line with what to do: {}",
        end.said
    );
    assert!(!end.said.contains("Ready to accept"), "{}", end.said);
}

#[test]
fn a_start_that_fails_late_is_told_in_the_log_file_too() {
    let folder = Folder::new();
    let port = free_port().to_string();
    let mut command = Command::new(PROGRAM);
    command.args(["--port", &port, "--shards", "1", "--logfile", "node.log"]);
    command.arg("--dir").arg(folder.path());
    let end = run(without_io_uring(&mut command));
    assert_eq!(end.code, Some(1), "{}", end.said);
    let log = fs::read_to_string(folder.path().join("node.log")).expect("there is a log");
    assert!(log.contains("io_uring"), "{log}");
}
