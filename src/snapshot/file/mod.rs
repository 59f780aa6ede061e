//! RDB files: keys one after the other, with what stands before and after them.
//!
//! ```text
//! REDIS0010  what wrote it  libraries  (database  sizes  key …) …  end  CRC-64 of all before it
//! ```
//!
//! A writer makes a file of the pieces that cores hand on; a reader takes it in any cuts.

mod extent;
mod fault;
mod opcode;
mod reader;
mod record;
mod writer;

pub use fault::{FileFault, Why};
pub use reader::{FilePart, FileReader};
pub(super) use record::write_head;
pub use record::{RawRecord, Record, Usage, write_record};
pub use writer::{Checksum, Dialect, FileWriter, Header, OfHistory, Sizes};
