//! Transactions that append to lists and read them; what they saw must have
//! an order.

use crate::base::Random;
use crate::resp::Value;

use super::super::exchange::{Exchange, executed, texts, transaction, words};
use super::super::history::Transaction;
use super::super::ledger::Ledger;

const LISTS: usize = 5;

const DECLARED: &str = "local out = {} for i = 1, #ARGV do \
     if ARGV[i] == '' then out[i] = redis.call('LRANGE', KEYS[i], 0, -1) \
     else out[i] = redis.call('RPUSH', KEYS[i], ARGV[i]) end end return out";
const UNDECLARED: &str = "local out = {} for i = 1, #ARGV, 2 do \
     if ARGV[i + 1] == '' then out[#out + 1] = redis.call('LRANGE', ARGV[i], 0, -1) \
     else out[#out + 1] = redis.call('RPUSH', ARGV[i], ARGV[i + 1]) end end return out";

fn list(key: usize) -> String {
    format!("list:{key}")
}

/// The requests that read all of them.
pub(in super::super) fn lists() -> Vec<Vec<String>> {
    let read = |key| words(&format!("LRANGE {} 0 -1", list(key)));
    (0..LISTS).map(read).collect()
}

/// One step: a value to append, or none to read.
type Step = (usize, Option<String>);

fn request((key, value): &Step) -> Vec<String> {
    match value {
        Some(value) => words(&format!("RPUSH {} {value}", list(*key))),
        None => words(&format!("LRANGE {} 0 -1", list(*key))),
    }
}

pub(super) fn begin(ledger: &mut Ledger, dice: &mut Random) -> Exchange {
    let steps = 1 + dice.below(4);
    let steps = (0..steps).map(|_| {
        let key = dice.below(LISTS as u64) as usize;
        (
            key,
            (dice.below(2) == 0).then(|| ledger.unique().to_string()),
        )
    });
    let steps: Vec<Step> = steps.collect();
    let began = ledger.moment;
    match dice.below(5) {
        0 => at_once(vec![request(&steps[0])], vec![steps[0].clone()], began),
        1 => {
            let mut eval = words("EVAL");
            eval.extend([DECLARED.to_owned(), steps.len().to_string()]);
            eval.extend(steps.iter().map(|(key, _)| list(*key)));
            eval.extend(
                steps
                    .iter()
                    .map(|(_, value)| value.clone().unwrap_or_default()),
            );
            by_script(eval, steps, began)
        }
        2 => {
            let mut eval = words("EVAL");
            eval.extend([UNDECLARED.to_owned(), "0".to_owned()]);
            for (key, value) in &steps {
                eval.extend([list(*key), value.clone().unwrap_or_default()]);
            }
            by_script(eval, steps, began)
        }
        3 => watched(&steps, began),
        _ => {
            let requests = steps.iter().map(request).collect();
            at_once(transaction(requests), steps, began)
        }
    }
}

/// What is done at one moment, alone or between MULTI and EXEC.
fn at_once(requests: Vec<Vec<String>>, steps: Vec<Step>, began: u128) -> Exchange {
    let unknown = told(&steps, &[], began, 0);
    let is_bare = requests.len() == 1;
    Exchange::new(requests, move |ledger, _, replies| {
        let replies = match is_bare {
            true => replies,
            false => executed(replies)?.ok_or("nothing is watched")?,
        };
        let done = told(&steps, replies, began, ledger.moment)?;
        ledger.history.push(done);
        Ok(None)
    })
    .or_lost(|ledger| ledger.unknown.extend(unknown))
}

fn by_script(eval: Vec<String>, steps: Vec<Step>, began: u128) -> Exchange {
    let unknown = told(&steps, &[], began, 0);
    Exchange::new(vec![eval], move |ledger, _, replies| {
        let [Value::Array(replies)] = replies else {
            return Err("a script's reply is no array".to_owned());
        };
        let done = told(&steps, replies, began, ledger.moment)?;
        ledger.history.push(done);
        Ok(None)
    })
    .or_lost(|ledger| ledger.unknown.extend(unknown))
}

/// Reads what it watches, then appends: all at one moment, or not at all.
fn watched(steps: &[Step], began: u128) -> Exchange {
    let split = |reads: bool| -> Vec<Step> {
        let those = steps.iter().filter(|(_, value)| value.is_none() == reads);
        those.cloned().collect()
    };
    let (reads, appends) = (split(true), split(false));
    let mut requests = Vec::new();
    if !reads.is_empty() {
        let mut watch = words("WATCH");
        watch.extend(reads.iter().map(|(key, _)| list(*key)));
        requests.push(watch);
    }
    let skipped = requests.len();
    requests.extend(reads.iter().map(request));
    if requests.is_empty() {
        requests.push(words("PING"));
    }
    Exchange::new(requests, move |_, _, replies| {
        let seen = match reads.is_empty() {
            true => Transaction::default(),
            false => told(&reads, &replies[skipped..], began, 0)?,
        };
        let unknown = told(&appends, &[], began, 0);
        let mut asked: Vec<Vec<String>> = appends.iter().map(request).collect();
        asked.push(words("PING"));
        let write = Exchange::new(transaction(asked), move |ledger, _, replies| {
            let Some(replies) = executed(replies)? else {
                ledger.watched.1 += 1;
                return Ok(None);
            };
            ledger.watched.0 += 1;
            let mut done = told(&appends, &replies[..appends.len()], began, ledger.moment)?;
            done.reads = seen.reads;
            ledger.history.push(done);
            Ok(None)
        });
        Ok(Some(write.or_lost(|ledger| ledger.unknown.extend(unknown))))
    })
}

/// The transaction that steps and their replies make; without replies what it
/// was to append.
fn told(
    steps: &[Step],
    replies: &[Value],
    began: u128,
    ended: u128,
) -> Result<Transaction, String> {
    let mut done = Transaction {
        began,
        ended,
        ..Transaction::default()
    };
    for (at, (key, value)) in steps.iter().enumerate() {
        match (value, replies.get(at)) {
            (Some(value), None | Some(Value::Int(_))) => done.appends.push((*key, value.clone())),
            (None, Some(reply)) => done.reads.push((*key, texts(reply)?)),
            (None, None) => {}
            (Some(_), Some(other)) => return Err(format!("RPUSH: {other:?}")),
        }
    }
    Ok(done)
}
