//! The append-only file: stock loads ours and we load stock's, what was
//! acknowledged survives the worst end, and what is broken is told with its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::wire::{Connection, Reply};
use crate::{PATIENCE, PROGRAM, Side, data_folder, error, run_with_file, status};

pub(crate) const ON: &[&str] = &["appendonly yes", "save \"\""];

/// Requests of many kinds, of which some leave other words than their own.
const MIXED: &[&str] = &[
    "SET k v EX 1000",
    "SETEX s 2000 v",
    "INCRBYFLOAT f 1.25",
    "SADD set a b c d e",
    "SPOP set 2",
    "RPUSH list 1 2 3 4",
    "LMPOP 1 list LEFT COUNT 2",
    "ZADD z 1 a 2 b 3 c",
    "ZPOPMIN z",
    "HSET h f 1 g 2",
    "HINCRBYFLOAT h f 0.5",
    "XADD st * f v",
    "XADD st MAXLEN ~ 10 * f v",
    "XGROUP CREATE st g 0",
    "XREADGROUP GROUP g c COUNT 1 STREAMS st >",
    "GEOADD geo 13.361389 38.115556 p",
    "GETEX k PX 500000",
    "EXPIRE s 300",
    "SELECT 3",
    "SET other 1",
    "MULTI",
    "INCR other",
    "LPUSH l x",
    "EXEC",
    "MOVE l 4",
    "SELECT 0",
    "EVAL redis.call('set',KEYS[1],'x')return\u{20}redis.call('incr',KEYS[2]) 2 e1 e2",
    "COPY list list2",
    "RENAME list2 list3",
    "SORT list STORE sorted",
    "BITFIELD b SET u8 0 200",
    "PFADD hll a b c",
    "SET gone v PX 1",
    "PFMERGE hll2 hll",
];

pub(crate) fn fill(side: &mut Side) {
    for line in MIXED {
        // A blank within a word is written otherwise.
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let words: Vec<String> = if words[0] == "EVAL" {
            let script = "redis.call('set',KEYS[1],'x') return redis.call('incr',KEYS[2])";
            ["EVAL", script, "2", "e1", "e2"]
                .map(str::to_owned)
                .to_vec()
        } else {
            words
        };
        let reply = side.ask_words(&words);
        assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
    }
    thread::sleep(Duration::from_millis(5));
    side.tell("GET gone");
}

fn increment(folder: &Path) -> PathBuf {
    let folder = folder.join("appendonlydir");
    let names = fs::read_dir(&folder).expect("it was made");
    let mut names: Vec<PathBuf> = names
        .map(|entry| entry.expect("it is readable").path())
        .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
        .collect();
    names.sort();
    names.pop().expect("there is a file of changes")
}

#[test]
fn stock_loads_ours_and_we_load_stocks() {
    for shards in [1, 3] {
        let folder = data_folder();
        let mut ours = Side::basalt(folder.path(), shards, ON);
        fill(&mut ours);
        let digest = ours.digest();
        end(ours);
        let mut stock = Side::stock(folder.path(), ON);
        assert_eq!(stock.digest(), digest, "{shards} shards, ours at stock");
        for line in ["SET more 1", "RPUSH list 9", "SELECT 5", "SADD x y"] {
            stock.tell(line);
        }
        stock.tell("SELECT 0");
        fill_again(&mut stock);
        let digest = stock.digest();
        end(stock);
        let mut again = Side::basalt(folder.path(), shards, ON);
        assert_eq!(again.digest(), digest, "{shards} shards, stock's at ours");
        again.tell("BGREWRITEAOF");
        wait_for_rewrite(&mut again);
        again.tell("SET last 1");
        let digest = again.digest();
        end(again);
        let mut stock = Side::stock(folder.path(), ON);
        assert_eq!(stock.digest(), digest, "{shards} shards, rewritten");
    }
}

/// Some more of what is rewritten on its way.
fn fill_again(side: &mut Side) {
    for line in [
        "XADD st MAXLEN ~ 1 LIMIT 10 * f v",
        "XREADGROUP GROUP g c STREAMS st >",
        "XAUTOCLAIM st g d 0 0",
        "SPOP set",
        "EXPIRE z 100",
        "FUNCTION FLUSH",
    ] {
        side.tell(line);
    }
}

