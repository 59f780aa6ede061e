//! Plays scripts on a stock server, and on an engine of basalt's.

use basalt::resp::{OwnedArgs, Reply, Version};
use basalt::script::Engine;

use super::host::Canned;
use super::process::Server;

/// The version that scripts read; stock's own stays what it is.
const VERSION: &str = "7.2.4";

/// What every stock server holds before a script: the canned replies say the same.
const DATA: &[&[&str]] = &[
    &["FLUSHALL"],
    &["SET", "s", "abc"],
    &["HSET", "h", "a", "1"],
    &["SADD", "st", "a"],
    &["ZADD", "z", "1.5", "m"],
    &["RPUSH", "l", "a", "b", "c"],
];

/// Arguments of every script: two keys and two more.
const KEYS: [&str; 2] = ["key:1", "key:2"];
const ARGV: [&str; 2] = ["one", "2"];

/// The replies of a fresh stock server, escaped.
pub(super) fn on_stock<'a>(scripts: impl Iterator<Item = (bool, &'a str)>) -> Vec<String> {
    let server = Server::start("redis-server", &["save \"\"".to_owned()]);
    let mut replies = Vec::new();
    for (is_resp3, script) in scripts {
        let mut client = server.client();
        for words in DATA {
            client.ask(words).expect("stock answers");
        }
        if is_resp3 {
            client.ask(&["HELLO", "3"]).expect("stock answers");
        }
        let words = [&["EVAL", script, "2"], &KEYS[..], &ARGV[..]].concat();
        client.ask(&words).expect("stock answers");
        replies.push(client.last_bytes().escape_ascii().to_string());
    }
    replies
}

/// The replies of one engine, escaped, with canned replies to what scripts call.
pub(super) fn on_basalt<'a>(scripts: impl Iterator<Item = (bool, &'a str)>) -> Vec<String> {
    let mut engine = Engine::new(VERSION);
    scripts
        .map(|(is_resp3, script)| {
            let version = if is_resp3 {
                Version::Three
            } else {
                Version::Two
            };
            let mut out = Vec::new();
            run(&mut engine, script, &mut Reply::new(&mut out, version));
            out.escape_ascii().to_string()
        })
        .collect()
}

fn run(engine: &mut Engine, script: &str, reply: &mut Reply<'_>) {
    let sha = match engine.load(script.as_bytes()) {
        Ok(sha) => sha,
        Err(refusal) => return reply.refuse(&refusal),
    };
    let flags = engine.find(&sha).expect("it was just loaded").flags;
    let (keys, arguments) = (OwnedArgs::new(KEYS), OwnedArgs::new(ARGV));
    let mut host = Canned {
        is_read_only: flags.no_writes,
    };
    engine.run(&sha, keys.args(), arguments.args(), &mut host, reply);
}
