//! The packed form: member, score, member, score, in order.

use crate::base::{parse_f64, write_f64};
use crate::value::listpack::{Item, Listpack, Position};

/// Whole scores up to this, of either sign, are stored as integers.
const WHOLE_MAX: f64 = (1_u64 << 52) as f64;

/// The score an item holds; none if it is no number.
pub(super) fn score_of(item: Item<'_>) -> Option<f64> {
    match item {
        Item::Int(number) => Some(number as f64),
        Item::Text(text) => parse_f64(text),
    }
}

const PAIRS: &str = "a packed sorted set holds pairs of member and score";

/// A pair's place, member and score.
pub(super) struct Pair<'a> {
    pub at: Position,
    pub member: Item<'a>,
    pub score: f64,
}

/// The pairs from a place on.
pub(super) fn pairs_from(
    pack: &Listpack,
    mut next: Option<Position>,
) -> impl Iterator<Item = Pair<'_>> {
    std::iter::from_fn(move || {
        let at = next?;
        let score_at = pack.next(at).expect(PAIRS);
        next = pack.next(score_at);
        Some(Pair {
            at,
            member: pack.get(at),
            score: score_of(pack.get(score_at)).expect(PAIRS),
        })
    })
}

/// All pairs, the lowest first.
pub(super) fn pairs(pack: &Listpack) -> impl Iterator<Item = Pair<'_>> {
    pairs_from(pack, pack.first())
}

/// All pairs, the highest first.
pub(super) fn pairs_back(pack: &Listpack) -> impl Iterator<Item = (f64, Item<'_>)> {
    let mut items = pack.iter().rev();
    std::iter::from_fn(move || {
        let score = score_of(items.next()?).expect(PAIRS);
        Some((score, items.next().expect(PAIRS)))
    })
}

/// A member's place and score.
pub(super) fn find(pack: &Listpack, member: &[u8]) -> Option<(Position, f64)> {
    let at = pack.find(member, 1)?;
    let score = score_of(pack.get(pack.next(at).expect(PAIRS))).expect(PAIRS);
    Some((at, score))
}

/// Puts a member that is not there where it belongs.
pub(super) fn insert(pack: &mut Listpack, member: &[u8], score: f64) {
    let goes_behind = |pair: &Pair<'_>| {
        pair.score > score || pair.score == score && pair.member.with_text(|own| own > member)
    };
    let behind = pairs(pack).find(goes_behind).map(|pair| pair.at);
    match behind {
        Some(at) => {
            pack.insert_before(at, member);
            let member_at = at;
            with_score(score, |text| {
                pack.insert_after(member_at, text);
            });
        }
        None => push(pack, member, score),
    }
}

/// Puts a member behind all others, where it belongs.
pub(super) fn push(pack: &mut Listpack, member: &[u8], score: f64) {
    pack.push_back(member);
    with_score(score, |text| pack.push_back(text));
}

/// Passes on the text a score is stored as.
fn with_score(score: f64, use_text: impl FnOnce(&[u8])) {
    let mut text = Vec::with_capacity(32);
    if score.abs() <= WHOLE_MAX && score.trunc() == score {
        // -0 becomes 0, as in stock.
        crate::base::write_i64(&mut text, score as i64);
    } else {
        write_f64(&mut text, score);
    }
    use_text(&text);
}

/// Whether a packed list from outside holds a sorted set: pairs with scores
/// that are numbers, in order, no member twice.
pub(super) fn is_sorted_set(pack: &Listpack) -> bool {
    let mut items = pack.iter();
    let mut members: Vec<Vec<u8>> = Vec::new();
    let mut before: Option<(f64, Vec<u8>)> = None;
    while let Some(member) = items.next() {
        let Some(score) = items.next().and_then(score_of) else {
            return false;
        };
        let member = member.to_vec();
        if score.is_nan() {
            return false;
        }
        if let Some((score_before, member_before)) = &before
            && (*score_before, member_before) >= (score, &member)
        {
            return false;
        }
        members.push(member.clone());
        before = Some((score, member));
    }
    let count = members.len();
    members.sort_unstable();
    members.dedup();
    members.len() == count
}
