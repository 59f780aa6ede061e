//! A connection to another node: its name is resolved and it is connected to on
//! a thread of its own, since both may take long.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::runtime::core::{Bell, dial};

/// A connection that is being made; whoever drops it does not want it any more.
pub(super) struct Dialing(Receiver<Result<OwnedFd, String>>);

/// From where to where, and for how long to try.
pub(super) struct Call {
    pub(super) host: String,
    pub(super) port: u16,
    /// `bind-source-addr`; empty for any.
    pub(super) source: String,
    pub(super) timeout: Duration,
}

impl Dialing {
    /// Begins; rings when it is decided.
    pub(super) fn begin(call: Call, bell: Bell) -> Result<Dialing, String> {
        let (tell, outcome) = channel();
        let life = move || {
            let connected = connect(&call).map_err(|error| error.to_string());
            // Nobody hears it who follows another by now.
            let _unheard = tell.send(connected).is_err();
            bell.ring();
        };
        thread::Builder::new()
            .name("dial".to_owned())
            .spawn(life)
            .map_err(|error| format!("can't start a thread: {error}"))?;
        Ok(Dialing(outcome))
    }

    /// The connection, or why there is none, if that is decided.
    pub(super) fn outcome(&self) -> Option<Result<OwnedFd, String>> {
        self.0.try_recv().ok()
    }
}

/// The first of the name's addresses that answers.
fn connect(call: &Call) -> Result<OwnedFd, Error> {
    let mut last = Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (call.host.as_str(), call.port).to_socket_addrs()? {
        match connect_to(address, call) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream.into());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_to(address: SocketAddr, call: &Call) -> Result<TcpStream, Error> {
    if call.source.is_empty() {
        return TcpStream::connect_timeout(&address, call.timeout);
    }
    let source = call
        .source
        .parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "bind-source-addr is no address"))?;
    dial(source, address, call.timeout)
}
