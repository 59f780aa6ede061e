//! The words that say how a stream is trimmed, of XTRIM and XADD.

use crate::base::parse_i64;
use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::resp::{Args, Refusal};
use crate::value::stream::{Direction, Id, Keep, Precision, Stream, Trimmed, WantedId};

use super::id;

/// The most entries a trim by whole nodes takes off unless LIMIT says
/// otherwise: a hundred nodes.
const NODES_LIMIT: u64 = 100;
/// The same where nodes have no limit of their own.
const LIMIT_DEFAULT: u64 = 10_000;
const LIMIT_MAX: u64 = 1_000_000;

/// What XADD and XTRIM say before the entry, or instead of one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    pub(super) trim: Option<Trim>,
    /// Whether a stream that is not there stays away.
    pub(super) is_only_existing: bool,
    /// The word after the options.
    pub(super) end: usize,
    /// XADD's id, if the options end with one.
    pub(super) id: Option<WantedId>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Trim {
    keep: Keep,
    precision: Precision,
    /// The word `~`, if that is how precise it is to be.
    about_at: Option<usize>,
    /// The word LIMIT.
    limit_at: Option<usize>,
}

/// Which command the words belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// XADD at a time: its options end with the id.
    Add { now: u64 },
    /// XTRIM has nothing but options.
    Trim { now: u64 },
}

impl Of {
    /// No time passes while a file is replayed.
    fn is_replayed(self) -> bool {
        let (Of::Add { now } | Of::Trim { now }) = self;
        now == 0
    }
}

impl Options {
    /// Reads the words after the key.
    pub(super) fn parse(args: Args<'_>, of: Of, node_entries_max: usize) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut words = Words::default();
        let mut index = 2;
        while index < args.len() {
            let has_more = index + 1 < args.len();
            if let Of::Add { now } = of
                && args.get(index) == b"*"
            {
                options.id = Some(WantedId::Now(now));
                break;
            } else if has_more && (args.is(index, b"maxlen") || args.is(index, b"minid")) {
                index = words.threshold(args, index)?;
            } else if has_more && args.is(index, b"limit") {
                index += 1;
                let limit = parse_i64(args.get(index)).ok_or(Refusal::NotInteger)?;
                let limit = u64::try_from(limit).map_err(|_| Refusal::TRIM_LIMIT_NEGATIVE)?;
                words.limit = Some(limit);
                words.limit_at = Some(index - 1);
            } else if let Of::Add { .. } = of {
                if args.is(index, b"nomkstream") {
                    options.is_only_existing = true;
                } else {
                    options.id = Some(match id::partial(args.get(index))? {
                        Ok(id) => WantedId::Exactly(id),
                        Err(ms) => WantedId::Of(ms),
                    });
                    break;
                }
            } else {
                return Err(Refusal::Syntax);
            }
            index += 1;
        }
        options.end = index;
        options.trim = words.trim(of, node_entries_max)?;
        Ok(options)
    }
}

/// The words of a trim as they were found.
#[derive(Clone, Copy, Debug, Default)]
struct Words {
    keep: Option<Keep>,
    is_about: bool,
    about_at: Option<usize>,
    limit: Option<u64>,
    limit_at: Option<usize>,
}

impl Words {
    /// Reads MAXLEN or MINID, how precisely, and the number; returns the last
    /// word of these.
    fn threshold(&mut self, args: Args<'_>, index: usize) -> Result<usize, Refusal> {
        if self.keep.is_some() {
            return Err(Refusal::TRIM_TWICE);
        }
        let has_two_more = index + 2 < args.len();
        let next = args.get(index + 1);
        self.is_about = has_two_more && next == b"~";
        self.about_at = self.is_about.then_some(index + 1);
        let has_sign = self.is_about || has_two_more && next == b"=";
        let last = index + 1 + usize::from(has_sign);
        let word = args.get(last);
        self.keep = Some(if args.is(index, b"maxlen") {
            let len = parse_i64(word).ok_or(Refusal::NotInteger)?;
            Keep::Newest(u64::try_from(len).map_err(|_| Refusal::TRIM_MAXLEN_NEGATIVE)?)
        } else {
            Keep::From(id::exact(word, 0)?)
        });
        Ok(last)
    }

