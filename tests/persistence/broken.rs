//! Files that are not right: the start ends with exit code 1 and the place, and
//! never with a crash, a node that serves a part, or memory for what is not there.

use std::fs;
use std::path::Path;

use crate::process::Folder;
use crate::wire::Reply;
use crate::{Side, data_folder, run_with_file};

/// A small file of stock's with a key of every type.
fn small_file(folder: &Path, settings: &[&str]) -> Vec<u8> {
    let mut stock = Side::stock(folder, settings);
    for line in [
        "SET text value",
        "SET number 100",
        "RPUSH list a b 300",
        "SADD ints 1 2 3",
        "SADD set a b",
        "HSET hash f v",
        "ZADD zset 1 a 2 b",
        "XADD stream 1-1 f v",
        "XGROUP CREATE stream g 0",
        "XREADGROUP GROUP g c STREAMS stream >",
        "SET timed v PXAT 4102444800123",
        "SELECT 1",
        "SET other value",
    ] {
        stock.tell(line);
    }
    stock.tell("SAVE");
    drop(stock);
    fs::read(folder.join("dump.rdb")).expect("it was just saved")
}

/// What basalt says of a file that it does not load.
fn refused(file: &[u8]) -> String {
    let folder = Folder::new();
    fs::write(folder.path().join("dump.rdb"), file).expect("the folder was just made");
    let (code, said) = run_with_file(folder.path(), &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(!said.contains("Ready to accept"), "{said}");
    assert!(said.contains("Fatal error loading the DB"), "{said}");
    said
}

#[test]
fn the_place_is_told() {
    let folder = data_folder();
    let file = small_file(folder.path(), &[]);
    let said = refused(&file[..file.len() - 4]);
    assert!(
        said.contains("Unexpected EOF reading RDB file (at byte "),
        "{said}"
    );
    let mut changed = file.clone();
    let at = find(&changed, b"text\x05value") + 6;
    changed[at] ^= 1;
    let said = refused(&changed);
    assert!(said.contains("Wrong RDB checksum expected: ("), "{said}");
    // A score that is none, in a sorted set that is a listpack of 15 bytes.
    let at = find(&file, b"zset") + 4;
    let mut changed = file.clone();
    changed[at + 7] = 0xff;
    let said = refused(&changed);
    assert!(said.contains("key 'zset' of database 0"), "{said}");
    let place = find(&file, b"\x04zset") - 1;
    assert!(said.contains(&format!("(at byte {place}, ")), "{said}");
    for (text, wanted) in [
        ("RABBIT0001", "Wrong signature trying to load DB from file"),
        ("REDIS0099\u{7f}", "Can't handle RDB format version 99"),
        ("VALKEY080", "The file is of Valkey (format 080)"),
        ("", "Unexpected EOF reading RDB file"),
        ("REDIS001", "Unexpected EOF reading RDB file"),
    ] {
        let said = refused(text.as_bytes());
        assert!(said.contains(wanted), "{said}");
    }
    let folder = Folder::new();
    fs::create_dir(folder.path().join("dump.rdb")).expect("the folder was just made");
    let (code, said) = run_with_file(folder.path(), &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Is a directory"), "{said}");
}

#[test]
fn a_database_too_many_is_told() {
    let folder = data_folder();
    small_file(folder.path(), &[]);
    let (code, said) = run_with_file(folder.path(), &["--databases", "1"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("a server configured to handle more than 1 databases"),
        "{said}"
    );
}

fn find(file: &[u8], text: &[u8]) -> usize {
    let mut places = file.windows(text.len());
    let place = places.position(|window| window == text);
    place.unwrap_or_else(|| panic!("{} is not there", text.escape_ascii()))
}

/// What a server made of a file.
#[derive(Debug, PartialEq, Eq)]
enum Made {
    Digest(String),
    Refused,
}

fn ours_made(folder: &Path) -> Made {
    // It ends by itself when the file is not right; else it is asked.
    let server = crate::process::free_port();
    let settings = [
        "--port",
        &server.to_string(),
        "--enable-debug-command",
        "yes",
    ];
    let out = fs::File::create(folder.join("said")).expect("the folder is there");
    let errors = out.try_clone().expect("a file can be had twice");
    let mut child = std::process::Command::new(crate::PROGRAM)
        .args(settings)
        .args(["--shards", "2"])
        .current_dir(folder)
        .stdout(out)
        .stderr(errors)
        .spawn()
        .expect("the program can be run");
    let made = made(&mut child, server);
    let said = fs::read_to_string(folder.join("said")).expect("it was just written");
    assert!(
        !said.contains("BUG REPORT") && !said.contains("panicked"),
        "{said}"
    );
    made
}

fn stock_made(folder: &Path) -> Made {
    let port = crate::process::free_port();
    let mut child = std::process::Command::new("redis-server")
        .args(["--port", &port.to_string(), "--enable-debug-command", "yes"])
        .args(["--save", ""])
        .current_dir(folder)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("tests/run installs redis-server");
    made(&mut child, port)
}

/// The digest, if it serves; ends it.
fn made(child: &mut std::process::Child, port: u16) -> Made {
    let start = std::time::Instant::now();
    let made = loop {
        assert!(
            start.elapsed() < crate::PATIENCE,
            "it neither serves nor ends"
        );
        if child.try_wait().expect("the child is ours").is_some() {
            return Made::Refused;
        }
        let asked = crate::wire::Connection::open(port).and_then(|mut client| {
            let pong = client.ask(&["PING"])?;
            Ok((pong, client.ask(&["DEBUG", "DIGEST"])?))
        });
        if let Ok((Reply::Status(_), Reply::Status(digest))) = asked {
            break Made::Digest(String::from_utf8_lossy(&digest).into_owned());
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    child.kill().expect("the child is ours");
    child.wait().expect("the child is ours");
    made
}

/// Kinds of values that stock 7.0 does not know and basalt reads.
const NEWER_KINDS: std::ops::Range<u8> = 20..28;

/// Without a sum, what is changed may be as right as it was. Where both load it,
/// it is the same data.
#[test]
fn a_changed_byte_is_refused_or_means_the_same() {
    let folder = data_folder();
    let file = small_file(folder.path(), &["rdbchecksum no"]);
    let data = find(&file, b"\xfe\x00");
    let mut random = 12345_u64;
    let (mut both, mut refused) = (0, 0);
    for _ in 0..60 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let at = data + (random >> 33) as usize % (file.len() - data - 9);
        let mut changed = file.clone();
        changed[at] ^= 1 << (random >> 20 & 7);
        let folder = Folder::new();
        fs::write(folder.path().join("dump.rdb"), &changed).expect("the folder was just made");
        match ours_made(folder.path()) {
            Made::Refused => refused += 1,
            ours => {
                let stock = stock_made(folder.path());
                if stock == Made::Refused && NEWER_KINDS.contains(&changed[at]) {
                    continue;
                }
                both += 1;
                assert_eq!(ours, stock, "byte {at} of {}", file.escape_ascii());
            }
        }
    }
    assert!(both > 5 && refused > 5, "{both} loaded, {refused} refused");
}
