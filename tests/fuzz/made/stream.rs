//! Streams of all three versions: nodes, what they say of their past, groups, consumers.

use super::{FAR_MS, Maker};

/// Entries of a node.
const IN_NODE: u64 = 3;

impl Maker {
    pub(super) fn stream(&mut self, out: &mut Vec<u8>, kind: u64) {
        let nodes = self.below(4);
        self.len(out, nodes);
        for node in 0..nodes {
            let first = self.wrong(1 + node * IN_NODE);
            self.text(out, &id(first));
            let pack = self.node();
            self.text(out, &pack);
        }
        let entries = nodes * IN_NODE;
        self.len(out, entries);
        self.two_lengths(out, entries);
        if kind != 15 {
            self.two_lengths(out, entries.min(1));
            self.two_lengths(out, 0);
            self.len(out, entries);
        }
        let groups = self.below(3);
        self.len(out, groups);
        for group in 0..groups {
            self.text(out, format!("group:{group}").as_bytes());
            self.group(out, kind, entries);
        }
    }

    /// An id whose parts are lengths: this and 0.
    fn two_lengths(&mut self, out: &mut Vec<u8>, ms: u64) {
        self.len(out, ms);
        self.len(out, 0);
    }

    /// A node whose first entry's id is the node's: the fields of its head, then entries with and
    /// without fields of their own.
    fn node(&mut self) -> Vec<u8> {
        let mut items = [IN_NODE, 0, 1].map(|number| self.wrong(number)).to_vec();
        let mut texts = Vec::new();
        let say = |items: &mut Vec<u64>, texts: &mut Vec<Vec<u8>>| {
            texts.extend(
                items
                    .drain(..)
                    .map(|number| number.to_string().into_bytes()),
            );
        };
        say(&mut items, &mut texts);
        texts.push(b"field".to_vec());
        items.push(self.wrong(0));
        for at in 0..IN_NODE {
            let has_own = self.below(2) == 0;
            items.extend([if has_own { 0 } else { 2 }, at, 0].map(|number| self.wrong(number)));
            if has_own {
                items.push(self.wrong(1));
            }
            say(&mut items, &mut texts);
            if has_own {
                texts.push(b"other".to_vec());
            }
            texts.push(self.element(at));
            // How many items this entry has.
            items.push(self.wrong(if has_own { 6 } else { 4 }));
        }
        say(&mut items, &mut texts);
        self.listpack(&texts)
    }

    fn group(&mut self, out: &mut Vec<u8>, kind: u64, entries: u64) {
        self.two_lengths(out, entries);
        if kind != 15 {
            self.len(out, entries);
        }
        let pending = self.below(entries + 1);
        self.len(out, pending);
        for at in 0..pending {
            out.extend_from_slice(&id(self.wrong(1 + at)));
            out.extend_from_slice(&self.wrong(FAR_MS).to_le_bytes());
            self.len(out, 1 + at);
        }
        let consumers = if pending > 0 { 2 } else { self.below(3) };
        self.len(out, consumers);
        for consumer in 0..consumers {
            self.text(out, format!("consumer:{consumer}").as_bytes());
            out.extend_from_slice(&self.wrong(FAR_MS).to_le_bytes());
            if kind == 21 {
                out.extend_from_slice(&self.wrong(FAR_MS).to_le_bytes());
            }
            let own = (0..pending).filter(|at| at % 2 == consumer);
            self.len(out, own.clone().count() as u64);
            for at in own {
                out.extend_from_slice(&id(self.wrong(1 + at)));
            }
        }
    }
}

fn id(ms: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&ms.to_be_bytes());
    bytes
}
