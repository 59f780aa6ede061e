//! The tools that come with Redis: redis-cli in its ways of use, and
//! redis-benchmark with the tests whose commands the node has.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::process::{Folder, Server};
use crate::wire::Reply;
use crate::{limited, nodes, run};

fn cli(node: &Server, arguments: &[&str]) -> String {
    let port = node.port().to_string();
    run(limited("redis-cli").args(["-p", &port]).args(arguments))
}

/// redis-cli with this on its standard input.
fn cli_fed(node: &Server, arguments: &[&str], input: &[u8]) -> String {
    let mut child = limited("redis-cli")
        .args(["-p", &node.port().to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/run installs redis-cli");
    let mut stdin = child.stdin.take().expect("it was piped");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn redis_cli_session() {
    for node in nodes() {
        assert_eq!(cli(&node, &["SET", "k", "v"]), "OK\n");
        assert_eq!(cli(&node, &["GET", "k"]), "v\n");
        assert_eq!(
            cli(&node, &["-3", "--no-raw", "CONFIG", "GET", "databases"]),
            "1# \"databases\" => \"16\"\n"
        );
        assert_eq!(cli(&node, &["-n", "5", "DBSIZE"]), "0\n");
        assert_eq!(cli(&node, &["-r", "3", "INCR", "n"]), "1\n2\n3\n");
        let session = "SET a 1\nINCR a\nMGET a k none\nNOSUCH\nSELECT 1\nDBSIZE\n";
        let said = cli_fed(&node, &["--no-raw"], session.as_bytes());
        let wanted = "OK\n(integer) 2\n1) \"2\"\n2) \"v\"\n3) (nil)\n\
            (error) ERR unknown command 'NOSUCH', with args beginning with: \nOK\n(integer) 0\n";
        assert_eq!(said, wanted);
        // The last argument from standard input.
        assert_eq!(
            cli_fed(&node, &["-x", "SET", "binary"], b"a\0b\r\n"),
            "OK\n"
        );
        assert_eq!(
            cli(&node, &["--no-raw", "GET", "binary"]),
            "\"a\\x00b\\r\\n\"\n"
        );
    }
}

#[test]
fn redis_cli_loads_scans_and_reports() {
    const COUNT: usize = 20_000;
    for node in nodes() {
        let mut lines = Vec::new();
        for number in 0..COUNT {
            lines
                .extend(format!("*3\r\n$3\r\nSET\r\n$9\r\nkey:{number:05}\r\n$1\r\nv\r\n").bytes());
        }
        let said = cli_fed(&node, &["--pipe"], &lines);
        assert!(
            said.contains(&format!("errors: 0, replies: {COUNT}")),
            "{said}"
        );
        assert_eq!(cli(&node, &["DBSIZE"]), format!("{COUNT}\n"));
        let said = cli(&node, &["--scan", "--pattern", "key:0001?"]);
        let mut keys: Vec<&str> = said.lines().collect();
        keys.sort_unstable();
        let wanted: Vec<String> = (10..20).map(|number| format!("key:{number:05}")).collect();
        assert_eq!(keys, wanted);
        let said = cli(&node, &["--bigkeys"]);
        assert!(said.contains(&format!("Sampled {COUNT} keys")), "{said}");
        let said = cli(&node, &["--memkeys"]);
        assert!(said.contains(&format!("Sampled {COUNT} keys")), "{said}");
        assert!(cli(&node, &["INFO", "server"]).contains("redis_version:7."));
    }
}

#[test]
fn redis_benchmark_runs_every_test_whose_commands_exist() {
    for node in nodes() {
        let port = node.port().to_string();
        let mut client = node.client();
        for (test, command) in [
            ("ping_inline", "PING"),
            ("ping_mbulk", "PING"),
            ("set", "SET"),
            ("get", "GET"),
            ("incr", "INCR"),
            ("lpush", "LPUSH"),
            ("rpush", "RPUSH"),
            ("lpop", "LPOP"),
            ("rpop", "RPOP"),
            ("sadd", "SADD"),
            ("hset", "HSET"),
            ("spop", "SPOP"),
            ("zadd", "ZADD"),
            ("zpopmin", "ZPOPMIN"),
            ("lrange", "LRANGE"),
            ("mset", "MSET"),
        ] {
            let known = client
                .ask(&["COMMAND", "INFO", command])
                .expect("it answers");
            if known == Reply::Array(vec![Reply::Null]) {
                continue;
            }
            for more in [&["-P", "1"][..], &["-P", "16", "-r", "1000"]] {
                let options = ["-p", &port, "-n", "2000", "-q", "-t", test];
                let said = run(limited("redis-benchmark").args(options).args(more));
                assert!(
                    said.contains("requests per second"),
                    "{test} {more:?}: {said}"
                );
                assert!(
                    !said.to_lowercase().contains("error"),
                    "{test} {more:?}: {said}"
                );
            }
        }
    }
}

#[test]
fn a_file_of_commands_is_played() {
    for node in nodes() {
        let folder = Folder::new();
        let file = folder.path().join("commands");
        fs::write(&file, "SET x 1\nAPPEND x 0\nINCRBY x 5\nGET x\n").expect("it can be written");
        let input = fs::read(&file).expect("it was just written");
        assert_eq!(cli_fed(&node, &[], &input), "OK\n2\n15\n15\n");
    }
}

#[test]
fn redis_cli_shows_what_is_hot_and_takes_a_file() {
    for node in nodes() {
        cli(&node, &["DEBUG", "POPULATE", "300", "key", "10"]);
        cli(&node, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]);
        cli(&node, &["-r", "600", "GET", "key:7"]);
        let said = cli(&node, &["--hotkeys"]);
        assert!(said.contains("Sampled 300 keys"), "{said}");
        assert!(said.contains("keyname: \"key:7\""), "{said}");
        let folder = Folder::new();
        let file = folder.path().join("copy.rdb");
        let name = file.to_str().expect("temporary paths are ASCII");
        cli(&node, &["--rdb", name]);
        let said = run(limited("redis-check-rdb").arg(name));
        assert!(said.contains("300 keys read"), "{said}");
    }
}

#[test]
fn redis_cli_watches_until_it_is_ended() {
    for node in nodes() {
        cli(
            &node,
            &[
                "CONFIG",
                "SET",
                "maxmemory",
                "20mb",
                "maxmemory-policy",
                "allkeys-lru",
            ],
        );
        for (ways, said_at_last) in [
            (&["--stat"][..], "requests"),
            (&["--latency"], "."),
            (&["--latency-history", "-i", "1"], "seconds range"),
            (&["--lru-test", "100000"], "Gets/sec"),
        ] {
            let port = node.port().to_string();
            // Its output reaches a pipe at once; it goes on until it is ended.
            let output = Command::new("timeout")
                .args(["2", "stdbuf", "-o0", "redis-cli", "-p", &port])
                .args(ways)
                .output()
                .expect("coreutils are there");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains(said_at_last), "{ways:?}: {output:?}");
            assert!(!said.to_lowercase().contains("error"), "{ways:?}: {said}");
        }
    }
}
