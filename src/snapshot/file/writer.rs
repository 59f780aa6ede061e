//! A file made of pieces: what stands before, between and after them.

use super::opcode;
use crate::base::crc64;
use crate::snapshot::payload::{RDB_VERSION, RDB_VERSION_MAX};
use crate::snapshot::sink::{Piece, Sink};
use crate::snapshot::string::{Compression, write_length, write_string};

/// Whether a file ends with a sum of its bytes: the setting rdbchecksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    Off,
    On,
}

/// What the data needs of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Read by every server since 7.0.
    Common,
    /// Has hashes whose fields have deadlines, which Redis reads since 7.4.
    FieldDeadlines,
}

/// How many keys a database has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub keys: u64,
    pub volatile: u64,
}

/// What is said before the data.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    pub dialect: Dialect,
    pub redis_version: &'a str,
    pub basalt_version: &'a str,
    /// Unix seconds.
    pub created: u64,
    pub used_memory: u64,
    /// It stands at the beginning of an append-only file.
    pub is_aof_base: bool,
    /// The history that the data is of, if it is of one.
    pub history: Option<OfHistory<'a>>,
    /// What the node that loads it must know of the one that wrote it.
    pub lineage: Option<&'a str>,
    /// The texts of all libraries.
    pub functions: &'a [Vec<u8>],
}

/// Where data stands that a replica could go on from.
#[derive(Clone, Copy, Debug)]
pub struct OfHistory<'a> {
    /// The replication id.
    pub id: &'a str,
    /// Selected in the stream that goes on behind the data.
    pub database: usize,
}

/// See the module. What its methods return is written in the order of the calls; a piece's own
/// bytes follow what `before` returns for it.
#[derive(Debug)]
pub struct FileWriter {
    checksum: Checksum,
    sum: u64,
    selected: Option<usize>,
    /// By database, until they are written.
    sizes: Vec<Sizes>,
}

impl FileWriter {
    pub fn new(checksum: Checksum, sizes: Vec<Sizes>) -> Self {
        Self {
            checksum,
            sum: 0,
            selected: None,
            sizes,
        }
    }

    /// What the file begins with.
    pub fn begin(&mut self, header: &Header<'_>) -> Vec<u8> {
        let version = match header.dialect {
            Dialect::Common => RDB_VERSION,
            Dialect::FieldDeadlines => RDB_VERSION_MAX,
        };
        let mut out = format!("REDIS{version:04}").into_bytes();
        aux(&mut out, "redis-ver", header.redis_version);
        aux(&mut out, "redis-bits", &usize::BITS.to_string());
        aux(&mut out, "ctime", &header.created.to_string());
        aux(&mut out, "used-mem", &header.used_memory.to_string());
        let is_base = if header.is_aof_base { "1" } else { "0" };
        aux(&mut out, "aof-base", is_base);
        if let Some(history) = header.history {
            aux(&mut out, "repl-stream-db", &history.database.to_string());
            aux(&mut out, "repl-id", history.id);
        }
        aux(&mut out, "basalt-ver", header.basalt_version);
        if let Some(lineage) = header.lineage {
            aux(&mut out, "basalt-lineage", lineage);
        }
        for text in header.functions {
            out.push(opcode::FUNCTION);
            write_string(&mut out, text, Compression::Off);
        }
        self.count(&out);
        out
    }

    /// What stands before a piece.
    pub fn before(&mut self, piece: &Piece) -> Vec<u8> {
        let mut out = Vec::new();
        if self.selected != Some(piece.database) {
            self.selected = Some(piece.database);
            out.push(opcode::DATABASE);
            write_length(&mut out, piece.database as u64);
            let sizes = self.sizes.get_mut(piece.database).map(std::mem::take);
            if let Some(sizes) = sizes
                && sizes != Sizes::default()
            {
                out.push(opcode::SIZES);
                write_length(&mut out, sizes.keys);
                write_length(&mut out, sizes.volatile);
            }
            self.count(&out);
        }
        self.count(&piece.bytes);
        out
    }

    /// What the file ends with. The offset is where in its history the data stands,
    /// which is not known when the file begins: readers take it wherever it comes.
    pub fn end(mut self, offset: Option<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(offset) = offset {
            aux(&mut out, "repl-offset", &offset.to_string());
        }
        out.push(opcode::END);
        self.count(&out);
        out.extend_from_slice(&self.sum.to_le_bytes());
        out
    }

    fn count(&mut self, bytes: &[u8]) {
        if self.checksum == Checksum::On {
            self.sum = crc64(self.sum, bytes);
        }
    }
}

fn aux(out: &mut impl Sink, name: &str, value: &str) {
    out.put(&[opcode::AUX]);
    write_string(out, name.as_bytes(), Compression::Off);
    write_string(out, value.as_bytes(), Compression::Off);
}
