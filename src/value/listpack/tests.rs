//! Packed lists against a model, against stock's bytes, and against bad bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Item, Listpack};

fn packed(texts: &[&[u8]]) -> Listpack {
    let mut pack = Listpack::new();
    for text in texts {
        pack.push_back(text);
    }
    pack
}

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(Item::to_vec).collect()
}

/// The bytes of one element, without header and end.
#[track_caller]
fn check_entry(text: &[u8], expected: &[u8]) {
    let pack = packed(&[text]);
    let bytes = pack.bytes();
    assert_eq!(
        &bytes[6..bytes.len() - 1],
        expected,
        "{}",
        text.escape_ascii()
    );
    assert_eq!(texts(&pack), [text]);
    assert_eq!(pack.iter().map(Item::len).next(), Some(text.len()));
}

#[test]
fn elements_have_the_bytes_of_stock() {
    check_entry(b"0", &[0, 1]);
    check_entry(b"127", &[127, 1]);
    check_entry(b"128", &[0xc0, 128, 2]);
    check_entry(b"-1", &[0xdf, 255, 2]);
    check_entry(b"4095", &[0xcf, 255, 2]);
    check_entry(b"-4096", &[0xd0, 0, 2]);
    check_entry(b"4096", &[0xf1, 0, 16, 3]);
    check_entry(b"-32768", &[0xf1, 0, 128, 3]);
    check_entry(b"32768", &[0xf2, 0, 128, 0, 4]);
    check_entry(b"-8388608", &[0xf2, 0, 0, 128, 4]);
    check_entry(b"8388608", &[0xf3, 0, 0, 128, 0, 5]);
    check_entry(
        b"-2147483649",
        &[0xf4, 255, 255, 255, 127, 255, 255, 255, 255, 9],
    );
    check_entry(
        b"9223372036854775807",
        &[0xf4, 255, 255, 255, 255, 255, 255, 255, 127, 9],
    );
    check_entry(b"", &[0x80, 1]);
    check_entry(b"a", &[0x81, b'a', 2]);
    check_entry(b"01", &[0x82, b'0', b'1', 3]);
    check_entry(b"9223372036854775808", b"\x939223372036854775808\x14");
}

#[test]
fn lengths_of_text_are_written_in_three_widths() {
    for (len, head, back) in [
        (63, vec![0xbf], vec![64]),
        (64, vec![0xe0, 64], vec![66]),
        (4095, vec![0xef, 255], vec![32, 0x81]),
        (4096, vec![0xf0, 0, 16, 0, 0], vec![32, 0x85]),
        (16377, vec![0xf0, 0xf9, 63, 0, 0], vec![127, 0xfe]),
        (16378, vec![0xf0, 0xfa, 63, 0, 0], vec![0, 0xff, 0xff]),
    ] {
        let text = vec![b'x'; len];
        check_entry(&text, &[head, text.clone(), back].concat());
    }
}

#[test]
fn a_list_from_bytes_is_validated_to_the_last_bit() {
    let good = packed(&[b"a", b"1000", &[b'x'; 200], b"-5"])
        .bytes()
        .to_vec();
    assert!(Listpack::from_bytes(&good).is_some());
    for len in 0..good.len() {
        assert!(Listpack::from_bytes(&good[..len]).is_none(), "{len}");
    }
    let longer = [&good[..], &[0xff]].concat();
    assert!(Listpack::from_bytes(&longer).is_none());
    for (place, byte, what) in [
        (0, 200, "the total"),
        (4, 3, "the count"),
        (6, 0xf5, "a head that is none"),
        (6, 0xff, "an early end"),
        (6, 0x82, "a longer text"),
        (8, 3, "a length at the end"),
        (8, 0x82, "a length whose first byte goes on"),
        (good.len() - 1, 0, "the end"),
    ] {
        let mut bad = good.clone();
        bad[place] = byte;
        assert!(Listpack::from_bytes(&bad).is_none(), "{what}");
    }
}

#[test]
fn a_count_that_is_unknown_is_found_out() {
    let mut bytes = packed(&[b"a", b"b"]).bytes().to_vec();
    bytes[4..6].copy_from_slice(&[255, 255]);
    let pack = Listpack::from_bytes(&bytes).expect("an unknown count is valid");
    assert_eq!(pack.len(), 2);
    assert_eq!(pack.bytes()[4..6], [2, 0]);
}

#[test]
fn more_elements_than_the_count_can_say_are_counted() {
    let mut pack = Listpack::new();
    for number in 0..65_536 {
        pack.push_back_int(number);
    }
    assert_eq!(pack.len(), 65_536);
    assert_eq!(pack.bytes()[4..6], [255, 255]);
    assert_eq!(
        pack.seek(-1).map(|last| pack.get(last)),
        Some(Item::Int(65_535))
    );
    pack.remove_range(0, 10);
    assert_eq!(pack.bytes()[4..6], 65_526_u16.to_le_bytes());
    assert_eq!(pack.len(), 65_526);
}

