//! What the search commands ask for, and finding it.

use std::ops::Range;

use crate::base::parse_i64;
use crate::resp::{Args, Refusal};
use crate::value::geo::{Area, Place, Shape, cover};
use crate::value::sorted_set::{SortedSet, Towards};

use super::parse;

/// Members looked at between two looks whether there are enough.
const VISITED_AT_ONCE: usize = 64;

/// Which command asks: where its centre and shape stand, and what it stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// GEORADIUS: centre, radius and unit at words 2 to 5.
    Radius(Storing),
    /// GEORADIUSBYMEMBER: member, radius and unit at words 2 to 4.
    RadiusByMember(Storing),
    /// GEOSEARCH: everything in options.
    Search,
    /// GEOSEARCHSTORE: the same one word later.
    SearchStore,
}

/// Whether the options STORE and STOREDIST exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Storing {
    Allowed,
    Unknown,
}

impl Form {
    fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }

    fn may_store(self) -> bool {
        matches!(
            self,
            Self::Radius(Storing::Allowed) | Self::RadiusByMember(Storing::Allowed)
        )
    }
}

/// The order of the results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    AsFound,
    NearestFirst,
    FarthestFirst,
}

/// What a stored result has for scores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stored {
    Places,
    Distances,
}

/// A parsed request.
pub(super) struct Query {
    centre: Option<Place>,
    /// Shape and metres of its unit.
    shape: Option<(Shape, f64)>,
    order: Order,
    count: Option<usize>,
    takes_any: bool,
    pub(super) with_distance: bool,
    pub(super) with_score: bool,
    pub(super) with_place: bool,
    /// The word of the key to store at.
    pub(super) store_at: Option<usize>,
    pub(super) stored: Stored,
}

/// A member that was found.
pub(super) struct Hit {
    /// In the unit of the request.
    pub(super) distance: f64,
    pub(super) score: f64,
    pub(super) place: Place,
    name: Range<usize>,
}

/// What was found, in order.
#[derive(Default)]
pub(super) struct Hits {
    pub(super) hits: Vec<Hit>,
    /// The names, one behind the other.
    names: Vec<u8>,
}

impl Hits {
    pub(super) fn name(&self, hit: &Hit) -> &[u8] {
        &self.names[hit.name.clone()]
    }
}

impl Query {
    /// Reads the request; a centre that is a member is looked up in `set`,
    /// and a request without a set is only read.
    pub(super) fn parse(
        args: Args<'_>,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<Self, Refusal> {
        let mut query = Self {
            centre: None,
            shape: None,
            order: Order::AsFound,
            count: None,
            takes_any: false,
            with_distance: false,
            with_score: false,
            with_place: false,
            store_at: None,
            stored: Stored::Places,
        };
        let first = match form {
            Form::Radius(_) => {
                query.centre = Some(parse::place(args, 2)?);
                query.shape = Some(circle(args, 4)?);
                6
            }
            Form::RadiusByMember(_) => {
                if let Some(set) = set {
                    query.centre = Some(member(set, args.get(2))?);
                    query.shape = Some(circle(args, 3)?);
                }
                5
            }
            Form::Search => 2,
            Form::SearchStore => {
                query.store_at = Some(1);
                3
            }
        };
        query.parse_options(args, first, form, set)?;
        Ok(query)
    }

