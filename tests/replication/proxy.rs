//! A connection in between, which is cut when told.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Passes connections on to a port. Of what that port sends, a connection
/// carries so many bytes and is cut then.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Bytes that connections may still carry before the next cut; 0 for no end.
    left: AtomicU64,
    cuts: AtomicU64,
    is_over: AtomicBool,
}

impl Proxy {
    pub fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(near), Ok(far)) = (stream, TcpStream::connect(("127.0.0.1", target)))
                else {
                    continue;
                };
                carry(near, far, &accepting);
            }
        });
        Proxy { port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts when so many more bytes have gone to the replica.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.left.store(bytes, Ordering::Relaxed);
    }

    /// How often it has cut so far.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // So that it looks.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn carry(near: TcpStream, far: TcpStream, shared: &Arc<Shared>) {
    let twice = |stream: &TcpStream| stream.try_clone().expect("a socket can be had twice");
    let (near_too, far_too) = (twice(&near), twice(&far));
    let shared = Arc::clone(shared);
    thread::spawn(move || pass(near_too, far_too, |_| None));
    thread::spawn(move || {
        pass(far, near, |len| {
            let left = shared.left.load(Ordering::Relaxed);
            if left == 0 {
                return None;
            }
            let rest = left.saturating_sub(len as u64);
            shared.left.store(rest, Ordering::Relaxed);
            if rest > 0 {
                return None;
            }
            shared.cuts.fetch_add(1, Ordering::Relaxed);
            Some(left as usize)
        });
    });
}

/// Passes bytes on until `cut` says after how many of these it is over.
fn pass(mut from: TcpStream, mut to: TcpStream, mut cut: impl FnMut(usize) -> Option<usize>) {
    let mut buffer = [0; 16 << 10];
    while let Ok(len) = from.read(&mut buffer) {
        let end = if len == 0 { Some(0) } else { cut(len) };
        let passed = to.write_all(&buffer[..end.unwrap_or(len)]);
        if passed.is_err() || end.is_some() {
            break;
        }
    }
    for stream in [from, to] {
        // The other end may have been faster.
        drop(stream.shutdown(Shutdown::Both));
    }
}
