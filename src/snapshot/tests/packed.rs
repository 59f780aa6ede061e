//! Ziplists and zipmaps: known bytes, broken bytes, and any bytes.

use proptest::prelude::*;

use crate::snapshot::*;

fn elements(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    Ziplist::new(bytes)?
        .map(|element| element.map(|element| element.with_text(<[u8]>::to_vec)))
        .collect()
}

type Pair = (Vec<u8>, Vec<u8>);

fn pairs(bytes: &[u8]) -> Result<Vec<Pair>, Malformed> {
    Zipmap::new(bytes)?
        .map(|pair| pair.map(|(field, value)| (field.to_vec(), value.to_vec())))
        .collect()
}

/// A ziplist written naively: every element with the encoding at its side.
fn ziplist(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    let (mut tail, mut last_bytes) = (10, 0);
    for (encoding, data) in entries {
        tail = 10 + body.len();
        let start = body.len();
        match u8::try_from(last_bytes) {
            Ok(short @ 0..0xfe) => body.push(short),
            _ => {
                body.push(0xfe);
                body.extend_from_slice(&(last_bytes as u32).to_le_bytes());
            }
        }
        body.extend_from_slice(encoding);
        body.extend_from_slice(data);
        last_bytes = body.len() - start;
    }
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    let total = 10 + body.len() + 1;
    let mut bytes = (total as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&(tail as u32).to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes.push(0xff);
    bytes
}

/// A text in the shortest encoding.
fn text_entry(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let len = text.len();
    let encoding = match len {
        0..64 => vec![len as u8],
        64..16_384 => vec![0x40 | (len >> 8) as u8, len as u8],
        _ => [&[0x80][..], &(len as u32).to_be_bytes()].concat(),
    };
    (encoding, text.to_vec())
}

/// Every cut and every flipped bit is read or refused, and a cut is refused.
fn survives_damage<T>(whole: &[u8], read: impl Fn(&[u8]) -> Result<T, Malformed>) {
    assert!(read(whole).is_ok());
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "cut at {end}");
    }
    let mut changed = whole.to_vec();
    for at in 0..whole.len() {
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            drop(read(&changed));
            changed[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_ziplist_gives_its_elements() {
    let bytes = b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xf6\xff";
    assert_eq!(elements(bytes), Ok(vec![b"2".to_vec(), b"5".to_vec()]));
    assert_eq!(elements(b"\x0b\0\0\0\x0a\0\0\0\0\0\xff"), Ok(vec![]));
}

#[test]
fn every_encoding_of_a_ziplist_is_read() {
    for (encoding, data, expected) in [
        (&b"\xf1"[..], &b""[..], "0"),
        (b"\xfd", b"", "12"),
        (b"\xfe", b"\x80", "-128"),
        (b"\xc0", b"\xff\x7f", "32767"),
        (b"\xf0", b"\x00\x00\x80", "-8388608"),
        (b"\xd0", b"\xff\xff\xff\xff", "-1"),
        (
            b"\xe0",
            b"\xff\xff\xff\xff\xff\xff\xff\x7f",
            "9223372036854775807",
        ),
        (b"\x02", b"ab", "ab"),
        (b"\x40\x02", b"ab", "ab"),
        (b"\x80\x00\x00\x00\x02", b"ab", "ab"),
    ] {
        let bytes = ziplist(&[(encoding.to_vec(), data.to_vec()), text_entry(b"next")]);
        let expected = vec![expected.as_bytes().to_vec(), b"next".to_vec()];
        assert_eq!(elements(&bytes), Ok(expected), "{bytes:x?}");
    }
}

#[test]
fn what_is_no_ziplist_is_refused() {
    for bytes in [
        &b""[..],
        b"\x0b\0\0\0\x0a\0\0\0\0\0\xfe",
        // A total, a tail and a count that are not so.
        b"\x0c\0\0\0\x0a\0\0\0\0\0\xff",
        b"\x0f\0\0\0\x0a\0\0\0\x02\0\0\xf3\x02\xf6\xff",
        b"\x0f\0\0\0\x0c\0\0\0\x03\0\0\xf3\x02\xf6\xff",
        // The length of the entry before, likewise.
        b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x03\xf6\xff",
        // Encodings that none is.
        b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xff\xff",
        b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xc1\xff",
        // A text beyond the end, and bytes behind it.
        b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\x01\xff",
        b"\x0c\0\0\0\x0a\0\0\0\0\0\xff\xff",
    ] {
        assert_eq!(elements(bytes), Err(Malformed), "{bytes:x?}");
    }
}

#[test]
fn a_ziplist_survives_damage() {
    let bytes = ziplist(&[
        text_entry(&[b'a'; 300]),
        text_entry(b"b"),
        (b"\xf0".to_vec(), b"\x01\x02\x03".to_vec()),
        text_entry(b""),
    ]);
    survives_damage(&bytes, elements);
}

#[test]
fn a_zipmap_gives_its_fields() {
    let bytes = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world--\xff";
    let pair = |field: &[u8], value: &[u8]| (field.to_vec(), value.to_vec());
    assert_eq!(
        pairs(bytes),
        Ok(vec![pair(b"foo", b"bar"), pair(b"hello", b"world")])
    );
    let (field, value) = ([b'a'; 254], [b'b'; 300]);
    let long = [
        &b"\xfe\xfe\xfe\0\0\0"[..],
        &field,
        b"\xfe\x2c\x01\0\0\0",
        &value,
        b"\xff",
    ];
    let long = long.concat();
    assert_eq!(pairs(&long), Ok(vec![pair(&field, &value)]));
    survives_damage(bytes, pairs);
    survives_damage(&long, pairs);
}

#[test]
fn what_is_no_zipmap_is_refused() {
    for bytes in [
        &b""[..],
        b"\x00",
        b"\x00\x00\xff",
        b"\x01\xff",
        b"\x02\x01a\x01\x00b\xff",
        b"\x01\x01a\x01\x00b\xff\xff",
        b"\x01\x01a\xff\x00b\xff",
        b"\x01\x01a\x01\x09b\xff",
        b"\x01\xfe\xff\xff\xff\xffa\x01\x00b\xff",
        b"\x01\xfe\x01\0\0\0a\x01\x00b\xff",
        b"\x01\x01a\xfe\x01\0\0\0\x00b\xff",
        b"\xff\x01a\x01\x00b\xff",
    ] {
        assert_eq!(pairs(bytes), Err(Malformed), "{bytes:x?}");
    }
}

proptest! {
    #[test]
    fn ziplists_read_back(texts in proptest::collection::vec(proptest::collection::vec(b'a'..=b'z', 0..300), 0..20)) {
        let entries: Vec<_> = texts.iter().map(|text| text_entry(text)).collect();
        prop_assert_eq!(elements(&ziplist(&entries)), Ok(texts));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        drop(elements(&bytes));
        drop(pairs(&bytes));
    }
}
