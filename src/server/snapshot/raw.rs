//! Bytes of a record with a string that is compressed by the writer and not by the core, whose
//! clients would wait for it.

use crate::server::save::COMPRESSED_MAX;
use crate::snapshot::{Compression, Sink, write_plain, write_string};

/// See the module.
#[derive(Default)]
pub(in crate::server) struct Raw {
    head: Vec<u8>,
    /// What stands behind, to be compressed.
    text: Option<Vec<u8>>,
}

impl Raw {
    pub(super) fn of(text: Vec<u8>) -> Raw {
        Raw {
            head: Vec::new(),
            text: Some(text),
        }
    }

    /// Bytes it holds.
    pub(super) fn weight(&self) -> usize {
        size_of::<Raw>() + self.head.capacity() + self.text.as_ref().map_or(0, Vec::len)
    }

    /// As it stands in the file.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.head;
        if let Some(text) = self.text {
            write_string(&mut bytes, &text, Compression::On);
        }
        bytes
    }
}

impl Sink for Raw {
    fn put(&mut self, bytes: &[u8]) {
        assert!(self.text.is_none(), "the text is the last of it");
        self.head.extend_from_slice(bytes);
    }

    fn put_compressible(&mut self, text: &[u8]) {
        if text.len() <= COMPRESSED_MAX {
            self.text = Some(text.to_vec());
        } else {
            write_plain(self, text);
        }
    }
}