    fn parse_options(
        &mut self,
        args: Args<'_>,
        first: usize,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<(), Refusal> {
        let (mut has_member, mut has_place) = (false, false);
        let (mut has_circle, mut has_box) = (false, false);
        let mut at = first;
        while at < args.len() {
            let left = args.len() - at - 1;
            let searches = form.is_search();
            at += if args.is(at, b"withdist") {
                self.with_distance = true;
                1
            } else if args.is(at, b"withhash") {
                self.with_score = true;
                1
            } else if args.is(at, b"withcoord") {
                self.with_place = true;
                1
            } else if args.is(at, b"any") {
                self.takes_any = true;
                1
            } else if args.is(at, b"asc") {
                self.order = Order::NearestFirst;
                1
            } else if args.is(at, b"desc") {
                self.order = Order::FarthestFirst;
                1
            } else if args.is(at, b"count") && left >= 1 {
                let count = parse_i64(args.get(at + 1)).ok_or(Refusal::NotInteger)?;
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                self.count = Some(count.ok_or(Refusal::GEO_COUNT)?);
                2
            } else if form.may_store() && args.is(at, b"store") && left >= 1 {
                self.store_at = Some(at + 1);
                self.stored = Stored::Places;
                2
            } else if form.may_store() && args.is(at, b"storedist") && left >= 1 {
                self.store_at = Some(at + 1);
                self.stored = Stored::Distances;
                2
            } else if searches && args.is(at, b"frommember") && left >= 1 && !has_place {
                has_member = true;
                if let Some(set) = set {
                    self.centre = Some(member(set, args.get(at + 1))?);
                }
                2
            } else if searches && args.is(at, b"fromlonlat") && left >= 2 && !has_member {
                has_place = true;
                self.centre = Some(parse::place(args, at + 1)?);
                3
            } else if searches && args.is(at, b"byradius") && left >= 2 && !has_box {
                has_circle = true;
                self.shape = Some(circle(args, at + 1)?);
                3
            } else if searches && args.is(at, b"bybox") && left >= 3 && !has_circle {
                has_box = true;
                self.shape = Some(rectangle(args, at + 1)?);
                4
            } else if form == Form::SearchStore && args.is(at, b"storedist") {
                self.stored = Stored::Distances;
                1
            } else {
                return Err(Refusal::Syntax);
            };
        }
        if self.store_at.is_some() && (self.with_distance || self.with_score || self.with_place) {
            return Err(if form == Form::SearchStore {
                Refusal::GEOSEARCHSTORE_WITH
            } else {
                Refusal::GEORADIUS_STORE_WITH
            });
        }
        if form.is_search() && !has_member && !has_place {
            let choices = "FROMMEMBER or FROMLONLAT";
            return Err(Refusal::exactly_one_of(choices, args.name()));
        }
        if form.is_search() && !has_circle && !has_box {
            return Err(Refusal::exactly_one_of("BYRADIUS and BYBOX", args.name()));
        }
        if self.takes_any && self.count.is_none() {
            return Err(Refusal::GEO_ANY_WITHOUT_COUNT);
        }
        // Some of all: the nearest, unless any will do.
        if self.count.is_some() && !self.takes_any && self.order == Order::AsFound {
            self.order = Order::NearestFirst;
        }
        Ok(())
    }

    /// The members of `set` that were asked for.
    pub(super) fn search(&self, set: &SortedSet) -> Hits {
        let centre = self.centre.expect("a request with a set has a centre");
        let (shape, metres_per_unit) = self.shape.expect("a request with a set has a shape");
        let area = Area {
            centre,
            shape,
            metres_per_unit,
        };
        let enough = match self.count {
            Some(count) if self.takes_any => count,
            _ => usize::MAX,
        };
        let mut found = Hits::default();
        for (first, end) in cover(&area) {
            let mut rank = set.partition(|score, _| score < first);
            let end = set.partition(|score, _| score < end);
            while rank < end && found.hits.len() < enough {
                let next = end.min(rank + VISITED_AT_ONCE);
                set.visit(rank..next, Towards::Highest, |score, name| {
                    let place = Place::from_score(score);
                    if found.hits.len() < enough
                        && let Some(distance_m) = area.distance_m(place)
                    {
                        let start = found.names.len();
                        found.names.extend_from_slice(name);
                        found.hits.push(Hit {
                            distance: distance_m / metres_per_unit,
                            score,
                            place,
                            name: start..found.names.len(),
                        });
                    }
                });
                rank = next;
            }
        }
        match self.order {
            Order::AsFound => {}
            Order::NearestFirst => found
                .hits
                .sort_by(|one, other| one.distance.total_cmp(&other.distance)),
            Order::FarthestFirst => found
                .hits
                .sort_by(|one, other| other.distance.total_cmp(&one.distance)),
        }
        found.hits.truncate(self.count.unwrap_or(usize::MAX));
        found
    }
}

/// The place of a member that must be there.
fn member(set: &SortedSet, name: &[u8]) -> Result<Place, Refusal> {
    let score = set.score(name).ok_or(Refusal::GEO_NO_MEMBER)?;
    Ok(Place::from_score(score))
}

/// A radius at word `at` and its unit at the next.
fn circle(args: Args<'_>, at: usize) -> Result<(Shape, f64), Refusal> {
    let radius = parse::number(args.get(at), Refusal::GEO_RADIUS)?;
    if radius < 0.0 {
        return Err(Refusal::GEO_RADIUS_NEGATIVE);
    }
    let metres_per_unit = parse::metres_per_unit(args.get(at + 1))?;
    Ok((Shape::Circle { radius }, metres_per_unit))
}

/// Width and height from word `at` on, and their unit.
fn rectangle(args: Args<'_>, at: usize) -> Result<(Shape, f64), Refusal> {
    let width = parse::number(args.get(at), Refusal::GEO_WIDTH)?;
    let height = parse::number(args.get(at + 1), Refusal::GEO_HEIGHT)?;
    if width < 0.0 || height < 0.0 {
        return Err(Refusal::GEO_BOX_NEGATIVE);
    }
    let metres_per_unit = parse::metres_per_unit(args.get(at + 2))?;
    Ok((Shape::Box { width, height }, metres_per_unit))
}
