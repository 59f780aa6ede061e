//! Files: what is written is read, in any cuts; what is cut short or damaged is refused.

use proptest::prelude::*;

use crate::snapshot::*;
use crate::value::Rules;
use crate::value::hash::{Fate, Hash};
use crate::value::list::{End, List};

/// A file of these records, written by so many cores in turns.
fn write(records: &[(usize, Record<'_>)], cores: usize, checksum: Checksum) -> Vec<u8> {
    let mut queues = Vec::new();
    for core in 0..cores {
        let mut queue = Vec::new();
        let mut pieces = Pieces::new(|piece| queue.push(piece));
        for (database, record) in records.iter().skip(core).step_by(cores) {
            pieces.select(*database);
            write_record(&mut pieces, record, Compression::On);
            pieces.end_record();
        }
        pieces.flush();
        queues.push(queue);
    }
    let sizes = vec![Sizes::default(); 16];
    let mut writer = FileWriter::new(checksum, sizes);
    let mut file = writer.begin(&header(Dialect::Common, &[b"#!lua name=f\n".to_vec()]));
    let mut queues: Vec<_> = queues.into_iter().map(Vec::into_iter).collect();
    while queues.iter().any(|queue| queue.len() > 0) {
        for queue in &mut queues {
            for piece in queue.by_ref() {
                file.extend_from_slice(&writer.before(&piece));
                file.extend_from_slice(&piece.bytes);
                if !piece.goes_on {
                    break;
                }
            }
        }
    }
    file.extend_from_slice(&writer.end(None));
    file
}

fn header(dialect: Dialect, functions: &[Vec<u8>]) -> Header<'_> {
    Header {
        dialect,
        redis_version: "7.2.4",
        basalt_version: "0.1.0",
        created: 1_700_000_000,
        used_memory: 1 << 20,
        is_aof_base: false,
        history: None,
        lineage: None,
        functions,
    }
}

/// A key as it was read: database, name, deadline, usage, digest of the value.
type Key = (usize, Vec<u8>, Option<u64>, Usage, String);

#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    keys: Vec<Key>,
    functions: Vec<Vec<u8>>,
    is_whole: bool,
}

fn digest(value: &Restored<'_>) -> String {
    let value = match value {
        Restored::Text(text) => Value::Text(text),
        Restored::Compound(compound) => Value::from(compound),
    };
    digest_of(Digest::default(), value, false).to_string()
}

/// Reads a file given in pieces of so many bytes.
fn read(file: &[u8], cut: usize) -> Result<Read, FileFault> {
    let mut reader = FileReader::new(file.len() as u64, 16, Checksum::On);
    let mut told = Read::default();
    for bytes in file.chunks(cut) {
        reader.on_bytes(bytes);
        while let Some(part) = reader.next_part()? {
            match part {
                FilePart::Record(record) => {
                    let (key, value) = record.decode(&Rules::DEFAULT)?;
                    assert_eq!(record.key(), Ok(key.clone()));
                    let key = key.into_owned();
                    let (deadline, usage) = (record.deadline, record.usage);
                    let entry = (record.database, key, deadline, usage, digest(&value));
                    told.keys.push(entry);
                }
                FilePart::Function(text) => told.functions.push(text.into_owned()),
                FilePart::End { .. } => told.is_whole = true,
                FilePart::Version(_)
                | FilePart::Aux { .. }
                | FilePart::ModuleAux(_)
                | FilePart::Database(_)
                | FilePart::Sizes(_) => {}
            }
        }
    }
    reader.on_end()?;
    Ok(told)
}

/// What is wrong with a file, and where.
fn fault(file: &[u8]) -> (Why, u64, Option<Vec<u8>>) {
    let fault = read(file, 7).expect_err("it is refused");
    (fault.why, fault.at, fault.key)
}

fn text<'a>(key: &'a [u8], value: &'a [u8]) -> Record<'a> {
    Record {
        key,
        value: Value::Text(value),
        deadline: None,
        usage: Usage::Untold,
    }
}

