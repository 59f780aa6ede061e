//! A host that gives replies stock was seen to give, for the few commands the scripts call.

use basalt::resp::{Args, Version};
use basalt::script::{Effects, Host, LogLevel, Pace, Permission};

pub(super) struct Canned {
    pub(super) is_read_only: bool,
    /// How often a script was looked at; it is ended at the hundredth time.
    pub(super) looks: u32,
}

/// A command, its reply, and its reply in RESP3 where that is another.
const REPLIES: &[(&str, &str, Option<&str>)] = &[
    ("ping", "+PONG\r\n", None),
    ("set s v", "+OK\r\n", None),
    ("get s", "$3\r\nabc\r\n", None),
    ("get nokey", "$-1\r\n", Some("_\r\n")),
    ("lpop nokey 1", "*-1\r\n", Some("_\r\n")),
    ("strlen s", ":3\r\n", None),
    (
        "lrange l 0 -1",
        "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
        None,
    ),
    (
        "mget s nokey",
        "*2\r\n$3\r\nabc\r\n$-1\r\n",
        Some("*2\r\n$3\r\nabc\r\n_\r\n"),
    ),
    (
        "hgetall h",
        "*2\r\n$1\r\na\r\n$1\r\n1\r\n",
        Some("%1\r\n$1\r\na\r\n$1\r\n1\r\n"),
    ),
    ("hgetall nokey", "*0\r\n", Some("%0\r\n")),
    (
        "smembers st",
        "*1\r\n$1\r\na\r\n",
        Some("~1\r\n$1\r\na\r\n"),
    ),
    ("zscore z m", "$3\r\n1.5\r\n", Some(",1.5\r\n")),
    (
        "zrange z 0 -1 withscores",
        "*2\r\n$1\r\nm\r\n$3\r\n1.5\r\n",
        Some("*1\r\n*2\r\n$1\r\nm\r\n,1.5\r\n"),
    ),
    ("info nosuch", "$0\r\n\r\n", Some("=4\r\ntxt:\r\n")),
    ("set x", WRONG_COUNT, None),
    ("set k", WRONG_COUNT, None),
    ("echo", WRONG_COUNT, None),
    (
        "incr s",
        "-ERR value is not an integer or out of range\r\n",
        None,
    ),
    (
        "lpush s a",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
        None,
    ),
    (
        "multi",
        "-ERR This Redis command is not allowed from script\r\n",
        None,
    ),
];

const WRONG_COUNT: &str = "-ERR Wrong number of args calling Redis command from script\r\n";
const UNKNOWN: &str = "-ERR Unknown Redis command called from script\r\n";
const READ_ONLY: &str = "-ERR Write commands are not allowed from read-only scripts.\r\n";

fn joined(words: Args<'_>) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| String::from_utf8_lossy(word).to_lowercase())
        .collect();
    words.join(" ")
}

impl Host for Canned {
    fn call(&mut self, words: Args<'_>, version: Version, reply: &mut Vec<u8>) {
        if words.is(0, b"echo") && words.len() == 2 {
            reply.extend_from_slice(format!("${}\r\n", words.get(1).len()).as_bytes());
            reply.extend_from_slice(words.get(1));
            reply.extend_from_slice(b"\r\n");
            return;
        }
        let asked = joined(words);
        let known = REPLIES.iter().find(|(command, ..)| *command == asked);
        let text = match known {
            _ if self.is_read_only && words.is(0, b"set") => READ_ONLY,
            None => UNKNOWN,
            Some((_, _, Some(resp3))) if version == Version::Three => resp3,
            Some((_, resp2, _)) => resp2,
        };
        reply.extend_from_slice(text.as_bytes());
    }

    fn permission(&mut self, words: Args<'_>) -> Permission {
        if words.is(0, b"nope") {
            Permission::Unknown
        } else {
            Permission::Granted
        }
    }

    fn log(&mut self, _level: LogLevel, _message: &[u8]) {}

    fn set_effects(&mut self, _effects: Effects) {}

    fn pace(&mut self) -> Pace {
        self.looks += 1;
        if self.looks == 100 {
            Pace::Kill
        } else {
            Pace::GoOn
        }
    }
}
