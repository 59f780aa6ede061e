//! A server the tests start for themselves: in its own folder, on a free
//! port, from a written configuration file, ended by process id when dropped
//! (and so on a panic too). Whatever it logged is shown when it does not come
//! up.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::wire::{Connection, Reply};

/// How long a server may take until it answers PING.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a port may be lost to another process before a test gives up.
const START_ATTEMPTS: usize = 3;

/// A folder of its own, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("basalt-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the temporary folder can be written");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind harms no later test, so its removal may fail.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A port nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    address.port()
}

pub struct Server {
    child: Child,
    port: u16,
    folder: Folder,
    program: String,
}

impl Server {
    /// Starts `program` from a file with `settings` and waits until it
    /// answers. Panics with its log if it does not.
    pub fn start(program: &str, settings: &[String]) -> Self {
        Self::start_with(program, settings, &[])
    }

    /// The same, with these variables in its environment.
    pub fn start_with(program: &str, settings: &[String], environment: &[(&str, &str)]) -> Self {
        let mut told = String::new();
        for _ in 0..START_ATTEMPTS {
            let mut server = Self::spawn(program, settings, environment);
            match server.wait_until_it_answers() {
                Ok(()) => return server,
                Err(why) => told = format!("{why}; its log:\n{}", server.log()),
            }
        }
        panic!("{program} with {settings:?} does not serve: {told}");
    }

    fn spawn(program: &str, settings: &[String], environment: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let port = free_port();
        let directory = folder.path().display();
        // A setting given later in the file wins over these.
        let mut text = format!("port {port}\nbind 127.0.0.1\ndir {directory}\nsave \"\"\n");
        for setting in settings {
            text.push_str(setting);
            text.push('\n');
        }
        let file = folder.path().join("node.conf");
        fs::write(&file, text).expect("the folder was just made");
        let child = launch(program, folder.path(), environment);
        Self {
            child,
            port,
            folder,
            program: program.to_owned(),
        }
    }

    /// Kills it, if it has not ended, and starts it again in the same folder and on
    /// the same port, from what is in its configuration by now.
    pub fn restart(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        self.child = launch(&self.program, self.folder.path(), &[]);
        if let Err(why) = self.wait_until_it_answers() {
            panic!("it does not serve again: {why}; its log:\n{}", self.log());
        }
    }

    fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < START_TIMEOUT {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return Err(format!("it ended with {status}"));
            }
            let answer = Connection::open(self.port).and_then(|mut client| client.ask(&["PING"]));
            if matches!(answer, Ok(Reply::Status(_) | Reply::Error(_))) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(format!("no answer to PING within {START_TIMEOUT:?}"))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The folder it works in; its configuration is `node.conf` there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn client(&self) -> Connection {
        Connection::open(self.port).expect("a running server accepts connections")
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until it has ended by itself; none if it goes on.
    pub fn end(&mut self, within: Duration) -> Option<ExitStatus> {
        end(&mut self.child, within)
    }
}

/// Starts the program with the configuration of a folder.
fn launch(program: &str, folder: &Path, environment: &[(&str, &str)]) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("the folder can be written");
    let errors = log.try_clone().expect("a file can be had twice");
    Command::new(program)
        .arg(folder.join("node.conf"))
        .current_dir(folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{program} does not start: {error} (tests/run installs redis-server)")
        })
}

/// Waits until a child has ended by itself; none if it goes on.
fn end(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        let status = child.try_wait().expect("the child is ours");
        if status.is_some() || start.elapsed() > within {
            return status;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a command in a folder until it ends, and kills one that goes on: how it
/// ended, if by itself, and what it said.
pub fn run(command: &mut Command, folder: &Path, within: Duration) -> (Option<ExitStatus>, String) {
    let said = folder.join("said");
    let out = fs::File::create(&said).expect("the folder is there");
    let errors = out.try_clone().expect("a file can be had twice");
    let mut child = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .spawn()
        .expect("the program can be run");
    let status = end(&mut child, within);
    if status.is_none() {
        child.kill().expect("the child is ours");
        child.wait().expect("the child is ours");
    }
    let said = fs::read_to_string(&said).expect("the file was just written");
    (status, said)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, as a transcript can ask it to.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