/// The file of a few keys of all sorts, and how many they are.
fn small_file() -> (Vec<u8>, usize) {
    let mut list = List::default();
    list.push(
        End::Back,
        [&b"a"[..], b"70000"].into_iter(),
        &Rules::DEFAULT,
    );
    let mut hash = Hash::default();
    hash.set(b"field", b"value", Fate::Clear, 0, &Rules::DEFAULT);
    let records = [
        (0, text(b"text", b"value")),
        (
            0,
            Record {
                deadline: Some(1_900_000_000_000),
                ..text(b"number", b"-12345")
            },
        ),
        (
            3,
            Record {
                value: Value::List(&list),
                usage: Usage::IdleSeconds(100),
                ..text(b"list", b"")
            },
        ),
        (
            3,
            Record {
                value: Value::Hash(&hash),
                usage: Usage::Frequency(7),
                ..text(b"hash", b"")
            },
        ),
        (15, text(b"long", &[b'x'; 300])),
    ];
    (write(&records, 1, Checksum::On), records.len())
}

#[test]
fn a_file_is_read_in_any_cuts() {
    let (file, keys) = small_file();
    let whole = read(&file, file.len()).expect("it is a file");
    assert!(whole.is_whole);
    assert_eq!(whole.keys.len(), keys);
    assert_eq!(whole.functions, [b"#!lua name=f\n".to_vec()]);
    let (database, key, _, usage, _) = &whole.keys[2];
    assert_eq!((*database, &key[..]), (3, &b"list"[..]));
    assert_eq!(*usage, Usage::IdleSeconds(100));
    assert_eq!(whole.keys[1].2, Some(1_900_000_000_000));
    assert_eq!(whole.keys[4].2, None);
    for cut in 1..64 {
        assert_eq!(read(&file, cut).as_ref(), Ok(&whole), "{cut}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let (file, _) = small_file();
    for end in 0..file.len() {
        for cut in [3, 4096] {
            let fault = read(&file[..end], cut).expect_err("it is cut");
            let is_short = fault.why == Why::Truncated;
            assert!(is_short, "{end}: {fault}");
            assert!(fault.at <= end as u64, "{end}: {fault}");
        }
    }
}

#[test]
fn a_file_with_any_bit_changed_is_refused() {
    let (mut file, _) = small_file();
    for at in 0..file.len() {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            assert!(read(&file, 4096).is_err(), "byte {at}, bit {bit}");
            file[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_file_without_a_sum_is_read() {
    let records = [(0, text(b"k", b"v"))];
    let file = write(&records, 1, Checksum::Off);
    assert!(file.ends_with(&[0; 8]));
    assert_eq!(read(&file, 5).expect("it is a file").keys.len(), 1);
}

#[test]
fn a_big_value_is_handed_on_in_pieces_that_stay_together() {
    let big = (0..200_000_u32)
        .map(|at| at.wrapping_mul(0x9e37_79b9).to_be_bytes()[0])
        .collect::<Vec<u8>>();
    let records: Vec<_> = [b"a", b"b", b"c", b"d"]
        .iter()
        .map(|key| (2, text(&key[..], &big)))
        .collect();
    for cores in 1..4 {
        let file = write(&records, cores, Checksum::On);
        let told = read(&file, 10_000).expect("it is a file");
        let mut names: Vec<_> = told.keys.iter().map(|key| &key.1[..]).collect();
        names.sort_unstable();
        assert_eq!(names, [b"a", b"b", b"c", b"d"]);
        assert!(told.keys.iter().all(|key| key.4 == told.keys[0].4));
    }
    let mut sizes = Vec::new();
    let mut pieces = Pieces::new(|piece| sizes.push((piece.bytes.len(), piece.goes_on)));
    write_record(&mut pieces, &records[0].1, Compression::Off);
    pieces.end_record();
    pieces.flush();
    assert!(sizes.iter().all(|(bytes, _)| *bytes <= PIECE_BYTES));
    assert_eq!(
        sizes
            .iter()
            .map(|(_, goes_on)| *goes_on)
            .collect::<Vec<_>>(),
        [true, true, true, false]
    );
}

/// As Redis 1.2 wrote it: no sum, times in seconds, no word about itself.
#[test]
fn a_file_of_the_first_version_is_read() {
    let file = b"REDIS0001\xfe\x00\xfd\x00\x94\x35\x77\x00\x01k\x01v\x03\x01z\x01\x01a\x031.5\xff";
    let told = read(file, 4).expect("it is a file");
    assert!(told.is_whole);
    assert_eq!(told.keys[0].2, Some(2_000_000_000_000));
    assert_eq!(told.keys[1].2, None);
    // What follows the end is not the file's.
    let more = [&file[..], b"anything"].concat();
    assert_eq!(read(&more, 100), Ok(told));
}

#[test]
fn what_is_foreign_is_named() {
    let at = |header: &[u8], rest: &[u8]| fault(&[header, rest].concat());
    let redis = b"REDIS0011";
    let none = |why, at| (why, at, None);
    assert_eq!(at(b"VALKEY080", b"\xff"), none(Why::Valkey(80), 0));
    assert_eq!(at(b"REDIS0013", b"\xff"), none(Why::Version(13), 0));
    assert_eq!(at(b"REDIS00x1", b"\xff"), none(Why::Version(0), 0));
    assert_eq!(at(b"RABBIT001", b"\xff"), none(Why::NotRdb, 0));
    assert_eq!(at(b"REDIS", b""), none(Why::Truncated, 0));
    let key = |why, at| (why, at, Some(b"k".to_vec()));
    // ReJSON-RL, version 3 of its values.
    let name = [0x81, 0x45, 0xe2, 0x4d, 0x22, 0xdf, 0x8d, 0x17, 0xc3];
    let (why, ..) = at(redis, &[b"\x07\x01k", &name[..], b"\x00\xff"].concat());
    assert!(matches!(why, Why::Module(name) if name.len() == 9));
    assert_eq!(
        at(redis, b"\x16\x01k\x00"),
        key(Why::ReleaseCandidate(22), 9)
    );
    assert_eq!(at(redis, b"\x1a\x01k\x00"), key(Why::UnknownType(26), 9));
    assert_eq!(at(redis, b"\xf6\x01f\x00"), none(Why::OldFunctions, 9));
    let asked = 16;
    let databases = 16;
    let why = Why::NoDatabase { asked, databases };
    assert_eq!(at(redis, b"\xfe\x10"), none(why, 9));
    // A score that is none.
    let bad = Why::BadValue(Kind::SortedSetTexts);
    assert_eq!(at(redis, b"\x03\x01k\x01\x01a\x01xand"), key(bad, 9));
}

#[test]
fn data_of_modules_beside_the_keys_is_stepped_over() {
    let id = b"\x81\x01\x02\x03\x04\x05\x06\x07\x08";
    let parts = b"\x02\x02\x01\x05\x02\x40\x80\x03abcd\x04abcdefgh\x05\xc0\x07\x00";
    let file = [b"REDIS0009\xf7", &id[..], parts, b"\x00\x01k\x01v\xff"].concat();
    let sum = crate::base::crc64(0, &file);
    let file = [&file[..], &sum.to_le_bytes()].concat();
    for cut in 1..20 {
        assert_eq!(read(&file, cut).expect("it is a file").keys.len(), 1);
    }
}

/// A length that the file cannot hold is refused before anything is made for it.
#[test]
fn a_claim_beyond_the_file_is_refused_at_once() {
    let claim = b"REDIS0010\x00\x01k\x81\x00\x00\x00\xff\xff\xff\xff\xffabc";
    let mut reader = FileReader::new(claim.len() as u64, 16, Checksum::On);
    reader.on_bytes(claim);
    assert_eq!(reader.next_part(), Ok(Some(FilePart::Version(10))));
    let fault = reader.next_part().expect_err("it is beyond the file");
    assert_eq!(fault.why, Why::Truncated);
    assert_eq!(fault.key, Some(b"k".to_vec()));
    // A compressed text may not claim more than its bytes can make.
    let claim = b"REDIS0010\x00\x01k\xc3\x03\x81\x00\x00\x00\xff\xff\xff\xff\xffabc\xff12345678";
    assert_eq!(fault_of(claim), Why::BadValue(Kind::Text));
}

fn fault_of(file: &[u8]) -> Why {
    fault(file).0
}

/// A key of each kind, as bytes.
fn file_of_all_kinds() -> Vec<u8> {
    let listpack = b"\x0c\x0c\0\0\0\x02\0\x81a\x02\x05\x01\xff";
    let pairs = b"\x10\x10\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\xf6\xff";
    let deadlines = b"\x15\x15\0\0\0\x06\0\x81a\x02\x05\x01\x64\x01\x81b\x02\x06\x01\x00\x01\xff";
    let id = b"\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01";
    let node = b"\x1d\x1d\0\0\0\x0a\0\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff";
    let pending = [&id[1..], b"\x10\x27\0\0\0\0\0\0\x02"].concat();
    let stream = |first: &[u8], read: &[u8], active: &[u8]| {
        [
            &b"\x01"[..],
            id,
            node,
            b"\x01\x01\x01",
            first,
            b"\x01\x01g\x01\x01",
            read,
            b"\x01",
            &pending,
            b"\x01\x01c\x10\x27\0\0\0\0\0\0",
            active,
            b"\x01",
            &id[1..],
        ]
        .concat()
    };
    let first = b"\x01\x01\x00\x00\x01";
    let kinds: [(u8, Vec<u8>); 21] = [
        (0, b"\x03abc".to_vec()),
        (1, b"\x02\x01a\xc0\x05".to_vec()),
        (2, b"\x02\x01a\x01b".to_vec()),
        (3, b"\x02\x01a\x011\x01b\xfe".to_vec()),
        (4, b"\x01\x01a\x015".to_vec()),
        (5, [&b"\x01\x01b"[..], &2.5_f64.to_le_bytes()].concat()),
        (9, b"\x07\x01\x01a\x01\x005\xff".to_vec()),
        (10, pairs.to_vec()),
        (11, b"\x0c\x02\0\0\0\x02\0\0\0\x05\0\x07\0".to_vec()),
        (12, pairs.to_vec()),
        (13, pairs.to_vec()),
        (14, [&b"\x01"[..], pairs].concat()),
        (15, stream(b"", b"", b"")),
        (16, listpack.to_vec()),
        (17, listpack.to_vec()),
        (18, [&b"\x02\x01\x01z\x02"[..], listpack].concat()),
        (19, stream(first, b"\x01", b"")),
        (20, listpack.to_vec()),
        (21, stream(first, b"\x01", b"\x10\x27\0\0\0\0\0\0")),
        (
            24,
            [
                &100_u64.to_le_bytes()[..],
                b"\x02\x01\x01a\x015\x00\x01b\x016",
            ]
            .concat(),
        ),
        (25, [&100_u64.to_le_bytes()[..], deadlines].concat()),
    ];
    let mut file = b"REDIS0012\xfe\x00".to_vec();
    for (kind, body) in kinds {
        file.extend_from_slice(&[kind, 2, b'k', b'a' + kind]);
        file.extend_from_slice(&body);
    }
    file.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    file
}

/// Without a sum nothing but the values themselves shows what is wrong: it is
/// found or it is as right as before, and where a record ends is never a matter
/// of how the file was cut.
#[test]
fn any_byte_of_any_kind_may_be_changed() {
    let mut file = file_of_all_kinds();
    assert_eq!(read(&file, 4096).map(|told| told.keys.len()), Ok(21));
    for at in 9..file.len() {
        for change in [1 << (at % 8), 0xff] {
            file[at] ^= change;
            let (whole, apart) = (read(&file, 4096), read(&file, 101));
            assert_eq!(whole, apart, "byte {at}, {change:x}");
            file[at] ^= change;
        }
        let cut = read(&file[..at], 4096);
        let why = cut.expect_err("it is cut").why;
        assert_eq!(why, Why::Truncated, "cut at {at}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_file_or_are_refused(
        rest in proptest::collection::vec(any::<u8>(), 0..200),
        version in 1..=12_u16,
        cut in 1..50_usize,
    ) {
        let file = [format!("REDIS{version:04}").as_bytes(), &rest].concat();
        let apart = read(&file, cut);
        let whole = read(&file, file.len());
        prop_assert_eq!(apart.ok(), whole.ok());
    }

    #[test]
    fn any_texts_come_back(
        texts in proptest::collection::btree_map(
            (0..16_usize, proptest::collection::vec(any::<u8>(), 0..40)),
            (proptest::collection::vec(0..4_u8, 0..400), proptest::option::of(any::<u64>())),
            0..30,
        ),
        cores in 1..4_usize,
        cut in 1..3000_usize,
    ) {
        let records: Vec<_> = texts
            .iter()
            .map(|((database, key), (value, deadline))| {
                let deadline = deadline.map(|deadline| deadline >> 1);
                (*database, Record { deadline, ..text(key, value) })
            })
            .collect();
        let file = write(&records, cores, Checksum::On);
        let mut told = read(&file, cut).expect("it is a file").keys;
        told.sort();
        let wanted: Vec<_> = records
            .iter()
            .map(|(database, record)| {
                let digest = digest_of(Digest::default(), record.value, false).to_string();
                (*database, record.key.to_vec(), record.deadline, Usage::Untold, digest)
            })
            .collect();
        prop_assert_eq!(told, wanted);
    }
}
