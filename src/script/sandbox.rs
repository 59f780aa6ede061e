//! The world a script sees: which globals there are, all of them read-only.

use super::api;
use super::bits;
use super::frame::Frame;
use super::json;
use super::msgpack;
use super::number;
use super::random;
use super::raw::{Failure, Guard, Loaded, Machine, Native, Outcome, Stack};
use super::structs;

/// What base Lua gives to scripts as it is.
const PLAIN: &[&str] = &[
    "_VERSION",
    "assert",
    "collectgarbage",
    "error",
    "gcinfo",
    "ipairs",
    "rawequal",
    "select",
    "tonumber",
    "tostring",
    "type",
    "xpcall",
];

/// What it gives, but knowing of read-only tables.
const GUARDED: &[(&str, Guard)] = &[
    ("getmetatable", Guard::GetsMetatable),
    ("setmetatable", Guard::SetsMetatable),
    ("next", Guard::Reads),
    ("rawget", Guard::Reads),
    ("rawset", Guard::Writes(3)),
    ("load", Guard::LoadsPieces),
    ("loadstring", Guard::LoadsString),
    ("unpack", Guard::Unpacks),
];

/// Likewise in its library `table`.
const GUARDED_IN_TABLE: &[(&str, Guard)] =
    &[("insert", Guard::Writes(2)), ("foreach", Guard::Reads)];

/// Functions of ours in a library of Lua's.
const MATH: &[(&str, Native)] = &[("random", random), ("randomseed", randomseed)];

/// Fills a new machine for EVAL and closes its globals. What is returned is the table behind
/// them, where KEYS and ARGV are put.
pub(super) fn build(machine: &mut Machine, version: &str) -> Loaded {
    push_world(machine);
    let open = machine.stack().top();
    machine.push_handler();
    machine.stack().set_field(open, "__redis__err__handler");
    push_redis(machine, version, &[api::FUNCTIONS, api::EVAL_FUNCTIONS]);
    close_into(machine, open, "redis");
    close_globals(machine, open);
    let stack = machine.stack();
    stack.push_value(open);
    let behind = stack.keep();
    stack.set_top(0);
    behind
}

/// The two worlds of functions: a small one, while their library is loaded, and the whole one.
/// Both are seen through the same globals.
pub(super) struct FunctionWorld {
    globals: Loaded,
    whole: Loaded,
    loading: Loaded,
}

/// Fills a new machine for FUNCTION and closes its globals.
pub(super) fn build_for_functions(machine: &mut Machine, version: &str) -> FunctionWorld {
    push_world(machine);
    let open = machine.stack().top();
    push_redis(machine, version, &[api::FUNCTIONS]);
    close_into(machine, open, "redis");
    close_globals(machine, open);
    let stack = machine.stack();
    stack.push_value(open);
    let whole = stack.keep();
    machine.push_globals();
    let globals = machine.stack().keep();
    machine.stack().push_table(0, 1);
    push_loading_redis(machine, version);
    let stack = machine.stack();
    stack.set_field(-2, "redis");
    stack.refuse_missing();
    let loading = stack.keep();
    stack.set_top(0);
    FunctionWorld {
        globals,
        whole,
        loading,
    }
}

impl FunctionWorld {
    pub(super) fn enter_loading(&self, machine: &mut Machine) {
        self.see(machine, &self.loading);
    }

    pub(super) fn leave_loading(&self, machine: &mut Machine) {
        self.see(machine, &self.whole);
    }

    fn see(&self, machine: &mut Machine, world: &Loaded) {
        let stack = machine.stack();
        stack.push_loaded(&self.globals);
        stack.push_loaded(world);
        stack.redirect(-2);
        stack.pop(1);
    }
}

/// Pushes the table of all globals but `redis`, open still.
fn push_world(machine: &mut Machine) {
    machine.push_globals();
    machine.stack().push_table(0, 64);
    let (lua, open) = (1, 2);
    copy_base(machine, lua, open);
    close_libraries(machine, lua, open);
    json::push(machine);
    close_into(machine, open, "cjson");
    msgpack::push(machine);
    close_into(machine, open, "cmsgpack");
    for (name, functions) in [("bit", bits::FUNCTIONS), ("struct", structs::FUNCTIONS)] {
        machine.stack().push_table(0, functions.len());
        set_functions(machine, functions);
        close_into(machine, open, name);
    }
    close_strings(machine, open);
}

/// Puts the table at the top into the table at `to`, closed.
pub(super) fn close_into(machine: &mut Machine, to: i32, name: &str) {
    machine.stack().close(None);
    machine.stack().set_field(to, name);
}

/// Puts functions into the table at the top.
pub(super) fn set_functions(machine: &mut Machine, functions: &[(&str, Native)]) {
    for (name, native) in functions {
        machine.push_native(*native);
        machine.stack().set_field(-2, name);
    }
}

fn copy_base(machine: &mut Machine, lua: i32, open: i32) {
    let stack = machine.stack();
    for name in PLAIN {
        stack.raw_field(lua, name);
        stack.set_field(open, name);
    }
    for (name, guard) in GUARDED {
        stack.raw_field(lua, name);
        stack.guard(*guard);
        stack.set_field(open, name);
    }
    stack.raw_field(open, "next");
    stack.raw_field(lua, "pairs");
    stack.guard_pairs(-2);
    stack.set_field(open, "pairs");
    stack.pop(1);
    machine.push_protected_call();
    machine.stack().set_field(open, "pcall");
}

