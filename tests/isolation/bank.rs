//! Transfers between accounts on all cores, in every way there is: the sum is
//! the same at every moment.

use std::thread;

use super::{Connection, Dice, SHARDS, ask, exec, node, number, rounds, seed, texts};

const ACCOUNTS: usize = 8;
const EACH: i64 = 100;

fn account(number: usize) -> String {
    format!("account:{number}")
}

/// Reads, computes, and writes only if nobody wrote meanwhile.
fn transfer_watched(wire: &mut Connection, from: usize, to: usize, amount: i64) -> bool {
    let (from, to) = (account(from), account(to));
    ask(wire, &format!("WATCH {from} {to}"));
    let (source, target) = (
        number(&ask(wire, &format!("GET {from}"))),
        number(&ask(wire, &format!("GET {to}"))),
    );
    let writes = [
        format!("SET {from} {}", source - amount),
        format!("SET {to} {}", target + amount),
    ];
    exec(wire, &writes).is_some()
}

fn transfer_blindly(wire: &mut Connection, from: usize, to: usize, amount: i64) {
    let writes = [
        format!("DECRBY {} {amount}", account(from)),
        format!("INCRBY {} {amount}", account(to)),
    ];
    exec(wire, &writes).expect("nothing is watched");
}

/// In a script: one that declares its keys, and one that does not.
fn transfer_by_script(wire: &mut Connection, from: usize, to: usize, amount: i64, declares: bool) {
    let (from, to, amount) = (account(from), account(to), amount.to_string());
    let reply = if declares {
        let script =
            "redis.call('DECRBY', KEYS[1], ARGV[1]) return redis.call('INCRBY', KEYS[2], ARGV[1])";
        wire.ask(&["EVAL", script, "2", &from, &to, &amount])
    } else {
        let script =
            "redis.call('DECRBY', ARGV[1], ARGV[3]) return redis.call('INCRBY', ARGV[2], ARGV[3])";
        wire.ask(&["EVAL", script, "0", &from, &to, &amount])
    };
    number(&reply.expect("the node answers"));
}

fn sum(wire: &mut Connection) -> i64 {
    let names: Vec<String> = (0..ACCOUNTS).map(account).collect();
    let balances = texts(&ask(wire, &format!("MGET {}", names.join(" "))));
    let numbers = balances.iter().map(|balance| balance.parse::<i64>());
    numbers.map(|number| number.expect("a balance")).sum()
}

#[test]
fn no_money_is_made_or_lost() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        let mut wire = node.client();
        for number in 0..ACCOUNTS {
            ask(&mut wire, &format!("SET {} {EACH}", account(number)));
        }
        let done: usize = thread::scope(|scope| {
            let tellers: Vec<_> = (0..5)
                .map(|client| scope.spawn(move || teller(port, seed, client)))
                .collect();
            scope.spawn(move || {
                let mut wire = Connection::open(port).expect("the node is there");
                for _ in 0..rounds(200) {
                    assert_eq!(sum(&mut wire), EACH * ACCOUNTS as i64, "{shards} shards");
                }
            });
            let done = tellers.into_iter().map(|teller| teller.join());
            done.map(|done| done.expect("no teller fails")).sum()
        });
        assert!(done > 0, "some watched transfer got through");
        assert_eq!(sum(&mut wire), EACH * ACCOUNTS as i64, "{shards} shards");
    }
}

/// Transfers by chance; how many of the watched ones got through.
fn teller(port: u16, seed: u64, client: usize) -> usize {
    let mut dice = Dice::new(seed, client);
    let mut wire = Connection::open(port).expect("the node is there");
    let mut done = 0;
    for _ in 0..rounds(150) {
        let from = dice.below(ACCOUNTS);
        let to = (from + 1 + dice.below(ACCOUNTS - 1)) % ACCOUNTS;
        let amount = dice.below(9) as i64;
        match dice.below(5) {
            0 => transfer_blindly(&mut wire, from, to, amount),
            1 => transfer_by_script(&mut wire, from, to, amount, true),
            2 => transfer_by_script(&mut wire, from, to, amount, false),
            _ => done += usize::from(transfer_watched(&mut wire, from, to, amount)),
        }
    }
    done
}

/// Two transactions that each watch what the other writes: at most one of them
/// runs, for no order of the two explains both.
#[test]
fn of_two_that_watch_each_others_writes_one_runs() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        for round in 0..rounds(100) {
            let (left, right) = (format!("left-{round}"), format!("right-{round}"));
            let on_call = |mine: &str, other: &str| {
                let mut wire = Connection::open(port).expect("the node is there");
                ask(&mut wire, &format!("WATCH {other}"));
                if texts(&ask(&mut wire, &format!("MGET {other}"))) != [""] {
                    return false;
                }
                exec(&mut wire, &[format!("SET {mine} gone")]).is_some()
            };
            let (first, second) = thread::scope(|scope| {
                let first = scope.spawn(|| on_call(&left, &right));
                let second = scope.spawn(|| on_call(&right, &left));
                let joined = |done: thread::ScopedJoinHandle<'_, bool>| done.join();
                (joined(first), joined(second))
            });
            let both = first.expect("no failure") && second.expect("no failure");
            assert!(!both, "{shards} shards, round {round}: both went");
        }
    }
}
