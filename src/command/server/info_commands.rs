//! INFO's sections about commands: calls, times, errors.

use super::info::Gathered;
use super::print::Lines;

pub(super) fn commands(gathered: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Commandstats");
    for (place, row) in gathered.commands.used() {
        lines.line(format_args!(
            "cmdstat_{}:calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
            gathered.local.table.at(place as u16).name,
            row.calls,
            row.microseconds(),
            row.microseconds_per_call(),
            row.rejected_calls,
            row.failed_calls,
        ));
    }
}

pub(super) fn errors(gathered: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Errorstats");
    for (prefix, count) in gathered.errors.counts() {
        let prefix = String::from_utf8_lossy(prefix);
        lines.line(format_args!("errorstat_{prefix}:count={count}"));
    }
}

pub(super) fn latencies(gathered: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Latencystats");
    if !gathered.local.live.latency_tracking {
        return;
    }
    let percentiles = &gathered.local.live.latency_percentiles;
    for (place, row) in gathered.commands.used().filter(|(_, row)| row.is_timed()) {
        let shown = percentiles.iter().map(|percentile| {
            let us = row.percentile_us(*percentile).unwrap_or(0.0);
            format!("p{percentile}={us:.3}")
        });
        let shown: Vec<String> = shown.collect();
        let name = gathered.local.table.at(place as u16).name;
        let shown = shown.join(",");
        lines.line(format_args!("latency_percentiles_usec_{name}:{shown}"));
    }
}
