//! SHUTDOWN.

use crate::command::errand::{Errand, Saving, Shutdown};
use crate::command::scene::Node;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[SHUTDOWN];

const SHUTDOWN: Command = Command {
    spec: Spec {
        name: "SHUTDOWN",
        usage: "[save-selector=(NOSAVE | SAVE)] [NOW{7.0.0}] [FORCE{7.0.0}] [ABORT{7.0.0}]",
        summary: "Saves the data if configured, and ends the server.",
        since: "1.0.0",
        cost: "O(N) when saving, with N the number of keys in all databases, else O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::NO_MULTI)
            .and(Flags::ALLOW_BUSY),
        history: &[("7.0.0", "NOW, FORCE and ABORT.")],
        ..Spec::PLAIN
    },
    run: Run::Node(shutdown),
};

/// How to end.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word a client may say"
)]
struct Manner {
    save: bool,
    nosave: bool,
    now: bool,
    force: bool,
    abort: bool,
}

/// Ends the node; who asked gets no reply but the end of the connection, or
/// hears why it goes on.
fn shutdown(node: &mut Node<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let manner = manner(args)?;
    if manner.abort {
        node.errand = Some(Errand::AbortShutdown);
        return Ok(());
    }
    let save = match (manner.save, manner.nosave) {
        (true, _) => Saving::Asked,
        (_, true) => Saving::Never,
        (false, false) => Saving::IfConfigured,
    };
    // What it would save is away, and may stay so for ever.
    if let Some(refusal) = node.busy.take_if(|_| save != Saving::Never) {
        return Err(refusal);
    }
    node.errand = Some(Errand::Shutdown(Shutdown {
        save,
        now: manner.now,
        force: manner.force,
    }));
    Ok(())
}

fn manner(args: Args<'_>) -> Result<Manner, Refusal> {
    let mut manner = Manner::default();
    for index in 1..args.len() {
        let words: [(&[u8], &mut bool); 5] = [
            (b"save", &mut manner.save),
            (b"nosave", &mut manner.nosave),
            (b"now", &mut manner.now),
            (b"force", &mut manner.force),
            (b"abort", &mut manner.abort),
        ];
        let said = words.into_iter().find(|(word, _)| args.is(index, word));
        let (_, is_said) = said.ok_or(Refusal::Syntax)?;
        *is_said = true;
    }
    let any = manner.save || manner.nosave || manner.now || manner.force;
    if manner.abort && any || manner.save && manner.nosave {
        return Err(Refusal::Syntax);
    }
    Ok(manner)
}

#[cfg(test)]
mod tests {
    use super::manner;
    use crate::resp::OwnedArgs;

    #[test]
    fn words_that_contradict_each_other_are_refused() {
        let check = |words: &str, is_sound: bool| {
            let owned = OwnedArgs::new(words.split(' '));
            assert_eq!(manner(owned.args()).is_ok(), is_sound, "{words}");
        };
        check("SHUTDOWN", true);
        check("SHUTDOWN nosave Now FORCE", true);
        check("SHUTDOWN NOSAVE NOSAVE", true);
        check("SHUTDOWN ABORT", true);
        check("SHUTDOWN SAVE NOSAVE", false);
        check("SHUTDOWN ABORT NOW", false);
        check("SHUTDOWN FOO", false);
    }
}
