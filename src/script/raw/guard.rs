//! Read-only tables, and the functions of Lua that must know of them.
//!
//! Plain Lua has no read-only tables. A script gets a **face** instead: an
//! empty table whose metatable reads from the real one and refuses to write.
//! Reading through it is a step inside Lua, without a call. What goes around
//! metatables (`rawset`, `next`, `table.insert` and few others) is guarded: a
//! guard looks whether its first argument is a face, and then runs Lua's own
//! function in its own place, so that names and lines in errors stay the same.
//!
//! What always holds: no script ever holds a real table that has a face.
#![expect(unsafe_code, reason = "C functions stand in for Lua's own")]

use std::ffi::{c_int, c_void};

use mlua::ffi;

use super::call::{push_closure, raise};
use super::{Kind, Stack};

/// The error of a write to a read-only table.
const READ_ONLY: &str = "Attempt to modify a readonly table";

/// Keys of a face's metatable that no script can name: the real table, the metatable shown.
static KEYS: [u8; 2] = [0; 2];

fn key(which: usize) -> *mut c_void {
    (&raw const KEYS[which]).cast_mut().cast()
}

/// How a function of Lua treats a face given as its first argument.
#[derive(Clone, Copy)]
pub(in crate::script) enum Guard {
    /// It sees the real table.
    Reads,
    /// It is refused, if there are at least so many arguments.
    Writes(i32),
    /// `setmetatable`.
    SetsMetatable,
    /// `getmetatable`.
    GetsMetatable,
    /// `loadstring`, which must not read compiled code.
    LoadsString,
    /// `load`, likewise.
    LoadsPieces,
    /// `unpack`, which must not be asked for more than the stack may ever hold: it
    /// counts in 32 bits, and with indexes further apart writes beyond the stack.
    Unpacks,
}

impl Stack {
    /// Replaces the table at the top by its face. `shown` is what `getmetatable` answers for it,
    /// a position of a face; nil if there is none.
    pub(in crate::script) fn close(&mut self, shown: Option<i32>) {
        let shown = shown.map(|at| self.absolute(at));
        let real = self.top();
        self.push_table(0, 0);
        self.push_table(0, 4);
        self.push_value(real);
        self.set_field(-2, "__index");
        push_closure(self, refuse, 0);
        self.set_field(-2, "__newindex");
        self.push_light(key(0));
        self.push_value(real);
        self.raw_set(-3);
        if let Some(shown) = shown {
            self.push_light(key(1));
            self.push_value(shown);
            self.raw_set(-3);
        }
        self.set_metatable(-2);
        self.remove(real);
    }

    /// Makes the face at `face` read from the table at the top, and takes that.
    pub(in crate::script) fn redirect(&mut self, face: i32) {
        let is_face = self.push_metatable(face);
        assert!(is_face, "a face has a metatable");
        self.insert(-2);
        self.set_field(-2, "__index");
        self.pop(1);
    }

    /// Replaces the function of Lua's at the top by one that knows faces.
    pub(in crate::script) fn guard(&mut self, guard: Guard) {
        match guard {
            Guard::Reads => push_closure(self, read_through, 1),
            Guard::Writes(arguments) => {
                self.push_number(f64::from(arguments));
                push_closure(self, write, 2);
            }
            Guard::SetsMetatable => push_closure(self, set_metatable, 1),
            Guard::GetsMetatable => push_closure(self, get_metatable, 1),
            Guard::LoadsString => push_closure(self, load_string, 1),
            Guard::LoadsPieces => push_closure(self, load_pieces, 1),
            Guard::Unpacks => push_closure(self, unpack, 1),
        }
    }

    /// `pairs` at the top, made to return the guarded `next` at `next`.
    pub(in crate::script) fn guard_pairs(&mut self, next: i32) {
        self.push_value(next);
        // SAFETY: the value is a function of Lua's own library, so it is a C function.
        let own = unsafe { ffi::lua_tocfunction(self.state(), -2) };
        // `pairs` returns its first upvalue.
        push_closure(self, own.expect("pairs is a C function"), 1);
        self.remove(-2);
    }

    /// Pushes the function that answers for names a table does not have: an error.
    pub(in crate::script) fn push_missing(&mut self) {
        push_closure(self, missing, 0);
    }

    /// Makes it an error to read from the table at the top what it has not.
    pub(in crate::script) fn refuse_missing(&mut self) {
        self.push_table(0, 1);
        self.push_missing();
        self.set_field(-2, "__index");
        self.set_metatable(-2);
    }

    /// Pushes the real table behind the face at `at`; nothing if it is no face.
    pub(in crate::script) fn push_real(&mut self, at: i32) -> bool {
        self.push_hidden(at, 0)
    }

    fn push_hidden(&mut self, at: i32, which: usize) -> bool {
        if self.kind(at) != Kind::Table || !self.push_metatable(at) {
            return false;
        }
        self.push_light(key(which));
        let found = self.raw_get(-2) == Kind::Table;
        self.remove(-2);
        if !found {
            self.pop(1);
        }
        found
    }

