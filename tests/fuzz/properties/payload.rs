//! RESTORE's payloads of any bytes: reading never panics and asks for no memory that the bytes do
//! not pay for. The footer is made right, so that it does not stop the fuzzer. What is read is
//! written, read again, and has the same digest; a stream can be used as any other.

use basalt::value::Compound;
use basalt::value::stream::{
    Acknowledgement, Claim, Deliveries, Entries, Group, Id, Keep, Precision, Stream, WantedId,
};

use super::rules::RULES;
use basalt::base::crc64;
use basalt::snapshot::{
    Compression, Digest, RDB_VERSION, Restored, Sum, Value, digest_of, read_payload, write_payload,
};

fn sealed(body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &RDB_VERSION.to_le_bytes()].concat();
    let sum = crc64(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

/// The digest of a restored value, and its payload.
fn told(restored: &Restored<'_>) -> (Digest, Vec<u8>) {
    let value = match restored {
        Restored::Text(text) => Value::Text(text),
        Restored::Compound(compound) => Value::from(compound),
    };
    let mut payload = Vec::new();
    write_payload(&mut payload, value, Compression::On);
    (digest_of(Digest::default(), value, false), payload)
}

/// Reads, claims and acknowledges as each group, and then takes all entries out.
fn use_stream(mut stream: Stream) {
    let names: Vec<Vec<u8>> = stream.groups().map(|(name, _)| name.to_vec()).collect();
    for name in &names {
        let (entries, group) = stream.group_mut(name).expect("it was just listed");
        use_group(entries, group);
    }
    let entries = stream.entries_mut();
    let len = entries.len();
    if let Ok(id) = entries.choose_id(WantedId::Now(7)) {
        entries.add(id, [b"f".as_slice(), b"v"].into_iter(), &RULES);
        assert_eq!(entries.newest(), Some(id));
        assert_eq!(entries.len(), len + 1);
    }
    let trimmed = entries.trim(Keep::Newest(len / 2), Precision::Exact);
    assert_eq!(entries.len(), len / 2, "{trimmed:?}");
    let ids: Vec<Id> = entries.iter().map(|entry| entry.id).collect();
    assert_eq!(entries.delete(ids.into_iter()), len / 2);
    assert!(entries.is_empty());
    while stream.free_step(3) {}
}

fn use_group(entries: &Entries, group: &mut Group) {
    group.lag(entries);
    let (consumer, _) = group.see_consumer(b"me", 9);
    group.deliver(entries, consumer, 3, Acknowledgement::Expected, 9, drop);
    group.deliver_again(entries, consumer, Id::MIN, 5, 10, |_, _| {});
    let claim = Claim {
        consumer,
        idle_min_ms: 0,
        delivered_at: 11,
        deliveries: Deliveries::OneMore,
        force: false,
    };
    group.claim_stale(entries, Id::MIN, 4, &claim, 11, |_, _| {});
    let pending: Vec<Id> = group.pending(Id::MIN, Id::MAX).map(|(id, _)| id).collect();
    for id in pending.iter().step_by(2) {
        assert!(group.acknowledge(*id));
    }
    let consumers = group.consumers().map(|consumer| consumer.name().to_vec());
    for name in consumers.collect::<Vec<_>>() {
        assert!(group.remove_consumer(&name).is_some());
    }
    assert_eq!(group.pending_len(), 0);
}

/// What was read is written and read again as the same, and a stream can be used.
pub fn check_value(restored: &Restored<'_>) {
    let (digest, written) = told(restored);
    let again = read_payload(&written, Sum::Checked, &RULES).expect("what we write, we read");
    assert_eq!(told(&again).0, digest);
    if let Restored::Compound(Compound::Stream(stream)) = again {
        use_stream(stream);
    }
}

pub fn check(body: &[u8]) {
    let payload = sealed(body);
    if let Ok(restored) = read_payload(&payload, Sum::Checked, &RULES) {
        check_value(&restored);
    }
}
