//! Every history there was, by one who knows everything: who went on from whom, and
//! what the data is at the end of each unit.

use std::collections::BTreeMap;

use crate::replication::{ReplicationId, Standing};

use super::super::story::{Applied, requests};

/// A place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) id: ReplicationId,
    pub(super) offset: u64,
}

impl Point {
    pub(super) fn of(standing: Standing) -> Point {
        Point {
            id: standing.id,
            offset: standing.offset,
        }
    }
}

#[derive(Debug)]
struct Telling {
    /// What it went on from.
    before: Option<Point>,
    /// What the data was once, before there were writes in no history.
    holds: Option<Point>,
    applied: Applied,
    /// The end of each unit, and what the data is there.
    ends: Vec<(u64, u64)>,
    end: u64,
    /// Who leads it.
    author: Option<usize>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Book(BTreeMap<String, Telling>);

impl Book {
    /// A history begins with this data, or goes on from another.
    pub(super) fn begin(&mut self, at: Point, applied: &Applied, before: Option<Point>) {
        if let Some(before) = before {
            let digest = self.digest(before);
            assert_eq!(digest, Some(applied.digest), "it goes on from {before:?}");
        }
        let telling = Telling {
            before,
            holds: None,
            applied: applied.clone(),
            ends: vec![(at.offset, applied.digest)],
            end: at.offset,
            author: None,
        };
        let known = self.0.insert(at.id.to_string(), telling);
        assert!(known.is_none(), "{at:?} begins twice");
    }

    /// A history began with data that came of this, and of more.
    pub(super) fn hold(&mut self, id: ReplicationId, holds: Option<Point>) {
        let telling = self.0.get_mut(id.as_str()).expect("it has begun");
        telling.holds = holds;
    }

    /// A history goes on; by one node alone.
    pub(super) fn append(&mut self, author: usize, id: ReplicationId, bytes: &[u8]) {
        let telling = self.0.get_mut(id.as_str()).expect("it has begun");
        let known = *telling.author.get_or_insert(author);
        assert_eq!(known, author, "two write one history: {id}");
        for (words, end) in requests(bytes) {
            telling.applied.apply(&words);
            if !telling.applied.is_in_multi {
                let end = telling.end + end as u64;
                telling.ends.push((end, telling.applied.digest));
            }
        }
        telling.end += bytes.len() as u64;
    }

    pub(super) fn has(&self, id: ReplicationId) -> bool {
        self.0.contains_key(id.as_str())
    }

    /// What is known of a history, for who looks why nobody was there.
    pub(super) fn tell(&self, id: ReplicationId) -> String {
        match self.0.get(id.as_str()) {
            None => "nobody ever had it".to_owned(),
            Some(Telling {
                before, ends, end, ..
            }) => format!("behind {before:?}, from {:?} to {end}", ends[0].0),
        }
    }

    /// What the data is there; none inside of a unit, or where nobody ever was.
    pub(super) fn digest(&self, at: Point) -> Option<u64> {
        let telling = self.0.get(at.id.as_str())?;
        if at.offset < telling.ends[0].0 {
            let id = telling.before?.id;
            return self.digest(Point { id, ..at });
        }
        let ends = &telling.ends;
        let found = ends.binary_search_by_key(&at.offset, |(end, _)| *end);
        found.ok().map(|index| ends[index].1)
    }

    /// Where at this offset the data was this.
    pub(super) fn find(&self, offset: u64, digest: u64) -> Option<Point> {
        let ids = self.0.keys();
        let ids = ids.filter_map(|id| ReplicationId::parse(id.as_bytes()));
        let mut points = ids.map(|id| Point { id, offset });
        points.find(|point| self.digest(*point) == Some(digest))
    }

    /// The same point under the first name that there was for it.
    pub(super) fn first_name(&self, at: Point) -> Point {
        let before = self
            .0
            .get(at.id.as_str())
            .and_then(|telling| telling.before);
        match before.filter(|before| at.offset <= before.offset) {
            Some(before) => self.first_name(Point {
                id: before.id,
                ..at
            }),
            None => at,
        }
    }

    /// Whether who is at a point has all that there was at another.
    pub(super) fn includes(&self, at: Point, other: Point) -> bool {
        let other = self.first_name(other);
        if at.id == other.id {
            return other.offset <= at.offset;
        }
        let Some(telling) = self.0.get(at.id.as_str()) else {
            return false;
        };
        if let Some(holds) = telling.holds {
            return self.includes(holds, other);
        }
        telling.before.is_some_and(|before| {
            let offset = before.offset.min(at.offset);
            self.includes(Point { offset, ..before }, other)
        })
    }
}
