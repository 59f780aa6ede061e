//! What the tests ask of the operating system beyond `std`: memory figures,
//! more open files, and a process that may not use io_uring.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// A figure of `/proc/…` in bytes, such as `VmRSS` of `/proc/1/status`.
pub fn figure(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let line = text.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("{file} has no {name}"));
    let kilobytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse::<u64>().ok());
    kilobytes.unwrap_or_else(|| panic!("{file}: {line}")) * 1024
}

/// Resident bytes of a process.
pub fn resident_bytes(id: u32) -> u64 {
    figure(&format!("/proc/{id}/status"), "VmRSS:")
}

/// The most resident bytes a process ever had.
pub fn resident_bytes_max(id: u32) -> u64 {
    figure(&format!("/proc/{id}/status"), "VmHWM:")
}

/// Lets this process open `count` files, as far as it is allowed to.
pub fn allow_open_files(count: u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place for the answer and lives through the call.
    let told = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    assert_eq!(told, 0, "{}", io::Error::last_os_error());
    if limit.rlim_cur < count {
        limit.rlim_cur = count.min(limit.rlim_max);
        // SAFETY: `limit` is valid and only read.
        let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
        assert_eq!(set, 0, "{}", io::Error::last_os_error());
    }
    limit.rlim_cur
}

/// The offset of the system call's number in what a seccomp filter is shown.
const NUMBER_OFFSET: u32 = 0;

/// Makes the command's process fail with EPERM when it sets up an io_uring,
/// as container runtimes do.
pub fn without_io_uring(command: &mut Command) -> &mut Command {
    let setup = u32::try_from(libc::SYS_io_uring_setup).expect("its number is small");
    let instruction = |code: u32, when_true: u8, when_false: u8, value: u32| libc::sock_filter {
        code: u16::try_from(code).expect("codes have 16 bits"),
        jt: when_true,
        jf: when_false,
        k: value,
    };
    let refuse = libc::SECCOMP_RET_ERRNO | u32::try_from(libc::EPERM).expect("it is positive");
    let filter = [
        instruction(
            libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
            0,
            0,
            NUMBER_OFFSET,
        ),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, setup),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, refuse),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let install = move || {
        let mut filter = filter;
        let program = libc::sock_fprog {
            len: 4,
            filter: filter.as_mut_ptr(),
        };
        // SAFETY: this option takes numbers only.
        let kept = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        if kept != 0 {
            return Err(io::Error::last_os_error());
        }
        let mode = libc::SECCOMP_MODE_FILTER;
        // SAFETY: `program` points to the four instructions of `filter`, and
        // both live through the call, which copies them.
        let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) };
        if set == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    // SAFETY: between fork and exec the closure only makes two system calls
    // and touches its own copies; it neither allocates nor locks.
    unsafe { command.pre_exec(install) }
}

/// Lets the command's process lock so many bytes, and no more whoever it is: without
/// CAP_SYS_RESOURCE the limit cannot be raised.
pub fn with_locked_bytes(command: &mut Command, bytes: u64) -> &mut Command {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    let lower = move || {
        // SAFETY: `limit` is a live local of the right type.
        if unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let capability = libc::c_ulong::from(CAP_SYS_RESOURCE);
        // SAFETY: this option takes numbers only. Who may not do it has not got
        // the capability.
        let _dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        Ok(())
    };
    // SAFETY: between fork and exec the closure only makes two system calls
    // and touches its own copies; it neither allocates nor locks.
    unsafe { command.pre_exec(lower) }
}

/// The number of the capability in `linux/capability.h`.
const CAP_SYS_RESOURCE: u32 = 24;
