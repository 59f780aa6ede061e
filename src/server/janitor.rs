//! The thread that gives freed memory back to the system, so that no core does: it
//! takes milliseconds for what a second leaves behind, and holds nobody up here.

use std::sync::OnceLock;
use std::thread::{self, Thread};
use std::time::Duration;

use crate::memory::{give_back, keep_what_is_freed};
use crate::runtime::process::stand_back;

/// So often it looks; what is freed and taken again meanwhile costs nothing.
const EVERY: Duration = Duration::from_secs(1);

static JANITOR: OnceLock<Thread> = OnceLock::new();

/// Starts it, once in a process.
///
/// # Errors
///
/// The system gives no thread: what it says.
pub fn start_janitor() -> Result<(), String> {
    let life = || {
        stand_back();
        loop {
            thread::park_timeout(EVERY);
            give_back();
        }
    };
    let started = thread::Builder::new()
        .name("janitor".to_owned())
        .spawn(life)
        .map_err(|error| format!("Can't start a thread: {error}"))?;
    keep_what_is_freed();
    let _is_first = JANITOR.set(started.thread().clone()).is_ok();
    Ok(())
}

/// Has it look at once.
pub(super) fn wake() {
    if let Some(janitor) = JANITOR.get() {
        janitor.unpark();
    }
}
