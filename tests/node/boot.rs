//! Starting: the log people and tools wait for, the ways to give settings,
//! and one line when it cannot start.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::time::Duration;

use crate::process::{Folder, free_port};
use crate::wire::{Connection, Reply};
use crate::{PROGRAM, bulk, error, node, run, status, wait_until};

fn pair(name: &str, value: &str) -> Reply {
    Reply::Array(vec![bulk(name), bulk(value)])
}

#[test]
fn the_log_tells_process_port_and_readiness() {
    let node = node(&[]);
    let log = node.log();
    assert!(log.contains("Ready to accept connections"), "{log}");
    assert!(log.contains(&node.id().to_string()), "no process id: {log}");
    assert!(log.contains(&node.port().to_string()), "no port: {log}");
}

#[test]
fn a_port_in_use_ends_it_with_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let end = run(Command::new(PROGRAM).args(["--port", &port, "--bind", "127.0.0.1"]));
    assert_eq!(end.code, Some(1), "{}", end.said);
    let about: Vec<&str> = end
        .said
        .lines()
        .filter(|line| line.contains(&port))
        .collect();
    let told = about.iter().any(|line| line.contains("in use"));
    assert!(
        told,
        "no line says that port {port} is in use: {}",
        end.said
    );
}

#[test]
fn an_unknown_directive_is_told_with_file_and_line() {
    let folder = Folder::new();
    let file = folder.path().join("wrong.conf");
    fs::write(&file, "# a comment\nport 0\nno-such-setting yes\n").expect("it can be written");
    let end = run(Command::new(PROGRAM).arg(&file));
    assert_eq!(end.code, Some(1), "{}", end.said);
    for part in ["wrong.conf", "3", "no-such-setting"] {
        assert!(
            end.said.contains(part),
            "`{part}` is not told: {}",
            end.said
        );
    }
}

#[test]
fn a_bad_value_is_told_with_its_directive() {
    let end = run(Command::new(PROGRAM).args(["--port", "abc"]));
    assert_eq!(end.code, Some(1), "{}", end.said);
    assert!(end.said.contains("port"), "{}", end.said);
}

#[test]
fn a_missing_file_is_told_by_name() {
    let end = run(Command::new(PROGRAM).arg("/nonexistent/node.conf"));
    assert_eq!(end.code, Some(1), "{}", end.said);
    assert!(end.said.contains("/nonexistent/node.conf"), "{}", end.said);
}

#[test]
fn the_version_is_told() {
    for flags in [&["--version"][..], &["-v"], &["-v", "--port", "1"]] {
        let end = run(Command::new(PROGRAM).args(flags));
        assert_eq!(end.code, Some(0), "{}", end.said);
        assert!(end.said.contains("basalt"), "{}", end.said);
        assert!(end.said.contains(env!("CARGO_PKG_VERSION")), "{}", end.said);
        assert_eq!(end.said.lines().count(), 1, "{}", end.said);
    }
}

#[test]
fn files_include_files_and_quotes_hold_blanks() {
    let folder = Folder::new();
    let other = folder.path().join("other.conf");
    fs::write(&other, "maxmemory 64mb\ntimeout 9\n").expect("it can be written");
    let include = format!("include \"{}\"", other.display());
    let node = node(&[&include, "requirepass \"a b\\x41\"", "timeout 10"]);
    let mut client = node.client();
    let answer = client.ask(&["AUTH", "a bA"]).expect("it answers");
    assert_eq!(answer, status("OK"));
    let answer = client.ask(&["CONFIG", "GET", "maxmemory"]);
    assert_eq!(answer.expect("it answers"), pair("maxmemory", "67108864"));
    let answer = client
        .ask(&["CONFIG", "GET", "timeout"])
        .expect("it answers");
    assert_eq!(answer, pair("timeout", "10"));
}

#[test]
fn the_number_of_shards_is_a_setting() {
    let node = node(&["shards 3"]);
    let answer = node.client().ask(&["CONFIG", "GET", "shards"]);
    assert_eq!(answer.expect("it answers"), pair("shards", "3"));
}

#[test]
fn a_unix_socket_serves() {
    let folder = Folder::new();
    let path = folder.path().join("socket");
    let setting = format!("unixsocket {}", path.display());
    let _node = node(&[&setting, "unixsocketperm 700"]);
    let mut client = UnixStream::connect(&path).expect("the socket is there");
    let timeout = Some(Duration::from_secs(5));
    client
        .set_read_timeout(timeout)
        .expect("a timeout can be set");
    client.write_all(b"PING\r\n").expect("it reads");
    let mut answer = [0; 7];
    client.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"+PONG\r\n");
}

/// An address of this machine that is not loopback, if it has one.
fn outer_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Connecting a datagram socket sends nothing; it only picks a route.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
}

