//! A full synchronisation on its way in: from the primary's bytes to keyspaces
//! that every core may be given.
//!
//! The bytes go into a file that is loaded when it is whole, or to the loader
//! as they come. Either way the loader fills keyspaces that nobody serves from;
//! what was here is let go before, or goes when they take its place.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use crate::keyspace::Keyspace;
use crate::runtime::core::Bell;

use super::load::{Manner, Source};
use super::loading::{Loading, Whole};

/// Pieces that the loader may be behind.
const PIECES_AHEAD: usize = 16;

/// What becomes of the data that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It goes before the new is loaded; clients hear LOADING.
    Cleared,
    /// It goes when the new is loaded; clients hear LOADING.
    Kept,
    /// The same, and clients are served from it.
    Served,
}

/// See the module.
#[derive(Default)]
pub(super) enum Resync {
    #[default]
    None,
    /// Into a file.
    Written { file: File, path: PathBuf },
    /// The file is whole, or the loader waits: what was here is being let go.
    Clearing { source: Option<Source> },
    /// To the loader.
    Fed(Feed),
    /// All of it is with the loader.
    Loading(Loading),
    /// It is loaded, and every core is asked for its shard.
    Whole(Box<Whole>),
}

/// A loader and what it is given.
pub(super) struct Feed {
    loading: Loading,
    send: SyncSender<Vec<u8>>,
    /// Pieces for which there was no room.
    held: VecDeque<Vec<u8>>,
    is_whole: bool,
}

impl Resync {
    /// Into a file of the working directory.
    pub(super) fn written(now_ms: u64) -> io::Result<Resync> {
        let name = format!("temp-{}.{}.rdb", now_ms / 1000, std::process::id());
        let path = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&path)?;
        Ok(Resync::Written { file, path })
    }

    /// To a loader.
    pub(super) fn fed(
        total: Option<u64>,
        keyspaces: Vec<Keyspace>,
        freed: Vec<Keyspace>,
        manner: Manner,
        bell: Bell,
    ) -> Result<Resync, String> {
        let (send, receive) = sync_channel(PIECES_AHEAD);
        let source = Source {
            bytes: Box::new(Pieces {
                receive,
                piece: Vec::new(),
                at: 0,
                bell,
            }),
            total: total.unwrap_or(u64::MAX),
            name: "the primary's data".to_owned(),
        };
        let loading = Loading::begin(source, (keyspaces, freed), manner, bell)?;
        Ok(Resync::Fed(Feed {
            loading,
            send,
            held: VecDeque::new(),
            is_whole: false,
        }))
    }

    /// Takes a piece in.
    pub(super) fn on_piece(&mut self, piece: Vec<u8>) -> io::Result<()> {
        match self {
            Resync::Written { file, .. } => file.write_all(&piece),
            Resync::Fed(feed) => {
                feed.held.push_back(piece);
                Ok(())
            }
            // It failed, and nobody wants the rest.
            Resync::None | Resync::Clearing { .. } | Resync::Loading(_) | Resync::Whole(_) => {
                Ok(())
            }
        }
    }

    /// Moves on what there is room for.
    pub(super) fn advance(&mut self) {
        let Resync::Fed(feed) = self else { return };
        while let Some(piece) = feed.held.pop_front() {
            match feed.send.try_send(piece) {
                Ok(()) => {}
                Err(TrySendError::Full(piece)) => {
                    feed.held.push_front(piece);
                    return;
                }
                // The loader has found a fault, and says so.
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
        if feed.is_whole {
            let Resync::Fed(feed) = std::mem::take(self) else {
                unreachable!("it was one");
            };
            *self = Resync::Loading(feed.loading);
        }
    }

    /// No more pieces come: for one that is fed.
    pub(super) fn end_feed(&mut self) {
        if let Resync::Fed(feed) = self {
            feed.is_whole = true;
        }
    }

    /// Whether it is loaded while it is received.
    pub(super) fn is_fed(&self) -> bool {
        matches!(self, Resync::Fed(_))
    }

    /// Whether more pieces would only pile up.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Resync::Fed(feed) if !feed.held.is_empty())
    }

    /// What the loader has come to, if it has.
    pub(super) fn outcome(&self) -> Option<Result<Whole, String>> {
        match self {
            Resync::Fed(Feed { loading, .. }) | Resync::Loading(loading) => {
                loading.outcome.try_recv().ok()
            }
            Resync::None | Resync::Written { .. } | Resync::Clearing { .. } | Resync::Whole(_) => {
                None
            }
        }
    }

    /// Ends it; a file of it goes.
    pub(super) fn abandon(&mut self) {
        if let Resync::Written { path, .. } = std::mem::take(self) {
            // One that stays harms nobody but the disk.
            let _gone = std::fs::remove_file(path).is_ok();
        }
    }
}

/// The file becomes the one of `dbfilename`, and is read from its beginning.
pub(super) fn adopt(mut file: File, path: &Path, name: &Path) -> io::Result<Source> {
    file.sync_all()?;
    std::fs::rename(path, name)?;
    // Another may take the name at any time: this very file is read.
    file.rewind()?;
    Source::of_file((file, name.to_owned())).map_err(io::Error::other)
}

/// Pieces as one sequence of bytes.
struct Pieces {
    receive: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    bell: Bell,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.receive.recv() {
                Ok(piece) => self.piece = piece,
                // It is whole, or will never be.
                Err(_) => return Ok(0),
            }
            self.at = 0;
            // There is room again.
            self.bell.ring();
        }
        let len = out.len().min(self.piece.len() - self.at);
        out[..len].copy_from_slice(&self.piece[self.at..self.at + len]);
        self.at += len;
        Ok(len)
    }
}
