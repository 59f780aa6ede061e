//! INFO's sections about the process. Names and order are Redis 7.2's; what
//! basalt has no part for says what an unused stock server says.

use crate::config::Policy;
use crate::pubsub::Kind;
use crate::telemetry::{Cell, Persistence};

use super::info::Gathered;
use super::print::{Lines, human, ratio};
use crate::command::REDIS_VERSION;
use crate::command::replication::section;

/// Seconds with six decimals.
fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

pub(super) fn server(gathered: &Gathered<'_>, lines: &mut Lines) {
    let local = gathered.local;
    let (facts, settings) = (&local.facts, &local.settings);
    let now_us = (local.system.unix_us)();
    let up_s = gathered.now_ms.saturating_sub(facts.started_ms) / 1000;
    let port = settings.text("port");
    lines.section("Server");
    lines.field("redis_version", REDIS_VERSION);
    lines.field("redis_git_sha1", "00000000");
    lines.field("redis_git_dirty", 0);
    lines.field("redis_build_id", "0000000000000000");
    lines.field("basalt_version", env!("CARGO_PKG_VERSION"));
    lines.field("redis_mode", "standalone");
    lines.field("os", &facts.os);
    lines.field("arch_bits", usize::BITS);
    lines.field("monotonic_clock", "POSIX clock_gettime");
    lines.field("multiplexing_api", "io_uring");
    lines.field("atomicvar_api", "c11-builtin");
    lines.field("gcc_version", "0.0.0");
    lines.field("process_id", facts.process_id);
    lines.field("process_supervised", facts.supervised_by);
    lines.field("run_id", &facts.run_id);
    lines.field("tcp_port", &port);
    lines.field("server_time_usec", now_us);
    lines.field("uptime_in_seconds", up_s);
    lines.field("uptime_in_days", up_s / 86_400);
    lines.field("hz", local.live.hz);
    lines.field("configured_hz", local.live.hz);
    // 24 bits of seconds: what OBJECT IDLETIME counts by.
    lines.field("lru_clock", gathered.now_ms / 1000 % (1 << 24));
    lines.field("executable", &facts.executable);
    lines.field("config_file", &facts.config_file);
    lines.field("io_threads_active", 0);
    let ends_at_ms = local.replication.ends_at_ms.read();
    if ends_at_ms > 0 {
        let left_ms = ends_at_ms.saturating_sub(gathered.now_ms);
        lines.field("shutdown_in_milliseconds", left_ms);
    }
    listeners(gathered, lines, &port);
}

/// `listener0:name=tcp,bind=127.0.0.1,port=6379`.
fn listeners(gathered: &Gathered<'_>, lines: &mut Lines, port: &str) {
    let settings = &gathered.local.settings;
    let mut number = 0;
    if port != "0" {
        let addresses = settings.text("bind");
        let binds = addresses.split(' ').filter(|address| !address.is_empty());
        let binds: String = binds.map(|address| format!(",bind={address}")).collect();
        lines.line(format_args!("listener{number}:name=tcp{binds},port={port}"));
        number += 1;
    }
    let socket = settings.text("unixsocket");
    if !socket.is_empty() {
        lines.line(format_args!("listener{number}:name=unix,bind={socket}"));
    }
}

pub(super) fn clients(gathered: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Clients");
    // Replicas are counted by themselves.
    let connected = gathered.sum(|share| share.clients);
    let replicas = gathered.local.replicas.len() as u64;
    lines.field("connected_clients", connected.saturating_sub(replicas));
    lines.field("cluster_connections", 0);
    lines.field("maxclients", gathered.local.live.maxclients);
    let input = gathered.max(|share| share.input_bytes_max);
    lines.field("client_recent_max_input_buffer", input);
    let output = gathered.max(|share| share.output_bytes_max);
    lines.field("client_recent_max_output_buffer", output);
    lines.field("blocked_clients", gathered.totals.clients_blocked);
    lines.field("tracking_clients", 0);
    lines.field("pubsub_clients", gathered.sum(|share| share.subscribers));
    let timed = gathered.totals.clients_waiting_with_deadline;
    lines.field("clients_in_timeout_table", timed);
    let awaited = gathered.sum(|share| share.awaited_keys);
    lines.field("total_blocking_keys", awaited);
    let awaited_or_gone = gathered.sum(|share| share.awaited_or_gone_keys);
    lines.field("total_blocking_keys_on_nokey", awaited_or_gone);
}

