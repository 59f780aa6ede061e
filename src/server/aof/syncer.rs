//! Syncs a file while it is written on: what comes meanwhile is with the system, so
//! that a process that is killed does not lose it.

use std::fs::File;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::{io, thread};

use crate::runtime::core::Bell;

/// A thread for one file, one sync at a time. It ends when this is dropped, after the
/// sync it is at.
pub(super) struct Syncer {
    files: Sender<File>,
    outcomes: Receiver<io::Result<()>>,
    /// The last ticket of what is being synced.
    ticket: Option<u64>,
}

impl Syncer {
    /// Begins the thread, which rings when a sync is over.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub(super) fn begin(bell: Bell) -> io::Result<Syncer> {
        let (files, asked) = mpsc::channel::<File>();
        let (tell, outcomes) = mpsc::channel();
        let life = move || {
            for file in asked {
                if tell.send(file.sync_data()).is_err() {
                    return;
                }
                bell.ring();
            }
        };
        thread::Builder::new()
            .name("aof-sync".to_owned())
            .spawn(life)?;
        Ok(Syncer {
            files,
            outcomes,
            ticket: None,
        })
    }

    /// Whether a sync goes on.
    pub(super) fn is_at_work(&self) -> bool {
        self.ticket.is_some()
    }

    /// Syncs what is written of a file by now, the last of it with this ticket.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub(super) fn sync(&mut self, file: &File, ticket: u64) -> io::Result<()> {
        assert!(self.ticket.is_none(), "one sync at a time");
        let file = file.try_clone()?;
        self.files.send(file).map_err(io::Error::other)?;
        self.ticket = Some(ticket);
        Ok(())
    }

    /// What came of a sync, and its ticket, when it is over.
    pub(super) fn outcome(&mut self) -> Option<(u64, io::Result<()>)> {
        let ticket = self.ticket?;
        let outcome = match self.outcomes.try_recv() {
            Ok(outcome) => outcome,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(io::Error::other("its thread has ended")),
        };
        self.ticket = None;
        Some((ticket, outcome))
    }
}
