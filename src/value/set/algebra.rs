//! Intersection, union and difference.

use crate::value::listpack::{Item, Listpack};
use crate::value::rules::Rules;

use super::intset::Intset;
use super::members::{Form, Set, integers_max};

/// The members all of `sets` have, in the order of the smallest, of which there
/// must be one.
pub fn intersection<'a>(mut sets: Vec<&'a Set>) -> impl Iterator<Item = Item<'a>> {
    // The smallest is walked, and what is missing is most likely missing in the
    // next one. Stable, so that the order of the result is stock's.
    sets.sort_by_key(|set| set.len());
    let others = sets.split_off(1);
    sets[0]
        .iter()
        .filter(move |item| others.iter().all(|set| set.contains_item(*item)))
}

/// The members of `first` that none of `others` has, in the order of `first`.
pub fn difference<'a>(
    first: &'a Set,
    others: &[&'a Set],
    rules: &Rules,
) -> impl Iterator<Item = Item<'a>> + use<'a> {
    // Either each member is looked for in every other set, half of them until it
    // is found; or the others are joined first and each is looked for once.
    let looks = first.len().saturating_mul(others.len()) / 2;
    let joined_len: usize = others.iter().map(|set| set.len()).sum();
    let joined = (looks > first.len() + joined_len).then(|| Set::union(others, rules));
    let others = others.to_vec();
    first.iter().filter(move |item| match &joined {
        Some(joined) => !joined.contains_item(*item),
        None => !others.iter().any(|set| set.contains_item(*item)),
    })
}

impl Set {
    /// The members of any of `sets`.
    pub fn union(sets: &[&Set], rules: &Rules) -> Set {
        let largest = (0..sets.len()).max_by_key(|&at| sets[at].len());
        // The others are added to a copy of it.
        let copy = largest.and_then(|at| sets[at].copy_as_added(rules));
        let copied = largest.filter(|_| copy.is_some());
        let mut union = copy.unwrap_or_default();
        let others = sets
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != copied);
        for item in others.flat_map(|(_, set)| set.iter()) {
            union.insert_item(item, rules);
        }
        union
    }

    /// The intersection of `sets` to be stored: integers, if that is all there
    /// is; else packed, in the order of the smallest, or a table.
    pub fn of_intersection(sets: Vec<&Set>, rules: &Rules) -> Set {
        let smallest = sets.iter().min_by_key(|set| set.len());
        if let [only] = sets[..]
            && let Some(copy) = only.copy_as_added(rules)
        {
            return copy;
        }
        let is_sorted = smallest.is_none_or(|set| set.as_intset().is_some());
        let mut result = if is_sorted {
            Set::default()
        } else {
            Set(Form::Packed(Listpack::new()))
        };
        for item in intersection(sets) {
            result.insert_item(item, rules);
        }
        if result.len() <= integers_max(rules)
            && let Some(integers) = result.all_integers()
        {
            return integers.into();
        }
        result
    }

    /// The difference to be stored: its form is that of its members added one
    /// after the other.
    pub fn of_difference(first: &Set, others: &[&Set], rules: &Rules) -> Set {
        if others.is_empty()
            && let Some(copy) = first.copy_as_added(rules)
        {
            return copy;
        }
        difference(first, others, rules).fold(Set::default(), |mut result, item| {
            result.insert_item(item, rules);
            result
        })
    }

    /// The members as integers, if all are.
    fn all_integers(&self) -> Option<Intset> {
        let mut integers = Intset::default();
        for item in self.iter() {
            let integer = match item {
                Item::Int(integer) => integer,
                Item::Text(text) => match Item::of(text) {
                    Item::Int(integer) => integer,
                    Item::Text(_) => return None,
                },
            };
            integers.insert(integer);
        }
        Some(integers)
    }
}
