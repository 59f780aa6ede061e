//! The replication section of INFO.

use crate::command::scene::Local;
use crate::telemetry::{Handover, Link, Replica, Replication};

/// Names and values, in stock's order.
pub(in crate::command) fn section(local: &Local, now_ms: u64, field: &mut dyn FnMut(&str, String)) {
    let (live, settings) = (&local.live, &local.settings);
    let replication = &local.replication;
    match &live.primary {
        None => field("role", "master".to_owned()),
        Some((host, port)) => {
            field("role", "slave".to_owned());
            field("master_host", host.to_string());
            field("master_port", port.to_string());
            link(replication, now_ms / 1000, field);
            field("slave_priority", settings.text("replica-priority"));
            let is_read_only = i32::from(live.replica_read_only);
            field("slave_read_only", is_read_only.to_string());
            let is_announced = i32::from(settings.is_on("replica-announced"));
            field("replica_announced", is_announced.to_string());
        }
    }
    let replicas = &local.replicas;
    field("connected_slaves", replicas.len().to_string());
    let now_s = now_ms / 1000;
    for (index, replica) in replicas.iter().enumerate() {
        let Replica {
            ip,
            port,
            state,
            offset,
            heard_at_s,
        } = replica;
        let lag = match replica.is_online() {
            true => now_s.saturating_sub(*heard_at_s),
            false => 0,
        };
        let line = format!("ip={ip},port={port},state={state},offset={offset},lag={lag}");
        field(&format!("slave{index}"), line);
    }
    if live.min_replicas_to_write > 0 && live.primary.is_none() {
        field(
            "min_slaves_good_slaves",
            replication.healthy.read().to_string(),
        );
    }
    let handover = match replication.handover() {
        Handover::None => "no-failover",
        Handover::Waiting => "waiting-for-sync",
        Handover::UnderWay => "failover-in-progress",
    };
    field("master_failover_state", handover.to_owned());
    let lineage = &local.lineage;
    field("master_replid", lineage.id.clone());
    field("master_replid2", lineage.earlier.clone());
    field("master_repl_offset", replication.applied.read().to_string());
    field("second_repl_offset", lineage.second_offset.to_string());
    let first = replication.backlog_first.read();
    field("repl_backlog_active", i32::from(first > 0).to_string());
    field("repl_backlog_size", settings.text("repl-backlog-size"));
    field("repl_backlog_first_byte_offset", first.to_string());
    let bytes = replication.backlog_bytes.read();
    field("repl_backlog_histlen", bytes.to_string());
}

/// How the link to the primary is.
fn link(replication: &Replication, now_s: u64, field: &mut dyn FnMut(&str, String)) {
    let state = replication.link();
    let is_up = state == Link::Connected;
    let status = if is_up { "up" } else { "down" };
    field("master_link_status", status.to_owned());
    let ago = |then: u64| match then {
        0 => "-1".to_owned(),
        then => now_s.saturating_sub(then).to_string(),
    };
    let heard_at_s = replication.heard_at_s.read();
    let heard_ago = if is_up { ago(heard_at_s) } else { ago(0) };
    field("master_last_io_seconds_ago", heard_ago);
    let is_syncing = state == Link::Sync;
    field("master_sync_in_progress", i32::from(is_syncing).to_string());
    // The first byte of a history is 1.
    let offset = |bytes: u64| bytes.to_string();
    field(
        "slave_read_repl_offset",
        offset(replication.received.read()),
    );
    field("slave_repl_offset", offset(replication.applied.read()));
    if is_syncing {
        let total = replication.sync_total_bytes.read();
        let read = replication.sync_read_bytes.read();
        field("master_sync_total_bytes", total.to_string());
        field("master_sync_read_bytes", read.to_string());
        field(
            "master_sync_left_bytes",
            total.saturating_sub(read).to_string(),
        );
        let share = if total == 0 {
            0.0
        } else {
            read as f64 / total as f64 * 100.0
        };
        field("master_sync_perc", format!("{share:.2}"));
        field("master_sync_last_io_seconds_ago", ago(heard_at_s));
    }
    if !is_up {
        let down_since_s = replication.down_since_s.read();
        field("master_link_down_since_seconds", ago(down_since_s));
    }
}
