//! The keys of a request of several, each asked memory for before the command comes to it.

use crate::keyspace::Key;
use crate::resp::Args;

use super::turn::Turn;

/// Keys of which the memory is on its way at once.
const TOGETHER: usize = 16;

/// Goes over keys among a request's words. While the memory of one key is on its way, that of
/// the next ones is asked for: three steps to each, its slot's table, its bucket, its entry.
pub(super) struct KeysAhead<'k> {
    args: Args<'k>,
    step: usize,
    /// The word of the next key that is not among `keys`.
    word: usize,
    keys: [Key<'k>; TOGETHER],
    at: usize,
    len: usize,
}

impl<'k> KeysAhead<'k> {
    /// Every `step`th word from `first` on.
    pub(super) fn new(args: Args<'k>, first: usize, step: usize) -> KeysAhead<'k> {
        let none = Key {
            bytes: b"",
            slot: 0,
            hash: 0,
        };
        KeysAhead {
            args,
            step,
            word: first,
            keys: [none; TOGETHER],
            at: 0,
            len: 0,
        }
    }

    /// The next key, and its word.
    #[inline]
    pub(super) fn next(&mut self, turn: &mut Turn<'_>) -> Option<(usize, Key<'k>)> {
        if self.at == self.len {
            self.ask(turn);
        }
        let key = *self.keys[..self.len].get(self.at)?;
        self.at += 1;
        let word = self.word - (self.len - self.at + 1) * self.step;
        Some((word, key))
    }

    fn ask(&mut self, turn: &mut Turn<'_>) {
        (self.at, self.len) = (0, 0);
        while self.len < TOGETHER && self.word < self.args.len() {
            self.keys[self.len] = turn.key(self.args, self.word);
            self.word += self.step;
            self.len += 1;
        }
        let keys = &self.keys[..self.len];
        if let [] | [_] = keys {
            // It is looked at next: there is nothing to do meanwhile.
            return;
        }
        keys.iter().for_each(|key| turn.db(key).prefetch_slot(*key));
        keys.iter()
            .for_each(|key| turn.db(key).prefetch_bucket(*key));
        keys.iter()
            .for_each(|key| turn.db(key).prefetch_entry(*key));
    }
}

#[cfg(test)]
mod tests {
    use crate::command::check::Node;

    #[test]
    fn every_key_has_its_turn_and_its_word() {
        for shards in [1, 3] {
            for count in [1, 2, 15, 16, 17, 32, 33, 100] {
                let mut node = Node::new(shards);
                let keys: Vec<String> = (0..count).map(|number| format!("key:{number}")).collect();
                let with = |name: &str, words: Vec<String>| {
                    let mut request = vec![name.to_owned()];
                    request.extend(words);
                    request
                };
                let pairs = keys
                    .iter()
                    .flat_map(|key| [key.clone(), format!("of {key}")]);
                let pairs: Vec<String> = pairs.collect();
                assert_eq!(node.ask(&with("MSETNX", pairs.clone())), b":1\r\n");
                assert_eq!(node.ask(&with("MSETNX", pairs.clone())), b":0\r\n");
                assert_eq!(node.ask(&with("MSET", pairs)), b"+OK\r\n");
                let values = keys.iter().map(|key| format!("of {key}"));
                let values = values.map(|value| format!("${}\r\n{value}\r\n", value.len()));
                let expected = format!("*{count}\r\n{}", values.collect::<String>());
                assert_eq!(node.ask(&with("MGET", keys.clone())), expected.as_bytes());
                let all = format!(":{count}\r\n");
                for name in ["EXISTS", "TOUCH", "DEL"] {
                    assert_eq!(node.ask(&with(name, keys.clone())), all.as_bytes());
                }
                assert_eq!(node.ask(&with("UNLINK", keys.clone())), b":0\r\n");
            }
        }
    }
}
