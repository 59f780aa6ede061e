//! What the functions of one Lua share: the host, the settings of the run, and buffers that are
//! used again by every call.

use std::cell::{Cell, RefCell};

use super::failure;
use super::function::Loading;
use super::host::Pace;
use super::random::Random48;
use super::raw::{HostSlot, Stack};
use crate::resp::{OwnedArgs, Version};

/// Shared by all functions of one Lua.
pub(super) struct Frame {
    /// What a killed run fails with.
    killed_text: Cell<&'static str>,
    pub(super) host: HostSlot,
    /// The version replies of commands have, set by `redis.setresp`; 2 when a run begins.
    pub(super) version: Cell<Version>,
    pub(super) random: Random48,
    /// Set once the host says so, for the rest of the run.
    pub(super) killed: Cell<bool>,
    /// The words of a command, and its reply.
    pub(super) words: RefCell<OwnedArgs>,
    pub(super) reply: RefCell<Vec<u8>>,
    /// The functions that the library under way has registered; nothing if none is loaded.
    pub(super) loading: RefCell<Option<Loading>>,
    /// What a library reads or writes; free when none of its functions runs.
    pub(super) scratch: RefCell<Vec<u8>>,
}

/// Buffers that a large command has grown beyond this are given back.
const KEPT_BYTES: usize = 256 * 1024;

impl Frame {
    pub(super) fn new() -> Self {
        Self {
            killed_text: Cell::new(""),
            host: HostSlot::default(),
            version: Cell::new(Version::Two),
            random: Random48::default(),
            killed: Cell::new(false),
            words: RefCell::default(),
            reply: RefCell::default(),
            loading: RefCell::default(),
            scratch: RefCell::default(),
        }
    }

    /// A run begins, which fails with `killed_text` if it is killed.
    pub(super) fn begin(&self, killed_text: &'static str) {
        self.killed_text.set(killed_text);
        self.killed.set(false);
        self.version.set(Version::Two);
    }

    /// Whether the run is to end, asked in the middle of it.
    pub(super) fn is_killed(&self) -> bool {
        if !self.killed.get() {
            let pace = self.host.ask(|host| host.pace());
            self.killed.set(pace == Some(Pace::Kill));
        }
        self.killed.get()
    }

    /// Pushes the error of a killed run.
    pub(super) fn push_killed(&self, stack: &mut Stack) {
        failure::push_error(stack, self.killed_text.get().as_bytes());
    }

    /// After a run: gives back what one large command has grown.
    pub(super) fn shrink(&self) {
        let mut words = self.words.borrow_mut();
        if words.memory_bytes() > KEPT_BYTES {
            *words = OwnedArgs::default();
        }
        for buffer in [&self.reply, &self.scratch] {
            let mut buffer = buffer.borrow_mut();
            if buffer.capacity() > KEPT_BYTES {
                *buffer = Vec::new();
            }
        }
    }
}
