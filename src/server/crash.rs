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
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use crate::config::Settings;
use crate::memory::used_memory;
use crate::runtime::{process, signal};

use super::log::Log;

/// Where the report goes; set once, before any other thread runs.
static LOG: OnceLock<Log> = OnceLock::new();

/// How the process ends when a bug was met and told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterBug {
    /// So that the system keeps its memory for those who look for the bug.
    Abort,
    /// `use-exit-on-panic`: for tools that look at the exit.
    Exit,
}

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
        let after = match settings.is_on("use-exit-on-panic") {
            true => AfterBug::Exit,
            false => AfterBug::Abort,
        };
        std::panic::set_hook(Box::new(move |panic| on_panic(panic, after)));
        signal::on_crash(on_signal);
    } else {
        drop(std::panic::take_hook());
        signal::leave_crashes();
    }
}

fn on_panic(panic: &PanicHookInfo<'_>, after: AfterBug) {
    let end = match after {
        AfterBug::Abort => signal::ABORT,
        AfterBug::Exit => signal::EXIT,
    };
    signal::begin_dying(end);
    report(format_args!("a bug was met: {panic}"));
    signal::die_of(end);
}

extern "C" fn on_signal(number: i32) {
    signal::begin_dying(number);
    report(format_args!("crashed by signal {number}"));
    signal::die_of(number);
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
