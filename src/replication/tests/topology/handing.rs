//! Failovers by FAILOVER, as one sees them who knows both ends.
//!
//! Of one that no crash and no operator has disturbed, there is one node that leads at its
//! end, and it has every write that was answered. A request that comes late, an answer that
//! does not come, and a target that stands still disturb nothing.

use super::book::Point;

/// One that was decided on.
#[derive(Clone, Debug)]
struct Handing {
    from: usize,
    to: usize,
    /// Where the last write was, if the target has to have that.
    halted: Option<Point>,
    /// Where the stream has ended.
    ended: Option<Point>,
    /// Where the target has begun to lead.
    taken: Option<Point>,
    is_disturbed: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Handings {
    seed: u64,
    all: Vec<Handing>,
}

impl Handings {
    pub(super) fn new(seed: u64) -> Handings {
        Handings {
            seed,
            all: Vec::new(),
        }
    }

    /// A node is to follow its replica; what is known of that may be of an earlier life.
    pub(super) fn begin(
        &mut self,
        [from, to]: [usize; 2],
        halted: Option<Point>,
        is_disturbed: bool,
    ) {
        self.all.retain(|handing| handing.from != from);
        self.all.push(Handing {
            from,
            to,
            halted,
            ended: None,
            taken: None,
            is_disturbed,
        });
    }

    pub(super) fn disturb(&mut self, place: usize) {
        for handing in &mut self.all {
            handing.is_disturbed |= handing.from == place || handing.to == place;
        }
    }

    fn by(&mut self, from: usize) -> Option<&mut Handing> {
        let mut all = self.all.iter_mut();
        all.find(|handing| handing.from == from && !handing.is_disturbed)
    }

    /// The stream of who hands over has ended.
    pub(super) fn end(&mut self, from: usize, at: Point) {
        if let Some(handing) = self.by(from) {
            handing.ended = Some(at);
        }
    }

    /// A replica has begun to lead, since this node has asked it to.
    pub(super) fn take(&mut self, from: usize, to: usize, at: Point) {
        // Whoever it has handed over to before, it leads by right.
        self.all.retain(|handing| handing.from != to);
        let seed = self.seed;
        let Some(handing) = self.by(from).filter(|handing| handing.to == to) else {
            return;
        };
        handing.taken.get_or_insert(at);
        if let Some(halted) = handing.halted {
            assert!(
                at.id == halted.id && at.offset >= halted.offset,
                "seed {seed}: node {to} leads from {at:?}, and writes until {halted:?} of \
                 {from} are lost"
            );
        }
    }

    /// Who has asked has heard that the replica leads, and goes on with its stream, or with
    /// everything.
    pub(super) fn succeed(&mut self, from: usize, is_full: bool) {
        let seed = self.seed;
        let Some(handing) = self.by(from) else { return };
        let (taken, ended) = handing.taken.zip(handing.ended).unwrap_or_else(|| {
            panic!("seed {seed}: node {from} believes that another leads: {handing:?}")
        });
        // GETACK behind the last write may be lost with the link.
        assert!(
            !is_full || handing.halted.is_none() || taken.offset < ended.offset,
            "seed {seed}: node {from} gets everything, for nothing: {handing:?}"
        );
    }

    /// Who has asked leads on: who leads, too, if somebody does, and from where the other
    /// would go on.
    pub(super) fn fail(&mut self, from: usize) -> Option<(usize, Point)> {
        let index = self.all.iter().position(|handing| handing.from == from)?;
        let handing = self.all.remove(index);
        let is_seen = !handing.is_disturbed && handing.taken.is_some();
        handing.ended.filter(|_| is_seen).map(|at| (handing.to, at))
    }

    /// A client's write was taken.
    pub(super) fn write(&mut self, place: usize) {
        let seed = self.seed;
        if let Some(handing) = self.by(place) {
            assert!(
                handing.taken.is_none(),
                "seed {seed}: two take writes: {handing:?}"
            );
        }
    }
}
