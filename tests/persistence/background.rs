//! BGSAVE and save points: the file is of one moment while writers go on, and a save
//! that fails is told to those who write.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::wire::Reply;
use crate::{PATIENCE, Side, bank, data_folder, error, status};

/// Keys beside, so that a save takes a while.
const CROWD: usize = 40_000;

/// Waits until INFO says so.
fn wait_for(side: &mut Side, field: &str, value: &str) {
    let start = Instant::now();
    loop {
        let told = side.told(field);
        if told == value {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{field} stays {told}: {}",
            side.log()
        );
        thread::sleep(Duration::from_millis(5));
    }
}

fn saved(side: &mut Side) {
    let begins = status("Background saving started");
    assert_eq!(side.ask("BGSAVE"), begins);
    wait_for(side, "rdb_bgsave_in_progress", "0");
}

fn has_temporary(folder: &Path) -> bool {
    let files = fs::read_dir(folder).expect("the folder is there");
    let mut names = files.map(|file| file.expect("it can be read").file_name());
    names.any(|name| name.to_string_lossy().starts_with("temp-"))
}

#[test]
fn a_file_that_is_saved_beside_writers_is_of_one_moment() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 3, &[]);
    ours.tell(&format!("DEBUG POPULATE {CROWD}"));
    bank::open(&mut ours);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for teller in 0..3 {
            let mut client = ours.server.client();
            let is_over = &is_over;
            scope.spawn(move || {
                bank::move_money(&mut client, teller, is_over, |at| {
                    let crowd = format!("key:{}", at * 101 % CROWD);
                    let words =
                        |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
                    vec![words(&["DEL", &crowd]), words(&["APPEND", &crowd, "x"])]
                });
            });
        }
        let mut moves = -1;
        for _ in 0..3 {
            saved(&mut ours);
            assert_eq!(ours.told("rdb_last_bgsave_status"), "ok", "{}", ours.log());
            let (sum, moved, keys) = counted(folder.path());
            assert_eq!(sum, bank::MONEY);
            assert!(moved > moves, "the file is of a later moment");
            assert!(keys > CROWD as i64 - 10, "{keys}");
            moves = moved;
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(!has_temporary(folder.path()));
}

/// What the accounts of the file add up to, how often money moved, and how many
/// keys there are.
fn counted(folder: &Path) -> (i64, i64, i64) {
    let mut stock = Side::stock(folder, &[]);
    let (sum, moves) = bank::count(&mut stock);
    match stock.tell("DBSIZE") {
        Reply::Integer(keys) => (sum, moves, keys),
        other => panic!("DBSIZE says {other:?}"),
    }
}

#[test]
fn what_is_thrown_away_and_swapped_while_it_is_saved_is_in_the_file() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    ours.tell(&format!("DEBUG POPULATE {CROWD}"));
    ours.tell("SELECT 1");
    ours.tell("DEBUG POPULATE 5000 other");
    ours.tell("SELECT 0");
    let before = ours.digest();
    // One pipeline: nothing comes between.
    for line in [
        "BGSAVE",
        "SWAPDB 0 1",
        "FLUSHDB ASYNC",
        "SET k v",
        "SELECT 1",
        "FLUSHDB SYNC",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        ours.client.send(&words).expect("it takes requests");
    }
    assert_eq!(
        ours.client.read().expect("it answers"),
        status("Background saving started")
    );
    for _ in 0..5 {
        assert_eq!(ours.client.read().expect("it answers"), status("OK"));
    }
    wait_for(&mut ours, "rdb_bgsave_in_progress", "0");
    assert_eq!(ours.told("rdb_last_bgsave_status"), "ok", "{}", ours.log());
    let mut stock = Side::stock(folder.path(), &[]);
    assert_eq!(stock.digest(), before);
}

