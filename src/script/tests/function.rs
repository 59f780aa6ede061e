//! Libraries: what a client cannot see of them, dumps, and endings.

use super::host::Scripted;
use crate::resp::{OwnedArgs, Reply, Version};
use crate::script::{Existing, Libraries, Policy, Verdict};

const ONE: &[u8] = b"#!lua name=lib\nredis.register_function('f1',function() return 1 end)";

fn loaded(codes: &[&[u8]]) -> Libraries {
    let mut libraries = Libraries::new("7.2.4");
    for code in codes {
        load(&mut libraries, code).expect("the library is right");
    }
    libraries
}

fn load(libraries: &mut Libraries, code: &[u8]) -> Result<Vec<u8>, String> {
    libraries
        .load(code, Existing::Refused, &mut Scripted::default())
        .map_err(|refusal| refusal.to_string())
}

fn call(libraries: &mut Libraries, name: &str, host: &mut Scripted) -> (Verdict, String) {
    let (keys, arguments) = (OwnedArgs::new(["k"]), OwnedArgs::new(["a"]));
    let mut out = Vec::new();
    let mut reply = Reply::new(&mut out, Version::Two);
    let name = name.as_bytes();
    let verdict = libraries.run(name, keys.args(), arguments.args(), host, &mut reply);
    (verdict, out.escape_ascii().to_string())
}

fn names(libraries: &Libraries) -> Vec<String> {
    libraries
        .iter()
        .map(|library| {
            let functions: Vec<_> = library
                .functions()
                .map(|function| String::from_utf8_lossy(function.name).into_owned())
                .collect();
            format!(
                "{}: {}",
                String::from_utf8_lossy(library.name),
                functions.join(" ")
            )
        })
        .collect()
}

#[test]
fn a_function_is_found_with_what_it_said_of_itself() {
    let libraries = loaded(&[b"#!lua name=a\n\
        redis.register_function{function_name='F', callback=function() end,\n\
        description='does nothing', flags={'no-writes', 'allow-oom'}}"]);
    let function = libraries.find(b"f").expect("the name is found in any case");
    assert_eq!(function.name, b"F");
    assert_eq!(function.description, Some(b"does nothing".as_slice()));
    let flags: Vec<&str> = function.flags.names().collect();
    assert_eq!(flags, ["no-writes", "allow-oom"]);
    assert_eq!(libraries.find(b"g"), None);
}

#[test]
fn a_killed_function_says_so_and_the_next_one_runs() {
    let mut libraries = loaded(&[b"#!lua name=a\n\
        redis.register_function('long', function() while true do end end)\n\
        redis.register_function('short', function() return 1 end)"]);
    let mut host = Scripted {
        looks_until_kill: Some(1),
        ..Scripted::default()
    };
    let (verdict, reply) = call(&mut libraries, "long", &mut host);
    assert_eq!(verdict, Verdict::Failed);
    assert_eq!(
        reply,
        "-ERR Script killed by user with FUNCTION KILL... script: long, \
         on @user_function:2.\\r\\n"
    );
    let (_, reply) = call(&mut libraries, "short", &mut Scripted::default());
    assert_eq!(reply, ":1\\r\\n");
}

#[test]
fn a_library_that_takes_too_long_is_refused_and_leaves_nothing() {
    let mut libraries = loaded(&[ONE]);
    let mut host = Scripted {
        looks_until_kill: Some(1),
        ..Scripted::default()
    };
    let code = b"#!lua name=late\n\
        redis.register_function('late', function() end) while true do end";
    let refused = libraries.load(code, Existing::Refused, &mut host);
    assert_eq!(
        refused.map_err(|refusal| refusal.to_string()),
        Err("ERR Error registering functions: ERR FUNCTION LOAD timeout".to_owned())
    );
    assert_eq!(names(&libraries), ["lib: f1"]);
    assert_eq!(libraries.find(b"late"), None);
}

#[test]
fn a_replaced_library_that_is_refused_stays_as_it_was() {
    let mut libraries = loaded(&[
        ONE,
        b"#!lua name=other\nredis.register_function('f2', function() end)",
    ]);
    for code in [
        b"#!lua name=lib\nredis.register_function('F2', function() end)".as_slice(),
        b"#!lua name=lib\nnosuch()",
        b"#!lua name=lib\nreturn",
    ] {
        let refused = libraries.load(code, Existing::Replaced, &mut Scripted::default());
        assert!(refused.is_err());
        let (_, reply) = call(&mut libraries, "f1", &mut Scripted::default());
        assert_eq!(reply, ":1\\r\\n");
    }
    assert_eq!(names(&libraries), ["lib: f1", "other: f2"]);
}

#[test]
fn globals_at_load_are_few_and_all_are_back_after_a_failure() {
    let mut libraries = loaded(&[b"#!lua name=a\n\
        redis.register_function('f', function() return type(pairs) end)"]);
    load(&mut libraries, b"#!lua name=b\nnosuch()").expect_err("it fails");
    let (_, reply) = call(&mut libraries, "f", &mut Scripted::default());
    assert_eq!(reply, "$8\\r\\nfunction\\r\\n");
}

