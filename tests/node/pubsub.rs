//! Publish and subscribe over the wire: every subscriber of every core, in
//! order, counted right, and nobody harmed by one who does not read.

use std::thread;
use std::time::Duration;

use crate::process::Server;
use crate::wire::{Connection, Reply, request};
use crate::{bulk, error, node, status, told, wait_until};

const CORES: [&str; 2] = ["shards 1", "shards 4"];

fn array(parts: &[Reply]) -> Reply {
    Reply::Array(parts.to_vec())
}

fn message(channel: &str, text: &str) -> Reply {
    array(&[bulk("message"), bulk(channel), bulk(text)])
}

/// A client that listens to these names by this command.
fn listener(node: &Server, command: &str, names: &[&str]) -> Connection {
    let mut client = node.client();
    subscribe(&mut client, command, names);
    client
}

fn subscribe(client: &mut Connection, command: &str, names: &[&str]) {
    let words: Vec<&str> = [command].iter().chain(names).copied().collect();
    client.send(&words).expect("it reads");
    for name in names {
        let (Ok(Reply::Array(parts)) | Ok(Reply::Push(parts))) = client.read() else {
            panic!("{command} is confirmed");
        };
        assert_eq!(parts[1], bulk(name));
    }
}

/// A client of version 3, which may do anything else meanwhile, that hears of channel `c`.
fn subscriber(node: &Server) -> Connection {
    let mut client = node.client();
    client.ask(&["HELLO", "3"]).expect("it answers");
    subscribe(&mut client, "SUBSCRIBE", &["c"]);
    client
}

fn publish(client: &mut Connection, channel: &str, text: &str) -> i64 {
    match client.ask(&["PUBLISH", channel, text]).expect("it answers") {
        Reply::Integer(receivers) => receivers,
        other => panic!("PUBLISH answers {other:?}"),
    }
}

/// The last part of the next message, as text.
fn next_text(client: &mut Connection) -> String {
    let reply = client.read().expect("a message comes");
    let (Reply::Array(parts) | Reply::Push(parts)) = &reply else {
        panic!("a message is {reply:?}");
    };
    let Some(Reply::Bulk(text)) = parts.last() else {
        panic!("a message ends with {parts:?}");
    };
    String::from_utf8(text.clone()).expect("the tests publish ASCII")
}

/// Reads what these publishers said, so many each, and checks its order.
fn read_in_order(client: &mut Connection, publishers: usize, each: usize) {
    let mut next = vec![0; publishers];
    for _ in 0..publishers * each {
        let text = next_text(client);
        let (publisher, number) = text.split_once(':').expect("publisher and number");
        let publisher: usize = publisher.parse().expect("a number");
        assert_eq!(number.parse(), Ok(next[publisher]), "of {publisher}");
        next[publisher] += 1;
    }
    assert_eq!(next, vec![each; publishers]);
}

#[test]
fn every_subscriber_reads_each_publishers_messages_once_and_in_order() {
    const PUBLISHERS: usize = 4;
    const EACH: usize = 1000;
    for cores in CORES {
        let node = node(&[cores, "client-output-buffer-limit pubsub 0 0 0"]);
        let mut listeners = Vec::new();
        for number in 0..12 {
            let mut client = node.client();
            if number % 2 == 1 {
                client.ask(&["HELLO", "3"]).expect("it answers");
            }
            match number % 3 {
                2 => subscribe(&mut client, "PSUBSCRIBE", &["new?"]),
                _ => subscribe(&mut client, "SUBSCRIBE", &["other", "news"]),
            }
            listeners.push(client);
        }
        thread::scope(|scope| {
            for publisher in 0..PUBLISHERS {
                let mut client = node.client();
                scope.spawn(move || {
                    let said = (0..EACH).map(|number| format!("{publisher}:{number}"));
                    let requests: Vec<u8> = said
                        .flat_map(|text| request(&["PUBLISH", "news", &text]))
                        .collect();
                    client.send_bytes(&requests).expect("it reads");
                    for _ in 0..EACH {
                        assert_eq!(client.read().expect("it answers"), Reply::Integer(12));
                    }
                });
            }
            for client in &mut listeners {
                scope.spawn(move || read_in_order(client, PUBLISHERS, EACH));
            }
        });
    }
}

