//! RESTORE's payloads of any bytes: reading never panics and asks for no memory that the bytes do
//! not pay for. The footer is made right, so that it does not stop the fuzzer. What is read is
//! written, read again, and has the same digest.

use super::rules::RULES;
use basalt::base::crc64;
use basalt::snapshot::{
    Compression, Digest, RDB_VERSION, Restored, Value, digest_of, read_payload, write_payload,
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

pub fn check(body: &[u8]) {
    let payload = sealed(body);
    if let Ok(restored) = read_payload(&payload, &RULES) {
        let (digest, written) = told(&restored);
        let again = read_payload(&written, &RULES).expect("what we write, we read");
        assert_eq!(told(&again).0, digest);
    }
}
