//! What the outside sees of the node: sockets, the pid file, the supervisor.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Settings;
use crate::runtime::core::Listener;
use crate::runtime::process;

use super::log::Log;

/// Opens every socket the settings name.
pub(super) fn open(settings: &Settings) -> Result<Vec<Listener>, String> {
    let backlog: i32 = settings.number("tcp-backlog");
    let mut listeners = open_tcp(settings, listen)?;
    let path = text(settings, "unixsocket");
    if !path.is_empty() {
        let mode = u32::from_str_radix(&text(settings, "unixsocketperm"), 8).unwrap_or(0);
        let mode = (mode != 0).then_some(mode);
        let listener = Listener::unix(Path::new(&path), mode, backlog)
            .map_err(|error| format!("Failed opening Unix socket {path}: {error}"))?;
        listeners.push(listener);
    }
    if listeners.is_empty() {
        return Err("Configured to not listen anywhere, exiting.".to_owned());
    }
    Ok(listeners)
}

/// Opens the TCP sockets the settings name, each by `listen`.
fn open_tcp(
    settings: &Settings,
    listen: fn(SocketAddr, i32) -> io::Result<Listener>,
) -> Result<Vec<Listener>, String> {
    let backlog: i32 = settings.number("tcp-backlog");
    let port: u16 = settings.number("port");
    let mut listeners = Vec::new();
    if port == 0 {
        return Ok(listeners);
    }
    let bind = text(settings, "bind");
    for word in bind.split_ascii_whitespace() {
        let (name, is_optional) = match word.strip_prefix('-') {
            Some(name) => (name, true),
            None => (word, false),
        };
        for address in addresses(name, port)? {
            match listen(address, backlog) {
                Ok(listener) => listeners.push(listener),
                Err(error) if is_forgiven(&error, is_optional) => {}
                Err(error) => {
                    return Err(format!(
                        "Could not create server TCP listening socket {name}:{port}: {error}"
                    ));
                }
            }
        }
    }
    Ok(listeners)
}

/// The control core's hold of the TCP sockets, by which it moves them.
#[derive(Default)]
pub(super) struct Doors {
    twins: Vec<Listener>,
}

impl Doors {
    /// Of these listeners those that can be moved.
    pub(super) fn of(listeners: &[Listener]) -> io::Result<Doors> {
        let tcp = listeners.iter().filter(|listener| listener.is_tcp());
        let twins = tcp.map(Listener::twin).collect::<io::Result<_>>()?;
        Ok(Doors { twins })
    }

    /// Takes no more connections.
    pub(super) fn close(&self) {
        self.twins.iter().for_each(Listener::close);
    }

    /// Listens where the settings say now, and no more where it did: or where it
    /// did, if that cannot be, and why.
    pub(super) fn move_to(&mut self, settings: &Settings) -> Result<Vec<Listener>, String> {
        // The old ones first: the new may overlap with them.
        self.close();
        let opened = open_tcp(settings, Listener::tcp).and_then(|listeners| {
            let doors = Doors::of(&listeners).map_err(|error| error.to_string())?;
            Ok((listeners, doors))
        });
        match opened {
            Ok((listeners, doors)) => {
                *self = doors;
                Ok(listeners)
            }
            Err(why) => {
                let backlog: i32 = settings.number("tcp-backlog");
                for twin in &self.twins {
                    twin.reopen(backlog)
                        .map_err(|error| format!("{why}; and not where it was: {error}"))?;
                }
                Err(why)
            }
        }
    }
}

/// How long a port in use is waited for, and between two tries.
const IN_USE_TRIES: u32 = 20;
const IN_USE_PAUSE: Duration = Duration::from_millis(50);

