//! Drives basalt and stock Redis side by side over TCP and compares what each operation costs.
//!
//! `benches/README.md` says how to run it and how to read what it writes; `docs/performance.md` says what the rules
//! are. It starts its own servers on free ports, pins them and itself, and ends them by process id.

mod cross;
mod drive;
mod fill;
mod lives;
mod machine;
mod options;
mod page;
mod parts;
mod polite;
mod process;
mod publish;
mod receiver;
mod record;
mod replies;
mod report;
mod requests;
mod server;
mod snapshots;
mod types;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::options::{Options, USAGE};
use crate::record::Record;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` passes nothing and must not load the machine for minutes.
    let outcome = if arguments.is_empty() || arguments.iter().any(|word| word == "--help") {
        io::stdout().write_all(USAGE.as_bytes())
    } else {
        Options::parse(&arguments)
            .map_err(io::Error::other)
            .and_then(|options| measure(&options))
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is closed there is nobody left to tell.
            writeln!(io::stderr(), "load: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> io::Result<()> {
    raise_open_files()?;
    let context = machine::context(options);
    pin(options.generator_core)?;
    let names = names(options);
    let mut record = Record {
        names,
        rows: Vec::new(),
        curves: Vec::new(),
        context,
        remarks: Vec::new(),
    };
    for part in &options.parts {
        writeln!(io::stderr(), "load: {part:?}")?;
        parts::run(*part, options, &mut record)?;
    }
    fs::create_dir_all(&options.output)?;
    report::append_lines(&record, &options.output.join("results.jsonl"))?;
    let file = options.output.join("report.html");
    fs::write(&file, page::page(&record))?;
    writeln!(
        io::stdout(),
        "{}\nplots: {}",
        report::table(&record),
        file.display()
    )
}

/// What the two sides are called in the table.
fn names(options: &Options) -> [String; 2] {
    let name = |ours| {
        if server::is_basalt(ours) {
            "basalt".to_owned()
        } else {
            "stock (A)".to_owned()
        }
    };
    [name(&options.basalt), "stock".to_owned()]
}

/// As many open files as this process may have; the servers inherit it.
fn raise_open_files() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?)
}

/// Keeps this thread, the generator, on its core. The servers are pinned by taskset, which overrides it.
fn pin(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores)
        .map_err(|error| io::Error::other(format!("core {core} cannot be had: {error}")))
}
