//! Calls, time and failures per command, of one core.
//!
//! Commands are known by their place in the command table, so counting is an
//! index. A histogram appears with a command's first timed call and reaches as
//! far as the longest: 1 KiB (128 counts of 8 bytes) for each power of two, 9 KiB
//! while none took more than 32 µs, 24 KiB at most. INFO and LATENCY HISTOGRAM
//! add up what all cores pack.

use hdrhistogram::Histogram;

use super::parcel::{Parcel, pack_number};

/// The longest time a histogram tells apart; longer ones count as this.
const NANOSECONDS_MAX: u64 = 1_000_000_000;
/// The last nanosecond with a count: one below the power of two above the longest.
const HISTOGRAM_END_NS: u64 = NANOSECONDS_MAX.next_power_of_two() - 1;
/// Two digits: buckets about 1 % wide, as stock's.
const DIGITS: u8 = 2;

/// What is counted of one command.
#[derive(Clone, Debug, Default)]
pub struct CommandRow {
    /// Times it ran.
    pub calls: u64,
    /// Nanoseconds it took in all.
    pub nanoseconds: u64,
    /// Times it was refused before running: arity, rights, memory.
    pub rejected_calls: u64,
    /// Times it ran and answered an error.
    pub failed_calls: u64,
    histogram: Option<Box<Histogram<u64>>>,
}

/// Statistics of every command.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    rows: Vec<CommandRow>,
    is_tracking: bool,
}

impl CommandStats {
    /// For a command table of `commands` rows, subcommands included; times are
    /// tracked until `track` says otherwise.
    pub fn new(commands: usize) -> Self {
        Self {
            rows: vec![CommandRow::default(); commands],
            is_tracking: true,
        }
    }

    /// `latency-tracking`: whether times enter the histograms.
    pub fn track(&mut self, is_on: bool) {
        self.is_tracking = is_on;
    }

    /// A call of the command at `place` that took `nanoseconds`, and whether
    /// it answered an error.
    #[inline]
    pub fn record(&mut self, place: usize, nanoseconds: u64, is_failed: bool) {
        let row = &mut self.rows[place];
        row.calls += 1;
        row.nanoseconds += nanoseconds;
        row.failed_calls += u64::from(is_failed);
        if self.is_tracking {
            let histogram = row
                .histogram
                .get_or_insert_with(|| Box::new(empty_histogram()));
            let recorded = histogram.record(nanoseconds.clamp(1, NANOSECONDS_MAX));
            recorded.expect("it grows to hold any time of this range");
        }
    }

    /// A call of the command at `place` that was refused before it ran.
    pub fn record_rejected(&mut self, place: usize) {
        self.rows[place].rejected_calls += 1;
    }

    /// Writes the used rows for another core, the histograms if asked for.
    pub fn pack(&self, with_histograms: bool, out: &mut Vec<u8>) {
        pack_number(out, self.used().count() as u64);
        for (place, row) in self.used() {
            pack_number(out, place as u64);
            row.pack(with_histograms, out);
        }
    }

    /// Adds what another core packed; the command table is the same there.
    pub fn add_packed(&mut self, parcel: &mut Parcel<'_>) {
        for _ in 0..parcel.number() {
            let place = parcel.number() as usize;
            self.rows[place].add_packed(parcel);
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        self.rows.fill_with(CommandRow::default);
    }

    /// The row of the command at `place`, called or not.
    pub fn row(&self, place: usize) -> &CommandRow {
        &self.rows[place]
    }

    /// Places and rows of commands called or rejected at least once.
    pub fn used(&self) -> impl Iterator<Item = (usize, &CommandRow)> {
        self.rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.is_used())
    }
}

impl CommandRow {
    /// Whether INFO commandstats shows it.
    pub fn is_used(&self) -> bool {
        self.calls > 0 || self.rejected_calls > 0 || self.failed_calls > 0
    }

    /// Microseconds in all.
    pub fn microseconds(&self) -> u64 {
        self.nanoseconds / 1000
    }

    /// Microseconds per call, for two decimals.
    pub fn microseconds_per_call(&self) -> f64 {
        if self.calls == 0 {
            0.0
        } else {
            self.microseconds() as f64 / self.calls as f64
        }
    }

    /// Microseconds that `percentile` (0 to 100) of the timed calls did not
    /// exceed, for three decimals; none without timed calls.
    pub fn percentile_us(&self, percentile: f64) -> Option<f64> {
        let histogram = self.histogram.as_ref()?;
        let value = histogram.value_at_percentile(percentile);
        // The end of the bucket, as stock's library reports it.
        Some(histogram.highest_equivalent(value) as f64 / 1000.0)
    }

