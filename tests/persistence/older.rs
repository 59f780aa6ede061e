//! Files of older versions, made by hand from what is known of their format:
//! read as stock reads them.

use std::fs;

use crate::wire::Reply;
use crate::{Side, data_folder};

/// A string as the format has it, none of which is longer than 63 bytes here.
fn string(bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 64);
    let mut out = vec![u8::try_from(bytes.len()).expect("it is short")];
    out.extend_from_slice(bytes);
    out
}

/// A key of a type.
fn record(kind: u8, key: &str, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &string(key.as_bytes()), value].concat()
}

/// A ziplist of short texts, or of numbers of two bytes.
fn ziplist(elements: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    let (mut tail, mut last) = (10, 0_u8);
    for element in elements {
        tail = 10 + body.len();
        let mut entry = vec![last];
        match element.parse::<i16>() {
            Ok(number) => {
                entry.push(0xc0);
                entry.extend_from_slice(&number.to_le_bytes());
            }
            Err(_) => entry.extend_from_slice(&string(element.as_bytes())),
        }
        last = u8::try_from(entry.len()).expect("it is short");
        body.extend_from_slice(&entry);
    }
    let total = u32::try_from(10 + body.len() + 1).expect("it is short");
    let tail = u32::try_from(tail).expect("it is short");
    let count = u16::try_from(elements.len()).expect("they are few");
    let header = [
        &total.to_le_bytes()[..],
        &tail.to_le_bytes(),
        &count.to_le_bytes(),
    ]
    .concat();
    [&header[..], &body, &[0xff]].concat()
}

fn file(version: u32, records: &[Vec<u8>]) -> Vec<u8> {
    let mut file = format!("REDIS{version:04}").into_bytes();
    file.extend_from_slice(b"\xfe\x00");
    records
        .iter()
        .for_each(|record| file.extend_from_slice(record));
    file.push(0xff);
    if version >= 5 {
        // No sum was made.
        file.extend_from_slice(&[0; 8]);
    }
    file
}

fn records() -> Vec<Vec<u8>> {
    let seconds = [&b"\xfd"[..], &2_000_000_000_u32.to_le_bytes()].concat();
    let milliseconds = [&b"\xfc"[..], &2_000_000_000_123_u64.to_le_bytes()].concat();
    let id = b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01";
    // One entry, 1-1, of a field and a value.
    let node = b"\x1d\0\0\0\x0a\0\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff";
    let stream = [
        &b"\x01"[..],
        &string(id),
        &string(node),
        // One entry, the last id 1-1; a group at it, with one pending at a consumer.
        b"\x01\x01\x01\x01",
        &string(b"g"),
        b"\x01\x01\x01",
        id,
        b"\x10\x27\0\0\0\0\0\0\x02",
        b"\x01",
        &string(b"c"),
        b"\x10\x27\0\0\0\0\0\0\x01",
        id,
    ]
    .concat();
    let zipmap = b"\x02\x01a\x01\x00b\x02cc\x03\x01ddd!\xff";
    vec![
        record(0, "text", &string(b"value")),
        record(0, "number", b"\xc1\x39\x30"),
        record(0, "compressed", b"\xc3\x06\x18\x01aa\xe0\x0d\x00"),
        record(
            1,
            "list",
            &[&b"\x02"[..], &string(b"a"), b"\xc0\x05"].concat(),
        ),
        record(
            2,
            "set",
            &[&b"\x02"[..], &string(b"a"), &string(b"b")].concat(),
        ),
        record(3, "zset", b"\x03\x01a\x03\x31.5\x01b\xfe\x01c\xff"),
        record(
            4,
            "hash",
            &[&b"\x01"[..], &string(b"f"), &string(b"v")].concat(),
        ),
        record(
            5,
            "zset2",
            &[&b"\x01\x01m"[..], &0.1_f64.to_le_bytes()].concat(),
        ),
        record(9, "zipmap", &string(zipmap)),
        record(10, "list:z", &string(&ziplist(&["a", "300", "-5"]))),
        record(11, "intset", &string(b"\x02\0\0\0\x02\0\0\0\x05\0\x07\0")),
        record(12, "zset:z", &string(&ziplist(&["a", "1", "b", "2.5"]))),
        record(13, "hash:z", &string(&ziplist(&["f", "v", "g", "12"]))),
        record(
            14,
            "quick",
            &[
                &b"\x02"[..],
                &string(&ziplist(&["a", "b"])),
                &string(&ziplist(&["7"])),
            ]
            .concat(),
        ),
        record(15, "stream", &stream),
        [seconds, record(0, "seconds", b"\x01v")].concat(),
        [milliseconds, record(0, "milliseconds", b"\x01v")].concat(),
        [&b"\xf8\x40\x64"[..], &record(0, "idle", b"\x01v")].concat(),
        [&b"\xf9\x07"[..], &record(0, "used", b"\x01v")].concat(),
        b"\xfa\x0afuture-aux\xc0\x01".to_vec(),
        b"\xfb\x40\x80\x02".to_vec(),
        record(0, "after", b"\x81\0\0\0\0\0\0\0\x01v"),
    ]
}

