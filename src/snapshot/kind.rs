//! The types of values in the RDB format: one number for each way a value was ever written.

/// A way to write a value that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Text = 0,
    ListTexts = 1,
    SetTexts = 2,
    /// Scores as text.
    SortedSetTexts = 3,
    HashTexts = 4,
    /// Scores of 8 bytes.
    SortedSetDoubles = 5,
    HashZipmap = 9,
    ListZiplist = 10,
    SetIntset = 11,
    SortedSetZiplist = 12,
    HashZiplist = 13,
    /// Ziplists one after the other.
    ListZiplists = 14,
    /// Up to Redis 6.2.
    Stream1 = 15,
    HashListpack = 16,
    SortedSetListpack = 17,
    /// Listpacks and large elements one after the other.
    ListListpacks = 18,
    /// Of Redis 7.0: with the number of entries ever added.
    Stream2 = 19,
    /// From Redis 7.2 on.
    SetListpack = 20,
    /// Of Redis 7.2: with the time a consumer last got something.
    Stream3 = 21,
    /// From Redis 7.4 on: fields with deadlines.
    HashDeadlines = 24,
    /// The same, packed.
    HashListpackDeadlines = 25,
}

/// Why a number names no kind that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindFault {
    /// Values of modules (6, 7), and what no release wrote (22, 23).
    Foreign(u8),
    Unknown,
}

impl Kind {
    /// The kind with this number.
    pub fn from_byte(byte: u8) -> Result<Self, KindFault> {
        match byte {
            6 | 7 | 22 | 23 => Err(KindFault::Foreign(byte)),
            _ => Self::ALL
                .into_iter()
                .find(|&kind| kind as u8 == byte)
                .ok_or(KindFault::Unknown),
        }
    }

    const ALL: [Self; 21] = [
        Self::Text,
        Self::ListTexts,
        Self::SetTexts,
        Self::SortedSetTexts,
        Self::HashTexts,
        Self::SortedSetDoubles,
        Self::HashZipmap,
        Self::ListZiplist,
        Self::SetIntset,
        Self::SortedSetZiplist,
        Self::HashZiplist,
        Self::ListZiplists,
        Self::Stream1,
        Self::HashListpack,
        Self::SortedSetListpack,
        Self::ListListpacks,
        Self::Stream2,
        Self::SetListpack,
        Self::Stream3,
        Self::HashDeadlines,
        Self::HashListpackDeadlines,
    ];
}
