//! What `ps` and `top` show of the node.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::config::{Settings, title};
use crate::runtime::title::Title;

/// See the module.
pub(super) struct Shown {
    /// None where `set-proc-title` is no, or the system has no room for one.
    place: Option<Title>,
    /// As the program was called.
    program: Vec<u8>,
    now: Vec<u8>,
}

impl Shown {
    /// For a process that has one thread.
    pub(super) fn of(settings: &Settings, program: &[u8]) -> Shown {
        let is_wanted = settings.is_on("set-proc-title");
        Shown {
            place: is_wanted.then(Title::claim).flatten(),
            program: program.to_vec(),
            now: Vec::new(),
        }
    }

    /// Nothing, of a node that is no process.
    #[cfg(test)]
    pub(super) fn nowhere() -> Shown {
        Shown {
            place: None,
            program: Vec::new(),
            now: Vec::new(),
        }
    }

    /// Shows what the settings say.
    pub(super) fn show(&mut self, settings: &Settings, config_file: Option<&Path>) {
        let Some(place) = &mut self.place else { return };
        let file = config_file.map_or(&b""[..], |file| file.as_os_str().as_bytes());
        let title = title(settings, &self.program, file);
        if title != self.now {
            place.show(&title);
            self.now = title;
        }
    }
}
