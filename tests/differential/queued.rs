//! What is queued between MULTI and EXEC, and compared where EXEC replies to it.

use crate::compare::Comparison;
use crate::stage::{Difference, Stage, status};
use crate::step::Step;
use crate::wire::Reply;

impl Stage {
    /// A step between MULTI and EXEC. Those that need a look at the keys are left out.
    pub fn play_queued(&mut self, step: &Step) -> Result<(), Difference> {
        let name = step.name();
        if name == "EXEC" {
            return self.execute(step);
        }
        let is_plain = match step.comparison {
            Comparison::Own
            | Comparison::Scan
            | Comparison::Random
            | Comparison::Sort
            | Comparison::Drawn
            | Comparison::Clocked => false,
            // DEBUG asks all cores, and so runs behind the others.
            _ => step.written_openly().is_empty() && name != "XSETID" && name != "DEBUG",
        };
        if !is_plain {
            return Ok(());
        }
        let replies = self.everybody(&step.words);
        let exact = Step {
            comparison: Comparison::Exact,
            ..step.clone()
        };
        self.compare(&exact, &replies)?;
        let is_known = replies.iter().any(|reply| *reply != replies[0]);
        if is_known {
            self.everybody(&["DISCARD"]);
        }
        if is_known || name == "DISCARD" && replies[0] == status("OK") {
            self.queue = None;
        } else if replies[0] == status("QUEUED") {
            self.queue
                .as_mut()
                .expect("it is asked before")
                .push(step.clone());
        }
        Ok(())
    }

    /// EXEC: each of its replies as the command's own would be.
    fn execute(&mut self, step: &Step) -> Result<(), Difference> {
        let replies = self.everybody(&step.words);
        let is_misread = matches!(&replies[0], Reply::Error(text) if text.starts_with(b"ERR "));
        let queue = if is_misread { None } else { self.queue.take() };
        let Some(queue) = queue else {
            return self.compare(step, &replies);
        };
        let of_each: Vec<&Vec<Reply>> = replies
            .iter()
            .filter_map(|reply| match reply {
                Reply::Array(items) if items.len() == queue.len() => Some(items),
                _ => None,
            })
            .collect();
        if of_each.len() < replies.len() {
            return self.compare(step, &replies);
        }
        for (at, step) in queue.iter().enumerate() {
            let replies: Vec<Reply> = of_each.iter().map(|items| items[at].clone()).collect();
            let told = |difference: Difference| Difference {
                stock: format!("{}: {}", step.text(), difference.stock),
                ..difference
            };
            self.compare(step, &replies).map_err(told)?;
        }
        Ok(())
    }
}
