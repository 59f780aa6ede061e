//! One run of one script, as all tests make it.

use super::host::Scripted;
use crate::resp::{OwnedArgs, Reply, Version};
use crate::script::{Engine, Verdict};

/// Runs `script` on `engine` and returns the reply.
pub(super) fn run_on(engine: &mut Engine, script: &str, host: &mut Scripted) -> (Verdict, String) {
    let sha = engine.load(script.as_bytes()).expect("the script compiles");
    let keys = OwnedArgs::new(["k"]);
    let arguments = OwnedArgs::new(["a", "b"]);
    let mut out = Vec::new();
    let mut reply = Reply::new(&mut out, Version::Two);
    let verdict = engine.run(&sha, keys.args(), arguments.args(), host, &mut reply);
    (verdict, out.escape_ascii().to_string())
}

/// Runs `script` on an engine of its own and compares the reply.
pub(super) fn check(script: &str, expected: &str) {
    let mut engine = Engine::new("7.2.4");
    let (_, reply) = run_on(&mut engine, script, &mut Scripted::default());
    assert_eq!(reply, expected, "{script}");
}
