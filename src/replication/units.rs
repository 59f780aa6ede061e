//! Where a stream may be cut: the ends of units.
//!
//! A unit is a command outside of MULTI, or everything from MULTI to EXEC. Bytes
//! go in as they come and whole units come out, byte for byte; the offset is
//! that of the last byte given out, so it never stands inside a command or a
//! transaction.

use crate::resp::{Args, Decoded, Decoder, Limits, Span};

/// A primary's words and requests have no limit of their own; 4 GiB are what the
/// decoder can count.
const LIMITS: Limits = Limits {
    bulk_bytes_max: u32::MAX as u64,
    query_bytes_max: u32::MAX as u64,
    multibulk_max: i32::MAX as i64,
    authenticated: true,
};

/// Hears each command of a stream while its units are found, so that who applies them
/// need not read them again.
pub trait Sorter {
    /// A stream begins, with this database selected. Of one before it nothing comes any
    /// more that has not been given out to be applied.
    fn begin(&mut self, database: usize);

    /// A whole command, and its bytes as they came. Between MULTI and EXEC it belongs
    /// to one unit with these.
    fn on_command(&mut self, args: Args<'_>, bytes: &[u8]);
}

/// Nobody wants to hear them.
#[cfg(test)]
#[derive(Debug)]
pub struct Unsorted;

#[cfg(test)]
impl Sorter for Unsorted {
    fn begin(&mut self, _: usize) {}

    fn on_command(&mut self, _: Args<'_>, _: &[u8]) {}
}

/// See the module.
#[derive(Debug)]
pub(super) struct Units {
    decoder: Decoder,
    spans: Vec<Span>,
    /// From the first unit on that is not whole.
    bytes: Vec<u8>,
    /// Of these, what belongs to whole commands.
    read: usize,
    /// How many there must be for the next command to be whole, as far as that
    /// is known.
    wanted: usize,
    is_in_multi: bool,
    /// The offset of the last byte given out.
    end: u64,
    /// The database that the last command read has selected, and the last one given
    /// out; none if it is that of before.
    selected: Option<usize>,
    database: Option<usize>,
}

/// Whole units.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) bytes: Vec<u8>,
    /// The primary asks how far this replica has come.
    pub(super) asks: bool,
}

/// Bytes that are no stream of commands: for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Corrupt(pub(super) String);

/// What a command means for the stream itself.
enum Meaning {
    Multi,
    Exec,
    GetAck,
    Select(Option<usize>),
    Other,
}

impl Units {
    /// The bytes that follow are those behind this offset.
    pub(super) fn new(end: u64) -> Units {
        Units {
            decoder: Decoder::new(),
            spans: Vec::new(),
            bytes: Vec::new(),
            read: 0,
            wanted: 0,
            is_in_multi: false,
            end,
            selected: None,
            database: None,
        }
    }

    /// The offset up to which units were given out.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The database that is selected there, if the units say.
    pub(super) fn database(&self) -> Option<usize> {
        self.database
    }

    /// The offset of the last byte that came.
    pub(super) fn received(&self) -> u64 {
        self.end + self.bytes.len() as u64
    }

    /// Takes bytes in, and tells of their commands; the units that are whole now come
    /// out.
    pub(super) fn on_bytes(
        &mut self,
        bytes: &[u8],
        sorter: &mut dyn Sorter,
    ) -> Result<Option<Portion>, Corrupt> {
        self.bytes.extend_from_slice(bytes);
        let (mut whole, mut asks) = (0, false);
        while self.read < self.bytes.len() && self.bytes.len() >= self.wanted {
            let rest = &self.bytes[self.read..];
            self.spans.clear();
            let decoded = self
                .decoder
                .decode(rest, &mut self.spans, &LIMITS)
                .map_err(|fault| Corrupt(format!("{fault:?}")))?;
            match decoded {
                Decoded::Request { consumed } => {
                    let args = Args::new(rest, &self.spans);
                    sorter.on_command(args, &rest[..consumed]);
                    match meaning(args) {
                        Meaning::Multi => self.is_in_multi = true,
                        Meaning::Exec => self.is_in_multi = false,
                        Meaning::GetAck => asks = true,
                        Meaning::Select(database) => self.selected = database,
                        Meaning::Other => {}
                    }
                    self.read += consumed;
                }
                // A newline is no harm; it counts like all bytes.
                Decoded::Empty { consumed } => self.read += consumed,
                Decoded::Inline { consumed, .. } => {
                    let line = rest[..consumed.min(SHOWN_BYTES)].escape_ascii();
                    return Err(Corrupt(format!("a typed line: '{line}'")));
                }
                Decoded::Incomplete { wanted_total } => {
                    self.wanted = self.read + wanted_total;
                    break;
                }
            }
            if !self.is_in_multi {
                whole = self.read;
                self.database = self.selected;
            }
        }
        if whole == 0 {
            return Ok(None);
        }
        let rest = self.bytes.split_off(whole);
        let bytes = std::mem::replace(&mut self.bytes, rest);
        self.read -= whole;
        self.wanted = self.wanted.saturating_sub(whole);
        self.end += whole as u64;
        Ok(Some(Portion { bytes, asks }))
    }
}

/// Bytes of what is no command that the log shows.
const SHOWN_BYTES: usize = 64;

fn meaning(args: Args<'_>) -> Meaning {
    let name = args.name();
    if name.eq_ignore_ascii_case(b"multi") {
        Meaning::Multi
    } else if name.eq_ignore_ascii_case(b"exec") {
        Meaning::Exec
    } else if name.eq_ignore_ascii_case(b"replconf") && args.len() > 1 && args.is(1, b"getack") {
        Meaning::GetAck
    } else if name.eq_ignore_ascii_case(b"select") && args.len() == 2 {
        let index = std::str::from_utf8(args.get(1));
        Meaning::Select(index.ok().and_then(|index| index.parse().ok()))
    } else {
        Meaning::Other
    }
}