pub(super) fn memory(gathered: &Gathered<'_>, lines: &mut Lines) {
    let footprint = &gathered.footprint;
    let live = &gathered.local.live;
    lines.section("Memory");
    lines.size("used_memory", footprint.used);
    lines.size("used_memory_rss", footprint.resident);
    lines.size("used_memory_peak", footprint.peak);
    let percent = format!("{:.2}%", footprint.peak_percent());
    lines.field("used_memory_peak_perc", percent);
    lines.field("used_memory_overhead", footprint.overhead);
    lines.field("used_memory_startup", footprint.startup);
    lines.field("used_memory_dataset", footprint.dataset());
    let percent = format!("{:.2}%", footprint.dataset_percent());
    lines.field("used_memory_dataset_perc", percent);
    lines.field("allocator_allocated", footprint.used);
    lines.field("allocator_active", footprint.resident);
    lines.field("allocator_resident", footprint.resident);
    lines.size("total_system_memory", footprint.machine);
    scripts(gathered, lines);
    let maxmemory = gathered.local.settings.number("maxmemory");
    lines.size("maxmemory", maxmemory);
    lines.field("maxmemory_policy", policy(live.maxmemory_policy));
    allocator(gathered, lines);
}

/// Every core keeps all scripts and libraries: bytes are added up, and numbers are this core's.
fn scripts(gathered: &Gathered<'_>, lines: &mut Lines) {
    let lua = gathered.sum(|share| share.scripts_lua_bytes);
    let texts = gathered.sum(|share| share.scripts_bytes);
    let functions_lua = gathered.sum(|share| share.functions_lua_bytes);
    let functions = gathered.sum(|share| share.functions_bytes);
    lines.field("used_memory_lua", lua);
    lines.field("used_memory_vm_eval", lua);
    lines.field("used_memory_lua_human", human(lua));
    lines.field("used_memory_scripts_eval", texts);
    let scripts = gathered.local.script_sizes();
    lines.field("number_of_cached_scripts", scripts.scripts);
    lines.field("number_of_functions", scripts.functions);
    lines.field("number_of_libraries", scripts.libraries);
    lines.field("used_memory_vm_functions", functions_lua);
    lines.size("used_memory_vm_total", lua + functions_lua);
    lines.field("used_memory_functions", functions);
    lines.size("used_memory_scripts", texts + functions);
}

fn allocator(gathered: &Gathered<'_>, lines: &mut Lines) {
    let footprint = &gathered.footprint;
    let fragmentation = format!("{:.2}", footprint.fragmentation());
    lines.field("allocator_frag_ratio", &fragmentation);
    lines.field("allocator_frag_bytes", footprint.unused());
    lines.field("allocator_rss_ratio", "1.00");
    lines.field("allocator_rss_bytes", 0);
    lines.field("rss_overhead_ratio", "1.00");
    lines.field("rss_overhead_bytes", 0);
    lines.field("mem_fragmentation_ratio", &fragmentation);
    lines.field("mem_fragmentation_bytes", footprint.unused());
    let replication = &gathered.local.replication;
    let (stream, excess) = (
        replication.stream_bytes.read(),
        replication.excess_bytes.read(),
    );
    lines.field("mem_not_counted_for_evict", excess);
    lines.field("mem_replication_backlog", stream - excess.min(stream));
    lines.field("mem_total_replication_buffers", stream);
    lines.field("mem_clients_slaves", excess);
    lines.field("mem_clients_normal", footprint.clients);
    lines.zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    lines.field("mem_allocator", "mimalloc");
    lines.field("active_defrag_running", 0);
    lines.field(
        "lazyfree_pending_objects",
        gathered.sum(|share| share.unfreed),
    );
    lines.field("lazyfreed_objects", gathered.totals.values_freed);
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::VolatileLru => "volatile-lru",
        Policy::VolatileLfu => "volatile-lfu",
        Policy::VolatileRandom => "volatile-random",
        Policy::VolatileTtl => "volatile-ttl",
        Policy::AllkeysLru => "allkeys-lru",
        Policy::AllkeysLfu => "allkeys-lfu",
        Policy::AllkeysRandom => "allkeys-random",
        Policy::NoEviction => "noeviction",
    }
}