#[test]
fn tests_may_say_how_long_a_save_and_a_load_take() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &["rdb-key-save-delay 60000000"]);
    ours.tell("MSET a 1 b 2 c 3");
    assert_eq!(ours.ask("BGSAVE"), status("Background saving started"));
    thread::sleep(Duration::from_millis(50));
    assert_eq!(ours.told("rdb_bgsave_in_progress"), "1");
    assert_eq!(ours.told("current_save_keys_total"), "3");
    assert_eq!(ours.told("current_save_keys_processed"), "0");
    // It acts on the one under way.
    ours.tell("CONFIG SET rdb-key-save-delay 0");
    wait_for(&mut ours, "rdb_bgsave_in_progress", "0");
    assert_eq!(ours.told("rdb_last_bgsave_status"), "ok");
    // One that rests is given up at the end.
    ours.tell("CONFIG SET rdb-key-save-delay 60000000");
    assert_eq!(ours.ask("BGSAVE"), status("Background saving started"));
    let start = Instant::now();
    assert_eq!(ours.client.send(&["SHUTDOWN", "NOSAVE"]).ok(), Some(()));
    assert!(ours.client.read().is_err(), "the node ends");
    assert!(start.elapsed() < PATIENCE);
    drop(ours);
    let slow = [
        "enable-debug-command yes".to_owned(),
        format!("dir {}", folder.path().display()),
        "shards 2".to_owned(),
        "key-load-delay 60000000".to_owned(),
    ];
    let server = crate::process::Server::start(crate::PROGRAM, &slow);
    let client = crate::patient(&server);
    let mut again = Side { server, client };
    assert_eq!(again.told("loading"), "1");
    let refused = "LOADING Redis is loading the dataset in memory";
    assert_eq!(again.ask("GET a"), error(refused));
    again.tell("CONFIG SET key-load-delay -10");
    again.wait_until_loaded();
    assert_eq!(again.ask("GET a"), Reply::Bulk(b"1".to_vec()));
    // Whoever does not know of them does not see them.
    let Reply::Array(all) = again.tell("CONFIG GET *delay*") else {
        panic!("CONFIG GET gives names and values");
    };
    let hidden = Reply::Bulk(b"key-load-delay".to_vec());
    assert!(!all.contains(&hidden), "{all:?}");
}

#[test]
fn what_flushall_throws_away_is_not_saved_afterwards() {
    for shards in [1, 3] {
        let folder = data_folder();
        let slow = ["save \"\"", "rdb-key-save-delay 60000000"];
        let mut ours = Side::basalt(folder.path(), shards, &slow);
        ours.tell("DEBUG POPULATE 1000");
        assert_eq!(ours.ask("BGSAVE"), status("Background saving started"));
        ours.tell("FLUSHALL");
        wait_for(&mut ours, "rdb_bgsave_in_progress", "0");
        assert_eq!(ours.told("rdb_last_bgsave_status"), "ok");
        // Nothing was saved, and nothing is left of what was begun.
        assert_ne!(ours.told("rdb_changes_since_last_save"), "0");
        assert!(!has_temporary(folder.path()));
        assert!(!folder.path().join("dump.rdb").exists());
        ours.tell("SET k v");
    }
}

#[test]
fn flushall_writes_a_file_of_nothing_where_there_are_save_points() {
    for shards in [1, 3] {
        for line in ["FLUSHALL", "FLUSHALL SYNC", "EXEC", "EVAL"] {
            let folder = data_folder();
            let often = ["save \"3600 100000\"", "rdb-key-save-delay 60000000"];
            let mut ours = Side::basalt(folder.path(), shards, &often);
            ours.tell("DEBUG POPULATE 1000");
            ours.tell("SAVE");
            assert_eq!(ours.ask("BGSAVE"), status("Background saving started"));
            match line {
                "EXEC" => {
                    ours.tell("MULTI");
                    ours.tell("FLUSHALL");
                    ours.tell("EXEC");
                }
                "EVAL" => {
                    let script = "return redis.call('FLUSHALL')";
                    let reply = ours.ask_words(&["EVAL", script, "0"]);
                    assert_eq!(reply, status("OK"));
                }
                line => assert_eq!(ours.ask(line), status("OK")),
            }
            assert_eq!(ours.told("rdb_changes_since_last_save"), "0", "{line}");
            ours.tell("SET later 1");
            wait_for(&mut ours, "rdb_bgsave_in_progress", "0");
            // A node that is killed comes back without what was thrown away.
            let id = ours.server.id().to_string();
            let killed = std::process::Command::new("kill")
                .args(["-9", &id])
                .status();
            assert!(killed.is_ok_and(|status| status.success()));
            drop(ours);
            let mut again = Side::basalt(folder.path(), shards, &[]);
            assert_eq!(again.tell("DBSIZE"), Reply::Integer(0), "{line}");
        }
    }
}

