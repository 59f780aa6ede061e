//! The table `redis` of scripts.

use super::failure;
use super::frame::Frame;
use super::from_reply::{self, Came};
use super::function::register_function;
use super::host::{Effects, LogLevel, Permission};
use super::number;
use super::raw::{Failure, Kind, Native, Outcome, Stack};
use super::sha::Sha;
use crate::resp::Version;

/// The functions, by the names they have in `redis`.
pub(super) const FUNCTIONS: &[(&str, Native)] = &[
    ("call", call),
    ("pcall", pcall),
    ("error_reply", error_reply),
    ("status_reply", status_reply),
    ("sha1hex", sha1hex),
    ("log", log),
    ("setresp", setresp),
    ("set_repl", set_repl),
    ("acl_check_cmd", acl_check_cmd),
];

/// The functions only scripts of EVAL have: of verbatim replication and of the debugger, which
/// are gone from stock and were never here.
pub(super) const EVAL_FUNCTIONS: &[(&str, Native)] = &[
    ("replicate_commands", replicate_commands),
    ("breakpoint", breakpoint),
    ("debug", debug),
];

/// What `redis` has while a library is loaded, besides the levels and the version.
pub(super) const LOADING_FUNCTIONS: &[(&str, Native)] =
    &[("log", log), ("register_function", register_function)];

/// The levels of the log.
pub(super) const LEVELS: &[(&str, f64)] = &[
    ("LOG_DEBUG", 0.0),
    ("LOG_VERBOSE", 1.0),
    ("LOG_NOTICE", 2.0),
    ("LOG_WARNING", 3.0),
];

/// Where effects go.
pub(super) const EFFECTS: &[(&str, f64)] = &[
    ("REPL_NONE", 0.0),
    ("REPL_AOF", 1.0),
    ("REPL_SLAVE", 2.0),
    ("REPL_REPLICA", 2.0),
    ("REPL_ALL", 3.0),
];

fn call(stack: &mut Stack, frame: &Frame) -> Outcome {
    match command(stack, frame)? {
        Came::Value => Ok(1),
        Came::Error => Err(Failure::Top),
    }
}

fn pcall(stack: &mut Stack, frame: &Frame) -> Outcome {
    command(stack, frame)?;
    Ok(1)
}

/// Runs the command on the stack and pushes its reply, or why it cannot be run.
fn command(stack: &mut Stack, frame: &Frame) -> Result<Came, Failure> {
    if let Err(text) = gather(stack, frame) {
        failure::push_error(stack, text.as_bytes());
        return Ok(Came::Error);
    }
    let words = frame.words.borrow();
    let mut reply = frame.reply.borrow_mut();
    reply.clear();
    let version = frame.version.get();
    let asked = frame
        .host
        .ask(|host| host.call(words.args(), version, &mut reply));
    if asked.is_none() {
        failure::push_error(stack, OUTSIDE.as_bytes());
        return Ok(Came::Error);
    }
    stack.set_top(0);
    from_reply::push(stack, &reply)
}

const NO_WORDS: &str = "Please specify at least one argument for this redis lib call";
const NOT_A_WORD: &str = "Lua redis lib command arguments must be strings or integers";
const OUTSIDE: &str = "redis.call/pcall can only be called inside a script invocation";

/// Copies the arguments into the frame's words.
fn gather(stack: &mut Stack, frame: &Frame) -> Result<(), &'static str> {
    let mut words = frame.words.borrow_mut();
    words.clear();
    let top = stack.top();
    if top == 0 {
        return Err(NO_WORDS);
    }
    let mut digits = Vec::new();
    for at in 1..=top {
        if let Some(bytes) = stack.bytes(at) {
            words.push(bytes);
        } else if stack.kind(at) == Kind::Number {
            digits.clear();
            number::write_argument(&mut digits, stack.number(at).unwrap_or(0.0));
            words.push(&digits);
        } else {
            return Err(NOT_A_WORD);
        }
    }
    Ok(())
}

/// Raises an error with a code and without a position, as most functions of `redis` do.
pub(super) fn refuse(stack: &mut Stack, text: &str) -> Outcome {
    stack.set_top(0);
    failure::push_error(stack, text.as_bytes());
    Err(Failure::Top)
}

