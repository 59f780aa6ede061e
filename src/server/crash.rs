//! The last words of a node that meets a bug: what happened, where, and in
//! which state, in the log, before the process dies of it.
//!
//! A panic is told by the hook, which ends the process whatever the profile
//! does with panics: a node without one of its cores would answer no more than
//! half of its keys. A signal is told by a handler that does more than is
//! strictly safe there: the process is lost anyway. A second bug while it tells of
//! the first ends it at once, and what hangs ends it within seconds: the heap may
//! be broken, or locked by the very thread.

use std::backtrace::Backtrace;
use std::fmt;
use std::sync::OnceLock;

use crate::config::Settings;
use crate::memory::used_memory;
use crate::runtime::{process, signal};

use super::log::Log;

/// Where the report goes; set once, before any other thread runs.
static LOG: OnceLock<Log> = OnceLock::new();

/// Reports every panic and fatal signal from now on, as the settings say.
pub(super) fn watch(log: &Log, settings: &Settings) {
    if LOG.set(log.clone()).is_ok() {
        follow(settings);
    }
}

/// Reports crashes, or leaves them to the system (`crash-log-enabled no`); for
/// a process that `watch` was called in, which a test is not.
pub(super) fn follow(settings: &Settings) {
    if LOG.get().is_none() {
        return;
    }
    if settings.is_on("crash-log-enabled") {
        // Else the system keeps the memory for those who look for the bug.
        let end = match settings.is_on("use-exit-on-panic") {
            true => signal::EXIT,
            false => signal::ABORT,
        };
        std::panic::set_hook(Box::new(move |panic| {
            report_and_die(end, format_args!("a bug was met: {panic}"));
        }));
        signal::on_crash(on_signal);
    } else {
        drop(std::panic::take_hook());
        signal::leave_crashes();
    }
}

extern "C" fn on_signal(number: i32) {
    report_and_die(number, format_args!("crashed by signal {number}"));
}

fn report_and_die(end: i32, what: fmt::Arguments<'_>) -> ! {
    signal::begin_dying(end);
    report(what);
    signal::die_of(end);
}

/// The first lines need no memory, which may be what is broken.
fn report(what: fmt::Arguments<'_>) {
    let Some(log) = LOG.get() else { return };
    log.last_line(format_args!(
        "=== BASALT BUG REPORT START: keep everything up to END ==="
    ));
    log.last_line(format_args!("basalt {} {what}", env!("CARGO_PKG_VERSION")));
    let thread = std::thread::current();
    log.warning(&format!(
        "{}, thread {}, {}, {} bytes used, {} bytes resident",
        crate::config::version_line(),
        thread.name().unwrap_or("main"),
        process::system_name(),
        used_memory(),
        process::resident_bytes()
    ));
    log.warning(&format!("{}", Backtrace::force_capture()));
    log.warning("=== BASALT BUG REPORT END ===");
}
