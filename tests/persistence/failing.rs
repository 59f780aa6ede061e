//! When the disk does not do what it should: the reply and the log are stock's,
//! and the file before is as it was.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{PATIENCE, Side, data_folder, error, status};

/// Both kinds of server, with a file of one key.
fn each(check: impl Fn(&mut Side, &Path, &str)) {
    for is_stock in [true, false] {
        let folder = data_folder();
        let mut side = if is_stock {
            Side::stock(folder.path(), &[])
        } else {
            Side::basalt(folder.path(), 2, &[])
        };
        let name = if is_stock { "stock" } else { "basalt" };
        side.tell("SET k v");
        side.tell("SAVE");
        let before = fs::read(folder.path().join("dump.rdb")).expect("it was saved");
        side.tell("SET k w");
        check(&mut side, folder.path(), name);
        let after = fs::read(folder.path().join("dump.rdb")).ok();
        assert!(after.is_none_or(|after| after == before), "{name}");
        assert_eq!(side.told("rdb_last_bgsave_status"), "ok", "{name}");
        // One more than the first: those that fail count, too.
        assert_eq!(side.told("rdb_saves"), "2", "{name}");
        assert_ne!(side.told("rdb_changes_since_last_save"), "0", "{name}");
    }
}

fn temporary(side: &Side, folder: &Path) -> PathBuf {
    folder.join(format!("temp-{}.rdb", side.server.id()))
}

/// The log has a line that begins and ends so.
fn logged(side: &Side, begins: &str, ends: &str) -> bool {
    let log = side.log();
    log.lines()
        .any(|line| line.contains(begins) && line.ends_with(ends))
}

#[test]
fn a_full_disk_fails_a_save() {
    each(|side, folder, name| {
        let temporary = temporary(side, folder);
        symlink("/dev/full", &temporary).expect("the folder can be written");
        assert_eq!(side.ask("SAVE"), error("ERR"), "{name}");
        let is_logged = logged(
            side,
            "Write error saving DB on disk",
            "No space left on device",
        );
        assert!(is_logged, "{name}: {}", side.log());
        assert!(
            fs::symlink_metadata(&temporary).is_err(),
            "{name}: it stays"
        );
        assert_eq!(side.ask("PING"), status("PONG"));
    });
}

#[test]
fn a_file_that_cannot_be_made_fails_a_save() {
    each(|side, folder, name| {
        fs::create_dir(temporary(side, folder)).expect("the folder can be written");
        assert_eq!(side.ask("SAVE"), error("ERR"), "{name}");
        let begins = format!(
            "Failed opening the temp RDB file temp-{}.rdb (in server root dir {}) for saving",
            side.server.id(),
            folder.display()
        );
        assert!(
            logged(side, &begins, ": Is a directory"),
            "{name}: {}",
            side.log()
        );
    });
}

#[test]
fn a_file_that_cannot_be_named_fails_a_save() {
    each(|side, folder, name| {
        side.tell("CONFIG SET dbfilename other");
        fs::create_dir(folder.join("other")).expect("the folder can be written");
        assert_eq!(side.ask("SAVE"), error("ERR"), "{name}");
        let begins = "Error moving temp DB file";
        assert!(
            logged(side, begins, "Is a directory"),
            "{name}: {}",
            side.log()
        );
        assert!(!temporary(side, folder).exists(), "{name}: it stays");
    });
}

#[test]
fn a_missing_directory_fails_a_save() {
    each(|side, folder, name| {
        let gone = folder.join("gone");
        fs::create_dir(&gone).expect("the folder can be written");
        side.tell(&format!("CONFIG SET dir {}", gone.display()));
        fs::remove_dir(&gone).expect("it is empty");
        assert_eq!(side.ask("SAVE"), error("ERR"), "{name}");
        let begins = "Failed opening the temp RDB file";
        assert!(
            logged(side, begins, "No such file or directory"),
            "{name}: {}",
            side.log()
        );
    });
}

