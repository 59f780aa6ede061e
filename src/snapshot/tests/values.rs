//! Values of every type: each kind they were ever written as is read, and what is broken is not.

use proptest::prelude::*;

use crate::snapshot::*;
use crate::value::Rules;

/// Reads all of `body`, and says its digest.
fn digest(kind: Kind, body: &[u8]) -> Result<String, Malformed> {
    let mut rest = body;
    let restored = read_value(kind, &mut rest, &Rules::DEFAULT)?;
    if restored.is_empty() {
        return Err(Malformed);
    }
    let value = match &restored {
        Restored::Text(text) => Value::Text(text),
        Restored::Compound(compound) => Value::from(compound),
    };
    Ok(digest_of(Digest::default(), value, false).to_string())
}

/// A string that is not compressed.
fn string(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_length(&mut out, text.len() as u64);
    out.extend_from_slice(text);
    out
}

/// All of these are read as the same value.
fn check_same(bodies: &[(Kind, Vec<u8>)]) {
    let digests: Vec<_> = bodies
        .iter()
        .map(|(kind, body)| digest(*kind, body))
        .collect();
    for (found, (kind, body)) in digests.iter().zip(bodies) {
        assert!(found.is_ok(), "{kind:?} {body:x?}");
        assert_eq!(found, &digests[0], "{kind:?} {body:x?}");
        for end in 0..body.len() {
            assert_eq!(
                digest(*kind, &body[..end]),
                Err(Malformed),
                "{kind:?} to {end}"
            );
        }
        let mut changed = body.clone();
        for at in 0..body.len() {
            for bit in 0..8 {
                changed[at] ^= 1 << bit;
                drop(digest(*kind, &changed));
                changed[at] ^= 1 << bit;
            }
        }
    }
}

fn check_refused(kind: Kind, body: &[u8]) {
    assert_eq!(digest(kind, body), Err(Malformed), "{kind:?} {body:x?}");
}

#[test]
fn a_sorted_set_is_read_from_all_its_kinds() {
    let listpack = b"\x14\0\0\0\x04\0\x81a\x02\x01\x01\x81b\x02\x832.5\x04\xff";
    let ziplist = b"\x18\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf2\x02\x01b\x03\x032.5\xff";
    check_same(&[
        (Kind::SortedSetTexts, b"\x02\x01a\x011\x01b\x032.5".to_vec()),
        (
            Kind::SortedSetDoubles,
            [
                &b"\x02\x01b"[..],
                &2.5_f64.to_le_bytes(),
                b"\x01a",
                &1_f64.to_le_bytes(),
            ]
            .concat(),
        ),
        (Kind::SortedSetZiplist, string(ziplist)),
        (Kind::SortedSetListpack, string(listpack)),
    ]);
}

#[test]
fn infinities_are_scores_and_nan_is_none() {
    check_same(&[
        (Kind::SortedSetTexts, b"\x01\x01a\xfe".to_vec()),
        (Kind::SortedSetTexts, b"\x01\x01a\x03inf".to_vec()),
    ]);
    check_same(&[(Kind::SortedSetTexts, b"\x01\x01a\xff".to_vec())]);
    check_refused(Kind::SortedSetTexts, b"\x01\x01a\xfd");
    check_refused(Kind::SortedSetTexts, b"\x01\x01a\x03nan");
    check_refused(Kind::SortedSetTexts, b"\x01\x01a\x00");
    let nan = [&b"\x01\x01a"[..], &f64::NAN.to_le_bytes()].concat();
    check_refused(Kind::SortedSetDoubles, &nan);
}

#[test]
fn a_sorted_set_has_each_member_once() {
    check_refused(Kind::SortedSetTexts, b"\x02\x01a\x011\x01a\x012");
    check_refused(Kind::SortedSetTexts, b"\x00");
    check_refused(Kind::SortedSetListpack, &string(b"\x07\0\0\0\0\0\xff"));
    // A member without its score.
    check_refused(
        Kind::SortedSetListpack,
        &string(b"\x0a\0\0\0\x01\0\x81a\x02\xff"),
    );
}

