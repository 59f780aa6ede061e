//! What the HELP of a container replies.

use crate::resp::{Outcome, Reply};

/// The reply of HELP: `lines` of two levels, the second indented by four.
pub(super) fn print(reply: &mut Reply<'_>, container: &str, lines: &[&str]) -> Outcome {
    reply.array(lines.len() + 3);
    reply.simple(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    for line in lines.iter().chain(&["HELP", "    Print this text."]) {
        reply.simple(line);
    }
    Ok(())
}
