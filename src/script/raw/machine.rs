//! One Lua: its state, its compiled chunks, and calls that end in a value or an error.
//!
//! What always holds: nothing of a run stays on Lua's stack after it.
#![expect(unsafe_code, reason = "Lua is called through C calls")]

use std::ffi::{CStr, c_int, c_void};
use std::rc::Rc;

use mlua::{Lua, LuaOptions, StdLib, ffi};

use super::call::{push_closure, push_native, raise};
use super::{Kind, Loaded, Native, Stack};
use crate::script::frame::Frame;

/// Lua, and the frame its functions find.
pub(in crate::script) struct Machine {
    stack: Stack,
    runs: u32,
    // Lua goes before the frame that its functions point to.
    lua: Lua,
    frame: Rc<Frame>,
}

/// Where a chunk's errors say they are.
pub(in crate::script) type Origin = &'static CStr;

/// How a call ended; its value is at the top.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::script) enum Ran {
    Returned,
    Failed,
}

/// Instructions between two looks at the time.
const PACE: c_int = 100_000;

/// Runs between two steps of the garbage collector that a script cannot stop, and their size.
const RUNS_PER_STEP: u32 = 50;

/// The registry's key of the frame.
static FRAME: u8 = 0;

impl Machine {
    /// Lua with the libraries scripts have, all of them unguarded still.
    pub(in crate::script) fn new(frame: Frame) -> Self {
        // Coroutines are in the base library, which is always there.
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
        let lua = Lua::new_with(libraries, LuaOptions::default())
            .expect("none of these libraries is one that mlua holds unsafe");
        let mut state = std::ptr::null_mut();
        // SAFETY: the closure takes the pointer and leaves the stack as it is.
        let taken = unsafe { lua.exec_raw::<()>((), |main| state = main) };
        taken.expect("nothing in it can fail");
        let mut machine = Self {
            stack: Stack::new(state),
            runs: 0,
            lua,
            frame: Rc::new(frame),
        };
        let frame = Rc::as_ptr(&machine.frame).cast_mut().cast();
        machine.stack.push_light(frame_key());
        machine.stack.push_light(frame);
        machine.stack.raw_set(ffi::LUA_REGISTRYINDEX);
        machine
    }

    pub(in crate::script) fn stack(&mut self) -> &mut Stack {
        &mut self.stack
    }

    pub(in crate::script) fn frame(&self) -> &Rc<Frame> {
        &self.frame
    }

    pub(in crate::script) fn push_native(&mut self, native: Native) {
        push_native(&mut self.stack, Rc::as_ptr(&self.frame), native);
    }

    /// Pushes `pcall` as scripts have it: of an error that is a table it gives the text.
    pub(in crate::script) fn push_protected_call(&mut self) {
        push_closure(&mut self.stack, protected_call, 0);
    }

    /// Pushes the function that makes every error a table with its text and place.
    pub(in crate::script) fn push_handler(&mut self) {
        push_closure(&mut self.stack, locate, 0);
    }

    /// Pushes the globals.
    pub(in crate::script) fn push_globals(&mut self) {
        self.stack.push_value(ffi::LUA_GLOBALSINDEX);
    }

    /// Takes the top as the globals of all chunks loaded from now on.
    pub(in crate::script) fn set_globals(&mut self) {
        self.stack.replace(ffi::LUA_GLOBALSINDEX);
    }

    /// Compiles `code`; the compiler's words if it cannot.
    pub(in crate::script) fn load(
        &mut self,
        code: &[u8],
        origin: Origin,
    ) -> Result<Loaded, Vec<u8>> {
        // Compiled code is refused: with a byte before it, it is taken for text.
        let spaced;
        let code = if code.first() == Some(&0x1b) {
            spaced = [b" ", code].concat();
            &spaced
        } else {
            code
        };
        // SAFETY: the pointer and length are a slice's, and loading is protected by Lua itself.
        let status = unsafe {
            ffi::luaL_loadbuffer(
                self.stack.state(),
                code.as_ptr().cast(),
                code.len(),
                origin.as_ptr(),
            )
        };
        if status == 0 {
            return Ok(self.stack.keep());
        }
        let text = self.stack.bytes(-1).unwrap_or_default().to_vec();
        self.stack.pop(1);
        Err(text)
    }