    /// The function a guard stands for, run in the guard's place.
    fn own(&mut self) -> c_int {
        // SAFETY: upvalue 1 is a function of Lua's own library, so it is a C function.
        let own = unsafe { ffi::lua_tocfunction(self.state(), ffi::lua_upvalueindex(1)) };
        let own = own.expect("a guard stands for a C function");
        // SAFETY: it finds the arguments where it expects them, and uses no upvalues.
        unsafe { own(self.state()) }
    }
}

/// A write to a field: the writer's position and the text.
extern "C-unwind" fn refuse(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    push_positioned(&mut stack, READ_ONLY.as_bytes());
    raise(&stack)
}

/// A global that is not there: arguments are the table and the name.
extern "C-unwind" fn missing(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    stack.set_top(2);
    push_missing_text(&mut stack);
    raise(&stack)
}

fn push_missing_text(stack: &mut Stack) {
    let line = match stack.text(2) {
        Some(name) => [
            b"Script attempted to access nonexistent global variable '".as_slice(),
            name,
            b"'",
        ]
        .concat(),
        None => b"Second argument to luaProtectedTableError must be a string or number".to_vec(),
    };
    push_positioned(stack, &line);
}

fn push_positioned(stack: &mut Stack, text: &[u8]) {
    let mut line = stack.position();
    line.extend_from_slice(text);
    stack.push_bytes(&line);
}

extern "C-unwind" fn read_through(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    if stack.push_real(1) {
        stack.replace(1);
    }
    stack.own()
}

extern "C-unwind" fn write(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    let least = stack.number(ffi::lua_upvalueindex(2)).unwrap_or(0.0);
    if f64::from(stack.top()) >= least && stack.push_real(1) {
        refuse_bare(&mut stack)
    }
    stack.own()
}

extern "C-unwind" fn set_metatable(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    if matches!(stack.kind(2), Kind::Nil | Kind::Table) && stack.push_real(1) {
        refuse_bare(&mut stack)
    }
    stack.own()
}

/// Refused from within a C function, an error carries no position.
fn refuse_bare(stack: &mut Stack) -> ! {
    stack.push_bytes(READ_ONLY.as_bytes());
    raise(stack)
}

extern "C-unwind" fn get_metatable(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    if stack.push_real(1) {
        stack.pop(1);
        if !stack.push_hidden(1, 1) {
            stack.push_nil();
        }
        return 1;
    }
    stack.own()
}

/// What Lua allows a C function on its stack.
const RESULTS_MAX: i64 = 8000;

extern "C-unwind" fn unpack(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    if stack.kind(1) == Kind::Table && asked_for(&stack) > RESULTS_MAX {
        push_positioned(&mut stack, b"too many results to unpack");
        raise(&stack)
    }
    stack.own()
}

/// How many elements of the table at 1 the indexes behind it ask for, as Lua reads
/// them: a number beyond 32 bits loses what is above.
fn asked_for(stack: &Stack) -> i64 {
    let index = |at| {
        stack
            .number(at)
            .map(|number| i64::from(number as i64 as i32))
    };
    let first = index(2).unwrap_or(1);
    let last = index(3).unwrap_or_else(|| stack.length(1) as i64);
    last - first + 1
}

/// The first byte of compiled code.
const COMPILED: u8 = 0x1b;

/// Lua tells compiled code from text by its first byte. With a space before it, it is text, and
/// the compiler says what is wrong with it.
fn spaced(code: &[u8]) -> Option<Vec<u8>> {
    (code.first() == Some(&COMPILED)).then(|| [b" ", code].concat())
}

extern "C-unwind" fn load_string(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    put_space(&mut stack);
    stack.own()
}

fn put_space(stack: &mut Stack) {
    let Some(code) = stack.bytes(1).and_then(spaced) else {
        return;
    };
    if stack.kind(2) == Kind::None {
        // A chunk without a name is named by its text.
        stack.push_value(1);
    }
    stack.push_bytes(&code);
    stack.replace(1);
}

extern "C-unwind" fn load_pieces(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    if stack.kind(1) == Kind::Function {
        stack.push_value(1);
        stack.push_bool(false);
        push_closure(&mut stack, next_piece, 2);
        stack.replace(1);
    }
    stack.own()
}

/// A piece of code: upvalue 1 brings it, upvalue 2 is whether code has begun.
extern "C-unwind" fn next_piece(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    stack.push_value(ffi::lua_upvalueindex(1));
    // SAFETY: the function is on the stack; its errors pass through here, and nothing is alive.
    unsafe { ffi::lua_call(state, 0, 1) };
    check_piece(&mut stack);
    1
}

fn check_piece(stack: &mut Stack) {
    if stack.truth(ffi::lua_upvalueindex(2)) {
        return;
    }
    let Some(piece) = stack.bytes(-1) else {
        return;
    };
    let has_begun = !piece.is_empty();
    if let Some(code) = spaced(piece) {
        stack.push_bytes(&code);
    }
    if has_begun {
        stack.push_bool(true);
        stack.replace(ffi::lua_upvalueindex(2));
    }
}