#[test]
fn there_is_one_save_at_a_time() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    ours.tell("DEBUG POPULATE 200000");
    // It lasts until it has been looked at.
    ours.tell("CONFIG SET rdb-key-save-delay 1000");
    for line in ["BGSAVE", "BGSAVE", "BGSAVE SCHEDULE", "SAVE"] {
        let words: Vec<&str> = line.split(' ').collect();
        ours.client.send(&words).expect("it takes requests");
    }
    let mut read = || ours.client.read().expect("it answers");
    assert_eq!(read(), status("Background saving started"));
    let refused = error("ERR Background save already in progress");
    assert_eq!(
        [read(), read(), read()],
        [refused.clone(), refused.clone(), refused]
    );
    // Its writer says so, a moment after it was said to begin.
    wait_for(&mut ours, "current_save_keys_total", "200000");
    ours.tell("CONFIG SET rdb-key-save-delay 0");
    wait_for(&mut ours, "rdb_bgsave_in_progress", "0");
    assert_eq!(ours.told("rdb_saves"), "1");
    assert_eq!(ours.told("rdb_changes_since_last_save"), "0");
    assert_eq!(ours.told("current_save_keys_total"), "0");
    assert_eq!(ours.told("rdb_last_cow_size"), "0");
}

#[test]
fn a_save_point_saves_by_itself() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &["save 1 3"]);
    ours.tell("MSET a 1 b 2");
    thread::sleep(Duration::from_millis(2500));
    assert!(!folder.path().join("dump.rdb").exists(), "2 are not 3");
    ours.tell("SET c 3");
    wait_for(&mut ours, "rdb_changes_since_last_save", "0");
    assert!(ours.log().contains("3 changes in 1 seconds. Saving..."));
    let mut stock = Side::stock(folder.path(), &[]);
    assert_eq!(stock.digest(), ours.digest());
}

/// Stock's words, and stock and basalt alike.
pub(crate) const MISCONF: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

#[test]
fn writes_are_refused_while_saving_fails_as_by_stock() {
    for is_stock in [true, false] {
        let folder = data_folder();
        let mut side = if is_stock {
            Side::stock(folder.path(), &["save 3600 1000"])
        } else {
            Side::basalt(folder.path(), 2, &["save 3600 1000"])
        };
        side.tell("SET k v");
        // The name is taken by what cannot be written over.
        let taken = folder.path().join("dump.rdb");
        fs::create_dir(&taken).expect("the folder can be written");
        fs::write(taken.join("x"), "x").expect("the folder can be written");
        side.tell("BGSAVE");
        wait_for(&mut side, "rdb_last_bgsave_status", "err");
        assert_eq!(side.told("rdb_bgsave_in_progress"), "0");
        let refused = error(MISCONF);
        for line in ["SET k w", "PING", "DEL k", "LPOP l"] {
            assert_eq!(side.ask(line), refused, "{line}, stock: {is_stock}");
        }
        assert_eq!(side.ask("GET k"), Reply::Bulk(b"v".to_vec()));
        side.tell("MULTI");
        assert_eq!(side.ask("SET k w"), refused);
        let aborted = "EXECABORT Transaction discarded because of previous errors.";
        assert_eq!(side.ask("EXEC"), error(aborted));
        let script = ["EVAL", "return redis.pcall('set', 'k', 'w').err", "1", "k"];
        assert_eq!(
            side.ask_words(&script),
            Reply::Bulk(MISCONF.into()),
            "stock: {is_stock}"
        );
        let script = ["EVAL", "#!lua\nreturn 1", "0"];
        assert_eq!(side.ask_words(&script), refused, "stock: {is_stock}");
        let script = ["EVAL", "#!lua flags=no-writes\nreturn 1", "0"];
        assert_eq!(side.ask_words(&script), Reply::Integer(1));
        side.tell("CONFIG SET stop-writes-on-bgsave-error no");
        assert_eq!(side.ask("SET k w"), status("OK"));
        side.tell("CONFIG SET stop-writes-on-bgsave-error yes");
        assert_eq!(side.ask("SET k x"), refused);
        fs::remove_dir_all(&taken).expect("it is there");
        side.tell("BGSAVE");
        wait_for(&mut side, "rdb_last_bgsave_status", "ok");
        assert_eq!(side.ask("SET k y"), status("OK"));
    }
}

#[test]
fn a_full_disk_fails_a_background_save_and_leaves_the_file_before() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    ours.tell("SET k v");
    saved(&mut ours);
    let before = fs::read(folder.path().join("dump.rdb")).expect("it was saved");
    let name = format!("temp-bgsave-{}.rdb", ours.server.id());
    let temporary = folder.path().join(name);
    ours.tell("DEBUG POPULATE 20000");
    symlink("/dev/full", &temporary).expect("the folder can be written");
    saved(&mut ours);
    assert_eq!(ours.told("rdb_last_bgsave_status"), "err");
    let why = "Write error saving DB on disk: No space left on device";
    assert!(ours.log().contains(why), "{}", ours.log());
    assert!(!has_temporary(folder.path()));
    let after = fs::read(folder.path().join("dump.rdb")).expect("it is there");
    assert!(before == after, "the file has changed");
    // Writers are as free as before, and so is the next save.
    ours.tell("SET k w");
    saved(&mut ours);
    assert_eq!(ours.told("rdb_last_bgsave_status"), "ok");
    let mut stock = Side::stock(folder.path(), &[]);
    assert_eq!(stock.digest(), ours.digest());
}

