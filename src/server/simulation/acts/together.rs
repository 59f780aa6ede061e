//! Keys that are always written together are never seen apart, whoever clears
//! or swaps their databases meanwhile; and what was watched and read is the
//! same in EXEC, or there is no EXEC.

use crate::base::Random;
use crate::resp::Value;

use super::super::exchange::{Exchange, executed, texts, transaction, words};
use super::super::ledger::Ledger;

const KEYS: u64 = 6;

/// Databases of these keys; the others are not cleared.
const DATABASES: [u64; 2] = [2, 3];

fn keys() -> Vec<String> {
    (0..KEYS).map(|key| format!("key-{key}")).collect()
}

fn mset(value: u64) -> Vec<String> {
    let mut request = words("MSET");
    for key in keys() {
        request.extend([key, value.to_string()]);
    }
    request
}

fn with_keys(name: &str) -> Vec<String> {
    let mut request = words(name);
    request.extend(keys());
    request
}

pub(super) fn beginning() -> Vec<Vec<String>> {
    let select = |database| words(&format!("SELECT {database}"));
    let [first, second] = DATABASES;
    vec![select(first), mset(0), select(second), mset(0), select(0)]
}

pub(super) fn begin(ledger: &mut Ledger, dice: &mut Random) -> Exchange {
    let value = ledger.unique();
    let [first, second] = DATABASES;
    let database = DATABASES[dice.below(2) as usize];
    let sets = || {
        let set = |key| vec!["SET".to_owned(), key, value.to_string()];
        keys().into_iter().map(set).collect()
    };
    let swap = words(&format!("SWAPDB {first} {second}"));
    let requests = match dice.below(10) {
        0 => vec![mset(value)],
        1 => transaction(sets()),
        2 => {
            let mut msetnx = mset(value);
            msetnx[0] = "MSETNX".to_owned();
            transaction(vec![with_keys("DEL"), msetnx])
        }
        3 => vec![words("FLUSHDB")],
        4 => vec![swap],
        5 => transaction(vec![with_keys("UNLINK"), swap, mset(value)]),
        6 => return watched(database),
        _ => return read(database, dice),
    };
    Exchange::new(inside(database, requests), |_, _, replies| {
        let bad = replies
            .iter()
            .find(|reply| matches!(reply, Value::Error(_)));
        bad.map_or(Ok(None), |bad| Err(format!("a refusal: {bad:?}")))
    })
}

/// Requests in a database, and back to the first.
fn inside(database: u64, mut requests: Vec<Vec<String>>) -> Vec<Vec<String>> {
    requests.insert(0, words(&format!("SELECT {database}")));
    requests.push(words("SELECT 0"));
    requests
}

fn all_equal(values: &[String]) -> Result<(), String> {
    match values.windows(2).all(|pair| pair[0] == pair[1]) {
        true => Ok(()),
        false => Err(format!("torn: {values:?}")),
    }
}

fn read(database: u64, dice: &mut Random) -> Exchange {
    let script = "return redis.call('MGET', unpack(KEYS))";
    let is_bare = dice.below(3) > 0;
    let requests = match (is_bare, dice.below(2)) {
        (true, 0) => vec![with_keys("MGET")],
        (true, _) => {
            let mut eval = vec!["EVAL".to_owned(), script.to_owned(), KEYS.to_string()];
            eval.extend(keys());
            vec![eval]
        }
        (false, _) => {
            let gets = keys().into_iter().map(|key| vec!["GET".to_owned(), key]);
            transaction(gets.collect())
        }
    };
    Exchange::new(inside(database, requests), |_, _, replies| {
        all_equal(&texts(&replies[replies.len() - 2])?)?;
        Ok(None)
    })
}

/// Reads what it watches, and again in EXEC.
fn watched(database: u64) -> Exchange {
    let requests = vec![
        words(&format!("SELECT {database}")),
        with_keys("WATCH"),
        with_keys("MGET"),
    ];
    Exchange::new(requests, |_, _, replies| {
        let before = texts(&replies[2])?;
        all_equal(&before)?;
        let again = transaction(vec![with_keys("MGET"), words("SELECT 0")]);
        let again = Exchange::new(again, move |_, _, replies| match executed(replies)? {
            Some(inside) if texts(&inside[0])? == before => Ok(None),
            Some(inside) => Err(format!("watched as {before:?}, and now {inside:?}")),
            None => Ok(Some(Exchange::new(vec![words("SELECT 0")], |_, _, _| {
                Ok(None)
            }))),
        });
        Ok(Some(again))
    })
}
