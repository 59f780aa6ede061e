//! Strings of any bytes behind the magic letters of a HyperLogLog, which PFADD, PFCOUNT and PFMERGE
//! find at a key that SET filled. None panics. One that is taken has all its registers, dense ones
//! are the same as sparse ones, and an element that is put in raises the count or leaves it.

use basalt::value::loglog::{
    Encoding, REGISTERS, Union, add, count, describe, encoding, make_dense, registers,
};

/// Stock's default.
const SPARSE_LEN_MAX: u64 = 3000;

pub fn check(input: &[u8]) {
    let text = [b"HYLL".as_slice(), input].concat();
    let Some(form) = encoding(&text) else {
        return;
    };
    let told = describe(&text);
    assert_eq!(told.is_some(), form == Encoding::Sparse);
    // Its runs may hold together as far as the element's register and not beyond.
    let mut added = text.clone();
    let raised = add(&mut added, b"element", SPARSE_LEN_MAX);
    let Ok(before) = registers(&text) else {
        assert!(count(&text).is_err() && Union::default().take_in(&text).is_err());
        assert!(make_dense(&mut text.clone()).is_err());
        return;
    };
    assert_eq!(before.len(), REGISTERS);
    let raised = raised.expect("all its registers are there");
    let after = registers(&added).expect("it still has all of them");
    let changed = before.iter().zip(&after).filter(|(old, new)| old != new);
    assert_eq!(changed.count(), usize::from(raised));
    assert!(before.iter().zip(&after).all(|(old, new)| old <= new));

    let mut dense = text.clone();
    let was_sparse = make_dense(&mut dense).expect("all its registers are there");
    assert_eq!(was_sparse, form == Encoding::Sparse);
    assert_eq!(registers(&dense).as_ref(), Ok(&before));
    let counted = count(&text);
    assert!(counted.is_ok() && counted == count(&dense));

    let mut union = Union::default();
    for one in [&text, &added] {
        union.take_in(one).expect("all its registers are there");
    }
    assert_eq!(Ok(union.count()), count(&added));
    let mut merged = text;
    union
        .merge_into(&mut merged, SPARSE_LEN_MAX)
        .expect("as above");
    assert_eq!(registers(&merged), Ok(after));
}
