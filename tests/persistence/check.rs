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

/// SET of a key of one letter, as a file holds it.
fn set(key: char) -> String {
    format!("*3\r\n$3\r\nSET\r\n$1\r\n{key}\r\n$5\r\nhello\r\n")
}

/// What a tool says of files of these names, which are written anew for each.
fn said_of(tool: &mut Command, files: &[(&str, String)], named: &str) -> (Option<i32>, String) {
    let folder = data_folder();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("the folder can be written");
    }
    let output = tool.current_dir(folder.path()).arg(named).output();
    let output = output.expect("the tool can be run");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn append_only_files_are_told_of_as_stock_tells() {
    let timed = format!(
        "#TS:1628217470\r\n{}#TS:1628217473\r\n{}#TS:1628217476\r\n{}",
        set('a'),
        set('b'),
        set('c')
    );
    let manifest = "file a.aof seq 1 type b\nfile b.aof seq 1 type i\n".to_owned();
    let files = [
        ("a.aof", set('a')),
        ("b.aof", set('b')),
        ("empty.aof", String::new()),
        ("timed.aof", timed),
        (
            "exec.aof",
            format!("{}*1\r\n$4\r\nexec\r\n{}", set('a'), set('b')),
        ),
        ("whole.manifest", manifest.clone()),
        ("timed.manifest", manifest.replace("a.aof", "timed.aof")),
    ];
    let cut = ["--truncate-to-timestamp", "1628217474"];
    let early = ["--truncate-to-timestamp", "1"];
    for (options, named) in [
        (&[][..], "a.aof"),
        (&[], "empty.aof"),
        (&[], "whole.manifest"),
        (&[], "missing.aof"),
        (&cut, "timed.aof"),
        (&early, "timed.aof"),
        (&["--truncate-to-timestamp", "1x"], "timed.aof"),
    ] {
        let mut stock = Command::new("redis-check-aof");
        let (code, said) = said_of(stock.args(options), &files, named);
        // Stock counts lines on from file to file.
        let wanted = (code, said.replace("_line=15", "_line=8"));
        let mut ours = Command::new(PROGRAM);
        let ours = said_of(ours.arg("--check-aof").args(options), &files, named);
        assert_eq!(ours, wanted, "{options:?} {named}");
    }
    let mut ours = Command::new(PROGRAM);
    let (code, said) = said_of(ours.arg("--check-aof").args(cut), &files, "timed.manifest");
    assert_eq!(code, Some(1), "{said}");
    let why = "to timestamp 1628217474 to offset 94 because it is not the last file.";
    assert!(said.contains(why), "{said}");
    let mut ours = Command::new(PROGRAM);
    let (code, said) = said_of(ours.arg("--check-aof"), &files, "exec.aof");
    assert_eq!(code, Some(1), "{said}");
    for line in [
        "Unexpected EXEC in AOF exec.aof",
        "ok_up_to=31, ok_up_to_line=8, diff=",
        "AOF exec.aof is not valid. Use the --fix option",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn the_last_line_of_a_start_that_fails_says_what_is_wrong_with_the_file() {
    let folder = data_folder();
    let place = folder.path().join("appendonlydir");
    fs::create_dir(&place).expect("the folder can be written");
    let manifest = place.join("appendonly.aof.manifest");
    let line = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    fs::write(manifest, line).expect("it is writable");
    let file = place.join("appendonly.aof.1.incr.aof");
    let cut = &set('b')[..30];
    for (text, why) in [
        (
            format!("{}!!!", set('a')),
            "Bad file format reading the append only file",
        ),
        // Behind a word stands what no line ends with.
        (
            set('a').replace("a\r\n", "aXX"),
            "Bad file format reading the append only file",
        ),
        (
            format!("{}{cut}", set('a')),
            "Unexpected end of file reading the append only file",
        ),
        (
            set('a').replace("SET", "BLA"),
            "Unknown command 'BLA' reading the append only file",
        ),
    ] {
        fs::write(&file, &text).expect("it is writable");
        let strict = ["--appendonly", "yes", "--aof-load-truncated", "no"];
        let (code, said) = crate::run_with_file(folder.path(), &strict);
        assert_eq!(code, Some(1), "{said}");
        let mut lines = said.lines().rev().filter(|line| line.contains(" # "));
        let last = lines.next().unwrap_or_default();
        assert!(last.contains(why), "{why}: {said}");
    }
}
