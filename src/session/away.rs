//! What of a session is under way at other cores while the session goes on.

/// A count of it, and whether the session's next request waits for its end.
#[derive(Debug, Default)]
pub struct Away {
    count: u32,
    is_awaited: bool,
}

impl Away {
    /// How much is under way.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    #[must_use]
    pub fn is_any(&self) -> bool {
        self.count > 0
    }

    /// One more goes.
    pub fn go(&mut self) {
        self.count += 1;
    }

    /// The session's next request waits until nothing is under way.
    pub fn await_all(&mut self) {
        self.is_awaited = true;
    }

    /// One is back; `true` if it is the last, and the next request waits for it.
    #[must_use]
    pub fn come_back(&mut self) -> bool {
        self.count -= 1;
        self.count == 0 && std::mem::take(&mut self.is_awaited)
    }
}

#[cfg(test)]
mod tests {
    use super::Away;

    #[test]
    fn the_last_one_lets_who_waits_go_on_once() {
        let mut away = Away::default();
        away.go();
        away.go();
        assert!(!away.come_back());
        away.await_all();
        assert!(away.is_any());
        assert!(away.come_back());
        assert_eq!(away.count(), 0);
        away.go();
        assert!(!away.come_back());
    }
}
