//! The kinds of arguments: keys few enough that types collide, numbers at their limits, texts that
//! are almost numbers.
//!
//! No number makes a server work or grow for long (there is none between 20,000 and 2^33, and of
//! those below -200 only the least), and no deadline comes while commands run: it is far away or past.

use crate::random::Random;

pub struct Kinds<'a> {
    pub random: &'a mut Random,
    /// The letter of the keys that the command is made for.
    pub letter: char,
    /// The letter of what an episode is about: one key of it is used most.
    pub focus: Option<char>,
    /// Grows with the ids of streams given out, so that most can be added.
    pub clock: &'a mut i64,
}

/// Sorted sets with one score only, for ranges of names mean nothing elsewhere, and streams with
/// groups: no other command comes to them.
pub const ALONE: &[char] = &['y', 'q'];

/// The letters of the other types, as the sections of `commands.txt` have them.
const LETTERS: &[char] = &['s', 'n', 'b', 'p', 'l', 'h', 'e', 'z', 'g', 'x'];

/// What any argument may be replaced with.
pub const EDGES: &[&[u8]] = &[
    b"",
    b"0",
    b"-1",
    b"1",
    b"-0",
    b"+1",
    b"01",
    b" 1",
    b"1 ",
    b"1.5",
    b"1e3",
    b"0x10",
    b"abc",
    b"*",
    b"$",
    b">",
    b"-",
    b"+",
    b"(1",
    b"[a",
    b"inf",
    b"-inf",
    b"nan",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551615",
    b"18446744073709551616",
    b"100000000000000000000000000000000",
    b"1e400",
    b"\xff\xfe\x00bin",
    b"a\r\nb",
    b"COUNT",
    b"LIMIT",
    b"WITHSCORES",
    b"NX",
    b"XX",
    b"GET",
    b"STORE",
    b"MATCH",
    b"BY",
];

const INTEGERS: &[&str] = &[
    "9223372036854775807",
    "9223372036854775806",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "9999999999",
];

const FLOATS: &[&str] = &[
    "inf",
    "-inf",
    "+inf",
    "infinity",
    "-Infinity",
    "nan",
    "-nan",
    "1e308",
    "-1e308",
    "1.7976931348623157e309",
    "0x10",
    "0x1p-3",
    "3.0e3",
    " 1",
    "1 ",
    "",
    "0.1",
    "3.3333333333333335",
    "9007199254740993",
    "4503599627370497.5",
    "1e17",
    "123456789012345678",
    "1e21",
    "0.000001",
    "1e-7",
    "99999999999999999999",
];

const MEMBERS: &[&str] = &[
    // The first are drawn most.
    "a",
    "b",
    "c",
    "d",
    "e",
    "foo",
    "0",
    "1",
    "2",
    "3",
    "-1",
    "100",
    "f",
    "g",
    "h",
    "bar",
    "Foo",
    "",
    "4",
    "5",
    "10",
    "127",
    "128",
    "-129",
    "1000",
    "4096",
    "32768",
    "-32769",
    "8388608",
    "70000",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "01",
    "-0",
    "+1",
    "1.0",
    "1.5",
    "2.25",
    "inf",
    "Palermo",
];

const PATTERNS: &[&str] = &[
    "*", "?1", "[a-c]*", "s*", "*1", "\\*", "[^s]1", "[s-l]?", "h[1", "**", "*[0-9]", "", "?",
    "[\\a-z]1", "[]1", "[^]1", "x\\", "*?*?", "[a", "[z-a]*", "b*r", "*o*", "F[o-o]*", "[[]*",
];

const SORT_PATTERNS: &[&str] = &[
    "s*", "w_*", "h1->*", "h*->a", "*", "nosort", "#", "h*->", "->a", "x", "b1*b", "l*", "s*->b",
];

const FIELD_TYPES: &[&str] = &[
    "u8", "i8", "u1", "i1", "u16", "i16", "u4", "i5", "u63", "i64", "u32", "i63", "u64", "i65",
    "u0", "i0", "x8", "u", "8", "i-1", "U8", "u08",
];

const UNITS: &[&str] = &["m", "km", "ft", "mi", "M", "KM", "yd", ""];

