//! Error replies by their first word, of one core: INFO errorstats.

use std::collections::BTreeMap;

use super::parcel::{Parcel, pack_number, pack_text};

/// Distinct prefixes counted; further ones share `OVERFLOW`, since scripts may
/// make up prefixes without end.
const PREFIXES_MAX: usize = 128;
/// Where errors beyond `PREFIXES_MAX` are counted.
const OVERFLOW: &[u8] = b"ERRORSTATS_OVERFLOW";

/// How often each kind of error was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorStats {
    counts: BTreeMap<Box<[u8]>, u64>,
}

impl ErrorStats {
    /// An error reply; `text` is all of it, with or without the leading `-`.
    pub fn record(&mut self, text: &[u8]) {
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let prefix = text.split(|byte| *byte == b' ').next().unwrap_or(text);
        self.add(prefix, 1);
    }

    /// Writes the counts for another core.
    pub fn pack(&self, out: &mut Vec<u8>) {
        pack_number(out, self.counts.len() as u64);
        for (prefix, count) in &self.counts {
            pack_text(out, prefix);
            pack_number(out, *count);
        }
    }

    /// Adds what another core packed.
    pub fn add_packed(&mut self, parcel: &mut Parcel<'_>) {
        for _ in 0..parcel.number() {
            let prefix = parcel.text();
            self.add(prefix, parcel.number());
        }
    }

    /// Prefixes and how often each was answered, sorted by prefix.
    pub fn counts(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.counts
            .iter()
            .map(|(prefix, count)| (&**prefix, *count))
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        self.counts.clear();
    }

    fn add(&mut self, prefix: &[u8], count: u64) {
        if let Some(known) = self.counts.get_mut(prefix) {
            *known += count;
        } else {
            let is_full = self.counts.len() >= PREFIXES_MAX;
            let counted = if is_full { OVERFLOW } else { prefix };
            *self.counts.entry(counted.into()).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorStats, Parcel};

    #[test]
    fn the_first_word_is_counted() {
        let mut errors = ErrorStats::default();
        errors.record(b"ERR no such key");
        errors.record(b"-ERR syntax error");
        let mut other = ErrorStats::default();
        other.record(b"WRONGTYPE Operation");
        let mut packed = Vec::new();
        other.pack(&mut packed);
        errors.add_packed(&mut Parcel::new(&packed));
        let counts: Vec<_> = errors.counts().collect();
        assert_eq!(counts, [(&b"ERR"[..], 2), (&b"WRONGTYPE"[..], 1)]);
    }

    #[test]
    fn prefixes_are_bounded() {
        let mut errors = ErrorStats::default();
        for number in 0..1000 {
            errors.record(format!("E{number}").as_bytes());
        }
        assert_eq!(errors.counts().count(), 129);
        assert_eq!(errors.counts().map(|(_, count)| count).sum::<u64>(), 1000);
    }
}
