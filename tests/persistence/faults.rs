//! A disk that fails in one call on one file, whatever the machine's disk does: a library that is
//! loaded before libc's own stands between the program and its calls.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::process::{Folder, Server};
use crate::{PROGRAM, Side, patient};

/// The library. The file that `FAULTS` names says in each line which call fails, what the path
/// of its file has in it, and with which errno; `short` writes half of what it is given, and of
/// one byte nothing (ENOSPC).
const LIBRARY: &str = r#"
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::os::unix::ffi::OsStrExt;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn __errno_location() -> *mut c_int;
}

thread_local! { static IS_INSIDE: Cell<bool> = const { Cell::new(false) }; }

enum Fault { Errno(c_int), Short }

fn find(call: &str, path: &[u8]) -> Option<Fault> {
    let text = std::fs::read_to_string(std::env::var_os("FAULTS")?).ok()?;
    let path = String::from_utf8_lossy(path);
    text.lines().find_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, part, kind] = *words else { return None };
        (name == call && path.contains(part)).then(|| kind.parse().map_or(Fault::Short, Fault::Errno))
    })
}

fn fault(call: &str, path: impl FnOnce() -> Option<Vec<u8>>) -> Option<Fault> {
    if IS_INSIDE.replace(true) { return None; }
    let fault = path().and_then(|path| find(call, &path));
    IS_INSIDE.set(false);
    fault
}

fn of_file(file: c_int) -> Option<Vec<u8>> {
    let path = std::fs::read_link(format!("/proc/self/fd/{file}")).ok()?;
    Some(path.as_os_str().as_bytes().to_vec())
}

fn fail(errno: c_int) -> c_int {
    unsafe { *__errno_location() = errno };
    -1
}

#[unsafe(no_mangle)]
pub extern "C" fn write(file: c_int, bytes: *const c_void, len: usize) -> isize {
    let len = match fault("write", || of_file(file)) {
        None => len,
        Some(Fault::Errno(errno)) => return fail(errno) as isize,
        Some(Fault::Short) if len < 2 => return fail(28) as isize,
        Some(Fault::Short) => len / 2,
    };
    unsafe { syscall(1, file, bytes, len) as isize }
}

#[unsafe(no_mangle)]
pub extern "C" fn fsync(file: c_int) -> c_int {
    match fault("sync", || of_file(file)) {
        Some(Fault::Errno(errno)) => fail(errno),
        _ => unsafe { syscall(74, file) as c_int },
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(file: c_int) -> c_int {
    match fault("sync", || of_file(file)) {
        Some(Fault::Errno(errno)) => fail(errno),
        _ => unsafe { syscall(75, file) as c_int },
    }
}

/// Told by where it goes.
#[unsafe(no_mangle)]
pub extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let path = || Some(unsafe { CStr::from_ptr(to) }.to_bytes().to_vec());
    match fault("rename", path) {
        Some(Fault::Errno(errno)) => fail(errno),
        _ => unsafe { syscall(82, from, to) as c_int },
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    let name = || Some(unsafe { CStr::from_ptr(path) }.to_bytes().to_vec());
    match fault("open", name) {
        Some(Fault::Errno(errno)) => fail(errno),
        _ => unsafe { syscall(2, path, flags, mode) as c_int },
    }
}
"#;

/// The library, made once for all tests.
fn library() -> &'static Path {
    static MADE: OnceLock<Folder> = OnceLock::new();
    let folder = MADE.get_or_init(|| {
        let folder = Folder::new();
        let source = folder.path().join("faults.rs");
        fs::write(&source, LIBRARY).expect("the folder can be written");
        let mut compiler = Command::new("rustc");
        compiler.args(["--edition", "2024", "--crate-type", "cdylib", "-o"]);
        let made = compiler.arg(folder.path().join("faults.so")).arg(&source);
        assert!(made.status().is_ok_and(|status| status.success()));
        folder
    });
    folder.path()
}

/// A node whose disk fails as its test says.
pub(crate) struct Faulty {
    pub(crate) side: Side,
    faults: std::path::PathBuf,
}

impl Faulty {
    /// Basalt in this folder, of two shards.
    pub(crate) fn start(folder: &Path, settings: &[&str]) -> Faulty {
        let library = library().join("faults.so");
        let library = library
            .to_str()
            .expect("temporary folders have plain names");
        let faults = folder.join("faults");
        let named = faults.to_str().expect("temporary folders have plain names");
        let dir = format!("dir {}", folder.display());
        let lines = ["shards 2", "enable-debug-command yes", &dir];
        let lines: Vec<String> = [&lines, settings]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let environment = [("LD_PRELOAD", library), ("FAULTS", named)];
        let server = Server::start_with(PROGRAM, &lines, &environment);
        let client = patient(&server);
        let mut side = Side { server, client };
        side.wait_until_loaded();
        Faulty { side, faults }
    }

    /// From now on: a line for each fault, or none.
    pub(crate) fn set(&self, faults: &str) {
        let next = self.faults.with_extension("next");
        fs::write(&next, faults).expect("the folder can be written");
        fs::rename(next, &self.faults).expect("the folder can be written");
    }
}