fn close_libraries(machine: &mut Machine, lua: i32, open: i32) {
    for name in ["coroutine", "math", "string", "table"] {
        machine.stack().raw_field(lua, name);
        match name {
            "math" => set_functions(machine, MATH),
            "table" => {
                let stack = machine.stack();
                for (name, guard) in GUARDED_IN_TABLE {
                    stack.raw_field(-1, name);
                    stack.guard(*guard);
                    stack.set_field(-2, name);
                }
            }
            _ => {}
        }
        close_into(machine, open, name);
    }
    // Of the operating system a script may ask the processor time it used.
    let stack = machine.stack();
    stack.push_table(0, 1);
    stack.raw_field(lua, "os");
    stack.raw_field(-1, "clock");
    stack.remove(-2);
    stack.set_field(-2, "clock");
    close_into(machine, open, "os");
}

fn push_redis(machine: &mut Machine, version: &str, functions: &[&[(&str, Native)]]) {
    machine.stack().push_table(0, 32);
    for functions in functions {
        set_functions(machine, functions);
    }
    set_numbers(machine, api::LEVELS);
    set_numbers(machine, api::EFFECTS);
    set_version(machine, version);
}

/// Pushes the closed table `redis` of a library under way, which has no more than it needs.
fn push_loading_redis(machine: &mut Machine, version: &str) {
    machine.stack().push_table(0, 8);
    set_functions(machine, api::LOADING_FUNCTIONS);
    set_numbers(machine, api::LEVELS);
    set_version(machine, version);
    machine.stack().refuse_missing();
    machine.stack().close(None);
}

fn set_numbers(machine: &mut Machine, numbers: &[(&str, f64)]) {
    let stack = machine.stack();
    for (name, value) in numbers {
        stack.push_number(*value);
        stack.set_field(-2, name);
    }
}

fn set_version(machine: &mut Machine, version: &str) {
    let stack = machine.stack();
    stack.push_bytes(version.as_bytes());
    stack.set_field(-2, "REDIS_VERSION");
    stack.push_number(version_number(version));
    stack.set_field(-2, "REDIS_VERSION_NUM");
}

/// 7.2.4 is 0x070204.
fn version_number(version: &str) -> f64 {
    version
        .split('.')
        .map(|part| part.parse::<u8>().expect("a version is numbers and points"))
        .fold(0.0, |number, part| number * 256.0 + f64::from(part))
}

/// Strings find their methods in the real table; what a script sees of their metatable is closed.
fn close_strings(machine: &mut Machine, open: i32) {
    let stack = machine.stack();
    stack.push_bytes(b"");
    assert!(stack.push_metatable(-1), "strings have a metatable");
    stack.push_table(0, 1);
    stack.raw_field(open, "string");
    stack.set_field(-2, "__index");
    stack.close(None);
    stack.set_field(-2, "__metatable");
    stack.pop(2);
}

/// Makes the face of the table at `open` the globals. Reading a name that is not there is an error.
fn close_globals(machine: &mut Machine, open: i32) {
    let stack = machine.stack();
    stack.push_value(open);
    stack.refuse_missing();
    // What `getmetatable` shows.
    stack.push_table(0, 1);
    stack.push_missing();
    stack.set_field(-2, "__index");
    stack.close(None);
    stack.insert(-2);
    stack.close(Some(-2));
    stack.push_value(-1);
    stack.set_field(open, "_G");
    machine.set_globals();
    machine.stack().pop(1);
}

fn random(stack: &mut Stack, frame: &Frame) -> Outcome {
    // A number in [0, 1), exact: both are below 2^31.
    let share = (frame.random.next() % random::MAX) as f64 / random::MAX as f64;
    let number = match stack.top() {
        0 => share,
        1 => {
            let high = integer(stack, 1)?;
            if high < 1 {
                return Err(Failure::argument(1, "interval is empty"));
            }
            (share * f64::from(high)).floor() + 1.0
        }
        2 => {
            let (low, high) = (integer(stack, 1)?, integer(stack, 2)?);
            if low > high {
                return Err(Failure::argument(2, "interval is empty"));
            }
            // In 32 bits, as stock: an interval too wide turns over.
            let width = high.wrapping_sub(low).wrapping_add(1);
            (share * f64::from(width)).floor() + f64::from(low)
        }
        _ => return Err(Failure::here("wrong number of arguments")),
    };
    stack.push_number(number);
    Ok(1)
}

fn randomseed(stack: &mut Stack, frame: &Frame) -> Outcome {
    let seed = integer(stack, 1)?;
    frame.random.seed(seed);
    Ok(0)
}

/// The argument as a C `int`: what is beyond keeps its lowest bits.
fn integer(stack: &Stack, at: i32) -> Result<i32, Failure> {
    match stack.number(at) {
        Some(number) => Ok(number::cut(number) as i32),
        None => Err(Failure::expected(stack, at, "number")),
    }
}
