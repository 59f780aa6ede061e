//! Signals: noted by a handler that only stores and rings, read by the
//! control core; and a report when the process crashes.

#![expect(unsafe_code, reason = "handlers are installed with sigaction")]

use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use crate::runtime::core::Bell;

/// A signal the node reacts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: shut down.
    Terminate,
    /// SIGINT: shut down.
    Interrupt,
    /// SIGUSR2: write a report to the log and go on.
    Report,
}

static TERMINATE: AtomicU32 = AtomicU32::new(0);
static INTERRUPT: AtomicU32 = AtomicU32::new(0);
static REPORT: AtomicU32 = AtomicU32::new(0);
static BELL: AtomicI32 = AtomicI32::new(-1);

/// Handles SIGTERM, SIGINT and SIGUSR2 from now on, ringing `bell`; ignores
/// SIGPIPE and SIGHUP, as servers do, and SIGXFSZ, so that a file which may not
/// grow is an error of the write.
pub fn listen(bell: Bell) {
    BELL.store(bell.descriptor(), Ordering::Release);
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGUSR2] {
        install(signal, note as *const () as usize, libc::SA_RESTART);
    }
    for signal in [libc::SIGPIPE, libc::SIGHUP, libc::SIGXFSZ] {
        install(signal, libc::SIG_IGN, 0);
    }
}

/// What a process dies of that has met a bug.
const CRASHES: [libc::c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
];

/// Calls `report` with the signal's number before the process dies of a crash.
/// `report` must be async-signal-safe as far as a dying process needs it.
pub fn on_crash(report: extern "C" fn(libc::c_int)) {
    for signal in CRASHES {
        // Not once only: a second thread's would end the process before the first has
        // told of its own.
        install(signal, report as *const () as usize, libc::SA_NODEFER);
    }
}

/// Undoes `on_crash`.
pub fn leave_crashes() {
    for signal in CRASHES {
        install(signal, libc::SIG_DFL, 0);
    }
}

/// The number of SIGABRT, which a panic ends with.
pub const ABORT: i32 = libc::SIGABRT;

/// In the place of a signal: the process ends with exit code 1.
pub const EXIT: i32 = -1;

/// Dies of `signal` by its default action, so that the exit status says it; or ends by
/// `EXIT`, without what else is done at an end: other threads still use all of it.
pub fn die_of(signal: libc::c_int) -> ! {
    if signal == EXIT {
        // SAFETY: nothing is touched.
        unsafe { libc::_exit(1) }
    }
    install(signal, libc::SIG_DFL, 0);
    // SAFETY: raising a signal touches no memory.
    unsafe {
        libc::raise(signal);
    }
    // SAFETY: as above; reached only where the signal is blocked.
    unsafe { libc::_exit(1) }
}

/// Dies of SIGSEGV as a broken pointer would have it: who handles that hears of it.
pub fn segfault() {
    // SAFETY: raising a signal touches no memory.
    unsafe { libc::raise(libc::SIGSEGV) };
}

/// Seconds that a dying process has to tell of it: looking up the names of a
/// backtrace takes some tenths of one, and several on a busy machine.
const DYING_S: u32 = 8;

/// What the process is dying of, and the thread that tells of it; 0 while it lives.
static DYING_OF: AtomicI32 = AtomicI32::new(0);
static TELLING: AtomicI32 = AtomicI32::new(0);

/// The process is to die of `signal`, or `EXIT`, and this thread is about to tell of it: within
/// `DYING_S`, whatever becomes of that. A telling that meets a bug itself ends here,
/// and another thread waits here for the end.
pub fn begin_dying(signal: libc::c_int) {
    // SAFETY: it only asks for a number.
    let thread = unsafe { libc::gettid() };
    let (ordered, relaxed) = (Ordering::AcqRel, Ordering::Acquire);
    if let Err(telling) = TELLING.compare_exchange(0, thread, ordered, relaxed) {
        if telling == thread {
            die_of(DYING_OF.load(Ordering::Acquire));
        }
        loop {
            // SAFETY: it waits for a signal.
            unsafe { libc::pause() };
        }
    }
    DYING_OF.store(signal, Ordering::Release);
    install(libc::SIGALRM, die_late as *const () as usize, 0);
    // SAFETY: it sets a time.
    unsafe { libc::alarm(DYING_S) };
}

extern "C" fn die_late(_: libc::c_int) {
    die_of(DYING_OF.load(Ordering::Acquire));
}

/// Writes bytes to standard output as they are, without a lock and without memory of
/// its own.
pub fn write_plainly(bytes: &[u8]) {
    // SAFETY: the bytes live as long as the call. What cannot be written is lost.
    let _written = unsafe { libc::write(1, bytes.as_ptr().cast(), bytes.len()) };
}

/// The next signal that has come, each as often as it came.
#[must_use]
pub fn pending() -> Option<Signal> {
    let taken = |count: &AtomicU32| {
        let before = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
        before.is_ok()
    };
    if taken(&TERMINATE) {
        Some(Signal::Terminate)
    } else if taken(&INTERRUPT) {
        Some(Signal::Interrupt)
    } else if taken(&REPORT) {
        Some(Signal::Report)
    } else {
        None
    }
}

extern "C" fn note(signal: libc::c_int) {
    let count = match signal {
        libc::SIGTERM => &TERMINATE,
        libc::SIGINT => &INTERRUPT,
        _ => &REPORT,
    };
    count.fetch_add(1, Ordering::AcqRel);
    Bell::from_descriptor(BELL.load(Ordering::Acquire)).ring();
}

fn install(signal: libc::c_int, handler: usize, flags: libc::c_int) {
    // SAFETY: all-zero is a valid sigaction: no flags, empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: `action` is valid, the handler is async-signal-safe (atomics and
    // write), and the old action is not asked for.
    let status = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    assert_eq!(status, 0, "signal {signal} can be handled");
}