pub(crate) fn wait_for_rewrite(side: &mut Side) {
    let start = Instant::now();
    while side.told("aof_rewrite_in_progress") != "0" {
        assert!(start.elapsed() < PATIENCE, "it is written and written");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(side.told("aof_last_bgrewrite_status"), "ok");
}

#[test]
fn functions_come_back() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 2, ON);
    let code = "#!lua name=l\nredis.register_function('f', function(keys) return redis.call('set', keys[1], 'v') end)";
    side.ask_words(&["FUNCTION", "LOAD", code]);
    side.tell("FCALL f 1 k");
    end(side);
    let mut side = Side::basalt(folder.path(), 3, ON);
    assert_eq!(side.tell("GET k"), Reply::Bulk(b"v".to_vec()));
    side.tell("FCALL f 1 j");
    side.tell("BGREWRITEAOF");
    wait_for_rewrite(&mut side);
    end(side);
    let mut side = Side::basalt(folder.path(), 1, ON);
    assert_eq!(side.tell("FCALL f 1 i"), status("OK"));
}

#[test]
fn a_file_that_ends_in_the_midst_is_cut_or_refused_with_its_place() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 2, ON);
    for line in ["SET a 1", "SET b 2", "MULTI", "SET c 3", "SET d 4", "EXEC"] {
        side.tell(line);
    }
    end(side);
    let path = increment(folder.path());
    let whole = fs::read(&path).expect("it is readable");
    let multi_at = find(&whole, b"*1\r\n$5\r\nMULTI");
    // In the midst of the transaction: none of it counts.
    fs::write(&path, &whole[..whole.len() - 20]).expect("it is writable");
    let (code, said) = run_with_file(
        folder.path(),
        &["--appendonly", "yes", "--aof-load-truncated", "no"],
    );
    assert_eq!(code, Some(1), "{said}");
    let place = format!(
        "Unexpected end of file reading the append only file appendonly.aof.1.incr.aof at offset {multi_at}."
    );
    assert!(said.contains(&place), "{said}");
    let mut side = Side::basalt(folder.path(), 2, ON);
    assert_eq!(side.tell("EXISTS a b c d"), Reply::Integer(2));
    let log = side.log();
    assert!(
        log.contains(&format!(
            "Truncating the AOF appendonly.aof.1.incr.aof at offset {multi_at}"
        )),
        "{log}"
    );
    side.tell("SET e 5");
    end(side);
    let mut stock = Side::stock(folder.path(), ON);
    assert_eq!(stock.tell("EXISTS a b c d e"), Reply::Integer(3));
}

pub(crate) fn find(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows
        .position(|window| window == part)
        .expect("it is there")
}

#[test]
fn what_is_no_request_stops_the_start_with_its_place() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 2, ON);
    side.tell("SET a 1");
    side.tell("SET b 2");
    end(side);
    let path = increment(folder.path());
    let whole = fs::read(&path).expect("it is readable");
    let at = find(&whole, b"*3\r\n$3\r\nSET\r\n$1\r\nb");
    let mut broken = whole.clone();
    broken[at] = b'!';
    fs::write(&path, &broken).expect("it is writable");
    let (code, said) = run_with_file(folder.path(), &["--appendonly", "yes"]);
    assert_eq!(code, Some(1), "{said}");
    let place = format!(
        "Bad file format reading the append only file appendonly.aof.1.incr.aof at offset {at}"
    );
    assert!(said.contains(&place), "{said}");
    let manifest = folder.path().join("appendonlydir/appendonly.aof.manifest");
    let (code, said) = checked(&["--check-aof"], &manifest, "");
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("ok_up_to={at}")), "{said}");
    assert!(
        said.contains("Use the --fix option to try fixing it"),
        "{said}"
    );
    let (code, said) = checked(&["--check-aof", "--fix"], &manifest, "y\n");
    assert_eq!(code, Some(0), "{said}");
    let mut side = Side::basalt(folder.path(), 2, ON);
    assert_eq!(side.tell("EXISTS a b"), Reply::Integer(1));
    fs::write(&manifest, "file a seq x type i\n").expect("it is writable");
    end(side);
    let (code, said) = run_with_file(folder.path(), &["--appendonly", "yes"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("Reading the manifest file, at line 1"),
        "{said}"
    );
}

