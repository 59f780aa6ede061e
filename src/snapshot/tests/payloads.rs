//! Payloads beside those of stock, and broken ones.

use proptest::prelude::*;

use crate::base::crc64;
use crate::value::Rules;

use crate::snapshot::*;

fn payload(text: &[u8], compression: Compression) -> Vec<u8> {
    let mut out = Vec::new();
    write_payload(&mut out, Value::Text(text), compression);
    out
}

/// A footer for `body` that is right.
fn sealed(body: &[u8], version: u16) -> Vec<u8> {
    let mut out = [body, &version.to_le_bytes()].concat();
    let sum = crc64(0, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

fn read(body: &[u8]) -> Result<Vec<u8>, PayloadFault> {
    restored(&sealed(body, RDB_VERSION))
}

/// The text in a payload of one.
fn restored(payload: &[u8]) -> Result<Vec<u8>, PayloadFault> {
    match read_payload(payload, Sum::Checked, &Rules::DEFAULT)? {
        Restored::Text(text) => Ok(text.into_owned()),
        Restored::Compound(compound) => panic!("{compound:?} is no text"),
    }
}

/// DUMP of stock 7.0.15.
#[test]
fn payloads_are_those_of_dump() {
    for (text, expected) in [
        (
            &b"abc"[..],
            &b"\x00\x03abc\x0a\x00\xd9\xac\x30\x3d\x41\x72\xa2\xe2"[..],
        ),
        (b"-5", b"\x00\xc0\xfb\x0a\x00"),
        (b"1000", b"\x00\xc1\xe8\x03\x0a\x00"),
        (b"-100000", b"\x00\xc2\x60\x79\xfe\xff\x0a\x00"),
    ] {
        let found = payload(text, Compression::On);
        assert!(found.starts_with(expected), "{found:x?}");
        assert_eq!(restored(&found).as_deref(), Ok(text));
    }
}

#[test]
fn numbers_are_written_in_the_fewest_bytes() {
    for (text, bytes) in [
        ("127", 2),
        ("128", 3),
        ("-128", 2),
        ("-129", 3),
        ("32767", 3),
        ("32768", 5),
        ("2147483647", 5),
        ("-2147483648", 5),
        ("2147483648", 11),
        ("-2147483649", 12),
        ("007", 4),
        ("-0", 3),
    ] {
        let mut out = Vec::new();
        write_string(&mut out, text.as_bytes(), Compression::On);
        assert_eq!(out.len(), bytes, "{text}");
        assert_eq!(read_string(&mut &out[..]).as_deref(), Ok(text.as_bytes()));
    }
}

#[test]
fn lengths_are_written_in_the_fewest_bytes() {
    for (len, expected) in [
        (0, &b"\x00"[..]),
        (63, b"\x3f"),
        (64, b"\x40\x40"),
        (16_383, b"\x7f\xff"),
        (16_384, b"\x80\x00\x00\x40\x00"),
        (u64::from(u32::MAX), b"\x80\xff\xff\xff\xff"),
        (1 << 32, b"\x81\x00\x00\x00\x01\x00\x00\x00\x00"),
    ] {
        let mut out = Vec::new();
        write_length(&mut out, len);
        assert_eq!(out, expected);
        let mut rest = &out[..];
        assert_eq!(read_length(&mut rest), Ok(len));
        assert!(rest.is_empty());
        assert_eq!(read_length(&mut &out[..out.len() - 1]), Err(Malformed));
    }
}

#[test]
fn only_long_strings_are_compressed_and_only_when_asked() {
    let len = |text: &[u8], compression| payload(text, compression).len();
    assert_eq!(len(&[b'a'; 20], Compression::On), 32);
    assert!(len(&[b'a'; 21], Compression::On) < 24);
    assert_eq!(len(&[b'a'; 21], Compression::Off), 33);
}

#[test]
fn the_footer_is_judged_first() {
    let wrong = Err(PayloadFault::BadVersionOrChecksum);
    let right = sealed(b"\x00\x01a", RDB_VERSION);
    for at in 0..right.len() {
        let mut changed = right.clone();
        changed[at] ^= 0x40;
        assert_eq!(restored(&changed), wrong, "{at}");
        assert_eq!(restored(&right[..at]), wrong, "{at}");
    }
    // Unlike in a file, a checksum of zero does not go unchecked.
    let unchecked = [&right[..right.len() - 8], &[0; 8]].concat();
    assert_eq!(restored(&unchecked), wrong);
    assert_eq!(restored(&sealed(b"\x00\x01a", RDB_VERSION_MAX + 1)), wrong);
    for version in [0, 1, RDB_VERSION_MAX] {
        let sealed = sealed(b"\x00\x01a", version);
        assert_eq!(restored(&sealed).as_deref(), Ok(&b"a"[..]));
    }
}

#[test]
fn every_way_to_write_a_string_is_read() {
    for body in [
        &b"\x00\x01a"[..],
        b"\x00\x01a and more",
        b"\x00\x40\x01a",
        b"\x00\x80\x00\x00\x00\x01a",
        b"\x00\x81\x00\x00\x00\x00\x00\x00\x00\x01a",
        b"\x00\xc3\x02\x01\x00a",
        b"\x00\xc3\x40\x02\x40\x01\x00a",
    ] {
        assert_eq!(read(body).as_deref(), Ok(&b"a"[..]), "{body:x?}");
    }
    assert_eq!(read(b"\x00\xc3\x00\x00").as_deref(), Ok(&b""[..]));
    assert_eq!(read(b"\x00\xc0\x80").as_deref(), Ok(&b"-128"[..]));
    assert_eq!(read(b"\x00\xc1\x01\x00").as_deref(), Ok(&b"1"[..]));
}

#[test]
fn what_is_no_string_is_bad_data() {
    for body in [
        &b""[..],
        b"\x00",
        b"\x00\x02a",
        b"\x00\x82\x00\x00\x00\x01a",
        b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xffa",
        b"\x00\xc1\x01",
        b"\x00\xc4\x01",
        b"\x00\xc3\x02\x02\x00a",
        b"\x00\xc3\x02\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x00a",
        b"\x08\x01a",
        b"\x1a\x01a",
    ] {
        let is_bad = matches!(read(body), Err(PayloadFault::BadData(_)));
        assert!(is_bad, "{body:x?}");
    }
}

#[test]
fn other_types_are_named() {
    for kind in [6, 7, 22, 23] {
        let expected = Err(PayloadFault::ForeignType(kind));
        assert_eq!(read(&[kind, 0]), expected);
    }
}

proptest! {
    #[test]
    fn payloads_read_back(text in proptest::collection::vec(0_u8..3, 0..400), compressed: bool) {
        let compression = if compressed { Compression::On } else { Compression::Off };
        let payload = payload(&text, compression);
        let read = restored(&payload);
        prop_assert_eq!(read.as_deref(), Ok(&text[..]));
    }

    #[test]
    fn garbage_is_read_or_refused(kind in 0_u8..27, body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let body = [&[kind][..], &body].concat();
        let read = read_payload(&sealed(&body, RDB_VERSION), Sum::Checked, &Rules::DEFAULT).map(|_| ());
        let is_foreign = matches!(read, Err(PayloadFault::ForeignType(_)));
        prop_assert_eq!(is_foreign, [6, 7, 22, 23].contains(&kind));
    }
}

/// Streams without entries, with one group `g` of so many consumers.
fn stream_of(pending: &[u8], consumers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = b"\x0f\x00\x00\x00\x00\x01\x01g\x00\x00".to_vec();
    body.extend(pending);
    body.push(consumers.len() as u8);
    for (name, own) in consumers {
        body.push(name.len() as u8);
        body.extend(name.bytes());
        body.extend([0; 8]);
        body.extend(*own);
    }
    body
}

#[test]
fn the_check_that_fails_is_named() {
    let id = [7; 16];
    let pending = [&b"\x01"[..], &id, &[0; 8], b"\x01"].concat();
    let own = [&b"\x01"[..], &id].concat();
    let node = [&b"\x0f\x01\x10"[..], &id, b"\x03abc"].concat();
    for (body, check) in [
        (b"\x0a\x03abc".to_vec(), "List ziplist"),
        (b"\x0b\x03abc".to_vec(), "Intset"),
        (b"\x0c\x03abc".to_vec(), "Zset ziplist"),
        (b"\x11\x03abc".to_vec(), "Zset listpack"),
        (b"\x09\x03\x01\xfe\xff".to_vec(), "Zipmap"),
        (b"\x09\x02\x00\xff".to_vec(), "Zipmap"),
        (b"\x0d\x03abc".to_vec(), "Hash ziplist"),
        (b"\x10\x03abc".to_vec(), "Hash listpack"),
        (node, "Stream listpack integrity check failed"),
        (
            stream_of(b"\x00", &[("a", b"\x00"), ("a", b"\x00")]),
            "Duplicate stream consumer detected",
        ),
        (
            stream_of(&pending, &[("a", &own), ("b", &own)]),
            "Stream consumer PEL entry already has a consumer assigned",
        ),
        (
            stream_of(b"\x00", &[("a", &own)]),
            "Stream integrity check failed",
        ),
    ] {
        let Err(PayloadFault::BadData(named)) = read(&body) else {
            panic!("{body:x?} is bad");
        };
        assert!(named.starts_with(check), "{body:x?}: {named}");
        assert!(named.contains("integrity check failed"), "{named}");
    }
    let whole = stream_of(&pending, &[("a", &own), ("b", b"\x00")]);
    let whole = sealed(&whole, RDB_VERSION);
    assert!(read_payload(&whole, Sum::Checked, &Rules::DEFAULT).is_ok());
}
