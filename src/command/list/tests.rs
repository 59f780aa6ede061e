//! List commands as a client sees them; answers recorded from stock.

use crate::command::check::check;

#[test]
fn elements_are_pushed_and_popped_at_both_ends() {
    check(
        "RPUSH l a b c; LPUSH l 1 2; LRANGE l 0 -1; LPOP l; RPOP l; LLEN l",
        "3; 5; [2 1 a b c]; 2; c; 3",
    );
    check(
        "RPUSH l a; LPOP l; EXISTS l; LPUSHX l a; LLEN l",
        "1; a; 0; 0; 0",
    );
}

#[test]
fn elements_move_between_lists_and_within_one() {
    check(
        "RPUSH a 1 2 3; LMOVE a b LEFT RIGHT; RPOPLPUSH a a; LRANGE a 0 -1; LRANGE b 0 -1",
        "3; 1; 3; [3 2]; [1]",
    );
    check(
        "RPUSH a 1; LMOVE a a LEFT LEFT; LMOVE a b LEFT LEFT; EXISTS a",
        "1; 1; 1; 0",
    );
}

#[test]
fn a_trim_that_keeps_nothing_removes_the_key() {
    check(
        "RPUSH l a b c d; LTRIM l 1 -2; LRANGE l 0 -1; LTRIM l 5 9; EXISTS l",
        "4; OK; [b c]; OK; 0",
    );
}
