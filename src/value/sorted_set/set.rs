//! The sorted set in either form.

use std::ops::Range;

use super::packed;
use crate::base::Random;
use crate::memory::{Dict, Ranked, Unranked, class_bytes};
use crate::value::Rules;
use crate::value::listpack::Listpack;

/// The way a range is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    Highest,
    Lowest,
}

/// Members that are removed and freed at once; more are cut out.
const REMOVED_AT_ONCE: usize = 128;

/// See the module.
#[derive(Clone, Debug)]
pub struct SortedSet(Form);

#[derive(Clone, Debug)]
enum Form {
    Packed(Listpack),
    Table(Box<Ranked>),
}

impl Default for SortedSet {
    fn default() -> Self {
        Self(Form::Packed(Listpack::new()))
    }
}

impl SortedSet {
    /// A set from a packed list of outside; none if it holds no sorted set.
    /// One beyond the thresholds becomes a table.
    pub fn from_packed(pack: Listpack, rules: &Rules) -> Option<Self> {
        if !packed::is_sorted_set(&pack) {
            return None;
        }
        let longest = packed::pairs(&pack).map(|pair| pair.member.len()).max();
        let fits = pack.len() / 2 <= rules.zset_max_listpack_entries
            && longest.unwrap_or(0) <= rules.zset_max_listpack_value;
        let mut set = Self(Form::Packed(pack));
        if !fits {
            set.become_table(rules);
        }
        Some(set)
    }

    /// A set of members that are in order already. Its form is settled before the first is put in:
    /// the packed one keeps no sign of a zero, so it matters whether they pass through it.
    pub fn of_ranked(ranked: Ranked, rules: &Rules) -> Self {
        let mut pack = Listpack::new();
        let mut fits = ranked.len() <= rules.zset_max_listpack_entries;
        if fits {
            ranked.visit(0..ranked.len(), |score, member| {
                fits = member.len() <= rules.zset_max_listpack_value;
                packed::push(&mut pack, member, score);
                fits
            });
        }
        Self(if fits {
            Form::Packed(pack)
        } else {
            Form::Table(Box::new(ranked))
        })
    }

    /// A set of members that come in any order, about so many; none if one comes twice.
    pub fn collect<M: AsRef<[u8]>, F>(
        mut members: impl Iterator<Item = Result<(M, f64), F>>,
        room: usize,
        rules: &Rules,
    ) -> Result<Option<Self>, F> {
        let mut set = Unranked::with_room(rules.hash_key, room);
        members.try_for_each(|member| {
            let (member, score) = member?;
            set.push(member.as_ref(), score);
            Ok(())
        })?;
        Ok(set.rank().map(|ranked| Self::of_ranked(ranked, rules)))
    }

    /// A set of the members of these ranks, which are below `len`. The first `packed_first` of them
    /// pass through the packed form, on the way that is told, if they are short.
    pub fn range(
        &self,
        ranks: Range<usize>,
        towards: Towards,
        packed_first: usize,
        rules: &Rules,
    ) -> Self {
        let mut range = Unranked::with_room(rules.hash_key, ranks.len());
        let mut packed_left = packed_first;
        self.visit(ranks, towards, |score, member| {
            if member.len() > rules.zset_max_listpack_value {
                packed_left = 0;
            }
            // Adding 0 takes the sign of a zero away.
            range.push(member, if packed_left > 0 { score + 0.0 } else { score });
            packed_left = packed_left.saturating_sub(1);
        });
        let range = range.rank().expect("a set has each member once");
        Self::of_ranked(range, rules)
    }

