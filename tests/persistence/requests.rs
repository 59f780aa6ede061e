//! Bases as requests, where `aof-use-rdb-preamble` is no: stock loads ours, and all of
//! the data is in them.

use std::fs;
use std::path::Path;

use crate::aof::{ON, end, fill, wait_for_rewrite};
use crate::wire::Reply;
use crate::{Side, data_folder};

const AS_REQUESTS: &str = "aof-use-rdb-preamble no";

/// What `fill` has not: more elements than one request adds, every state of a
/// stream, numbers of every form, and odd texts.
fn fill_more(side: &mut Side) {
    for number in 0..150 {
        side.tell(&format!("RPUSH long item:{number} {number}"));
        side.tell(&format!("SADD many member:{number}"));
        side.tell(&format!("SADD numbers {number}"));
        side.tell(&format!("ZADD ranked {number}.5 member:{number}"));
        side.tell(&format!("HSET wide field:{number} {number}"));
        side.tell(&format!("XADD entries {number}-1 f {number} g x"));
    }
    for line in [
        "ZADD scores inf a -inf b -0 c 1e300 d 1e-300 e 0.1 f 3 g",
        "EXPIRE many 1000",
        "XADD none 5-5 f v",
        "XDEL none 5-5",
        "XGROUP CREATE none g $",
        "XGROUP CREATE never g 0 MKSTREAM",
        "XGROUP CREATE entries g 10-1 ENTRIESREAD 11",
        "XGROUP CREATE entries unread 0",
        "XGROUP CREATECONSUMER entries g idle",
        "XREADGROUP GROUP g one COUNT 3 STREAMS entries >",
        "XREADGROUP GROUP g two COUNT 2 STREAMS entries >",
        "XCLAIM entries g two 0 11-1 RETRYCOUNT 7 JUSTID",
        "XACK entries g 12-1",
        "XDEL entries 100-1 149-1",
        "SELECT 7",
        "SET there 1",
        "SELECT 0",
    ] {
        side.tell(line);
    }
    side.ask_words(&[&b"SET"[..], b"odd \r\n\x00\xff", b"\x00\r\n$3\r\n"]);
    let code = "#!lua name=l\nredis.register_function('f', function() return 5 end)";
    side.ask_words(&["FUNCTION", "LOAD", code]);
}

/// What a digest does not tell.
fn told(side: &mut Side) -> Vec<Reply> {
    [
        "XINFO GROUPS entries",
        "XINFO GROUPS none",
        "XINFO GROUPS never",
        "XINFO STREAM entries",
        "XINFO STREAM none",
        "XPENDING entries g",
        "XPENDING entries unread",
        "FCALL f 0",
        "DBSIZE",
    ]
    .map(|line| match side.tell(line) {
        // Counts and ids; of the trees inside each server tells what it has.
        Reply::Array(items) if line.starts_with("XINFO STREAM") => {
            let mut items = items;
            items.drain(2..6);
            Reply::Array(items)
        }
        reply => reply,
    })
    .to_vec()
}

fn base(folder: &Path, number: usize) -> Vec<u8> {
    let name = format!("appendonlydir/appendonly.aof.{number}.base.aof");
    fs::read(folder.join(name)).expect("it is there")
}

#[test]
fn a_base_of_requests_has_all_data_for_stock_and_for_us() {
    for shards in [1, 3] {
        let folder = data_folder();
        let settings = [ON, &[AS_REQUESTS]].concat();
        let mut side = Side::basalt(folder.path(), shards, &settings);
        assert_eq!(base(folder.path(), 1), b"", "nothing is there yet");
        fill(&mut side);
        fill_more(&mut side);
        side.tell("BGREWRITEAOF");
        wait_for_rewrite(&mut side);
        side.tell("SET behind 1");
        let (digest, tells) = (side.digest(), told(&mut side));
        end(side);
        assert!(base(folder.path(), 2).starts_with(b"*3\r\n$8\r\nFUNCTION\r\n"));
        let mut again = Side::basalt(folder.path(), 4 - shards, &settings);
        assert_eq!(again.digest(), digest, "{shards} shards");
        assert_eq!(told(&mut again), tells, "{shards} shards");
        end(again);
        let mut stock = Side::stock(folder.path(), &settings);
        assert_eq!(stock.digest(), digest, "{shards} shards, at stock");
        assert_eq!(told(&mut stock), tells, "{shards} shards, at stock");
        // And stock's own, of the same data.
        stock.tell("BGREWRITEAOF");
        wait_for_rewrite(&mut stock);
        end(stock);
        let mut again = Side::basalt(folder.path(), shards, &settings);
        assert_eq!(again.digest(), digest, "{shards} shards, stock's");
        assert_eq!(told(&mut again), tells, "{shards} shards, stock's");
    }
}

#[test]
fn deadlines_of_fields_and_the_time_are_in_a_base_of_requests() {
    let folder = data_folder();
    let settings = [ON, &[AS_REQUESTS, "aof-timestamp-enabled yes"]].concat();
    let mut side = Side::basalt(folder.path(), 2, &settings);
    assert!(base(folder.path(), 1).starts_with(b"#TS:"));
    side.tell("HSET h ends v stays v");
    side.tell("HPEXPIREAT h 4000000000000 FIELDS 1 ends");
    side.tell("BGREWRITEAOF");
    wait_for_rewrite(&mut side);
    let digest = side.digest();
    end(side);
    assert!(base(folder.path(), 2).starts_with(b"#TS:"));
    let mut side = Side::basalt(folder.path(), 1, &settings);
    assert_eq!(side.digest(), digest);
    let ends = Reply::Array(vec![Reply::Integer(4_000_000_000_000), Reply::Integer(-1)]);
    assert_eq!(side.tell("HPEXPIRETIME h FIELDS 2 ends stays"), ends);
    // The other way: the next base is an RDB file.
    side.tell("CONFIG SET aof-use-rdb-preamble yes");
    side.tell("BGREWRITEAOF");
    wait_for_rewrite(&mut side);
    end(side);
    let manifest = folder.path().join("appendonlydir/appendonly.aof.manifest");
    let text = fs::read_to_string(manifest).expect("it is there");
    assert!(
        text.starts_with("file appendonly.aof.3.base.rdb seq 3 type b\n"),
        "{text}"
    );
    let mut side = Side::basalt(folder.path(), 2, &settings);
    assert_eq!(side.digest(), digest);
}
