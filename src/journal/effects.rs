//! What a command leaves to be done again elsewhere: requests, each with its
//! database, as bytes that can be sent as they are.

use bytes::BufMut;

/// The requests that do again what was done, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The requests, one behind the other.
    bytes: Vec<u8>,
    lefts: Vec<Left>,
}

/// Of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    /// Where it ends.
    end: usize,
    database: u32,
    /// Who is left it, one bit each.
    readers: u8,
    /// No command did it: the time of something had come.
    is_by_itself: bool,
}

/// Every reader's bit.
pub const EVERYONE: u8 = u8::MAX;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect<'a> {
    pub database: usize,
    /// A RESP array of bulk strings.
    pub bytes: &'a [u8],
}

impl Effects {
    /// Adds a request of these words.
    pub fn push<'w>(
        &mut self,
        database: usize,
        words: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
    ) {
        self.add(database, words, false);
    }

    /// Adds a request that does what no command did, but time.
    pub fn push_by_itself<'w>(
        &mut self,
        database: usize,
        words: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
    ) {
        self.add(database, words, true);
    }

    fn add<'w>(
        &mut self,
        database: usize,
        words: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
        is_by_itself: bool,
    ) {
        put_request(&mut self.bytes, words);
        self.lefts.push(Left {
            end: self.bytes.len(),
            database: u32::try_from(database).expect("databases are an int in the settings"),
            readers: EVERYONE,
            is_by_itself,
        });
    }

    /// Adds all of `others` behind these. What a command did is for these readers
    /// only, one bit each; what happened by itself is for whom it was.
    pub fn append(&mut self, others: &Effects, readers: u8) {
        for (left, bytes) in others.pieces() {
            let mut left = *left;
            if !left.is_by_itself {
                left.readers &= readers;
            }
            if left.readers != 0 {
                self.bytes.extend_from_slice(bytes);
                left.end = self.bytes.len();
                self.lefts.push(left);
            }
        }
    }

    /// Whether all of these readers are left all of them.
    #[must_use]
    pub fn are_for(&self, readers: u8) -> bool {
        let is_for = |left: &Left| left.readers & readers == readers;
        self.lefts.iter().all(is_for)
    }

    /// Those that are for a reader, by its bit.
    #[must_use]
    pub fn of(&self, reader: u8) -> Effects {
        let mut own = Effects::default();
        for (left, bytes) in self.pieces() {
            if left.readers & reader != 0 {
                own.bytes.extend_from_slice(bytes);
                let end = own.bytes.len();
                own.lefts.push(Left { end, ..*left });
            }
        }
        own
    }

    fn pieces(&self) -> impl Iterator<Item = (&Left, &[u8])> {
        let mut start = 0;
        self.lefts.iter().map(move |left| {
            let bytes = &self.bytes[start..left.end];
            start = left.end;
            (left, bytes)
        })
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Effect<'_>> {
        self.pieces().map(|(left, bytes)| Effect {
            database: left.database as usize,
            bytes,
        })
    }

    /// Each by itself.
    pub fn each(&self) -> impl Iterator<Item = Effects> {
        self.pieces().map(|(left, bytes)| Effects {
            bytes: bytes.to_vec(),
            lefts: vec![Left {
                end: bytes.len(),
                ..*left
            }],
        })
    }

    /// Bytes of all of them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lefts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lefts.is_empty()
    }
}

/// Writes a request as a RESP array of bulk strings.
pub fn put_request<'w>(
    out: &mut impl BufMut,
    words: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
) {
    put_header(out, b'*', words.len());
    for word in words {
        put_header(out, b'$', word.len());
        out.put_slice(word);
        out.put_slice(b"\r\n");
    }
}

fn put_header(out: &mut impl BufMut, kind: u8, number: usize) {
    out.put_u8(kind);
    let mut digits = itoa::Buffer::new();
    out.put_slice(digits.format(number).as_bytes());
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::{EVERYONE, Effects};

    fn words(
        words: &'static [&'static str],
    ) -> impl ExactSizeIterator<Item = &'static [u8]> + Clone {
        words.iter().map(|word| word.as_bytes())
    }

    fn effects_of(command: &'static [&'static str]) -> Effects {
        let mut effects = Effects::default();
        effects.push(0, words(command));
        effects
    }

    #[test]
    fn each_reader_is_left_its_own() {
        let mut unit = Effects::default();
        unit.append(&effects_of(&["INCR", "all"]), EVERYONE);
        assert!(unit.are_for(EVERYONE));
        let mut touched = Effects::default();
        touched.push_by_itself(7, words(&["DEL", "old"]));
        touched.push(7, words(&["SET", "old", "new"]));
        unit.append(&touched, 0);
        assert_eq!(unit.len(), 2, "what happened by itself is for everyone");
        assert!(unit.are_for(EVERYONE));
        unit.append(&effects_of(&["INCR", "one"]), 1);
        unit.append(&effects_of(&["INCR", "two"]), 2);
        assert!(unit.are_for(0) && !unit.are_for(1) && !unit.are_for(3));
        let told = |reader| {
            let own = unit.of(reader);
            let last = |bytes: &[u8]| {
                bytes[..bytes.len() - 2]
                    .rsplit(|byte| *byte == b'\n')
                    .next()
                    .map(<[u8]>::to_vec)
            };
            let each = own.iter().map(|effect| last(effect.bytes).expect("a word"));
            each.map(|word| String::from_utf8(word).expect("text"))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(1), ["all", "old", "one"]);
        assert_eq!(told(2), ["all", "old", "two"]);
        assert_eq!(told(4), ["all", "old"]);
        assert_eq!(
            unit.of(2)
                .iter()
                .map(|effect| effect.database)
                .collect::<Vec<_>>(),
            [0, 7, 0]
        );
    }

    #[test]
    fn effects_keep_their_order_and_databases() {
        let mut effects = Effects::default();
        effects.push(3, words(&["DEL", "k"]));
        let mut others = Effects::default();
        others.push(0, words(&["SET", "k", ""]));
        effects.append(&others, EVERYONE);
        let told: Vec<(usize, &[u8])> = effects
            .iter()
            .map(|effect| (effect.database, effect.bytes))
            .collect();
        assert_eq!(
            told,
            [
                (3, b"*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n".as_slice()),
                (0, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n"),
            ]
        );
    }
}
