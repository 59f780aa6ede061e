//! The snapshot is what there was at the cut, whatever happens until it is written.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};

use super::super::stream::{AtCut, Message, Stream};
use super::super::writer::{Parts, Target, Writer, Written};
use super::play::{DATABASES, Play};
use bytes::Bytes;

use crate::base::Random;
use crate::config::Settings;
use crate::keyspace::{Clock, Lifetime, Overdue, Touch};
use crate::memory::Walked;
use crate::runtime::core::Bell;
use crate::runtime::funnel::{Lane, funnel};
use crate::server::save::{Manner, sizes};
use crate::snapshot::{
    Checksum, Dialect, FilePart, FileReader, FileWriter, Header, Kind, Pieces, RawRecord, Restored,
    Sizes,
};
use crate::value::{Compound, Rules};

/// Streams' numbers begin here, so that none is taken for a database's.
const FIRST: usize = 100;

/// A target in memory.
struct Memory(mpsc::Sender<Vec<u8>>);

impl Target for Memory {
    fn write(&mut self, bytes: Bytes, _: &dyn Fn() -> bool) -> Result<(), String> {
        self.0.send(bytes.to_vec()).map_err(|_| "full".to_owned())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }
}

/// A key as a file has it: deadline, type, name and value.
type Saved = (Option<u64>, Kind, Vec<u8>);

/// By database and name.
type Keys = BTreeMap<(usize, Vec<u8>), Saved>;

/// A value, so that its bytes are the same whatever order its elements stand in, if
/// they have none.
fn without_order(record: &RawRecord<'_>) -> Vec<u8> {
    if record.kind == Kind::Text {
        // It may be compressed or not.
        let (_, value) = record.decode(&Rules::DEFAULT).expect("it is a value");
        let Restored::Text(text) = value else {
            panic!("it is a text");
        };
        return text.into_owned();
    }
    if !matches!(
        record.kind,
        Kind::HashTexts | Kind::HashDeadlines | Kind::SetTexts | Kind::SortedSetDoubles
    ) {
        return record.body.to_vec();
    }
    let (_, value) = record.decode(&Rules::DEFAULT).expect("it is a value");
    let Restored::Compound(compound) = value else {
        panic!("these types are of compounds");
    };
    let mut elements = Vec::new();
    match &compound {
        Compound::Hash(hash) => hash.each_with_deadline(0, |field, value, deadline| {
            elements.push(format!("{field:?} {value:?} {deadline:?}"));
        }),
        Compound::Set(set) => set
            .iter()
            .for_each(|member| elements.push(format!("{member:?}"))),
        Compound::SortedSet(set) => set.visit_all(|score, member| {
            elements.push(format!("{:x} {member:?}", score.to_bits()));
        }),
        Compound::List(_) | Compound::Stream(_) => panic!("these types have an order"),
    }
    elements.sort_unstable();
    elements.join("\n").into_bytes()
}

fn keys_of(file: &[u8], dice: &mut Random) -> Keys {
    let mut reader = FileReader::new(file.len() as u64, DATABASES, Checksum::On);
    let mut keys = Keys::new();
    let mut rest = file;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(1 + dice.below(100_000) as usize));
        reader.on_bytes(now);
        rest = later;
        while let Some(part) = reader.next_part().expect("the file is right") {
            if let FilePart::Record(record) = part {
                let name = record.key().expect("a key has a name").into_owned();
                let saved = (record.deadline, record.kind, without_order(&record));
                let twice = keys.insert((record.database, name), saved);
                assert!(twice.is_none(), "a key is there once: {twice:?}");
            }
        }
    }
    reader.on_end().expect("the file is whole");
    keys
}

/// The file of some shards as they are.
fn copy_of(plays: &[Play], manner: &Manner) -> Vec<u8> {
    let (send, queue) = mpsc::channel();
    let mut pieces = Pieces::new(|piece| send.send(piece).expect("it is received"));
    let clock = Clock {
        now: 0,
        touch: Touch::Leave,
        overdue: Overdue::Left,
    };
    for index in 0..DATABASES {
        pieces.select(index);
        for play in plays {
            let database = play.keyspace.db(index);
            database.scan(0, usize::MAX, &clock, |found| {
                manner.write(&mut pieces, found);
            });
        }
    }
    pieces.flush();
    let mut writer = FileWriter::new(Checksum::On, sizes_of(plays));
    let mut file = writer.begin(&Header {
        dialect: Dialect::FieldDeadlines,
        redis_version: "7.2.4",
        basalt_version: "0.1.0",
        created: 0,
        used_memory: 0,
        history: None,
        lineage: None,
        is_aof_base: false,
        functions: &[],
    });
    for piece in queue.try_iter() {
        file.extend(writer.before(&piece));
        file.extend(&piece.bytes);
    }
    file.extend(writer.end(None));
    file
}