    fn trim(self, of: Of, node_entries_max: usize) -> Result<Option<Trim>, Refusal> {
        let Some(keep) = self.keep else {
            return match (self.limit, of) {
                (Some(1..), _) => Err(Refusal::TRIM_LIMIT_ALONE),
                (_, Of::Trim { .. }) => Err(Refusal::TRIM_MISSING),
                // A limit of nothing is one without `~`, but none worth a word.
                (Some(0), Of::Add { .. }) => Err(Refusal::TRIM_LIMIT_EXACT),
                (None, Of::Add { .. }) => Ok(None),
            };
        };
        let precision = match (self.is_about, self.limit) {
            (false, None) => Precision::Exact,
            // A stock server leaves it beside the `=` that it writes.
            (false, Some(_)) if of.is_replayed() => Precision::Exact,
            (false, Some(_)) => return Err(Refusal::TRIM_LIMIT_EXACT),
            (true, Some(0)) => Precision::Nodes { limit: None },
            (true, Some(limit)) => Precision::Nodes { limit: Some(limit) },
            (true, None) => {
                let limit = match node_entries_max as u64 {
                    0 => LIMIT_DEFAULT,
                    entries => entries.saturating_mul(NODES_LIMIT).min(LIMIT_MAX),
                };
                Precision::Nodes { limit: Some(limit) }
            }
        };
        Ok(Some(Trim {
            keep,
            precision,
            about_at: self.about_at,
            limit_at: self.limit_at,
        }))
    }
}

impl Trim {
    /// Trims the stream of a key, which is there; returns how many entries are
    /// gone.
    pub(super) fn run(self, turn: &mut Turn<'_>, key: &Key<'_>) -> Result<u64, Refusal> {
        let Some(stream) = turn.edit_as::<Stream>(key)? else {
            return Ok(0);
        };
        let Trimmed { count, cut } = stream.entries_mut().trim(self.keep, self.precision);
        if let Some(cut) = cut {
            turn.bury(key, cut);
        }
        Ok(count)
    }

    /// What is left of a request that trims: which entries a trim by whole nodes
    /// takes off is for the nodes to say, so it is told what it left of the
    /// stream. `id` takes the place of the word at its index.
    pub(super) fn leave(
        this: Option<Self>,
        turn: &mut Turn<'_>,
        args: Args<'_>,
        id: Option<(usize, &[u8])>,
    ) -> Result<(), Refusal> {
        let key = turn.key(args, 1);
        let about = this.and_then(|trim| Some((trim, trim.about_at?)));
        let kept = match (about, turn.find_as::<Stream>(&key)?) {
            (Some((trim, _)), Some(stream)) => match trim.keep {
                Keep::Newest(_) => stream.entries().len().to_string(),
                Keep::From(_) => {
                    let entries = stream.entries();
                    let oldest = entries.range(Id::MIN, Id::MAX, Direction::Forward).next();
                    oldest
                        .map_or(entries.history().last_id, |oldest| oldest.id)
                        .to_string()
                }
            },
            (Some(_) | None, _) => String::new(),
        };
        let mut words: Vec<&[u8]> = args.iter().collect();
        if let Some((index, id)) = id {
            words[index] = id;
        }
        if let Some((trim, at)) = about {
            words[at] = b"=";
            words[at + 1] = kept.as_bytes();
            // Only a trim that is not exact has a limit.
            if let Some(limit_at) = trim.limit_at {
                words.drain(limit_at..limit_at + 2);
            }
        }
        turn.leave_instead(&words);
        Ok(())
    }
}
