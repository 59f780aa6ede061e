//! What becomes of the data when one call on one file fails: a full disk, a short write, a sync,
//! a rename. What was on disk stays, the node goes on and says what is wrong, and when the disk
//! is well again so is the node.

use std::fs;
use std::path::Path;

use crate::aof::{ON, end};
use crate::background::MISCONF;
use crate::faults::Faulty;
use crate::rewrite::wait_until;
use crate::wire::Reply;
use crate::{PATIENCE, Side, data_folder, error, status};

/// What can go wrong with a file that is written, synced and named: each as faults, and with what
/// the log says of it.
const OF_A_FILE: [(&str, &str); 5] = [
    ("write {} 28", "No space left on device"),
    ("write {} short", "No space left on device"),
    ("sync {} 5", "Input/output error"),
    ("rename {} 5", "Input/output error"),
    ("open {} 30", "Read-only file system"),
];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let names = entries.map(|entry| {
        let name = entry.expect("it is listed").file_name();
        name.into_string().expect("names are plain")
    });
    names.collect()
}

fn has_temporary(folder: &Path) -> bool {
    names(folder).iter().any(|name| name.starts_with("temp-"))
}

#[test]
fn a_save_that_fails_leaves_the_file_before_and_refuses_writes_until_one_does_not() {
    for (fault, reason) in OF_A_FILE {
        // Renames are told by where they go.
        let part = if fault.starts_with("rename") {
            "dump.rdb"
        } else {
            "temp-"
        };
        let folder = data_folder();
        let mut node = Faulty::start(folder.path(), &["save 3600 100000"]);
        let side = &mut node.side;
        side.tell("SET k v");
        side.tell("SAVE");
        let before = fs::read(folder.path().join("dump.rdb")).expect("it was saved");
        side.tell("DEBUG POPULATE 20000");
        node.set(&fault.replace("{}", part));
        let side = &mut node.side;
        assert_eq!(side.ask("SAVE"), error("ERR"), "{fault}");
        // Refused at once, or begun.
        side.ask("BGSAVE");
        wait_until("its end", || side.told("rdb_bgsave_in_progress") == "0");
        assert_eq!(side.told("rdb_last_bgsave_status"), "err", "{fault}");
        assert_eq!(side.ask("SET k w"), error(MISCONF), "{fault}");
        assert_eq!(side.ask("GET k"), Reply::Bulk(b"v".to_vec()), "{fault}");
        let log = side.log();
        assert!(log.matches(reason).count() >= 2, "{fault}: {log}");
        let after = fs::read(folder.path().join("dump.rdb")).expect("it is there");
        assert!(before == after, "{fault}: the file has changed");
        assert!(!has_temporary(folder.path()), "{fault}");
        node.set("");
        let side = &mut node.side;
        side.tell("BGSAVE");
        wait_until("its end", || side.told("rdb_last_bgsave_status") == "ok");
        assert_eq!(side.ask("SET k w"), status("OK"), "{fault}");
        side.tell("SAVE");
        let digest = side.digest();
        assert_eq!(Side::stock(folder.path(), &[]).digest(), digest, "{fault}");
    }
}

/// The files of a rewrite, and what of each can fail: its base, its next increment, the manifest.
fn faults_of_a_rewrite() -> impl Iterator<Item = String> {
    let of_a_file = |written: &'static str, named: &'static str| {
        OF_A_FILE.into_iter().map(move |(fault, _)| {
            let is_named = fault.starts_with("rename");
            fault.replace("{}", if is_named { named } else { written })
        })
    };
    of_a_file("temp-rewriteaof", ".base.")
        .chain(of_a_file(
            "temp-appendonly.aof.manifest",
            "/appendonly.aof.manifest",
        ))
        .chain(["open .2.incr.aof 28", "sync .2.incr.aof 28"].map(str::to_owned))
}

#[test]
fn a_rewrite_that_fails_loses_nothing_and_ends_when_the_disk_is_well() {
    for fsync in ["everysec", "always"] {
        for fault in faults_of_a_rewrite() {
            let what = format!("{fsync}, {fault}");
            let folder = data_folder();
            let setting = format!("appendfsync {fsync}");
            let mut node = Faulty::start(folder.path(), &[ON, &[&setting]].concat());
            node.side.tell("RPUSH list a");
            node.set(&fault);
            let side = &mut node.side;
            side.tell("BGREWRITEAOF");
            wait_until(&what, || side.told("aof_rewrite_in_progress") == "0");
            assert_eq!(
                side.told("aof_last_bgrewrite_status"),
                "err",
                "{what}: {}",
                side.log()
            );
            push(side, "b");
            // What is with the system now has all of it.
            let copy = data_folder();
            copy_files(folder.path(), copy.path());
            let wanted = side.tell("LRANGE list 0 -1");
            let mut again = Side::stock(copy.path(), ON);
            assert_eq!(again.tell("LRANGE list 0 -1"), wanted, "{what}");
            drop(again);
            node.set("");
            let side = &mut node.side;
            side.tell("BGREWRITEAOF");
            wait_until(&what, || side.told("aof_last_bgrewrite_status") == "ok");
            side.tell("RPUSH list c");
            assert!(!has_temporary(folder.path()), "{what}");
            let digest = side.digest();
            end(node.side);
            assert_eq!(
                Side::basalt(folder.path(), 1, ON).digest(),
                digest,
                "{what}"
            );
        }
    }
}

