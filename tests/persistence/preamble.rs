//! Append-only files of servers before 7.0: one file, an RDB part first and
//! requests behind it.

use std::fs;
use std::path::Path;

use crate::aof::{ON, checked, end, find};
use crate::wire::Reply;
use crate::{Side, data_folder, run_with_file};

const BEHIND: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nj\r\n$1\r\nw\r\n\
    *1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$4\r\ngone\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*1\r\n$4\r\nEXEC\r\n";

/// Puts a file into the folder whose RDB part is stock's; how long that is.
fn write_old_file(folder: &Path, behind: &[u8]) -> usize {
    let mut stock = Side::stock(folder, &["save \"\""]);
    for line in ["SET k v", "SET n 1", "SET gone 1", "SAVE"] {
        stock.tell(line);
    }
    end(stock);
    let rdb = folder.join("dump.rdb");
    let mut bytes = fs::read(&rdb).expect("it was saved");
    fs::remove_file(rdb).expect("it is there");
    let len = bytes.len();
    bytes.extend_from_slice(behind);
    fs::write(folder.join("appendonly.aof"), bytes).expect("the folder is there");
    len
}

fn bulks(texts: &[Option<&str>]) -> Reply {
    let bulk = |text: &Option<&str>| match text {
        Some(text) => Reply::Bulk(text.as_bytes().to_vec()),
        None => Reply::Null,
    };
    Reply::Array(texts.iter().map(bulk).collect())
}

#[test]
fn what_stands_behind_the_rdb_part_is_done_again() {
    let folder = data_folder();
    write_old_file(folder.path(), BEHIND);
    let expected = bulks(&[Some("v"), Some("w"), Some("2"), None]);
    let mut side = Side::basalt(folder.path(), 2, ON);
    assert_eq!(side.tell("MGET k j n gone"), expected);
    end(side);
    let mut stock = Side::stock(folder.path(), ON);
    assert_eq!(stock.tell("MGET k j n gone"), expected);
}

#[test]
fn what_is_cut_behind_the_rdb_part_is_cut_off() {
    let folder = data_folder();
    let len = write_old_file(folder.path(), &BEHIND[..BEHIND.len() - 10]);
    let place = len + find(BEHIND, b"*1\r\n$5\r\nMULTI");
    let strict = ["--appendonly", "yes", "--aof-load-truncated", "no"];
    let (code, said) = run_with_file(folder.path(), &strict);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("at offset {place}")), "{said}");
    let file = folder.path().join("appendonlydir/appendonly.aof");
    let (code, said) = checked(&["--check-aof"], &file, "");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("ok_up_to={place}")), "{said}");
    let mut side = Side::basalt(folder.path(), 2, ON);
    let expected = bulks(&[Some("v"), Some("w"), Some("1"), Some("1")]);
    assert_eq!(side.tell("MGET k j n gone"), expected);
    let size = fs::metadata(&file).expect("it is there").len();
    assert_eq!(size, place as u64, "the file was cut");
    side.tell("SET later 1");
    end(side);
    let mut stock = Side::stock(folder.path(), ON);
    assert_eq!(stock.tell("DBSIZE"), Reply::Integer(5));
}

#[test]
fn an_upgrade_that_was_interrupted_goes_on() {
    let folder = data_folder();
    write_old_file(folder.path(), BEHIND);
    // The manifest names the file, which is not where it says yet.
    let list = folder.path().join("appendonlydir");
    fs::create_dir(&list).expect("the folder is there");
    let text = "file appendonly.aof seq 1 type b\n";
    fs::write(list.join("appendonly.aof.manifest"), text).expect("it is writable");
    let mut side = Side::basalt(folder.path(), 2, ON);
    assert_eq!(side.tell("DBSIZE"), Reply::Integer(3));
    assert!(!folder.path().join("appendonly.aof").exists(), "it moved");
}
