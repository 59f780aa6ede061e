//! Keys that one client steps forward, and all read: all at once, or one after
//! the other. Whoever reads sees every key at least where anybody has seen it
//! before, whatever core they ask, and never one of them ahead of those that
//! are stepped before it.

use crate::base::Random;
use crate::resp::Value;

use super::super::exchange::{Exchange, Next, executed, number, texts, transaction, words};
use super::super::ledger::Ledger;

const KEYS: usize = 6;

/// Clients that step keys of their own: the first who come.
const WRITERS: u64 = 3;
const FIRST: u64 = 2;

fn key(writer: u64, at: usize) -> String {
    format!("step-{writer}-{at}")
}

/// Some keys of a writer, in the order they are stepped in.
#[derive(Clone)]
struct Seen {
    writer: u64,
    at: Vec<usize>,
    /// What was known of each when the request was sent.
    least: Vec<i64>,
}

impl Seen {
    fn now(ledger: &Ledger, writer: u64, at: Vec<usize>) -> Seen {
        let least = at.iter().map(|at| known(ledger, writer, *at));
        Seen {
            least: least.collect(),
            writer,
            at,
        }
    }

    fn request(&self, name: &str) -> Vec<String> {
        let mut request = words(name);
        request.extend(self.at.iter().map(|at| key(self.writer, *at)));
        request
    }

    /// Checks values of one moment, which are known from now on.
    fn check(&self, ledger: &mut Ledger, values: &[String]) -> Result<(), String> {
        let text = |value: &String| match value.is_empty() {
            true => Ok(0),
            false => number(&Value::Simple(value.clone())),
        };
        let values: Vec<i64> = values.iter().map(text).collect::<Result<_, _>>()?;
        let is_late = values.iter().zip(&self.least).any(|(is, least)| is < least);
        let is_out_of_order = values.windows(2).any(|pair| pair[0] < pair[1]);
        let is_torn = values.first() > values.last().map(|last| last + 1).as_ref();
        if is_late || is_out_of_order || is_torn {
            let (writer, at, least) = (self.writer, &self.at, &self.least);
            return Err(format!(
                "steps {at:?} of {writer}: {values:?}, though {least:?} were seen"
            ));
        }
        for (at, value) in self.at.iter().zip(values) {
            let known = ledger.steps.entry((self.writer, *at)).or_default();
            *known = value.max(*known);
        }
        Ok(())
    }
}

fn known(ledger: &Ledger, writer: u64, at: usize) -> i64 {
    let known = ledger.steps.get(&(writer, at));
    known.copied().unwrap_or_default()
}

pub(super) fn begin(client: u64, ledger: &mut Ledger, dice: &mut Random) -> Exchange {
    if (FIRST..FIRST + WRITERS).contains(&client) && dice.below(3) > 0 {
        let next = known(ledger, client, 0) + 1;
        return match dice.below(3) {
            0 => one_after_the_other(client, 0, next),
            _ => all_at_once(client, next, dice),
        };
    }
    look(ledger, dice, 3)
}

/// Steps all keys with one command.
fn all_at_once(writer: u64, value: i64, dice: &mut Random) -> Exchange {
    let keys = (0..KEYS).map(|at| [key(writer, at), value.to_string()]);
    let mut mset = words("MSET");
    mset.extend(keys.flatten());
    let requests = match dice.below(3) {
        0 => transaction(vec![mset]),
        _ => vec![mset],
    };
    Exchange::new(requests, move |ledger, _, replies| {
        if replies.iter().any(|reply| matches!(reply, Value::Error(_))) {
            return Err(format!("MSET: {replies:?}"));
        }
        for at in 0..KEYS {
            ledger.steps.insert((writer, at), value);
        }
        Ok(None)
    })
}

/// Steps one key, and the next when that is known.
fn one_after_the_other(writer: u64, at: usize, value: i64) -> Exchange {
    let set = vec!["SET".to_owned(), key(writer, at), value.to_string()];
    Exchange::new(vec![set], move |ledger, _, replies| {
        if replies != [Value::Simple("OK".to_owned())] {
            return Err(format!("SET: {replies:?}"));
        }
        ledger.steps.insert((writer, at), value);
        let next = at + 1;
        Ok((next < KEYS).then(|| one_after_the_other(writer, next, value)))
    })
}

/// Looks at some keys at one moment, and then perhaps again.
fn look(ledger: &mut Ledger, dice: &mut Random, more: u64) -> Exchange {
    let writer = FIRST + dice.below(WRITERS);
    let mut at: Vec<usize> = (0..KEYS).filter(|_| dice.below(2) == 0).collect();
    if at.is_empty() || dice.below(3) == 0 {
        at = vec![dice.below(KEYS as u64) as usize];
    }
    let seen = Seen::now(ledger, writer, at);
    let then = move |ledger: &mut Ledger, dice: &mut Random| -> Next {
        let again = more > 0 && dice.below(3) > 0;
        Ok(again.then(|| look(ledger, dice, more - 1)))
    };
    if let [only] = seen.at[..] {
        let get = words(&format!("GET {}", key(writer, only)));
        return Exchange::new(vec![get], move |ledger, dice, replies| {
            seen.check(ledger, &texts(&Value::Array(replies.to_vec()))?)?;
            then(ledger, dice)
        });
    }
    match dice.below(6) {
        0 => {
            let script = "return redis.call('MGET', unpack(KEYS))";
            let mut eval = vec![
                "EVAL".to_owned(),
                script.to_owned(),
                seen.at.len().to_string(),
            ];
            eval.extend(seen.request("").into_iter().skip(1));
            Exchange::new(vec![eval], move |ledger, dice, replies| {
                seen.check(ledger, &texts(&replies[0])?)?;
                then(ledger, dice)
            })
        }
        1 => {
            let gets = seen.at.iter().map(|at| format!("GET {}", key(writer, *at)));
            let gets = transaction(gets.map(|get| words(&get)).collect());
            Exchange::new(gets, move |ledger, dice, replies| {
                let inside = executed(replies)?.ok_or("nothing is watched")?;
                seen.check(ledger, &texts(&Value::Array(inside.to_vec()))?)?;
                then(ledger, dice)
            })
        }
        2 => {
            // What follows at once may be before it, but not before what was
            // known when both were sent.
            let pair = vec![seen.request("MGET"), seen.request("MGET")];
            Exchange::new(pair, move |ledger, dice, replies| {
                for reply in replies {
                    seen.check(ledger, &texts(reply)?)?;
                }
                then(ledger, dice)
            })
        }
        _ => Exchange::new(vec![seen.request("MGET")], move |ledger, dice, replies| {
            seen.check(ledger, &texts(&replies[0])?)?;
            then(ledger, dice)
        }),
    }
}
