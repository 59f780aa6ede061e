//! What the kernel says about a process, read from /proc: CPU time, resident memory, context switches.
//!
//! CPU time is the sum over all threads of `/proc/PID/task/TID/schedstat`, in nanoseconds. It covers user and
//! system time, and the kernel threads that io_uring starts for the process. A thread that is running while it is
//! read lacks what it ran since its last scheduler tick (at most 4 ms), so runs last hundreds of milliseconds.
//! Source: proc(5), Documentation/scheduler/sched-stats.rst of Linux.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a process had used at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time of all threads, in nanoseconds.
    pub cpu: u64,
    /// Times a thread waited by its own will.
    pub voluntary: u64,
    /// Times a thread was put off its core.
    pub involuntary: u64,
}

impl Usage {
    /// What process `id` and all its threads have used so far.
    pub fn of(id: u32) -> io::Result<Self> {
        let mut sum = Self::default();
        for thread in fs::read_dir(format!("/proc/{id}/task"))? {
            let folder = thread?.path();
            // A thread that has just ended counts nothing.
            let cpu = cpu_of(&folder);
            let (Ok(cpu), Ok(status)) = (cpu, fs::read_to_string(folder.join("status"))) else {
                continue;
            };
            sum.cpu += cpu;
            sum.voluntary += field(&status, "voluntary_ctxt_switches:");
            sum.involuntary += field(&status, "nonvoluntary_ctxt_switches:");
        }
        Ok(sum)
    }

    /// What was used between `earlier` and this.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            voluntary: self.voluntary.saturating_sub(earlier.voluntary),
            involuntary: self.involuntary.saturating_sub(earlier.involuntary),
        }
    }
}

/// What the kernel says of how long a server's thread, and the one that asks, were ready but had no core.
///
/// It counts a wait when that is over: one that had begun before counts whole.
#[derive(Clone)]
pub struct Waited {
    server: PathBuf,
}

impl Waited {
    /// For process `id`: its thread of the most CPU time.
    pub fn of(id: u32) -> io::Result<Self> {
        let mut busiest = (0, PathBuf::from(format!("/proc/{id}")));
        for thread in fs::read_dir(format!("/proc/{id}/task"))? {
            let folder = thread?.path();
            busiest = busiest.max((cpu_of(&folder)?, folder));
        }
        Ok(Self { server: busiest.1 })
    }

    /// Nanoseconds so far.
    pub fn read(&self) -> io::Result<u64> {
        Ok(waited_of(&self.server)? + waited_of(&PathBuf::from("/proc/thread-self"))?)
    }
}

/// CPU time of the calling thread, in nanoseconds.
pub fn own_cpu() -> io::Result<u64> {
    cpu_of(&PathBuf::from("/proc/thread-self"))
}

/// Resident memory of process `id` in bytes.
pub fn resident(id: u32) -> io::Result<u64> {
    Ok(field(&fs::read_to_string(format!("/proc/{id}/status"))?, "VmRSS:") * 1024)
}

/// Nanoseconds the given core was busy since boot, by anyone, in the kernel's ticks of 10 ms.
pub fn busy(core: usize) -> io::Result<u64> {
    let text = fs::read_to_string("/proc/stat")?;
    let name = format!("cpu{core} ");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name.as_str()))
        .unwrap_or_default();
    let ticks: Vec<u64> = line
        .split_whitespace()
        .map(|word| word.parse().unwrap_or(0))
        .collect();
    // user nice system idle iowait irq softirq steal: all but idle and iowait.
    let used: u64 = ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(at, _)| *at != 3 && *at != 4)
        .map(|(_, used)| used)
        .sum();
    Ok(used * 10_000_000)
}

fn cpu_of(folder: &Path) -> io::Result<u64> {
    schedstat(folder, 0)
}

fn waited_of(folder: &Path) -> io::Result<u64> {
    schedstat(folder, 1)
}

fn schedstat(folder: &Path, at: usize) -> io::Result<u64> {
    let text = fs::read_to_string(folder.join("schedstat"))?;
    let number = text
        .split_whitespace()
        .nth(at)
        .and_then(|word| word.parse().ok());
    number.ok_or_else(|| {
        io::Error::other("schedstat is not a number: the kernel lacks CONFIG_SCHED_INFO")
    })
}

fn field(status: &str, name: &str) -> u64 {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}
