//! A link behind its full synchronisation, which has yet to catch up with what was
//! written meanwhile. To drop it for being behind would be to begin anew, with more
//! to catch up with: it is dropped only when it stands still, and when writers outrun
//! it, they are to wait instead (redis#4697, #2315, #11534).

use super::closing::Limits;

/// One that has been still for so long does not get on.
const STILL_MS: u64 = 5000;

/// By so much it may be further behind than at first before writers wait.
const SLACK_BYTES: u64 = 16 << 20;

/// Of what it has taken, the part that it has to have caught up: one of so many.
const CAUGHT_UP: u64 = 4;

/// See the module. Places are numbers of bytes of the stream; times are milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Catching {
    /// The first byte behind its file, and how far that was behind the end.
    from: u64,
    behind: u64,
    /// Where it last was, and since when.
    place: u64,
    since: u64,
    pub(super) is_told: bool,
}

impl Catching {
    /// It begins at a place that is so far behind the end.
    pub(super) fn new(now: u64, place: u64, behind: u64) -> Catching {
        Catching {
            from: place,
            behind,
            place,
            since: now,
            is_told: false,
        }
    }

    /// It is at a place now.
    pub(super) fn look(&mut self, now: u64, place: u64) {
        if place > self.place {
            self.place = place;
            self.since = now;
        }
    }

    /// Whether it has moved lately.
    pub(super) fn gets_on(&self, now: u64) -> bool {
        now <= self.since + STILL_MS
    }

    /// Whether one that is so far behind has caught up.
    pub(super) fn is_over(limits: Limits, behind: u64) -> bool {
        behind <= limits.least() / 2
    }

    /// By how much one that is at a place, and so far behind, is behind by more than it
    /// may be: it is to catch up with a part of what it takes.
    pub(super) fn outrun_by(&self, limits: Limits, place: u64, behind: u64) -> u64 {
        let caught_up = place.saturating_sub(self.from) / CAUGHT_UP;
        let allowed = (self.behind + SLACK_BYTES).saturating_sub(caught_up);
        behind.saturating_sub(allowed.max(limits.least()))
    }
}