#[test]
fn protected_mode_denies_strangers_only() {
    let node = node(&["bind 0.0.0.0"]);
    let mut friend = node.client();
    assert_eq!(friend.ask(&["PING"]).expect("it answers"), status("PONG"));
    // A machine without a network has no stranger either.
    let Some(address) = outer_address() else {
        return;
    };
    let read_from_outside = || {
        let mut stranger =
            TcpStream::connect((address.as_str(), node.port())).expect("it listens everywhere");
        let timeout = Some(Duration::from_secs(5));
        stranger
            .set_read_timeout(timeout)
            .expect("a timeout can be set");
        // The node may have closed already.
        drop(stranger.write_all(b"PING\r\nQUIT\r\n"));
        let mut answer = Vec::new();
        drop(stranger.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    };
    let denied = read_from_outside();
    assert!(denied.starts_with("-DENIED "), "{denied}");
    let answer = friend.ask(&["CONFIG", "SET", "protected-mode", "no"]);
    assert_eq!(answer.expect("it answers"), status("OK"));
    assert_eq!(read_from_outside(), "+PONG\r\n+OK\r\n");
}

#[test]
fn a_password_of_the_file_is_asked_for() {
    let node = node(&["requirepass secret"]);
    let mut client = node.client();
    let answer = client.ask(&["GET", "k"]).expect("it answers");
    assert_eq!(answer, error("NOAUTH Authentication required."));
    assert_eq!(
        client.ask(&["AUTH", "secret"]).expect("it answers"),
        status("OK")
    );
    assert_eq!(client.ask(&["GET", "k"]).expect("it answers"), Reply::Null);
}

#[test]
fn one_client_too_many_is_told_so() {
    let node = node(&["maxclients 5"]);
    let mut clients = Vec::new();
    // The connection that saw the node come up may still be counted.
    wait_until("room for five clients", || {
        clients.clear();
        clients.extend((0..5).map(|_| node.client()));
        clients
            .iter_mut()
            .all(|client| client.ask(&["PING"]).is_ok_and(|r| r == status("PONG")))
    });
    let mut sixth = node.client();
    let told = sixth.read().expect("it is told something");
    assert_eq!(told, error("ERR max number of clients reached"));
    assert!(sixth.read().is_err(), "it is not closed");
    drop(clients.pop());
    wait_until("a free place", || {
        node.client()
            .ask(&["PING"])
            .is_ok_and(|reply| reply == status("PONG"))
    });
}

#[test]
fn the_log_goes_to_a_file_above_its_level() {
    let node = node(&["logfile node.log"]);
    let file = node.folder().join("node.log");
    wait_until("the log file", || {
        fs::read_to_string(&file).is_ok_and(|log| log.contains("Ready to accept"))
    });
    assert_eq!(node.log(), "", "nothing is printed besides");
    let quiet = crate::node(&["loglevel warning"]);
    assert!(!quiet.log().contains("Ready to accept"), "{}", quiet.log());
}

#[test]
fn a_pid_file_that_cannot_be_written_is_told_and_stops_nothing() {
    let node = node(&["pidfile /nonexistent/node.pid"]);
    let log = node.log();
    assert!(
        log.contains("Failed to write PID file: No such file or directory"),
        "{log}"
    );
}

/// The process id of a daemon, which is nobody's child and would stay when
/// its test fails.
struct Daemon(String);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already when all is well.
        drop(Command::new("kill").arg(self.0.trim()).output());
    }
}

#[test]
fn a_daemon_leaves_its_parent() {
    let folder = Folder::new();
    let port = free_port().to_string();
    let path = folder.path().to_str().expect("temporary paths are ASCII");
    let arguments = ["--port", &port, "--dir", path, "--pidfile", "daemon.pid"];
    let more = [
        "--daemonize",
        "yes",
        "--shards",
        "1",
        "--logfile",
        "daemon.log",
    ];
    let end = run(Command::new(PROGRAM).args(arguments).args(more));
    assert_eq!(end.code, Some(0), "{}", end.said);
    let port = port.parse().expect("it was a number");
    wait_until("the daemon's answer", || Connection::open(port).is_ok());
    let pid_file = folder.path().join("daemon.pid");
    wait_until("its pidfile", || pid_file.exists());
    let _daemon = Daemon(fs::read_to_string(&pid_file).expect("it was just seen"));
    let mut client = Connection::open(port).expect("it accepts connections");
    client.send(&["SHUTDOWN", "NOSAVE"]).expect("it reads");
    assert!(client.read().is_err(), "the connection is not closed");
    wait_until("the end of the daemon", || !pid_file.exists());
}

