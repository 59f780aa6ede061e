//! Stream commands as a client sees them; answers recorded from stock.

use crate::command::check::{Node, check};

#[test]
fn entries_are_added_read_and_deleted() {
    check(
        "XADD s 1-1 a 1; XADD s 1-* b 2; XLEN s; XRANGE s - +; XDEL s 1-1; XREVRANGE s + -",
        "1-1; 1-2; 2; [[1-1 [a 1]] [1-2 [b 2]]]; 1; [[1-2 [b 2]]]",
    );
    check(
        "XADD s 5-5 a 1; XADD s 5-5 a 1; XADD s 0-0 a 1; XLEN s",
        "5-5; ERR The ID specified in XADD is equal or smaller than the target stream top item; \
         ERR The ID specified in XADD must be greater than 0-0; 1",
    );
}

#[test]
fn the_clock_gives_ids_that_grow() {
    check(
        "XADD s * a 1; XADD s * a 1; XADD s MAXLEN 1 * a 1; XLEN s",
        "1700000000000-0; 1700000000000-1; 1700000000000-2; 1",
    );
}

#[test]
fn a_stream_without_entries_stays() {
    check(
        "XADD s 1-1 a 1; XDEL s 1-1; XLEN s; EXISTS s; XADD s 1-1 a 1",
        "1-1; 1; 0; 1; ERR The ID specified in XADD is equal or smaller than the target stream top item",
    );
}

#[test]
fn several_streams_are_read_at_once() {
    check(
        "XADD a 1 f 1; XADD b 2 f 2; XADD c 3 f 3; XREAD STREAMS a b c nobody 0 2 0 0; \
         XREAD STREAMS a b 1 $",
        "1-0; 2-0; 3-0; [[a [[1-0 [f 1]]]] [c [[3-0 [f 3]]]]]; nil",
    );
}

#[test]
fn words_that_name_a_group_are_no_keys() {
    check(
        "XGROUP CREATE s streams 0 MKSTREAM; XADD s 1 f 1; \
         XREADGROUP GROUP streams streams STREAMS s >; \
         XREADGROUP COUNT 1 GROUP streams streams STREAMS s 0",
        "OK; 1-0; [[s [[1-0 [f 1]]]]]; [[s [[1-0 [f 1]]]]]",
    );
}

#[test]
fn idle_entries_are_claimed() {
    let mut node = Node::new(1);
    node.play("XGROUP CREATE s g 0 MKSTREAM; XADD s 1 f 1; XREADGROUP GROUP g ann STREAMS s >");
    node.clock.now += 500;
    let replies = "XCLAIM s g bob 501 1; XPENDING s g - + 9; XCLAIM s g bob 500 1; \
        XPENDING s g IDLE 1 - + 9; XPENDING s g - + 9 bob";
    assert_eq!(
        node.play(replies),
        "[]; [[1-0 ann 500 1]]; [[1-0 [f 1]]]; []; [[1-0 bob 0 2]]"
    );
    node.clock.now += 70;
    assert_eq!(
        node.play("XINFO CONSUMERS s g; XAUTOCLAIM s g ann 0 - JUSTID"),
        "[[name ann pending 0 idle 570 inactive 570] [name bob pending 1 idle 70 inactive 70]]; \
         [0-0 [1-0] []]"
    );
}
