//! Sockets: how a listener is made and what a connection is told.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

/// Connects from one of this machine's addresses.
///
/// # Errors
/// What the kernel says.
pub fn dial(
    source: IpAddr,
    target: SocketAddr,
    timeout: Duration,
) -> io::Result<std::net::TcpStream> {
    let socket = Socket::new(
        Domain::for_address(target),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&target.into(), timeout)?;
    Ok(socket.into())
}

/// A socket that takes connections.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    is_tcp: bool,
}

impl Listener {
    /// Listens on an address; a port of 0 picks a free one.
    ///
    /// # Errors
    /// What the kernel says, as when the address is in use.
    pub fn tcp(address: SocketAddr, backlog: i32) -> io::Result<Listener> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        Ok(Listener {
            socket,
            is_tcp: true,
        })
    }

    /// Listens on a path; an old socket file there is replaced.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn unix(path: &Path, mode: Option<u32>, backlog: i32) -> io::Result<Listener> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        if let Some(mode) = mode {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        socket.listen(backlog)?;
        Ok(Listener {
            socket,
            is_tcp: false,
        })
    }

    /// The same socket once more, for another thread to close and reopen.
    ///
    /// # Errors
    /// What the kernel says, as when there are no descriptors left.
    pub fn twin(&self) -> io::Result<Listener> {
        Ok(Listener {
            socket: self.socket.try_clone()?,
            is_tcp: self.is_tcp,
        })
    }

    /// Takes no more connections, whoever else holds the socket: its address is
    /// free, and who connects is refused.
    pub fn close(&self) {
        // One that is closed already makes this fail, which is as good.
        let _closed = self.socket.shutdown(std::net::Shutdown::Both).is_err();
    }

    /// Takes connections again after `close`.
    ///
    /// # Errors
    /// What the kernel says, as when the address is in use by now.
    pub fn reopen(&self, backlog: i32) -> io::Result<()> {
        self.socket.listen(backlog)
    }

    /// Its descriptor, for `Ring::accept`.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Whether its connections are TCP.
    #[must_use]
    pub fn is_tcp(&self) -> bool {
        self.is_tcp
    }
}

/// Who is at the other end of a connection, and which of our addresses it met.
#[derive(Clone, Debug)]
pub struct Peer {
    /// `ip:port`, or `path:0` for a Unix socket.
    pub address: String,
    /// Our own end in the same form.
    pub local: String,
    /// Whether it comes from this machine: loopback or a Unix socket.
    pub is_loopback: bool,
}

/// Takes a descriptor over: its peer, with latency set before bandwidth.
#[must_use]
pub fn adopt(fd: &OwnedFd, unix_path: &str) -> Peer {
    let socket = socket2::SockRef::from(fd);
    let peer = socket.peer_addr().ok().and_then(|a| a.as_socket());
    let local = socket.local_addr().ok().and_then(|a| a.as_socket());
    match (peer, local) {
        (Some(peer), Some(local)) => Peer {
            address: peer.to_string(),
            local: local.to_string(),
            is_loopback: is_loopback(peer.ip()),
        },
        _ => Peer {
            address: format!("{unix_path}:0"),
            local: format!("{unix_path}:0"),
            is_loopback: true,
        },
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
        }
    }
}

/// Sends small segments at once.
pub fn no_delay(fd: &OwnedFd) {
    // A socket that cannot (a Unix one) has no segments to delay.
    let _refused = socket2::SockRef::from(fd).set_tcp_nodelay(true).is_err();
}

/// Probes a silent peer every `seconds` (0: not), giving up after 3 tries.
pub fn keep_alive(fd: &OwnedFd, seconds: u64) {
    if seconds == 0 {
        return;
    }
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(seconds))
        .with_interval(Duration::from_secs((seconds / 3).max(1)))
        .with_retries(3);
    // A peer that vanishes is then found by `timeout` or a failed send only.
    let _refused = socket2::SockRef::from(fd)
        .set_tcp_keepalive(&probes)
        .is_err();
}

/// Ends both directions, so that a receive in flight completes.
pub fn shut_down(fd: &OwnedFd) {
    // A peer that is gone already makes this fail, which is as good.
    let _gone = socket2::SockRef::from(fd)
        .shutdown(std::net::Shutdown::Both)
        .is_err();
}

/// Says one thing to a connection that is not taken, without waiting.
pub fn write_and_close(fd: OwnedFd, text: &[u8]) {
    let socket = Socket::from(fd);
    // Best effort: the connection is refused whether or not it reads why.
    let _unread = socket.set_nonblocking(true).is_err() || socket.send(text).is_err();
}
