//! What a command leaves to be done again elsewhere: requests, each with its
//! database, as bytes that can be sent as they are.

use bytes::BufMut;

/// The requests that do again what was done, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The requests, one behind the other.
    bytes: Vec<u8>,
    /// Where each ends, and its database.
    ends: Vec<(usize, usize)>,
}

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
        put_request(&mut self.bytes, words);
        self.ends.push((self.bytes.len(), database));
    }

    /// Adds all of `others` behind these.
    pub fn append(&mut self, others: &Effects) {
        for effect in others.iter() {
            self.bytes.extend_from_slice(effect.bytes);
            self.ends.push((self.bytes.len(), effect.database));
        }
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Effect<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |&(end, database)| {
            let bytes = &self.bytes[start..end];
            start = end;
            Effect { database, bytes }
        })
    }

    /// Each by itself.
    pub fn each(&self) -> impl Iterator<Item = Effects> {
        self.iter().map(|effect| Effects {
            bytes: effect.bytes.to_vec(),
            ends: vec![(effect.bytes.len(), effect.database)],
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
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
    use super::Effects;

    #[test]
    fn effects_keep_their_order_and_databases() {
        let words = |words: &'static [&'static str]| words.iter().map(|word| word.as_bytes());
        let mut effects = Effects::default();
        effects.push(3, words(&["DEL", "k"]));
        let mut others = Effects::default();
        others.push(0, words(&["SET", "k", ""]));
        effects.append(&others);
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
