//! Plays scripts on a stock server, and on an engine of basalt's.

use basalt::resp::{OwnedArgs, Reply, Version};
use basalt::script::{Engine, Existing, Libraries};

use super::Ask;
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
pub(super) fn on_stock<'a>(scripts: impl Iterator<Item = (Ask, &'a str)>) -> Vec<String> {
    let server = Server::start("redis-server", &["save \"\"".to_owned()]);
    let mut replies = Vec::new();
    for (ask, script) in scripts {
        let mut client = server.client();
        for words in DATA {
            client.ask(words).expect("stock answers");
        }
        if ask == Ask::EvalInResp3 {
            client.ask(&["HELLO", "3"]).expect("stock answers");
        }
        let given = [&["2"], &KEYS[..], &ARGV[..]].concat();
        let words = match ask {
            Ask::Eval | Ask::EvalInResp3 => [&["EVAL", script], &given[..]].concat(),
            Ask::Load => vec!["FUNCTION", "LOAD", script],
            Ask::Replace => vec!["FUNCTION", "LOAD", "REPLACE", script],
            Ask::Delete => vec!["FUNCTION", "DELETE", script],
            Ask::Flush => vec!["FUNCTION", "FLUSH", "SYNC"],
            Ask::Call => [&["FCALL", script], &given[..]].concat(),
        };
        client.ask(&words).expect("stock answers");
        replies.push(client.last_bytes().escape_ascii().to_string());
    }
    replies
}

/// The replies of one engine, escaped, with canned replies to what scripts call.
pub(super) fn on_basalt<'a>(scripts: impl Iterator<Item = (Ask, &'a str)>) -> Vec<String> {
    let mut engine = Engine::new(VERSION);
    let mut libraries = Libraries::new(VERSION);
    scripts
        .map(|(ask, script)| {
            let version = match ask {
                Ask::EvalInResp3 => Version::Three,
                _ => Version::Two,
            };
            let mut out = Vec::new();
            let mut reply = Reply::new(&mut out, version);
            match ask {
                Ask::Eval | Ask::EvalInResp3 => run(&mut engine, script, &mut reply),
                _ => function(&mut libraries, ask, script, &mut reply),
            }
            out.escape_ascii().to_string()
        })
        .collect()
}

/// What the FUNCTION commands and FCALL do, but for the words of their own.
fn function(libraries: &mut Libraries, ask: Ask, script: &str, reply: &mut Reply<'_>) {
    let mut host = Canned {
        is_read_only: false,
        looks: 0,
    };
    match ask {
        Ask::Eval | Ask::EvalInResp3 => unreachable!("these are scripts"),
        Ask::Load | Ask::Replace => {
            let existing = match ask {
                Ask::Replace => Existing::Replaced,
                _ => Existing::Refused,
            };
            match libraries.load(script.as_bytes(), existing, &mut host) {
                Ok(name) => reply.bulk(&name),
                Err(refusal) => reply.refuse(&refusal),
            }
        }
        Ask::Delete if libraries.delete(script.as_bytes()) => reply.ok(),
        Ask::Delete => reply.error("ERR Library not found"),
        Ask::Flush => {
            libraries.flush();
            reply.ok();
        }
        Ask::Call => {
            let Some(found) = libraries.find(script.as_bytes()) else {
                return reply.error("ERR Function not found");
            };
            host.is_read_only = found.flags.no_writes;
            let (keys, arguments) = (OwnedArgs::new(KEYS), OwnedArgs::new(ARGV));
            let name = script.as_bytes();
            libraries.run(name, keys.args(), arguments.args(), &mut host, reply);
        }
    }
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
        looks: 0,
    };
    engine.run(&sha, keys.args(), arguments.args(), &mut host, reply);
}
