//! Several values taken together: PFCOUNT of many keys, PFMERGE.

use super::element::REGISTERS;
use super::estimate::Histogram;
use super::header::{self, Encoding};
use super::sketch::{Broken, each_run, forget_count, make_dense, raise};
use super::sparse::Cursor;

/// The highest of each register.
pub struct Union {
    registers: Box<[u8]>,
    /// One of the values was dense: so is the merged one.
    has_dense: bool,
}

impl Default for Union {
    fn default() -> Self {
        Self {
            registers: vec![0; REGISTERS].into_boxed_slice(),
            has_dense: false,
        }
    }
}

impl Union {
    /// Takes a value in. It has an [`encoding`](super::encoding).
    ///
    /// # Errors
    /// When its runs do not hold all registers; nothing was taken then.
    pub fn take_in(&mut self, text: &[u8]) -> Result<(), Broken> {
        let mut index = 0;
        each_run(text, |value, len| {
            if value > 0 {
                for register in &mut self.registers[index..index + len] {
                    *register = value.max(*register);
                }
            }
            index += len;
        })?;
        self.has_dense |= header::encoding(text) == Some(Encoding::Dense);
        Ok(())
    }

    /// How many different elements were added to all of them.
    #[must_use]
    pub fn count(&self) -> u64 {
        let mut histogram = Histogram::new();
        for register in &self.registers {
            histogram.add(*register, 1);
        }
        histogram.estimate()
    }

    /// Merges them into a value, register by register as Redis does: the order decides how runs
    /// come out.
    ///
    /// # Errors
    /// When the value's runs do not hold all registers.
    pub fn merge_into(&self, text: &mut Vec<u8>, sparse_len_max: u64) -> Result<(), Broken> {
        if self.has_dense {
            make_dense(text)?;
        }
        let mut cursor = Cursor::default();
        for (index, &rank) in self.registers.iter().enumerate() {
            if rank > 0 {
                raise(text, &mut cursor, index, rank, sparse_len_max)?;
            }
        }
        forget_count(text);
        Ok(())
    }
}
