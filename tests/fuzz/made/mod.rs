//! RDB files made of parts: every version, every type and encoding, everything that stands between
//! keys. A right one is loaded whole. In a wrong one a few lengths, counts, numbers or marks are
//! something else, on any level and with everything around them as it was, so that a fault stands
//! deep in a value where changed bytes hardly ever bring one.

mod packed;
mod stream;

use basalt::base::{Random, crc64, lzf, parse_i64};

/// Makes one file.
pub struct Maker {
    random: Random,
    /// One of so many numbers is wrong; 0: none.
    fault_in: u64,
    key: u64,
}

/// The versions that are read.
const VERSIONS: u64 = 12;

/// Bytes of modules' names, as a file holds them: `timeseries` would be the like.
const MODULE_ID: u64 = 0x5a5a_5a5a_5a5a_5001;

/// A moment that is far off.
const FAR_MS: u64 = 4_102_444_800_000;

impl Maker {
    pub fn new(seed: u64, fault_in: u64) -> Maker {
        let (random, key) = (Random::new(seed), 0);
        Maker {
            random,
            fault_in,
            key,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    /// A number that is to be written, or, now and then, another.
    fn wrong(&mut self, right: u64) -> u64 {
        const EDGES: [u64; 16] = [
            0,
            1,
            2,
            63,
            64,
            127,
            128,
            253,
            254,
            255,
            16_383,
            16_384,
            0xffff,
            0xffff_ffff,
            1 << 62,
            u64::MAX,
        ];
        if self.fault_in == 0 || self.below(self.fault_in) != 0 {
            return right;
        }
        match self.below(4) {
            0 => right.wrapping_add(1),
            1 => right.wrapping_sub(1),
            2 => right ^ 1 << self.below(64),
            _ => EDGES[self.below(16) as usize],
        }
    }

    /// A whole file, and how many keys a right one has.
    pub fn file(mut self) -> (Vec<u8>, usize) {
        let version = 1 + self.below(VERSIONS);
        let said = self.wrong(version) % 10_000;
        let mut out = format!("REDIS{said:04}").into_bytes();
        for _ in 0..self.below(4) {
            self.between(&mut out);
        }
        for _ in 0..=self.below(5) {
            self.key_with_value(&mut out);
            if self.below(4) == 0 {
                self.between(&mut out);
            }
        }
        out.push(self.wrong(0xff) as u8);
        if version >= 5 {
            let sum = if self.below(4) == 0 {
                0
            } else {
                crc64(0, &out)
            };
            out.extend_from_slice(&self.wrong(sum).to_le_bytes());
        }
        (out, self.key as usize)
    }

    /// What is no key.
    fn between(&mut self, out: &mut Vec<u8>) {
        match self.below(6) {
            0 => {
                out.push(250);
                self.text(out, b"made-by");
                let value = self.element(3);
                self.text(out, &value);
            }
            1 => {
                out.push(254);
                let database = self.below(16);
                self.len(out, database);
            }
            2 => {
                out.push(251);
                for _ in 0..2 {
                    let size = self.below(100_000);
                    self.len(out, size);
                }
            }
            3 => {
                out.push(245);
                let code = format!("#!lua name=lib{}\nreturn 1", self.below(1000));
                self.text(out, code.as_bytes());
            }
            4 => {
                out.push(244);
                (0..3).for_each(|at| self.len(out, at));
            }
            _ => self.module_data(out),
        }
    }

    /// What a module keeps beside the keys: the kind of a part before each, and 0.
    fn module_data(&mut self, out: &mut Vec<u8>) {
        out.push(247);
        self.len(out, MODULE_ID);
        self.len(out, 2);
        self.len(out, 1);
        for _ in 0..self.below(4) {
            let kind = 1 + self.below(5);
            self.len(out, kind);
            match kind {
                1 | 2 => self.len(out, kind << 20),
                3 => out.extend_from_slice(&1.5_f32.to_le_bytes()),
                4 => out.extend_from_slice(&2.5_f64.to_le_bytes()),
                _ => self.text(out, b"a part"),
            }
        }
        self.len(out, 0);
    }

    /// How long it lives and how it was used, type, name and value.
    fn key_with_value(&mut self, out: &mut Vec<u8>) {
        match self.below(6) {
            0 => {
                out.push(252);
                out.extend_from_slice(&self.wrong(FAR_MS).to_le_bytes());
            }
            1 => {
                out.push(253);
                out.extend_from_slice(&(self.wrong(2_000_000_000) as u32).to_le_bytes());
            }
            _ => {}
        }
        match self.below(6) {
            0 => {
                out.push(248);
                let seconds = self.below(1 << 20);
                self.len(out, seconds);
            }
            1 => out.extend_from_slice(&[249, self.wrong(7) as u8]),
            _ => {}
        }
        // 6, 7, 22 and 23 nobody can read; 8 there never was.
        const KINDS: [u64; 21] = [
            0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 24, 25,
        ];
        let kind = KINDS[self.below(21) as usize];
        out.push(self.wrong(kind) as u8);
        let name = format!("key:{}", self.key);
        self.key += 1;
        self.text(out, name.as_bytes());
        self.value(out, kind);
    }

    fn value(&mut self, out: &mut Vec<u8>, kind: u64) {
        let count = 1 + self.below(12);
        let elements = self.elements(count);
        let pairs = self.pairs(count, 2);
        let scored = self.scored(count);
        match kind {
            0 => self.text(out, &elements[0]),
            1 | 2 => {
                self.len(out, count);
                elements.iter().for_each(|element| self.text(out, element));
            }
            3 | 5 => {
                self.len(out, count);
                for pair in scored.chunks(2) {
                    self.text(out, &pair[0]);
                    self.score(out, &pair[1], kind);
                }
            }
            4 => {
                self.len(out, count);
                pairs.iter().for_each(|element| self.text(out, element));
            }
            9 => {
                let pack = self.zipmap(&pairs);
                self.text(out, &pack);
            }
            10 | 14 => {
                if kind == 14 {
                    self.len(out, 2);
                    let pack = self.ziplist(&pairs);
                    self.text(out, &pack);
                }
                let pack = self.ziplist(&elements);
                self.text(out, &pack);
            }
            11 => {
                let pack = self.intset(count);
                self.text(out, &pack);
            }
            12 | 13 => {
                let pack = self.ziplist(if kind == 12 { &scored } else { &pairs });
                self.text(out, &pack);
            }
            16 | 17 | 20 => {
                let pack = self.listpack(match kind {
                    16 => &pairs,
                    17 => &scored,
                    _ => &elements,
                });
                self.text(out, &pack);
            }
            18 => {
                // A large element alone, and a listpack.
                self.len(out, 2);
                self.len(out, 1);
                self.text(out, &elements[0]);
                self.len(out, 2);
                let pack = self.listpack(&elements);
                self.text(out, &pack);
            }
            24 => {
                out.extend_from_slice(&self.wrong(FAR_MS).to_le_bytes());
                self.len(out, count);
                for (at, pair) in pairs.chunks(2).enumerate() {
                    self.len(out, [0, 1, 1000][at % 3]);
                    pair.iter().for_each(|element| self.text(out, element));
                }
            }
            25 => {
                out.extend_from_slice(&self.wrong(FAR_MS).to_le_bytes());
                let triples = self.pairs(count, 3);
                let pack = self.listpack(&triples);
                self.text(out, &pack);
            }
            _ => self.stream(out, kind),
        }
    }

    fn score(&mut self, out: &mut Vec<u8>, score: &[u8], kind: u64) {
        let text = String::from_utf8_lossy(score);
        let number: f64 = text.parse().expect("a score is a number");
        if kind == 5 {
            out.extend_from_slice(&self.wrong(number.to_bits()).to_le_bytes());
        } else if self.below(8) == 0 {
            out.push(254 + self.below(2) as u8);
        } else {
            out.push(self.wrong(score.len() as u64) as u8);
            out.extend_from_slice(score);
        }
    }

    /// An element that differs from those with another number.
    fn element(&mut self, number: u64) -> Vec<u8> {
        let step = [0, 1 << 10, 1 << 20, 1 << 30, 1 << 40][self.below(5) as usize];
        let long = [1, 30, 70, 300, 5000][self.below(5) as usize];
        match self.below(5) {
            0 | 1 => (number + step).to_string().into_bytes(),
            2 => format!("-{}", number + 1 + step).into_bytes(),
            3 => format!("t{number}").into_bytes(),
            _ => format!("t{number}{}", "xyxz".repeat(long)).into_bytes(),
        }
    }

    fn elements(&mut self, count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|number| self.element(number)).collect()
    }

    /// Fields with values, and of three each with a deadline or 0.
    fn pairs(&mut self, count: u64, each: u64) -> Vec<Vec<u8>> {
        let mut pairs = Vec::new();
        for number in 0..count {
            pairs.push(self.element(number));
            pairs.push(self.element(number + 50));
            if each == 3 {
                let deadline = [0, FAR_MS + number][self.below(2) as usize];
                pairs.push(self.wrong(deadline).to_string().into_bytes());
            }
        }
        pairs
    }

    /// Members with scores, lowest first.
    fn scored(&mut self, count: u64) -> Vec<Vec<u8>> {
        let mut scored = Vec::new();
        for number in 0..count {
            scored.push(self.element(number));
            let score = self.wrong(number);
            let is_whole = self.below(2) == 0;
            let score = if is_whole {
                score.to_string()
            } else {
                format!("{score}.5")
            };
            scored.push(score.into_bytes());
        }
        scored
    }

    /// A length, in as few bytes as it needs or in more.
    fn len(&mut self, out: &mut Vec<u8>, len: u64) {
        let len = self.wrong(len);
        let bytes = len.to_be_bytes();
        let least = match len {
            ..64 => 0,
            64..16_384 => 1,
            16_384..0x1_0000_0000 => 2,
            _ => 3,
        };
        match least.max(self.below(12)) {
            1 => out.extend_from_slice(&[0x40 | bytes[6], bytes[7]]),
            2 => out.extend([&[0x80], &bytes[4..]].concat()),
            3 => out.extend([&[0x81], &bytes[..]].concat()),
            _ if least == 0 => out.push(bytes[7]),
            _ => out.extend([&[0x81], &bytes[..]].concat()),
        }
    }

    /// A string in one of its forms.
    fn text(&mut self, out: &mut Vec<u8>, text: &[u8]) {
        let number = parse_i64(text).and_then(|number| i32::try_from(number).ok());
        if let Some(number) = number
            && self.below(2) == 0
        {
            let bytes = number.to_le_bytes();
            let (mark, len) = match number {
                -0x80..=0x7f => (0xc0, 1),
                -0x8000..=0x7fff => (0xc1, 2),
                _ => (0xc2, 4),
            };
            out.push(self.wrong(mark) as u8);
            out.extend_from_slice(&bytes[..len]);
            return;
        }
        let mut compressed = Vec::new();
        if self.below(2) == 0 && lzf::compress(text, &mut compressed) {
            out.push(self.wrong(0xc3) as u8);
            self.len(out, compressed.len() as u64);
            self.len(out, text.len() as u64);
            let at = self.below(compressed.len() as u64) as usize;
            compressed[at] = self.wrong(compressed[at].into()) as u8;
            out.extend(compressed);
            return;
        }
        self.len(out, text.len() as u64);
        out.extend_from_slice(text);
    }
}
