//! Values on their way between stock and basalt: what stock dumps is restored here, dumped again,
//! and restored there, and is the same all along.

use crate::node;
use crate::process::Server;
use crate::wire::{Connection, Reply};

/// What makes the value of the key `k`: commands for stock, words parted by spaces.
struct Case {
    encoding: &'static str,
    commands: Vec<String>,
}

fn case(encoding: &'static str, commands: impl IntoIterator<Item = String>) -> Case {
    Case {
        encoding,
        commands: commands.into_iter().collect(),
    }
}

fn one(encoding: &'static str, command: &str) -> Case {
    case(encoding, [command.to_owned()])
}

fn cases() -> Vec<Case> {
    let many = |command: &str, element: &dyn Fn(usize) -> String| {
        let elements: Vec<String> = (0..3000).map(element).collect();
        format!("{command} {}", elements.join(" "))
    };
    let large = "x".repeat(5000);
    vec![
        one("int", "SET k -12345"),
        one("raw", &format!("SET k {large}")),
        one("a list's", "RPUSH k a 1 -70000 12345678901"),
        one("a list's", &many("RPUSH k", &|at| format!("element:{at}"))),
        one("a list's", &many("RPUSH k", &|at| format!("{}", at * at))),
        one(
            "a list's",
            &format!("RPUSH k a {} b {large} c", "y".repeat(100_000)),
        ),
        one("intset", "SADD k 1 -2 300"),
        one("intset", "SADD k 1 -70000 300"),
        one("intset", "SADD k 1 -70000 3000000000"),
        one("listpack", "HSET k a 1 b two c 300000"),
        one(
            "hashtable",
            &many("HSET k", &|at| format!("field:{at} {at}")),
        ),
        one("hashtable", &format!("HSET k a 1 b {large}")),
        one("hashtable", &many("SADD k", &|at| format!("{at}"))),
        one("hashtable", &many("SADD k", &|at| format!("member:{at}"))),
        one(
            "listpack",
            "ZADD k 1 one 2.5 two -inf 17 +inf 3e100 1e-300 tiny",
        ),
        one(
            "listpack",
            "ZADD k 4503599627370496 a 4503599627370497 b 0.1 -5 -0.1 c",
        ),
        one("skiplist", &many("ZADD k", &|at| format!("{at}.125 m{at}"))),
        one(
            "skiplist",
            &format!("ZADD k 1 {large} -inf 2 inf 3 2 70000"),
        ),
    ]
}

/// A server, with what is asked of it.
struct Side {
    name: &'static str,
    client: Connection,
}

impl Side {
    fn ask(&mut self, words: &[&[u8]]) -> Reply {
        let reply = self.client.ask(words).expect("the server answers");
        let words: Vec<_> = words
            .iter()
            .map(|word| word.escape_ascii().to_string())
            .collect();
        assert!(
            !matches!(reply, Reply::Error(_)),
            "{} on {:.200}: {reply:?}",
            self.name,
            words.join(" ")
        );
        reply
    }

    fn dump(&mut self) -> Vec<u8> {
        match self.ask(&[b"DUMP", b"k"]) {
            Reply::Bulk(payload) => payload,
            other => panic!("{} dumps {other:?}", self.name),
        }
    }

    /// What the key is: encoding and digest.
    fn told(&mut self) -> [Reply; 2] {
        let encoding = match self.ask(&[b"OBJECT", b"ENCODING", b"k"]) {
            // Since 7.2 a short list is a listpack, which 7.0 has none of.
            Reply::Bulk(_) if self.holds_list() => Reply::Bulk(b"a list's".to_vec()),
            other => other,
        };
        [encoding, self.ask(&[b"DEBUG", b"DIGEST-VALUE", b"k"])]
    }

    fn holds_list(&mut self) -> bool {
        self.ask(&[b"TYPE", b"k"]) == Reply::Status(b"list".to_vec())
    }
}

#[test]
fn values_of_stock_come_back_as_they_were() {
    let debug = "enable-debug-command yes";
    let ours = node(&[debug]);
    let stock = Server::start("redis-server", &[debug.to_owned(), "save \"\"".to_owned()]);
    let mut ours = Side {
        name: "basalt",
        client: ours.client(),
    };
    let mut stock = Side {
        name: "stock",
        client: stock.client(),
    };
    for case in cases() {
        stock.ask(&[b"DEL", b"k"]);
        for command in &case.commands {
            let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            stock.ask(&words);
        }
        let told = stock.told();
        let encoding = Reply::Bulk(case.encoding.into());
        assert_eq!(told[0], encoding, "{:.80}", case.commands[0]);
        let payload = stock.dump();
        ours.ask(&[b"RESTORE", b"k", b"0", &payload, b"REPLACE"]);
        assert_eq!(ours.told(), told, "{:.80}", case.commands[0]);
        ours.ask(&[b"DEBUG", b"RELOAD"]);
        assert_eq!(ours.told(), told, "{:.80}", case.commands[0]);
        let payload = ours.dump();
        stock.ask(&[b"RESTORE", b"k", b"0", &payload, b"REPLACE"]);
        assert_eq!(stock.told(), told, "{:.80}", case.commands[0]);
    }
}

/// Who is refused finds the line in the log, whichever core refused.
#[test]
fn a_damaged_payload_is_in_the_log_before_its_reply() {
    let node = node(&["shards 2"]);
    let mut client = node.client();
    for at in 0..200 {
        // A zipmap that says of a short field that it is a long one, with its footer.
        let payload = b"\x09\x11\x01\xfe\x04\x00\x00\x00\x01\x00\xff\x00\x04\x00val1\xff\
            \x09\x00\xf9\xd5\xa4\xf7\x7d\x00\x3f\x1b";
        let key = format!("k{at}");
        let words: [&[u8]; 4] = [b"RESTORE", key.as_bytes(), b"0", payload];
        let reply = client.ask(&words).expect("the node answers");
        assert_eq!(reply, Reply::Error(b"ERR Bad data format".to_vec()));
        let log = node.log();
        assert_eq!(log.matches("Zipmap integrity check failed").count(), at + 1);
    }
}