#[test]
fn a_node_that_is_killed_while_it_saves_has_the_file_before() {
    let folder = data_folder();
    for round in 0..4 {
        let mut ours = Side::basalt(folder.path(), 2, &[]);
        if round > 0 {
            assert_eq!(ours.tell("GET round"), Reply::Bulk(b"0".to_vec()));
        }
        ours.tell("DEBUG POPULATE 100000");
        ours.tell(&format!("SET round {round}"));
        if round == 0 {
            saved(&mut ours);
            continue;
        }
        ours.tell("BGSAVE");
        thread::sleep(Duration::from_millis(3 * round));
        let kill = std::process::Command::new("kill")
            .args(["-9", &ours.server.id().to_string()])
            .status();
        assert!(kill.expect("there is kill").success());
        ours.server.end(PATIENCE).expect("it was killed");
        // A save that was quick enough is the later state.
        let mut after = Side::basalt(folder.path(), 1, &[]);
        let Reply::Bulk(kept) = after.tell("GET round") else {
            panic!("the file before is gone");
        };
        let latest = round.to_string().into_bytes();
        assert!(kept == b"0" || kept == latest);
        if kept == latest {
            after.tell("SET round 0");
            after.tell("SAVE");
        }
    }
}

#[test]
fn a_shutdown_gives_a_background_save_up_and_leaves_nothing_of_it() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    ours.tell("DEBUG POPULATE 200000");
    ours.client.send(&["BGSAVE"]).expect("it takes requests");
    ours.client
        .send(&["SHUTDOWN", "NOSAVE"])
        .expect("it takes requests");
    let ended = ours.server.end(PATIENCE).expect("it was asked to");
    assert_eq!(ended.code(), Some(0), "{}", ours.log());
    assert!(!has_temporary(folder.path()));
    assert!(!folder.path().join("dump.rdb").exists(), "{}", ours.log());
}

#[test]
fn a_disk_that_stands_still_holds_the_walk_and_then_writers_but_no_reader() {
    let folder = data_folder();
    let mut ours = Side::basalt(
        folder.path(),
        1,
        &["rdbcompression no", "rdb-save-incremental-fsync no"],
    );
    ours.tell("DEBUG POPULATE 80000 key 1000");
    let name = format!("temp-bgsave-{}.rdb", ours.server.id());
    let pipe = folder.path().join(name);
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("there is mkfifo").success());
    let (drain, drained) = std::sync::mpsc::channel();
    let disk = thread::spawn(move || {
        let mut file = fs::File::open(&pipe).expect("it was just made");
        drained.recv().expect("the test goes on");
        std::io::copy(&mut file, &mut std::io::sink()).expect("a pipe can be read")
    });
    let used = |side: &mut Side| -> u64 { side.told("used_memory").parse().expect("a number") };
    let before = used(&mut ours);
    assert_eq!(ours.ask("BGSAVE"), status("Background saving started"));
    // Of seven keys in a bucket each write of one keeps all.
    let mut writer = crate::patient(&ours.server);
    const WRITES: usize = 30_000;
    let writes = thread::spawn(move || {
        for number in 0..WRITES {
            let key = format!("key:{number}");
            writer.send(&["SET", &key, "v"]).expect("it takes requests");
        }
        for _ in 0..WRITES {
            assert_eq!(writer.read().expect("it answers"), status("OK"));
        }
    });
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        assert!(matches!(ours.ask("GET key:79999"), Reply::Bulk(_)));
        thread::sleep(Duration::from_millis(20));
    }
    let grown = used(&mut ours).saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes wait for the disk");
    assert!(!writes.is_finished(), "nobody was held");
    drain.send(()).expect("the disk waits");
    writes.join().expect("all writes are done");
    wait_for(&mut ours, "rdb_bgsave_in_progress", "0");
    let written = disk.join().expect("it was read to its end");
    assert!(written > 80_000_000, "{written}");
    // A pipe cannot be synced.
    assert_eq!(ours.told("rdb_last_bgsave_status"), "err");
}
