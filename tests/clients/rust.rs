//! A session of redis-rs.

use std::collections::BTreeSet;

use redis::{Commands as _, Connection, RedisResult};

use crate::nodes;

fn session(url: &str) -> Connection {
    let client = redis::Client::open(url).expect("the address is well formed");
    client.get_connection().expect("it accepts connections")
}

fn strings(r: &mut Connection) -> RedisResult<()> {
    let _: () = r.set("k", "v")?;
    assert_eq!(r.get::<_, String>("k")?, "v");
    assert_eq!(r.get::<_, Option<String>>("none")?, None);
    assert_eq!(r.incr::<_, _, i64>("n", 5)?, 5);
    assert!(r.set_nx::<_, _, bool>("fresh", 1)?);
    assert!(!r.set_nx::<_, _, bool>("fresh", 2)?);
    let _: () = r.mset(&[("a", 1), ("b", 2), ("c", 3)])?;
    assert_eq!(r.mget::<_, Vec<i64>>(&["a", "b", "c"])?, [1, 2, 3]);
    assert_eq!(r.del::<_, i64>(&["a", "b", "c"])?, 3);
    let refused = r.incr::<_, _, i64>("k", 1).expect_err("it is no number");
    assert!(refused.to_string().contains("not an integer"), "{refused}");
    Ok(())
}

fn binary(r: &mut Connection) -> RedisResult<()> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let _: () = r.set(&every_byte, &every_byte)?;
    assert_eq!(r.get::<_, Vec<u8>>(&every_byte)?, every_byte);
    let giant = every_byte.repeat(40_960);
    let _: () = r.set("giant", &giant)?;
    assert!(
        r.get::<_, Vec<u8>>("giant")? == giant,
        "10 MB come back changed"
    );
    Ok(())
}

fn pipelines(r: &mut Connection) -> RedisResult<()> {
    let mut pipeline = redis::pipe();
    for number in 0..2000 {
        let key = format!("p:{number}");
        pipeline.set(&key, number).ignore().get(&key);
    }
    let replies: Vec<i64> = pipeline.query(r)?;
    assert_eq!(replies, (0..2000).collect::<Vec<_>>());
    Ok(())
}

fn expiry(r: &mut Connection) -> RedisResult<()> {
    let _: () = r.set_ex("e", "v", 100)?;
    assert!((99..=100).contains(&r.ttl::<_, i64>("e")?));
    assert!(r.persist::<_, bool>("e")?);
    assert_eq!(r.ttl::<_, i64>("e")?, -1);
    assert!(r.pexpire::<_, bool>("e", 1)?);
    while r.exists::<_, bool>("e")? {}
    Ok(())
}

fn scanning(r: &mut Connection) -> RedisResult<()> {
    let _: () = redis::cmd("FLUSHALL").query(r)?;
    let wanted: BTreeSet<String> = (0..1000).map(|number| format!("s:{number}")).collect();
    for key in &wanted {
        let _: () = r.set(key, "v")?;
    }
    let mut scan = redis::cmd("SCAN");
    scan.cursor_arg(0).arg("COUNT").arg(50);
    let found: RedisResult<BTreeSet<String>> = scan.iter(r)?.collect();
    assert_eq!(found?, wanted);
    Ok(())
}

#[test]
fn redis_rs_session() {
    for node in nodes() {
        for protocol in ["resp2", "resp3"] {
            let url = format!("redis://127.0.0.1:{}/?protocol={protocol}", node.port());
            let mut r = session(&url);
            let _: () = redis::cmd("FLUSHALL").query(&mut r).expect("it answers");
            for part in [strings, binary, pipelines, expiry, scanning] {
                part(&mut r).unwrap_or_else(|error| panic!("{protocol}: {error}"));
            }
        }
    }
}
