//! Errors: as tables in Lua, and as the line a client reads.

use super::raw::{Kind, Stack};
use crate::resp::Reply;

/// How a run ended, for whoever counts. The reply is written in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The script returned a value that is no error.
    Returned,
    /// The script failed or returned an error; it is of its own making.
    Failed,
    /// The same with the error of a command, which was counted when that failed.
    FailedAtCommand,
}

/// The field of errors that were counted when a command failed.
const COUNTED: &str = "ignore_error_stats_update";

/// Pushes an error with stock's rule for codes: after a dash, the first of several words is one;
/// all else gets `ERR`.
pub(super) fn push_error(stack: &mut Stack, text: &[u8]) {
    let line = with_code(text);
    stack.push_table(0, 4);
    stack.push_bytes(&line);
    stack.set_field(-2, "err");
}

/// Pushes the error reply of a command, without its dash.
pub(super) fn push_command_error(stack: &mut Stack, line: &[u8]) {
    push_error(stack, &[b"-", line].concat());
    stack.push_bool(true);
    stack.set_field(-2, COUNTED);
}

fn with_code(text: &[u8]) -> Vec<u8> {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let end = text.iter().rposition(|byte| !is_line_end(byte));
    let text = &text[..end.map_or(0, |end| end + 1)];
    match text.strip_prefix(b"-") {
        Some(line) if line.contains(&b' ') => line.to_vec(),
        Some(line) => [b"ERR ", line].concat(),
        None => [b"ERR ", text].concat(),
    }
}

/// The text of the error at the top.
pub(super) fn text(stack: &mut Stack) -> Vec<u8> {
    let text = match stack.raw_field(-1, "err") {
        Kind::String => stack.bytes(-1).unwrap_or_default().to_vec(),
        _ => b"ERR unknown error".to_vec(),
    };
    stack.pop(1);
    text
}

/// What the value at the top says of the run that returned it.
pub(super) fn of_returned(stack: &mut Stack) -> Verdict {
    if stack.kind(-1) != Kind::Table {
        return Verdict::Returned;
    }
    let table = stack.top();
    let is_error = stack.raw_field(table, "err") == Kind::String;
    stack.raw_field(table, COUNTED);
    let counted = stack.truth(-1);
    stack.set_top(table);
    match (is_error, counted) {
        (false, _) => Verdict::Returned,
        (true, false) => Verdict::Failed,
        (true, true) => Verdict::FailedAtCommand,
    }
}

/// Writes the error at the top. It is said where it happened, if that is known. `name` is what ran: a script's digest or a function's name.
pub(super) fn write(stack: &mut Stack, name: &[u8], reply: &mut Reply<'_>) -> Verdict {
    let error = stack.top();
    let mut line = text(stack);
    let has_source = stack.raw_field(error, "source") == Kind::String;
    let has_line = stack.raw_field(error, "line") == Kind::Number;
    if has_source && has_line {
        line.extend_from_slice(b" script: ");
        line.extend_from_slice(name);
        line.extend_from_slice(b", on ");
        line.extend_from_slice(stack.bytes(-2).unwrap_or_default());
        line.extend_from_slice(format!(":{}.", stack.number(-1).unwrap_or(0.0)).as_bytes());
    }
    stack.raw_field(error, COUNTED);
    let counted = stack.truth(-1);
    stack.set_top(error);
    reply.error_bytes(&line);
    if counted {
        Verdict::FailedAtCommand
    } else {
        Verdict::Failed
    }
}
