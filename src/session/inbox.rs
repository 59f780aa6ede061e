//! What a client has sent and nobody has run yet.

/// Received bytes, of which those in front are done with one request after the other.
/// They are moved up when they are fewer than what is done with before them, so that a
/// pipeline of many requests that each wait does not move all of its rest for each.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// So many in front are done with.
    done: usize,
}

impl Inbox {
    /// What is to be run.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.done..]
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.done
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory it takes, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes bytes in, behind the others.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Has room for so many more bytes and not for twice as many.
    pub fn reserve(&mut self, more: usize) {
        self.make_room(more);
        self.bytes.reserve_exact(more);
    }

    /// Is done with so many bytes in front.
    pub fn advance(&mut self, bytes: usize) {
        self.done += bytes;
        if self.done >= self.len() {
            self.move_up();
        }
    }

    /// Its bytes, for who needs them alone.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.move_up();
        self.bytes
    }

    fn make_room(&mut self, more: usize) {
        if self.bytes.len() + more > self.bytes.capacity() {
            self.move_up();
        }
    }

    fn move_up(&mut self) {
        self.bytes.drain(..self.done);
        self.done = 0;
    }
}

impl From<Vec<u8>> for Inbox {
    fn from(bytes: Vec<u8>) -> Inbox {
        Inbox { bytes, done: 0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Inbox;

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Reserve(usize),
        Advance(usize),
        Taken,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_usize..300).prop_map(Step::Push),
            (0_usize..3000).prop_map(Step::Reserve),
            (0_usize..200).prop_map(Step::Advance),
            Just(Step::Taken),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_is_not_done(steps in prop::collection::vec(step(), 0..60)) {
            let mut inbox = Inbox::default();
            let mut expected = Vec::new();
            let mut next = 0_u8;
            for step in steps {
                match step {
                    Step::Push(count) => {
                        let bytes: Vec<u8> = (0..count).map(|at| next.wrapping_add(at as u8)).collect();
                        next = next.wrapping_add(7);
                        inbox.push(&bytes);
                        expected.extend_from_slice(&bytes);
                    }
                    Step::Reserve(more) => {
                        inbox.reserve(more);
                        prop_assert!(inbox.capacity() >= inbox.len() + more);
                    }
                    Step::Advance(count) => {
                        let count = count.min(expected.len());
                        inbox.advance(count);
                        expected.drain(..count);
                    }
                    Step::Taken => inbox = Inbox::from(std::mem::take(&mut inbox).into_bytes()),
                }
                prop_assert_eq!(inbox.bytes(), &expected[..]);
                prop_assert_eq!(inbox.len(), expected.len());
                prop_assert_eq!(inbox.is_empty(), expected.is_empty());
            }
        }
    }

    #[test]
    fn many_small_steps_move_less_than_they_pass() {
        let mut inbox = Inbox::from(vec![b'x'; 1 << 20]);
        let mut moved = 0;
        while !inbox.is_empty() {
            let before = inbox.done;
            inbox.advance(100.min(inbox.len()));
            if inbox.done < before {
                moved += inbox.len();
            }
        }
        assert!(moved <= 1 << 20, "{moved}");
    }
}
