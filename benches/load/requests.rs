//! The requests of the generator: two byte templates whose key digits are overwritten.
//!
//! A request costs the generator one copy of the template and twelve digits, so that one core of load can saturate
//! one core of server. Keys are `key:` and twelve digits. Zipf keys come from a list drawn before the run, because
//! drawing one takes longer than answering it; ranks are spread over the key space by a multiplication.

use crate::options::{Distribution, Mix};
use crate::types::{Round, Test};

const DIGITS: usize = 12;
/// Keys drawn before the run where drawing is slow; 4 MiB.
const DRAWN: usize = 1 << 20;

/// Small and fast random numbers (xorshift64*, Vigna 2016); good enough to spread keys.
pub struct Random(u64);

impl Random {
    /// The seed may be any number.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(end);
        u64::try_from(wide >> 64).expect("the upper half of 128 bits fits 64")
    }

    /// A number in 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A request whose key digits stand at a known place.
struct Template {
    bytes: Vec<u8>,
    digits: usize,
}

impl Template {
    fn new(command: &str, value: Option<&[u8]>) -> Self {
        let count = 2 + usize::from(value.is_some());
        let mut bytes =
            format!("*{count}\r\n$3\r\n{command}\r\n${}\r\nkey:", DIGITS + 4).into_bytes();
        let digits = bytes.len();
        bytes.extend_from_slice(&[b'0'; DIGITS]);
        bytes.extend_from_slice(b"\r\n");
        if let Some(value) = value {
            bytes.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        Self { bytes, digits }
    }

    fn append(&self, key: u64, into: &mut Vec<u8>) {
        let start = into.len() + self.digits;
        into.extend_from_slice(&self.bytes);
        let (mut rest, digits) = (key, &mut into[start..start + DIGITS]);
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
    }
}

/// Writes one request after another, keys and commands as asked for.
pub struct Requests {
    read: Template,
    write: Template,
    mix: Mix,
    keys: u64,
    random: Random,
    drawn: Vec<u32>,
    next: usize,
    /// A test of a type instead of GET and SET.
    round: Option<Round>,
}

impl Requests {
    pub fn new(
        mix: Mix,
        keys: u64,
        distribution: Distribution,
        value_size: usize,
        seed: u64,
    ) -> Self {
        let mut random = Random::new(seed);
        let drawn = match distribution {
            Distribution::Uniform => Vec::new(),
            Distribution::Zipf(exponent) => draw_zipf(keys, exponent, &mut random),
        };
        Self {
            read: Template::new("GET", None),
            write: Template::new("SET", Some(&value(value_size))),
            mix,
            keys,
            random,
            drawn,
            next: 0,
            round: None,
        }
    }

    /// The requests of a test of `types`.
    pub fn of_type(test: &Test, seed: u64) -> Self {
        Self {
            round: Some(Round::new(test)),
            ..Self::new(Mix::Get, test.keys, Distribution::Uniform, 1, seed)
        }
    }

    /// Appends request number `nth` of the batch that a connection sends.
    pub fn append(&mut self, connection: usize, nth: usize, into: &mut Vec<u8>) {
        if let Some(round) = &mut self.round {
            return round.append(connection, nth, &mut self.random, into);
        }
        let key = self.key();
        let read = match self.mix {
            Mix::Get => true,
            Mix::Set => false,
            Mix::Mixed(reads) => self.random.unit() < reads,
        };
        if read {
            self.read.append(key, into)
        } else {
            self.write.append(key, into)
        }
    }

    fn key(&mut self) -> u64 {
        if self.drawn.is_empty() {
            return self.random.below(self.keys);
        }
        self.next = (self.next + 1) % self.drawn.len();
        u64::from(self.drawn[self.next])
    }
}

/// Appends `SET key value` of a numbered key, padded to twelve digits or as short as it is.
pub fn append_set(number: u64, padded: bool, value: &[u8], into: &mut Vec<u8>) {
    let key = if padded {
        format!("key:{number:012}")
    } else {
        format!("key:{number}")
    };
    into.extend_from_slice(
        format!(
            "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n",
            key.len(),
            value.len()
        )
        .as_bytes(),
    );
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

/// A value of the given size: letters that do not repeat in a simple way.
pub fn value(size: usize) -> Vec<u8> {
    let mut random = Random::new(7);
    (0..size).map(|_| b'a' + random.below(26) as u8).collect()
}

fn draw_zipf(keys: u64, exponent: f64, random: &mut Random) -> Vec<u32> {
    let mut sum = 0.0;
    let ends: Vec<f64> = (1..=keys)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    (0..DRAWN)
        .map(|_| {
            let at = random.unit() * sum;
            let rank = ends.partition_point(|end| *end < at) as u64;
            // A prime above every allowed count of keys: each rank gets a key of its own.
            u32::try_from(rank.wrapping_mul(4_294_967_311) % keys).expect("keys are below 2^32")
        })
        .collect()
}
