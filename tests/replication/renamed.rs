//! A primary whose history has got another name, as it does where a replica was
//! promoted: who goes on with it hands nothing of it on under the old one.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::Side;
use crate::told::{come_in, stranger_at};

const OLD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const NEW: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A file without a key, and without a sum.
const EMPTY: &[u8] = b"REDIS0009\xff\0\0\0\0\0\0\0\0";

const FIRST: &[u8] = b"*3\r\n$3\r\nSET\r\n$5\r\nfirst\r\n$1\r\n1\r\n";
const SECOND: &[u8] = b"*3\r\n$3\r\nSET\r\n$6\r\nsecond\r\n$1\r\n2\r\n";

/// Takes a replica's connection, and says what it asks for in the end.
fn greet(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().expect("a replica comes");
    let (mut heard, mut answered) = (Vec::new(), 0);
    loop {
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes).expect("it greets");
        assert!(read > 0, "it hangs up");
        heard.extend(&bytes[..read]);
        let text = String::from_utf8_lossy(&heard).into_owned();
        let asked = |word: &str| text.matches(&format!("\r\n{word}\r\n")).count();
        let questions = asked("PING") + asked("REPLCONF");
        for _ in answered..questions {
            stream.write_all(b"+OK\r\n").expect("it listens");
        }
        answered = questions;
        let psync = text
            .split_once("PSYNC\r\n")
            .map(|(_, rest)| rest.to_owned());
        if let Some(rest) = psync
            && rest.matches("\r\n").count() == 4
        {
            return (stream, rest);
        }
    }
}

#[test]
fn nothing_is_handed_on_under_the_name_of_before() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let mut replica = Side::primary(2, &[]);
    replica.follow(listener.local_addr().expect("it has one").port());
    let (mut link, _) = greet(&listener);
    let answer = format!("+FULLRESYNC {OLD} 100\r\n${}\r\n", EMPTY.len());
    link.write_all(&[answer.as_bytes(), EMPTY].concat())
        .expect("it listens");
    replica.wait_until_linked();
    let mut below = stranger_at(&replica);
    come_in(&below, Duration::from_secs(1));
    let loaded = ["REPLCONF", "ACK", "100"];
    below.send(&loaded).expect("it listens");
    link.write_all(FIRST).expect("it listens");
    let end = 100 + FIRST.len();
    replica.wait_until("it has the first", |side| side.offset() == end as u64);
    drop(link);
    // The name and what comes under it are read at once.
    let (mut link, asked) = greet(&listener);
    assert!(
        asked.contains(OLD) && asked.contains(&(end + 1).to_string()),
        "{asked}"
    );
    let answer = format!("+CONTINUE {NEW}\r\n");
    link.write_all(&[answer.as_bytes(), SECOND].concat())
        .expect("it listens");
    let end_of_second = end + SECOND.len();
    replica.wait_until("it has both", |side| side.offset() == end_of_second as u64);
    assert_eq!(replica.told("master_replid"), NEW);
    assert_eq!(replica.told("master_replid2"), OLD);
    assert_eq!(replica.told("second_repl_offset"), (end + 1).to_string());
    let come = come_in(&below, Duration::from_secs(1));
    assert_eq!(
        String::from_utf8_lossy(&come),
        String::from_utf8_lossy(FIRST)
    );
}
