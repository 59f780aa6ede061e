//! Members with scores that become a sorted set all at once: what is loaded, copied or
//! made of other sets.
//!
//! They may come in any order. Put into a tree one by one, each would look for its
//! place; here those that come in order, either way, are the leaves already, and
//! others are sorted once. The dictionary has its size from the start. Where a member
//! goes in it is a line of memory that nobody has near: it is asked for, and some
//! members later the member is put there.

use super::content::{Marks, NewValue};
use super::dict::{Dict, Field};
use super::ranked::Ranked;
use super::table::tag_of;
use super::tree::{Item, Leaves};
use crate::base::HashKey;

/// Members on their way into the dictionary.
const UNDER_WAY: usize = 32;

/// See the module.
pub struct Unranked {
    dict: Dict,
    /// By their hashes; theirs are the last items.
    under_way: Vec<(u64, Field)>,
    leaves: Leaves,
    /// Whether a member got another score after it had come.
    is_rescored: bool,
    /// Whether a member was pushed that was there.
    has_twice: bool,
}

impl Unranked {
    /// For about so many members.
    pub fn with_room(hash_key: HashKey, members: usize) -> Self {
        Self {
            dict: Dict::with_room(hash_key, members),
            under_way: Vec::with_capacity(UNDER_WAY),
            leaves: Leaves::default(),
            is_rescored: false,
            has_twice: false,
        }
    }

    /// Adds a member that is not there. Its score is a number.
    pub fn push(&mut self, member: &[u8], score: f64) {
        assert!(!score.is_nan(), "a score is a number");
        let hash = self.dict.hash(member);
        self.dict.table.prefetch_bucket(hash);
        let field = Field::new(tag_of(hash), member, bits_of(score), Marks::NONE);
        self.leaves.push(Item::of(&field));
        self.under_way.push((hash, field));
        if self.under_way.len() == UNDER_WAY {
            self.arrive();
        }
    }

    /// Gives a member a score: `score`, or what `join` makes of the one it has and this.
    pub fn join(&mut self, member: &[u8], score: f64, join: impl FnOnce(f64, f64) -> f64) {
        self.arrive();
        let Some(known) = self.dict.find(member) else {
            return self.push(member, score);
        };
        let joined = join(super::ranked_score(known), score);
        assert!(!joined.is_nan(), "a score is a number");
        self.dict.insert(member, bits_of(joined), None);
        self.is_rescored = true;
    }

    /// All in their order; none if a member came twice.
    pub fn rank(mut self) -> Option<Ranked> {
        self.arrive();
        if self.is_rescored {
            self.leaves = Leaves::default();
            let items = self.dict.iter().map(Item::of);
            items.for_each(|item| self.leaves.push(item));
        }
        let tree = self.leaves.into_tree();
        (!self.has_twice).then(|| Ranked::of(self.dict, tree))
    }

    /// Puts those that are under way into the dictionary.
    fn arrive(&mut self) {
        for (hash, field) in self.under_way.drain(..) {
            self.has_twice |= self.dict.has(hash, field.key());
            self.dict.add(hash, field);
        }
    }
}