/// What a server says of the records.
fn told(side: &mut Side) -> (String, Vec<Reply>) {
    let asked = [
        "DBSIZE",
        "GET compressed",
        "HGETALL zipmap",
        "ZRANGE zset 0 -1 WITHSCORES",
        "ZRANGE zset:z 0 -1 WITHSCORES",
        "LRANGE quick 0 -1",
        "XRANGE stream - +",
        "XPENDING stream g",
        "XINFO GROUPS stream",
        "PEXPIRETIME seconds",
        "PEXPIRETIME milliseconds",
        "OBJECT ENCODING hash:z",
        "OBJECT ENCODING zset:z",
    ];
    (side.digest(), asked.map(|line| side.tell(line)).to_vec())
}

#[test]
fn what_every_version_wrote_is_read_as_stock_reads_it() {
    let mut wanted = None;
    for version in 1..=12 {
        let folder = data_folder();
        let file = file(version, &records());
        fs::write(folder.path().join("dump.rdb"), file).expect("the folder can be written");
        // Stock 7.0 reads no later ones; in these the same records are the same.
        if version <= 10 {
            wanted = Some(told(&mut Side::stock(folder.path(), &[])));
        }
        let shards = [1, 2, 5][version as usize % 3];
        let mut ours = Side::basalt(folder.path(), shards, &[]);
        let ours_told = told(&mut ours);
        assert_eq!(
            Some(&ours_told),
            wanted.as_ref(),
            "version {version}: {}",
            ours.log()
        );
    }
}

/// A listpack of texts of one letter and of small numbers.
fn listpack(elements: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for element in elements {
        match element.parse::<u64>() {
            Ok(number) if number < 128 => body.extend_from_slice(&[number as u8, 1]),
            Ok(number) => {
                body.push(0xf4);
                body.extend_from_slice(&number.to_le_bytes());
                body.push(9);
            }
            Err(_) => body.extend_from_slice(&[0x81, element.as_bytes()[0], 2]),
        }
    }
    let total = u32::try_from(body.len() + 7).expect("it is short");
    let count = u16::try_from(elements.len()).expect("they are few");
    [
        &total.to_le_bytes()[..],
        &count.to_le_bytes(),
        &body,
        &[0xff],
    ]
    .concat()
}

