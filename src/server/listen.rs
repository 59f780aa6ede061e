//! Where connections come in: the listeners of the core that accepts, and how
//! they are changed while the node runs.
//!
//! Each listener has a number of its own, so that what the kernel still says of
//! one that was replaced is told apart.

use std::collections::BTreeMap;

use crate::runtime::core::{Kernel, Listener, Token};

use super::core::Core;

/// Between two tries to accept again.
const REARM_MS: u64 = 100;

/// See the module.
#[derive(Default)]
pub(super) struct Listeners {
    open: BTreeMap<u32, Listener>,
    next: u32,
    /// Those whose accept ended.
    ended: Vec<u32>,
    /// Not before this, in Unix milliseconds.
    rearm_at_ms: u64,
}

impl Listeners {
    pub(super) fn new(listeners: Vec<Listener>) -> Listeners {
        let mut all = Listeners::default();
        for listener in listeners {
            all.add(listener);
        }
        all
    }

    fn add(&mut self, listener: Listener) -> u32 {
        let number = self.next;
        self.next += 1;
        self.open.insert(number, listener);
        number
    }

    /// Whether a connection that this listener took is of a Unix socket. One
    /// that was replaced meanwhile was TCP: only these are.
    pub(super) fn is_unix(&self, number: u32) -> bool {
        self.open.get(&number).is_some_and(|open| !open.is_tcp())
    }

    /// When the next try to accept again is due.
    pub(super) fn due_ms(&self) -> Option<u64> {
        (!self.ended.is_empty()).then_some(self.rearm_at_ms)
    }

    /// The kernel takes no more connections of this one.
    pub(super) fn on_ended(&mut self, number: u32) {
        if self.open.contains_key(&number) {
            self.ended.push(number);
        }
    }
}

impl<K: Kernel> Core<K> {
    /// Arms the listeners, which one core has.
    pub(super) fn listen(&mut self) {
        let numbers: Vec<u32> = self.work.listeners.open.keys().copied().collect();
        for number in numbers {
            self.arm(number);
        }
    }

    fn arm(&mut self, number: u32) {
        let listener = &self.work.listeners.open[&number];
        let descriptor = listener.descriptor();
        self.ring.accept(descriptor, Token::new(number, 0));
    }

    /// Listens at other addresses, and at no other Unix socket.
    pub(super) fn on_listen(&mut self, listeners: Vec<Listener>) {
        let all = &mut self.work.listeners;
        all.open.retain(|_, listener| !listener.is_tcp());
        for listener in listeners {
            let number = self.work.listeners.add(listener);
            self.arm(number);
        }
    }

    /// Listens again where accepting ended for want of something, after a
    /// while: what was wanted (a descriptor, memory) is not there at once.
    pub(super) fn rearm_listeners(&mut self) {
        let now = self.work.clock.now;
        let all = &mut self.work.listeners;
        if all.ended.is_empty() || now < all.rearm_at_ms {
            return;
        }
        all.rearm_at_ms = now + REARM_MS;
        for number in std::mem::take(&mut all.ended) {
            if self.work.listeners.open.contains_key(&number) {
                self.arm(number);
            }
        }
    }
}
