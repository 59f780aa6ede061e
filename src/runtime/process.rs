//! What the process asks of the system once: cores, limits, the background.

#![expect(unsafe_code, reason = "fork, limits and CPU sets are plain C")]

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// The cores this process may run on, by number.
#[must_use]
pub fn cores() -> Vec<usize> {
    let ids = core_affinity::get_core_ids().unwrap_or_default();
    ids.into_iter().map(|core| core.id).collect()
}

/// Pins the calling thread to a core; `false` where that is not allowed.
pub fn pin(core: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: core })
}

/// Raises the limit of open files to what `wanted` needs, as far as allowed;
/// says what it is now.
#[must_use]
pub fn raise_open_files(wanted: u64) -> u64 {
    raise(libc::RLIMIT_NOFILE, wanted)
}

/// Raises the limit of locked memory in the same way.
#[must_use]
pub fn raise_locked_bytes(wanted: u64) -> u64 {
    raise(libc::RLIMIT_MEMLOCK, wanted)
}

fn raise(resource: libc::__rlimit_resource_t, wanted: u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a live local of the right type.
    if unsafe { libc::getrlimit(resource, &raw mut limit) } != 0 {
        return wanted;
    }
    if limit.rlim_cur >= wanted {
        return limit.rlim_cur;
    }
    let higher = libc::rlimit {
        rlim_cur: wanted,
        rlim_max: limit.rlim_max.max(wanted),
    };
    let within = libc::rlimit {
        rlim_cur: wanted.min(limit.rlim_max),
        rlim_max: limit.rlim_max,
    };
    for attempt in [higher, within] {
        // SAFETY: `attempt` is a live local of the right type.
        if unsafe { libc::setrlimit(resource, &raw const attempt) } == 0 {
            return attempt.rlim_cur;
        }
    }
    limit.rlim_cur
}

/// Goes on in a child in a session of its own, with standard streams on
/// `/dev/null`; the parent exits. Call it while there is one thread.
///
/// # Errors
/// When the system has no room for the child.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: one thread runs, so the child has everything it needs.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        // SAFETY: ends the parent without running destructors twice.
        _ => unsafe { libc::_exit(0) },
    }
    // SAFETY: takes no memory.
    if unsafe { libc::setsid() } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the path is a NUL-terminated literal.
    let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
    if null < 0 {
        return Err(io::Error::last_os_error());
    }
    for stream in 0..=2 {
        // SAFETY: both descriptors are open or about to be replaced.
        if unsafe { libc::dup2(null, stream) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Tells systemd something (`READY=1`), if it asked to be told.
///
/// # Errors
/// When its socket cannot be written to.
pub fn notify_supervisor(socket: &Path, state: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    let from = UnixDatagram::unbound()?;
    let name = socket.as_os_str().as_bytes();
    let address = match name.strip_prefix(b"@") {
        Some(name) => std::os::unix::net::SocketAddr::from_abstract_name(name)?,
        None => std::os::unix::net::SocketAddr::from_pathname(socket)?,
    };
    from.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

/// Keeps transparent huge pages out of this process: filling one with zeros
/// takes as long as many requests. `false` where the kernel refuses.
#[must_use]
pub fn forgo_huge_pages() -> bool {
    // SAFETY: the call takes plain numbers.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 }
}

/// The calling thread gets a tenth of a processor that others want as well. Not the least
/// there is: it may hold a lock of the kernel's when it has to wait.
pub fn stand_back() {
    // SAFETY: the call takes plain numbers, and 0 is the calling thread. Where the system
    // refuses it runs as the others do.
    let _refused = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) } != 0;
}

/// What the process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub user_us: u64,
    pub system_us: u64,
}

/// CPU time of the process.
#[must_use]
pub fn usage() -> Usage {
    usage_of(libc::RUSAGE_SELF)
}

/// CPU time of the calling thread.
#[must_use]
pub fn thread_usage() -> Usage {
    usage_of(libc::RUSAGE_THREAD)
}

fn usage_of(whose: libc::c_int) -> Usage {
    // SAFETY: all-zero is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a live local of the right type.
    let status = unsafe { libc::getrusage(whose, &raw mut usage) };
    debug_assert_eq!(status, 0);
    let us = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    Usage {
        user_us: us(usage.ru_utime),
        system_us: us(usage.ru_stime),
    }
}

/// Resident memory of the process in bytes, 0 where /proc is not mounted.
#[must_use]
pub fn resident_bytes() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else {
        return 0;
    };
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    // SAFETY: takes no memory.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.unwrap_or(0) * page_bytes.max(0) as u64
}

/// Main memory of the machine in bytes.
#[must_use]
pub fn machine_bytes() -> u64 {
    // SAFETY: takes no memory.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    // SAFETY: takes no memory.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.max(0) as u64 * page_bytes.max(0) as u64
}

/// System, release and machine, as `uname` says.
#[must_use]
pub fn system_name() -> String {
    // SAFETY: all-zero is a valid utsname.
    let mut name: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: `name` is a live local of the right type.
    if unsafe { libc::uname(&raw mut name) } != 0 {
        return String::new();
    }
    let text = |field: &[libc::c_char]| {
        let bytes = field.iter().take_while(|&&byte| byte != 0);
        String::from_utf8_lossy(&bytes.map(|&byte| byte as u8).collect::<Vec<u8>>()).into_owned()
    };
    format!(
        "{} {} {}",
        text(&name.sysname),
        text(&name.release),
        text(&name.machine)
    )
}
