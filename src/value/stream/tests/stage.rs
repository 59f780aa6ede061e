//! What the tests of streams share: small nodes, and entries told shortly.

use crate::base::Random;
use crate::value::Rules;
use crate::value::listpack::Listpack;
use crate::value::stream::*;

/// Small nodes, so that few entries fill many.
pub(super) const RULES: Rules = Rules {
    stream_node_max_entries: 4,
    stream_node_max_bytes: 120,
    ..Rules::DEFAULT
};

pub(super) type Texts = Vec<Vec<u8>>;

pub(super) fn id(ms: u64, seq: u64) -> Id {
    Id { ms, seq }
}

pub(super) fn add(entries: &mut Entries, id: Id, texts: &[&[u8]], rules: &Rules) {
    entries.add(id, texts.iter().copied(), rules);
}

/// A stream of entries 1-0 to `len`-0 with a field each.
pub(super) fn stream_of(len: u64, rules: &Rules) -> Stream {
    let mut stream = Stream::default();
    for ms in 1..=len {
        add(stream.entries_mut(), id(ms, 0), &[b"f", b"v"], rules);
    }
    stream
}

pub(super) fn listed<'a>(walk: impl Iterator<Item = Entry<'a>>) -> Vec<(Id, Texts)> {
    walk.map(|entry| {
        let texts = entry.fields.flat_map(|(field, value)| [field, value]);
        (entry.id, texts.map(|item| item.to_vec()).collect())
    })
    .collect()
}

pub(super) fn ids(entries: &Entries) -> Vec<u64> {
    entries.iter().map(|entry| entry.id.ms).collect()
}

/// Some fields with values; often the same fields.
pub(super) fn texts(random: &mut Random) -> Texts {
    let names: &[&str] = match random.below(4) {
        0 => &["a"],
        1 => &["a", "longer", "7"],
        _ => &["a", "b"],
    };
    let value = |random: &mut Random| match random.below(3) {
        0 => random.below(1 << 40).to_string().into_bytes(),
        1 => Vec::new(),
        _ => vec![b'x'; random.below(50) as usize],
    };
    names
        .iter()
        .flat_map(|name| [name.as_bytes().to_vec(), value(random)])
        .collect()
}

/// The same stream, its nodes written and read.
pub(super) fn reloaded(stream: &Stream) -> Stream {
    let mut copy = Stream::default();
    for (id, pack) in stream.entries().nodes() {
        let pack = Listpack::from_bytes(pack.bytes()).expect("a node is a listpack");
        let pushed = copy.entries_mut().push_saved(id, pack);
        pushed.expect("a node is taken back");
    }
    let (len, history) = (stream.entries().len(), stream.entries().history());
    let is_true = copy.entries_mut().set_saved(len, history);
    is_true.expect("what is said of the nodes is true");
    assert_eq!(copy.entries().history(), history);
    copy
}