pub(crate) fn checked(words: &[&str], file: &Path, answer: &str) -> (Option<i32>, String) {
    use std::io::Write as _;
    let mut child = Command::new(PROGRAM)
        .args(words)
        .arg(file)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the tool can be run");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A tool that asks nothing has ended by now.
    let _unasked = stdin.write_all(answer.as_bytes()).is_err();
    drop(stdin);
    let output = child.wait_with_output().expect("the tool ends");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn the_file_begins_and_ends_while_the_node_runs() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 3, &["save \"\""]);
    side.tell("SET before 1");
    side.tell("CONFIG SET appendonly yes");
    let start = Instant::now();
    while !folder
        .path()
        .join("appendonlydir/appendonly.aof.manifest")
        .exists()
    {
        assert!(start.elapsed() < PATIENCE, "it does not begin");
        thread::sleep(Duration::from_millis(5));
    }
    wait_for_rewrite(&mut side);
    side.tell("SET while 1");
    side.tell("CONFIG SET appendonly no");
    side.tell("SET between 1");
    side.tell("CONFIG SET appendonly yes");
    thread::sleep(Duration::from_millis(50));
    wait_for_rewrite(&mut side);
    side.tell("SET after 1");
    let digest = side.digest();
    end(side);
    let mut again = Side::basalt(folder.path(), 2, ON);
    assert_eq!(again.digest(), digest);
    assert_eq!(again.tell("DBSIZE"), Reply::Integer(4));
}

/// Ends a server as it should be ended.
pub(crate) fn end(mut side: Side) {
    side.client
        .send(&["SHUTDOWN", "NOSAVE"])
        .expect("the server listens");
    side.server.end(PATIENCE).expect("it ends");
}

