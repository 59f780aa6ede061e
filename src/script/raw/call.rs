//! Rust functions that Lua may call, and how their failures become Lua's errors.
#![expect(
    unsafe_code,
    reason = "Lua calls C functions, and errors jump out of them"
)]

use std::borrow::Cow;
use std::ffi::{c_int, c_void};

use mlua::ffi;

use super::Stack;
use crate::script::frame::Frame;

/// A function of Lua's libraries: finds its arguments on the stack, leaves its results on top and
/// returns how many.
pub(in crate::script) type Native = fn(&mut Stack, &Frame) -> Outcome;

pub(in crate::script) type Outcome = Result<i32, Failure>;

/// The error a function raises.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::script) enum Failure {
    /// The value at the top, as it is.
    Top,
    /// A text, with the caller's position before it.
    Here(Cow<'static, str>),
    /// A text without a position.
    Bare(Cow<'static, str>),
    /// An argument is not what it must be: which, from 1, and why.
    Argument(i32, Cow<'static, str>),
}

impl Failure {
    pub(in crate::script) fn here(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Here(text.into())
    }

    pub(in crate::script) fn argument(at: i32, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Argument(at, text.into())
    }

    /// The argument at `at` is of another type.
    pub(in crate::script) fn expected(stack: &Stack, at: i32, type_name: &str) -> Self {
        let got = stack.kind(at).name();
        Self::argument(at, format!("{type_name} expected, got {got}"))
    }

    /// Leaves the error at the top.
    pub(super) fn push(&self, stack: &mut Stack) {
        // Whatever the function left is in the way of nobody, but may be at the limit.
        if *self != Failure::Top {
            stack.set_top(0);
        }
        match self {
            Failure::Top => {}
            Failure::Bare(text) => stack.push_bytes(text.as_bytes()),
            Failure::Here(text) => push_here(stack, text),
            Failure::Argument(at, text) => {
                let (name, is_method) = stack.called_as();
                let at = at - i32::from(is_method);
                push_here(
                    stack,
                    &if is_method && at == 0 {
                        format!("calling '{name}' on bad self ({text})")
                    } else {
                        format!("bad argument #{at} to '{name}' ({text})")
                    },
                );
            }
        }
    }
}

fn push_here(stack: &mut Stack, text: &str) {
    let mut line = stack.position();
    line.extend_from_slice(text.as_bytes());
    stack.push_bytes(&line);
}

/// Pushes `native` as a function of Lua. `frame` outlives the state.
pub(super) fn push_native(stack: &mut Stack, frame: *const Frame, native: Native) {
    stack.push_light(frame.cast_mut().cast());
    stack.push_light(native as *mut c_void);
    push_closure(stack, enter, 2);
}

/// Pushes `native` with the value at `with`, which it finds at [`UPVALUE`].
pub(in crate::script) fn push_native_with(
    stack: &mut Stack,
    frame: &Frame,
    native: Native,
    with: i32,
) {
    let with = stack.absolute(with);
    stack.push_light(std::ptr::from_ref(frame).cast_mut().cast());
    stack.push_light(native as *mut c_void);
    stack.push_value(with);
    push_closure(stack, enter, 3);
}

/// Where a function finds the value it was made with.
pub(in crate::script) const UPVALUE: i32 = ffi::lua_upvalueindex(3);

/// Pushes a C function with the topmost `upvalues` values, which it takes.
pub(super) fn push_closure(stack: &mut Stack, function: ffi::lua_CFunction, upvalues: i32) {
    // SAFETY: the state is live, and the upvalues are on the stack.
    unsafe { ffi::lua_pushcclosure(stack.state(), function, upvalues) };
}

/// Raises the value at the top. Nothing that wants to be dropped may be alive in the caller.
pub(super) fn raise(stack: &Stack) -> ! {
    // SAFETY: called from C functions only, which Lua runs protected.
    unsafe { ffi::lua_error(stack.state()) }
}

/// What Lua calls for every native: upvalue 1 is the frame, upvalue 2 the function.
extern "C-unwind" fn enter(state: *mut ffi::lua_State) -> c_int {
    let mut stack = Stack::new(state);
    let frame = stack.light(ffi::lua_upvalueindex(1)).cast::<Frame>();
    let native = stack.light(ffi::lua_upvalueindex(2));
    // SAFETY: `push_native` stored a pointer to a frame that outlives the state.
    let frame = unsafe { &*frame };
    // SAFETY: `push_native` stored a function of this type.
    let native = unsafe { std::mem::transmute::<*mut c_void, Native>(native) };
    if let Some(results) = run(native, &mut stack, frame) {
        results
    } else {
        raise(&stack)
    }
}

/// The number of results; nothing if there is an error to raise, at the top.
fn run(native: Native, stack: &mut Stack, frame: &Frame) -> Option<i32> {
    match native(stack, frame) {
        Ok(results) => Some(results),
        Err(failure) => {
            failure.push(stack);
            None
        }
    }
}
