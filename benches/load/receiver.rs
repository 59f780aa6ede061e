//! A replica that throws away what it gets: a full synchronisation without a second server, for which there is no core.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// Between two reads of the data: the generator has the same core.
const REST: Duration = Duration::from_micros(300);
const READ_BYTES: usize = 1 << 20;
/// Of what a snapshot without a length ends with.
const MARK_BYTES: usize = 40;

/// Takes one whole snapshot and hangs up.
///
/// # Errors
/// When the connection ends before, or the server says something that is none of the protocol.
pub fn receive(address: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    let mut reader = BufReader::with_capacity(READ_BYTES, stream);
    let mut line = String::new();
    for request in [
        "REPLCONF listening-port 1 capa eof capa psync2",
        "PSYNC ? -1",
    ] {
        reader
            .get_mut()
            .write_all(format!("{request}\r\n").as_bytes())?;
        read_line(&mut reader, &mut line)?;
    }
    // Empty lines while it is made, and how it comes.
    while !line.starts_with('$') {
        read_line(&mut reader, &mut line)?;
    }
    let how = line.trim_end();
    if let Some(mark) = how.strip_prefix("$EOF:") {
        return until_mark(&mut reader, mark.as_bytes());
    }
    let mut left: usize = how[1..].parse().map_err(io::Error::other)?;
    let mut bytes = vec![0; READ_BYTES];
    while left > 0 {
        let most = left.min(READ_BYTES);
        left -= some(&mut reader, &mut bytes[..most])?;
    }
    Ok(())
}

fn read_line(reader: &mut BufReader<TcpStream>, line: &mut String) -> io::Result<()> {
    line.clear();
    if reader.read_line(line)? == 0 || line.starts_with('-') {
        return Err(io::Error::other(format!("no snapshot: {line}")));
    }
    Ok(())
}

/// Nothing comes behind the mark before the replica has acknowledged something.
fn until_mark(reader: &mut BufReader<TcpStream>, mark: &[u8]) -> io::Result<()> {
    let mut bytes = vec![0; MARK_BYTES + READ_BYTES];
    let mut kept = 0;
    loop {
        let end = kept + some(reader, &mut bytes[kept..kept + READ_BYTES])?;
        if bytes[..end].ends_with(mark) {
            return Ok(());
        }
        let from = end.saturating_sub(MARK_BYTES);
        bytes.copy_within(from..end, 0);
        kept = end - from;
    }
}

/// How many bytes have come, at least one.
fn some(reader: &mut BufReader<TcpStream>, into: &mut [u8]) -> io::Result<usize> {
    thread::sleep(REST);
    match reader.read(into)? {
        0 => Err(io::Error::other("the snapshot was cut short")),
        size => Ok(size),
    }
}
