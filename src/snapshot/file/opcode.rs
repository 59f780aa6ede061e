//! The bytes in a file that begin something else than a key, and what follows each of them and
//! each type of value.

use crate::snapshot::Kind;

pub(super) const SLOT_INFO: u8 = 244;
pub(super) const FUNCTION: u8 = 245;
pub(super) const FUNCTION_BEFORE_7: u8 = 246;
pub(super) const MODULE_AUX: u8 = 247;
pub(super) const IDLE: u8 = 248;
pub(super) const FREQUENCY: u8 = 249;
pub(super) const AUX: u8 = 250;
pub(super) const SIZES: u8 = 251;
pub(super) const DEADLINE_MS: u8 = 252;
pub(super) const DEADLINE_SECONDS: u8 = 253;
pub(super) const DATABASE: u8 = 254;
pub(super) const END: u8 = 255;

/// Values of modules: of release candidates of Redis 4, and since.
pub(super) const MODULE_BEFORE_4: u8 = 6;
pub(super) const MODULE: u8 = 7;

/// What stands next: enough to find where a value ends without understanding it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Text,
    Length,
    Bytes(usize),
    /// A score as text: a byte says its length, or which of the three numbers without digits it is.
    ScoreText,
    /// A length, and so often these.
    Times(&'static [Step]),
    /// Parts of a module's value, each begun by its kind, to the kind 0.
    ModuleParts,
}

use Step::{Bytes, Length, ModuleParts, ScoreText, Text, Times};

/// An entry that was delivered: its id, when, and how often.
const PENDING: Step = Times(&[Bytes(16), Bytes(8), Length]);

const OWN_IDS: Step = Times(&[Bytes(16)]);

/// A stream's packed nodes by their ids.
const NODES: Step = Times(&[Text, Text]);

/// Consumers by name, with when they were seen, and since Redis 7.2 when they were active.
const CONSUMERS: Step = Times(&[Text, Bytes(8), OWN_IDS]);
const CONSUMERS_3: Step = Times(&[Text, Bytes(8), Bytes(8), OWN_IDS]);

/// Groups by name, with the last id, since Redis 7.0 how many entries they read, and what is pending.
const GROUPS_1: Step = Times(&[Text, Length, Length, PENDING, CONSUMERS]);
const GROUPS_2: Step = Times(&[Text, Length, Length, Length, PENDING, CONSUMERS]);
const GROUPS_3: Step = Times(&[Text, Length, Length, Length, PENDING, CONSUMERS_3]);

/// What follows a byte that is no type of a value; `None` if it is one, or unknown.
pub(super) fn steps_of_opcode(byte: u8) -> Option<&'static [Step]> {
    Some(match byte {
        SLOT_INFO => &[Length, Length, Length],
        FUNCTION => &[Text],
        FUNCTION_BEFORE_7 => &[],
        MODULE_AUX => &[Length, Length, Length, ModuleParts],
        IDLE | DATABASE => &[Length],
        FREQUENCY => &[Bytes(1)],
        AUX => &[Text, Text],
        SIZES => &[Length, Length],
        DEADLINE_MS | END => &[Bytes(8)],
        DEADLINE_SECONDS => &[Bytes(4)],
        _ => return None,
    })
}

/// What follows the byte of a value's type: the key, and the value.
pub(super) fn steps_of_kind(kind: Kind) -> &'static [Step] {
    match kind {
        Kind::Text
        | Kind::HashZipmap
        | Kind::ListZiplist
        | Kind::SetIntset
        | Kind::SortedSetZiplist
        | Kind::HashZiplist
        | Kind::HashListpack
        | Kind::SortedSetListpack
        | Kind::SetListpack => &[Text, Text],
        Kind::ListTexts | Kind::SetTexts | Kind::ListZiplists => &[Text, Times(&[Text])],
        Kind::SortedSetTexts => &[Text, Times(&[Text, ScoreText])],
        Kind::HashTexts => &[Text, Times(&[Text, Text])],
        Kind::SortedSetDoubles => &[Text, Times(&[Text, Bytes(8)])],
        Kind::ListListpacks => &[Text, Times(&[Length, Text])],
        Kind::HashDeadlines => &[Text, Bytes(8), Times(&[Length, Text, Text])],
        Kind::HashListpackDeadlines => &[Text, Bytes(8), Text],
        Kind::Stream1 => &[Text, NODES, Length, Length, Length, GROUPS_1],
        Kind::Stream2 => &[
            Text, NODES, Length, Length, Length, Length, Length, Length, Length, Length, GROUPS_2,
        ],
        Kind::Stream3 => &[
            Text, NODES, Length, Length, Length, Length, Length, Length, Length, Length, GROUPS_3,
        ],
    }
}

/// What of a value that cannot be read is looked at, to say whose it is.
pub(super) fn steps_of_foreign(byte: u8) -> &'static [Step] {
    match byte {
        MODULE_BEFORE_4 | MODULE => &[Text, Length],
        _ => &[Text],
    }
}
