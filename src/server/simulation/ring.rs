//! A ring without a kernel: what a core asked for is kept until the network
//! answers.

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::time::Duration;

use crate::runtime::core::{BufferId, End, Event, Kernel, Token};

/// See the module.
#[derive(Default)]
pub(super) struct ImaginedRing {
    /// What has happened and was not reaped.
    events: Vec<Event>,
    /// Received bytes that were not given back, by buffer.
    received: BTreeMap<u16, Vec<u8>>,
    next_buffer: u16,
    /// Armed receives, and those that are to end.
    receiving: Vec<Token>,
    stopping: Vec<Token>,
    sending: Vec<(Token, Vec<u8>)>,
    /// What decides whether a turn looks at its mail in its midst.
    haste: u64,
    /// Cores that were rung at.
    pub(super) woken: Vec<usize>,
}

impl ImaginedRing {
    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Somebody rings at this core.
    pub(super) fn ring_bell(&mut self) {
        self.events.push(Event::Rung);
    }

    pub(super) fn is_receiving(&self, token: Token) -> bool {
        self.receiving.contains(&token)
    }

    pub(super) fn is_stopping(&self, token: Token) -> bool {
        self.stopping.contains(&token)
    }

    pub(super) fn is_sending(&self, token: Token) -> bool {
        self.sending.iter().any(|(of, _)| *of == token)
    }

    /// Bytes arrive at an armed receive.
    pub(super) fn arrive(&mut self, token: Token, bytes: Vec<u8>) {
        assert!(self.is_receiving(token));
        self.next_buffer = self.next_buffer.wrapping_add(1);
        let buffer = BufferId(self.next_buffer);
        let len = bytes.len();
        self.received.insert(buffer.0, bytes);
        self.events.push(Event::Received { token, buffer, len });
    }

    /// A receive ends, if it is armed.
    pub(super) fn end_receive(&mut self, token: Token, end: End) {
        if self.is_receiving(token) {
            self.receiving.retain(|other| *other != token);
            self.stopping.retain(|other| *other != token);
            self.events.push(Event::ReceiveEnded { token, end });
        }
    }

    /// A send is over: what went out, which is nothing if the line is broken.
    pub(super) fn end_send(&mut self, token: Token, whole: bool) -> Vec<u8> {
        let Some(at) = self.sending.iter().position(|(of, _)| *of == token) else {
            return Vec::new();
        };
        let (_, buffer) = self.sending.remove(at);
        let out = if whole { buffer.clone() } else { Vec::new() };
        self.events.push(Event::Sent {
            token,
            buffer,
            whole,
        });
        out
    }

    /// Whether nothing that a core asked for is left.
    pub(super) fn is_quiet(&self) -> bool {
        self.received.is_empty() && self.receiving.is_empty() && self.sending.is_empty()
    }
}

impl Kernel for ImaginedRing {
    fn accept(&mut self, _: RawFd, _: Token) {
        unreachable!("the world brings clients to their cores");
    }

    fn receive(&mut self, _: RawFd, token: Token) {
        assert!(!self.is_receiving(token), "a receive is armed once");
        self.receiving.push(token);
    }

    fn stop_receiving(&mut self, token: Token) {
        self.stopping.push(token);
    }

    fn send(&mut self, _: RawFd, token: Token, buffer: Vec<u8>) {
        assert!(!self.is_sending(token), "one send of a session at a time");
        assert!(!buffer.is_empty(), "something is sent");
        self.sending.push((token, buffer));
    }

    fn wake(&mut self, descriptor: RawFd) {
        self.woken.push(descriptor as usize);
    }

    fn enter(&mut self, _: Option<Duration>) {}

    fn reap(&mut self, events: &mut Vec<Event>) {
        events.append(&mut self.events);
    }

    fn bytes(&self, buffer: BufferId, len: usize) -> &[u8] {
        &self.received[&buffer.0][..len]
    }

    fn recycle(&mut self, buffer: BufferId) {
        let given = self.received.remove(&buffer.0);
        assert!(given.is_some(), "a buffer is given back once");
    }

    fn hush(&mut self) {}

    fn is_hasty(&mut self) -> bool {
        // Knuth's linear congruential generator: the same for the same turns.
        self.haste = self.haste.wrapping_mul(6_364_136_223_846_793_005);
        self.haste = self.haste.wrapping_add(1);
        self.haste >> 62 == 0
    }
}
