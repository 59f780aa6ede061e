//! `basalt-check-rdb` says what stock's tool says of a right file, and finds
//! what is wrong.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{PROGRAM, Side, data_folder};

fn checked(command: &mut Command, file: &Path) -> (Option<i32>, String) {
    let output = command.arg(file).output().expect("the tool can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), said)
}

fn ours(file: &Path) -> (Option<i32>, String) {
    checked(Command::new(PROGRAM).arg("--check-rdb"), file)
}

#[test]
fn a_right_file_is_told_of_as_stock_tells() {
    let folder = data_folder();
    let file = folder.path().join("dump.rdb");
    for settings in [&[][..], &["rdbchecksum no"]] {
        let mut stock = Side::stock(folder.path(), settings);
        for line in ["SET k v", "SET gone v PX 1", "SELECT 4", "RPUSH l a b"] {
            stock.tell(line);
        }
        stock.tell("SAVE");
        drop(stock);
        let wanted = checked(&mut Command::new("redis-check-rdb"), &file);
        assert_eq!(wanted.0, Some(0));
        assert_eq!(ours(&file), wanted);
        let named = folder.path().join("basalt-check-rdb");
        let linked = std::os::unix::fs::symlink(PROGRAM, &named);
        assert!(linked.is_ok() || named.exists());
        assert_eq!(checked(&mut Command::new(&named), &file), wanted);
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let folder = data_folder();
    let path = folder.path().join("broken.rdb");
    let check = |file: &[u8], wanted: &[&str]| {
        fs::write(&path, file).expect("the folder can be written");
        let (code, said) = ours(&path);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("--- RDB ERROR DETECTED ---"), "{said}");
        for line in wanted {
            assert!(said.lines().any(|said| said == *line), "{line}: {said}");
        }
    };
    check(
        b"REDIS0010\xfe\x00\x03\x01k\x01\x01a\x03xyz\xff\0\0\0\0\0\0\0\0",
        &[
            "[offset 11] Selecting DB ID 0",
            "[offset 11] The value is no valid SortedSetTexts",
            "[additional info] While doing: read-object-value",
            "[additional info] Reading key 'k'",
            "[additional info] Reading type 3 (zset-v1)",
            "[info] 1 keys read",
        ],
    );
    check(
        b"REDIS0010\xfe\x00\x00\x01k\x05val",
        &[
            "[offset 11] Unexpected EOF reading RDB file",
            "[additional info] Reading key 'k'",
        ],
    );
    check(
        b"REDIS0010\xff\0\0\0\0\0\0\0\x01",
        &["[additional info] While doing: check-sum"],
    );
    let (code, _) = ours(&folder.path().join("missing"));
    assert_eq!(code, Some(1));
}