#[test]
fn what_is_published_after_the_confirmation_is_counted_and_arrives() {
    for cores in CORES {
        let node = node(&[cores]);
        let mut clients: Vec<Connection> = (0..4).map(|_| node.client()).collect();
        let mut publishers: Vec<Connection> = (0..4).map(|_| node.client()).collect();
        for round in 0..200 {
            let client = &mut clients[round % 4];
            let publisher = &mut publishers[round / 4 % 4];
            subscribe(client, "SUBSCRIBE", &["c"]);
            assert_eq!(publish(publisher, "c", "yes"), 1, "round {round}");
            assert_eq!(client.read().expect("it arrives"), message("c", "yes"));
            let gone = client.ask(&["UNSUBSCRIBE", "c"]).expect("it answers");
            let confirmed = [bulk("unsubscribe"), bulk("c"), Reply::Integer(0)];
            assert_eq!(gone, array(&confirmed));
            assert_eq!(publish(publisher, "c", "no"), 0, "round {round}");
        }
    }
}

#[test]
fn sessions_that_come_and_go_at_once_add_up() {
    for cores in CORES {
        let node = node(&[cores]);
        thread::scope(|scope| {
            for number in 0..8 {
                let mut client = node.client();
                scope.spawn(move || {
                    let round = [
                        request(&["SUBSCRIBE", "c", "d"]),
                        request(&["PSUBSCRIBE", "c*"]),
                        request(&["UNSUBSCRIBE"]),
                        request(&["SUBSCRIBE", "c"]),
                        request(&["PUNSUBSCRIBE", "c*"]),
                    ];
                    client
                        .send_bytes(&round.concat().repeat(100))
                        .expect("it reads");
                    // The first round leaves two names, later ones leave two.
                    for _ in 0..100 * 7 {
                        client.read().expect("it answers");
                    }
                    match number % 2 {
                        0 => drop(client),
                        _ => {
                            assert_eq!(client.ask(&["RESET"]).expect("it answers"), status("RESET"))
                        }
                    }
                });
            }
        });
        let mut client = node.client();
        wait_until("the end of all subscriptions", || {
            publish(&mut client, "c", "anybody") == 0
        });
        for (field, wanted) in [
            ("pubsub_channels", 0),
            ("pubsub_patterns", 0),
            ("pubsub_clients", 0),
        ] {
            assert_eq!(told(&mut client, field), wanted, "{field}");
        }
    }
}

