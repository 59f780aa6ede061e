//! Transfers between accounts on all cores, in every way there is: the sum is
//! the same at every moment.

use crate::base::Random;
use crate::resp::Value;

use super::super::exchange::{Exchange, executed, number, text, texts, transaction, words};
use super::super::rest::sum;

const ACCOUNTS: u64 = 6;
const EACH: i64 = 100;

const DECLARED: &str =
    "redis.call('DECRBY', KEYS[1], ARGV[1]) return redis.call('INCRBY', KEYS[2], ARGV[1])";
const UNDECLARED: &str = "redis.call('DECRBY', ARGV[1], ARGV[3]) \
     return redis.call('INCRBY', ARGV[2], ARGV[3])";
const SUM: &str = "return redis.call('MGET', unpack(ARGV))";

fn account(number: u64) -> String {
    format!("account:{number}")
}

fn accounts() -> Vec<String> {
    (0..ACCOUNTS).map(account).collect()
}

pub(super) fn beginning() -> Vec<Vec<String>> {
    let set = |account| vec!["SET".to_owned(), account, EACH.to_string()];
    accounts().into_iter().map(set).collect()
}

/// The request for all balances.
pub(in super::super) fn balances() -> Vec<String> {
    let mut request = words("MGET");
    request.extend(accounts());
    request
}

pub(in super::super) fn check_sum(balances: &[String]) -> Result<(), String> {
    let expected = ACCOUNTS as i64 * EACH;
    match sum(balances)? {
        found if found == expected => Ok(()),
        found => Err(format!("{found} and not {expected} in all accounts")),
    }
}

pub(super) fn begin(dice: &mut Random) -> Exchange {
    let from = dice.below(ACCOUNTS);
    let to = (from + 1 + dice.below(ACCOUNTS - 1)) % ACCOUNTS;
    let (from, to) = (account(from), account(to));
    let amount = dice.below(9) as i64;
    match dice.below(9) {
        0 => sum_at_once(vec![balances()]),
        1 => sum_at_once(transaction(
            accounts()
                .into_iter()
                .map(|account| vec!["GET".to_owned(), account])
                .collect(),
        )),
        2 => {
            let mut request: Vec<String> = ["EVAL", SUM, "0"].map(str::to_owned).into();
            request.extend(accounts());
            sum_at_once(vec![request])
        }
        3 => blindly(&from, &to, amount),
        4 => by_script(DECLARED, &["2", &from, &to, &amount.to_string()], dice),
        5 => by_script(UNDECLARED, &["0", &from, &to, &amount.to_string()], dice),
        _ => watched(&from, &to, amount),
    }
}

fn sum_at_once(requests: Vec<Vec<String>>) -> Exchange {
    Exchange::new(requests, |_, _, replies| {
        let last = replies.last().ok_or("no reply")?;
        check_sum(&texts(last)?)?;
        Ok(None)
    })
}

fn blindly(from: &str, to: &str, amount: i64) -> Exchange {
    let writes = vec![
        words(&format!("DECRBY {from} {amount}")),
        words(&format!("INCRBY {to} {amount}")),
    ];
    Exchange::new(transaction(writes), |_, _, replies| {
        executed(replies)?.ok_or("nothing is watched")?;
        Ok(None)
    })
}

/// By EVAL alone, in a transaction, or by the script's digest.
fn by_script(script: &'static str, words_behind: &[&str], dice: &mut Random) -> Exchange {
    let behind: Vec<String> = words_behind.iter().map(|word| (*word).to_owned()).collect();
    let request = |name: &str, script: String| {
        let mut request = vec![name.to_owned(), script];
        request.extend(behind.iter().cloned());
        request
    };
    let eval = request("EVAL", script.to_owned());
    match dice.below(3) {
        0 => Exchange::new(vec![eval], |_, _, replies| {
            number(&replies[0])?;
            Ok(None)
        }),
        1 => Exchange::new(
            transaction(vec![words("PING"), eval, words("PING")]),
            |_, _, replies| match executed(replies)? {
                Some([Value::Simple(_), Value::Int(_), Value::Simple(_)]) => Ok(None),
                other => Err(format!("a script in a transaction: {other:?}")),
            },
        ),
        _ => {
            let load = ["SCRIPT", "LOAD", script].map(str::to_owned).into();
            let behind = behind.clone();
            Exchange::new(vec![load], move |_, _, replies| {
                let mut evalsha = vec!["EVALSHA".to_owned(), text(&replies[0])?];
                evalsha.extend(behind);
                Ok(Some(Exchange::new(vec![evalsha], |_, _, replies| {
                    number(&replies[0])?;
                    Ok(None)
                })))
            })
        }
    }
}

/// Reads, computes, and writes only if nobody wrote meanwhile.
fn watched(from: &str, to: &str, amount: i64) -> Exchange {
    let requests = vec![
        words(&format!("WATCH {from} {to}")),
        words(&format!("GET {from}")),
        words(&format!("GET {to}")),
    ];
    let (from, to) = (from.to_owned(), to.to_owned());
    Exchange::new(requests, move |_, _, replies| {
        let (source, target) = (number(&replies[1])?, number(&replies[2])?);
        let writes = vec![
            words(&format!("SET {from} {}", source - amount)),
            words(&format!("SET {to} {}", target + amount)),
        ];
        let write = Exchange::new(transaction(writes), |ledger, _, replies| {
            match executed(replies)? {
                Some(_) => ledger.watched.0 += 1,
                None => ledger.watched.1 += 1,
            }
            Ok(None)
        });
        Ok(Some(write))
    })
}
