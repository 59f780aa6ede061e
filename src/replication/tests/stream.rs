//! The bytes that a primary keeps, in memory and beyond.

use bytes::Bytes;

use crate::base::Random;
use crate::replication::{Overflow, Stream};

/// A file that may be full.
#[derive(Debug, Default)]
pub(super) struct Memory {
    bytes: Vec<u8>,
    /// Of each call to append.
    appended: Vec<usize>,
    pub(super) is_full: bool,
}

impl Overflow for Memory {
    fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.is_full {
            return Err("no space left".to_owned());
        }
        self.bytes.extend_from_slice(bytes);
        self.appended.push(bytes.len());
        Ok(())
    }

    fn read(&mut self, at: u64, len: usize) -> Result<Vec<u8>, String> {
        let at = at as usize;
        Ok(self.bytes[at..at + len].to_vec())
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[test]
fn every_byte_that_is_needed_can_be_read() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let begin = random.below(1000);
        let mut stream = Stream::new(begin, Memory::default());
        let mut all: Vec<u8> = Vec::new();
        let mut needed = None;
        for _ in 0..200 {
            let len = random.below(50) as usize;
            let piece: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
            all.extend_from_slice(&piece);
            stream.push(piece.into());
            if random.below(4) == 0 {
                let first = stream.first();
                let more = random.below(stream.end() + 2 - first);
                needed = (random.below(3) > 0).then_some(first + more);
            }
            stream.trim(100, needed, 300).expect("there is room");
            assert_eq!(stream.end(), begin + all.len() as u64);
            assert!(
                stream.in_memory() <= 350,
                "{} in memory",
                stream.in_memory()
            );
            let backlog = (stream.end() + 1).saturating_sub(100).max(begin + 1);
            let from = needed.map_or(backlog, |needed| needed.min(backlog));
            assert!(stream.first() <= from);
            let mut read = Vec::new();
            while read.len() as u64 + from <= stream.end() {
                let piece = stream.read(from + read.len() as u64).expect("it is here");
                assert!(!piece.is_empty());
                read.extend_from_slice(&piece);
            }
            assert_eq!(read, all[(from - begin - 1) as usize..]);
        }
    }
}

#[test]
fn what_cannot_be_put_aside_stays() {
    let overflow = Memory {
        is_full: true,
        ..Memory::default()
    };
    let mut stream = Stream::new(0, overflow);
    for _ in 0..10 {
        stream.push(Bytes::from_static(&[7; 100]));
    }
    assert!(stream.trim(100, Some(1), 300).is_err());
    assert_eq!((stream.first(), stream.in_memory()), (1, 1000));
    stream.trim(100, None, 300).expect("nobody needs it");
    assert_eq!((stream.first(), stream.in_memory()), (901, 100));
}

#[test]
fn small_pieces_are_put_aside_together() {
    const MEMORY: u64 = 1 << 20;
    let mut stream = Stream::new(0, Memory::default());
    for number in 0..50_000_u32 {
        stream.push(number.to_le_bytes().repeat(25).into());
        stream.trim(100, Some(1), MEMORY).expect("there is room");
        assert!(stream.in_memory() <= MEMORY, "{}", stream.in_memory());
    }
    let appended = &stream.overflow().appended;
    let written: usize = appended.iter().sum();
    assert!(written as u64 >= 5_000_000 - MEMORY, "{written}");
    let (least, most) = (appended.iter().min(), appended.iter().max());
    assert!(least >= Some(&(256 << 10)), "{least:?}");
    assert!(most <= Some(&((256 << 10) + 100)), "{most:?}");
    let mut place = 1;
    while place <= stream.end() {
        let read = stream.read(place).expect("it is here");
        for (byte, at) in read.iter().zip(place - 1..) {
            assert_eq!(*byte, (at / 100).to_le_bytes()[at as usize % 4], "{at}");
        }
        place += read.len() as u64;
    }
}

#[test]
fn of_a_large_piece_no_more_is_kept_than_twice_what_is_needed() {
    let mut stream = Stream::new(0, Memory::default());
    let piece: Vec<u8> = (0..1_000_000u32).map(|at| at as u8).collect();
    stream.push(piece.clone().into());
    stream.trim(10_000, Some(400_000), u64::MAX).expect("it is");
    assert_eq!((stream.first(), stream.in_memory()), (1, 1_000_000));
    stream.trim(10_000, Some(600_001), u64::MAX).expect("it is");
    assert_eq!((stream.first(), stream.in_memory()), (600_001, 400_000));
    assert_eq!(stream.read(600_001).as_deref(), Ok(&piece[600_000..]));
    assert_eq!(stream.read(999_999).as_deref(), Ok(&piece[999_998..]));
    stream.trim(10_000, None, u64::MAX).expect("it is");
    assert_eq!((stream.first(), stream.in_memory()), (990_001, 10_000));
    assert_eq!(stream.read(990_001).as_deref(), Ok(&piece[990_000..]));
}
