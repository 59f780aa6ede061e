//! `redis.register_function`: what a library calls while it is loaded.

use super::header::{self, BAD_NAME};
use crate::script::api::refuse;
use crate::script::frame::Frame;
use crate::script::raw::{Kind, Loaded, Outcome, Stack};
use crate::script::shebang::Flags;

/// The functions a library under way has registered, in order.
pub(in crate::script) type Loading = Vec<Registered>;

/// A function of a library.
#[derive(Debug)]
pub(in crate::script) struct Registered {
    pub(super) name: Vec<u8>,
    pub(super) callback: Loaded,
    pub(super) description: Option<Vec<u8>>,
    pub(super) flags: Flags,
}

const COUNT: &str = "wrong number of arguments to redis.register_function";
const NOT_NAMED: &str = "calling redis.register_function with a single argument is only applicable \
                         to Lua table (representing named arguments).";
const FIRST: &str = "first argument to redis.register_function must be a string";
const SECOND: &str = "second argument to redis.register_function must be a function";
const OUTSIDE: &str = "redis.register_function can only be called on FUNCTION LOAD command";
const NO_NAME: &str = "redis.register_function must get a function name argument";
const NO_CALLBACK: &str = "redis.register_function must get a callback argument";
const BAD_KEY: &str = "named argument key given to redis.register_function is not a string";
const UNKNOWN: &str = "unknown argument given to redis.register_function";
const CALLBACK: &str = "callback argument given to redis.register_function must be a function";
const NAME: &str = "function_name argument given to redis.register_function must be a string";
const DESCRIPTION: &str = "description argument given to redis.register_function must be a string";
const FLAGS: &str = "flags argument to redis.register_function must be a table representing \
                     function flags";
const BAD_FLAG: &str = "unknown flag given";
const TWICE: &str = "Function already exists in the library";

/// The arguments, once they are read; the function stays on the stack.
struct Named {
    name: Vec<u8>,
    callback: i32,
    description: Option<Vec<u8>>,
    flags: Flags,
}

pub(in crate::script) fn register_function(stack: &mut Stack, frame: &Frame) -> Outcome {
    let named = match stack.top() {
        1 => by_name(stack),
        2 => by_place(stack),
        _ => Err(COUNT),
    };
    match named.and_then(|named| keep(stack, frame, named)) {
        Ok(()) => Ok(0),
        Err(text) => refuse(stack, text),
    }
}

fn by_place(stack: &mut Stack) -> Result<Named, &'static str> {
    let name = stack.text(1).ok_or(FIRST)?.to_vec();
    if stack.kind(2) != Kind::Function {
        return Err(SECOND);
    }
    Ok(Named {
        name,
        callback: 2,
        description: None,
        flags: Flags::default(),
    })
}

fn by_name(stack: &mut Stack) -> Result<Named, &'static str> {
    if stack.kind(1) != Kind::Table {
        return Err(NOT_NAMED);
    }
    // The function is put at 2, once it is found.
    stack.push_nil();
    let (mut name, mut description, mut flags) = (None, None, Flags::default());
    stack.push_nil();
    while stack.next(1) {
        if !matches!(stack.kind(-2), Kind::String | Kind::Number) {
            return Err(BAD_KEY);
        }
        match stack.bytes(-2) {
            Some(b"function_name") => name = Some(stack.text(-1).ok_or(NAME)?.to_vec()),
            Some(b"description") => {
                description = Some(stack.text(-1).ok_or(DESCRIPTION)?.to_vec());
            }
            Some(b"callback") => {
                if stack.kind(-1) != Kind::Function {
                    return Err(CALLBACK);
                }
                stack.push_value(-1);
                stack.replace(2);
            }
            Some(b"flags") => flags = read_flags(stack)?,
            _ => return Err(UNKNOWN),
        }
        stack.pop(1);
    }
    let name = name.ok_or(NO_NAME)?;
    if stack.kind(2) != Kind::Function {
        return Err(NO_CALLBACK);
    }
    Ok(Named {
        name,
        callback: 2,
        description,
        flags,
    })
}

/// The flags in the table at the top, up to the first that is nil.
fn read_flags(stack: &mut Stack) -> Result<Flags, &'static str> {
    if stack.kind(-1) != Kind::Table {
        return Err(FLAGS);
    }
    let mut flags = Flags::default();
    let mut index = 1;
    while stack.raw_element(-1, index) != Kind::Nil {
        let is_known = stack.bytes(-1).is_some_and(|name| flags.set(name));
        if !is_known {
            return Err(BAD_FLAG);
        }
        stack.pop(1);
        index += 1;
    }
    stack.pop(1);
    Ok(flags)
}

fn keep(stack: &mut Stack, frame: &Frame, named: Named) -> Result<(), &'static str> {
    if !header::is_name(&named.name) {
        return Err(BAD_NAME);
    }
    let mut loading = frame.loading.borrow_mut();
    let functions = loading.as_mut().ok_or(OUTSIDE)?;
    if functions.iter().any(|known| known.name == named.name) {
        return Err(TWICE);
    }
    stack.push_value(named.callback);
    functions.push(Registered {
        name: named.name,
        callback: stack.keep(),
        description: named.description,
        flags: named.flags,
    });
    Ok(())
}
