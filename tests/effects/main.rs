//! What commands tell: which keys they touch, so that whoever watches them is
//! told, and which keyspace events they publish.
//!
//! `cases.txt` is recorded from stock Redis (`UPDATE=1`: read the difference
//! before you keep it) and played here against it and against basalt with one
//! and with four shards; `src/command/effects.rs` plays it on the command table,
//! with the classes. The language is told in the file.

#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/node asks more of a process")]
mod process;
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "the transcripts ask more of a connection")]
mod wire;

mod cases;
mod link;
mod stream;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cases::Case;
use process::Server;
use wire::{Connection, Reply};

/// Every class of events.
const CLASSES: &str = "g$lshzxetdnm";

/// The keys whose watches are looked at: database and name.
const KEYS: &[(&str, &str)] = &[("0", "k"), ("0", "j"), ("0", "i"), ("1", "k"), ("1", "j")];

const SETTINGS: [&str; 2] = ["save \"\"", "enable-debug-command yes"];

/// How often a case is played once more when basalt tells something else.
const ATTEMPTS: usize = 3;

/// The channel of the message that comes after all events of a command.
const FENCE: &str = "__keyevent@0__:fence";

#[test]
fn stock_tells_what_is_recorded() {
    let server = Server::start("redis-server", &SETTINGS.map(str::to_owned));
    let mut observer = Observer::new(&server);
    compare_with_stock(&path(), |case| observer.tell(case));
}

