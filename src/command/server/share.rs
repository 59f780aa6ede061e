//! One core's numbers for INFO and MEMORY STATS, beside its counters, which
//! every core can read.

use crate::command::gather::Part;
use crate::memory::Among;
use crate::telemetry::{Parcel, pack_number};

/// Keys whose time to live is looked at for the mean.
const TTL_SAMPLES: usize = 64;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) commands_per_second: u64,
    pub(super) input_per_second: u64,
    pub(super) output_per_second: u64,
    pub(super) clients: u64,
    /// Of them, those that listen to channels.
    pub(super) subscribers: u64,
    /// Memory of clients.
    pub(super) client_bytes: u64,
    /// The largest buffers of any client.
    pub(super) input_bytes_max: u64,
    pub(super) output_bytes_max: u64,
    /// Keys that somebody waits for, and those among them of which he must be
    /// told when they vanish.
    pub(super) awaited_keys: u64,
    pub(super) awaited_or_gone_keys: u64,
    /// Memory of Lua for scripts and for functions, and of their texts.
    pub(super) scripts_lua_bytes: u64,
    pub(super) scripts_bytes: u64,
    pub(super) functions_lua_bytes: u64,
    pub(super) functions_bytes: u64,
    /// Values that no key holds any more and that are freed in steps.
    pub(super) unfreed: u64,
    /// CPU time of the core's thread.
    pub(super) user_us: u64,
    pub(super) system_us: u64,
    /// Those that hold keys.
    pub(super) databases: Vec<Held>,
}

/// What one core holds of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) index: u64,
    pub(super) keys: u64,
    pub(super) with_ttl: u64,
    /// The mean of some, in milliseconds.
    pub(super) ttl_mean_ms: u64,
}

impl Share {
    /// This core's.
    pub(super) fn of(part: &mut Part<'_>) -> Share {
        part.local.count_expired(part.keyspace);
        let readings = (part.local.system.readings)();
        let census = part.observers.census();
        let scripts = part.local.script_sizes();
        let rates = &part.local.rates;
        let mut share = Share {
            commands_per_second: rates.commands.per_second(),
            input_per_second: rates.input_bytes.per_second(),
            output_per_second: rates.output_bytes.per_second(),
            awaited_keys: census.awaited,
            awaited_or_gone_keys: census.awaited_or_gone,
            scripts_lua_bytes: scripts.scripts_lua_bytes as u64,
            scripts_bytes: scripts.scripts_bytes as u64,
            functions_lua_bytes: scripts.functions_lua_bytes as u64,
            functions_bytes: scripts.functions_bytes as u64,
            unfreed: part.keyspace.unfreed() as u64 + part.local.count().values_discarded.read(),
            user_us: readings.thread_user_us,
            system_us: readings.thread_system_us,
            databases: databases(part),
            ..Share::default()
        };
        for (_, session) in part.local.roster.iter() {
            let input = session.inbox.capacity() as u64;
            let output = session.outbox.footprint() as u64;
            share.clients += u64::from(!session.client.is_double);
            share.subscribers += u64::from(session.client.subscribed.to_any());
            share.client_bytes += session.memory_bytes() as u64;
            share.input_bytes_max = share.input_bytes_max.max(input);
            share.output_bytes_max = share.output_bytes_max.max(output);
        }
        share
    }

    /// Keys in all databases.
    pub(super) fn keys(&self) -> u64 {
        self.databases.iter().map(|held| held.keys).sum()
    }

    pub(super) fn pack(&self, out: &mut Vec<u8>) {
        let numbers = [
            self.commands_per_second,
            self.input_per_second,
            self.output_per_second,
            self.clients,
            self.subscribers,
            self.client_bytes,
            self.input_bytes_max,
            self.output_bytes_max,
            self.awaited_keys,
            self.awaited_or_gone_keys,
            self.scripts_lua_bytes,
            self.scripts_bytes,
            self.functions_lua_bytes,
            self.functions_bytes,
            self.unfreed,
            self.user_us,
            self.system_us,
            self.databases.len() as u64,
        ];
        numbers.iter().for_each(|&number| pack_number(out, number));
        for held in &self.databases {
            pack_number(out, held.index);
            pack_number(out, held.keys);
            pack_number(out, held.with_ttl);
            pack_number(out, held.ttl_mean_ms);
        }
    }