/// What Redis 7.2 and 7.4 write, and stock 7.0 does not read.
#[test]
fn what_newer_versions_wrote_is_read() {
    const DEADLINE: u64 = 4_102_444_800_000;
    let deadline = DEADLINE.to_string();
    let id = b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0";
    let groups = [
        // No entries, the last id 1-0; a group there with a consumer, seen and active.
        &b"\x00\x00\x01\x00\x00\x00\x00\x00\x01\x01"[..],
        &string(b"g"),
        b"\x01\x00\x01\x01",
        id,
        &DEADLINE.to_le_bytes(),
        b"\x03\x01",
        &string(b"c"),
        &DEADLINE.to_le_bytes(),
        &DEADLINE.to_le_bytes(),
        b"\x01",
        id,
    ]
    .concat();
    let deadlines = [
        &DEADLINE.to_le_bytes()[..],
        b"\x02\x00\x01f\x01v\x01\x01g\x01w",
    ]
    .concat();
    let packed = [
        &DEADLINE.to_le_bytes()[..],
        &string(&listpack(&["g", "w", &deadline, "f", "v", "0"])),
    ]
    .concat();
    let records = [
        record(16, "hash", &string(&listpack(&["f", "v", "g", "7"]))),
        record(17, "zset", &string(&listpack(&["a", "1", "b", "2"]))),
        record(
            18,
            "list",
            &[
                &b"\x02\x01"[..],
                b"\x01p",
                b"\x02",
                &string(&listpack(&["a", "5"])),
            ]
            .concat(),
        ),
        record(20, "set", &string(&listpack(&["a", "5"]))),
        record(21, "stream", &groups),
        record(24, "fields", &deadlines),
        record(25, "packed", &packed),
        b"\xf4\x01\x02\x03".to_vec(),
    ];
    for shards in [1, 2, 5] {
        let folder = data_folder();
        let file = file(12, &records);
        fs::write(folder.path().join("dump.rdb"), file).expect("the folder can be written");
        let mut ours = Side::basalt(folder.path(), shards, &[]);
        for line in [
            "HSET made:hash f v g 7",
            "ZADD made:zset 1 a 2 b",
            "RPUSH made:list p a 5",
            "SADD made:set a 5",
            "HSET made:fields f v g w",
        ] {
            ours.tell(line);
        }
        ours.tell(&format!("HPEXPIREAT made:fields {DEADLINE} FIELDS 1 g"));
        ours.tell("COPY made:fields made:packed");
        for name in ["hash", "zset", "list", "set", "fields", "packed"] {
            let made = ours.tell(&format!("DEBUG DIGEST-VALUE made:{name}"));
            assert_eq!(
                ours.tell(&format!("DEBUG DIGEST-VALUE {name}")),
                made,
                "{name}"
            );
        }
        for name in ["fields", "packed"] {
            let told = ours.tell(&format!("HPEXPIRETIME {name} FIELDS 2 f g"));
            let wanted = [-1, DEADLINE as i64].map(Reply::Integer);
            assert_eq!(told, Reply::Array(wanted.to_vec()), "{name}");
        }
        let Reply::Array(pending) = ours.tell("XPENDING stream g - + 10") else {
            panic!("XPENDING gives rows");
        };
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let Some(Reply::Array(row)) = pending.first() else {
            panic!("{pending:?}");
        };
        assert_eq!((&row[0], &row[1]), (&bulk("1-0"), &bulk("c")));
        assert_eq!(row[3], Reply::Integer(3));
    }
}

/// A value without elements, which no release should write: its key is left out.
#[test]
fn empty_values_are_left_out_as_stock_does() {
    let empty = [
        record(1, "list", b"\x00"),
        record(2, "set", b"\x00"),
        record(3, "zset", b"\x00"),
        record(4, "hash", b"\x00"),
        record(5, "zset2", b"\x00"),
        record(10, "list:z", &string(&ziplist(&[]))),
        record(13, "hash:z", &string(&ziplist(&[]))),
        record(
            14,
            "quick",
            &[&b"\x01"[..], &string(&ziplist(&[]))].concat(),
        ),
        record(16, "hash:l", &string(b"\x07\0\0\0\0\0\xff")),
        record(17, "zset:l", &string(b"\x07\0\0\0\0\0\xff")),
        record(18, "quick2", b"\x00"),
        record(0, "stays", b"\x01v"),
    ];
    let folder = data_folder();
    let file = file(10, &empty);
    fs::write(folder.path().join("dump.rdb"), file).expect("the folder can be written");
    let mut stock = Side::stock(folder.path(), &[]);
    let digest = stock.digest();
    let skipped = |side: &Side| side.log().contains("empty keys skipped: 11.");
    assert!(skipped(&stock), "{}", stock.log());
    assert_eq!(stock.told("rdb_last_load_keys_loaded"), "1");
    drop(stock);
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    assert_eq!(ours.digest(), digest);
    assert!(skipped(&ours), "{}", ours.log());
    assert_eq!(ours.told("rdb_last_load_keys_loaded"), "1");
}
