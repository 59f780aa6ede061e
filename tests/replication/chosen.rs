//! What is left for the replicas only, beside stock.

use crate::Side;
use crate::wire::Reply;

const FILE: &str = "appendonly yes";

/// A stock primary and basalt ones of several shards.
fn primaries() -> [Side; 3] {
    [
        Side::stock(&[FILE]),
        Side::primary(1, &[FILE]),
        Side::primary(3, &[FILE]),
    ]
}

/// The values of keys, parted by blanks; `-` for none.
fn values(side: &mut Side, keys: &str) -> String {
    let Reply::Array(values) = side.ask(&format!("MGET {keys}")) else {
        panic!("MGET has an array");
    };
    let shown = values.iter().map(|value| match value {
        Reply::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
        _ => "-".to_owned(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Waits until the replica has everything that was left for it so far.
fn wait_for(replica: &mut Side, primary: &mut Side) {
    primary.ask("SET mark x");
    replica.wait_until("it has the primary's offset", |replica| {
        replica.offset() == primary.offset()
    });
}

#[test]
fn debug_replicate_is_for_replicas_only() {
    for mut primary in primaries() {
        let mut replica = Side::stock(&[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        primary.ask("SET k v");
        let before = primary.offset();
        let done = primary.ask("DEBUG REPLICATE set only theirs");
        assert_eq!(done, crate::status("OK"));
        let more = crate::wire::request(&["set", "only", "theirs"]).len() as u64;
        primary.wait_until("it is in the stream", |primary| {
            primary.offset() == before + more
        });
        wait_for(&mut replica, &mut primary);
        assert_eq!(values(&mut replica, "k only"), "v theirs");
        primary.ask("DEBUG LOADAOF");
        primary.wait_until("it has loaded", |side| side.told("loading") == "0");
        assert_eq!(values(&mut primary, "k only"), "v -");
        let refused = "ERR unknown subcommand or wrong number of arguments for 'REPLICATE'. \
             Try DEBUG HELP.";
        assert_eq!(primary.ask("DEBUG REPLICATE"), crate::error(refused));
    }
}