#[test]
fn a_thousand_subscribers_on_all_cores_read_every_message() {
    const MESSAGES: usize = 10;
    for cores in CORES {
        let node = node(&[cores]);
        let mut listeners: Vec<Connection> = (0..1000)
            .map(|number| match number % 10 {
                9 => listener(&node, "PSUBSCRIBE", &["c*"]),
                _ => listener(&node, "SUBSCRIBE", &["c"]),
            })
            .collect();
        let mut client = node.client();
        assert_eq!(told(&mut client, "pubsub_clients"), 1000);
        for number in 0..MESSAGES {
            assert_eq!(publish(&mut client, "c", &format!("0:{number}")), 1000);
        }
        for listener in &mut listeners {
            read_in_order(listener, 1, MESSAGES);
        }
        drop(listeners);
        wait_until("the end of a thousand", || {
            publish(&mut client, "c", "x") == 0
        });
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_closed_and_harms_nobody() {
    const MESSAGES: usize = 500;
    for cores in CORES {
        let node = node(&[cores, "client-output-buffer-limit pubsub 4mb 0 0"]);
        let mut client = node.client();
        let slow: Vec<Connection> = (0..4)
            .map(|_| listener(&node, "SUBSCRIBE", &["c"]))
            .collect();
        let mut reader = listener(&node, "SUBSCRIBE", &["c"]);
        let text = "x".repeat(100_000);
        let mut last = 0;
        for _ in 0..MESSAGES {
            last = publish(&mut client, "c", &text);
            assert_eq!(next_text(&mut reader).len(), text.len());
        }
        assert_eq!(last, 1, "only who reads is left");
        let field = "client_output_buffer_limit_disconnections";
        assert_eq!(told(&mut client, field), 4);
        assert_eq!(told(&mut client, "pubsub_clients"), 1);
        drop(slow);
    }
}

#[test]
fn many_patterns_of_one_client_do_not_pass_its_limit_within_a_turn() {
    let node = node(&["shards 1", "client-output-buffer-limit pubsub 1mb 0 0"]);
    let mut client = node.client();
    let before = told(&mut client, "used_memory_peak");
    let names: Vec<String> = (0..1000)
        .map(|number| format!("[c{number}]hannel"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let _greedy = listener(&node, "PSUBSCRIBE", &names);
    // A gigabyte for one client, if nobody looked before the turn's end.
    let text = "x".repeat(10_000);
    let requests = request(&["PUBLISH", "channel", &text]).repeat(100);
    client.send_bytes(&requests).expect("it reads");
    for _ in 0..100 {
        client.read().expect("it answers");
    }
    wait_until("its end", || told(&mut client, "pubsub_clients") == 0);
    assert_eq!(
        told(&mut client, "client_output_buffer_limit_disconnections"),
        1
    );
    thread::sleep(Duration::from_millis(500));
    let after = told(&mut client, "used_memory_peak");
    assert!(after < before + (64 << 20), "{before} bytes, then {after}");
}

#[test]
fn a_subscriber_killed_mid_stream_is_not_counted_and_the_others_go_on() {
    for cores in CORES {
        let node = node(&[cores]);
        let mut client = node.client();
        let mut stays = listener(&node, "SUBSCRIBE", &["c"]);
        for round in 0..20 {
            let mut victim = node.client();
            let Ok(Reply::Integer(id)) = victim.ask(&["CLIENT", "ID"]) else {
                panic!("a client has an id");
            };
            subscribe(&mut victim, "SUBSCRIBE", &["c", "own"]);
            assert_eq!(publish(&mut client, "c", "0:0"), 2);
            let said: Vec<u8> = (1..200)
                .flat_map(|number| request(&["PUBLISH", "c", &format!("0:{number}")]))
                .collect();
            client.send_bytes(&said).expect("it reads");
            if round % 2 == 0 {
                drop(victim);
            } else {
                let kill = ["CLIENT", "KILL", "ID", &id.to_string()];
                let killed = node.client().ask(&kill).expect("it answers");
                assert_eq!(killed, Reply::Integer(1));
            }
            for _ in 1..200 {
                let Ok(Reply::Integer(1 | 2)) = client.read() else {
                    panic!("one or two receive it");
                };
            }
            read_in_order(&mut stays, 1, 200);
            wait_until("its end", || publish(&mut client, "own", "x") == 0);
            assert_eq!(publish(&mut client, "c", "last"), 1);
            assert_eq!(stays.read().expect("it arrives"), message("c", "last"));
        }
    }
}

#[test]
fn messages_stand_between_replies_and_never_change_their_order() {
    for cores in CORES {
        let node = node(&[cores]);
        let mut client = node.client();
        for number in 0..100 {
            let set = client.ask(&["SET", &format!("k{number}"), &number.to_string()]);
            assert_eq!(set.expect("it answers"), status("OK"));
        }
        let mut reader = subscriber(&node);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..500 {
                    publish(&mut client, "c", &format!("0:{number}"));
                }
            });
            let (mut replies, mut messages) = (0, 0);
            while replies < 2000 || messages < 500 {
                if replies % 100 == 0 && replies < 2000 {
                    // Keys of all cores: most of them leave gaps.
                    let gets = (0..100).map(|number| format!("k{number}"));
                    let gets: Vec<u8> = gets.flat_map(|key| request(&["GET", &key])).collect();
                    reader.send_bytes(&gets).expect("it reads");
                }
                match reader.read().expect("it answers") {
                    Reply::Push(parts) => {
                        let text = format!("0:{messages}");
                        assert_eq!(parts, [bulk("message"), bulk("c"), bulk(&text)]);
                        messages += 1;
                        if replies % 100 == 0 && replies < 2000 {
                            drain(&mut reader, &mut replies, &mut messages);
                        }
                    }
                    reply => {
                        assert_eq!(reply, bulk(&(replies % 100).to_string()));
                        replies += 1;
                    }
                }
            }
        });
    }
}