    pub(super) fn unpack(parcel: &mut Parcel<'_>) -> Share {
        Share {
            commands_per_second: parcel.number(),
            input_per_second: parcel.number(),
            output_per_second: parcel.number(),
            clients: parcel.number(),
            subscribers: parcel.number(),
            client_bytes: parcel.number(),
            input_bytes_max: parcel.number(),
            output_bytes_max: parcel.number(),
            awaited_keys: parcel.number(),
            awaited_or_gone_keys: parcel.number(),
            scripts_lua_bytes: parcel.number(),
            scripts_bytes: parcel.number(),
            functions_lua_bytes: parcel.number(),
            functions_bytes: parcel.number(),
            unfreed: parcel.number(),
            user_us: parcel.number(),
            system_us: parcel.number(),
            databases: (0..parcel.number())
                .map(|_| Held {
                    index: parcel.number(),
                    keys: parcel.number(),
                    with_ttl: parcel.number(),
                    ttl_mean_ms: parcel.number(),
                })
                .collect(),
        }
    }
}

fn databases(part: &mut Part<'_>) -> Vec<Held> {
    let clock = part.clock;
    let mut all = Vec::new();
    for index in 0..part.keyspace.databases() {
        let database = part.keyspace.db(index);
        if database.is_empty() {
            continue;
        }
        let (mut seen, mut sum_ms) = (0, 0);
        let random = &mut part.local.random;
        database.sample(random, TTL_SAMPLES, Among::Volatile, &clock, |found| {
            seen += 1;
            let left_ms = found.deadline().unwrap_or(0).saturating_sub(clock.now);
            sum_ms += u128::from(left_ms);
        });
        all.push(Held {
            index: index as u64,
            keys: database.len() as u64,
            with_ttl: database.expires_len() as u64,
            // A mean is no larger than the largest.
            ttl_mean_ms: (sum_ms / seen.max(1)) as u64,
        });
    }
    all
}

/// All cores' parts of one database, by database.
pub(super) fn joined(shares: &[Share]) -> Vec<Held> {
    let mut all: Vec<Held> = Vec::new();
    for held in shares.iter().flat_map(|share| &share.databases) {
        let ttl_sum_ms = held.ttl_mean_ms.saturating_mul(held.with_ttl);
        match all.iter_mut().find(|one| one.index == held.index) {
            Some(one) => {
                one.keys += held.keys;
                one.with_ttl += held.with_ttl;
                one.ttl_mean_ms = one.ttl_mean_ms.saturating_add(ttl_sum_ms);
            }
            None => all.push(Held {
                ttl_mean_ms: ttl_sum_ms,
                ..*held
            }),
        }
    }
    for one in &mut all {
        one.ttl_mean_ms /= one.with_ttl.max(1);
    }
    all.sort_unstable_by_key(|one| one.index);
    all
}

#[cfg(test)]
mod tests {
    use super::{Held, Share, joined};
    use crate::telemetry::Parcel;

    fn share(databases: &[[u64; 4]]) -> Share {
        let held = |&[index, keys, with_ttl, ttl_mean_ms]: &[u64; 4]| Held {
            index,
            keys,
            with_ttl,
            ttl_mean_ms,
        };
        Share {
            clients: 3,
            system_us: 9,
            databases: databases.iter().map(held).collect(),
            ..Share::default()
        }
    }

    #[test]
    fn a_share_packed_is_the_same_unpacked() {
        let one = share(&[[0, 5, 1, 100], [7, 1, 0, 0]]);
        let mut packed = Vec::new();
        one.pack(&mut packed);
        assert_eq!(Share::unpack(&mut Parcel::new(&packed)), one);
    }

    #[test]
    fn databases_of_all_cores_are_joined_by_index() {
        let shares = [
            share(&[[3, 5, 1, 100]]),
            share(&[[0, 2, 0, 0], [3, 5, 3, 500]]),
        ];
        let expected = share(&[[0, 2, 0, 0], [3, 10, 4, 400]]).databases;
        assert_eq!(joined(&shares), expected);
    }
}
