//! While a file is being loaded: what is served, and what INFO says.

use std::time::Instant;

use crate::process::Server;
use crate::wire::Reply;
use crate::{PATIENCE, PROGRAM, Side, data_folder, error, patient};

const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// A file that takes a moment.
fn write_file(folder: &std::path::Path) {
    let mut stock = Side::stock(folder, &[]);
    stock.tell("DEBUG POPULATE 120000 key 50");
    stock.tell("SAVE");
}

fn start(folder: &std::path::Path, shards: usize) -> Server {
    let settings = [
        format!("dir {}", folder.display()),
        format!("shards {shards}"),
        "enable-debug-command yes".to_owned(),
    ];
    Server::start(PROGRAM, &settings)
}

#[test]
fn clients_hear_that_it_loads() {
    let folder = data_folder();
    write_file(folder.path());
    for shards in [1, 3] {
        let server = start(folder.path(), shards);
        let client = patient(&server);
        let mut side = Side { server, client };
        let mut seen = 0;
        let began = Instant::now();
        loop {
            let replies = [
                "PING",
                "GET key:1",
                "MGET a b c d",
                "EVAL return(1) 0",
                "DBSIZE",
            ]
            .map(|line| side.ask(line));
            if replies[0] == Reply::Status(b"PONG".to_vec()) {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "it loads and loads");
            assert_eq!(replies[0], error(LOADING));
            let info = side.info();
            let field = |name: &str| info.get(name).map(|value| value.parse::<f64>());
            if let Some(Ok(total)) = field("loading_total_bytes") {
                seen += 1;
                assert_eq!(info["loading"], "1");
                let Some(Ok(done)) = field("loading_loaded_bytes") else {
                    panic!("{info:?}");
                };
                assert!(total > 1e6 && done <= total, "{done} of {total}");
                assert!(field("loading_loaded_perc").is_some_and(|share| share.is_ok()));
            }
            let words = ["MULTI", "GET k", "EXEC"].map(|line| side.ask(line));
            if words[1] == error(LOADING) {
                assert!(matches!(&words[2], Reply::Error(text) if text.starts_with(b"EXECABORT")));
            }
        }
        assert!(seen > 0, "it was too fast to be seen");
        assert_eq!(side.told("loading"), "0");
        assert_eq!(side.tell("DBSIZE"), Reply::Integer(120_000));
        assert!(matches!(side.tell("GET key:119999"), Reply::Bulk(text) if text.len() == 50));
        let log = side.log();
        for line in [
            "Loading RDB produced by version 7.0.15",
            "Done loading RDB, keys loaded: 120000, keys expired: 0.",
            "DB loaded from disk: ",
            "Ready to accept connections",
        ] {
            assert!(log.contains(line), "{line}: {log}");
        }
    }
}

#[test]
fn it_can_be_ended_while_it_loads() {
    let folder = data_folder();
    write_file(folder.path());
    let before = std::fs::read(folder.path().join("dump.rdb")).expect("it is there");
    let mut server = start(folder.path(), 2);
    let mut client = server.client();
    assert_eq!(client.ask(&["PING"]).expect("it answers"), error(LOADING));
    assert!(client.ask(&["SHUTDOWN", "SAVE"]).is_err());
    let ended = server.end(PATIENCE).expect("it was asked to");
    assert_eq!(ended.code(), Some(0), "{}", server.log());
    let after = std::fs::read(folder.path().join("dump.rdb")).expect("it is there");
    assert!(before == after, "half of the data was saved over all of it");
}

#[test]
fn a_line_goes_into_the_log_also_while_it_loads() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 2, &[]);
    side.tell("DEBUG POPULATE 100 key 50");
    side.tell("SAVE");
    drop(side);
    let settings = [
        format!("dir {}", folder.path().display()),
        "enable-debug-command yes".to_owned(),
        "key-load-delay 20000".to_owned(),
        "shards 2".to_owned(),
    ];
    let server = Server::start(PROGRAM, &settings);
    let client = patient(&server);
    let mut side = Side { server, client };
    assert_eq!(
        side.tell("DEBUG LOG said:here"),
        Reply::Status(b"OK".to_vec())
    );
    // What becomes of the data that comes is not changed meanwhile, anything else is.
    for setting in [
        "appendonly yes",
        "dir .",
        "maxmemory 1gb repl-diskless-load swapdb",
    ] {
        let reply = side.ask(&format!("CONFIG SET {setting}"));
        assert_eq!(reply, error(LOADING), "{setting}");
    }
    assert_eq!(
        side.tell("CONFIG SET maxmemory 1gb"),
        Reply::Status(b"OK".to_vec())
    );
    assert_eq!(side.told("loading"), "1");
    let began = Instant::now();
    while !side.log().contains("DEBUG LOG: said:here") {
        assert!(began.elapsed() < PATIENCE, "{}", side.log());
    }
}
