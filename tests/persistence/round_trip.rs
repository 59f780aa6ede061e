//! Files of stock load here, ours load there, and nothing is different.

use std::fs;

use crate::wire::Reply;
use crate::{Side, data_folder, status};

/// Fills a server with every type in every encoding, in several databases.
fn fill(side: &mut Side) {
    let long = "x".repeat(5000);
    let many = |command: &str, element: &dyn Fn(usize) -> String| {
        let elements: Vec<String> = (0..2000).map(element).collect();
        format!("{command} {}", elements.join(" "))
    };
    let lines = [
        "SET empty:key 1".to_owned(),
        "SET int -12345".to_owned(),
        "SET int8 7".to_owned(),
        "SET int32 2147483647".to_owned(),
        "SET int64 9223372036854775807".to_owned(),
        format!("SET long {long}"),
        "APPEND raw abc".to_owned(),
        "SETBIT bits 70000 1".to_owned(),
        "PFADD loglog a b c d e".to_owned(),
        // It keeps what it counted.
        "PFCOUNT loglog".to_owned(),
        "RPUSH list a 1 -70000 12345678901".to_owned(),
        many("RPUSH list:long", &|at| format!("element:{at}")),
        format!("RPUSH list:plain a {} b {long} c", "y".repeat(100_000)),
        "SADD set:16 1 -2 300".to_owned(),
        "SADD set:32 1 -70000 300".to_owned(),
        "SADD set:64 1 3000000000".to_owned(),
        "SADD set:small a b c".to_owned(),
        many("SADD set:large", &|at| format!("member:{at}")),
        "HSET hash a 1 b two c 300000".to_owned(),
        many("HSET hash:large", &|at| format!("field:{at} {at}")),
        format!("HSET hash:long a 1 b {long}"),
        "ZADD zset 1 one 2.5 two -inf 17 +inf 3e100 1e-300 tiny".to_owned(),
        many("ZADD zset:large", &|at| format!("{at}.125 m{at}")),
        "XADD stream 1-1 a 1 b 2".to_owned(),
        "XADD stream 2-1 a 3 b 4".to_owned(),
        "XADD stream 3-1 other 5".to_owned(),
        "XADD stream:gone 5-5 a b".to_owned(),
        "XDEL stream:gone 5-5".to_owned(),
        "XGROUP CREATE stream group 0".to_owned(),
        "XGROUP CREATE stream idle $".to_owned(),
        "XREADGROUP GROUP group alice COUNT 2 STREAMS stream >".to_owned(),
        "XREADGROUP GROUP group bob COUNT 1 STREAMS stream >".to_owned(),
        "XACK stream group 1-1".to_owned(),
        "XDEL stream 2-1".to_owned(),
        "GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania".to_owned(),
        "SET timed v PXAT 4102444800123".to_owned(),
        "HSET hash:timed f v".to_owned(),
        "PEXPIREAT hash:timed 4102444800000".to_owned(),
        "SELECT 3".to_owned(),
        "SET int another".to_owned(),
        "RPUSH list of another database".to_owned(),
        "SELECT 15".to_owned(),
        "SET last 1".to_owned(),
        "SELECT 0".to_owned(),
    ];
    for line in lines {
        side.tell(&line);
    }
    for at in 0..3000 {
        side.tell(&format!("SET key:{at} value:{at}"));
    }
    side.ask_words(&[&b"SET"[..], b"\xff\x00\r\n binary", b"\x00\x01\xfe"]);
    side.ask_words(&[&b"SET"[..], b"", b""]);
    let library = "#!lua name=lib\nredis.register_function('f', function(k, a) return a[1] end)";
    side.ask_words(&["FUNCTION", "LOAD", library]);
    let other = "#!lua name=other\nredis.register_function{function_name='g', \
                 callback=function() return 'g' end, flags={'no-writes'}}";
    side.ask_words(&["FUNCTION", "LOAD", other]);
}