#[test]
fn a_list_is_read_from_all_its_kinds() {
    let listpack = b"\x0c\0\0\0\x02\0\x81a\x02\x05\x01\xff";
    let ziplist = b"\x10\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\xf6\xff";
    let halves = [
        string(b"\x0e\0\0\0\x0a\0\0\0\x01\0\0\x01a\xff"),
        string(b"\x0d\0\0\0\x0a\0\0\0\x01\0\0\xf6\xff"),
    ];
    check_same(&[
        (Kind::ListTexts, b"\x02\x01a\x015".to_vec()),
        (Kind::ListTexts, b"\x02\x01a\xc0\x05".to_vec()),
        (Kind::ListZiplist, string(ziplist)),
        (
            Kind::ListZiplists,
            [&b"\x02"[..], &halves.concat()].concat(),
        ),
        (
            Kind::ListListpacks,
            [&b"\x01\x02"[..], &string(listpack)].concat(),
        ),
        (Kind::ListListpacks, b"\x02\x01\x01a\x01\x015".to_vec()),
    ]);
    // An empty text in a node of its own.
    check_refused(Kind::ListListpacks, b"\x01\x01\x00");
    check_refused(Kind::ListListpacks, b"\x02\x01\x01a\x01\x00");
}

#[test]
fn a_set_is_read_from_all_its_kinds() {
    let listpack = b"\x0b\0\0\0\x02\0\x07\x01\x05\x01\xff";
    let intset = b"\x02\0\0\0\x02\0\0\0\x05\0\x07\0";
    check_same(&[
        (Kind::SetTexts, b"\x02\x015\x017".to_vec()),
        (Kind::SetIntset, string(intset)),
        (Kind::SetListpack, string(listpack)),
    ]);
    check_refused(Kind::SetTexts, b"\x02\x015\x015");
    check_refused(Kind::SetTexts, b"\x02\x015\xc0\x05");
    check_refused(Kind::SetTexts, b"\x00");
    // The same number as a text and as itself.
    check_refused(
        Kind::SetListpack,
        &string(b"\x0c\0\0\0\x02\0\x815\x02\x05\x01\xff"),
    );
}

#[test]
fn a_hash_is_read_from_all_its_kinds() {
    let listpack = b"\x0c\0\0\0\x02\0\x81a\x02\x05\x01\xff";
    let ziplist = b"\x10\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\xf6\xff";
    check_same(&[
        (Kind::HashTexts, b"\x01\x01a\x015".to_vec()),
        (Kind::HashZipmap, string(b"\x01\x01a\x01\x005\xff")),
        (Kind::HashZiplist, string(ziplist)),
        (Kind::HashListpack, string(listpack)),
    ]);
    check_refused(Kind::HashTexts, b"\x02\x01a\x011\x01a\x012");
    check_refused(
        Kind::HashZipmap,
        &string(b"\x02\x01a\x01\x001\x01a\x01\x002\xff"),
    );
}

#[test]
fn deadlines_of_fields_are_read_and_written() {
    let listpack = b"\x12\0\0\0\x06\0\x81a\x02\x05\x01\x64\x01\x81b\x02\x06\x01\x00\x01\xff";
    let earliest = 100_u64.to_le_bytes();
    let texts = [&earliest[..], b"\x02\x01\x01a\x015\x00\x01b\x016"].concat();
    let packed = [
        &earliest[..],
        &string(&[&[listpack.len() as u8][..], &listpack[1..]].concat()),
    ]
    .concat();
    check_same(&[
        (Kind::HashDeadlines, texts.clone()),
        (Kind::HashListpackDeadlines, packed),
    ]);
    let mut rest = &texts[..];
    let restored = read_value(Kind::HashDeadlines, &mut rest, &Rules::DEFAULT);
    let Ok(Restored::Compound(compound)) = restored else {
        panic!("{restored:?}");
    };
    let value = Value::from(&compound);
    let mut written = Vec::new();
    write_value(&mut written, value, Compression::On);
    assert_eq!(value.kind(), Kind::HashDeadlines);
    assert_eq!(
        digest(Kind::HashDeadlines, &written),
        digest(Kind::HashDeadlines, &texts)
    );
    assert!(written.starts_with(&earliest));
}

/// A number of elements that no payload of this size has asks for no memory.
#[test]
fn a_claim_is_not_believed() {
    for kind in [
        Kind::ListTexts,
        Kind::ListZiplists,
        Kind::ListListpacks,
        Kind::SetTexts,
        Kind::SortedSetTexts,
        Kind::SortedSetDoubles,
        Kind::HashTexts,
    ] {
        check_refused(kind, b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a\x011");
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    (0_u8..26).prop_filter_map("a number of no kind", |byte| Kind::from_byte(byte).ok())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(kind in any_kind(), body in proptest::collection::vec(any::<u8>(), 0..80)) {
        drop(digest(kind, &body));
        drop(digest(kind, &string(&body)));
    }
}
