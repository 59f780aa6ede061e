//! The engine: what it asks of its host, how runs end, what stays afterwards.

use super::host::Scripted;
use super::run::{check, run_on};
use crate::script::{Engine, Flags, Sha, Verdict};

#[test]
fn a_command_reaches_the_host_in_words_and_the_version_asked_for() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted::default();
    let script = "redis.call('GET', KEYS[1]) redis.setresp(3) return redis.call('set', 1, 2.5)";
    let (verdict, reply) = run_on(&mut engine, script, &mut host);
    assert_eq!((verdict, reply.as_str()), (Verdict::Returned, "+OK\\r\\n"));
    assert_eq!(
        host.asked,
        [r#"["GET", "k"] in Two"#, r#"["set", "1", "2.5"] in Three"#]
    );
}

#[test]
fn the_version_is_two_again_in_the_next_run() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted::default();
    run_on(&mut engine, "redis.setresp(3)", &mut host);
    run_on(&mut engine, "redis.call('x')", &mut host);
    assert_eq!(host.asked, [r#"["x"] in Two"#]);
}

#[test]
fn logs_effects_and_permissions_reach_the_host() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted::default();
    let script = "redis.log(redis.LOG_NOTICE, 'a', 1) redis.set_repl(redis.REPL_AOF) \
                  return {redis.acl_check_cmd('get', 'k'), redis.acl_check_cmd('denied')}";
    let (_, reply) = run_on(&mut engine, script, &mut host);
    assert_eq!(reply, "*2\\r\\n:1\\r\\n$-1\\r\\n");
    assert_eq!(
        host.asked,
        [
            "log Notice a 1",
            "Effects { file: true, replicas: false }",
            r#"may ["get", "k"]"#,
            r#"may ["denied"]"#,
        ]
    );
}

#[test]
fn a_failed_command_is_told_from_a_failed_script() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted {
        reply: Some(b"-ERR no\r\n"),
        ..Scripted::default()
    };
    let mut verdict = |script| run_on(&mut engine, script, &mut host).0;
    assert_eq!(verdict("redis.call('x')"), Verdict::FailedAtCommand);
    assert_eq!(verdict("return redis.pcall('x')"), Verdict::FailedAtCommand);
    assert_eq!(verdict("return redis.error_reply('x')"), Verdict::Failed);
    assert_eq!(verdict("return {err = 'x'}"), Verdict::Failed);
    assert_eq!(verdict("return {redis.pcall('x')}"), Verdict::Returned);
    assert_eq!(verdict("error('x')"), Verdict::Failed);
    assert_eq!(verdict("redis.call()"), Verdict::Failed);
}

#[test]
fn a_killed_script_ends_and_the_next_one_runs() {
    for script in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "table.sort({1,2,3}, function() while true do end end)",
    ] {
        let mut engine = Engine::new("7.2.4");
        let mut host = Scripted {
            looks_until_kill: Some(2),
            ..Scripted::default()
        };
        let (verdict, reply) = run_on(&mut engine, script, &mut host);
        assert_eq!(verdict, Verdict::Failed);
        let sha = Sha::of(script.as_bytes());
        assert_eq!(
            reply,
            format!(
                "-ERR Script killed by user with SCRIPT KILL... script: {sha:?}, \
                 on @user_script:1.\\r\\n"
            )
        );
        let long = "local n = 0 for i = 1, 300000 do n = n + i end return n";
        let (_, reply) = run_on(&mut engine, long, &mut Scripted::default());
        assert_eq!(reply, ":45000150000\\r\\n");
    }
}

#[test]
fn the_host_is_asked_every_hundred_thousand_instructions() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted {
        looks_until_kill: Some(100),
        ..Scripted::default()
    };
    // One instruction for each round, and a few around.
    run_on(&mut engine, "for i = 1, 1000000 do end", &mut host);
    assert_eq!(host.looks_until_kill, Some(90));
}

#[test]
fn nothing_a_script_does_stays_for_the_next() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted::default();
    for script in [
        "KEYS.x = 1",
        "rawset(KEYS, 1, 'z') return KEYS",
        "local s = string s.format = 1",
        "error({err = 'x'})",
        "error(redis)",
        "error(string)",
        "return coroutine.wrap(function() coroutine.yield(redis) end)()",
        "string.foo = 1",
        "table.insert(redis, 1)",
    ] {
        run_on(&mut engine, script, &mut host);
    }
    let script = "return {KEYS[1], tostring(KEYS.x), tostring(redis[1]), \
                  tostring(rawget(redis, 'err')), tostring(rawget(redis, 'source')), \
                  tostring(string.line), tostring(string.foo), string.format('%d', 3)}";
    let (_, reply) = run_on(&mut engine, script, &mut host);
    let nil = "$3\\r\\nnil\\r\\n";
    let expected = format!("*8\\r\\n$1\\r\\nk\\r\\n{}$1\\r\\n3\\r\\n", nil.repeat(6));
    assert_eq!(reply, expected);
}

