//! Where and when results were taken: without it a number says nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::options::Options;

/// Date, commit, machine, kernel, versions and arguments, as named lines.
pub fn context(options: &Options) -> Vec<(&'static str, String)> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    vec![
        ("date", output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"])),
        (
            "commit",
            output("git", &["describe", "--always", "--dirty", "--abbrev=10"]),
        ),
        (
            "machine",
            format!(
                "{}, {cores} cores",
                model.trim_start_matches([' ', '\t', ':'])
            ),
        ),
        ("kernel", output("uname", &["-sr"])),
        ("load average at start", load.trim().to_owned()),
        ("under test", version(&options.basalt)),
        ("compared with", version(&options.stock)),
        ("arguments", options.given.clone()),
        ("settings", settings(options)),
    ]
}

fn settings(options: &Options) -> String {
    let (rounds, seconds) = (options.rounds, options.measured.as_secs_f64());
    let Options {
        connections,
        keys,
        value_size,
        distribution,
        server_cores,
        generator_core,
        ..
    } = options;
    format!(
        "{rounds} rounds of {seconds} s, {connections} connections, {keys} keys, {value_size} B values, {distribution:?}, \
         servers on core {server_cores}, generator on core {generator_core}"
    )
}

fn version(binary: &Path) -> String {
    let said = output(&binary.to_string_lossy(), &["--version"]);
    format!("{} ({said})", binary.display())
}

/// The first line a program prints, or `unknown`.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
