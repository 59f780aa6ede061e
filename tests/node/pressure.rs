//! Crowds, giants and readers that do not read: memory stays bounded, and
//! other clients go on.

use std::fs;
use std::io::{Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::{allow_open_files, figure, resident_bytes, resident_bytes_max};
use crate::wire::{Reply, request};
use crate::{node, status};

const MEGABYTE: usize = 1024 * 1024;

#[test]
fn a_reader_that_never_reads_costs_a_bounded_amount() {
    const ASKED: usize = 400;
    /// What one client may cost beyond its value: socket buffers, one reply in
    /// flight per core, allocator slack.
    const GROWTH_BYTES_MAX: u64 = 100 << 20;
    let node = node(&[]);
    let mut client = node.client();
    let value = vec![b'v'; MEGABYTE];
    let set = client.ask(&[b"SET".as_slice(), b"k", &value]);
    assert_eq!(set.expect("it answers"), status("OK"));
    let before = resident_bytes(node.id());
    let mut greedy = node.client();
    let requests = request(&["GET", "k"]).repeat(ASKED);
    greedy
        .send_bytes(&requests)
        .expect("small requests fit the socket");
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    while start.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
        slowest = slowest.max(asked.elapsed());
        let growth = resident_bytes(node.id()).saturating_sub(before);
        assert!(
            growth < GROWTH_BYTES_MAX,
            "{} MB for {ASKED} replies nobody reads",
            growth >> 20
        );
        thread::sleep(Duration::from_millis(5));
    }
    assert!(
        slowest < Duration::from_millis(500),
        "another client waited {slowest:?}"
    );
    // Either the limit closed it, or every reply still comes, whole.
    for number in 0..ASKED {
        match greedy.read() {
            Ok(reply) => assert!(
                reply == Reply::Bulk(value.clone()),
                "reply {number} differs"
            ),
            Err(_) => break,
        }
    }
    assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
}

#[test]
fn two_thousand_connections_at_once_are_served() {
    const COUNT: usize = 2000;
    let allowed = allow_open_files(COUNT as u64 + 200);
    assert!(
        allowed > COUNT as u64,
        "`ulimit -Hn` is {allowed}: raise it for this test"
    );
    let node = node(&[]);
    let mut clients: Vec<_> = (0..COUNT).map(|_| node.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let text = number.to_string();
        client
            .send(&["SET", &format!("k{number}"), &text])
            .expect("it reads");
        client
            .send(&["GET", &format!("k{number}")])
            .expect("it reads");
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.read().expect("it answers"), status("OK"));
        let got = client.read().expect("it answers");
        assert_eq!(got, Reply::Bulk(number.to_string().into_bytes()));
    }
    let answer = clients[0].ask(&["DBSIZE"]).expect("it answers");
    assert_eq!(answer, Reply::Integer(COUNT as i64));
    drop(clients);
    // All gone at once, and it serves on.
    assert_eq!(
        node.client().ask(&["PING"]).expect("it answers"),
        status("PONG")
    );
}

#[test]
fn a_value_of_512_megabytes_goes_in_and_out() {
    const CHUNK: usize = 4 * MEGABYTE;
    const CHUNKS: usize = 128;
    if figure("/proc/meminfo", "MemAvailable:") < 4 << 30 {
        // Said on the error stream, which a passing test may print to.
        let told = "512 MB value: not tried, less than 4 GB of memory are available\n";
        drop(fs::write("/dev/stderr", told));
        return;
    }
    let node = node(&[]);
    let client = node.client();
    let mut socket = client.socket();
    let head = format!("*3\r\n$3\r\nSET\r\n$5\r\ngiant\r\n${}\r\n", CHUNK * CHUNKS);
    socket.write_all(head.as_bytes()).expect("it reads");
    let mut chunk = vec![0; CHUNK];
    for number in 0..CHUNKS {
        stamp(&mut chunk, number);
        socket.write_all(&chunk).expect("it reads on");
    }
    socket.write_all(b"\r\n").expect("it reads on");
    let mut answer = [0; 5];
    socket.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"+OK\r\n");
    let peak = resident_bytes_max(node.id()) >> 20;
    assert!(
        peak < 800,
        "storing 512 MB took {peak} MB: it is copied on its way"
    );

    socket.write_all(b"GET giant\r\n").expect("it reads");
    let mut head = [0; 12];
    socket.read_exact(&mut head).expect("it answers");
    assert_eq!(&head, b"$536870912\r\n");
    let mut got = vec![0; CHUNK];
    for number in 0..CHUNKS {
        stamp(&mut chunk, number);
        socket.read_exact(&mut got).expect("it writes on");
        assert!(got == chunk, "megabyte {} differs", number * 4);
    }
    let mut end = [0; 2];
    socket.read_exact(&mut end).expect("it writes on");
    assert_eq!(&end, b"\r\n");
}

/// Makes each chunk differ from all others.
fn stamp(chunk: &mut [u8], number: usize) {
    for (index, block) in chunk.chunks_exact_mut(4096).enumerate() {
        block[..8].copy_from_slice(&((number << 32 | index) as u64).to_le_bytes());
    }
}

#[test]
fn a_value_above_the_limit_is_refused_before_it_is_sent() {
    let node = node(&["proto-max-bulk-len 1mb"]);
    let mut client = node.client();
    client
        .send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n")
        .expect("it reads");
    let told = client.read().expect("it is told");
    let wanted = crate::error("ERR Protocol error: invalid bulk length");
    assert_eq!(told, wanted);
    assert!(client.read().is_err(), "it is not closed");
}

#[test]
fn an_output_limit_closes_who_does_not_read() {
    let node = node(&["client-output-buffer-limit normal 1mb 0 0"]);
    let mut client = node.client();
    let value = vec![b'v'; 8 * MEGABYTE];
    let set = client.ask(&[b"SET".as_slice(), b"k", &value]);
    assert_eq!(set.expect("it answers"), status("OK"));
    let mut greedy = node.client();
    // The node may close before it has read all of them.
    drop(greedy.send_bytes(&request(&["GET", "k"]).repeat(20)));
    thread::sleep(Duration::from_millis(300));
    let served = (0..20).take_while(|_| greedy.read().is_ok()).count();
    assert!(served < 20, "a client 160 MB behind is not closed at 1 MB");
    assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
}
