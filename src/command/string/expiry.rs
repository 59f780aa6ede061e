//! When a string's life ends, as SET, GETEX and SETEX are told.

use crate::base::parse_i64;
use crate::resp::{Args, Refusal};

/// How a time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// 1000 for seconds, 1 for milliseconds.
    pub(super) unit_ms: i64,
    /// From now, or from 1970.
    pub(super) is_relative: bool,
}

/// `EX`.
pub(super) const SECONDS: Measure = Measure {
    unit_ms: 1000,
    is_relative: true,
};

/// `PX`.
pub(super) const MILLISECONDS: Measure = Measure {
    unit_ms: 1,
    is_relative: true,
};

/// The one expiration a request may choose; the same option twice counts once,
/// by its last amount.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choice(Option<(usize, Measure)>);

impl Choice {
    /// Whether none has been chosen.
    pub(super) fn is_open(self) -> bool {
        self.0.is_none()
    }

    /// Takes the option at `index` and its amount behind it, if it is one and
    /// does not contradict an earlier one.
    pub(super) fn choose(&mut self, args: Args<'_>, index: usize) -> bool {
        let Some(measure) = measure(args, index) else {
            return false;
        };
        let fits = self.0.is_none_or(|(_, chosen)| chosen == measure);
        let has_amount = index + 1 < args.len();
        if fits && has_amount {
            self.0 = Some((index + 1, measure));
        }
        fits && has_amount
    }

    /// The deadline chosen, if any; see `deadline`.
    pub(super) fn deadline(
        self,
        args: Args<'_>,
        now_ms: u64,
        command: &'static str,
    ) -> Option<Result<u64, Refusal>> {
        let (index, measure) = self.0?;
        Some(deadline(args.get(index), measure, now_ms, command))
    }
}

/// The measure an option names, if it is one: EX, PX, EXAT, PXAT.
fn measure(args: Args<'_>, index: usize) -> Option<Measure> {
    let absolute = |unit_ms| Measure {
        unit_ms,
        is_relative: false,
    };
    if args.is(index, b"ex") {
        Some(SECONDS)
    } else if args.is(index, b"px") {
        Some(MILLISECONDS)
    } else if args.is(index, b"exat") {
        Some(absolute(1000))
    } else if args.is(index, b"pxat") {
        Some(absolute(1))
    } else {
        None
    }
}

/// The deadline in Unix milliseconds; `command` is named by the refusal.
///
/// # Errors
/// Not an integer, or not a time after 1970 that fits.
pub(super) fn deadline(
    amount: &[u8],
    measure: Measure,
    now_ms: u64,
    command: &'static str,
) -> Result<u64, Refusal> {
    let amount = parse_i64(amount).ok_or(Refusal::NotInteger)?;
    let invalid = || Refusal::invalid_expire(command);
    if amount <= 0 {
        return Err(invalid());
    }
    let since = if measure.is_relative {
        now_ms as i64
    } else {
        0
    };
    amount
        .checked_mul(measure.unit_ms)
        .and_then(|ms| ms.checked_add(since))
        .map(|ms| ms as u64)
        .ok_or_else(invalid)
}