impl Kinds<'_> {
    /// Adds the words of a kind; mostly it is one.
    pub fn draw(&mut self, kind: &str, words: &mut Vec<Vec<u8>>) {
        if let Some((kind, letter)) = kind.split_once(':') {
            let before = self.letter;
            self.letter = letter.chars().next().expect("kind:letter");
            self.draw(kind, words);
            self.letter = before;
            return;
        }
        if kind == "numkeys" {
            let count = 1 + self.random.below(3);
            let told = match self.random.below(25) {
                0 => self.integer(),
                1 => (count + 1).to_string(),
                _ => count.to_string(),
            };
            words.push(told.into_bytes());
            words.extend((0..count).map(|_| self.key()));
            return;
        }
        words.push(self.word(kind));
    }

    fn word(&mut self, kind: &str) -> Vec<u8> {
        let text = match kind {
            "key" => return self.key(),
            "any" => return self.any_key(),
            "value" => return self.value(),
            "member" | "field" => return self.member(),
            "edge" => return self.random.of(EDGES).to_vec(),
            "int" => self.integer(),
            "float" => self.float(),
            "weight" if self.random.chance(4) => self.float(),
            "weight" => format!("{}", self.random.between(-40, 40) as f64 / 4.0),
            "index" => self.index(),
            "count" => self.mostly(-1, 8),
            "draw" => self.draws(),
            "secs" => self.deadline(1, 100_000, 1_000_000_000),
            "msecs" => self.deadline(1, 100_000_000, 1_000_000_000_000),
            "at" => self.deadline(1, 33_000_000_000, 34_000_000_000),
            "at-ms" => self.deadline(1, 33_000_000_000_000, 34_000_000_000_000),
            "from" => self.often("0"),
            "to" => self.often("-1"),
            "min" => self.often_bound("-inf"),
            "max" => self.often_bound("+inf"),
            "lex-min" => self.often_lex("-"),
            "lex-max" => self.often_lex("+"),
            "exact-id" => self.exact_id(),
            "offset" => self.mostly(-2, 150),
            "bit-offset" => self.mostly(-2, 1200),
            "bit" => self.mostly(0, 1),
            "field-type" => (*self.random.of(FIELD_TYPES)).to_owned(),
            "field-offset" => {
                let hash = if self.random.chance(40) { "#" } else { "" };
                format!("{hash}{}", self.mostly(0, 100))
            }
            "pattern" => (*self.random.of(PATTERNS)).to_owned(),
            "sort-pattern" => (*self.random.of(SORT_PATTERNS)).to_owned(),
            "score" => self.bound("(", &["-inf", "+inf"]),
            "lex" => self.lex(),
            "id" => self.id(),
            "new-id" => self.new_id(),
            "group" => format!("g{}", self.random.of(&[1, 1, 1, 2])),
            "consumer" => format!("c{}", self.random.between(1, 3)),
            // Ages that a clock is not mistaken about, and what they are asked to be at least.
            "age" => self.seldom(
                "100000",
                &["0", "10000000", "-1", "x", "9223372036854775807"],
            ),
            "min-idle" if self.random.chance(40) => "50000".to_owned(),
            "min-idle" => self.seldom("0", &["-1", "9999999999999", "x", "9223372036854775807"]),
            "time" => self.mostly(0, 9),
            "top-id" => format!("{}-{}", *self.clock + 3, self.random.between(0, 2)),
            "idle" => self.seldom("0", &["-1", "9999999999999", "x", "9223372036854775807"]),
            "lon" => self.coordinate(170),
            "lat" => self.coordinate(80),
            "distance" => self.distance(),
            "block-ms" => self.seldom("4", &["-1", "x", "", "1"]),
            "timeout" => self.seldom("0.01", &["-1", "x", "", "0.001", "1e-3", "nan"]),
            "unit" => self.seldom("km", UNITS),
            "db" if self.random.chance(60) => "0".to_owned(),
            "db" => self.mostly(0, 3),
            "cursor" => self.seldom("0", &["", "x", "-1", "18446744073709551616", "0x0", " 0"]),
            "numfields" => self.mostly(1, 3),
            "type" => {
                let types = [
                    "string", "list", "hash", "set", "zset", "stream", "STRING", "x",
                ];
                (*self.random.of(&types)).to_owned()
            }
            _ => panic!("commands.txt: no kind is called {kind}"),
        };
        text.into_bytes()
    }

    fn key(&mut self) -> Vec<u8> {
        if !ALONE.contains(&self.letter) && self.random.chance(8) {
            return self.any_key();
        }
        if self.focus == Some(self.letter) && self.random.chance(75) {
            return format!("{}1", self.letter).into_bytes();
        }
        let number = *self.random.of(&[1, 1, 1, 2, 2, 3]);
        format!("{}{number}", self.letter).into_bytes()
    }

    fn any_key(&mut self) -> Vec<u8> {
        if let Some(focus) = self.focus
            && !ALONE.contains(&focus)
            && self.random.chance(50)
        {
            return format!("{focus}1").into_bytes();
        }
        match self.random.below(40) {
            0 => Vec::new(),
            1 => b"bin\x00\xffkey".to_vec(),
            2 => b"w_1".to_vec(),
            3 => b"missing".to_vec(),
            _ => format!("{}{}", self.random.of(LETTERS), self.random.between(1, 3)).into_bytes(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.random.below(12) {
            0 => vec![
                b'x';
                *self
                    .random
                    .of(&[39, 40, 43, 44, 45, 63, 64, 65, 100, 254, 255, 600])
            ],
            1 => {
                let length = self.random.below(200);
                (0..length)
                    .map(|_| self.random.next().to_le_bytes()[0])
                    .collect()
            }
            2 => self.float().into_bytes(),
            3 | 4 => self.integer().into_bytes(),
            5 => b"the quick brown fox jumps over the lazy dog, the quick brown fox".to_vec(),
            _ => self.member(),
        }
    }

    fn member(&mut self) -> Vec<u8> {
        match self.random.below(60) {
            0 => vec![b'm'; *self.random.of(&[15, 16, 17, 63, 64, 65, 127, 128])],
            1 => b"\xff\x00\x01".to_vec(),
            2..=7 => self.random.between(0, 300).to_string().into_bytes(),
            8..=19 => self.random.of(MEMBERS).as_bytes().to_vec(),
            _ => self.random.of(&MEMBERS[..12]).as_bytes().to_vec(),
        }
    }

    fn integer(&mut self) -> String {
        match self.random.below(10) {
            0 => (*self.random.of(INTEGERS)).to_owned(),
            1 => self.edge(),
            _ => self.random.between(-20, 20).to_string(),
        }
    }

    fn edge(&mut self) -> String {
        let edge: &&[u8] = self.random.of(EDGES);
        String::from_utf8_lossy(edge).into_owned()
    }

    /// A number of a range, and now and then an edge.
    fn mostly(&mut self, first: i64, last: i64) -> String {
        if self.random.chance(5) {
            return self.integer();
        }
        self.random.between(first, last).to_string()
    }

    fn seldom(&mut self, usual: &str, others: &[&str]) -> String {
        let chosen = if self.random.chance(10) {
            *self.random.of(others)
        } else {
            usual
        };
        chosen.to_owned()
    }

    fn index(&mut self) -> String {
        if self.random.chance(8) {
            return (*self.random.of(INTEGERS)).to_owned();
        }
        self.random.between(-12, 12).to_string()
    }

    fn float(&mut self) -> String {
        match self.random.below(8) {
            0 | 1 => (*self.random.of(FLOATS)).to_owned(),
            2 => self.integer(),
            3 => format!("{}", self.random.between(-40, 40) as f64 / 7.0),
            4 => format!("{:e}", self.random.between(-99, 99) as f64 / 3.0),
            _ => format!("{}", self.random.between(-40, 40) as f64 / 4.0),
        }
    }

    fn often(&mut self, usual: &str) -> String {
        if self.random.chance(50) {
            return usual.to_owned();
        }
        self.index()
    }

    fn often_bound(&mut self, usual: &str) -> String {
        if self.random.chance(50) {
            return usual.to_owned();
        }
        self.bound("(", &["-inf", "+inf"])
    }

    fn often_lex(&mut self, usual: &str) -> String {
        if self.random.chance(50) {
            return usual.to_owned();
        }
        self.lex()
    }

    /// How many are drawn by chance: a negative count may ask for any number, so it is small, or
    /// out of range.
    fn draws(&mut self) -> String {
        let edges = [
            "-9223372036854775808",
            "9223372036854775807",
            "0",
            "x",
            "1.0",
            "",
        ];
        if self.random.chance(10) {
            return (*self.random.of(&edges)).to_owned();
        }
        self.random.between(-12, 12).to_string()
    }

    fn deadline(&mut self, past: i64, first: i64, last: i64) -> String {
        match self.random.below(20) {
            0 => (-past).to_string(),
            1 => "0".to_owned(),
            2 => (*self.random.of(INTEGERS)).to_owned(),
            _ => self.random.between(first, last).to_string(),
        }
    }

    fn bound(&mut self, open: &str, ends: &[&str]) -> String {
        let number = match self.random.below(8) {
            0 | 1 => (*self.random.of(ends)).to_owned(),
            2 => self.float(),
            _ => format!("{}", self.random.between(-40, 40) as f64 / 4.0),
        };
        let open = if self.random.chance(25) { open } else { "" };
        format!("{open}{number}")
    }

    fn lex(&mut self) -> String {
        match self.random.below(10) {
            0 | 1 => "-".to_owned(),
            2 | 3 => "+".to_owned(),
            4 => self.edge(),
            5 | 6 => format!("({}", self.random.of(MEMBERS)),
            _ => format!("[{}", self.random.of(MEMBERS)),
        }
    }

    /// An id of an entry, as it is asked for.
    fn id(&mut self) -> String {
        let most = *self.clock + 2;
        let least = (most - 10).max(0);
        match self.random.below(20) {
            0 | 1 => "-".to_owned(),
            2 | 3 => "+".to_owned(),
            4 => "$".to_owned(),
            5 | 12 => "0".to_owned(),
            6 => "18446744073709551615-18446744073709551615".to_owned(),
            7 => format!(
                "({}-{}",
                self.random.between(0, most),
                self.random.between(0, 3)
            ),
            8 => format!("({}", self.random.between(least, most)),
            9 => self.edge(),
            10 | 11 => self.random.between(least, most).to_string(),
            _ => format!(
                "{}-{}",
                self.random.between(0, most),
                self.random.between(0, 2)
            ),
        }
    }

    /// An id to add an entry with.
    fn new_id(&mut self) -> String {
        *self.clock += self.random.between(0, 1);
        let clock = *self.clock;
        match self.random.below(120) {
            0 => "0-0".to_owned(),
            1 => "0-1".to_owned(),
            2 => "18446744073709551615-18446744073709551615".to_owned(),
            3 => self.edge(),
            4..=30 => format!("{clock}-*"),
            31..=35 => format!("{clock}"),
            _ => format!("{clock}-{}", self.random.between(0, 1)),
        }
    }

    /// Mostly in one part of the world, so that places are near each other.
    fn coordinate(&mut self, most: i64) -> String {
        match self.random.below(60) {
            0 => self.float(),
            1 => (most + 30).to_string(),
            2 => format!("{most}.5"),
            3..=20 => format!(
                "{}",
                self.random.between(-most * 1000, most * 1000) as f64 / 1000.0
            ),
            _ => format!("{}", self.random.between(12_000, 18_000) as f64 / 1000.0),
        }
    }

    fn distance(&mut self) -> String {
        match self.random.below(20) {
            0 => self.float(),
            1 => "0".to_owned(),
            2 => "20000".to_owned(),
            3 => "6000000".to_owned(),
            _ => format!("{}", self.random.between(1, 8_000) as f64 / 8.0),
        }
    }

    /// An id of an entry that may be there.
    fn exact_id(&mut self) -> String {
        if self.random.chance(5) {
            return self.id();
        }
        let most = *self.clock + 1;
        let ms = self.random.between((most - 8).max(0), most);
        format!("{ms}-{}", self.random.between(0, 1))
    }
}