/// A snapshot under way.
pub(super) struct Snapshot {
    pub(super) writer: Writer,
    file: mpsc::Receiver<Vec<u8>>,
    expected: Keys,
    /// It holds nothing of this lane but streams.
    pub(super) lane: Lane<Message>,
}

fn sizes_of(plays: &[Play]) -> Vec<Sizes> {
    sizes(plays.iter().map(|play| &*play.keyspace))
}

/// Makes a cut, of shards whose cores have a lane each.
pub(super) fn begin(plays: &mut [Play], manner: &Arc<Manner>, room: usize) -> Snapshot {
    let copy = copy_of(plays, manner);
    let expected = keys_of(&copy, &mut plays[0].dice);
    let (mut lanes, funnel) = funnel(plays.len(), room);
    let (send, file) = mpsc::channel();
    let writer = Writer::new(Parts {
        funnel,
        target: Box::new(Memory(send)),
        manner: Arc::clone(manner),
        bells: vec![Bell::from_descriptor(-1); plays.len()],
        persistence: Arc::default(),
        offset: None,
    });
    let cut = AtCut {
        sizes: sizes_of(plays),
        dialect: Dialect::FieldDeadlines,
        functions: Vec::new(),
        used_memory: 0,
        streams: plays.len() * DATABASES,
    };
    lanes[0].hand_on(Message::Cut(Box::new(cut)), 0);
    for (core, play) in plays.iter_mut().enumerate() {
        play.keyspace.begin_cut(|index| {
            let number = FIRST + core * DATABASES + index;
            Stream::new(number, index, lanes[core].clone(), Arc::clone(manner))
        });
    }
    Snapshot {
        writer,
        file,
        expected,
        lane: lanes.remove(0),
    }
}

/// Lets things happen until the snapshot is written, and compares.
fn attack(plays: &mut [Play], mut snapshot: Snapshot) {
    let dice = &mut plays[0].dice;
    let (violence, pace) = (dice.below(12), 1 + dice.below(8) as usize);
    let violates_giants = dice.below(2) == 0;
    let mut is_whole = false;
    for turn in 0.. {
        assert!(turn < 1_000_000, "the snapshot comes to no end");
        for _ in 0..violence {
            if violates_giants && plays[0].dice.below(20) > 0 {
                plays.iter_mut().for_each(Play::touch_giant);
            } else {
                act(plays);
            }
        }
        for play in &mut *plays {
            let walked = play.keyspace.walk_cut(pace);
            if walked == Walked::Over {
                assert!(!play.keyspace.is_cut());
                play.free_discarded(pace);
            }
            if walked == Walked::Waits || play.dice.below(3) == 0 || walked == Walked::Over {
                is_whole |= snapshot.writer.catch_up().expect("nothing fails");
            }
        }
        if is_whole {
            break;
        }
    }
    end(snapshot, &mut plays[0].dice);
}

/// Something happens on some shard, or a value goes from one to another.
fn act(plays: &mut [Play]) {
    let shards = plays.len() as u64;
    let dice = &mut plays[0].dice;
    let (from, to) = (dice.below(shards) as usize, dice.below(shards) as usize);
    if from == to || dice.below(20) > 0 {
        return plays[from].act();
    }
    if let Some(value) = plays[from].take() {
        plays[to].put(value);
    }
}

/// Ends one of which all is written, and compares.
pub(super) fn end(snapshot: Snapshot, dice: &mut Random) {
    let Written { keys, bytes } = snapshot.writer.finish().expect("nothing is missing");
    let file: Vec<u8> = snapshot.file.try_iter().flatten().collect();
    assert_eq!(bytes, file.len() as u64);
    let found = keys_of(&file, dice);
    assert_eq!(keys, found.len() as u64);
    assert_same(&snapshot.expected, &found);
}