pub(super) fn persistence(gathered: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Persistence");
    let persistence = &gathered.local.persistence;
    lines.field("loading", persistence.loading.read());
    lines.field("async_loading", persistence.async_loading.read());
    lines.zeros(&[
        "current_cow_peak",
        "current_cow_size",
        "current_cow_size_age",
    ]);
    lines.field("current_fork_perc", "0.00");
    lines.field("current_save_keys_processed", persistence.keys_saved.read());
    lines.field("current_save_keys_total", persistence.keys_to_save.read());
    let saved = persistence.changes_at_save.read();
    let unsaved = gathered.totals.changes.saturating_sub(saved);
    lines.field("rdb_changes_since_last_save", unsaved);
    let is_saving = persistence.saving.read();
    // For replicas, too, as with stock.
    let is_in_progress = is_saving | persistence.saving_for_replicas.read();
    lines.field("rdb_bgsave_in_progress", is_in_progress);
    lines.field("rdb_last_save_time", persistence.saved_at_s.read());
    let status = ["ok", "err"][usize::from(persistence.save_failed.read() == 1)];
    lines.field("rdb_last_bgsave_status", status);
    let took_s = persistence.save_took_s.read() as i64 - 1;
    lines.field("rdb_last_bgsave_time_sec", took_s);
    // So far, of what is under way.
    let elapsed_s = |is_under_way: u64, since_s: &Cell| match is_under_way {
        0 => -1,
        _ => (gathered.now_ms / 1000).saturating_sub(since_s.read()) as i64,
    };
    let saving_s = elapsed_s(is_saving, &persistence.saving_since_s);
    lines.field("rdb_current_bgsave_time_sec", saving_s);
    lines.field("rdb_saves", persistence.saves.read());
    lines.field("rdb_last_cow_size", 0);
    let expired = persistence.keys_expired.read();
    lines.field("rdb_last_load_keys_expired", expired);
    let loaded = persistence.keys_loaded.read();
    lines.field("rdb_last_load_keys_loaded", loaded);
    let is_on = gathered.local.live.appendonly;
    let told = |is_broken: bool| if is_broken { "err" } else { "ok" };
    lines.field("aof_enabled", u8::from(is_on));
    let is_rewriting = persistence.aof_rewriting.read();
    lines.field("aof_rewrite_in_progress", is_rewriting);
    let is_scheduled = persistence.aof_rewrite_scheduled.read();
    lines.field("aof_rewrite_scheduled", is_scheduled);
    let took_s = persistence.aof_rewrite_took_s.read() as i64 - 1;
    lines.field("aof_last_rewrite_time_sec", took_s);
    let rewriting_s = elapsed_s(is_rewriting, &persistence.aof_rewriting_since_s);
    lines.field("aof_current_rewrite_time_sec", rewriting_s);
    let has_failed = persistence.aof_rewrite_failed.read() != 0;
    lines.field("aof_last_bgrewrite_status", told(has_failed));
    lines.field("aof_rewrites", persistence.aof_rewrites.read());
    let failures = persistence.aof_rewrite_failures.read();
    lines.field("aof_rewrites_consecutive_failures", failures);
    let is_broken = persistence.aof_broken.read() != 0;
    lines.field("aof_last_write_status", told(is_broken));
    lines.zeros(&[
        "aof_last_cow_size",
        "module_fork_in_progress",
        "module_fork_last_cow_size",
    ]);
    if is_on {
        lines.field("aof_current_size", persistence.aof_current_bytes.read());
        lines.field("aof_base_size", persistence.aof_base_bytes.read());
        lines.field("aof_pending_rewrite", 0);
        lines.field("aof_buffer_length", persistence.aof_pending_bytes.read());
        lines.field("aof_pending_bio_fsync", persistence.aof_syncing.read());
        lines.zeros(&["aof_delayed_fsync"]);
    }
    if persistence.loading.read() == 1 {
        loading(persistence, gathered.now_ms / 1000, lines);
    }
}

/// How far the load has come.
fn loading(persistence: &Persistence, now_s: u64, lines: &mut Lines) {
    let since_s = persistence.loading_since_s.read();
    let total = persistence.loading_total_bytes.read();
    let loaded = persistence.loading_loaded_bytes.read();
    let elapsed_s = now_s.saturating_sub(since_s);
    let left = total.saturating_sub(loaded);
    let left_s = if elapsed_s == 0 {
        1
    } else {
        (u128::from(elapsed_s) * u128::from(left) / (u128::from(loaded) + 1)) as u64
    };
    lines.field("loading_start_time", since_s);
    lines.field("loading_total_bytes", total);
    let used = persistence.loading_used_memory.read();
    lines.field("loading_rdb_used_mem", used);
    lines.field("loading_loaded_bytes", loaded);
    let percent = ratio(loaded * 100, total);
    lines.field("loading_loaded_perc", format_args!("{percent:.2}"));
    lines.field("loading_eta_seconds", left_s);
}

