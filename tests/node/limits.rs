//! Limits of clients: who passes one is closed, and counted.

use crate::wire::{Reply, request};
use crate::{node, status, told, wait_until};

const MEGABYTE: usize = 1024 * 1024;

#[test]
fn a_client_closed_for_its_unread_replies_is_counted_once() {
    let node = node(&["client-output-buffer-limit normal 1mb 0 0"]);
    let mut client = node.client();
    let value = vec![b'v'; 8 * MEGABYTE];
    let set = client.ask(&[b"SET".as_slice(), b"k", &value]);
    assert_eq!(set.expect("it answers"), status("OK"));
    let field = "client_output_buffer_limit_disconnections";
    assert_eq!(told(&mut client, field), 0);
    let mut greedy = node.client();
    drop(greedy.send_bytes(&request(&["GET", "k"]).repeat(20)));
    wait_until("the end of who does not read", || {
        told(&mut client, "connected_clients") == 1
    });
    assert_eq!(told(&mut client, field), 1);
}

#[test]
fn a_client_closed_for_its_unparsed_bytes_is_counted_once() {
    let node = node(&["client-query-buffer-limit 1mb"]);
    let mut client = node.client();
    let field = "client_query_buffer_limit_disconnections";
    assert_eq!(told(&mut client, field), 0);
    let mut wordy = node.client();
    // A request of four megabytes in short words is not whole before the end.
    let mut bytes = b"*400000\r\n".to_vec();
    bytes.extend(b"$4\r\nword\r\n".repeat(390_000));
    drop(wordy.send_bytes(&bytes));
    wait_until("the end of who sends too much", || {
        told(&mut client, "connected_clients") == 1
    });
    assert_eq!(told(&mut client, field), 1);
    assert_eq!(
        client.ask(&["PING"]).expect("it answers"),
        Reply::Status(b"PONG".to_vec())
    );
}
