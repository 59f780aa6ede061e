//! A server of the bench: started on a free port in a folder of its own, pinned to cores, ended by its process id.
//!
//! Both servers get the same settings: no snapshots, no append-only file, loopback only. `--shards` is passed only
//! to a binary whose name says basalt. `setpriv --pdeathsig` ends the server with the bench even when the bench is
//! killed, so that nothing stays behind.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{self, Usage};

/// What is started, and where.
#[derive(Clone, Debug)]
pub struct Plan {
    pub binary: PathBuf,
    /// Passed only to basalt.
    pub shards: usize,
    /// Cores in the notation of taskset, e.g. `0` or `0,1`.
    pub cores: String,
}

impl Plan {
    pub fn new(binary: &Path, shards: usize, cores: &str) -> Self {
        Self {
            binary: binary.to_owned(),
            shards,
            cores: cores.to_owned(),
        }
    }
}

/// A running server; dropping it kills the process and removes its folder.
pub struct Server {
    child: Child,
    folder: PathBuf,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the server and waits until it answers PING, at most 20 seconds.
    pub fn start(plan: &Plan) -> io::Result<Self> {
        let address = free_address()?;
        let folder = std::env::temp_dir().join(format!(
            "basalt-load-{}-{}",
            std::process::id(),
            address.port()
        ));
        fs::create_dir_all(&folder)?;
        let log = fs::File::create(folder.join("log"))?;
        let mut command = Command::new("taskset");
        command
            .args(["-c", &plan.cores, "setpriv", "--pdeathsig", "KILL"])
            .arg(absolute(&plan.binary)?);
        command.args([
            "--port",
            &address.port().to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]);
        command
            .args(["--appendonly", "no", "--maxclients", "12000", "--dir"])
            .arg(&folder);
        if is_basalt(&plan.binary) {
            command.args(["--shards", &plan.shards.to_string()]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server = Self {
            child,
            folder,
            address,
        };
        server.wait(&plan.binary)?;
        Ok(server)
    }

    fn wait(&mut self, binary: &Path) -> io::Result<()> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if answers(self.address).unwrap_or(false) {
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > end {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                let fate = ended.map_or("does not answer PING".to_owned(), |status| {
                    format!("ended with {status}")
                });
                return Err(io::Error::other(format!(
                    "{} {fate}:\n{log}",
                    binary.display()
                )));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time and context switches so far.
    pub fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.child.id())
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> io::Result<u64> {
        process::resident(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where the process has already ended, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Whether the binary's name says that it is ours.
pub fn is_basalt(binary: &Path) -> bool {
    binary
        .file_name()
        .is_some_and(|name| name.to_string_lossy().contains("basalt"))
}

/// A path with a folder is made absolute; a bare name is left to PATH.
fn absolute(binary: &Path) -> io::Result<PathBuf> {
    if binary.components().count() == 1 {
        Ok(binary.to_owned())
    } else {
        std::path::absolute(binary)
    }
}

/// A port nobody listens on now; the kernel gives it to nobody else soon after.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn answers(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut reply = [0; 7];
    stream.read_exact(&mut reply)?;
    Ok(&reply == b"+PONG\r\n")
}
