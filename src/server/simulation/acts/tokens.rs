//! Tokens that go round through blocking pops and moves: none is lost, none is
//! there twice, and nobody who waits is forgotten.

use crate::base::Random;
use crate::resp::Value;

use super::super::exchange::{Exchange, Next, Waits, executed, text, transaction, words};
use super::super::ledger::Ledger;

const TRAYS: u64 = 5;
/// Fewer than trays, so that there is much waiting.
pub(in super::super) const TOKENS: usize = 3;

fn tray(number: u64) -> String {
    format!("tray:{number}")
}

pub(super) fn beginning() -> Vec<Vec<String>> {
    let push = |token| words(&format!("RPUSH {} {token}", tray(token as u64 % TRAYS)));
    (0..TOKENS).map(push).collect()
}

/// The requests that read all trays.
pub(in super::super) fn trays() -> Vec<Vec<String>> {
    let read = |number| words(&format!("LRANGE {} 0 -1", tray(number)));
    (0..TRAYS).map(read).collect()
}

/// Takes a token somewhere and puts it somewhere else, waiting at times.
pub(super) fn begin(dice: &mut Random) -> Exchange {
    let [one, two, three] = [(); 3].map(|()| tray(dice.below(TRAYS)));
    let (seconds, waits) = match dice.below(4) {
        0 => ("0.001", Waits::Some),
        1 => ("0.004", Waits::Some),
        _ => ("0", Waits::For(Vec::new())),
    };
    let on = |trays: &[&String]| match &waits {
        Waits::For(_) => Waits::For(trays.iter().map(|tray| (*tray).clone()).collect()),
        other => other.clone(),
    };
    match dice.below(8) {
        0 => moved(&format!("BLMOVE {one} {two} LEFT RIGHT {seconds}")).waiting(on(&[&one])),
        1 => moved(&format!("BRPOPLPUSH {one} {two} {seconds}")).waiting(on(&[&one])),
        2 => moved(&format!("LMOVE {one} {two} RIGHT LEFT")),
        3 => {
            let moves = [
                format!("LMOVE {one} {two} LEFT LEFT"),
                format!("BLMOVE {two} {three} LEFT LEFT 0"),
            ];
            let moves = moves.iter().map(|request| words(request)).collect();
            Exchange::new(transaction(moves), |_, _, replies| {
                executed(replies)?.ok_or("nothing is watched")?;
                Ok(None)
            })
        }
        4 => {
            let script = "local token = redis.call('LPOP', KEYS[1]) \
                 if token then redis.call('RPUSH', KEYS[2], token) end return token";
            let eval = ["EVAL", script, "2", &one, &two].map(str::to_owned);
            Exchange::new(vec![eval.into()], |_, _, replies| {
                text(&replies[0]).map(|_| None)
            })
        }
        5 => taken(&format!("BLMPOP {seconds} 3 {one} {two} {three} LEFT"))
            .waiting(on(&[&one, &two, &three])),
        6 => taken(&format!("BRPOP {one} {seconds}")).waiting(on(&[&one])),
        _ => taken(&format!("BLPOP {one} {two} {three} {seconds}"))
            .waiting(on(&[&one, &two, &three])),
    }
}

fn moved(request: &str) -> Exchange {
    Exchange::new(vec![words(request)], |_, _, replies| {
        text(&replies[0]).map(|_| None)
    })
}

fn taken(request: &str) -> Exchange {
    Exchange::new(vec![words(request)], |_, dice, replies| {
        put_back(&replies[0], dice)
    })
    .or_lost(lose)
}

fn lose(ledger: &mut Ledger) {
    ledger.tokens_lost += 1;
}

fn put_back(taken: &Value, dice: &mut Random) -> Next {
    let token = match taken {
        Value::Null => return Ok(None),
        Value::Array(parts) => match parts.as_slice() {
            [_, Value::Array(tokens)] if tokens.len() == 1 => text(&tokens[0])?,
            [_, token] => text(token)?,
            other => return Err(format!("a pop: {other:?}")),
        },
        other => return Err(format!("a pop: {other:?}")),
    };
    let push = format!("RPUSH {} {token}", tray(dice.below(TRAYS)));
    let push = Exchange::new(vec![words(&push)], |_, _, replies| match replies {
        [Value::Int(_)] => Ok(None),
        other => Err(format!("RPUSH: {other:?}")),
    });
    Ok(Some(push.or_lost(lose)))
}
