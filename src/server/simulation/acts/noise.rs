//! What others do meanwhile: parts at every core, settings, messages, short
//! pauses, keys that expire. One reply each is all that is asked of them.

use crate::base::Random;
use crate::resp::Value;

use super::super::exchange::{Exchange, words};
use super::super::ledger::Ledger;

const ALONE: &[&str] = &[
    "DBSIZE",
    "INFO commandstats",
    "CLIENT LIST",
    "RANDOMKEY",
    "SCAN 0",
    "KEYS own:*",
    "SLOWLOG LEN",
    "SCRIPT EXISTS x",
    "CONFIG GET maxmemory",
    "CONFIG SET slowlog-max-len 64",
    "PUBLISH news word",
    "PUBSUB NUMSUB news",
    "CLIENT PAUSE 2 WRITE",
    "CLIENT UNPAUSE",
    "SORT list:0 ALPHA STORE noise:sorted",
    "SUNIONSTORE noise:1 noise:2 noise:3",
    "SADD noise:2 a b c",
    "SADD noise:3 c d",
    "SMOVE noise:2 noise:3 a",
    "SINTER noise:1 noise:2 noise:3",
    "COPY noise:2 noise:4 REPLACE",
    "XADD noise:stream MAXLEN 5 * field value",
    "XREAD BLOCK 3 STREAMS noise:stream other:stream $ $",
    "BZPOPMIN noise:zset noise:other 0.003",
    "ZADD noise:zset 1 member",
    "SET noise:brief value PX 2",
    "GET noise:brief",
];

/// Keys of all cores that live for a moment, and those who find them gone: what is
/// recorded of that must make the same data.
fn briefly(dice: &mut Random) -> Vec<Vec<String>> {
    let mut requests = Vec::new();
    for _ in 0..=dice.below(3) {
        let [a, b, c] = [(); 3].map(|()| format!("brief:{}", dice.below(12)));
        let one = match dice.below(9) {
            0 => format!("SET {a} {} PX {}", dice.below(100), 1 + dice.below(3)),
            1 => format!("SET {a} {}", dice.below(100)),
            2 => format!("GET {a}"),
            3 => format!("EXISTS {a} {b} {c}"),
            4 => format!("MGET {a} {b}"),
            5 => format!("MSET {a} 1 {b} 2"),
            6 => format!("DEL {a} {b}"),
            7 => format!("PEXPIRE {a} 1"),
            _ => {
                let commands = [format!("SET {a} x PX 1"), format!("GET {b}")];
                let transaction = ["MULTI".to_owned()].into_iter().chain(commands);
                requests.extend(transaction.map(|text| words(&text)));
                "EXEC".to_owned()
            }
        };
        requests.push(words(&one));
    }
    requests
}

pub(super) fn begin(ledger: &mut Ledger, dice: &mut Random) -> Exchange {
    let request = ALONE[dice.below(ALONE.len() as u64) as usize];
    let requests = match dice.below(12) {
        0 => [
            "MULTI",
            "DBSIZE",
            "CLIENT ID",
            "INFO server",
            "GET noise:brief",
            "EXEC",
        ]
        .map(words)
        .into(),
        1 => [
            "WATCH noise:brief noise:1",
            "GET noise:brief",
            "UNWATCH",
            request,
        ]
        .map(words)
        .into(),
        2 => [
            "WATCH noise:brief noise:1",
            "MULTI",
            "GET noise:brief",
            "DISCARD",
        ]
        .map(words)
        .into(),
        3 => {
            let number = ledger.unique();
            let script = format!("return redis.call('INCRBY', KEYS[1], {number})");
            vec![
                ["EVAL", &script, "1", "noise:sum"]
                    .map(str::to_owned)
                    .into(),
            ]
        }
        4..8 => briefly(dice),
        _ => vec![words(request)],
    };
    let waits = match request.starts_with("XREAD") || request.starts_with("BZ") {
        true => super::super::exchange::Waits::Some,
        false => super::super::exchange::Waits::No,
    };
    Exchange::new(requests, |_, _, replies| {
        let bad = replies
            .iter()
            .find(|reply| matches!(reply, Value::Error(_)));
        bad.map_or(Ok(None), |bad| Err(format!("a refusal: {bad:?}")))
    })
    .waiting(waits)
}
