//! Histories of transactions that append to lists and read them, checked for
//! strict serializability (after Kingsbury and Alvaro, "Elle", 2020).
//!
//! Every appended value is unique, so a list shows the order of its appends,
//! and a read shows between which two of them it happened. From that and from
//! the clock follow edges "must come before"; a cycle is a proof that no order
//! of the transactions explains what was seen.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use super::{Connection, Dice, SHARDS, ask, exec, node, rounds, seed, texts, wire::Reply};

const KEYS: usize = 6;
const CLIENTS: usize = 6;

/// What one transaction did: appends of (key, value), and reads of whole lists.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    appends: Vec<(usize, String)>,
    /// The list as it was read, without this transaction's own later appends.
    reads: Vec<(usize, Vec<String>)>,
    began: u128,
    ended: u128,
}

#[test]
fn what_transactions_saw_has_an_order() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        let history = Mutex::new(Vec::new());
        let start = Instant::now();
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let history = &history;
                scope.spawn(move || {
                    let done = act(port, seed, client, start);
                    history.lock().expect("no client failed").extend(done);
                });
            }
        });
        let mut history = history.into_inner().expect("no client failed");
        // A last reader, behind all others, sees the whole of every list.
        let mut last = Transaction {
            began: start.elapsed().as_nanos(),
            ..Transaction::default()
        };
        let mut wire = node.client();
        for key in 0..KEYS {
            let list = texts(&ask(&mut wire, &format!("LRANGE list:{key} 0 -1")));
            last.reads.push((key, list));
        }
        last.ended = start.elapsed().as_nanos();
        history.push(last);
        if let Err(why) = check(&history) {
            panic!("SEED={seed}, {shards} shards: {why}");
        }
    }
}

/// One client's transactions.
fn act(port: u16, seed: u64, client: usize, start: Instant) -> Vec<Transaction> {
    let mut dice = Dice::new(seed, client);
    let mut wire = Connection::open(port).expect("the node is there");
    let mut done = Vec::new();
    for round in 0..rounds(120) {
        let mut transaction = Transaction::default();
        let mut requests = Vec::new();
        let mut read_keys = Vec::new();
        for step in 0..1 + dice.below(4) {
            let key = dice.below(KEYS);
            if dice.below(2) == 0 {
                let value = format!("{client}.{round}.{step}");
                requests.push(format!("RPUSH list:{key} {value}"));
                transaction.appends.push((key, value));
                read_keys.push(None);
            } else {
                requests.push(format!("LRANGE list:{key} 0 -1"));
                read_keys.push(Some(key));
            }
        }
        let is_bare = requests.len() == 1 && dice.below(2) == 0;
        transaction.began = start.elapsed().as_nanos();
        let replies = if is_bare {
            vec![ask(&mut wire, &requests[0])]
        } else {
            exec(&mut wire, &requests).expect("nothing is watched")
        };
        transaction.ended = start.elapsed().as_nanos();
        for (key, reply) in read_keys.iter().zip(&replies) {
            match (key, reply) {
                (Some(key), reply) => transaction.reads.push((*key, texts(reply))),
                (None, Reply::Integer(_)) => {}
                (None, other) => panic!("RPUSH: {other:?}"),
            }
        }
        done.push(transaction);
    }
    done
}

/// Says why there is no order, if there is none.
pub(super) fn check(history: &[Transaction]) -> Result<(), String> {
    let orders = orders(history)?;
    let mut edges = edges_of_lists(history, &orders)?;
    // Behind the transactions, a node for each end of one, in the order of the
    // clock: who began later comes behind it.
    let mut ends: Vec<usize> = (0..history.len()).collect();
    ends.sort_by_key(|&at| history[at].ended);
    let moment = |rank: usize| history.len() + rank;
    edges.resize_with(history.len() * 2, Vec::new);
    for (rank, &at) in ends.iter().enumerate() {
        edges[at].push(moment(rank));
        if rank + 1 < ends.len() {
            edges[moment(rank)].push(moment(rank + 1));
        }
    }
    for (at, transaction) in history.iter().enumerate() {
        let ended = ends.partition_point(|&other| history[other].ended < transaction.began);
        if ended > 0 {
            edges[moment(ended - 1)].push(at);
        }
    }
    match cycle(&edges) {
        None => Ok(()),
        Some(nodes) => {
            let those = nodes.iter().filter_map(|&at| history.get(at));
            Err(format!("a cycle: {:#?}", those.collect::<Vec<_>>()))
        }
    }
}

/// By key, its values in the order they were appended: the longest read, of
/// which every other must be a beginning.
fn orders(history: &[Transaction]) -> Result<HashMap<usize, Vec<String>>, String> {
    let mut orders: HashMap<usize, Vec<String>> = HashMap::new();
    let reads = || history.iter().flat_map(|transaction| &transaction.reads);
    for (key, list) in reads() {
        let known = orders.entry(*key).or_default();
        if list.len() > known.len() {
            known.clone_from(list);
        }
    }
    for (key, list) in reads() {
        if !orders[key].starts_with(list) {
            return Err(format!("list {key} was {list:?} and {:?}", orders[key]));
        }
    }
    Ok(orders)
}

