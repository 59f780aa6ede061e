//! The values of one Lua call, by position: 1 is the first argument, -1 the top.
//!
//! Reading never converts and never calls back into Lua; what may raise an
//! error is kept to `raw/`. Whoever pushes has asked [`Stack::reserve`] for
//! the room, beyond the 20 places every call is given.
#![expect(unsafe_code, reason = "Lua's stack is reached through C calls")]

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;

use mlua::ffi;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::script) enum Kind {
    /// There is no value at this position.
    None,
    Nil,
    Boolean,
    Number,
    String,
    Table,
    Function,
    LightUserdata,
    Userdata,
    Thread,
}

impl Kind {
    /// The name Lua's own errors use.
    pub(in crate::script) fn name(self) -> &'static str {
        match self {
            Kind::None => "no value",
            Kind::Nil => "nil",
            Kind::Boolean => "boolean",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Table => "table",
            Kind::Function => "function",
            Kind::LightUserdata | Kind::Userdata => "userdata",
            Kind::Thread => "thread",
        }
    }
}

/// Where a function stands in its source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::script) struct Where {
    /// The chunk as it was named, `@user_script`.
    pub(in crate::script) source: Vec<u8>,
    pub(in crate::script) line: i32,
    /// Whether this is a C function, which has no line.
    pub(in crate::script) is_native: bool,
}

/// A value kept by Lua until it is given up, or as long as Lua lives.
#[derive(Debug)]
pub(in crate::script) struct Loaded(c_int);

/// A state of Lua and the values of the call that runs in it.
pub(in crate::script) struct Stack {
    state: *mut ffi::lua_State,
}

/// One C call of Lua's for this stack.
macro_rules! lua {
    ($stack:expr, $name:ident $(, $argument:expr)*) => {
        // SAFETY: the state outlives its `Stack`, which only `raw/` makes; positions are
        // acceptable ones, and `reserve` was asked for the room to push.
        unsafe { ffi::$name($stack.state $(, $argument)*) }
    };
}

impl Stack {
    /// `state` lives as long as the value returned: kept by `raw/`.
    pub(super) fn new(state: *mut ffi::lua_State) -> Self {
        Self { state }
    }

    pub(super) fn state(&self) -> *mut ffi::lua_State {
        self.state
    }

    /// The position of the topmost value, which is the number of values.
    pub(in crate::script) fn top(&self) -> i32 {
        lua!(self, lua_gettop)
    }

    pub(in crate::script) fn set_top(&mut self, top: i32) {
        lua!(self, lua_settop, top);
    }

    pub(in crate::script) fn pop(&mut self, values: i32) {
        self.set_top(-values - 1);
    }

    /// Room for `values` more; false if Lua refuses it (8,000 for one call).
    pub(in crate::script) fn reserve(&mut self, values: i32) -> bool {
        lua!(self, lua_checkstack, values) != 0
    }

    pub(in crate::script) fn kind(&self, at: i32) -> Kind {
        match lua!(self, lua_type, at) {
            ffi::LUA_TNONE => Kind::None,
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            ffi::LUA_TLIGHTUSERDATA => Kind::LightUserdata,
            ffi::LUA_TUSERDATA => Kind::Userdata,
            ffi::LUA_TTHREAD => Kind::Thread,
            other => unreachable!("Lua has no type {other}"),
        }
    }

    /// Whether nothing or nil was given.
    pub(in crate::script) fn is_absent(&self, at: i32) -> bool {
        matches!(self.kind(at), Kind::None | Kind::Nil)
    }

    /// What a condition takes the value for.
    pub(in crate::script) fn truth(&self, at: i32) -> bool {
        lua!(self, lua_toboolean, at) != 0
    }

    /// The number, also of a string that reads as one.
    pub(in crate::script) fn number(&self, at: i32) -> Option<f64> {
        (lua!(self, lua_isnumber, at) != 0).then(|| lua!(self, lua_tonumber, at))
    }

    /// How many elements a table has, or bytes a string.
    pub(in crate::script) fn length(&self, at: i32) -> usize {
        lua!(self, lua_objlen, at)
    }

