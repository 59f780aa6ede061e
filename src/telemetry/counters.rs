//! What one core counts, readable by every core.
//!
//! Each counter is a cell with a single writer, the owning core: adding is a
//! relaxed load and a relaxed store, no locked instruction. Readers on other
//! cores see a recent value of each cell, and no two cells at one instant.
//! The cells of a core fill whole pairs of cache lines (128 bytes: adjacent
//! lines are fetched together), so cores do not slow each other.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that its core alone writes.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Cell {
    /// Adds `amount`; only the owning core may call it.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.set(self.read().wrapping_add(amount));
    }

    /// Takes `amount` off; only the owning core may call it.
    #[inline]
    pub fn take(&self, amount: u64) {
        let now = self.read();
        debug_assert!(amount <= now, "{amount} taken off {now}");
        self.set(now.wrapping_sub(amount));
    }

    /// Stores `value`; only the owning core may call it.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// A recent value; any core may call it.
    #[inline]
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($name:ident $reset:ident: $doc:literal;)*) => {
        /// The counters of one core.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct Counters {
            $(#[doc = $doc] pub $name: Cell,)*
        }

        /// The counters of all cores, added up at some recent moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Totals {
            $(#[doc = $doc] pub $name: u64,)*
        }

        impl Counters {
            /// CONFIG RESETSTAT on this core: counts go to zero, gauges stay.
            pub fn reset(&self) {
                $(counters!(@$reset self.$name);)*
            }
        }

        impl Totals {
            /// Adds the counters of one more core.
            pub fn add(&mut self, core: &Counters) {
                $(self.$name = self.$name.wrapping_add(core.$name.read());)*
            }
        }
    };
    (@count $cell:expr) => { $cell.set(0) };
    (@gauge $cell:expr) => {};
}

counters! {
    commands_processed count: "Commands run.";
    net_input_bytes count: "Bytes read from clients.";
    net_output_bytes count: "Bytes written to clients.";
    keyspace_hits count: "Reads that found their key.";
    keyspace_misses count: "Reads that did not.";
    expired_keys count: "Keys removed because their time had come.";
    expired_time_cap_reached count: "Rounds of expiry that ran out of time.";
    expired_stale_basis_points gauge: "Estimated share of keys expired but present, in 1/10,000.";
    values_freed count: "Values freed in the background.";
    values_discarded gauge: "Values of cleared databases to be freed still.";
    evicted_keys count: "Keys removed for `maxmemory`.";
    evicted_clients count: "Clients closed for `maxmemory-clients`.";
    connections_received count: "Connections accepted.";
    connections_rejected count: "Connections refused for `maxclients`.";
    clients_connected gauge: "Clients connected now.";
    connections_taken gauge: "Connections taken in that the accepting core has sent.";
    clients_blocked gauge: "Clients waiting in a blocking command now.";
    clients_waiting_with_deadline gauge: "Those of them whose time can run out.";
    query_buffer_bytes gauge: "Unparsed bytes of all clients now.";
    output_buffer_bytes gauge: "Unread replies of all clients now.";
    client_bytes gauge: "Memory of all clients, while `maxmemory-clients` limits it.";
    client_class_max gauge: "Of that, the size class of the largest client that may be closed.";
    query_limit_disconnections count: "Clients closed for `client-query-buffer-limit`.";
    output_limit_disconnections count: "Clients closed for `client-output-buffer-limit`.";
    error_replies count: "Error replies.";
    reads count: "Reads that brought bytes.";
    writes count: "Writes handed to the kernel.";
    loop_turns count: "Turns of the core's loop.";
    busy_turns count: "Turns that found something to do.";
    busy_ns count: "Nanoseconds in such turns.";
    wakes count: "Times the core woke another that slept.";
    sleeps count: "Times the core waited in the kernel.";
    hops_sent count: "Commands sent to other cores.";
    hop_batches count: "Mails that carried them.";
    mail_received count: "Mails taken from other cores.";
    journal_slowed count: "Requests that waited because the append-only file was far behind.";
    mailbox_full count: "Times a mailbox had no room and the sender had to wait.";
    changes gauge: "Changes made to data.";
    expire_ns count: "Nanoseconds spent looking for keys to expire.";
    keys gauge: "Keys held now.";
    keys_with_ttl gauge: "Keys with a time to live now.";
    own_deadlines gauge: "Keys that clients of this replica gave a time to live.";
    memory_bytes gauge: "Bytes the core's data takes now.";
    memory_startup_bytes gauge: "What the process held when this core had started.";
    memory_peak_bytes gauge: "The most bytes the whole process held, as this core saw it.";
}

/// The sum over the counters of all cores.
pub fn totals<'a>(cores: impl IntoIterator<Item = &'a Counters>) -> Totals {
    let mut sum = Totals::default();
    for core in cores {
        sum.add(core);
    }
    sum
}

/// Samples of an instantaneous rate: 16 of 100 ms each make 1.6 s.
const SAMPLES: usize = 16;

/// A rate per second over the last samples, as INFO's `instantaneous_…`.
///
/// Feed it the running total about every 100 ms.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    last: Option<(u64, u64)>,
    samples: [u64; SAMPLES],
    next: usize,
}

impl Rate {
    /// Takes the total at `now_us`; a total smaller than the last one was
    /// reset in between and counts as no progress.
    pub fn sample(&mut self, now_us: u64, total: u64) {
        if let Some((then_us, before)) = self.last {
            let elapsed_us = now_us.saturating_sub(then_us);
            if elapsed_us == 0 {
                return;
            }
            let grown = u128::from(total.saturating_sub(before)) * 1_000_000;
            let rate = grown / u128::from(elapsed_us);
            self.samples[self.next] = u64::try_from(rate).unwrap_or(u64::MAX);
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last = Some((now_us, total));
    }

    /// The mean of the samples, per second.
    pub fn per_second(&self) -> u64 {
        let sum: u128 = self.samples.iter().map(|rate| u128::from(*rate)).sum();
        u64::try_from(sum / SAMPLES as u128).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counters, Rate, totals};

    #[test]
    fn the_sum_covers_every_core() {
        let cores = [Counters::default(), Counters::default()];
        cores[0].commands_processed.add(3);
        cores[1].commands_processed.add(4);
        cores[1].clients_connected.add(2);
        cores[1].clients_connected.take(1);
        let sum = totals(&cores);
        assert_eq!((sum.commands_processed, sum.clients_connected), (7, 1));
    }

    #[test]
    fn a_reset_keeps_the_gauges() {
        let core = Counters::default();
        core.commands_processed.add(3);
        core.clients_connected.add(2);
        core.reset();
        assert_eq!(core.commands_processed.read(), 0);
        assert_eq!(core.clients_connected.read(), 2);
    }

    #[test]
    fn cores_share_no_cache_lines() {
        assert_eq!(align_of::<Counters>(), 128);
        assert_eq!(size_of::<Counters>() % 128, 0);
    }

    #[test]
    fn a_steady_load_shows_its_rate() {
        let mut rate = Rate::default();
        for tick in 0..=16 {
            rate.sample(tick * 100_000, tick * 50);
        }
        assert_eq!(rate.per_second(), 500);
    }

    #[test]
    fn a_reset_total_is_not_a_burst() {
        let mut rate = Rate::default();
        rate.sample(0, 1000);
        rate.sample(100_000, 10);
        assert_eq!(rate.per_second(), 0);
    }
}
