//! Money on its way between accounts: whatever the moment of a file, none is lost.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Side;
use crate::wire::{Connection, Reply};

const ACCOUNTS: usize = 50;

/// What all accounts hold together.
pub const MONEY: i64 = 100 * ACCOUNTS as i64;

pub fn open(side: &mut Side) {
    for account in 0..ACCOUNTS {
        side.tell(&format!("SET account:{account} 100"));
    }
}

/// Moves money until it is over; `beside` says what else is asked for after the
/// move of this number.
pub fn move_money(
    client: &mut Connection,
    teller: usize,
    is_over: &AtomicBool,
    beside: impl Fn(usize) -> Vec<Vec<String>>,
) {
    let mut at = teller * 7;
    while !is_over.load(Ordering::Relaxed) {
        at += 1;
        move_some(client, at).expect("it answers");
        for words in beside(at) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            client.ask(&words).expect("it answers");
        }
    }
}

/// Moves money until it is over, or the server has gone.
pub fn move_money_until(client: &mut Connection, teller: usize, is_over: &AtomicBool) {
    for at in teller * 7.. {
        if is_over.load(Ordering::Relaxed) || move_some(client, at).is_err() {
            return;
        }
    }
}

/// Moves money once: the transaction of this number.
fn move_some(client: &mut Connection, at: usize) -> io::Result<()> {
    let from = format!("account:{}", at % ACCOUNTS);
    let to = format!("account:{}", at * 13 % ACCOUNTS);
    for words in [
        &["MULTI"][..],
        &["DECR", &from],
        &["INCR", &to],
        &["INCR", "moves"],
        &["EXEC"],
    ] {
        client.ask(words)?;
    }
    Ok(())
}

/// What the accounts add up to, and how often money moved.
pub fn count(side: &mut Side) -> (i64, i64) {
    let mut number = |key: &str| match side.tell(&format!("GET {key}")) {
        Reply::Bulk(text) => String::from_utf8_lossy(&text).parse().unwrap_or(0),
        _ => 0,
    };
    let sum = (0..ACCOUNTS).map(|account| number(&format!("account:{account}")));
    (sum.sum(), number("moves"))
}