#[test]
fn find_passes_over_values() {
    let pack = packed(&[b"x", b"y", b"y", b"7", b"7", b"end"]);
    let index = |found| texts(&pack).len() - pack.iter_from(found).count();
    assert_eq!(pack.find(b"y", 1).map(index), Some(2));
    assert_eq!(pack.find(b"y", 0).map(index), Some(1));
    assert_eq!(pack.find(b"7", 1).map(index), Some(4));
    assert_eq!(pack.find(b"07", 0), None);
    assert_eq!(pack.find(b"end", 1), None);
}

#[test]
fn memory_is_given_back() {
    let mut pack = Listpack::new();
    for _ in 0..1000 {
        pack.push_back(b"some text");
    }
    let full = pack.allocated_bytes();
    pack.remove_range(1, 999);
    assert!(pack.allocated_bytes() * 100 < full);
}

/// A change to a list and its model; indexes are taken modulo the length.
#[derive(Clone, Debug)]
enum Step {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    Before(usize, Vec<u8>),
    After(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
    RemoveRange(usize, usize),
    SplitAndAppend(usize),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (-5000..5000_i64).prop_map(|number| number.to_string().into_bytes()),
        vec(any::<u8>(), 0..80),
        (prop_oneof![4090..4100_usize, 16_370..16_390_usize]).prop_map(|len| vec![b'v'; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        text().prop_map(Step::PushBack),
        text().prop_map(Step::PushFront),
        (index(), text()).prop_map(|(index, text)| Step::Before(index, text)),
        (index(), text()).prop_map(|(index, text)| Step::After(index, text)),
        (index(), text()).prop_map(|(index, text)| Step::Replace(index, text)),
        (index(), 0..4_usize).prop_map(|(index, count)| Step::Remove(index, count)),
        (index(), 0..4_usize).prop_map(|(index, count)| Step::RemoveRange(index, count)),
        index().prop_map(Step::SplitAndAppend),
    ]
}

fn apply(pack: &mut Listpack, model: &mut Vec<Vec<u8>>, step: Step) {
    let len = model.len();
    let place = |pack: &Listpack, index: usize| {
        let index = index % len;
        let position = pack
            .seek(index as i64)
            .expect("the index is below the length");
        (index, position)
    };
    match step {
        Step::PushBack(text) => {
            pack.push_back(&text);
            model.push(text);
        }
        Step::PushFront(text) => {
            pack.push_front(&text);
            model.insert(0, text);
        }
        _ if len == 0 => {}
        Step::Before(index, text) => {
            let (index, position) = place(pack, index);
            pack.insert_before(position, &text);
            model.insert(index, text);
        }
        Step::After(index, text) => {
            let (index, position) = place(pack, index);
            let inserted = pack.insert_after(position, &text);
            assert!(pack.get(inserted).eq_bytes(&text));
            model.insert(index + 1, text);
        }
        Step::Replace(index, text) => {
            let (index, position) = place(pack, index);
            pack.replace(position, &text);
            model[index] = text;
        }
        Step::Remove(index, count) => {
            let (index, position) = place(pack, index);
            let next = pack.remove(position, count);
            model.drain(index..(index + count).min(len));
            let next = next.map(|next| pack.get(next).to_vec());
            assert_eq!(next.as_ref(), model.get(index));
        }
        Step::RemoveRange(index, count) => {
            let (index, _) = place(pack, index);
            pack.remove_range(index, count);
            model.drain(index..(index + count).min(len));
        }
        Step::SplitAndAppend(index) => {
            let tail = pack.split_off(index % len);
            assert_eq!(texts(&tail), model[index % len..]);
            pack.append(&tail);
        }
    }
}

proptest! {
    #[test]
    fn a_packed_list_is_a_list(steps in vec(step(), 0..60)) {
        let mut pack = Listpack::new();
        let mut model = Vec::new();
        for step in steps {
            apply(&mut pack, &mut model, step);
            prop_assert_eq!(&texts(&pack), &model);
            prop_assert_eq!(pack.len(), model.len());
            prop_assert_eq!(pack.is_empty(), model.is_empty());
            let backwards: Vec<_> = pack.iter().rev().map(Item::to_vec).collect();
            prop_assert!(backwards.iter().eq(model.iter().rev()));
            let copy = Listpack::from_bytes(pack.bytes());
            prop_assert_eq!(copy.as_ref(), Some(&pack));
        }
        for (index, text) in model.iter().enumerate() {
            let found = pack.find(text, 0).expect("it is in the list");
            prop_assert!(pack.get(found).eq_bytes(text));
            let behind = pack.seek(index as i64 - model.len() as i64);
            prop_assert_eq!(behind, pack.seek(index as i64));
        }
        prop_assert_eq!(pack.seek(model.len() as i64), None);
        prop_assert_eq!(pack.seek(-1 - model.len() as i64), None);
    }

    #[test]
    fn any_bytes_are_refused_or_are_a_list(
        texts_in in vec(text(), 0..6),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let texts_in: Vec<&[u8]> = texts_in.iter().map(Vec::as_slice).collect();
        let mut bytes = packed(&texts_in).bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(pack) = Listpack::from_bytes(&bytes) {
            let forwards = texts(&pack);
            let mut backwards: Vec<_> = pack.iter().rev().map(Item::to_vec).collect();
            backwards.reverse();
            prop_assert_eq!(forwards.len(), pack.len());
            prop_assert_eq!(forwards, backwards);
        }
    }
}
