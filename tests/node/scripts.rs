//! Pipelines of scripts: each makes its client wait for the loop's next step, and
//! nobody shall see that.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use super::{PROGRAM, Reply, Server, told};
use crate::wire::{Connection, request};

/// What the node keeps of requests that have not run, of the client with most of them.
fn largest_query_buffer(client: &mut Connection) -> usize {
    let Ok(Reply::Bulk(list)) = client.ask(&["CLIENT", "LIST"]) else {
        panic!("CLIENT LIST is text");
    };
    let list = String::from_utf8(list).expect("CLIENT LIST is text");
    let sizes = list
        .split(' ')
        .filter_map(|field| field.strip_prefix("qbuf="));
    let sizes = sizes.map(|size| size.parse().expect("it is a number"));
    sizes.max().expect("there is a client")
}

fn requests(count: usize, words: impl Fn(usize) -> Vec<String>) -> Vec<u8> {
    (0..count)
        .flat_map(|number| request(&words(number)))
        .collect()
}

#[test]
fn a_long_pipeline_of_scripts_is_answered_in_order() {
    const SCRIPTS: usize = 20_000;
    for shards in ["1", "3"] {
        let node = Server::start(PROGRAM, &[format!("shards {shards}")]);
        let mut client = node.client();
        let words = |number: usize| {
            let body = "return redis.call('INCR', KEYS[1]) .. ARGV[1]";
            let words = ["EVAL", body, "1", "key"].map(str::to_owned);
            words.into_iter().chain([format!(" {number}")]).collect()
        };
        let bytes = requests(SCRIPTS, words);
        let mut writer = client.socket().try_clone().expect("a descriptor");
        let sent = thread::spawn(move || writer.write_all(&bytes));
        for number in 0..SCRIPTS {
            let expected = format!("{} {number}", number + 1);
            let reply = client.read().expect("it is answered");
            assert_eq!(reply, Reply::Bulk(expected.into_bytes()));
        }
        sent.join().expect("it ran").expect("the node reads");
    }
}

#[test]
fn scripts_of_a_pipeline_are_answered_together() {
    const CLIENTS: usize = 20;
    const ROUNDS: usize = 30;
    let node = Server::start(PROGRAM, &["shards 1".to_owned()]);
    let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| node.client()).collect();
    let mut teller = node.client();
    let before = told(&mut teller, "total_writes_processed");
    let bytes = requests(16, |_| {
        let words = ["EVAL", "return redis.call('INCR', KEYS[1])", "1", "key"];
        words.map(str::to_owned).to_vec()
    });
    for round in 0..ROUNDS {
        for client in &mut clients {
            client.send_bytes(&bytes).expect("the node reads");
        }
        for client in &mut clients {
            for _ in 0..16 {
                let reply = client.read().expect("it is answered");
                assert!(matches!(reply, Reply::Integer(_)), "{round}: {reply:?}");
            }
        }
    }
    let writes = told(&mut teller, "total_writes_processed") - before;
    let pipelines = (CLIENTS * ROUNDS) as u64;
    assert!(writes < 4 * pipelines, "{writes} for {pipelines} pipelines");
}

#[test]
fn a_pipeline_of_scripts_without_end_starves_nobody() {
    let node = Server::start(PROGRAM, &["shards 1".to_owned()]);
    let mut greedy = node.client();
    let mut writer = greedy.socket().try_clone().expect("a descriptor");
    let body = "for i = 1, 20 do redis.call('INCR', KEYS[1]) end return 1";
    let words = ["EVAL", body, "1", "key"].map(str::to_owned);
    let bytes = requests(100, |_| words.to_vec());
    let until = Instant::now() + Duration::from_secs(2);
    let sent = thread::spawn(move || {
        while Instant::now() < until {
            writer.write_all(&bytes).expect("the node reads");
        }
        let last = request(&["ECHO", "last"]);
        writer.write_all(&last).expect("the node reads");
    });
    let read = thread::spawn(move || {
        let mut answers = 0_u64;
        while greedy.read().expect("it is answered") == Reply::Integer(1) {
            answers += 1;
        }
        answers
    });
    let mut client = node.client();
    let (mut longest, mut waits, mut piled_up) = (Duration::ZERO, 0, 0);
    while Instant::now() < until {
        let began = Instant::now();
        client.ask(&["GET", "key"]).expect("it is answered");
        longest = longest.max(began.elapsed());
        waits += 1;
        piled_up = piled_up.max(largest_query_buffer(&mut client));
    }
    sent.join().expect("it ran");
    let answers = read.join().expect("it ran");
    assert!(answers > 1_000, "{answers} scripts only");
    assert!(piled_up < 4 << 20, "{piled_up} bytes of requests");
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    assert!(waits > 20, "{waits} answers beside {answers} scripts");
}