    /// The packed form, if it is one.
    pub fn packed(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Packed(pack) => Some(pack),
            Form::Table(_) => None,
        }
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len() / 2,
            Form::Table(table) => table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Packed(pack) => pack.is_empty(),
            Form::Table(table) => table.is_empty(),
        }
    }

    /// What OBJECT ENCODING answers; a table goes by stock's name for it.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Table(_) => "skiplist",
        }
    }

    /// The members, if they are not packed: see [`Ranked::dict`].
    pub(in crate::value) fn dict(&self) -> Option<&Dict> {
        match &self.0 {
            Form::Packed(_) => None,
            Form::Table(table) => Some(table.dict()),
        }
    }

    /// The same, with the order.
    pub(in crate::value) fn ranked_mut(&mut self) -> Option<&mut Ranked> {
        match &mut self.0 {
            Form::Packed(_) => None,
            Form::Table(table) => Some(table),
        }
    }

    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Table(table) => class_bytes(size_of::<Ranked>()) + table.allocated_bytes(),
        }
    }

    pub fn weight(&self) -> usize {
        match &self.0 {
            Form::Packed(_) => 1,
            Form::Table(table) => table.weight(),
        }
    }

    /// Whether members that were removed are still to be freed.
    pub fn is_mending(&self) -> bool {
        match &self.0 {
            Form::Packed(_) => false,
            Form::Table(table) => table.is_mending(),
        }
    }

    /// Frees up to `budget` members that were removed; `false` when none is left.
    pub fn mend_step(&mut self, budget: usize) -> bool {
        match &mut self.0 {
            Form::Packed(_) => false,
            Form::Table(table) => table.mend_step(budget),
        }
    }

    pub fn free_step(&mut self, budget: usize) -> bool {
        match &mut self.0 {
            Form::Packed(_) => false,
            Form::Table(table) => table.free_step(budget),
        }
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Packed(pack) => packed::find(pack, member).map(|(_, score)| score),
            Form::Table(table) => table.score(member),
        }
    }

    /// Gives a member a score, which is a number; the score it had before.
    pub fn insert(&mut self, member: &[u8], score: f64, rules: &Rules) -> Option<f64> {
        if let Form::Packed(pack) = &mut self.0 {
            if let Some((at, before)) = packed::find(pack, member) {
                if before != score {
                    pack.remove(at, 2);
                    packed::insert(pack, member, score);
                }
                return Some(before);
            }
            if pack.len() / 2 < rules.zset_max_listpack_entries
                && member.len() <= rules.zset_max_listpack_value
            {
                packed::insert(pack, member, score);
                return None;
            }
            self.become_table(rules);
        }
        let Form::Table(table) = &mut self.0 else {
            unreachable!("it has just become a table");
        };
        table.insert(member, score)
    }

    fn become_table(&mut self, rules: &Rules) {
        if let Form::Packed(pack) = &self.0 {
            let mut table = Box::new(Ranked::new(rules.hash_key));
            for pair in packed::pairs(pack) {
                pair.member
                    .with_text(|member| table.insert(member, pair.score));
            }
            self.0 = Form::Table(table);
        }
    }

    /// Removes a member; the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Form::Packed(pack) => {
                let (at, score) = packed::find(pack, member)?;
                pack.remove(at, 2);
                Some(score)
            }
            Form::Table(table) => table.remove(member),
        }
    }

    /// Removes the members of these ranks; how many there were. Of many,
    /// most are freed later: see `mend_step`.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        let count = ranks.len();
        match &mut self.0 {
            Form::Packed(pack) => pack.remove_range(ranks.start * 2, count * 2),
            Form::Table(table) => {
                table.cut(ranks);
                table.mend_step(REMOVED_AT_ONCE);
            }
        }
        count
    }

    /// How many members stand before this one, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Packed(pack) => packed::pairs(pack)
                .position(|pair| pair.member.eq_bytes(member))
                .zip(self.score(member)),
            Form::Table(table) => table.rank(member),
        }
    }

    /// How many members, from the lowest on, are `before`: a question that is
    /// yes for the first ones and no for all others.
    pub fn partition(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
        match &self.0 {
            Form::Packed(pack) => packed::pairs(pack)
                .take_while(|pair| pair.member.with_text(|member| before(pair.score, member)))
                .count(),
            Form::Table(table) => table.partition(before),
        }
    }

    /// Visits the members of these ranks, which are below `len`.
    pub fn visit(&self, ranks: Range<usize>, towards: Towards, mut visit: impl FnMut(f64, &[u8])) {
        if ranks.is_empty() {
            return;
        }
        match (&self.0, towards) {
            (Form::Packed(pack), Towards::Highest) => {
                let first = pack.seek(ranks.start as i64 * 2);
                for pair in packed::pairs_from(pack, first).take(ranks.len()) {
                    pair.member.with_text(|member| visit(pair.score, member));
                }
            }
            (Form::Packed(pack), Towards::Lowest) => {
                let skipped = pack.len() / 2 - ranks.end;
                let pairs = packed::pairs_back(pack).skip(skipped);
                for (score, member) in pairs.take(ranks.len()) {
                    member.with_text(|member| visit(score, member));
                }
            }
            (Form::Table(table), Towards::Highest) => table.visit(ranks, |score, member| {
                visit(score, member);
                true
            }),
            (Form::Table(table), Towards::Lowest) => table.visit_back(ranks, |score, member| {
                visit(score, member);
                true
            }),
        }
    }

    /// Visits all members, the lowest first.
    pub fn visit_all(&self, visit: impl FnMut(f64, &[u8])) {
        self.visit(0..self.len(), Towards::Highest, visit);
    }

    /// One step of a walk with a cursor, as `Dict::visit`; a packed set is
    /// visited whole.
    pub fn scan(&self, position: u32, visit: impl FnMut(f64, &[u8])) -> Option<u32> {
        match &self.0 {
            Form::Packed(_) => {
                self.visit_all(visit);
                None
            }
            Form::Table(table) => table.scan(position, visit),
        }
    }

    /// A rank drawn by chance; none of an empty set.
    pub fn draw_rank(&self, random: &mut Random) -> Option<usize> {
        let len = self.len() as u64;
        (len > 0).then(|| random.below(len) as usize)
    }
}
