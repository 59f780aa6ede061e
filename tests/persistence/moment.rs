//! A file is the data of one moment, however many cores hold it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::wire::Reply;
use crate::{Side, data_folder, status};

const ACCOUNTS: usize = 50;

#[test]
fn money_on_its_way_is_not_lost_in_a_file() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 5, &[]);
    for account in 0..ACCOUNTS {
        ours.tell(&format!("SET account:{account} 100"));
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for teller in 0..4 {
            let mut client = ours.server.client();
            let is_over = &is_over;
            scope.spawn(move || {
                let mut at = teller * 7;
                while !is_over.load(Ordering::Relaxed) {
                    at += 1;
                    let from = format!("account:{}", at % ACCOUNTS);
                    let to = format!("account:{}", at * 13 % ACCOUNTS);
                    for words in [
                        &["MULTI"][..],
                        &["DECR", &from],
                        &["INCR", &to],
                        &["INCR", "moves"],
                        &["EXEC"],
                    ] {
                        client.ask(words).expect("it answers");
                    }
                }
            });
        }
        let mut moves = -1;
        for _ in 0..6 {
            thread::sleep(Duration::from_millis(60));
            assert_eq!(ours.tell("SAVE"), status("OK"));
            let (sum, moved) = counted(folder.path());
            assert_eq!(sum, 100 * ACCOUNTS as i64);
            assert!(moved > moves, "the file is of a later moment");
            moves = moved;
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// What the accounts of the file add up to, and how often money moved.
fn counted(folder: &std::path::Path) -> (i64, i64) {
    let mut stock = Side::stock(folder, &[]);
    let mut number = |key: &str| match stock.tell(&format!("GET {key}")) {
        Reply::Bulk(text) => String::from_utf8_lossy(&text).parse().unwrap_or(0),
        _ => 0,
    };
    let sum = (0..ACCOUNTS).map(|account| number(&format!("account:{account}")));
    (sum.sum(), number("moves"))
}