#[test]
fn nesting_is_limited_as_luas_stack_is() {
    let nested = |script: &str| {
        let mut engine = Engine::new("7.2.4");
        let (_, reply) = run_on(&mut engine, script, &mut Scripted::default());
        assert!(reply.ends_with("-ERR reached lua stack limit\\r\\n"));
        reply.matches(['*']).count()
    };
    // Counted at stock.
    assert_eq!(nested("local t = {} t[1] = t return t"), 7_995);
    assert_eq!(
        nested("local t = {} t.map = {} t.map.a = t return t"),
        2_665
    );
    assert_eq!(
        nested("local t = {} t.set = {} t.set[t] = 1 return t"),
        2_665
    );
}

#[test]
fn as_many_arguments_as_lua_passes_reach_the_host() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted::default();
    let script = "local t = {} for i = 1, 7990 do t[i] = 'x' end redis.call(unpack(t))";
    let (_, reply) = run_on(&mut engine, script, &mut host);
    assert_eq!(reply, "$-1\\r\\n");
    assert_eq!(host.asked[0].matches('x').count(), 7_990);
}

#[test]
fn errors_that_stock_does_not_survive_are_told() {
    let unknown = |script: &str| {
        let sha = Sha::of(script.as_bytes());
        let expected = format!("-ERR unknown error script: {sha:?}, on @user_script:1.\\r\\n");
        check(script, &expected);
    };
    unknown("error({})");
    unknown("error({ok = 'x'})");
    unknown("error(setmetatable({}, {__tostring = function() return 'x' end}))");
}

#[test]
fn a_script_is_known_by_its_digest_in_either_case_until_flush() {
    let mut engine = Engine::new("7.2.4");
    assert_eq!(engine.lua_bytes(), 0);
    let body = b"#!lua flags=no-writes\nreturn 1";
    let sha = engine.load(body).expect("it compiles");
    let upper = Sha::parse(&sha.text().to_ascii_uppercase()).expect("40 digits");
    let script = engine.find(&upper).expect("it was loaded");
    assert_eq!(script.body, body);
    assert!(script.flags.no_writes && !script.flags.compatible);
    assert_eq!(Sha::parse(b"abc"), None);
    assert!(engine.lua_bytes() > 10_000);
    assert!(engine.scripts_bytes() > body.len());
    engine.flush();
    assert_eq!(engine.find(&sha), None);
    assert_eq!((engine.lua_bytes(), engine.len()), (0, 0));
}

#[test]
fn flags_are_named_in_the_order_of_function_list() {
    let mut flags = Flags::default();
    for name in ["allow-cross-slot-keys", "no-writes", "allow-oom"] {
        assert!(flags.set(name.as_bytes()));
    }
    assert!(!flags.set(b"no-such"));
    let names: Vec<&str> = flags.names().collect();
    assert_eq!(names, ["no-writes", "allow-oom", "allow-cross-slot-keys"]);
}

#[test]
fn garbage_is_collected_although_scripts_stop_the_collector() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted::default();
    let script = "collectgarbage('stop') return #string.rep('x', 100000)";
    for _ in 0..2_000 {
        run_on(&mut engine, script, &mut host);
    }
    // 2,000 runs made 200 MB.
    assert!(engine.lua_bytes() < 60_000_000, "{}", engine.lua_bytes());
}

#[test]
fn random_numbers_go_on_from_script_to_script() {
    let mut engine = Engine::new("7.2.4");
    let mut host = Scripted::default();
    let mut next = || run_on(&mut engine, "return tostring(math.random())", &mut host).1;
    // Recorded from a stock server that was just started.
    assert_eq!(next(), "$16\\r\\n0.39646477363839\\r\\n");
    assert_eq!(next(), "$16\\r\\n0.84048536971234\\r\\n");
}

#[test]
fn a_version_is_told_as_text_and_as_a_number() {
    check(
        "return {redis.REDIS_VERSION, redis.REDIS_VERSION_NUM}",
        "*2\\r\\n$5\\r\\n7.2.4\\r\\n:459268\\r\\n",
    );
}

#[test]
fn time_used_is_the_one_thing_of_os() {
    check(
        "local n = 0 for k in pairs(os) do n = n + 1 end return {type(os.clock()), n}",
        "*2\\r\\n$6\\r\\nnumber\\r\\n:1\\r\\n",
    );
}

#[test]
fn unpack_is_refused_what_no_stack_may_hold() {
    for indexes in [
        "-2, 2147483647",
        "0, 2147483647",
        "-2147483648, -2",
        "-2147483648",
        "1, 8001",
    ] {
        let script = format!("return {{unpack({{1,2,3}}, {indexes})}}");
        let mut engine = Engine::new("7.2.4");
        let (verdict, reply) = run_on(&mut engine, &script, &mut Scripted::default());
        assert_eq!(verdict, Verdict::Failed, "{indexes}");
        let begin = "-ERR user_script:1: too many results to unpack";
        assert!(reply.starts_with(begin), "{indexes}: {reply}");
    }
    check("return #{unpack({1,2,3}, -1, -2)}", ":0\\r\\n");
    check(
        "return select('#', unpack({1,2,3}, -2147483648, -2147483646))",
        ":3\\r\\n",
    );
    check(
        "return #{unpack({1,2,3}, 1, 3)} + #{unpack({1,2,3})}",
        ":6\\r\\n",
    );
    check("return {unpack({1,2,3}, '2')}", "*2\\r\\n:2\\r\\n:3\\r\\n");
}