    /// Calls `function` with what `arguments` pushes (it says how many); `end` finds the result,
    /// or the error as a table, at the top.
    pub(in crate::script) fn run<End>(
        &mut self,
        function: &Loaded,
        arguments: impl FnOnce(&mut Stack) -> i32,
        end: impl FnOnce(&mut Stack, &Frame, Ran) -> End,
    ) -> End {
        debug_assert_eq!(self.stack.top(), 0, "nothing stays after a run");
        self.push_handler();
        self.stack.push_loaded(function);
        let arguments = arguments(&mut self.stack);
        self.watch();
        // SAFETY: function and arguments are on the stack, and the handler at 1.
        let status = unsafe { ffi::lua_pcall(self.stack.state(), arguments, 1, 1) };
        let ran = if status == 0 {
            Ran::Returned
        } else {
            Ran::Failed
        };
        let end = end(&mut self.stack, &self.frame, ran);
        self.stack.set_top(0);
        self.runs = self.runs.wrapping_add(1);
        if self.runs.is_multiple_of(RUNS_PER_STEP) {
            self.collect(ffi::LUA_GCSTEP, RUNS_PER_STEP as c_int);
        }
        end
    }

    /// Bytes that Lua has allocated.
    pub(in crate::script) fn memory_bytes(&self) -> usize {
        self.lua.used_memory()
    }

    fn collect(&mut self, what: c_int, step: c_int) {
        // SAFETY: the state is live; no value of ours is unknown to the collector.
        unsafe { ffi::lua_gc(self.stack.state(), what, step) };
    }

    fn watch(&mut self) {
        // SAFETY: the hook is a function of the right type; it inherits to coroutines.
        unsafe { ffi::lua_sethook(self.stack.state(), Some(look), ffi::LUA_MASKCOUNT, PACE) };
    }
}

fn frame_key() -> *mut c_void {
    (&raw const FRAME).cast_mut().cast()
}

/// Called every [`PACE`] instructions, and after a kill at every line, so that a script which
/// catches the error does not get far.
extern "C-unwind" fn look(state: *mut ffi::lua_State, _record: *mut ffi::lua_Debug) {
    let mut stack = Stack::new(state);
    if !stack.reserve(4) {
        return;
    }
    stack.push_light(frame_key());
    stack.raw_get(ffi::LUA_REGISTRYINDEX);
    let frame = stack.light(-1).cast::<Frame>();
    stack.pop(1);
    // SAFETY: `Machine::new` stored the frame, which outlives the state.
    let frame = unsafe { &*frame };
    if !frame.is_killed() {
        return;
    }
    // SAFETY: as in `watch`.
    unsafe { ffi::lua_sethook(state, Some(look), ffi::LUA_MASKLINE, 0) };
    frame.push_killed(&mut stack);
    raise(&stack)
}

/// `pcall`.
extern "C-unwind" fn protected_call(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    if stack.top() == 0 {
        stack.push_bool(false);
        stack.push_bytes(b"attempt to call a boolean value");
        return 2;
    }
    // SAFETY: the function and its arguments are all there is on the stack.
    let status = unsafe { ffi::lua_pcall(state, stack.top() - 1, ffi::LUA_MULTRET, 0) };
    if status != 0 && stack.kind(-1) == Kind::Table {
        // SAFETY: the table is at the top. A metamethod may raise, and nothing is alive here.
        unsafe { ffi::lua_getfield_(state, -1, c"err".as_ptr()) };
        if stack.kind(-1) == Kind::Nil {
            stack.pop(1);
        } else {
            stack.replace(1);
        }
    }
    // A result may have come for every place: one more is needed.
    if !stack.reserve(1) {
        stack.set_top(0);
        stack.push_bool(false);
        stack.push_bytes(b"stack overflow");
        return 2;
    }
    stack.push_bool(status == 0);
    stack.insert(1);
    stack.top()
}

/// The handler of errors: whatever was raised becomes a table with `err`, and where it is known,
/// `source` and `line`.
extern "C-unwind" fn locate(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    stack.set_top(1);
    let is_face = stack.push_real(1);
    stack.set_top(1);
    if stack.kind(1) != Kind::Table || is_face {
        // SAFETY: the value is at 1. A metamethod may raise, and nothing is alive here.
        unsafe { ffi::luaL_tolstring(state, 1, std::ptr::null_mut()) };
        wrap(&mut stack);
    }
    place(&mut stack);
    1
}

/// Makes of the text at 2 an error at 1.
fn wrap(stack: &mut Stack) {
    let text = [b"ERR ", stack.bytes(2).unwrap_or_default()].concat();
    stack.set_top(0);
    stack.push_table(0, 3);
    stack.push_bytes(&text);
    stack.set_field(1, "err");
}

/// Adds to the error at 1 where it was raised: level 0 is the handler.
fn place(stack: &mut Stack) {
    let raiser = stack.caller(1);
    let raiser = match raiser {
        Some(raiser) if raiser.is_native => stack.caller(2),
        raiser => raiser,
    };
    if let Some(place) = raiser {
        stack.push_bytes(&place.source);
        stack.set_field(1, "source");
        stack.push_number(f64::from(place.line));
        stack.set_field(1, "line");
    }
    stack.set_top(1);
}
