//! A request's words, borrowed from the bytes they arrived in.
//!
//! [`Args`] is 4 machine words and `Copy`, so it is passed by value. [`OwnedArgs`] keeps the same
//! shape in memory of its own, for requests that outlive their bytes: inline
//! commands, queued transactions, messages to another core.

/// Where a word lies, relative to the request's first byte.
///
/// 32 bits each: a request is at most 4 GiB, which [`Limits`](super::Limits) enforces.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

/// The words of one request; word 0 is the command's name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// `spans` lie within `bytes`; a word whose span does not panics when it is read.
    #[inline]
    pub fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans }
    }

    /// Number of words, the name included.
    #[inline]
    pub fn len(self) -> usize {
        self.spans.len()
    }

    /// Whether there is no word at all.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// The word at `index`. Panics beyond the last: arity is checked before a handler runs.
    #[inline]
    pub fn get(self, index: usize) -> &'a [u8] {
        self.word(self.spans[index])
    }

    /// The command's name as sent.
    #[inline]
    pub fn name(self) -> &'a [u8] {
        self.get(0)
    }

    /// All words in order.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone {
        self.spans.iter().map(move |&span| self.word(span))
    }

    /// The words from `from` on; none if there are not so many.
    #[inline]
    pub fn tail(self, from: usize) -> Args<'a> {
        Args {
            bytes: self.bytes,
            spans: self.spans.get(from..).unwrap_or_default(),
        }
    }

    /// The first `len` words; all if there are not so many.
    #[inline]
    pub fn head(self, len: usize) -> Args<'a> {
        Args {
            bytes: self.bytes,
            spans: &self.spans[..len.min(self.spans.len())],
        }
    }

    /// Whether the word at `index` exists and equals `word` but for ASCII case.
    #[inline]
    pub fn is(self, index: usize, word: &[u8]) -> bool {
        self.spans
            .get(index)
            .is_some_and(|&span| self.word(span).eq_ignore_ascii_case(word))
    }

    /// The bytes the spans point into.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Where the words lie in [`Args::bytes`].
    #[inline]
    pub fn spans(self) -> &'a [Span] {
        self.spans
    }

    #[inline]
    fn word(self, span: Span) -> &'a [u8] {
        let start = span.start as usize;
        &self.bytes[start..start + span.len as usize]
    }
}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.iter().map(String::from_utf8_lossy))
            .finish()
    }
}

/// A request's words in memory of its own.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct OwnedArgs {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl From<Args<'_>> for OwnedArgs {
    /// Copies the words, into memory that is asked for once.
    fn from(args: Args<'_>) -> Self {
        let bytes = args.spans.iter().map(|span| span.len as usize).sum();
        let mut owned = OwnedArgs {
            bytes: Vec::with_capacity(bytes),
            spans: Vec::with_capacity(args.len()),
        };
        args.iter().for_each(|word| owned.push(word));
        owned
    }
}

impl OwnedArgs {
    /// Copies `words`. Panics if they hold 4 GiB or more together.
    pub fn new<Word: AsRef<[u8]>>(words: impl IntoIterator<Item = Word>) -> Self {
        let mut owned = Self::default();
        for word in words {
            owned.push(word.as_ref());
        }
        owned
    }

    /// Adds one word at the end. Panics if all words reach 4 GiB.
    pub fn push(&mut self, word: &[u8]) {
        let fits = "a request is below 4 GiB";
        self.spans.push(Span {
            start: u32::try_from(self.bytes.len()).expect(fits),
            len: u32::try_from(word.len()).expect(fits),
        });
        self.bytes.extend_from_slice(word);
    }

    /// Takes all words out; their memory is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }

    /// The words, borrowed.
    #[inline]
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }

    /// Bytes of memory the words and their spans use.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_by_index_and_compared_without_case() {
        let owned = OwnedArgs::new(["set", "key", "", "Ex"]);
        let args = owned.args();
        assert_eq!(args.len(), 4);
        assert_eq!(args.name(), b"set");
        assert_eq!(args.get(2), b"");
        assert!(args.is(3, b"EX"));
        assert!(!args.is(3, b"EXA"));
        assert!(!args.is(4, b"EX"));
    }

    #[test]
    fn tail_beyond_the_end_is_empty() {
        let owned = OwnedArgs::new(["get", "key"]);
        assert_eq!(owned.args().tail(1).get(0), b"key");
        assert!(owned.args().tail(2).is_empty());
        assert!(owned.args().tail(9).is_empty());
    }
}
