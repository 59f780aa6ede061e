//! INFO's sections about data: the databases, and basalt's own, the shards.

use super::info::Gathered;
use super::print::Lines;
use super::share::joined;

pub(super) fn keyspace(gathered: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Keyspace");
    for held in joined(&gathered.shares) {
        lines.line(format_args!(
            "db{}:keys={},expires={},avg_ttl={}",
            held.index, held.keys, held.with_ttl, held.ttl_mean_ms,
        ));
    }
}

/// A line per core, to see whether load and data are spread.
pub(super) fn shards(gathered: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Shards");
    lines.field("shards", gathered.shares.len());
    let counters = gathered.local.counters.iter();
    for (core, (share, count)) in gathered.shares.iter().zip(counters).enumerate() {
        lines.line(format_args!(
            "shard{core}:keys={},clients={},commands={},hops_sent={},used_cpu_user={:.6},\
             used_cpu_sys={:.6},busy_usec={},mailbox_full={},query_buffers={},output_buffers={}",
            share.keys(),
            share.clients,
            count.commands_processed.read(),
            count.hops_sent.read(),
            share.user_us as f64 / 1e6,
            share.system_us as f64 / 1e6,
            count.busy_ns.read() / 1000,
            count.mailbox_full.read(),
            count.query_buffer_bytes.read(),
            count.output_buffer_bytes.read(),
        ));
    }
}