    /// Timed calls, and how many of them took at most each bound: bounds are
    /// powers of two of 1.024 µs, shown in µs, those that add no call left out.
    pub fn cumulative(&self) -> Option<(u64, Vec<(u64, u64)>)> {
        let histogram = self.histogram.as_ref()?;
        let calls = histogram.len();
        let mut shown = Vec::new();
        let (mut bound_ns, mut so_far) = (1024_u64, 0);
        while so_far < calls {
            // The counts end where the last power of two does.
            let end_ns = histogram.highest_equivalent(bound_ns).min(HISTOGRAM_END_NS);
            let count = histogram.count_between(0, bound_ns);
            if count > so_far {
                shown.push((end_ns / 1000, count));
                so_far = count;
            }
            bound_ns *= 2;
        }
        Some((calls, shown))
    }

    /// Whether it has timed calls: whether LATENCY HISTOGRAM shows it.
    pub fn is_timed(&self) -> bool {
        self.histogram.is_some()
    }

    fn pack(&self, with_histogram: bool, out: &mut Vec<u8>) {
        pack_number(out, self.calls);
        pack_number(out, self.nanoseconds);
        pack_number(out, self.rejected_calls);
        pack_number(out, self.failed_calls);
        let histogram = self.histogram.as_deref().filter(|_| with_histogram);
        let Some(histogram) = histogram else {
            pack_number(out, 0);
            return;
        };
        pack_number(out, histogram.iter_recorded().count() as u64);
        for bucket in histogram.iter_recorded() {
            pack_number(out, bucket.value_iterated_to());
            pack_number(out, bucket.count_at_value());
        }
    }

    fn add_packed(&mut self, parcel: &mut Parcel<'_>) {
        self.calls += parcel.number();
        self.nanoseconds += parcel.number();
        self.rejected_calls += parcel.number();
        self.failed_calls += parcel.number();
        for _ in 0..parcel.number() {
            let (value, count) = (parcel.number(), parcel.number());
            let histogram = self
                .histogram
                .get_or_insert_with(|| Box::new(empty_histogram()));
            let recorded = histogram.record_n(value, count);
            recorded.expect("it grows to hold any time of another's");
        }
    }
}

fn empty_histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("that many digits are allowed")
}

#[cfg(test)]
mod tests {
    use super::{CommandStats, Parcel};

    fn with_calls(times_us: &[u64]) -> CommandStats {
        let mut stats = CommandStats::new(2);
        for time_us in times_us {
            stats.record(1, time_us * 1000, false);
        }
        stats
    }

    #[test]
    fn buckets_have_stocks_shape() {
        // Recorded from Redis 7.0.15 with DEBUG SLEEP of these lengths.
        let stats = with_calls(&[3100, 3100, 700_200, 700_200, 1_300_000, 1_300_000]);
        let expected = (6, vec![(4227, 2), (1_073_741, 6)]);
        assert_eq!(stats.row(1).cumulative(), Some(expected));
        let small = with_calls(&[1, 10, 10, 20, 40]);
        let expected = (5, vec![(1, 1), (16, 3), (33, 4), (66, 5)]);
        assert_eq!(small.row(1).cumulative(), Some(expected));
    }

    #[test]
    fn percentiles_are_ends_of_buckets() {
        let stats = with_calls(&[1, 8, 10, 33]);
        assert_eq!(stats.row(1).percentile_us(25.0), Some(1.003));
        assert_eq!(stats.row(1).percentile_us(50.0), Some(8.031));
        assert_eq!(stats.row(1).percentile_us(99.9), Some(33.023));
        assert_eq!(stats.row(0).percentile_us(50.0), None);
    }

    #[test]
    fn cores_add_up() {
        let mut all = with_calls(&[1, 10]);
        let mut other = with_calls(&[40]);
        other.record_rejected(0);
        let mut packed = Vec::new();
        other.pack(true, &mut packed);
        all.add_packed(&mut Parcel::new(&packed));
        assert_eq!(
            all.row(1).cumulative(),
            Some((3, vec![(1, 1), (16, 2), (66, 3)]))
        );
        assert_eq!(all.row(1).microseconds(), 51);
        assert_eq!(
            all.used().map(|(place, _)| place).collect::<Vec<_>>(),
            [0, 1]
        );
        all.reset();
        assert_eq!(all.used().count(), 0);
    }

    #[test]
    fn the_longest_times_are_added_too() {
        let mut other = CommandStats::new(2);
        other.record(1, u64::MAX / 2, false);
        let mut packed = Vec::new();
        other.pack(true, &mut packed);
        let mut all = CommandStats::new(2);
        all.add_packed(&mut Parcel::new(&packed));
        assert_eq!(all.row(1).cumulative(), other.row(1).cumulative());
    }

    #[test]
    fn without_tracking_only_sums_are_kept() {
        let mut stats = CommandStats::new(1);
        stats.track(false);
        stats.record(0, 5000, true);
        let row = stats.row(0);
        assert_eq!((row.calls, row.failed_calls, row.microseconds()), (1, 1, 5));
        assert_eq!(row.cumulative(), None);
    }
}