#[test]
fn a_dump_is_stocks_byte_by_byte() {
    // Recorded from stock 7.0.15.
    let expected = [
        b"\xf5@D#!lua name=lib\nredis.register_function('f1',function() return 1 end)".as_slice(),
        b"\n\x00\xc9\xad\x18\xa1i13\xca",
    ]
    .concat();
    assert_eq!(loaded(&[ONE]).dump(), expected);
    assert_eq!(
        Libraries::new("7.2.4").dump(),
        b"\n\x00]\x9b\\@\x0f\x7f\xa2\xda"
    );
}

#[test]
fn a_dump_is_restored_by_its_policy() {
    let two = b"#!lua name=two\nredis.register_function('f2', function() return 2 end)";
    let dump = loaded(&[ONE]).dump();
    let restore = |start: &[&[u8]], policy| {
        let mut libraries = loaded(start);
        let result = libraries.restore(&dump, policy, &mut Scripted::default());
        let text = result.map_or_else(|refusal| refusal.to_string(), |()| "OK".to_owned());
        (text, names(&libraries).join(", "))
    };
    let pair = |text: &str, names: &str| (text.to_owned(), names.to_owned());
    assert_eq!(
        restore(&[two], Policy::Append),
        pair("OK", "lib: f1, two: f2")
    );
    assert_eq!(restore(&[two], Policy::Flush), pair("OK", "lib: f1"));
    let other_one = b"#!lua name=lib\nredis.register_function('old', function() end)";
    assert_eq!(
        restore(&[other_one], Policy::Append),
        pair("ERR Library lib already exists", "lib: old")
    );
    assert_eq!(
        restore(&[other_one], Policy::Replace),
        pair("OK", "lib: f1")
    );
    let same_function = b"#!lua name=two\nredis.register_function('F1', function() end)";
    assert_eq!(
        restore(&[same_function], Policy::Replace),
        pair("ERR Function f1 already exists", "two: F1")
    );
}

#[test]
fn libraries_may_swap_their_functions_in_a_restore() {
    let a = |f: &str| format!("#!lua name=a\nredis.register_function('{f}', function() end)");
    let b = |f: &str| format!("#!lua name=b\nredis.register_function('{f}', function() end)");
    let dump = loaded(&[a("g").as_bytes(), b("f").as_bytes()]).dump();
    let mut libraries = loaded(&[a("f").as_bytes(), b("g").as_bytes()]);
    libraries
        .restore(&dump, Policy::Replace, &mut Scripted::default())
        .expect("all names are free");
    assert_eq!(names(&libraries), ["a: g", "b: f"]);
}

#[test]
fn what_is_no_dump_is_refused() {
    let restore = |dump: &[u8]| {
        let mut libraries = loaded(&[ONE]);
        let result = libraries.restore(dump, Policy::Flush, &mut Scripted::default());
        assert_eq!(libraries.len(), 1);
        result.expect_err("it is no dump").to_string()
    };
    let wrong = "ERR DUMP payload version or checksum are wrong";
    assert_eq!(restore(b""), wrong);
    assert_eq!(restore(b"abc"), wrong);
    let mut dump = loaded(&[ONE]).dump();
    let last = dump.len() - 1;
    dump[last] ^= 1;
    assert_eq!(restore(&dump), wrong);
    let footed = |body: &[u8]| {
        let mut dump = [body, b"\x0a\x00"].concat();
        let sum = crate::base::crc64(0, &dump);
        dump.extend_from_slice(&sum.to_le_bytes());
        dump
    };
    assert_eq!(
        restore(&footed(b"\x00x")),
        "ERR given type is not a function"
    );
    let broken = "ERR failed loading functions payload";
    for body in [
        b"\xf5".as_slice(),
        b"\xf5\x05abc",
        b"\xf5\xff",
        b"\xf5\xc3\x01",
    ] {
        assert_eq!(restore(&footed(body)), broken);
    }
    assert_eq!(
        restore(&footed(b"\xf5\x08return 1")),
        "ERR Missing library metadata"
    );
}

#[test]
fn memory_is_counted_and_given_back() {
    let mut libraries = Libraries::new("7.2.4");
    assert_eq!((libraries.lua_bytes(), libraries.libraries_bytes()), (0, 0));
    load(&mut libraries, ONE).expect("the library is right");
    assert!(libraries.lua_bytes() > 10_000);
    assert!(libraries.libraries_bytes() > ONE.len());
    assert_eq!((libraries.len(), libraries.functions_len()), (1, 1));
    libraries.flush();
    assert_eq!((libraries.lua_bytes(), libraries.libraries_bytes()), (0, 0));
    assert_eq!((libraries.len(), libraries.functions_len()), (0, 0));
}

#[test]
fn replacing_a_library_many_times_keeps_one() {
    let mut libraries = loaded(&[ONE]);
    let before = libraries.lua_bytes();
    for _ in 0..3_000 {
        libraries
            .load(ONE, Existing::Replaced, &mut Scripted::default())
            .expect("the library is right");
    }
    // Far below 3,000 libraries.
    assert!(
        libraries.lua_bytes() < before + 400_000,
        "{}",
        libraries.lua_bytes()
    );
}

#[test]
fn of_names_that_differ_in_case_alone_the_first_is_called() {
    // Stock calls either, by the chance of its hash.
    let mut libraries = loaded(&[b"#!lua name=a\n\
        redis.register_function('a', function() return 1 end)\n\
        redis.register_function('A', function() return 2 end)"]);
    let (_, reply) = call(&mut libraries, "A", &mut Scripted::default());
    assert_eq!(reply, ":1\\r\\n");
    assert_eq!(names(&libraries), ["a: a A"]);
}