/// Listens on an address. The kernel may take a moment to let go of the
/// listener of a node that was killed, whose ring still held it.
fn listen(address: SocketAddr, backlog: i32) -> io::Result<Listener> {
    let mut tries = 0;
    loop {
        match Listener::tcp(address, backlog) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < IN_USE_TRIES => {
                tries += 1;
                std::thread::sleep(IN_USE_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// As stock: a `-` in front forgives an address that is not there, and a
/// protocol this machine does not have is always forgiven.
fn is_forgiven(error: &io::Error, is_optional: bool) -> bool {
    let unsupported = [
        libc::EAFNOSUPPORT,
        libc::EPFNOSUPPORT,
        libc::EPROTONOSUPPORT,
        libc::ESOCKTNOSUPPORT,
        libc::ENOPROTOOPT,
    ];
    is_optional && error.kind() == io::ErrorKind::AddrNotAvailable
        || error
            .raw_os_error()
            .is_some_and(|number| unsupported.contains(&number))
}

/// What a word of `bind` names.
fn addresses(name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let any = |ip: IpAddr| Ok(vec![SocketAddr::new(ip, port)]);
    match name {
        "*" => any(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        "::*" => any(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        _ => (name, port)
            .to_socket_addrs()
            .map(Iterator::collect)
            .map_err(|error| format!("Invalid bind address '{name}': {error}")),
    }
}

fn text(settings: &Settings, name: &'static str) -> String {
    String::from_utf8_lossy(settings.bytes(name)).into_owned()
}

/// The files a pattern of `include` names: `*` and `?` in the last part.
pub(super) fn expand(pattern: &str) -> Vec<PathBuf> {
    use crate::base::{Case, glob_matches};
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(pattern);
    let (Some(parent), Some(last)) = (path.parent(), path.file_name()) else {
        return Vec::new();
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    let named = |entry: std::fs::DirEntry| {
        let name = entry.file_name();
        glob_matches(last.as_bytes(), name.as_bytes(), Case::Sensitive).then(|| entry.path())
    };
    let mut paths: Vec<PathBuf> = entries.flatten().filter_map(named).collect();
    paths.sort();
    paths
}

/// Where systemd hears of the node, if it started it and is to hear.
fn supervisor(settings: &Settings) -> Option<PathBuf> {
    let is_asked = matches!(settings.bytes("supervised"), b"systemd" | b"auto");
    let socket = std::env::var_os("NOTIFY_SOCKET");
    socket.filter(|_| is_asked).map(PathBuf::from)
}

/// Whether the node goes on in the background: not if it is supervised, or who
/// supervises it would lose sight of it.
pub(super) fn is_daemon(settings: &Settings) -> bool {
    settings.bytes("daemonize") == b"yes" && supervisor(settings).is_none()
}

/// The node as other programs know it: by pid file and supervisor.
#[derive(Clone)]
pub(super) struct Announced {
    pid_file: Option<PathBuf>,
    unix_socket: Option<PathBuf>,
    supervisor: Option<PathBuf>,
}

impl Announced {
    /// Writes the pid file.
    pub(super) fn new(settings: &Settings, log: &Log) -> Announced {
        let pid_file = text(settings, "pidfile");
        let is_daemon = is_daemon(settings);
        let pid_file = match pid_file.as_str() {
            "" if is_daemon => Some(PathBuf::from("/var/run/redis.pid")),
            "" => None,
            path => Some(PathBuf::from(path)),
        };
        if let Some(path) = &pid_file {
            // As with stock, a pid file that cannot be written stops nothing.
            let written = std::fs::write(path, format!("{}\n", std::process::id()));
            if let Err(error) = written {
                log.notice(&format!("Failed to write PID file: {error}"));
            }
        }
        let unix_socket = text(settings, "unixsocket");
        Announced {
            pid_file,
            unix_socket: (!unix_socket.is_empty()).then(|| PathBuf::from(unix_socket)),
            supervisor: supervisor(settings),
        }
    }

    /// Tells the supervisor that it takes a while before clients are served.
    pub(super) fn loading(&self, log: &Log) {
        self.notify("STATUS=Redis is loading...\n", log);
    }

    /// Tells the supervisor that clients are served.
    pub(super) fn ready(&self, log: &Log) {
        self.notify("STATUS=Ready to accept connections\nREADY=1\n", log);
    }

    /// Tells the supervisor that the node is ending.
    pub(super) fn stopping(&self, log: &Log) {
        self.notify("STOPPING=1\n", log);
    }

    /// What supervises the node, as INFO names it.
    pub(super) fn supervisor_name(&self) -> &'static str {
        match self.supervisor {
            Some(_) => "systemd",
            None => "no",
        }
    }

    fn notify(&self, state: &str, log: &Log) {
        if let Some(socket) = &self.supervisor
            && let Err(error) = process::notify_supervisor(socket, state)
        {
            log.warning(&format!("systemd cannot be told: {error}"));
        }
    }

    /// Removes what announced the node.
    pub(super) fn withdraw(&self) {
        for path in [&self.pid_file, &self.unix_socket].into_iter().flatten() {
            // Somebody else may have removed it.
            let _gone = std::fs::remove_file(path).is_err();
        }
    }
}