#[test]
fn the_directory_can_be_changed() {
    each(|side, folder, name| {
        let refused = side.ask("CONFIG SET dir /nowhere/at/all");
        let text = "ERR CONFIG SET failed (possibly related to argument 'dir') - \
                    No such file or directory";
        assert_eq!(refused, error(text), "{name}");
        let other = folder.join("other");
        fs::create_dir(&other).expect("the folder can be written");
        side.tell(&format!("CONFIG SET dir {}", other.display()));
        symlink("/dev/full", temporary(side, &other)).expect("the folder can be written");
        assert_eq!(side.ask("SAVE"), error("ERR"), "{name}");
        assert!(!other.join("dump.rdb").exists(), "{name}");
    });
}

/// Stock dies of the signal that the limit sends.
#[test]
fn a_limit_of_the_file_size_fails_a_save() {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    ours.tell("DEBUG POPULATE 5000 key 50");
    let limited = Command::new("prlimit")
        .args(["--fsize=65536", "--pid", &ours.server.id().to_string()])
        .status();
    assert!(limited.is_ok_and(|limited| limited.success()));
    assert_eq!(ours.ask("SAVE"), error("ERR"));
    let is_logged = logged(&ours, "Write error saving DB on disk", "File too large");
    assert!(is_logged, "{}", ours.log());
    assert_eq!(ours.ask("PING"), status("PONG"));
    assert!(!folder.path().join("dump.rdb").exists());
}

#[test]
fn a_shutdown_that_cannot_save_goes_on() {
    for is_stock in [true, false] {
        let folder = data_folder();
        let mut side = if is_stock {
            Side::stock(folder.path(), &["shutdown-on-sigterm save"])
        } else {
            Side::basalt(folder.path(), 2, &["shutdown-on-sigterm save"])
        };
        let temporary = temporary(&side, folder.path());
        fs::create_dir(&temporary).expect("the folder can be written");
        let text = "ERR Errors trying to SHUTDOWN. Check logs.";
        assert_eq!(side.ask("SHUTDOWN SAVE"), error(text));
        assert!(
            side.log()
                .contains("Error trying to save the DB, can't exit.")
        );
        terminate(&side);
        assert_eq!(side.server.end(Duration::from_millis(300)), None);
        assert_eq!(side.tell("SET k v"), status("OK"));
        assert!(side.client.ask(&["SHUTDOWN", "SAVE", "FORCE"]).is_err());
        let ended = side.server.end(PATIENCE).expect("it was forced to");
        assert_eq!(ended.code(), Some(0));
        assert!(
            side.log()
                .contains("Error trying to save the DB. Exit anyway.")
        );
    }
}

fn terminate(side: &Side) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", side.server.id())])
        .status();
    assert!(sent.is_ok_and(|sent| sent.success()));
}

#[test]
fn the_end_saves_if_it_is_told_to() {
    let folder = data_folder();
    let file = folder.path().join("dump.rdb");
    for is_signal in [true, false] {
        let mut ours = Side::basalt(folder.path(), 2, &["shutdown-on-sigterm save"]);
        ours.tell(&format!("SET k {is_signal}"));
        if is_signal {
            terminate(&ours);
        } else {
            assert!(ours.client.ask(&["SHUTDOWN", "SAVE"]).is_err());
        }
        let ended = ours.server.end(PATIENCE).expect("it was asked to");
        assert_eq!(ended.code(), Some(0), "{}", ours.log());
        let line = "Saving the final RDB snapshot before exiting.";
        assert!(ours.log().contains(line), "{}", ours.log());
        let mut stock = Side::stock(folder.path(), &[]);
        let value = is_signal.to_string().into_bytes();
        assert_eq!(stock.tell("GET k"), crate::Reply::Bulk(value));
    }
    fs::remove_file(&file).expect("it was saved");
    let mut ours = Side::basalt(folder.path(), 2, &[]);
    ours.tell("SET k v");
    terminate(&ours);
    ours.server.end(PATIENCE).expect("it was asked to");
    assert!(!file.exists(), "there are no save points");
}
