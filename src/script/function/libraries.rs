//! Libraries by name, and a Lua to run their functions.
//!
//! A library is loaded by running its text once, in a world that has nothing
//! but `redis.register_function` and the log; its functions see the whole one
//! when they are called. What is refused changes nothing.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use super::header;
use super::payload::{self, Policy};
use super::register::Registered;
use super::view::{Function, Library};
use crate::resp::{Args, Refusal, Reply};
use crate::script::engine::{end, push_words};
use crate::script::failure::{self, Verdict};
use crate::script::frame::Frame;
use crate::script::host::Host;
use crate::script::raw::{Machine, Ran, Stack};
use crate::script::sandbox::{self, FunctionWorld};

/// What becomes of a library of the same name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Existing {
    Refused,
    Replaced,
}

/// All libraries of one core.
pub struct Libraries {
    /// The Redis version functions are told.
    version: &'static str,
    libraries: BTreeMap<Vec<u8>, Loaded>,
    /// Where each function is, by its name in lower case.
    functions: HashMap<Vec<u8>, Place>,
    /// Bytes of the libraries: asked for with every script that may ask.
    bytes: usize,
    lua: Option<FunctionLua>,
}

struct Loaded {
    code: Box<[u8]>,
    /// What `verdict` was told of the code.
    verdict: OnceCell<bool>,
    functions: Vec<Registered>,
}

impl Loaded {
    fn bytes(&self, name: &[u8]) -> usize {
        let functions = self.functions.capacity() * size_of::<Registered>();
        name.len() + self.code.len() + functions
    }
}

/// A function: its library, and its position there.
struct Place {
    library: Vec<u8>,
    position: usize,
}

struct FunctionLua {
    machine: Machine,
    world: FunctionWorld,
}

/// What a function that a user ends fails with, and a library that takes too long to load.
const KILLED: &str = "Script killed by user with FUNCTION KILL...";
const LATE: &str = "FUNCTION LOAD timeout";

impl Libraries {
    /// Without Lua as yet. `version` is three numbers with points, as `7.2.4`.
    pub fn new(version: &'static str) -> Self {
        Self {
            version,
            libraries: BTreeMap::new(),
            functions: HashMap::new(),
            bytes: 0,
            lua: None,
        }
    }

    /// Loads a library and returns its name. Of the host only the log and the pace are asked; it
    /// ends what takes too long (500 ms at stock).
    pub fn load(
        &mut self,
        code: &[u8],
        existing: Existing,
        host: &mut dyn Host,
    ) -> Result<Vec<u8>, Refusal> {
        let header = header::read(code)?;
        if existing == Existing::Refused && self.libraries.contains_key(&header.name) {
            return Err(library_exists(&header.name, '\''));
        }
        let lua = self
            .lua
            .get_or_insert_with(|| FunctionLua::new(self.version));
        let functions = lua.register(header.code, host)?;
        if let Err(refusal) = self.check_functions(&header.name, &functions) {
            self.give_up(functions);
            return Err(refusal);
        }
        self.remove(&header.name);
        for (position, function) in functions.iter().enumerate() {
            // Names that differ in case alone: the first is found.
            self.functions
                .entry(function.name.to_ascii_lowercase())
                .or_insert_with(|| Place {
                    library: header.name.clone(),
                    position,
                });
        }
        let loaded = Loaded {
            code: code.into(),
            verdict: OnceCell::new(),
            functions,
        };
        self.bytes += loaded.bytes(&header.name);
        self.libraries.insert(header.name.clone(), loaded);
        Ok(header.name)
    }

    /// There are functions, and none is another library's.
    fn check_functions(&self, library: &[u8], functions: &[Registered]) -> Result<(), Refusal> {
        if functions.is_empty() {
            return Err("ERR No functions registered".into());
        }
        for function in functions {
            let place = self.functions.get(&function.name.to_ascii_lowercase());
            if place.is_some_and(|place| place.library != library) {
                return Err(function_exists(&function.name));
            }
        }
        Ok(())
    }

    /// Deletes a library; false if there is none.
    pub fn delete(&mut self, library: &[u8]) -> bool {
        self.remove(library)
    }

    fn remove(&mut self, library: &[u8]) -> bool {
        let Some(loaded) = self.libraries.remove(library) else {
            return false;
        };
        self.bytes -= loaded.bytes(library);
        self.functions.retain(|_, place| place.library != library);
        self.give_up(loaded.functions);
        true
    }

    /// Lets Lua collect functions that nobody can call.
    fn give_up(&mut self, functions: Vec<Registered>) {
        if let Some(lua) = &mut self.lua {
            for function in functions {
                lua.machine.stack().give_up(function.callback);
            }
        }
    }

    /// Deletes all libraries, and gives back the memory of Lua.
    pub fn flush(&mut self) {
        *self = Self::new(self.version);
    }

