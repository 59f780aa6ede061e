//! What the commands of each data type cost, and what their elements take: the tests of `types` and `type-memory`.
//!
//! A test is data: how the server is filled, and the requests that then go round. In a request `@k` stands for twelve
//! digits of a key drawn below the test's keys, `@m` for twelve digits of a member drawn below its members, `@n` for
//! the number of a filling request, `@r` for those of a key drawn anew at each place, `@c` for those of the
//! connection's number.

use std::num::NonZero;

use crate::requests::Random;

/// Requests that fill a server: how many, and each one's words.
pub struct Filling {
    pub times: u64,
    pub request: &'static str,
}

/// One line of the table of `types`.
pub struct Test {
    pub name: &'static str,
    pub filling: &'static [Filling],
    /// Sent one after the other, over and over.
    pub requests: &'static [&'static str],
    /// With 0, whichever connection is next sends the next request. Otherwise the requests are so many parts of equal
    /// length, each connection has one of them and sends it from start to end in a batch; connections of
    /// one number, a part each, belong together.
    pub roles: usize,
    pub keys: u64,
    pub members: u64,
}

/// One line of the table of `type-memory`.
pub struct Growth {
    pub name: &'static str,
    pub filling: &'static [Filling],
    /// What the growth is divided by.
    pub elements: u64,
}

pub const fn fill(times: u64, request: &'static str) -> Filling {
    Filling { times, request }
}

/// A list of 10,000 short elements, as redis-benchmark's.
const LIST: &[Filling] = &[fill(10_000, "RPUSH list VXK")];
const SET: &[Filling] = &[fill(200_000, "SADD set element:@n")];
const HASH: &[Filling] = &[fill(200_000, "HSET hash element:@n VXK")];
const SORTED_SET: &[Filling] = &[fill(200_000, "ZADD zset @n element:@n")];
const STREAM: &[Filling] = &[fill(20_000, "XADD stream * field VXK")];
const GROUP: &[Filling] = &[
    fill(1_000, "XADD stream * field VXK"),
    fill(1, "XGROUP CREATE stream group 0"),
    fill(
        1,
        "XREADGROUP GROUP group reader COUNT 1000 STREAMS stream >",
    ),
];
const SMALL_HASHES: &[Filling] = &[fill(
    50_000,
    "HSET h:@n f0 value0 f1 value1 f2 value2 f3 value3 f4 value4 f5 value5 f6 value6 f7 value7 f8 value8 f9 value9",
)];
const SMALL_SORTED_SETS: &[Filling] = &[fill(
    50_000,
    "ZADD z:@n 1 m1 2 m2 3 m3 4 m4 5 m5 6 m6 7 m7 8 m8 9 m9 10 m10",
)];

const fn test(
    name: &'static str,
    filling: &'static [Filling],
    requests: &'static [&'static str],
) -> Test {
    Test {
        name,
        filling,
        requests,
        roles: 0,
        keys: 50_000,
        members: 200_000,
    }
}

/// Every test of `types`, by type.
pub const TESTS: &[Test] = &[
    test("PING", &[], &["PING"]),
    test("INCR", &[], &["INCR counter:@k"]),
    test(
        "MSET, 10 keys",
        &[],
        &[
            "MSET key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK",
        ],
    ),
    test("LPUSH, LPOP", &[], &["LPUSH list VXK", "LPOP list"]),
    test("RPUSH, RPOP", LIST, &["RPUSH list VXK", "RPOP list"]),
    test("LRANGE_100", LIST, &["LRANGE list 0 99"]),
    test("LRANGE_300", LIST, &["LRANGE list 0 299"]),
    test("LRANGE_500", LIST, &["LRANGE list 0 499"]),
    test("LRANGE_600", LIST, &["LRANGE list 0 599"]),
    test("LINDEX in the middle", LIST, &["LINDEX list 5000"]),
    test("SADD", SET, &["SADD set element:@m"]),
    test("SADD, SPOP", SET, &["SADD set element:@m", "SPOP set"]),
    test("SISMEMBER", SET, &["SISMEMBER set element:@m"]),
    test("HSET", HASH, &["HSET hash element:@m VXK"]),
    test("HGET", HASH, &["HGET hash element:@m"]),
    test("HSET, 10 fields", SMALL_HASHES, &["HSET h:@k f5 value9"]),
    test("HGETALL, 10 fields", SMALL_HASHES, &["HGETALL h:@k"]),
    test("ZADD", SORTED_SET, &["ZADD zset @m element:@m"]),
    test(
        "ZADD, ZPOPMIN",
        SORTED_SET,
        &["ZADD zset @m element:@m", "ZPOPMIN zset"],
    ),
    test("ZSCORE", SORTED_SET, &["ZSCORE zset element:@m"]),
    test("ZRANK", SORTED_SET, &["ZRANK zset element:@m"]),
    test(
        "ZRANGE of 10",
        SORTED_SET,
        &["ZRANGE zset @m +inf BYSCORE LIMIT 0 10"],
    ),
    test(
        "ZRANGE, 10 members",
        SMALL_SORTED_SETS,
        &["ZRANGE z:@k 0 -1"],
    ),
    test("XADD", STREAM, &["XADD stream MAXLEN ~ 20000 * field VXK"]),
    test("XRANGE of 10", STREAM, &["XRANGE stream - + COUNT 10"]),
    test(
        "XREADGROUP of 10 pending",
        GROUP,
        &["XREADGROUP GROUP group reader COUNT 10 STREAMS stream 0"],
    ),
];

