//! The scripts of EVAL, for one core.
//!
//! Lua is made when the first script comes. A script is compiled once and then
//! called; the globals are made once and cannot change, so nothing is built
//! for a run but KEYS and ARGV.

use super::failure::{self, Verdict};
use super::frame::Frame;
use super::host::Host;
use super::raw::{Loaded, Machine, Ran, Stack};
use super::sandbox;
use super::sha::{BySha, Sha};
use super::shebang::{self, Flags};
use super::to_reply;
use crate::resp::{Args, Refusal, Reply};

/// Scripts by their digests, and a Lua to run them.
pub struct Engine {
    /// The Redis version scripts are told.
    version: &'static str,
    scripts: BySha<Compiled>,
    /// Bytes of their texts: asked for with every script that may ask.
    text_bytes: usize,
    lua: Option<EvalLua>,
}

/// A script as it was loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Script<'a> {
    /// Its text, with the first line.
    pub body: &'a [u8],
    pub flags: Flags,
}

struct Compiled {
    body: Box<[u8]>,
    flags: Flags,
    function: Loaded,
}

struct EvalLua {
    machine: Machine,
    /// The table behind the globals.
    globals: Loaded,
}

/// What a script that a user ends fails with.
const KILLED: &str = "Script killed by user with SCRIPT KILL...";

impl Engine {
    /// Without Lua as yet. `version` is three numbers with points, as `7.2.4`.
    pub fn new(version: &'static str) -> Self {
        Self {
            version,
            scripts: BySha::default(),
            text_bytes: 0,
            lua: None,
        }
    }

    /// Compiles a script and keeps it.
    pub fn load(&mut self, body: &[u8]) -> Result<Sha, Refusal> {
        let sha = Sha::of(body);
        if self.scripts.contains_key(&sha) {
            return Ok(sha);
        }
        let (flags, code) = shebang::read(body)?;
        let lua = self.lua.get_or_insert_with(|| EvalLua::new(self.version));
        let function = lua.machine.load(code, c"@user_script").map_err(|text| {
            Refusal::Composed(format!(
                "ERR Error compiling script (new function): {}",
                String::from_utf8_lossy(&text)
            ))
        })?;
        let compiled = Compiled {
            body: body.into(),
            flags,
            function,
        };
        self.text_bytes += body.len();
        self.scripts.insert(sha, compiled);
        Ok(sha)
    }

    /// The script of this digest, if it was loaded.
    pub fn find(&self, sha: &Sha) -> Option<Script<'_>> {
        let compiled = self.scripts.get(sha)?;
        Some(Script {
            body: &compiled.body,
            flags: compiled.flags,
        })
    }

    /// Forgets all scripts, and gives back the memory of Lua.
    pub fn flush(&mut self) {
        self.scripts.clear();
        self.text_bytes = 0;
        self.lua = None;
    }

    /// Runs a script that was loaded, and writes its reply. Panics if it was not.
    pub fn run(
        &mut self,
        sha: &Sha,
        keys: Args<'_>,
        arguments: Args<'_>,
        host: &mut dyn Host,
        reply: &mut Reply<'_>,
    ) -> Verdict {
        let script = self
            .scripts
            .get(sha)
            .expect("a script is loaded before it runs");
        let lua = self.lua.as_mut().expect("a loaded script has its Lua");
        lua.run(sha, &script.function, [keys, arguments], host, reply)
    }

    /// How many scripts there are.
    pub fn len(&self) -> usize {
        self.scripts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// Bytes that Lua has allocated: `used_memory_vm_eval` of INFO.
    pub fn lua_bytes(&self) -> usize {
        self.lua
            .as_ref()
            .map_or(0, |lua| lua.machine.memory_bytes())
    }

    /// Bytes of the scripts' texts and of their table: `used_memory_scripts_eval` of INFO.
    pub fn scripts_bytes(&self) -> usize {
        self.text_bytes + self.scripts.capacity() * size_of::<(Sha, Compiled)>()
    }
}

impl EvalLua {
    fn new(version: &str) -> Self {
        let mut machine = Machine::new(Frame::new());
        let globals = sandbox::build(&mut machine, version);
        Self { machine, globals }
    }

    fn run(
        &mut self,
        sha: &Sha,
        function: &Loaded,
        [keys, arguments]: [Args<'_>; 2],
        host: &mut dyn Host,
        reply: &mut Reply<'_>,
    ) -> Verdict {
        self.machine.stack().push_loaded(&self.globals);
        let stack = self.machine.stack();
        for (name, words) in [("KEYS", keys), ("ARGV", arguments)] {
            push_words(stack, words);
            stack.set_field(1, name);
        }
        stack.set_top(0);
        let frame = self.machine.frame().clone();
        frame.begin(KILLED);
        let verdict = frame.host.lend(host, || {
            self.machine.run(
                function,
                |_| 0,
                |stack, frame, ran| end(stack, frame, ran, sha.text(), reply),
            )
        });
        frame.shrink();
        verdict
    }
}

/// Writes the reply of a run that ended with the value at the top.
pub(super) fn end(
    stack: &mut Stack,
    frame: &Frame,
    ran: Ran,
    name: &[u8],
    reply: &mut Reply<'_>,
) -> Verdict {
    match ran {
        Ran::Returned => {
            let verdict = failure::of_returned(stack);
            to_reply::write(stack, frame.version.get(), reply);
            verdict
        }
        Ran::Failed => failure::write(stack, name, reply),
    }
}

/// Pushes a table of these words.
pub(super) fn push_words(stack: &mut Stack, words: Args<'_>) {
    stack.push_table(words.len(), 0);
    for (word, index) in words.iter().zip(1..) {
        stack.push_bytes(word);
        stack.set_element(-2, index);
    }
}