/// Adds to the list, and waits until that is written: with `everysec` the reply comes first.
fn push(side: &mut Side, element: &str) {
    let before = side.told("aof_current_size");
    side.tell(&format!("RPUSH list {element}"));
    wait_until("it is written", || side.told("aof_current_size") != before);
}

fn copy_files(from: &Path, to: &Path) {
    let (from, to) = (from.join("appendonlydir"), to.join("appendonlydir"));
    fs::create_dir(&to).expect("the folder can be written");
    for name in names(&from) {
        fs::copy(from.join(&name), to.join(&name)).expect("it can be read");
    }
}

/// A file that begins while the node runs: until its base is there it is none, and
/// nothing is in it twice when that comes at the second try.
#[test]
fn a_file_whose_beginning_fails_begins_when_the_disk_is_well() {
    let increment = ["open temp-appendonly.aof.incr 28", "rename .1.incr.aof 5"];
    for fault in faults_of_a_rewrite().chain(increment.map(str::to_owned)) {
        if fault.contains(".2.") {
            continue;
        }
        let folder = data_folder();
        let mut node = Faulty::start(folder.path(), &[]);
        node.side.tell("RPUSH list a");
        node.set(&fault);
        let side = &mut node.side;
        let begun = side.ask("CONFIG SET appendonly yes");
        if fault.starts_with("open temp-appendonly.aof.incr") {
            wait_until(&fault, || {
                side.log().contains("It is tried again in a second.")
            });
        } else if begun == status("OK") {
            wait_until(&fault, || side.told("aof_last_bgrewrite_status") == "err");
        } else {
            let text = "ERR CONFIG SET failed (possibly related to argument 'appendonly') - \
                        Unable to turn on AOF. Check server logs.";
            assert_eq!(begun, error(text), "{fault}");
            assert_eq!(side.told("aof_enabled"), "0", "{fault}");
        }
        side.tell("RPUSH list b");
        node.set("");
        let side = &mut node.side;
        side.tell("CONFIG SET appendonly yes");
        let base = folder.path().join("appendonlydir/appendonly.aof.manifest");
        wait_until(&fault, || {
            side.ask("BGREWRITEAOF");
            base.exists() && side.told("aof_rewrite_in_progress") == "0"
        });
        side.tell("RPUSH list c");
        let digest = side.digest();
        end(node.side);
        assert_eq!(
            Side::basalt(folder.path(), 1, ON).digest(),
            digest,
            "{fault}"
        );
        assert_eq!(Side::stock(folder.path(), ON).digest(), digest, "{fault}");
    }
}

#[test]
fn an_increment_that_fails_refuses_writes_until_it_does_not() {
    for (fault, reason) in &OF_A_FILE[..3] {
        let folder = data_folder();
        let mut node = Faulty::start(folder.path(), ON);
        node.side.tell("RPUSH list a");
        node.set(&fault.replace("{}", "incr.aof"));
        let side = &mut node.side;
        let mut told = None;
        wait_until(fault, || {
            let reply = side.ask("RPUSH list b");
            told = matches!(reply, Reply::Error(_)).then_some(reply);
            told.is_some()
        });
        let text = format!("MISCONF Errors writing to the AOF file: {reason}");
        assert_eq!(told, Some(error(&text)), "{fault}");
        assert_eq!(side.told("aof_last_write_status"), "err", "{fault}");
        assert!(matches!(side.ask("LRANGE list 0 0"), Reply::Array(_)));
        node.set("");
        let side = &mut node.side;
        wait_until(fault, || {
            !matches!(side.ask("RPUSH list c"), Reply::Error(_))
        });
        assert_eq!(side.told("aof_last_write_status"), "ok", "{fault}");
        let digest = side.digest();
        end(node.side);
        assert_eq!(Side::stock(folder.path(), ON).digest(), digest, "{fault}");
        assert_eq!(
            Side::basalt(folder.path(), 1, ON).digest(),
            digest,
            "{fault}"
        );
    }
}

/// With `always` nothing else is left than to end: what was acknowledged is there.
#[test]
fn an_increment_that_fails_ends_a_node_that_promised_the_disk() {
    for (fault, reason) in &OF_A_FILE[..3] {
        let folder = data_folder();
        let settings = [ON, &["appendfsync always"]].concat();
        let mut node = Faulty::start(folder.path(), &settings);
        node.side.tell("RPUSH list a");
        node.set(&fault.replace("{}", "incr.aof"));
        assert!(
            node.side.client.ask(&["RPUSH", "list", "b"]).is_err(),
            "{fault}"
        );
        let ended = node.side.server.end(PATIENCE).expect("it ends");
        assert_eq!(ended.code(), Some(1), "{fault}");
        let log = node.side.log();
        let last =
            "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...";
        assert!(log.contains(reason) && log.contains(last), "{fault}: {log}");
        let mut again = Side::basalt(folder.path(), 1, ON);
        let found = again.tell("LRANGE list 0 -1");
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        // Nobody was told of b, which may have come to the disk all the same.
        let with = [vec![bulk("a")], vec![bulk("a"), bulk("b")]].map(Reply::Array);
        assert!(with.contains(&found), "{fault}: {found:?}");
    }
}