    /// All libraries, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Library<'_>> {
        self.libraries.iter().map(|(name, loaded)| Library {
            name,
            code: &loaded.code,
            functions: &loaded.functions,
        })
    }

    /// The function of this name, in whatever case.
    pub fn find(&self, function: &[u8]) -> Option<Function<'_>> {
        self.registered(function).map(Function::of)
    }

    /// What `judge` says of the text of a function's library, which is asked once; nothing
    /// if there is no such function.
    pub fn verdict(&self, function: &[u8], judge: impl FnOnce(&[u8]) -> bool) -> Option<bool> {
        let place = self.functions.get(&function.to_ascii_lowercase())?;
        let library = self.libraries.get(&place.library)?;
        Some(*library.verdict.get_or_init(|| judge(&library.code)))
    }

    fn registered(&self, function: &[u8]) -> Option<&Registered> {
        let place = self.functions.get(&function.to_ascii_lowercase())?;
        self.libraries
            .get(&place.library)?
            .functions
            .get(place.position)
    }

    /// Calls a function that is there, and writes its reply. Panics if it is not.
    pub fn run(
        &mut self,
        function: &[u8],
        keys: Args<'_>,
        arguments: Args<'_>,
        host: &mut dyn Host,
        reply: &mut Reply<'_>,
    ) -> Verdict {
        let place = self
            .functions
            .get(&function.to_ascii_lowercase())
            .expect("a function is found before it runs");
        let registered = &self.libraries[&place.library].functions[place.position];
        let lua = self.lua.as_mut().expect("a loaded library has its Lua");
        let frame = lua.machine.frame().clone();
        frame.begin(KILLED);
        let push = |stack: &mut Stack| {
            push_words(stack, keys);
            push_words(stack, arguments);
            2
        };
        let verdict = frame.host.lend(host, || {
            lua.machine
                .run(&registered.callback, push, |stack, frame, ran| {
                    end(stack, frame, ran, &registered.name, reply)
                })
        });
        frame.shrink();
        verdict
    }

    /// All libraries as FUNCTION DUMP answers them.
    pub fn dump(&self) -> Vec<u8> {
        payload::write(self.libraries.values().map(|loaded| &*loaded.code))
    }

    /// Takes the libraries of a dump in; all of them, or none if one is refused.
    pub fn restore(
        &mut self,
        dump: &[u8],
        policy: Policy,
        host: &mut dyn Host,
    ) -> Result<(), Refusal> {
        let texts = payload::read(dump)?;
        let mut restored = Self::new(self.version);
        for text in &texts {
            restored.load(text, Existing::Refused, host)?;
        }
        if policy == Policy::Flush {
            *self = restored;
            return Ok(());
        }
        self.check_restored(&restored, policy)?;
        // What one Lua has compiled cannot go into another. All names are free once the libraries
        // that come again are gone.
        for name in restored.libraries.keys() {
            self.remove(name);
        }
        for text in &texts {
            self.load(text, Existing::Refused, host)?;
        }
        Ok(())
    }

    fn check_restored(&self, restored: &Self, policy: Policy) -> Result<(), Refusal> {
        for name in restored.libraries.keys() {
            if policy == Policy::Append && self.libraries.contains_key(name) {
                return Err(library_exists(name, ' '));
            }
        }
        for (name, place) in &restored.functions {
            let known = self.functions.get(name);
            if known.is_some_and(|known| !restored.libraries.contains_key(&known.library)) {
                let library = &restored.libraries[&place.library];
                return Err(function_exists(&library.functions[place.position].name));
            }
        }
        Ok(())
    }

    /// How many libraries there are.
    pub fn len(&self) -> usize {
        self.libraries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.libraries.is_empty()
    }

    /// How many functions all libraries have.
    pub fn functions_len(&self) -> usize {
        self.functions.len()
    }

    /// Bytes that Lua has allocated: `used_memory_vm_functions` of INFO.
    pub fn lua_bytes(&self) -> usize {
        self.lua
            .as_ref()
            .map_or(0, |lua| lua.machine.memory_bytes())
    }

    /// Bytes of the libraries' texts and of their tables: `used_memory_functions` of INFO.
    pub fn libraries_bytes(&self) -> usize {
        self.bytes
    }
}

/// A space stands for no quotes.
fn library_exists(name: &[u8], quote: char) -> Refusal {
    let name = String::from_utf8_lossy(name);
    Refusal::Composed(match quote {
        ' ' => format!("ERR Library {name} already exists"),
        quote => format!("ERR Library {quote}{name}{quote} already exists"),
    })
}

fn function_exists(name: &[u8]) -> Refusal {
    Refusal::Composed(format!(
        "ERR Function {} already exists",
        String::from_utf8_lossy(name)
    ))
}

impl FunctionLua {
    fn new(version: &str) -> Self {
        let mut machine = Machine::new(Frame::new());
        let world = sandbox::build_for_functions(&mut machine, version);
        Self { machine, world }
    }

    /// Runs a library's text, and returns what it registers.
    fn register(&mut self, code: &[u8], host: &mut dyn Host) -> Result<Vec<Registered>, Refusal> {
        let refuse = |what: &str, text: &[u8]| {
            let text = String::from_utf8_lossy(text);
            Refusal::Composed(format!("ERR Error {what}: {text}"))
        };
        let function = self
            .machine
            .load(code, c"@user_function")
            .map_err(|text| refuse("compiling function", &text))?;
        let frame = self.machine.frame().clone();
        frame.begin(LATE);
        *frame.loading.borrow_mut() = Some(Vec::new());
        self.world.enter_loading(&mut self.machine);
        let failed = frame.host.lend(host, || {
            self.machine.run(
                &function,
                |_| 0,
                |stack, _, ran| (ran == Ran::Failed).then(|| failure::text(stack)),
            )
        });
        self.world.leave_loading(&mut self.machine);
        self.machine.stack().give_up(function);
        let registered = frame.loading.take().unwrap_or_default();
        let Some(text) = failed else {
            return Ok(registered);
        };
        for function in registered {
            self.machine.stack().give_up(function.callback);
        }
        Err(refuse("registering functions", &text))
    }
}
