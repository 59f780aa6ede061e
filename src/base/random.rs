//! Random numbers that replay: the same seed gives the same run.
//!
//! xoshiro256** by Blackman and Vigna (public domain), seeded through splitmix64 as its authors
//! advise. Fast and well mixed, but predictable: secrets come from [`HashKey`](super::HashKey)'s
//! source instead.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of `seed`; any seed is as good as another.
    pub fn new(seed: u64) -> Self {
        let mut weyl = seed;
        let state = std::array::from_fn(|_| {
            weyl = weyl.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (weyl ^ (weyl >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        });
        Self { state }
    }

    /// A stream nobody can foresee. Panics if the kernel has no entropy to give.
    pub fn from_entropy() -> Self {
        Self::new(getrandom::u64().expect("the kernel provides random bytes"))
    }

    /// 64 random bits.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "an endless stream needs no Option around each number"
    )]
    pub fn next(&mut self) -> u64 {
        let [first, second, third, fourth] = self.state;
        let result = second.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let third = third ^ first;
        let fourth = fourth ^ second;
        self.state = [
            first ^ fourth,
            second ^ third,
            third ^ (second << 17),
            fourth.rotate_left(45),
        ];
        result
    }

    /// A number from 0 to `bound - 1`, each as likely within 2^-64 x `bound`. Panics on 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below zero");
        // The high half of a 64 x 64 product: no division.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Overwrites `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let mut left = Random::new(7);
        let mut right = Random::new(7);
        assert!((0..100).all(|_| left.next() == right.next()));
        assert_ne!(Random::new(7).next(), Random::new(8).next());
    }

    #[test]
    fn the_first_numbers_are_xoshiro256_star_star() {
        let mut random = Random {
            state: [1, 2, 3, 4],
        };
        let first: Vec<u64> = (0..4).map(|_| random.next()).collect();
        assert_eq!(first, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn below_reaches_every_number_and_no_other() {
        let mut random = Random::new(1);
        let mut seen = [0; 7];
        for _ in 0..7000 {
            seen[usize::try_from(random.below(7)).expect("below 7")] += 1;
        }
        assert!(
            seen.iter().all(|&count| (800..1200).contains(&count)),
            "{seen:?}"
        );
    }
}
