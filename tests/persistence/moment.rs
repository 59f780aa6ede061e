//! A file is the data of one moment, however many cores hold it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::{Side, bank, data_folder, status};

#[test]
fn money_on_its_way_is_not_lost_in_a_file() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 5, &[]);
    bank::open(&mut ours);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for teller in 0..4 {
            let mut client = ours.server.client();
            let is_over = &is_over;
            scope.spawn(move || bank::move_money(&mut client, teller, is_over, |_| Vec::new()));
        }
        let mut moves = -1;
        for _ in 0..6 {
            thread::sleep(Duration::from_millis(60));
            assert_eq!(ours.tell("SAVE"), status("OK"));
            let (sum, moved) = bank::count(&mut Side::stock(folder.path(), &[]));
            assert_eq!(sum, bank::MONEY);
            assert!(moved > moves, "the file is of a later moment");
            moves = moved;
        }
        is_over.store(true, Ordering::Relaxed);
    });
}
