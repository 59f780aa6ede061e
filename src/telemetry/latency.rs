//! Latency events of one core: what LATENCY LATEST, HISTORY, RESET, GRAPH and
//! DOCTOR tell.
//!
//! An event is a name such as `command` or `expire-cycle`; it keeps 160 samples,
//! at most one per second, the worst of it. Names come from our own code, so
//! there are few.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use super::parcel::{Parcel, pack_number, pack_text};

/// Samples kept per event.
const SAMPLES_MAX: usize = 160;
/// Columns of a graph: the newest samples.
const COLUMNS_MAX: usize = 80;
/// Rows of a graph.
const ROWS: u64 = 4;

/// One second's worst delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Seconds since 1970.
    pub unix_time_s: i64,
    /// Milliseconds.
    pub latency_ms: u64,
}

/// The samples of one event, oldest first, never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    samples: VecDeque<Sample>,
    worst_ms: u64,
}

/// Every event of a core, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    events: BTreeMap<Cow<'static, str>, History>,
}

impl Latency {
    /// A delay of `latency_ms` at `unix_time_s`; the caller has compared it
    /// with `latency-monitor-threshold`.
    pub fn record(&mut self, event: &'static str, unix_time_s: i64, latency_ms: u64) {
        let history = self.events.entry(Cow::Borrowed(event)).or_default();
        history.push(Sample {
            unix_time_s,
            latency_ms,
        });
    }

    /// Writes every event for another core.
    pub fn pack(&self, out: &mut Vec<u8>) {
        pack_number(out, self.events.len() as u64);
        for (event, history) in &self.events {
            pack_text(out, event.as_bytes());
            pack_number(out, history.worst_ms);
            pack_number(out, history.samples.len() as u64);
            for sample in &history.samples {
                pack_number(out, sample.unix_time_s as u64);
                pack_number(out, sample.latency_ms);
            }
        }
    }

    /// Adds what another core packed.
    pub fn add_packed(&mut self, parcel: &mut Parcel<'_>) {
        for _ in 0..parcel.number() {
            let event = String::from_utf8_lossy(parcel.text()).into_owned();
            let worst_ms = parcel.number();
            let added = (0..parcel.number()).map(|_| Sample {
                unix_time_s: parcel.number() as i64,
                latency_ms: parcel.number(),
            });
            let history = self.events.entry(Cow::Owned(event)).or_default();
            let mut all: Vec<Sample> = history.samples.drain(..).chain(added).collect();
            all.sort_by_key(|sample| sample.unix_time_s);
            for sample in all {
                history.push(sample);
            }
            history.worst_ms = history.worst_ms.max(worst_ms);
        }
    }

    /// Events in the order of their names.
    pub fn events(&self) -> impl Iterator<Item = (&str, &History)> {
        self.events
            .iter()
            .map(|(event, history)| (&**event, history))
    }

    /// The event's samples, if it ever happened.
    pub fn history(&self, event: &[u8]) -> Option<&History> {
        let found = self
            .events
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(event));
        found.map(|(_, history)| history)
    }

    /// LATENCY RESET: forgets the events named, or all; tells how many.
    pub fn reset(&mut self, events: &[&[u8]]) -> usize {
        let before = self.events.len();
        let named = |name: &str| {
            events
                .iter()
                .any(|event| event.eq_ignore_ascii_case(name.as_bytes()))
        };
        self.events
            .retain(|name, _| !events.is_empty() && !named(name));
        before - self.events.len()
    }

    /// LATENCY DOCTOR: what was seen and what to look at.
    pub fn doctor(&self, threshold_ms: u64) -> String {
        if threshold_ms == 0 {
            return String::from(
                "Latency monitoring is off. CONFIG SET latency-monitor-threshold <milliseconds> \
                 turns it on; 100 is a good start.\n",
            );
        }
        if self.events.is_empty() {
            return format!("No event took longer than {threshold_ms} ms. Nothing to advise.\n");
        }
        let mut text = format!("Events that took longer than {threshold_ms} ms:\n\n");
        for (number, (event, history)) in self.events.iter().enumerate() {
            let seen = history.samples.len();
            let sum: u64 = history.samples.iter().map(|sample| sample.latency_ms).sum();
            let mean = sum / seen.max(1) as u64;
            let worst = history.worst_ms;
            let advice = advice(event);
            // Writing to a String cannot fail.
            writeln!(
                text,
                "{}. {event}: {seen} second(s) with a delay, mean {mean} ms, worst {worst} ms. {advice}",
                number + 1,
            )
            .expect("a String takes any text");
        }
        text.push_str("\nThe host is checked by tuning/basalt-tune check.\n");
        text
    }
}

fn advice(event: &str) -> &'static str {
    match event {
        "command" => "Look at SLOWLOG GET for commands that visit many elements.",
        "fast-command" => {
            "Fast commands were slow: the core was taken away. Look for other processes on it."
        }
        "expire-cycle" => {
            "Many keys expire together: spread their times, or lower active-expire-effort."
        }
        "eviction-cycle" | "eviction-del" => {
            "Memory is full: raise maxmemory, or lower maxmemory-eviction-tenacity."
        }
        _ => "Compare its times with what else the host did.",
    }
}

impl History {
    /// Samples, oldest first.
    pub fn samples(&self) -> impl Iterator<Item = Sample> {
        self.samples.iter().copied()
    }