/// What the digest does not say.
fn told(side: &mut Side) -> Vec<Reply> {
    [
        "PEXPIRETIME timed",
        "PEXPIRETIME hash:timed",
        "OBJECT ENCODING set:16",
        "OBJECT ENCODING hash",
        "OBJECT ENCODING hash:large",
        "OBJECT ENCODING zset",
        "OBJECT ENCODING zset:large",
        "OBJECT ENCODING set:large",
        "OBJECT ENCODING int64",
        "XINFO STREAM stream FULL",
        "XINFO STREAM stream:gone",
        "XPENDING stream group - + 10",
        "XRANGE stream - +",
        "FUNCTION LIST LIBRARYNAME lib WITHCODE",
        "FUNCTION LIST LIBRARYNAME other WITHCODE",
        "FCALL f 0 a",
        "FCALL_RO g 0",
        "DBSIZE",
        "PFCOUNT loglog",
        "ZRANGE zset 0 -1 WITHSCORES",
    ]
    .map(|line| without_ages(line, side.tell(line)))
    .to_vec()
}

/// How long ago a consumer was seen and an entry given differs with the time.
fn without_ages(line: &str, reply: Reply) -> Reply {
    match reply {
        // 7.2 tells of `active-time`, too; id, owner, age and count of pending.
        Reply::Array(items) if line.starts_with("XPENDING") => {
            let rows = items.into_iter().map(|row| match row {
                Reply::Array(mut row) => {
                    row.remove(2);
                    Reply::Array(row)
                }
                other => other,
            });
            Reply::Array(rows.collect())
        }
        // What follows the entries are groups with times of consumers.
        Reply::Array(mut items) if line.starts_with("XINFO STREAM stream FULL") => {
            items.truncate(16);
            // Radix tree keys and nodes are stock's own.
            items.drain(2..6);
            Reply::Array(items)
        }
        Reply::Array(mut items) if line.starts_with("XINFO") => {
            items.drain(2..6);
            Reply::Array(items)
        }
        other => other,
    }
}

#[test]
fn stocks_file_comes_here_and_ours_goes_back() {
    let folder = data_folder();
    let file = folder.path().join("dump.rdb");
    let mut stock = Side::stock(folder.path(), &[]);
    fill(&mut stock);
    assert_eq!(stock.tell("SAVE"), status("OK"));
    let (digest, wanted) = (stock.digest(), told(&mut stock));
    drop(stock);
    for shards in [1, 2, 5] {
        let mut ours = Side::basalt(folder.path(), shards, &[]);
        assert_eq!(ours.told("rdb_changes_since_last_save"), "0");
        assert_eq!(ours.digest(), digest, "{shards} shards: {}", ours.log());
        assert_eq!(told(&mut ours), wanted, "{shards} shards");
        let Reply::Integer(keys) = ours.tell("DBSIZE") else {
            panic!("DBSIZE is a number");
        };
        let loaded = ours.told("rdb_last_load_keys_loaded");
        assert_eq!(
            loaded,
            (keys + 3).to_string(),
            "three are of other databases"
        );
        fs::remove_file(&file).expect("the file is there");
        assert_eq!(ours.tell("SAVE"), status("OK"));
        drop(ours);
        let mut stock = Side::stock(folder.path(), &[]);
        assert_eq!(stock.digest(), digest, "{shards} shards: {}", stock.log());
        assert_eq!(told(&mut stock), wanted, "{shards} shards");
    }
}

#[test]
fn files_of_other_settings_are_the_same_data() {
    let folder = data_folder();
    let small = [
        "hash-max-listpack-entries 2",
        "zset-max-listpack-entries 2",
        "set-max-intset-entries 2",
        "list-max-listpack-size 2",
        "rdbcompression no",
        "rdbchecksum no",
    ];
    let mut ours = Side::basalt(folder.path(), 2, &small);
    fill(&mut ours);
    ours.tell("SAVE");
    let digest = ours.digest();
    drop(ours);
    let mut stock = Side::stock(folder.path(), &[]);
    assert_eq!(stock.digest(), digest, "{}", stock.log());
    stock.tell("CONFIG SET hash-max-listpack-entries 3");
    stock.tell("SAVE");
    drop(stock);
    let mut ours = Side::basalt(folder.path(), 5, &[]);
    assert_eq!(ours.digest(), digest, "{}", ours.log());
}