/// What stock does with each case of a file, beside what is recorded; with
/// `UPDATE=1` that is recorded.
fn compare_with_stock(file: &Path, mut tell: impl FnMut(&Case) -> Vec<String>) {
    let text = fs::read_to_string(file).expect("the cases are readable");
    let mut differences = Vec::new();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for case in cases::parse(&text).into_iter().rev() {
        if case.is_by_hand {
            continue;
        }
        let told = tell(&case);
        if told != case.told {
            lines.splice(
                case.from..case.to,
                told.iter().map(|line| format!("  {line}")),
            );
            differences.push(format!(
                "{}\n  recorded: {:?}\n  stock:    {told:?}",
                case.text, case.told
            ));
        }
    }
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        fs::write(file, lines.join("\n") + "\n").expect("the cases are writable");
    } else {
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[test]
fn basalt_tells_what_is_recorded() {
    let text = fs::read_to_string(path()).expect("the cases are readable");
    let cases = cases::parse(&text);
    for shards in [1, 4] {
        let settings = SETTINGS.map(str::to_owned).into_iter();
        let settings: Vec<String> = settings.chain([format!("shards {shards}")]).collect();
        let server = Server::start(env!("CARGO_BIN_EXE_basalt"), &settings);
        let mut observer = Observer::new(&server);
        let mut differences = Vec::new();
        for case in &cases {
            let wanted: Vec<String> = case.told.iter().map(|line| without_class(line)).collect();
            let mut told = observer.tell_without_classes(case);
            // Events of one core and the fence of another may overtake each
            // other.
            for _ in 0..ATTEMPTS {
                if told == wanted {
                    break;
                }
                observer.drain();
                told = observer.tell_without_classes(case);
            }
            if told != wanted {
                differences.push(format!(
                    "{}\n  recorded: {wanted:?}\n  basalt:   {told:?}",
                    case.text
                ));
            }
        }
        assert!(
            differences.is_empty(),
            "with {shards} shards:\n{}",
            differences.join("\n")
        );
    }
}

/// A line of what is told without the class of an event.
fn without_class(line: &str) -> String {
    match line.split_once(' ') {
        Some((class, rest)) if class.len() == 1 => rest.to_owned(),
        _ => line.to_owned(),
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/effects/cases.txt")
}

/// Clients that look at a server.
struct Observer {
    client: Connection,
    /// Empties, sets and ends what the client is amid.
    keeper: Connection,
    /// Clients that wait.
    waiting: Vec<Connection>,
    subscriber: Connection,
    port: u16,
    /// One for each of `KEYS`.
    watchers: Vec<Connection>,
}

impl Observer {
    fn new(server: &Server) -> Self {
        let mut subscriber = server.client();
        ask(&mut subscriber, &["PSUBSCRIBE", "__keyevent@*__:*"]);
        let watcher = |(database, _): &(&str, &str)| {
            let mut watcher = server.client();
            ask(&mut watcher, &["SELECT", database]);
            watcher
        };
        let mut keeper = server.client();
        // Keys are to expire when they are met.
        ask(&mut keeper, &["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
        Self {
            client: server.client(),
            keeper,
            waiting: Vec::new(),
            port: server.port(),
            subscriber,
            watchers: KEYS.iter().map(watcher).collect(),
        }
    }

    /// What the last request of a case tells: touched keys, if there are any,
    /// then events.
    fn tell_without_classes(&mut self, case: &Case) -> Vec<String> {
        self.prepare(case);
        for (watcher, (_, key)) in self.watchers.iter_mut().zip(KEYS) {
            ask(watcher, &["WATCH", key]);
        }
        let events = self.run(case, CLASSES);
        let touched = self.touched();
        let touched = (!touched.is_empty()).then(|| format!("touched {}", touched.join(" ")));
        touched.into_iter().chain(events).collect()
    }

    /// Reads messages that came late.
    fn drain(&mut self) {
        thread::sleep(Duration::from_millis(20));
        self.fence();
    }

    /// The same as it is written down.
    fn tell(&mut self, case: &Case) -> Vec<String> {
        let mut events = self.tell_without_classes(case);
        let mut told = Vec::new();
        if events
            .first()
            .is_some_and(|line| line.starts_with("touched"))
        {
            told.push(events.remove(0));
        }
        // Which class an event is of shows when only that class is on.
        let mut left: Vec<Option<String>> = events.into_iter().map(Some).collect();
        let mut classes = vec![' '; left.len()];
        for class in CLASSES.chars() {
            if left.iter().all(Option::is_none) {
                break;
            }
            self.prepare(case);
            for event in self.run(case, &class.to_string()) {
                let place = left.iter().position(|other| other.as_ref() == Some(&event));
                let place = place.expect("it is also told when all classes are on");
                classes[place] = class;
                told.push(format!("{place} {class} {event}"));
                left[place] = None;
            }
        }
        assert!(left.iter().all(Option::is_none), "{left:?} have no class");
        in_order(told)
    }

    /// Everything before the last request.
    fn prepare(&mut self, case: &Case) {
        ask(
            &mut self.keeper,
            &["CONFIG", "SET", "notify-keyspace-events", ""],
        );
        self.waiting.clear();
        ask(&mut self.keeper, &["FLUSHALL"]);
        for request in case.before() {
            if request[0] == b"..." {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            if request[0] == b"&" {
                let mut waiting = Connection::open(self.port).expect("the server accepts");
                waiting.send(&request[1..]).expect("the server listens");
                self.waiting.push(waiting);
                continue;
            }
            let reply = self.client.ask(request).expect("the server answers");
            assert!(
                !matches!(reply, Reply::Error(_)),
                "{}: {reply:?}",
                case.text
            );
        }
    }

    /// Runs the last request; its events: name, then key.
    fn run(&mut self, case: &Case, classes: &str) -> Vec<String> {
        let classes = format!("E{classes}");
        ask(
            &mut self.keeper,
            &["CONFIG", "SET", "notify-keyspace-events", &classes],
        );
        self.client.ask(case.last()).expect("the server answers");
        if !self.waiting.is_empty() {
            // A move between cores is served right after the request.
            thread::sleep(Duration::from_millis(20));
        }
        self.fence()
    }

    /// The events until now.
    fn fence(&mut self) -> Vec<String> {
        ask(&mut self.keeper, &["PUBLISH", FENCE, "-"]);
        let mut events = Vec::new();
        loop {
            let message = self.subscriber.read().expect("a message comes");
            let Reply::Array(parts) = message else {
                panic!("{message:?} is no message")
            };
            let text = |index: usize| match &parts[index] {
                Reply::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
                other => panic!("{other:?} is no text"),
            };
            if text(2) == FENCE {
                return events;
            }
            let channel = text(2);
            let rest = channel.strip_prefix("__keyevent@").expect("as subscribed");
            let (database, event) = rest.split_once("__:").expect("as subscribed");
            events.push(format!("{event} {}", named(database, &text(3))));
        }
    }

    /// The keys whose watches have ended.
    fn touched(&mut self) -> Vec<String> {
        let mut touched = Vec::new();
        for (watcher, (database, key)) in self.watchers.iter_mut().zip(KEYS) {
            ask(watcher, &["MULTI"]);
            if ask(watcher, &["EXEC"]) == Reply::Null {
                touched.push(named(database, key));
            }
        }
        touched
    }
}

/// A key of database 0 by its name, another with its database.
fn named(database: &str, key: &str) -> String {
    match database {
        "0" => key.to_owned(),
        _ => format!("{database}:{key}"),
    }
}

/// Events by their number in front, which goes; other lines come first.
fn in_order(mut told: Vec<String>) -> Vec<String> {
    let number = |line: &String| {
        let (number, _) = line.split_once(' ').expect("a line has words");
        number.parse().map_or(0, |number: usize| number + 1)
    };
    told.sort_by_key(number);
    let bare = |line: String| match line.split_once(' ') {
        Some((number, rest)) if number.parse::<usize>().is_ok() => rest.to_owned(),
        _ => line,
    };
    told.into_iter().map(bare).collect()
}

fn ask(connection: &mut Connection, words: &[&str]) -> Reply {
    let reply = connection.ask(words).expect("the server answers");
    assert!(!matches!(reply, Reply::Error(_)), "{words:?}: {reply:?}");
    reply
}
