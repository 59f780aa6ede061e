//! DEBUG, as far as tests and people need it.
//!
//! A part runs at every core: sleeping and switching are every core's, and a
//! key is looked up and made where it lives.

use crate::base::{parse_f64, parse_i64};
use crate::command::errand::{Errand, Reload};
use crate::command::gather::{Gather, Part};
use crate::command::help;
use crate::command::scene::{BUFFERS_IDLE_MS, Node, Scene, Wish};
use crate::command::table::{Command, Run};
use crate::config::{Added, Allowed, Author, memory};
use crate::keyspace::Lifetime;
use crate::resp::{Args, Outcome, Refusal, Reply, Version};
use crate::spec::{Flags, Group, Spec};

use super::config::rewrite_with;
use super::debug_data;

pub(crate) const COMMANDS: &[Command] = &[DEBUG];

const DEBUG: Command = Command {
    spec: Spec {
        name: "DEBUG",
        summary: "Helps to test and look into the server.",
        since: "1.0.0",
        cost: "Depends on the subcommand",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::PROTECTED),
        system: true,
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::EverywhereOrNode(EVERYWHERE, is_for_node, at_node),
};

const EVERYWHERE: Gather = Gather { check, part, merge };

const CHECKED: &str = "checked before the parts ran";

/// What is asked for.
enum Wanted<'a> {
    Digest,
    DigestValue,
    Help,
    Error(&'a [u8]),
    Listpack(&'a [u8]),
    Log(&'a [u8]),
    Object(&'a [u8]),
    Panic,
    Populate(Populate<'a>),
    Protocol(&'a [u8]),
    QuicklistPackedThreshold,
    /// How long a client is idle before its buffers are given back, in
    /// milliseconds; they never are at `None`.
    ReplyBuffer(Option<u64>),
    /// At the word where the request begins.
    Replicate,
    Segfault,
    SetActiveExpire(bool),
    SetDisableDenyScripts(bool),
    /// Nanoseconds.
    Sleep(u64),
}

struct Populate<'a> {
    count: u64,
    prefix: &'a [u8],
    /// Bytes of a value; 0 is as many as it needs.
    size: usize,
}

fn wanted(args: Args<'_>) -> Result<Wanted<'_>, Refusal> {
    let is = |word: &[u8]| args.is(1, word);
    Ok(match args.len() {
        2 if is(b"digest") => Wanted::Digest,
        2.. if is(b"digest-value") => Wanted::DigestValue,
        2 if is(b"help") => Wanted::Help,
        2 if is(b"panic") => Wanted::Panic,
        2 if is(b"segfault") => Wanted::Segfault,
        3 if is(b"error") => Wanted::Error(args.get(2)),
        3 if is(b"listpack") => Wanted::Listpack(args.get(2)),
        3 if is(b"log") => Wanted::Log(args.get(2)),
        3 if is(b"object") => Wanted::Object(args.get(2)),
        3 if is(b"protocol") => Wanted::Protocol(args.get(2)),
        3 if is(b"quicklist-packed-threshold") => packed_threshold(args.get(2))?,
        3.. if is(b"replicate") => Wanted::Replicate,
        4 if is(b"replybuffer") => Wanted::ReplyBuffer(reply_buffer(args)?),
        3 if is(b"sleep") => {
            // As in stock, what is no number is no time.
            let seconds = parse_f64(args.get(2)).unwrap_or(0.0);
            Wanted::Sleep((seconds.max(0.0) * 1e9) as u64)
        }
        3 if is(b"set-active-expire") => Wanted::SetActiveExpire(is_on(args.get(2))),
        3 if is(b"set-disable-deny-scripts") => Wanted::SetDisableDenyScripts(is_on(args.get(2))),
        3..=5 if is(b"populate") => Wanted::Populate(Populate {
            count: positive(args.get(2))?,
            prefix: if args.len() > 3 { args.get(3) } else { b"key" },
            size: if args.len() > 4 {
                positive(args.get(4))? as usize
            } else {
                0
            },
        }),
        _ => return Err(Refusal::debug_subcommand(args.get(1))),
    })
}

/// As in stock, what is no number is off.
fn is_on(word: &[u8]) -> bool {
    parse_i64(word).is_some_and(|number| number != 0)
}

/// `RESIZING 0` keeps the buffers of idle clients, and `PEAK-RESET-TIME` says
/// after how long without a command they are given back.
fn reply_buffer(args: Args<'_>) -> Result<Option<u64>, Refusal> {
    let value = args.get(3);
    if args.is(2, b"resizing") {
        return Ok(is_on(value).then_some(BUFFERS_IDLE_MS));
    }
    if !args.is(2, b"peak-reset-time") {
        return Err(Refusal::debug_subcommand(args.get(1)));
    }
    match value.to_ascii_lowercase().as_slice() {
        b"never" => Ok(None),
        b"reset" => Ok(Some(BUFFERS_IDLE_MS)),
        number => {
            let number = parse_i64(number).ok_or(Refusal::NotInteger)?;
            Ok(Some(number.max(0) as u64))
        }
    }
}

fn positive(word: &[u8]) -> Result<u64, Refusal> {
    let number = parse_i64(word).and_then(|number| u64::try_from(number).ok());
    number.ok_or(Refusal::NOT_POSITIVE)
}

fn check(scene: &mut Scene<'_>, args: Args<'_>) -> Outcome {
    let allowed = scene.local.live.enable_debug_command;
    let origin = &scene.client().origin;
    let author = if origin.is_loopback || origin.is_unix {
        Author::LocalClient
    } else {
        Author::RemoteClient
    };
    allow(allowed, author)?;
    wanted(args).map(|_| ())
}

fn part(part: &mut Part<'_>, args: Args<'_>, out: &mut Vec<u8>) {
    match wanted(args).expect(CHECKED) {
        Wanted::Help
        | Wanted::Error(_)
        | Wanted::Log(_)
        | Wanted::Protocol(_)
        | Wanted::QuicklistPackedThreshold
        | Wanted::Replicate => {}
        Wanted::Digest => debug_data::digest_part(part, out),
        Wanted::DigestValue => debug_data::digest_value_part(part, args, out),
        Wanted::Listpack(key) => debug_data::encoding(part, key, out),
        Wanted::Object(key) => debug_data::object(part, key, out),
        Wanted::Panic => panic!("DEBUG PANIC was asked for"),
        Wanted::Populate(populate) => populate.run(part),
        Wanted::ReplyBuffer(idle_ms) => part.local.buffers_idle_ms = idle_ms,
        Wanted::Segfault => part.local.wishes.push(Wish::Segfault),
        Wanted::SetActiveExpire(is_on) => part.local.active_expire = is_on,
        Wanted::SetDisableDenyScripts(is_on) => part.local.scripts_may_all = is_on,
        Wanted::Sleep(ns) => part.local.wishes.push(Wish::Sleep(ns)),
    }
}

fn merge(
    scene: &mut Scene<'_>,
    args: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    match wanted(args)? {
        Wanted::Help => return help::print(reply, "DEBUG", HELP),
        Wanted::Error(text) => reply.error_bytes(text),
        Wanted::Digest => debug_data::digest_merge(answers, reply),
        Wanted::DigestValue => debug_data::digest_value_merge(answers, args.len() - 2, reply),
        Wanted::Listpack(_) => return debug_data::listpack_merge(owners(answers)?, reply),
        Wanted::Log(text) => {
            let text = String::from_utf8_lossy(text);
            let line = format!("DEBUG LOG: {text}");
            scene.local.wishes.push(Wish::Log(line));
            reply.ok();
        }
        Wanted::Object(_) => reply.simple(&String::from_utf8_lossy(owners(answers)?)),
        Wanted::Protocol(kind) => return protocol(kind, reply),
        Wanted::Replicate => {
            let words = args.iter().skip(2).map(<[u8]>::to_vec).collect();
            scene.local.wishes.push(Wish::TellReplicas(words));
            reply.ok();
        }
        Wanted::Panic
        | Wanted::Populate(_)
        | Wanted::QuicklistPackedThreshold
        | Wanted::ReplyBuffer(_)
        | Wanted::Segfault
        | Wanted::SetActiveExpire(_)
        | Wanted::SetDisableDenyScripts(_)
        | Wanted::Sleep(_) => reply.ok(),
    }
    Ok(())
}

/// What the owner of the key answered.
fn owners(answers: &[Vec<u8>]) -> Result<&[u8], Refusal> {
    let answer = answers.iter().find(|answer| !answer.is_empty());
    answer.map(|answer| &**answer).ok_or(Refusal::NO_SUCH_KEY)
}

/// From which size on stock keeps an element of a list in a node of its own.
/// Ours are always kept the way that fits; the word is read and has no effect.
fn packed_threshold(word: &[u8]) -> Result<Wanted<'static>, Refusal> {
    const TOO_FEW_OR_MANY: Refusal =
        Refusal::Stated("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    match memory(word) {
        Some(0..=0xffff_ffff) => Ok(Wanted::QuicklistPackedThreshold),
        _ => Err(TOO_FEW_OR_MANY),
    }
}

fn is_for_node(args: Args<'_>) -> bool {
    let is_any = args.is(1, b"reload") || is_rewrite(args) || is_load(args) || is_skip(args);
    args.len() >= 2 && is_any
}

fn is_skip(args: Args<'_>) -> bool {
    args.len() == 3 && args.is(1, b"set-skip-checksum-validation")
}

fn is_load(args: Args<'_>) -> bool {
    args.len() == 2 && args.is(1, b"loadaof")
}

fn is_rewrite(args: Args<'_>) -> bool {
    args.len() == 2 && args.is(1, b"config-rewrite-force-all")
}

fn at_node(node: &mut Node<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    allow(node.settings.live().enable_debug_command, node.author)?;
    if is_rewrite(args) {
        return rewrite_with(node, Added::All, reply);
    }
    if is_skip(args) {
        node.settings.skip_checksums(is_on(args.get(2)));
        node.has_changed = true;
        reply.ok();
        return Ok(());
    }
    node.errand = Some(if is_load(args) {
        Errand::LoadFile
    } else {
        Errand::Reload(reload(args)?)
    });
    Ok(())
}

/// RELOAD: writes a file and reads it, as the options say.
fn reload(args: Args<'_>) -> Result<Reload, Refusal> {
    let mut reload = Reload {
        saves: true,
        flushes: true,
        merges: false,
    };
    for index in 2..args.len() {
        if args.is(index, b"nosave") {
            reload.saves = false;
        } else if args.is(index, b"noflush") {
            reload.flushes = false;
        } else if args.is(index, b"merge") {
            reload.merges = true;
        } else {
            return Err(Refusal::Stated(
                "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
            ));
        }
    }
    Ok(reload)
}

/// Who may use DEBUG.
fn allow(allowed: Allowed, author: Author) -> Outcome {
    if allowed == Allowed::Yes || allowed == Allowed::Local && author == Author::LocalClient {
        return Ok(());
    }
    Err(Refusal::DEBUG_NOT_ALLOWED)
}

impl Populate<'_> {
    /// Makes the keys that live on this core and are not there yet.
    fn run(&self, part: &mut Part<'_>) {
        let clock = part.clock;
        let (core, placement) = (part.local.core, part.local.placement);
        let mut name = Vec::new();
        for number in 0..self.count {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(number).as_bytes();
            name.clear();
            name.extend_from_slice(self.prefix);
            name.push(b':');
            name.extend_from_slice(digits);
            let key = part.keyspace.key(&name);
            if placement.core_of(key.slot) != core {
                continue;
            }
            let database = part.keyspace.db_mut(part.caller.database);
            if database.peek(key, clock.now).is_none() {
                let value = self.value(digits);
                database.set_owned(key, value, Lifetime::Forever, &clock);
            }
        }
    }

    fn value(&self, digits: &[u8]) -> Vec<u8> {
        let mut value = [b"value:", digits].concat();
        if self.size > 0 {
            value.resize(self.size, 0);
        }
        value
    }
}

/// A reply of each type, for tests of clients.
fn protocol(kind: &[u8], reply: &mut Reply<'_>) -> Outcome {
    let in_three = reply.version() == Version::Three;
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => reply.text("Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.double(f64::from(3141) / 1000.0),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.int(number);
                reply.bool(number == 1);
            }
        }
        b"attrib" => {
            if in_three {
                reply.attribute(1);
                reply.text("key-popularity");
                reply.array(2);
                reply.text("key:123");
                reply.int(90);
            }
            reply.text("Some real reply following the attribute");
        }
        b"push" if !in_three => {
            return Err(Refusal::Stated(
                "ERR RESP2 is not supported by this command",
            ));
        }
        b"push" => {
            reply.push(2);
            reply.text("server-cpu-usage");
            reply.int(42);
            reply.text("Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        _ => return Err(UNKNOWN_TYPE),
    }
    Ok(())
}

const UNKNOWN_TYPE: Refusal = Refusal::Stated(
    "ERR Wrong protocol type name. Please use one of the following: \
     string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);

const HELP: &[&str] = &[
    "CONFIG-REWRITE-FORCE-ALL",
    "    Rewrite the configuration file so that it says every setting.",
    "DIGEST",
    "    A hash of all data; equal data has an equal one, on stock servers too.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    A hash of the value of each key.",
    "ERROR <text>",
    "    Reply an error of this text.",
    "LISTPACK <key>",
    "    Whether the value of a key is packed.",
    "LOG <message>",
    "    Write a message into the log.",
    "OBJECT <key>",
    "    Where and how a value is kept.",
    "PANIC",
    "    End the node as a bug would, with a report in the log.",
    "POPULATE <count> [<prefix> [<size>]]",
    "    Make keys <prefix>:0 and on (default: key) that do not exist yet.",
    "PROTOCOL <type>",
    "    Reply a value of a type: string, integer, double, bignum, null, array,",
    "    set, map, attrib, push, verbatim, true, false.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Accepted, without effect: lists keep large elements as it fits.",
    "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
    "    Save, forget all keys and load the file; or without the first, without the",
    "    second, or so that the file's keys replace those that are there.",
    "REPLICATE <word> [<word> ...]",
    "    Send replicas a request that is not done here, in whatever database their",
    "    stream is in.",
    "REPLYBUFFER RESIZING <0|1>",
    "    Whether the buffers of idle clients are given back.",
    "REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|milliseconds>",
    "    After how long they are.",
    "SEGFAULT",
    "    End the node as a signal would, with a report in the log.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Whether keys expire when nobody asks for them.",
    "SET-DISABLE-DENY-SCRIPTS <0|1>",
    "    Whether scripts may call what is refused to them, such as CLIENT LIST.",
    "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    "    Whether RESTORE takes payloads whose checksum is wrong.",
    "SLEEP <seconds>",
    "    Stop every core for so long; decimals are allowed.",
];

#[cfg(test)]
mod tests {
    use super::{Wanted, wanted};
    use crate::resp::OwnedArgs;

    fn populate(words: &str) -> Option<(u64, Vec<u8>, Vec<u8>)> {
        let owned = OwnedArgs::new(words.split(' '));
        match wanted(owned.args()) {
            Ok(Wanted::Populate(wanted)) => {
                Some((wanted.count, wanted.prefix.to_vec(), wanted.value(b"7")))
            }
            _ => None,
        }
    }

    #[test]
    fn populate_takes_count_prefix_and_size() {
        let made = |count, prefix: &str, value: &str| Some((count, prefix.into(), value.into()));
        assert_eq!(populate("DEBUG POPULATE 3"), made(3, "key", "value:7"));
        assert_eq!(populate("DEBUG populate 0 p"), made(0, "p", "value:7"));
        assert_eq!(
            populate("DEBUG POPULATE 1 p 9"),
            made(1, "p", "value:7\0\0")
        );
        assert_eq!(populate("DEBUG POPULATE 1 p 3"), made(1, "p", "val"));
        assert_eq!(populate("DEBUG POPULATE -1"), None);
        assert_eq!(populate("DEBUG POPULATE 1 a b c"), None);
    }

    #[test]
    fn what_is_no_time_is_no_sleep() {
        let slept = |seconds: &str| {
            let owned = OwnedArgs::new(["DEBUG", "SLEEP", seconds]);
            match wanted(owned.args()) {
                Ok(Wanted::Sleep(ns)) => Some(ns),
                _ => None,
            }
        };
        assert_eq!(slept("0.25"), Some(250_000_000));
        assert_eq!(slept("abc"), Some(0));
        assert_eq!(slept("-1"), Some(0));
    }
}