#[test]
fn a_disk_that_fails_refuses_writes_until_it_does_not() {
    let folder = data_folder();
    let limit = "1000000";
    // A file may not grow beyond the limit; the signal is ignored by the shell.
    let settings = [ON, &["shards 2"]].concat();
    let mut side = Side::basalt(folder.path(), 2, &settings);
    let id = side.server.id().to_string();
    let set = |bytes: &str| {
        let set = Command::new("prlimit")
            .args(["--pid", &id, &format!("--fsize={bytes}:unlimited")])
            .status();
        assert!(set.is_ok_and(|status| status.success()));
    };
    set(limit);
    let long = "x".repeat(100_000);
    let start = Instant::now();
    let refused = loop {
        let reply = side.ask(&format!("SET k {long}"));
        if let Reply::Error(text) = reply {
            break String::from_utf8_lossy(&text).into_owned();
        }
        assert!(start.elapsed() < PATIENCE, "it writes and writes");
    };
    assert!(
        refused.starts_with("MISCONF Errors writing to the AOF file: File too large"),
        "{refused}"
    );
    assert_eq!(side.told("aof_last_write_status"), "err");
    assert_eq!(side.ask("PING"), status("PONG"));
    assert!(matches!(side.ask("GET k"), Reply::Bulk(_)));
    set("unlimited");
    let start = Instant::now();
    while matches!(side.ask("SET k w"), Reply::Error(_)) {
        assert!(start.elapsed() < PATIENCE, "it refuses and refuses");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(side.told("aof_last_write_status"), "ok");
    let digest = side.digest();
    end(side);
    let mut again = Side::basalt(folder.path(), 1, ON);
    assert_eq!(again.digest(), digest);
}

#[test]
fn a_file_of_before_there_were_manifests_becomes_a_base() {
    let folder = data_folder();
    fs::write(
        folder.path().join("appendonly.aof"),
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    )
    .expect("the folder is there");
    let mut side = Side::basalt(folder.path(), 2, ON);
    assert_eq!(side.tell("GET k"), Reply::Bulk(b"v".to_vec()));
    side.tell("SET j w");
    end(side);
    let mut stock = Side::stock(folder.path(), ON);
    assert_eq!(
        stock.tell("MGET k j"),
        Reply::Array(vec![Reply::Bulk(b"v".to_vec()), Reply::Bulk(b"w".to_vec()),])
    );
}

#[test]
fn a_rewrite_beside_another_is_refused_and_times_are_written() {
    let folder = data_folder();
    let settings = [ON, &["aof-timestamp-enabled yes"]].concat();
    let mut side = Side::basalt(folder.path(), 2, &settings);
    assert_eq!(
        side.tell("BGREWRITEAOF"),
        status("Background append only file rewriting started")
    );
    wait_for_rewrite(&mut side);
    side.tell("SET k v");
    let digest = side.digest();
    end(side);
    let written = fs::read(increment(folder.path())).expect("it is readable");
    assert!(written.starts_with(b"#TS:"), "{}", written.escape_ascii());
    let mut stock = Side::stock(folder.path(), ON);
    assert_eq!(stock.digest(), digest);
    end(stock);
    let mut again = Side::basalt(folder.path(), 2, ON);
    assert_eq!(again.digest(), digest);
    assert_eq!(
        again.ask("CONFIG SET appendfsync never"),
        error(
            "ERR CONFIG SET failed (possibly related to argument 'appendfsync') - argument(s) must be one of the following: everysec, always, no",
        )
    );
}

/// Three clients that ask for a while; `requests` says what, by client and round.
fn write_for(
    time: Duration,
    side: &Side,
    requests: fn(usize, usize) -> Vec<String>,
) -> Vec<thread::JoinHandle<()>> {
    let port = side.server.port();
    let write = move |at| {
        let mut client = Connection::open(port).expect("the server accepts");
        let until = Instant::now() + time;
        let mut round = 0;
        while Instant::now() < until {
            round += 1;
            for request in requests(at, round) {
                let words: Vec<&str> = request.split(' ').collect();
                client.ask(&words).expect("the server answers");
            }
        }
    };
    (0..3).map(|at| thread::spawn(move || write(at))).collect()
}

#[test]
fn a_base_beside_writers_loses_nothing() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 3, ON);
    side.tell("DEBUG POPULATE 20000 filler 100");
    // What DEBUG makes is recorded by nobody, and comes with a base.
    side.tell("BGREWRITEAOF");
    wait_for_rewrite(&mut side);
    let writers = write_for(Duration::from_millis(1500), &side, |at, round| {
        let key = format!("filler:{}", (round * 37 + at * 5000) % 20000);
        let list = format!("list:{}", round % 10);
        vec![
            format!("SET {key} {round}"),
            format!("RPUSH {list} {round}"),
            format!("LTRIM {list} -50 -1"),
            format!("MSET {{m}}1 {round} m2 {round}"),
            format!("DEL {key}"),
        ]
    });
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(200));
        side.tell("BGREWRITEAOF");
        wait_for_rewrite(&mut side);
    }
    side.tell("CONFIG SET appendonly no");
    side.tell("CONFIG SET appendonly yes");
    for writer in writers {
        writer.join().expect("it writes");
    }
    thread::sleep(Duration::from_millis(50));
    wait_for_rewrite(&mut side);
    let digest = side.digest();
    end(side);
    let mut stock = Side::stock(folder.path(), ON);
    assert_eq!(stock.digest(), digest);
    drop(stock);
    let mut again = Side::basalt(folder.path(), 2, ON);
    assert_eq!(again.digest(), digest);
}

/// The file's thread reads what is recorded for the next file while it still
/// writes the last one to its end.
#[test]
fn a_file_that_ends_and_begins_under_writers_misses_nothing() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 3, ON);
    let writers = write_for(Duration::from_millis(1200), &side, |at, round| {
        vec![format!("SET key:{at}:{} {round}", round % 500)]
    });
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(50));
        wait_for_rewrite(&mut side);
        side.tell("CONFIG SET appendonly no");
        side.tell("CONFIG SET appendonly yes");
    }
    for writer in writers {
        writer.join().expect("it writes");
    }
    wait_for_rewrite(&mut side);
    let digest = side.digest();
    end(side);
    let mut again = Side::basalt(folder.path(), 2, ON);
    assert_eq!(again.digest(), digest);
}

#[test]
fn a_node_does_not_end_before_its_first_file_is_whole() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 2, &["rdb-key-save-delay 100000"]);
    side.tell("DEBUG POPULATE 100 key 10");
    side.tell("CONFIG SET appendonly yes");
    let refused = side.ask("SHUTDOWN NOSAVE");
    assert_eq!(refused, error("ERR Errors trying to SHUTDOWN. Check logs."));
    let log = side.log();
    assert!(log.contains("Writing initial AOF, can't exit."), "{log}");
    assert_eq!(side.tell("DBSIZE"), Reply::Integer(100));
}