pub(super) fn stats(gathered: &Gathered<'_>, lines: &mut Lines) {
    let totals = &gathered.totals;
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    lines.section("Stats");
    lines.field("total_connections_received", totals.connections_received);
    lines.field("total_commands_processed", totals.commands_processed);
    let rate = gathered.sum(|share| share.commands_per_second);
    lines.field("instantaneous_ops_per_sec", rate);
    lines.field("total_net_input_bytes", totals.net_input_bytes);
    lines.field("total_net_output_bytes", totals.net_output_bytes);
    lines.zeros(&["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    let rate = gathered.sum(|share| share.input_per_second);
    lines.field("instantaneous_input_kbps", kilobytes(rate));
    let rate = gathered.sum(|share| share.output_per_second);
    lines.field("instantaneous_output_kbps", kilobytes(rate));
    lines.field("instantaneous_input_repl_kbps", "0.00");
    lines.field("instantaneous_output_repl_kbps", "0.00");
    lines.field("rejected_connections", totals.connections_rejected);
    let replication = &gathered.local.replication;
    let [full, partial, refused] = replication.syncs();
    lines.field("sync_full", full);
    lines.field("sync_partial_ok", partial);
    lines.field("sync_partial_err", refused);
    lines.field("expired_keys", totals.expired_keys);
    let cores = gathered.shares.len() as u64;
    let stale = ratio(totals.expired_stale_basis_points, cores * 100);
    lines.field("expired_stale_perc", format_args!("{stale:.2}"));
    let reached = totals.expired_time_cap_reached;
    lines.field("expired_time_cap_reached_count", reached);
    lines.field(
        "expire_cycle_cpu_milliseconds",
        totals.expire_ns / 1_000_000,
    );
    lines.field("evicted_keys", totals.evicted_keys);
    lines.field("evicted_clients", totals.evicted_clients);
    lines.zeros(&[
        "total_eviction_exceeded_time",
        "current_eviction_exceeded_time",
    ]);
    lines.field("keyspace_hits", totals.keyspace_hits);
    lines.field("keyspace_misses", totals.keyspace_misses);
    more_stats(gathered, lines);
}

fn more_stats(gathered: &Gathered<'_>, lines: &mut Lines) {
    let totals = &gathered.totals;
    let listened_to = |kind| gathered.local.directory.names(kind).len();
    lines.field("pubsub_channels", listened_to(Kind::Channel));
    lines.field("pubsub_patterns", listened_to(Kind::Pattern));
    lines.field("pubsubshard_channels", listened_to(Kind::ShardChannel));
    lines.zeros(&["latest_fork_usec", "total_forks", "migrate_cached_sockets"]);
    lines.field("slave_expires_tracked_keys", totals.own_deadlines);
    lines.zeros(&[
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
        "tracking_total_keys",
        "tracking_total_items",
        "tracking_total_prefixes",
        "unexpected_error_replies",
    ]);
    lines.field("total_error_replies", totals.error_replies);
    lines.field("dump_payload_sanitizations", 0);
    lines.field("total_reads_processed", totals.reads);
    lines.field("total_writes_processed", totals.writes);
    lines.zeros(&[
        "io_threaded_reads_processed",
        "io_threaded_writes_processed",
        "reply_buffer_shrinks",
        "reply_buffer_expands",
    ]);
    lines.field("eventloop_cycles", totals.loop_turns);
    lines.field("eventloop_duration_sum", totals.busy_ns / 1000);
    lines.zeros(&[
        "eventloop_duration_cmd_sum",
        "instantaneous_eventloop_cycles_per_sec",
        "instantaneous_eventloop_duration_usec",
        "acl_access_denied_auth",
        "acl_access_denied_cmd",
        "acl_access_denied_key",
        "acl_access_denied_channel",
    ]);
    let disconnections = totals.query_limit_disconnections;
    lines.field("client_query_buffer_limit_disconnections", disconnections);
    let disconnections = totals.output_limit_disconnections;
    lines.field("client_output_buffer_limit_disconnections", disconnections);
}

pub(super) fn replication(gathered: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Replication");
    section(gathered.local, gathered.now_ms, &mut |name, value| {
        lines.field(name, value);
    });
}

pub(super) fn cpu(gathered: &Gathered<'_>, lines: &mut Lines) {
    let readings = (gathered.local.system.readings)();
    lines.section("CPU");
    lines.field("used_cpu_sys", seconds(readings.system_us));
    lines.field("used_cpu_user", seconds(readings.user_us));
    lines.field("used_cpu_sys_children", seconds(0));
    lines.field("used_cpu_user_children", seconds(0));
    // There is no main thread: the first core's stands for it.
    let first = gathered.shares.first();
    let (user_us, system_us) = first.map_or((0, 0), |share| (share.user_us, share.system_us));
    lines.field("used_cpu_sys_main_thread", seconds(system_us));
    lines.field("used_cpu_user_main_thread", seconds(user_us));
}

pub(super) fn cluster(_: &Gathered<'_>, lines: &mut Lines) {
    lines.section("Cluster");
    lines.field("cluster_enabled", 0);
}
