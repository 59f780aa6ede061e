//! How the sockets of replicas are set.

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::SockRef;

use crate::Side;
use crate::wire::Reply;

/// Whether the primary sends each piece to its replica at once.
fn sends_at_once(primary: &mut Side) -> bool {
    let Reply::Bulk(list) = primary.ask("CLIENT LIST TYPE replica") else {
        panic!("a list is a text");
    };
    let list = String::from_utf8(list).expect("it is text");
    let fd = list.split(' ').find_map(|field| field.strip_prefix("fd="));
    let fd = fd.expect("it says which").parse().expect("a number");
    let id = Pid::from_raw(primary.server.id().cast_signed()).expect("it runs");
    let process = pidfd_open(id, PidfdFlags::empty()).expect("it is our child");
    let socket = pidfd_getfd(process, fd, PidfdGetfdFlags::empty()).expect("it is open");
    let at_once = SockRef::from(&socket).tcp_nodelay();
    at_once.expect("it is of TCP")
}

#[test]
fn packets_to_replicas_are_gathered_as_the_setting_says() {
    for setting in ["no", "yes"] {
        let line = format!("repl-disable-tcp-nodelay {setting}");
        for mut primary in [Side::stock(&[&line]), Side::primary(2, &[&line])] {
            let mut replica = Side::basalt(1, &[]);
            replica.follow(primary.port());
            replica.wait_until_linked();
            assert_eq!(sends_at_once(&mut primary), setting == "no");
            // It holds for links that come after it was set.
            let other = if setting == "no" { "yes" } else { "no" };
            primary.ask(&format!("CONFIG SET repl-disable-tcp-nodelay {other}"));
            replica.ask("REPLICAOF NO ONE");
            primary.wait_until("it is gone", |side| side.told("connected_slaves") == "0");
            replica.follow(primary.port());
            replica.wait_until_linked();
            assert_eq!(sends_at_once(&mut primary), other == "no");
        }
    }
}
