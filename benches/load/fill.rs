//! Fills a server with numbered keys over one connection, a thousand requests at a time.

use std::io::{self, Write};
use std::net::TcpStream;

use crate::replies::Replies;
use crate::requests::{append_set, value};
use crate::server::Server;
use crate::types::{Filling, Shape};

const AT_ONCE: u64 = 1000;

/// Sets keys 0 to `keys` - 1, named `key:` and the number, padded to twelve digits or not.
pub fn fill(server: &Server, keys: u64, padded: bool, value_size: usize) -> io::Result<()> {
    let value = value(value_size);
    send(
        server,
        keys,
        Replies::new(Some(value_size)),
        |number, batch| {
            append_set(number, padded, &value, batch);
        },
    )
}

/// Sends the requests that fill a server for a test of `types`.
pub fn fill_type(server: &Server, filling: &[Filling]) -> io::Result<()> {
    filling.iter().try_for_each(|filling| {
        let shape = Shape::new(filling.request);
        send(
            server,
            filling.times,
            Replies::new(None),
            |number, batch| {
                shape.append_numbered(number, batch);
            },
        )
    })
}

/// Sends `count` requests, each appended by `append` with its number.
fn send(
    server: &Server,
    count: u64,
    mut replies: Replies,
    mut append: impl FnMut(u64, &mut Vec<u8>),
) -> io::Result<()> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_nodelay(true)?;
    let (mut batch, mut input) = (Vec::new(), vec![0; 64 * 1024]);
    let mut number = 0;
    while number < count {
        let end = count.min(number + AT_ONCE);
        batch.clear();
        (number..end).for_each(|number| append(number, &mut batch));
        stream.write_all(&batch)?;
        let waiting = usize::try_from(end - number).expect("at most a thousand");
        replies.read(&mut stream, &mut input, waiting)?;
        number = end;
    }
    Ok(())
}