/// A file with an end says how often keys were used, if that is looked at.
#[test]
fn frequencies_and_idle_times_travel() {
    let folder = data_folder();
    for policy in ["allkeys-lfu", "allkeys-lru"] {
        let setting = format!("maxmemory-policy {policy}");
        let settings = [setting.as_str()];
        let is_lfu = policy == "allkeys-lfu";
        let mut ours = Side::basalt(folder.path(), 2, &settings);
        ours.tell("FLUSHALL");
        ours.tell("SET k v");
        let payload = match ours.tell("DUMP k") {
            Reply::Bulk(payload) => payload,
            other => panic!("{other:?}"),
        };
        let (option, value) = if is_lfu {
            ("FREQ", "100")
        } else {
            ("IDLETIME", "5000")
        };
        ours.ask_words(&[
            &b"RESTORE"[..],
            b"used",
            b"0",
            &payload,
            option.as_bytes(),
            value.as_bytes(),
        ]);
        ours.tell("SAVE");
        drop(ours);
        let asked = if is_lfu {
            "OBJECT FREQ used"
        } else {
            "OBJECT IDLETIME used"
        };
        for is_stock in [true, false] {
            let mut side = if is_stock {
                Side::stock(folder.path(), &settings)
            } else {
                Side::basalt(folder.path(), 1, &settings)
            };
            let Reply::Integer(told) = side.tell(asked) else {
                panic!("{asked} is a number");
            };
            let wanted = if is_lfu { 98..=100 } else { 5000..=5010 };
            assert!(wanted.contains(&told), "{policy}: {told}");
            side.tell("SAVE");
        }
    }
}

#[test]
fn deadlines_of_fields_survive_a_restart() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    ours.tell("HSET h a 1 b 2");
    ours.tell("HPEXPIREAT h 4102444800123 FIELDS 1 a");
    ours.tell("SET k v");
    ours.tell("SAVE");
    let digest = ours.digest();
    drop(ours);
    let file = fs::read(folder.path().join("dump.rdb")).expect("it was just saved");
    assert!(file.starts_with(b"REDIS0012"));
    let mut ours = Side::basalt(folder.path(), 5, &[]);
    assert_eq!(ours.digest(), digest);
    let deadlines = ours.tell("HPEXPIRETIME h FIELDS 2 a b");
    let wanted = [4_102_444_800_123, -1].map(Reply::Integer);
    assert_eq!(deadlines, Reply::Array(wanted.to_vec()));
    ours.tell("HPERSIST h FIELDS 1 a");
    ours.tell("SAVE");
    let file = fs::read(folder.path().join("dump.rdb")).expect("it was just saved");
    assert!(
        file.starts_with(b"REDIS0010"),
        "no field has a deadline now"
    );
}

#[test]
fn keys_whose_time_has_come_are_left_out() {
    let folder = data_folder();
    let mut stock = Side::stock(folder.path(), &["hz 1"]);
    stock.tell("SET gone v PX 60");
    stock.tell("SET stays v PX 1000000");
    stock.tell("SAVE");
    drop(stock);
    std::thread::sleep(std::time::Duration::from_millis(80));
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    assert_eq!(ours.tell("DBSIZE"), Reply::Integer(1));
    assert_eq!(ours.told("rdb_last_load_keys_expired"), "1");
    assert_eq!(ours.told("rdb_last_load_keys_loaded"), "1");
}

#[test]
fn a_value_of_many_megabytes_travels() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &["rdbcompression no"]);
    let value = vec![b'v'; 6 << 20];
    ours.ask_words(&[&b"SET"[..], b"big", &value]);
    ours.tell("SET small 1");
    ours.tell("SAVE");
    let digest = ours.digest();
    drop(ours);
    assert_eq!(Side::stock(folder.path(), &[]).digest(), digest);
    assert_eq!(Side::basalt(folder.path(), 1, &[]).digest(), digest);
}