fn assert_same(expected: &Keys, found: &Keys) {
    for (key, saved) in expected {
        let name = key.1.escape_ascii();
        let found = found.get(key);
        let found = found.unwrap_or_else(|| panic!("{name} of {} is missing", key.0));
        assert!(found == saved, "{name} of {} is another", key.0);
    }
    assert_eq!(expected.len(), found.len(), "keys came after the cut");
}

fn play(seed: u64) {
    let mut plays = vec![Play::new(seed, "")];
    if seed.is_multiple_of(3) {
        plays.push(Play::new(seed + (1 << 40), "other:"));
    }
    let mut dice = Random::new(seed + (2 << 40));
    let mut manner = Manner::of(&Settings::default());
    // Values are soon large enough to be kept apart.
    manner.large = [200, 2_000, 20_000, usize::MAX][dice.below(4) as usize];
    manner.long = [1_000, 10_000, 1 << 20][dice.below(3) as usize];
    manner.paged = [3_000, 30_000, 1 << 20][dice.below(3) as usize];
    manner.compressed_max = [10_000, 1 << 20][dice.below(2) as usize];
    let manner = Arc::new(manner);
    for _ in 0..dice.below(2_000) {
        act(&mut plays);
    }
    if dice.below(2) == 0 {
        plays.iter_mut().for_each(Play::feed_giants);
    }
    for _ in 0..1 + dice.below(3) {
        let most = [300_000, 20_000][dice.below(2) as usize];
        let room = dice.below(most) as usize;
        let mut snapshot = begin(&mut plays, &manner, room);
        if dice.below(4) == 0 {
            // One that is given up half-way leaves nothing behind.
            for _ in 0..dice.below(200) {
                act(&mut plays);
                for play in &mut plays {
                    play.keyspace.walk_cut(1);
                }
            }
            drop(snapshot);
            snapshot = begin(&mut plays, &manner, room);
        }
        attack(&mut plays, snapshot);
    }
}

#[test]
fn a_snapshot_is_what_there_was_at_the_cut() {
    let seeds = std::env::var("SEEDS").ok();
    let few = if cfg!(debug_assertions) { 60 } else { 300 };
    let seeds = seeds.map_or(few, |seeds| seeds.parse().expect("SEEDS is a number"));
    for seed in 0..seeds {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(played.is_ok(), "seed {seed}");
    }
}

#[test]
fn a_record_half_handed_on_does_not_hold_up_what_others_of_its_core_keep() {
    let mut play = Play::new(0, "");
    let clock = Clock {
        now: 1,
        touch: Touch::Leave,
        overdue: Overdue::Left,
    };
    let mut set = |index: usize, name: &str, len: usize| {
        // Nothing that becomes shorter when it is written.
        let text: Vec<u8> = (0..len).map(|_| play.dice.next() as u8).collect();
        let key = play.keyspace.key(name.as_bytes());
        let database = play.keyspace.db_mut(index);
        database.set_owned(key, text, Lifetime::Forever, &clock);
    };
    set(0, "long", 70_000);
    set(0, "{behind}", 10);
    (0..100).for_each(|number| set(1, &format!("other:{number}"), 3_000));
    let slot = |name: &[u8]| crate::base::slot_of(name);
    assert!(slot(b"long") < slot(b"{behind}"), "the long one is first");
    let manner = Arc::new(Manner::of(&Settings::default()));
    let mut snapshot = begin(std::slice::from_mut(&mut play), &manner, 100_000);
    assert_eq!(play.keyspace.walk_cut(1), Walked::GoesOn);
    assert!(!snapshot.writer.catch_up().expect("nothing fails"));
    // More than there is room for is kept before the walk goes on.
    for number in 0..100 {
        let name = format!("other:{number}");
        let key = play.keyspace.key(name.as_bytes());
        play.keyspace.db_mut(1).remove(key, &clock);
    }
    let mut steps = 0..1_000;
    let is_whole = steps.any(|_| {
        play.keyspace.walk_cut(1);
        snapshot.writer.catch_up().expect("nothing fails")
    });
    assert!(is_whole, "the walk waits for room, the writer for the walk");
}
