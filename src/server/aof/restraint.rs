//! Rewrites that fail over and over begin by themselves less and less often: a disk
//! that is full is not filled with the increments of rewrites that cannot end.

/// So many may fail one after the other before there is a rest.
const FAILURES_MAX: u64 = 3;

/// The longest rest.
const MINUTES_MAX: u64 = 60;

const MINUTE_NS: u64 = 60_000_000_000;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Restraint {
    /// How long the last rest was.
    minutes: u64,
    until_ns: Option<u64>,
}

/// Whether a rewrite may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    /// Not for so many minutes, from now on.
    FromNow(u64),
    Wait,
}

impl Restraint {
    /// Asked by who wants to begin; so many have failed one after the other.
    pub(super) fn look(&mut self, failures: u64, now_ns: u64) -> Verdict {
        if failures < FAILURES_MAX {
            *self = Restraint::default();
            return Verdict::Go;
        }
        match self.until_ns {
            Some(until_ns) if now_ns < until_ns => Verdict::Wait,
            Some(_) => {
                self.until_ns = None;
                Verdict::Go
            }
            None => {
                self.minutes = (self.minutes * 2).clamp(1, MINUTES_MAX);
                self.until_ns = Some(now_ns + self.minutes * MINUTE_NS);
                Verdict::FromNow(self.minutes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MINUTE_NS, Restraint, Verdict};

    #[test]
    fn each_rest_is_twice_as_long_and_a_success_ends_it() {
        let mut restraint = Restraint::default();
        let mut now_ns = 5;
        assert_eq!(restraint.look(2, now_ns), Verdict::Go);
        for (failures, minutes) in (3..).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
            assert_eq!(restraint.look(failures, now_ns), Verdict::FromNow(minutes));
            now_ns += minutes * MINUTE_NS - 1;
            assert_eq!(restraint.look(failures, now_ns), Verdict::Wait);
            now_ns += 1;
            assert_eq!(restraint.look(failures, now_ns), Verdict::Go);
        }
        assert_eq!(restraint.look(0, now_ns), Verdict::Go);
        assert_eq!(restraint.look(3, now_ns), Verdict::FromNow(1));
    }
}
