//! Scripts that read what a client sent: JSON, MessagePack, packed structs, patterns. The first
//! byte says which. What is read is written again; none of it ends the program.

use std::cell::RefCell;

use basalt::resp::{Args, OwnedArgs, Reply, Version};
use basalt::script::{Effects, Engine, Host, LogLevel, Pace, Permission};

const SCRIPTS: &[&str] = &[
    "return cjson.encode(cjson.decode(ARGV[1]))",
    "return cjson.decode(ARGV[1])",
    "return cmsgpack.pack(cmsgpack.unpack(ARGV[1]))",
    "return {cmsgpack.unpack_limit(ARGV[1], 3, #ARGV[1] % 5)}",
    "return {struct.unpack(ARGV[2], ARGV[1])}",
    "return struct.pack(ARGV[2], unpack(cjson.decode(ARGV[1])))",
    "return {string.find(ARGV[1], ARGV[2])}",
    "return string.format(ARGV[2], ARGV[1], #ARGV[1])",
    "return {tostring(tonumber(ARGV[1])), bit.tohex(tonumber(ARGV[2]) or 0, #ARGV[1])}",
    "return redis.error_reply(ARGV[1])",
    "return redis.status_reply(ARGV[1])",
];

/// A host without commands; it ends what takes long.
struct Nobody;

impl Host for Nobody {
    fn call(&mut self, _: Args<'_>, _: Version, reply: &mut Vec<u8>) {
        reply.extend_from_slice(b"+OK\r\n");
    }

    fn permission(&mut self, _: Args<'_>) -> Permission {
        Permission::Denied
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn set_effects(&mut self, _: Effects) {}

    fn pace(&mut self) -> Pace {
        Pace::Kill
    }
}

thread_local! {
    /// Made once, as it is for the scripts of a core.
    static ENGINE: RefCell<Engine> = RefCell::new(Engine::new("7.2.4"));
}

pub fn check(input: &[u8]) {
    let Some((&which, rest)) = input.split_first() else {
        return;
    };
    let script = SCRIPTS[usize::from(which) % SCRIPTS.len()];
    // The second word is what stands before the first zero byte.
    let zero = rest.iter().position(|byte| *byte == 0).unwrap_or(0);
    let words = OwnedArgs::new([&rest[zero..], &rest[..zero]]);
    let keys = OwnedArgs::new([""; 0]);
    ENGINE.with_borrow_mut(|engine| {
        let sha = engine.load(script.as_bytes()).expect("it compiles");
        let mut out = Vec::new();
        let mut reply = Reply::new(&mut out, Version::Three);
        engine.run(&sha, keys.args(), words.args(), &mut Nobody, &mut reply);
        assert!(!out.is_empty());
    });
}