/// Who must come before whom by what the lists show.
fn edges_of_lists(
    history: &[Transaction],
    orders: &HashMap<usize, Vec<String>>,
) -> Result<Vec<Vec<usize>>, String> {
    let mut writers = HashMap::new();
    for (at, transaction) in history.iter().enumerate() {
        for (key, value) in &transaction.appends {
            writers.insert((*key, value.as_str()), at);
        }
    }
    let writer = |key: usize, value: &str| {
        let found = writers.get(&(key, value));
        found
            .copied()
            .ok_or(format!("nobody appended {value} to list {key}"))
    };
    let mut edges = vec![Vec::new(); history.len()];
    let mut add = |from: usize, to: usize| {
        if from != to {
            edges[from].push(to);
        }
    };
    for (&key, order) in orders {
        for pair in order.windows(2) {
            add(writer(key, &pair[0])?, writer(key, &pair[1])?);
        }
    }
    for (at, transaction) in history.iter().enumerate() {
        for (key, value) in &transaction.appends {
            if !orders.get(key).is_some_and(|order| order.contains(value)) {
                return Err(format!("{value} was lost from list {key}"));
            }
        }
        for (key, list) in &transaction.reads {
            if let Some(value) = list.last() {
                add(writer(*key, value)?, at);
            }
            if let Some(next) = orders[key].get(list.len()) {
                add(at, writer(*key, next)?);
            }
        }
    }
    Ok(edges)
}

/// The nodes of a cycle, if there is one.
fn cycle(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    let mut marks = vec![Mark::New; edges.len()];
    for root in 0..edges.len() {
        // The path from the root, each node with its next edge to follow.
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            if *next == 0 {
                if marks[*node] == Mark::Done {
                    path.pop();
                    continue;
                }
                marks[*node] = Mark::OnPath;
            }
            let Some(&to) = edges[*node].get(*next) else {
                marks[*node] = Mark::Done;
                path.pop();
                continue;
            };
            *next += 1;
            match marks[to] {
                Mark::New => path.push((to, 0)),
                Mark::Done => {}
                Mark::OnPath => {
                    let from = path.iter().position(|(node, _)| *node == to);
                    let nodes = path[from.unwrap_or(0)..].iter().map(|(node, _)| *node);
                    return Some(nodes.collect());
                }
            }
        }
    }
    None
}

/// The checker finds what it is there to find.
mod the_checker {
    use super::*;

    fn transaction(
        appends: &[(usize, &str)],
        reads: &[(usize, &[&str])],
        (began, ended): (u128, u128),
    ) -> Transaction {
        let owned = |list: &[&str]| list.iter().map(|value| (*value).to_owned()).collect();
        Transaction {
            appends: appends
                .iter()
                .map(|(key, value)| (*key, (*value).to_owned()))
                .collect(),
            reads: reads
                .iter()
                .map(|(key, list)| (*key, owned(list)))
                .collect(),
            began,
            ended,
        }
    }

    #[test]
    fn accepts_an_order() {
        let history = [
            transaction(&[(0, "a")], &[], (0, 10)),
            transaction(&[(0, "b")], &[(0, &["a"])], (0, 10)),
            transaction(&[], &[(0, &["a", "b"])], (20, 30)),
        ];
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn refuses_a_read_of_half_a_transaction() {
        let history = [
            transaction(&[(0, "a"), (1, "a")], &[], (0, 10)),
            transaction(&[], &[(0, &["a"]), (1, &[])], (0, 10)),
            transaction(&[], &[(0, &["a"]), (1, &["a"])], (20, 30)),
        ];
        assert!(check(&history).is_err());
    }

    #[test]
    fn refuses_a_read_of_the_past() {
        let history = [
            transaction(&[(0, "a")], &[], (0, 10)),
            transaction(&[], &[(0, &[])], (11, 12)),
            transaction(&[], &[(0, &["a"])], (20, 30)),
        ];
        assert!(check(&history).is_err());
    }

    #[test]
    fn refuses_two_that_saw_each_other_missing() {
        let history = [
            transaction(&[(0, "a")], &[(1, &[])], (0, 10)),
            transaction(&[(1, "b")], &[(0, &[])], (0, 10)),
            transaction(&[], &[(0, &["a"]), (1, &["b"])], (20, 30)),
        ];
        assert!(check(&history).is_err());
    }

    #[test]
    fn refuses_what_is_lost() {
        let history = [
            transaction(&[(0, "a")], &[], (0, 10)),
            transaction(&[], &[(0, &[])], (0, 10)),
        ];
        assert!(check(&history).is_err());
    }
}
