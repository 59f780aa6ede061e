//! The packed forms inside a file, byte for byte: listpacks, ziplists, zipmaps, intsets. Each is
//! right as long as `Maker::wrong` changes nothing.

use super::Maker;

/// A number, if the text is one as packed forms keep it.
fn number(text: &[u8]) -> Option<i64> {
    basalt::base::parse_i64(text)
}

impl Maker {
    /// `total count (entry back) … ff`
    pub(super) fn listpack(&mut self, elements: &[Vec<u8>]) -> Vec<u8> {
        let mut body = Vec::new();
        for element in elements {
            let mut entry = match number(element) {
                Some(number) => self.listpack_number(number),
                None => self.listpack_text(element),
            };
            let back = self.wrong(entry.len() as u64);
            entry.extend(back_len(back));
            body.extend(entry);
        }
        let total = self.wrong(body.len() as u64 + 7) as u32;
        let count = self.wrong(elements.len() as u64) as u16;
        [
            &total.to_le_bytes()[..],
            &count.to_le_bytes(),
            &body,
            &[self.wrong(0xff) as u8],
        ]
        .concat()
    }

    fn listpack_number(&mut self, number: i64) -> Vec<u8> {
        let bytes = number.to_le_bytes();
        let number = self.wrong(number as u64) as i64;
        match number {
            0..=127 => vec![number as u8],
            -4096..=4095 => {
                let bits = (number & 0x1fff) as u16;
                vec![0xc0 | (bits >> 8) as u8, bits as u8]
            }
            -0x8000..=0x7fff => [&[0xf1], &bytes[..2]].concat(),
            -0x80_0000..=0x7f_ffff => [&[0xf2], &bytes[..3]].concat(),
            -0x8000_0000..=0x7fff_ffff => [&[0xf3], &bytes[..4]].concat(),
            _ => [&[0xf4], &bytes[..]].concat(),
        }
    }

    fn listpack_text(&mut self, text: &[u8]) -> Vec<u8> {
        let len = self.wrong(text.len() as u64);
        let head = match text.len() {
            ..64 => vec![0x80 | (len & 0x3f) as u8],
            64..4096 => vec![0xe0 | (len >> 8 & 0xf) as u8, len as u8],
            _ => [&[0xf0], &(len as u32).to_le_bytes()[..]].concat(),
        };
        [&head[..], text].concat()
    }

    /// `total tail count (previous entry) … ff`
    pub(super) fn ziplist(&mut self, elements: &[Vec<u8>]) -> Vec<u8> {
        let (mut body, mut tail, mut last) = (Vec::new(), 10, 0);
        for element in elements {
            tail = 10 + body.len() as u64;
            let previous = self.wrong(last as u64);
            let mut entry = match previous {
                // A long one may be told of at length, whatever it is.
                ..254 if last < 254 => vec![previous as u8],
                _ => [&[0xfe], &(previous as u32).to_le_bytes()[..]].concat(),
            };
            entry.extend(match number(element) {
                Some(number) => self.ziplist_number(number),
                None => self.ziplist_text(element),
            });
            last = entry.len();
            body.extend(entry);
        }
        let total = self.wrong(body.len() as u64 + 11) as u32;
        let tail = self.wrong(tail) as u32;
        let count = self.wrong(elements.len() as u64) as u16;
        [
            &total.to_le_bytes()[..],
            &tail.to_le_bytes(),
            &count.to_le_bytes(),
            &body,
            &[self.wrong(0xff) as u8],
        ]
        .concat()
    }

    fn ziplist_number(&mut self, number: i64) -> Vec<u8> {
        let bytes = number.to_le_bytes();
        let (head, len) = match number {
            0..=12 => (0xf1 + number as u64, 0),
            -0x80..=0x7f => (0xfe, 1),
            -0x8000..=0x7fff => (0xc0, 2),
            -0x80_0000..=0x7f_ffff => (0xf0, 3),
            -0x8000_0000..=0x7fff_ffff => (0xd0, 4),
            _ => (0xe0, 8),
        };
        [&[self.wrong(head) as u8], &bytes[..len]].concat()
    }

    fn ziplist_text(&mut self, text: &[u8]) -> Vec<u8> {
        let len = self.wrong(text.len() as u64);
        let head = match text.len() {
            ..64 => vec![(len & 0x3f) as u8],
            64..16_384 => vec![0x40 | (len >> 8 & 0x3f) as u8, len as u8],
            _ => [&[0x80], &(len as u32).to_be_bytes()[..]].concat(),
        };
        [&head[..], text].concat()
    }

    /// `count (length text length free text unused) … ff`
    pub(super) fn zipmap(&mut self, elements: &[Vec<u8>]) -> Vec<u8> {
        let pairs = elements.len() as u64 / 2;
        let count = if pairs < 254 { pairs } else { 254 };
        let mut out = vec![self.wrong(count) as u8];
        for (at, element) in elements.iter().enumerate() {
            let len = self.wrong(element.len() as u64);
            match element.len() {
                ..254 => out.push(len as u8),
                _ => out.extend([&[0xfe], &(len as u32).to_le_bytes()[..]].concat()),
            }
            let free = if at % 2 == 1 { self.below(4) } else { 0 };
            if at % 2 == 1 {
                out.push(self.wrong(free) as u8);
            }
            out.extend_from_slice(element);
            out.extend(std::iter::repeat_n(0x55, free as usize));
        }
        out.push(self.wrong(0xff) as u8);
        out
    }

    /// `width count number …`, rising.
    pub(super) fn intset(&mut self, count: u64) -> Vec<u8> {
        let (width, step) = [(2, 7), (4, 100_003), (8, 3_000_000_019)][self.below(3) as usize];
        let width_said = self.wrong(width) as u32;
        let count_said = self.wrong(count) as u32;
        let mut out = [width_said.to_le_bytes(), count_said.to_le_bytes()].concat();
        for at in 0..count as i64 {
            let number = self.wrong(((at - count as i64 / 2) * step) as u64);
            out.extend_from_slice(&number.to_le_bytes()[..width as usize]);
        }
        out
    }
}

/// A length to be read from behind: each byte but the first says that there is another before it.
fn back_len(len: u64) -> Vec<u8> {
    let (mut rest, mut bytes) = (len, Vec::new());
    while bytes.is_empty() || rest > 0 && bytes.len() < 5 {
        bytes.insert(0, 0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    bytes[0] &= 0x7f;
    bytes
}
