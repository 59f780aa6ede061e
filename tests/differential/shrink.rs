//! From an episode that shows a difference to the few commands that still do.

use std::fmt::Write as _;

use crate::episode::{Episode, first_difference};
use crate::stage::{Difference, Stage};
use crate::step::Step;

/// What is found, and how to see it again.
pub struct Finding {
    pub text: String,
    /// Of the last two commands.
    pub names: String,
}

/// Replays the steps of an episode up to that at `at`, which showed a difference, with fewer and
/// fewer.
pub fn finding(stage: &mut Stage, episode: &Episode, at: usize, first: &Difference) -> Finding {
    let all = &episode.steps[..=at];
    let mut text = format!("SEED={} (protocol {}):\n", episode.seed, episode.protocol);
    let logs = stage.logs();
    let (steps, difference) = match fewest(stage, episode.protocol, all) {
        Some((steps, difference)) => (steps, difference),
        None => {
            text.push_str("  It did not come again when replayed.\n");
            (all.to_vec(), first.clone())
        }
    };
    for step in &steps {
        writeln!(text, "  > {}", step.text()).expect("a String takes all");
    }
    text.push_str(&shown(&difference));
    if difference.ours.contains("(no reply") {
        text.push_str(&logs);
    }
    let names = steps.iter().rev().take(2).map(Step::name);
    let names = names.collect::<Vec<_>>().join(" ");
    Finding { text, names }
}

fn shown(difference: &Difference) -> String {
    let Difference { stock, ours, who } = difference;
    format!("  stock:\n    {stock}\n  {who}:\n    {ours}\n")
}

/// The last step and as few before it as make it differ; none if it does not now.
/// Another command that comes to differ is another story.
fn fewest(stage: &mut Stage, protocol: &str, all: &[Step]) -> Option<(Vec<Step>, Difference)> {
    let name = all.last()?.name();
    let mut replay = |steps: &[Step]| {
        let (at, difference) = first_difference(stage, protocol, steps)?;
        (steps[at].name() == name).then(|| (steps[..=at].to_vec(), difference))
    };
    let mut best = replay(all)?;
    let mut chunk = best.0.len().div_ceil(2);
    loop {
        let mut from = 0;
        let mut is_smaller = false;
        while from + 1 < best.0.len() {
            let to = (from + chunk).min(best.0.len() - 1);
            let fewer = [&best.0[..from], &best.0[to..]].concat();
            match replay(&fewer) {
                Some(found) => {
                    best = found;
                    is_smaller = true;
                }
                None => from = to,
            }
        }
        if chunk == 1 && !is_smaller {
            return Some(best);
        }
        chunk = chunk.div_ceil(2);
    }
}
