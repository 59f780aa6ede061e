//! What must be true behind every step of a node.

use super::book::Point;
use super::node::Node;
use super::world::World;

/// What is known of a node.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// How often it has started.
    starts: u64,
    /// How far it has ever been in each history.
    had: Vec<Point>,
    /// The same, since it started or everything was replaced.
    highest: Vec<Point>,
    last: Option<(Point, u64)>,
    /// Whose data it has, and which start of that.
    given_by: Option<(usize, u64)>,
}

impl Known {
    pub(super) fn begin(&mut self) {
        self.starts += 1;
        self.highest.clear();
        self.last = None;
    }
}

/// Notes a point, if it is beyond what is there; how far that was.
fn note(points: &mut Vec<Point>, at: Point) -> u64 {
    let known = points.iter_mut().find(|known| known.id == at.id);
    match known {
        Some(known) => {
            let before = known.offset;
            known.offset = before.max(at.offset);
            before
        }
        None => {
            points.push(at);
            0
        }
    }
}

impl World {
    /// A node has made a step.
    pub(super) fn look(&mut self, place: usize) {
        self.look_at_replaced(place);
        self.look_at_data(place);
        self.look_at_claims(place);
        self.look_at_returned();
    }

    /// The same place in the same history is the same data, at the end of a unit; and
    /// nobody goes back.
    fn look_at_data(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let sight = slot.node.as_ref().and_then(|node| node.sight());
        let Some((at, digest)) = sight.filter(|sight| slot.known.last != Some(*sight)) else {
            return;
        };
        slot.known.last = sight;
        let seed = self.seed;
        let book = &mut self.around.book;
        if !book.has(at.id) {
            // A name that a node gave to what it had, and nobody was told of.
            let before = book.find(at.offset, digest);
            book.begin(at, slot.node.as_ref().expect("it is up").data(), before);
        }
        let told = book.digest(at);
        assert!(
            told.is_some(),
            "seed {seed}: node {place} is at {at:?}, where no unit ends: {}",
            book.tell(at.id)
        );
        assert_eq!(told, Some(digest), "seed {seed}: node {place} at {at:?}");
        self.around.seen.compared += 1;
        let highest = note(&mut slot.known.highest, at);
        assert!(
            highest <= at.offset,
            "seed {seed}: node {place} goes from {highest} back to {at:?}"
        );
        note(&mut slot.known.had, at);
    }

    /// As many replicas have what was acknowledged as a client was told.
    fn look_at_claims(&mut self, place: usize) {
        for claim in std::mem::take(&mut self.around.claims) {
            let book = &self.around.book;
            let has = |at: &Point| book.includes(*at, claim.at);
            let others = self.slots.iter().enumerate();
            let others = others.filter(|(other, _)| *other != place);
            let count = others
                .filter(|(_, slot)| slot.known.had.iter().any(has))
                .count();
            assert!(
                count >= claim.replicas,
                "seed {}: node {place} says that {} replicas have {:?}, and {count} do",
                self.seed,
                claim.replicas,
                claim.at
            );
        }
    }

    /// Who leads on, since another would not lead, is the only one; if that could go on
    /// with the other's stream.
    fn look_at_returned(&mut self) {
        let Some(from) = self.around.returned.take() else {
            return;
        };
        let Some((to, at)) = self.around.handings.fail(from) else {
            return;
        };
        let node = self.slots[to].node.as_ref();
        let continues = node.is_some_and(|node| node.continues(at));
        assert!(
            !continues,
            "seed {}: node {from} leads on, and {to} leads, too, from {at:?}",
            self.seed
        );
    }

    /// Nobody loses what it had from a node to the same node, started again with less.
    fn look_at_replaced(&mut self, place: usize) {
        if let Some(by) = self.around.opened.take() {
            let given_by = Some((by, self.slots[by].known.starts));
            let is_stock = |place: usize| self.slots[place].disk.is_stock;
            self.around.seen.mixed += u64::from(is_stock(place) != is_stock(by));
            self.slots[place].known.given_by = given_by;
        }
        if self.slots[place].node.as_ref().is_some_and(Node::leads) {
            self.slots[place].known.given_by = None;
        }
        let Some(replaced) = self.around.replaced.take() else {
            return;
        };
        // What others have of it, it has given up itself.
        for slot in &mut self.slots {
            slot.known.given_by.take_if(|(giver, _)| *giver == place);
        }
        let by = replaced.by;
        let given_by = Some((by, self.slots[by].known.starts));
        let known = &mut self.slots[place].known;
        known.highest.clear();
        known.last = None;
        let before = std::mem::replace(&mut known.given_by, given_by);
        let (Some(was), Some(node)) = (replaced.was, &self.slots[by].node) else {
            return;
        };
        let is_another = before.is_some_and(|before| before.0 == by && Some(before) != given_by);
        let Some(began_at) = node.guards().filter(|_| is_another) else {
            return;
        };
        let had_it = began_at.is_some_and(|at| self.around.book.includes(at, was));
        assert!(
            had_it,
            "seed {}: node {place} had {was:?} of node {by}, which has started with \
             {began_at:?} and takes it away",
            self.seed
        );
    }
}