    /// The newest sample.
    pub fn latest(&self) -> Sample {
        *self
            .samples
            .back()
            .expect("an event is made by its first sample")
    }

    /// The worst delay since the last reset, in milliseconds.
    pub fn worst_ms(&self) -> u64 {
        self.worst_ms
    }

    /// LATENCY GRAPH: bars of the newest samples, their ages written below.
    pub fn graph(&self, event: &str, now_s: i64) -> String {
        let skipped = self.samples.len().saturating_sub(COLUMNS_MAX);
        let columns: Vec<Sample> = self.samples.iter().skip(skipped).copied().collect();
        let delays = columns.iter().map(|sample| sample.latency_ms);
        let low = delays.clone().min().unwrap_or_default();
        let high = delays.max().unwrap_or_default();
        let worst = self.worst_ms;
        let mut text =
            format!("{event} - high {high} ms, low {low} ms (all time high {worst} ms)\n");
        text.push_str(&"-".repeat(COLUMNS_MAX));
        text.push('\n');
        for row in (0..ROWS).rev() {
            text.extend(
                columns
                    .iter()
                    .map(|column| mark(column.latency_ms, low, high, row)),
            );
            text.push('\n');
        }
        text.push('\n');
        let ages: Vec<String> = columns
            .iter()
            .map(|column| age(now_s.saturating_sub(column.unix_time_s)))
            .collect();
        let longest = ages.iter().map(String::len).max().unwrap_or_default();
        for row in 0..longest {
            text.extend(
                ages.iter()
                    .map(|age| char::from(*age.as_bytes().get(row).unwrap_or(&b' '))),
            );
            text.push('\n');
        }
        text
    }

    fn push(&mut self, sample: Sample) {
        self.worst_ms = self.worst_ms.max(sample.latency_ms);
        match self.samples.back_mut() {
            Some(last) if last.unix_time_s == sample.unix_time_s => {
                last.latency_ms = last.latency_ms.max(sample.latency_ms);
            }
            _ => {
                if self.samples.len() == SAMPLES_MAX {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
            }
        }
    }
}

/// One place of a bar: `#` at its top, `|` below, `_` for the lowest.
fn mark(latency_ms: u64, low: u64, high: u64, row: u64) -> char {
    let height = (latency_ms - low) * (ROWS - 1) / (high - low).max(1);
    match row.cmp(&height) {
        std::cmp::Ordering::Less => '|',
        std::cmp::Ordering::Equal if height == 0 => '_',
        std::cmp::Ordering::Equal => '#',
        std::cmp::Ordering::Greater => ' ',
    }
}

/// An age in its largest whole unit: `4s`, `20m`, `5h`, `3d`.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400.. => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::{Latency, Parcel};

    fn with(samples: &[(i64, u64)]) -> Latency {
        let mut latency = Latency::default();
        for (time, delay) in samples {
            latency.record("command", *time, *delay);
        }
        latency
    }

    fn seen(latency: &Latency) -> Vec<(i64, u64)> {
        let history = latency.history(b"COMMAND").expect("it happened");
        history
            .samples()
            .map(|sample| (sample.unix_time_s, sample.latency_ms))
            .collect()
    }

    #[test]
    fn a_second_keeps_its_worst() {
        assert_eq!(
            seen(&with(&[(1, 5), (1, 9), (1, 2), (2, 3)])),
            [(1, 9), (2, 3)]
        );
    }

    #[test]
    fn old_samples_go_but_the_worst_is_remembered() {
        let samples: Vec<(i64, u64)> = (0..200).map(|time| (time, 500 - time as u64)).collect();
        let latency = with(&samples);
        let history = latency.history(b"command").expect("it happened");
        assert_eq!(history.samples().count(), 160);
        assert_eq!(
            (history.worst_ms(), history.latest().latency_ms),
            (500, 301)
        );
    }

    #[test]
    fn cores_merge_by_time() {
        let mut all = with(&[(1, 5), (3, 5)]);
        let mut packed = Vec::new();
        with(&[(2, 7), (3, 9)]).pack(&mut packed);
        all.add_packed(&mut Parcel::new(&packed));
        assert_eq!(seen(&all), [(1, 5), (2, 7), (3, 9)]);
    }

    #[test]
    fn reset_counts_the_events_it_forgot() {
        let mut latency = with(&[(1, 5)]);
        assert_eq!(latency.reset(&[b"fork"]), 0);
        assert_eq!(latency.reset(&[b"command"]), 1);
        assert_eq!(latency.reset(&[]), 0);
    }

    #[test]
    fn a_graph_has_bars_and_ages() {
        let latency = with(&[(100, 700), (101, 1300), (102, 700), (104, 1300)]);
        let history = latency.history(b"command").expect("it happened");
        let dashes = "-".repeat(80);
        let expected = format!(
            "command - high 1300 ms, low 700 ms (all time high 1300 ms)\n{dashes}\n\
             \u{20}# #\n\u{20}| |\n\u{20}| |\n_|_|\n\n4320\nssss\n"
        );
        assert_eq!(history.graph("command", 104), expected);
    }

    #[test]
    fn the_doctor_names_the_event() {
        assert!(
            with(&[(1, 500)])
                .doctor(100)
                .contains("1. command: 1 second(s)")
        );
        assert!(Latency::default().doctor(0).contains("is off"));
        assert!(Latency::default().doctor(100).contains("Nothing to advise"));
    }
}