/// Every test of `type-memory`.
pub const GROWTHS: &[Growth] = &[
    Growth {
        name: "list of 1 M elements",
        filling: &[fill(1_000_000, "RPUSH list element:@n")],
        elements: 1_000_000,
    },
    Growth {
        name: "set of 1 M members",
        filling: &[fill(1_000_000, "SADD set element:@n")],
        elements: 1_000_000,
    },
    Growth {
        name: "hash of 1 M fields",
        filling: &[fill(1_000_000, "HSET hash element:@n value:@n")],
        elements: 1_000_000,
    },
    Growth {
        name: "sorted set of 1 M members",
        filling: &[fill(1_000_000, "ZADD zset @n element:@n")],
        elements: 1_000_000,
    },
    Growth {
        name: "stream of 1 M entries",
        filling: &[fill(1_000_000, "XADD stream * field value:@n")],
        elements: 1_000_000,
    },
    Growth {
        name: "hashes of 10 fields",
        filling: SMALL_HASHES,
        elements: 500_000,
    },
    Growth {
        name: "sorted sets of 10 members",
        filling: SMALL_SORTED_SETS,
        elements: 500_000,
    },
    Growth {
        name: "sets of 10 numbers",
        filling: &[fill(50_000, "SADD s:@n 1 2 3 4 5 6 7 8 9 10")],
        elements: 500_000,
    },
    Growth {
        name: "lists of 10 elements",
        filling: &[fill(50_000, "RPUSH l:@n e1 e2 e3 e4 e5 e6 e7 e8 e9 e10")],
        elements: 500_000,
    },
];

/// What twelve digits in a request say.
#[derive(Clone, Copy)]
enum Digits {
    Key,
    Member,
    Number,
    Anew,
    Connection,
}

const DIGITS: usize = 12;

/// A request as sent, with the places of its digits.
pub struct Shape {
    bytes: Vec<u8>,
    places: Vec<(usize, Digits)>,
}

impl Shape {
    /// `words` as in [`Test::requests`].
    pub fn new(words: &str) -> Self {
        let words: Vec<&str> = words.split(' ').collect();
        let mut shape = Self {
            bytes: format!("*{}\r\n", words.len()).into_bytes(),
            places: Vec::new(),
        };
        for word in words {
            shape.word(word);
        }
        shape
    }

    fn word(&mut self, word: &str) {
        let marks = [
            ("@k", Digits::Key),
            ("@m", Digits::Member),
            ("@n", Digits::Number),
            ("@r", Digits::Anew),
            ("@c", Digits::Connection),
        ];
        let marked = marks
            .into_iter()
            .find_map(|(mark, digits)| Some((word.find(mark)?, digits)));
        let bytes = marked.map_or(word.len(), |_| word.len() - 2 + DIGITS);
        self.bytes
            .extend_from_slice(format!("${bytes}\r\n").as_bytes());
        match marked {
            None => self.bytes.extend_from_slice(word.as_bytes()),
            Some((at, digits)) => {
                self.bytes.extend_from_slice(&word.as_bytes()[..at]);
                self.places.push((self.bytes.len(), digits));
                self.bytes.extend_from_slice(&[b'0'; DIGITS]);
                self.bytes.extend_from_slice(&word.as_bytes()[at + 2..]);
            }
        }
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Appends the request with number `number`, which also is the member and the key.
    pub fn append_numbered(&self, number: u64, into: &mut Vec<u8>) {
        self.append(into, |_| number);
    }

    fn append(&self, into: &mut Vec<u8>, mut say: impl FnMut(Digits) -> u64) {
        let start = into.len();
        into.extend_from_slice(&self.bytes);
        for (place, digits) in &self.places {
            let mut rest = say(*digits);
            let place = start + place;
            for digit in into[place..place + DIGITS].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
        }
    }
}

/// A test's requests, going round.
pub struct Round {
    shapes: Vec<Shape>,
    next: usize,
    roles: usize,
    keys: u64,
    members: u64,
}

impl Round {
    pub fn new(test: &Test) -> Self {
        Self {
            shapes: test
                .requests
                .iter()
                .map(|words| Shape::new(words))
                .collect(),
            next: 0,
            roles: test.roles,
            keys: test.keys,
            members: test.members,
        }
    }

    /// Appends request number `nth` of a connection's batch.
    pub fn append(
        &mut self,
        connection: usize,
        nth: usize,
        random: &mut Random,
        into: &mut Vec<u8>,
    ) {
        let (shape, number) = match NonZero::new(self.roles) {
            None => {
                let shape = &self.shapes[self.next];
                self.next = (self.next + 1) % self.shapes.len();
                (shape, connection)
            }
            Some(roles) => {
                let part = self.shapes.len() / roles;
                let at = connection % roles * part + nth % part;
                (&self.shapes[at], connection / roles)
            }
        };
        // A member drawn once stands at every place of one request.
        let member = random.below(self.members);
        let key = random.below(self.keys);
        shape.append(into, |digits| match digits {
            Digits::Key => key,
            Digits::Member | Digits::Number => member,
            Digits::Anew => random.below(self.keys),
            Digits::Connection => number as u64,
        });
    }
}