fn error_reply(stack: &mut Stack, _frame: &Frame) -> Outcome {
    let Some(text) = only_string(stack) else {
        return Ok(1);
    };
    // The dash says that the first of several words is a code.
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let line = [b"-", text].concat();
    failure::push_error(stack, &line);
    Ok(1)
}

fn status_reply(stack: &mut Stack, _frame: &Frame) -> Outcome {
    if only_string(stack).is_some() {
        stack.push_table(0, 1);
        stack.insert(1);
        stack.set_field(1, "ok");
    }
    Ok(1)
}

/// The one argument, if it is a string; or else an error, pushed.
fn only_string(stack: &mut Stack) -> Option<&[u8]> {
    if stack.top() == 1 && stack.kind(1) == Kind::String {
        return stack.bytes(1);
    }
    stack.set_top(0);
    failure::push_error(stack, b"wrong number or type of arguments");
    None
}

fn sha1hex(stack: &mut Stack, _frame: &Frame) -> Outcome {
    if stack.top() != 1 {
        return refuse(stack, "wrong number of arguments");
    }
    // What is no text counts as an empty one.
    let sha = Sha::of(stack.text(1).unwrap_or_default());
    stack.push_bytes(sha.text());
    Ok(1)
}

pub(super) fn log(stack: &mut Stack, frame: &Frame) -> Outcome {
    let top = stack.top();
    if top < 2 {
        return refuse(stack, "redis.log() requires two arguments or more.");
    }
    let Some(level) = stack.number(1) else {
        return refuse(stack, "First argument must be a number (log level).");
    };
    let level = match number::cut(level) {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return refuse(stack, "Invalid debug level."),
    };
    let mut message = Vec::new();
    for at in 2..=top {
        if let Some(text) = stack.text(at) {
            if at > 2 {
                message.push(b' ');
            }
            message.extend_from_slice(text);
        }
    }
    frame.host.ask(|host| host.log(level, &message));
    Ok(0)
}

fn setresp(stack: &mut Stack, frame: &Frame) -> Outcome {
    if stack.top() != 1 {
        return refuse(stack, "redis.setresp() requires one argument.");
    }
    let version = match stack.number(1).map(number::cut) {
        Some(2) => Version::Two,
        Some(3) => Version::Three,
        _ => return refuse(stack, "RESP version must be 2 or 3."),
    };
    frame.version.set(version);
    Ok(0)
}

fn set_repl(stack: &mut Stack, frame: &Frame) -> Outcome {
    const BAD_FLAGS: &str =
        "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
    if stack.top() != 1 {
        return refuse(stack, "redis.set_repl() requires two arguments.");
    }
    let flags = stack.number(1).map_or(0, number::cut);
    if !(0..=3).contains(&flags) {
        return refuse(stack, BAD_FLAGS);
    }
    let effects = Effects {
        file: flags & 1 != 0,
        replicas: flags & 2 != 0,
    };
    frame.host.ask(|host| host.set_effects(effects));
    Ok(0)
}

fn acl_check_cmd(stack: &mut Stack, frame: &Frame) -> Outcome {
    if let Err(text) = gather(stack, frame) {
        return refuse(stack, text);
    }
    let words = frame.words.borrow();
    let permission = frame.host.ask(|host| host.permission(words.args()));
    match permission {
        Some(Permission::Unknown) => {
            refuse(stack, "Invalid command passed to redis.acl_check_cmd()")
        }
        Some(Permission::Granted) => {
            stack.push_bool(true);
            Ok(1)
        }
        Some(Permission::Denied) | None => {
            stack.push_bool(false);
            Ok(1)
        }
    }
}

fn replicate_commands(stack: &mut Stack, _frame: &Frame) -> Outcome {
    stack.push_bool(true);
    Ok(1)
}

fn breakpoint(stack: &mut Stack, _frame: &Frame) -> Outcome {
    stack.push_bool(false);
    Ok(1)
}

fn debug(_stack: &mut Stack, _frame: &Frame) -> Outcome {
    Ok(0)
}
