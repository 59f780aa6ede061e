//! A host that writes down what it is asked, and answers what it was told to.

use crate::resp::{Args, Version};
use crate::script::{Effects, Host, LogLevel, Pace, Permission};

#[derive(Default)]
pub(super) struct Scripted {
    /// Every question, in words.
    pub(super) asked: Vec<String>,
    /// The reply to every command; `+OK` if there is none.
    pub(super) reply: Option<&'static [u8]>,
    /// Looks at the time until the script is killed; never if there is no number.
    pub(super) looks_until_kill: Option<u32>,
}

impl Host for Scripted {
    fn call(&mut self, words: Args<'_>, version: Version, reply: &mut Vec<u8>) {
        self.asked.push(format!("{words:?} in {version:?}"));
        reply.extend_from_slice(self.reply.unwrap_or(b"+OK\r\n"));
    }

    fn permission(&mut self, words: Args<'_>) -> Permission {
        self.asked.push(format!("may {words:?}"));
        match words.get(0) {
            b"denied" => Permission::Denied,
            b"unknown" => Permission::Unknown,
            _ => Permission::Granted,
        }
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        let message = String::from_utf8_lossy(message);
        self.asked.push(format!("log {level:?} {message}"));
    }

    fn set_effects(&mut self, effects: Effects) {
        self.asked.push(format!("{effects:?}"));
    }

    fn pace(&mut self) -> Pace {
        match &mut self.looks_until_kill {
            Some(0) => Pace::Kill,
            Some(looks) => {
                *looks -= 1;
                Pace::GoOn
            }
            None => Pace::GoOn,
        }
    }
}
