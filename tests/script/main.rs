//! Scripts, each run by stock Redis, which proves the expectation, and by
//! basalt's engine without a server around it.
//!
//! `UPDATE=1` writes stock's replies into the files: read the difference
//! before you keep it. In a file, `> ` begins a script and `| ` continues it;
//! `3> ` is for a client that speaks RESP3. `L> ` loads a library, `R> `
//! replaces one, `D> ` deletes one, `X> ` all; `F> ` calls a function. `= ` is the reply, its bytes
//! escaped. `! ` after it is basalt's own reply, where that is another;
//! a comment above says why.

#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/node asks more of a process")]
mod process;
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "tests/commands shows replies too")]
mod wire;

mod host;
mod player;

use std::fs;
use std::path::{Path, PathBuf};

/// What is asked for in a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Eval,
    EvalInResp3,
    Load,
    Replace,
    Delete,
    Flush,
    Call,
}

const PREFIXES: [(&str, Ask); 7] = [
    ("> ", Ask::Eval),
    ("3> ", Ask::EvalInResp3),
    ("L> ", Ask::Load),
    ("R> ", Ask::Replace),
    ("D> ", Ask::Delete),
    ("X> ", Ask::Flush),
    ("F> ", Ask::Call),
];

/// A script, what it replies, and where that stands in its file.
struct Step {
    line: usize,
    ask: Ask,
    script: String,
    /// The line of stock's reply; beyond the script if none is written yet.
    reply_line: usize,
    stock: Option<String>,
    basalt: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/script")
}

fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let opened = PREFIXES
            .iter()
            .find_map(|(prefix, ask)| Some((*ask, line.strip_prefix(prefix)?)));
        if let Some((ask, script)) = opened {
            steps.push(Step {
                line: index + 1,
                ask,
                script: script.to_owned(),
                reply_line: index + 1,
                stock: None,
                basalt: None,
            });
            continue;
        }
        let step = steps.last_mut().expect("a file begins with a script");
        if let Some(more) = line.strip_prefix("| ") {
            step.script.push('\n');
            step.script.push_str(more);
            step.reply_line = index + 1;
        } else if let Some(own) = line.strip_prefix("! ") {
            step.basalt = Some(own.to_owned());
        } else {
            let reply = line.strip_prefix("= ").expect("a reply begins with `= `");
            assert!(step.stock.is_none(), "line {}: a second reply", index + 1);
            step.reply_line = index;
            step.stock = Some(reply.to_owned());
        }
    }
    steps
}

fn check(name: &str) {
    let path = folder().join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).expect("the file is readable");
    let steps = parse(&text);
    let stock = player::on_stock(steps.iter().map(|step| (step.ask, &*step.script)));
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        fs::write(&path, updated(&text, &steps, &stock)).expect("the file is writable");
        return;
    }
    let basalt = player::on_basalt(steps.iter().map(|step| (step.ask, &*step.script)));
    let mut told = Vec::new();
    for ((step, stock), basalt) in steps.iter().zip(stock).zip(basalt) {
        let Some(wanted) = &step.stock else {
            panic!("{name}.txt:{}: no reply: UPDATE=1 fills it", step.line);
        };
        let wanted_of_basalt = step.basalt.as_ref().unwrap_or(wanted);
        for (who, wanted, got) in [
            ("stock", wanted, stock),
            ("basalt", wanted_of_basalt, basalt),
        ] {
            if *wanted != got {
                let (line, script) = (step.line, &step.script);
                told.push(format!(
                    "{name}.txt:{line}: {script}\n  wanted of {who}: {wanted}\n  got: {got}"
                ));
            }
        }
    }
    let count = told.len();
    assert!(
        told.is_empty(),
        "{count} difference(s)\n{}",
        told.join("\n")
    );
}

/// The file with stock's replies in place of what it did not reply.
fn updated(text: &str, steps: &[Step], stock: &[String]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (step, got) in steps.iter().zip(stock).rev() {
        let until = step.reply_line + usize::from(step.stock.is_some());
        lines.splice(step.reply_line..until, [format!("= {got}")]);
    }
    lines.join("\n") + "\n"
}

/// One test for each file, and one that no file is forgotten.
macro_rules! files {
    ($($test:ident: $file:literal,)*) => {
        $(
            #[test]
            fn $test() {
                check($file);
            }
        )*

        #[test]
        fn every_file_is_played() {
            let listed = [$($file),*];
            for entry in fs::read_dir(folder()).expect("the folder is readable") {
                let path = entry.expect("the listing goes on").path();
                let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
                let is_text = path.extension().is_some_and(|extension| extension == "txt");
                assert!(
                    !is_text || listed.contains(&name),
                    "{name}.txt is played by no test: list it in tests/script/main.rs"
                );
            }
        }
    };
}

files! {
    globals: "globals",
    errors: "errors",
    replies: "replies",
    redis_table: "redis-table",
    shebang: "shebang",
    base_lua: "base-lua",
    bit: "bit",
    cjson: "cjson",
    functions: "functions",
    cmsgpack: "cmsgpack",
    structs: "struct",
}
