//! Histories of transactions that append to lists and read them, checked for
//! strict serializability (after Kingsbury and Alvaro, "Elle", 2020).
//!
//! Every appended value is unique, so a list shows the order of its appends,
//! and a read shows between which two of them it happened. From that and from
//! the clock follow edges "must come before"; a cycle is a proof that no order
//! of the transactions explains what was seen.

use std::collections::HashMap;

/// What one transaction did: appends of (key, value), and reads of whole lists.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub appends: Vec<(usize, String)>,
    /// The list as it was read, without this transaction's own later appends.
    pub reads: Vec<(usize, Vec<String>)>,
    pub began: u128,
    pub ended: u128,
}

/// Says why there is no order, if there is none.
pub fn check(history: &[Transaction]) -> Result<(), String> {
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