/// Reads on until the hundred replies that were asked for have come.
fn drain(reader: &mut Connection, replies: &mut usize, messages: &mut usize) {
    loop {
        match reader.read().expect("it answers") {
            Reply::Push(parts) => {
                assert_eq!(parts[2], bulk(&format!("0:{messages}")));
                *messages += 1;
            }
            reply => {
                assert_eq!(reply, bulk(&(*replies % 100).to_string()));
                *replies += 1;
                if replies.is_multiple_of(100) {
                    return;
                }
            }
        }
    }
}

#[test]
fn a_pipelined_set_before_publish_is_seen_by_who_hears_of_it() {
    for cores in CORES {
        let node = node(&[cores]);
        let mut publisher = node.client();
        let mut readers: Vec<Connection> = (0..4).map(|_| subscriber(&node)).collect();
        // One core's keys: the message goes behind the key.
        for round in 0..200 {
            let value = round.to_string();
            let pipeline = [
                request(&["SET", "k", &value]),
                request(&["PUBLISH", "c", "k"]),
            ];
            publisher.send_bytes(&pipeline.concat()).expect("it reads");
            for reader in &mut readers {
                assert_eq!(next_text(reader), "k");
            }
            for reader in &mut readers {
                assert_eq!(reader.ask(&["GET", "k"]).expect("it answers"), bulk(&value));
            }
            assert_eq!(publisher.read().expect("it answers"), status("OK"));
            assert_eq!(publisher.read().expect("it answers"), Reply::Integer(4));
        }
    }
}

/// What one command or transaction did on several cores, all of it.
#[test]
fn who_hears_of_it_sees_what_was_done_on_several_cores() {
    const KEYS: [&str; 4] = ["a", "b", "c", "d"];
    let node = node(&["shards 4"]);
    let mut publisher = node.client();
    let mut readers: Vec<Connection> = (0..4).map(|_| subscriber(&node)).collect();
    for round in 0..200 {
        let value = round.to_string();
        let mut pipeline = Vec::new();
        let replies = if round % 2 == 0 {
            let words = KEYS.iter().flat_map(|key| [*key, &value]);
            pipeline.extend(request(
                &["MSET"].into_iter().chain(words).collect::<Vec<_>>(),
            ));
            1
        } else {
            pipeline.extend(request(&["MULTI"]));
            for key in KEYS {
                pipeline.extend(request(&["SET", key, &value]));
            }
            pipeline.extend(request(&["EXEC"]));
            KEYS.len() + 2
        };
        pipeline.extend(request(&["PUBLISH", "c", "done"]));
        publisher.send_bytes(&pipeline).expect("it reads");
        for reader in &mut readers {
            assert_eq!(next_text(reader), "done");
        }
        for (reader, key) in readers.iter_mut().zip(KEYS) {
            let read = reader.ask(&["GET", key]).expect("it answers");
            assert_eq!(read, bulk(&value), "{key}");
        }
        for _ in 0..replies {
            publisher.read().expect("it answers");
        }
        assert_eq!(publisher.read().expect("it answers"), Reply::Integer(4));
    }
}