    /// The bytes of a string; nothing for numbers.
    pub(in crate::script) fn bytes(&self, at: i32) -> Option<&[u8]> {
        (self.kind(at) == Kind::String).then(|| self.string(at))
    }

    /// The bytes of a string, or of a number as Lua writes it; it becomes a string in its place.
    pub(in crate::script) fn text(&mut self, at: i32) -> Option<&[u8]> {
        matches!(self.kind(at), Kind::String | Kind::Number).then(|| self.string(at))
    }

    fn string(&self, at: i32) -> &[u8] {
        let mut len = 0;
        let start = lua!(self, lua_tolstring, at, &raw mut len);
        // SAFETY: the value is a string of `len` bytes; it is on the stack, which keeps it from
        // being collected and which cannot change while it is borrowed.
        unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) }
    }

    /// The pointer of a light userdata; null for others.
    pub(in crate::script) fn light(&self, at: i32) -> *mut c_void {
        if self.kind(at) == Kind::LightUserdata {
            lua!(self, lua_touserdata, at)
        } else {
            std::ptr::null_mut()
        }
    }

    pub(in crate::script) fn push_nil(&mut self) {
        lua!(self, lua_pushnil);
    }

    pub(in crate::script) fn push_bool(&mut self, value: bool) {
        lua!(self, lua_pushboolean, c_int::from(value));
    }

    pub(in crate::script) fn push_number(&mut self, value: f64) {
        lua!(self, lua_pushnumber, value);
    }

    pub(in crate::script) fn push_bytes(&mut self, bytes: &[u8]) {
        lua!(self, lua_pushlstring_, bytes.as_ptr().cast(), bytes.len());
    }

    pub(in crate::script) fn push_light(&mut self, pointer: *mut c_void) {
        lua!(self, lua_pushlightuserdata, pointer);
    }

    /// The value at `at` once more, at the top.
    pub(in crate::script) fn push_value(&mut self, at: i32) {
        lua!(self, lua_pushvalue, at);
    }

    pub(in crate::script) fn push_table(&mut self, elements: usize, fields: usize) {
        // A hint only; what does not fit is a hint too large.
        let hint = |count: usize| c_int::try_from(count).unwrap_or(0);
        lua!(self, lua_createtable, hint(elements), hint(fields));
    }

    /// Moves the top to `at`.
    pub(in crate::script) fn insert(&mut self, at: i32) {
        lua!(self, lua_insert, at);
    }

    pub(in crate::script) fn remove(&mut self, at: i32) {
        lua!(self, lua_remove, at);
    }

    /// Puts the top in the place of the value at `at`.
    pub(in crate::script) fn replace(&mut self, at: i32) {
        lua!(self, lua_replace, at);
    }

    /// Takes a key from the top and pushes what the table has there.
    pub(in crate::script) fn raw_get(&mut self, table: i32) -> Kind {
        lua!(self, lua_rawget_, table);
        self.kind(-1)
    }

    /// Pushes element `index` of the table.
    pub(in crate::script) fn raw_element(&mut self, table: i32, index: i32) -> Kind {
        lua!(self, lua_rawgeti_, table, index);
        self.kind(-1)
    }

    /// Pushes field `name` of the table; `table` is counted before.
    pub(in crate::script) fn raw_field(&mut self, table: i32, name: &str) -> Kind {
        let table = self.absolute(table);
        self.push_bytes(name.as_bytes());
        self.raw_get(table)
    }

    /// Takes value and key below it from the top, into the table. The key is no nil and no NaN.
    pub(in crate::script) fn raw_set(&mut self, table: i32) {
        lua!(self, lua_rawset, table);
    }

    /// Takes the top, as element `index` of the table.
    pub(in crate::script) fn set_element(&mut self, table: i32, index: i32) {
        lua!(self, lua_rawseti_, table, index);
    }

    /// Takes the top, as field `name` of the table; `table` is counted before.
    pub(in crate::script) fn set_field(&mut self, table: i32, name: &str) {
        let table = self.absolute(table);
        self.push_bytes(name.as_bytes());
        self.insert(-2);
        self.raw_set(table);
    }

    /// Takes a key and pushes the next one and its value; pushes nothing at the end.
    pub(in crate::script) fn next(&mut self, table: i32) -> bool {
        lua!(self, lua_next, table) != 0
    }

    /// Pushes the metatable of the value, if it has one.
    pub(in crate::script) fn push_metatable(&mut self, at: i32) -> bool {
        lua!(self, lua_getmetatable, at) != 0
    }

    /// Takes a table from the top, as the metatable of the value.
    pub(in crate::script) fn set_metatable(&mut self, at: i32) {
        lua!(self, lua_setmetatable, at);
    }

    /// Takes the top, and keeps it.
    pub(in crate::script) fn keep(&mut self) -> Loaded {
        Loaded(lua!(self, luaL_ref, ffi::LUA_REGISTRYINDEX))
    }

    pub(in crate::script) fn push_loaded(&mut self, loaded: &Loaded) {
        self.raw_element(ffi::LUA_REGISTRYINDEX, loaded.0);
    }

    /// Lets Lua collect what was kept in this state.
    pub(in crate::script) fn give_up(&mut self, loaded: Loaded) {
        lua!(self, luaL_unref, ffi::LUA_REGISTRYINDEX, loaded.0);
    }

    pub(in crate::script) fn absolute(&self, at: i32) -> i32 {
        // Positions far below zero name the registry and upvalues.
        if at > 0 || at <= ffi::LUA_REGISTRYINDEX {
            at
        } else {
            self.top() + at + 1
        }
    }

    /// The function `level` calls up: 0 is the one that runs, 1 the one that called it.
    pub(in crate::script) fn caller(&self, level: i32) -> Option<Where> {
        let record = self.record(level, c"Sl")?;
        let (source, what) = (c_text(record.source)?, c_text(record.what)?);
        Some(Where {
            source: source.to_bytes().to_vec(),
            line: record.currentline,
            is_native: what == c"C",
        })
    }

    /// How the running function was called: its name, and whether as a method.
    pub(in crate::script) fn called_as(&self) -> (String, bool) {
        let record = self.record(0, c"n");
        let name = record.as_ref().and_then(|record| c_text(record.name));
        let what = record.as_ref().and_then(|record| c_text(record.namewhat));
        let name = name.map_or("?".into(), |name| name.to_string_lossy().into_owned());
        (name, what == Some(c"method"))
    }

    /// `user_script:1: ` for the function that called the running one; empty for C functions.
    pub(in crate::script) fn position(&self) -> Vec<u8> {
        match self.record(1, c"Sl") {
            Some(record) if record.currentline > 0 => {
                let source = record.short_src.map(|byte| byte as u8);
                let len = source.iter().position(|&byte| byte == 0);
                let mut position = source[..len.unwrap_or(source.len())].to_vec();
                position.extend_from_slice(format!(":{}: ", record.currentline).as_bytes());
                position
            }
            _ => Vec::new(),
        }
    }

    fn record(&self, level: i32, what: &CStr) -> Option<ffi::lua_Debug> {
        let mut record = MaybeUninit::<ffi::lua_Debug>::zeroed();
        let found = lua!(self, lua_getstack, level, record.as_mut_ptr());
        if found == 0 {
            return None;
        }
        lua!(self, lua_getinfo, what.as_ptr(), record.as_mut_ptr());
        // SAFETY: zeroed is a valid record: numbers, null pointers and bytes.
        Some(unsafe { record.assume_init() })
    }
}

/// The text a record of Lua's points to. It belongs to a function on the stack, or is static.
fn c_text<'a>(text: *const std::ffi::c_char) -> Option<&'a CStr> {
    if text.is_null() {
        return None;
    }
    // SAFETY: Lua ends its texts with NUL; they live while the function is on the stack, and
    // whoever asks copies them before it returns.
    Some(unsafe { CStr::from_ptr(text) })
}
