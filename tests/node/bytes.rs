//! Bytes of any cut and any content: what is valid is understood however it
//! arrives, what is not harms nobody else.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::process::Server;
use crate::wire::{REPLY_TIMEOUT, Reply, request};
use crate::{bulk, node, status};

/// A session with inline commands, arrays, empty and binary arguments.
const SESSION: &[u8] = b"PING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\na\r\nb\0c\r\n\
    *2\r\n$3\r\nGET\r\n$1\r\nk\r\nECHO \"x y\"\n\r\n*0\r\n\
    *3\r\n$6\r\nAPPEND\r\n$1\r\nk\r\n$0\r\n\r\n*3\r\n$4\r\nMGET\r\n$1\r\nk\r\n$4\r\nnone\r\n\
    *1\r\n$6\r\nNOSUCH\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n";

const ANSWER: &[u8] = b"+PONG\r\n+OK\r\n$6\r\na\r\nb\0c\r\n$3\r\nx y\r\n:6\r\n\
    *2\r\n$6\r\na\r\nb\0c\r\n$-1\r\n\
    -ERR unknown command 'NOSUCH', with args beginning with: \r\n:1\r\n";

fn socket(node: &Server) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", node.port())).expect("it accepts");
    socket.set_nodelay(true).expect("an option can be set");
    let timeout = Some(REPLY_TIMEOUT);
    socket
        .set_read_timeout(timeout)
        .expect("an option can be set");
    socket
        .set_write_timeout(timeout)
        .expect("an option can be set");
    socket
}

/// Sends the session in these pieces and checks the answer.
fn check_pieces<'a>(node: &Server, pieces: impl Iterator<Item = &'a [u8]>, what: &str) {
    let mut socket = socket(node);
    for piece in pieces {
        socket.write_all(piece).expect("it reads");
        // Time for the piece to arrive alone.
        thread::sleep(Duration::from_micros(500));
    }
    let mut answer = vec![0; ANSWER.len()];
    let read = socket.read_exact(&mut answer);
    let shown = String::from_utf8_lossy(&answer);
    assert!(read.is_ok(), "{what}: the answer is short: {shown:?}");
    assert_eq!(answer, ANSWER, "{what}: {shown:?}");
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    let node = node(&[]);
    for cut in 0..=SESSION.len() {
        let (head, tail) = SESSION.split_at(cut);
        check_pieces(&node, [head, tail].into_iter(), &format!("cut at {cut}"));
    }
    check_pieces(&node, SESSION.chunks(1), "byte by byte");
    check_pieces(&node, SESSION.chunks(3), "in threes");
}

/// Random bytes from a seed that a failure prints.
struct Noise(u64);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_le_bytes()[3]
    }

    /// Some bytes are those of the protocol, to get further inside.
    fn garbage(&mut self, length: usize) -> Vec<u8> {
        const KNOWN: &[u8] = b"*$:+-\r\n\r\n0123456789 \"'PINGSET";
        let byte = |noise: &mut Self| match noise.byte() {
            chosen @ 0..96 => KNOWN[usize::from(chosen) % KNOWN.len()],
            _ => noise.byte(),
        };
        (0..length).map(|_| byte(self)).collect()
    }
}

#[test]
fn garbage_harms_no_other_client() {
    const ROUNDS: u64 = 60;
    const LENGTH: usize = 64 * 1024;
    let node = node(&[]);
    let mut client = node.client();
    for seed in 1..=ROUNDS {
        let mut socket = socket(&node);
        let garbage = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).garbage(LENGTH);
        // The node may close in the middle, and should.
        drop(socket.write_all(&garbage));
        let key = format!("key:{seed}");
        let set = client.ask(&["SET", &key, "value"]).expect("it answers");
        assert_eq!(set, status("OK"), "garbage of seed {seed}");
        let got = client.ask(&["GET", &key]).expect("it answers");
        assert_eq!(got, bulk("value"), "garbage of seed {seed}");
    }
}

#[test]
fn a_hundred_thousand_commands_in_one_write_are_answered_in_order() {
    const COUNT: usize = 100_000;
    let node = node(&[]);
    let mut client = node.client();
    let mut socket = client
        .socket()
        .try_clone()
        .expect("a socket can be had twice");
    let writer = thread::spawn(move || {
        let mut bytes = Vec::new();
        for number in 0..COUNT {
            bytes.extend(request(&[
                "SET",
                &format!("k{}", number % 500),
                &number.to_string(),
            ]));
            bytes.extend(request(&["GET", &format!("k{}", number % 500)]));
        }
        socket.write_all(&bytes).expect("it reads on");
    });
    for number in 0..COUNT {
        assert_eq!(client.read().expect("it answers"), status("OK"));
        assert_eq!(
            client.read().expect("it answers"),
            bulk(&number.to_string())
        );
    }
    writer.join().expect("the writer wrote all");
}

/// A value that is received in place and has to wait, since a snapshot's writer is behind: it
/// is answered when it has run, in its place, and nothing of it is lost.
#[test]
fn giants_that_wait_are_not_lost() {
    let node = node(&["shards 1", "rdb-key-save-delay 60000000"]);
    let mut client = node.client();
    let mut ask = |words: &[&str]| client.ask(words).expect("it answers");
    let large = "x".repeat(900 << 10);
    let keys: Vec<String> = (0..100).map(|number| format!("k{number}")).collect();
    for key in &keys {
        assert_eq!(ask(&["SET", key, &large]), status("OK"));
    }
    assert_eq!(ask(&["BGSAVE"]), status("Background saving started"));
    // Each change keeps what was there, which nobody takes: at 32 MiB writers wait.
    let changes: Vec<u8> = keys
        .iter()
        .flat_map(|key| request(&["APPEND", key, "y"]))
        .collect();
    let mut other = node.client();
    other.send_bytes(&changes).expect("it reads");
    let mut done = 0;
    let short = Some(Duration::from_millis(500));
    other
        .socket()
        .set_read_timeout(short)
        .expect("an option can be set");
    while other.read().is_ok() {
        done += 1;
    }
    assert!((20..keys.len()).contains(&done), "{done} went through");
    let giant = "z".repeat(3 << 20);
    let mut third = node.client();
    third.send(&["SET", "giant", &giant]).expect("it reads");
    // Alone: only then is it taken out of the inbox.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(ask(&["EXISTS", "giant"]), Reply::Integer(0), "it waits");
    third.send(&["ECHO", "behind it"]).expect("it reads");
    assert_eq!(
        ask(&["CONFIG", "SET", "rdb-key-save-delay", "0"]),
        status("OK")
    );
    assert_eq!(third.read().expect("it answers"), status("OK"));
    assert_eq!(third.read().expect("it answers"), bulk("behind it"));
    assert_eq!(ask(&["GET", "giant"]), bulk(&giant));
}
