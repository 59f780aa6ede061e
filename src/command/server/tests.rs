//! The family on one shard and on three, without sockets.

use crate::command::check::{Node, START_MS, check};

#[test]
fn settings_are_found_by_name_and_pattern() {
    check(
        "CONFIG GET MaxMemory; CONFIG GET maxmemory-p* nosuch; CONFIG GET nosuch",
        "[MaxMemory 0]; [maxmemory-policy noeviction]; []",
    );
    check(
        "CONFIG GET slave-read-only; CONFIG RESETSTAT",
        "[slave-read-only yes]; OK",
    );
}

#[test]
fn the_table_describes_itself() {
    check(
        "COMMAND INFO nosuch; COMMAND DOCS nosuch get|x",
        "[nil]; []",
    );
    check(
        "COMMAND LIST FILTERBY PATTERN config|*et; COMMAND LIST FILTERBY MODULE any",
        "[config|get config|set]; []",
    );
    check(
        "COMMAND LIST FILTERBY ACLCAT nosuch; COMMAND LIST FOO",
        "[]; ERR syntax error",
    );
    check(
        "COMMAND GETKEYSANDFLAGS GET k; COMMAND GETKEYS MSET a 1 b 2",
        "[[k [RO access]]]; [a b]",
    );
}

#[test]
fn nothing_slow_has_happened_yet() {
    check(
        "SLOWLOG LEN; SLOWLOG GET -1; SLOWLOG GET -2; SLOWLOG RESET",
        "0; []; ERR count should be greater than or equal to -1; OK",
    );
    check(
        "LATENCY LATEST; LATENCY HISTORY command; LATENCY RESET; LATENCY HISTOGRAM get nosuch",
        "[]; []; 0; []",
    );
    check(
        "LATENCY GRAPH command",
        "ERR No samples available for event 'command'",
    );
}

#[test]
fn memory_of_a_key_is_told_and_options_are_checked() {
    check("MEMORY USAGE missing; MEMORY PURGE", "nil; OK");
    check(
        "SET k v; MEMORY USAGE k SAMPLES; MEMORY USAGE k SAMPLES -1; MEMORY USAGE k SAMPLES x",
        "OK; ERR syntax error; ERR syntax error; ERR value is not an integer or out of range",
    );
}

#[test]
fn info_gives_the_sections_asked_for() {
    check(
        "INFO nosuch; INFO cluster",
        r"; # Cluster\r\ncluster_enabled:0\r\n",
    );
    check(
        "MSET a 1 b 2 c 3; INFO keyspace",
        r"OK; # Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\n",
    );
}

#[test]
fn the_clock_is_the_systems() {
    check("TIME", "[1700000000 0]");
}

#[test]
fn debug_must_be_allowed_by_the_file() {
    let refusal = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \
        \"local\", you can run it from a local connection, otherwise you need to set this option \
        in the configuration file, and then restart the server.";
    check("DEBUG SLEEP 0", refusal);
}

#[test]
fn the_mean_of_the_longest_times_to_live_is_right() {
    // Sixty-four samples of 63 bits each: their sum has 69.
    let most = i64::MAX;
    let requests = format!("SET k 1 PXAT {most}; INFO keyspace");
    let told = Node::new(1).play(&requests);
    let left_ms = most as u64 - START_MS;
    let line = format!("db0:keys=1,expires=1,avg_ttl={left_ms}");
    assert!(told.contains(&line), "{told}");
}