fn bits_of<'v>(score: f64) -> NewValue<'v, std::convert::Infallible> {
    NewValue::Int(score.to_bits().cast_signed())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::Random;

    const HASH_KEY: HashKey = HashKey([1, 2]);

    type Scored = (f64, Vec<u8>);

    fn members(ranked: &Ranked) -> Vec<Scored> {
        let mut all = Vec::new();
        ranked.visit(0..ranked.len(), |score, member| {
            all.push((score, member.to_vec()));
            true
        });
        all
    }

    /// Members with scores, many of which are the same, in their order.
    fn some(random: &mut Random, len: u64) -> Vec<Scored> {
        let scores = 1 + random.below(2 * len + 1);
        let score = |random: &mut Random| random.below(scores) as f64 - 20.0;
        let mut all: Vec<Scored> = (0..len)
            .map(|number| (score(random), format!("m{number}").into_bytes()))
            .collect();
        all.sort_by(|one, other| one.partial_cmp(other).expect("scores are numbers"));
        all
    }

    fn ranked(scored: &[Scored], room: usize) -> Option<Ranked> {
        let mut unranked = Unranked::with_room(HASH_KEY, room);
        for (score, member) in scored {
            unranked.push(member, *score);
        }
        unranked.rank()
    }

    /// All that the set says, and that it stays sound while it changes.
    fn check(mut ranked: Ranked, expected: &[Scored], random: &mut Random) {
        assert_eq!(members(&ranked), expected);
        assert_eq!(ranked.tree.check(), expected.len());
        assert_eq!(ranked.len(), expected.len());
        for (rank, (score, member)) in expected.iter().enumerate() {
            assert_eq!(ranked.rank(member), Some((rank, *score)));
        }
        let changes = if cfg!(miri) { 20 } else { 400 };
        let mut model: BTreeMap<Vec<u8>, f64> = expected
            .iter()
            .map(|(score, member)| (member.clone(), *score))
            .collect();
        for _ in 0..changes {
            let member = format!("m{}", random.below(expected.len() as u64 + 9)).into_bytes();
            if random.below(2) == 0 {
                assert_eq!(ranked.remove(&member), model.remove(&member));
            } else {
                let score = random.below(30) as f64;
                assert_eq!(ranked.insert(&member, score), model.insert(member, score));
            }
        }
        assert_eq!(ranked.tree.check(), model.len());
        let count = ranked.len();
        ranked.cut(count / 3..count / 2);
        assert_eq!(ranked.tree.check(), count - (count / 2 - count / 3));
        assert!(members(&ranked.clone()) == members(&ranked));
    }

    /// Lengths about those at which a level is full, and some between.
    const LENGTHS: &[u64] = if cfg!(miri) {
        &[0, 1, 63, 65, 130]
    } else {
        &[
            0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 700, 4_095, 4_096, 4_097, 4_161, 9_000,
        ]
    };

    #[test]
    fn members_of_any_order_come_into_theirs() {
        let mut random = Random::new(17);
        for &len in LENGTHS {
            let expected = some(&mut random, len);
            let room = [0, len / 2, len, len * 2][random.below(4) as usize] as usize;
            let rises = expected.clone();
            let falls: Vec<Scored> = expected.iter().rev().cloned().collect();
            // As a snapshot has them: first those that changed, then the others.
            let (mut first, rest): (Vec<Scored>, Vec<Scored>) =
                falls.iter().cloned().partition(|_| random.below(20) == 0);
            first.extend(rest);
            let mut shuffled = expected.clone();
            for at in 1..shuffled.len() {
                shuffled.swap(at, random.below(at as u64 + 1) as usize);
            }
            for scored in [rises, falls, first, shuffled] {
                let ranked = ranked(&scored, room).expect("each is there once");
                check(ranked, &expected, &mut random);
            }
        }
    }

    #[test]
    fn a_copy_is_in_full_leaves_and_as_small_as_one_that_was_filled_in_order() {
        let mut random = Random::new(19);
        let len = if cfg!(miri) { 300 } else { 20_000 };
        let expected = some(&mut random, len);
        let mut scattered = Ranked::new(HASH_KEY);
        let mut filled = Ranked::new(HASH_KEY);
        for (score, member) in expected
            .iter()
            .step_by(2)
            .chain(expected.iter().skip(1).step_by(2))
        {
            scattered.insert(member, *score);
        }
        for (score, member) in &expected {
            filled.insert(member, *score);
        }
        // A range that is cut out is not copied, and what came back of it is, once.
        let cut = expected.len() / 3..expected.len() / 2;
        let (score, back) = &expected[cut.start];
        scattered.cut(cut.clone());
        assert_eq!(scattered.insert(back, *score), None);
        for (_, member) in &expected[cut.start + 1..cut.end] {
            filled.remove(member);
        }
        let copy = scattered.clone();
        assert!(scattered.is_mending() && !copy.is_mending());
        assert_eq!(copy.dict().len(), filled.len());
        assert!(copy.allocated_bytes() <= filled.allocated_bytes() + filled.allocated_bytes() / 50);
        let left = members(&filled);
        drop(scattered);
        check(copy, &left, &mut random);
    }

    #[test]
    fn a_member_that_comes_twice_is_told() {
        let mut random = Random::new(23);
        for &len in &LENGTHS[1..] {
            let mut scored = some(&mut random, len);
            let again = scored[random.below(len) as usize].clone();
            scored.insert(random.below(len + 1) as usize, again.clone());
            assert!(ranked(&scored, 0).is_none(), "{len}");
            scored.retain(|one| *one != again);
            scored.insert(0, again.clone());
            scored.push((again.0 + 1.0, again.1));
            assert!(ranked(&scored, scored.len()).is_none(), "{len}");
        }
    }

    #[test]
    fn scores_are_joined() {
        let mut random = Random::new(29);
        for &len in LENGTHS {
            let mut model: BTreeMap<Vec<u8>, f64> = BTreeMap::new();
            let mut unranked = Unranked::with_room(HASH_KEY, 0);
            for _ in 0..len {
                let member = format!("m{}", random.below(len)).into_bytes();
                let score = random.below(9) as f64;
                unranked.join(&member, score, |known, new| known + new);
                *model.entry(member).or_default() += score;
            }
            let mut expected: Vec<Scored> = model.into_iter().map(|(m, s)| (s, m)).collect();
            expected.sort_by(|one, other| one.partial_cmp(other).expect("scores are numbers"));
            let ranked = unranked.rank().expect("joined ones are there once");
            check(ranked, &expected, &mut random);
        }
    }

    #[test]
    fn what_is_never_ranked_is_freed() {
        let mut unranked = Unranked::with_room(HASH_KEY, 10);
        for number in 0..100_u8 {
            unranked.push(&[number], f64::from(number));
        }
        drop(unranked);
    }
}
