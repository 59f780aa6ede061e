//! Files of older versions, made by hand from what is known of their format:
//! read as stock reads them.

use std::fs;

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

#[test]
fn what_older_versions_wrote_is_read_as_stock_reads_it() {
    for version in [1, 4, 6, 9] {
        let folder = data_folder();
        let file = file(version, &records());
        fs::write(folder.path().join("dump.rdb"), file).expect("the folder can be written");
        let mut stock = Side::stock(folder.path(), &[]);
        let digest = stock.digest();
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
        let wanted = asked.map(|line| stock.tell(line));
        drop(stock);
        for shards in [1, 3] {
            let mut ours = Side::basalt(folder.path(), shards, &[]);
            assert_eq!(ours.digest(), digest, "version {version}: {}", ours.log());
            assert_eq!(
                asked.map(|line| ours.tell(line)),
                wanted,
                "version {version}"
            );
        }
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
