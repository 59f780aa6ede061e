//! Values as Redis writes them to leave a node: RDB files and DUMP payloads, with what the format
//! makes of a value of each type; and the digest by which nodes compare what they hold.
//!
//! Readers take any bytes and answer with a fault, never a panic; writers write what stock 7.0
//! and everything later reads.

mod digest;
mod element;
mod file;
mod hash;
mod kind;
mod list;
mod parts;
mod payload;
mod set;
mod sink;
mod sorted_set;
mod stream;
mod string;
#[cfg(test)]
mod tests;
mod value;
mod ziplist;
mod zipmap;

pub use digest::{Digest, digest_of};
pub use element::{Element, Pairs};
pub use file::{
    Checksum, Dialect, FileFault, FilePart, FileReader, FileWriter, Header, OfHistory, RawRecord,
    Record, Sizes, Usage, Why, write_record,
};
pub use kind::{Kind, KindFault};
pub use parts::Parts;
pub use payload::{PayloadFault, RDB_VERSION, RDB_VERSION_MAX, Sum, read_payload, write_payload};
pub use sink::{PIECE_BYTES, Piece, Pieces, Sink};
pub use string::{
    Compression, Malformed, read_length, read_string, write_length, write_plain, write_string,
};
pub use value::{Restored, Value, read_value, write_value};
pub use ziplist::Ziplist;
pub use zipmap::Zipmap;
