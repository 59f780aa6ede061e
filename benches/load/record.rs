//! Results: what each measure gave on both sides, round by round, and their ratio within each round.
//!
//! A ratio is taken inside one round, where both sides ran within seconds of each other on the same core, and only
//! then over rounds; the machine's slow drift cancels out.

use hdrhistogram::Histogram;

/// One measure of one test.
pub struct Row {
    pub test: String,
    /// What was measured, e.g. `CPU per operation`.
    pub measure: &'static str,
    pub unit: &'static str,
    /// What the two sides are called.
    pub sides: [String; 2],
    /// One value per round: the side under test.
    pub ours: Vec<f64>,
    /// One value per round: what it is compared with.
    pub theirs: Vec<f64>,
}

impl Row {
    /// ours / theirs of each round; rounds where the right side is 0 have none.
    pub fn ratios(&self) -> Vec<f64> {
        let rounds = self.ours.iter().zip(&self.theirs);
        rounds
            .filter(|(_, theirs)| **theirs > 0.0)
            .map(|(ours, theirs)| ours / theirs)
            .collect()
    }
}

/// The latencies of a test, all rounds together, for the plots.
pub struct Curve {
    pub test: String,
    pub ours: Histogram<u64>,
    pub theirs: Histogram<u64>,
}

/// All results of one invocation.
pub struct Record {
    /// What the two sides of the rows that are added next are called.
    pub names: [String; 2],
    pub rows: Vec<Row>,
    pub curves: Vec<Curve>,
    /// Lines of context: machine, versions, settings.
    pub context: Vec<(&'static str, String)>,
    /// What the reader must know to judge the numbers, e.g. other load on the server's core.
    pub remarks: Vec<String>,
}

impl Record {
    /// Adds one round of a measure.
    pub fn add(&mut self, test: &str, measure: &'static str, unit: &'static str, values: [f64; 2]) {
        let known = self
            .rows
            .iter()
            .position(|row| row.test == test && row.measure == measure);
        let at = known.unwrap_or_else(|| {
            let (ours, theirs, sides) = (Vec::new(), Vec::new(), self.names.clone());
            self.rows.push(Row {
                test: test.to_owned(),
                measure,
                unit,
                sides,
                ours,
                theirs,
            });
            self.rows.len() - 1
        });
        self.rows[at].ours.push(values[0]);
        self.rows[at].theirs.push(values[1]);
    }

    /// Adds one round of latencies.
    pub fn add_latency(&mut self, test: &str, latency: [&Histogram<u64>; 2]) {
        if let Some(curve) = self.curves.iter_mut().find(|curve| curve.test == test) {
            curve.ours += latency[0];
            curve.theirs += latency[1];
        } else {
            let [ours, theirs] = latency.map(Clone::clone);
            self.curves.push(Curve {
                test: test.to_owned(),
                ours,
                theirs,
            });
        }
    }
}

/// The middle value; of an even number the mean of the two in the middle; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// The smallest and the largest value; zeros of none.
pub fn range(values: &[f64]) -> (f64, f64) {
    let smallest = values.iter().copied().reduce(f64::min).unwrap_or(0.0);
    (
        smallest,
        values.iter().copied().reduce(f64::max).unwrap_or(0.0),
    )
}