#[test]
fn a_blocked_client_reads_its_messages_before_what_it_waits_for() {
    for cores in CORES {
        let node = node(&[cores]);
        let mut client = node.client();
        let mut blocked = subscriber(&node);
        // Behind a request that may be under way to another core.
        let waits = [request(&["GET", "k"]), request(&["BLPOP", "list", "0"])];
        blocked.send_bytes(&waits.concat()).expect("it reads");
        assert_eq!(blocked.read().expect("it answers"), Reply::Null);
        wait_until("it to be blocked", || {
            told(&mut client, "blocked_clients") == 1
        });
        for text in ["one", "two"] {
            assert_eq!(publish(&mut client, "c", text), 1);
            assert_eq!(next_text(&mut blocked), text);
        }
        let push = client.ask(&["RPUSH", "list", "v"]).expect("it answers");
        assert_eq!(push, Reply::Integer(1));
        let popped = array(&[bulk("list"), bulk("v")]);
        assert_eq!(blocked.read().expect("it is served"), popped);
        assert_eq!(publish(&mut client, "c", "three"), 1);
        assert_eq!(next_text(&mut blocked), "three");
    }
}

#[test]
fn an_idle_subscriber_is_not_timed_out() {
    let node = node(&["timeout 1"]);
    let mut idle = node.client();
    assert_eq!(idle.ask(&["PING"]).expect("it answers"), status("PONG"));
    let mut quiet = listener(&node, "SUBSCRIBE", &["c"]);
    let mut sharded = listener(&node, "SSUBSCRIBE", &["s"]);
    assert!(idle.read().is_err(), "it is closed");
    thread::sleep(Duration::from_millis(2500));
    let mut client = node.client();
    assert_eq!(publish(&mut client, "c", "still there"), 1);
    assert_eq!(next_text(&mut quiet), "still there");
    let sent = client.ask(&["SPUBLISH", "s", "too"]).expect("it answers");
    assert_eq!(sent, Reply::Integer(1));
    assert_eq!(next_text(&mut sharded), "too");
}

#[test]
fn expired_and_evicted_keys_are_events() {
    for cores in CORES {
        let node = node(&[cores, "notify-keyspace-events KEex"]);
        let mut client = node.client();
        let mut events = listener(&node, "SUBSCRIBE", &["__keyevent@0__:expired"]);
        let mut spaces = listener(&node, "PSUBSCRIBE", &["__keyspace@0__:*"]);
        let mut expected = Vec::new();
        for number in 0..20 {
            let key = format!("key:{number}");
            let set = client.ask(&["SET", &key, "v", "PX", "20"]);
            assert_eq!(set.expect("it answers"), status("OK"));
            expected.push(key);
        }
        expected.sort();
        let mut keys: Vec<String> = (0..20).map(|_| next_text(&mut events)).collect();
        keys.sort();
        assert_eq!(keys, expected);
        for _ in 0..20 {
            assert_eq!(next_text(&mut spaces), "expired");
        }
        let off = client.ask(&["CONFIG", "SET", "notify-keyspace-events", "Ee"]);
        assert_eq!(off.expect("it answers"), status("OK"));
        let mut evicted = listener(&node, "SUBSCRIBE", &["__keyevent@0__:evicted"]);
        let set = client.ask(&["SET", "big", &"v".repeat(1 << 20)]);
        assert_eq!(set.expect("it answers"), status("OK"));
        let policy = [
            "CONFIG",
            "SET",
            "maxmemory-policy",
            "allkeys-lru",
            "maxmemory",
            "1",
        ];
        assert_eq!(client.ask(&policy).expect("it answers"), status("OK"));
        assert_eq!(next_text(&mut evicted), "big");
    }
}

#[test]
fn a_resp2_subscriber_is_confined_until_it_leaves_everything() {
    let node = node(&[]);
    let mut client = listener(&node, "SSUBSCRIBE", &["s"]);
    let refused = client.ask(&["GET", "k"]).expect("it answers");
    let text = "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                RESET are allowed in this context";
    assert_eq!(refused, error(text));
    client.ask(&["SUNSUBSCRIBE"]).expect("it answers");
    assert_eq!(client.ask(&["GET", "k"]).expect("it answers"), Reply::Null);
}