#[test]
fn systemd_is_notified() {
    let folder = Folder::new();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("the folder was just made");
    let timeout = Some(Duration::from_secs(10));
    socket
        .set_read_timeout(timeout)
        .expect("a timeout can be set");
    for asked in ["systemd", "auto"] {
        let port = free_port();
        // In the background it would be lost to who supervises it.
        let mut child = Command::new(PROGRAM)
            .args(["--port", &port.to_string(), "--supervised", asked])
            .args(["--daemonize", "yes", "--shards", "1", "--save", ""])
            .args(["--logfile", "systemd.log", "--dir"])
            .arg(folder.path())
            .env("NOTIFY_SOCKET", &path)
            .spawn()
            .expect("the program can be run");
        let mut told = String::new();
        let mut hear = |until: &str| {
            let mut datagram = [0; 4096];
            while let Ok(length) = socket.recv(&mut datagram) {
                told.push_str(&String::from_utf8_lossy(&datagram[..length]));
                if told.contains(until) {
                    break;
                }
            }
        };
        hear("READY=1\n");
        let said = Connection::open(port).and_then(|mut client| {
            let said = client.ask(&["INFO", "server"]);
            client.send(&["SHUTDOWN"]).and(said)
        });
        hear("STOPPING=1\n");
        drop(child.kill());
        child.wait().expect("the child is ours");
        let wanted = "STATUS=Redis is loading...\n\
            STATUS=Ready to accept connections\nREADY=1\nSTOPPING=1\n";
        assert_eq!(told, wanted, "{asked}");
        let Ok(Reply::Bulk(info)) = said else {
            panic!("{asked}: {said:?}");
        };
        let info = String::from_utf8_lossy(&info);
        assert!(info.contains("process_supervised:systemd\r\n"), "{info}");
    }
}

#[test]
fn settings_are_written_back_into_the_file() {
    let node = node(&["# kept as it is", "timeout 5"]);
    let mut client = node.client();
    for request in [
        ["CONFIG", "SET", "timeout", "0"],
        ["CONFIG", "SET", "maxmemory", "64mb"],
        ["CONFIG", "SET", "requirepass", "a b"],
    ] {
        assert_eq!(client.ask(&request).expect("it answers"), status("OK"));
    }
    let answer = client.ask(&["CONFIG", "REWRITE"]).expect("it answers");
    assert_eq!(answer, status("OK"));
    let text = fs::read_to_string(node.folder().join("node.conf")).expect("it is there");
    for line in [
        "# kept as it is",
        "maxmemory 64mb",
        "requirepass \"a b\"",
        "shards 2",
    ] {
        assert!(
            text.lines().any(|l| l == line),
            "no line `{line}` in:\n{text}"
        );
    }
    assert!(!text.contains("timeout 5"), "{text}");
}

#[test]
fn without_a_file_there_is_nothing_to_write_back() {
    let folder = Folder::new();
    let port = free_port();
    let mut child = Command::new(PROGRAM)
        .args([
            "--port",
            &port.to_string(),
            "--shards",
            "1",
            "--logfile",
            "log",
        ])
        .current_dir(folder.path())
        .spawn()
        .expect("the program can be run");
    let mut answer = None;
    for _ in 0..2000 {
        answer = Connection::open(port)
            .and_then(|mut client| client.ask(&["CONFIG", "REWRITE"]))
            .ok();
        if answer.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("the child is ours");
    child.wait().expect("the child is ours");
    let wanted = error("ERR The server is running without a config file");
    assert_eq!(answer, Some(wanted));
}

#[test]
fn where_it_listens_is_changed_while_it_runs() {
    let refused = |name: &str, why: &str| {
        error(&format!(
            "ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"
        ))
    };
    for shards in ["shards 1", "shards 4"] {
        let node = node(&[shards]);
        let mut first = node.client();
        let mut set = |words: &[&str]| {
            let words = [&["CONFIG", "SET"], words].concat();
            first.ask(&words).expect("who is connected stays so")
        };
        let opens = |port: u16| match Connection::open(port) {
            Ok(mut client) => client.ask(&["PING"]).is_ok(),
            Err(_) => false,
        };
        let (old, new) = (node.port(), free_port());
        assert_eq!(set(&["port", &new.to_string()]), status("OK"));
        assert!(opens(new) && !opens(old), "it did not move");
        let taken = TcpListener::bind("0.0.0.0:0").expect("a port is free");
        let other = taken.local_addr().expect("it is bound").port().to_string();
        let why = "Unable to listen on this port. Check server logs.";
        assert_eq!(set(&["port", &other]), refused("port", why));
        assert!(opens(new), "it listens no more");
        let why = "Failed to bind to specified addresses.";
        assert_eq!(set(&["bind", "192.0.2.1"]), refused("bind", why));
        assert!(opens(new), "it listens no more");
        assert_eq!(set(&["bind", ""]), status("OK"));
        assert!(!opens(new), "it listens on");
        let back = ["bind", "127.0.0.1", "port", &old.to_string()];
        assert_eq!(set(&back), status("OK"));
        assert!(opens(old) && !opens(new), "it did not move back");
    }
}
