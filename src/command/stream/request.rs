//! What XREAD and XREADGROUP ask for: parsed once, and answered as often as
//! somebody looks whether there is something new.

use std::borrow::Cow;

use crate::base::parse_i64;
use crate::command::timeout;
use crate::command::turn::Turn;
use crate::command::waiting::{Awaits, Waiting};
use crate::config::EventClass;
use crate::resp::{Args, OwnedArgs, Refusal, Reply, Version};
use crate::shard::Awaited;
use crate::spec::{KeyFlags, KeysFault, Visit, Words};
use crate::value::stream::{Acknowledgement, Entry, Id, Stream};

use super::leave::Given;
use super::{entry, id};

/// Which of the two commands is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Read,
    ReadGroup,
}

/// See the module.
#[derive(Clone, Debug)]
pub(in crate::command) struct Request {
    /// As whom; nobody for XREAD.
    reader: Option<Reader>,
    /// The most entries of a stream.
    count: usize,
    streams: Vec<Source>,
    /// How long to wait for entries; `None` is not at all.
    block_ms: Option<i64>,
}

/// A consumer of a group, by the words that name them.
#[derive(Clone, Copy, Debug)]
struct Reader {
    group: usize,
    consumer: usize,
    acknowledgement: Acknowledgement,
}

/// A stream, and from where on it is read.
#[derive(Clone, Copy, Debug)]
struct Source {
    /// The word that is its key, and the one that is its id.
    key: usize,
    id: usize,
    from: Start,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    /// What is behind an id: of the stream, or of what the consumer has.
    After(Id),
    /// What the group has not read.
    New,
}

/// The options before the keys, and where these begin.
struct Options {
    group: Option<usize>,
    count: usize,
    acknowledgement: Acknowledgement,
    first_key: usize,
    block_ms: Option<i64>,
}

impl Request {
    /// Reads the words. `$` is the last id that a stream has now, so this looks
    /// at the streams; it changes none.
    pub(super) fn parse(turn: &mut Turn<'_>, args: Args<'_>, of: Of) -> Result<Self, Refusal> {
        let is_in_script = matches!(turn.waiting, Waiting::NeverInScript);
        let options = Options::parse(args, of, is_in_script)?;
        let reader = options.group.map(|group| Reader {
            group,
            consumer: group + 1,
            acknowledgement: options.acknowledgement,
        });
        let count = (args.len() - options.first_key) / 2;
        let streams = (options.first_key..options.first_key + count)
            .filter_map(|key| source(turn, args, key, key + count, reader).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            reader,
            count: options.count,
            streams,
            block_ms: options.block_ms,
        })
    }

    /// Makes the request wait for entries, if it says so; `false` if it does
    /// not, or may not.
    pub(super) fn wait(&self, turn: &mut Turn<'_>, args: Args<'_>) -> Result<bool, Refusal> {
        let Some(block_ms) = self.block_ms else {
            return Ok(false);
        };
        let (Some(first), Some(last)) = (self.streams.first(), self.streams.last()) else {
            // None of its streams is here: it waits already.
            return Ok(turn.wait(args, Awaits::nothing()));
        };
        let awaits = Awaits {
            keys: first.key..last.key + 1,
            what: match self.reader {
                Some(_) => Awaited::StreamGroup,
                None => Awaited::Stream,
            },
            until_ms: timeout::until(block_ms, false, turn.now())?,
        };
        // What is new from now on, also when it is asked again.
        let mut words: Vec<Cow<'_, [u8]>> = args.iter().map(Cow::from).collect();
        for source in &self.streams {
            if let (Start::After(id), b"$") = (source.from, args.get(source.id)) {
                words[source.id] = Cow::from(id.to_string().into_bytes());
            }
        }
        Ok(turn.wait_as(OwnedArgs::new(words), awaits))
    }

    /// Replies with the entries there are now; `false`, and no reply, if there
    /// are none.
    pub(in crate::command) fn serve(
        &self,
        turn: &mut Turn<'_>,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<bool, Refusal> {
        let mark = reply.deferred();
        let mut len = 0;
        for source in &self.streams {
            len += usize::from(match self.reader {
                Some(reader) => self.serve_group(turn, args, *source, reader, reply)?,
                None => self.serve_plain(turn, args, *source, reply)?,
            });
        }
        match (len, reply.version()) {
            (0, _) => {}
            (_, Version::Two) => reply.fill_array(mark, len),
            (_, Version::Three) => reply.fill_map(mark, len),
        }
        Ok(len > 0)
    }

    fn serve_plain(
        &self,
        turn: &mut Turn<'_>,
        args: Args<'_>,
        source: Source,
        reply: &mut Reply<'_>,
    ) -> Result<bool, Refusal> {
        let key = turn.key(args, source.key);
        let (Some(stream), Start::After(after)) = (turn.read_as::<Stream>(&key)?, source.from)
        else {
            return Ok(false);
        };
        let mut walk = stream.entries().after(after).take(self.count).peekable();
        if walk.peek().is_none() {
            return Ok(false);
        }
        name(reply, key.bytes);
        entry::entries(reply, walk);
        Ok(true)
    }

    fn serve_group(
        &self,
        turn: &mut Turn<'_>,
        args: Args<'_>,
        source: Source,
        reader: Reader,
        reply: &mut Reply<'_>,
    ) -> Result<bool, Refusal> {
        let key = turn.key(args, source.key);
        let now = turn.now();
        let group = args.get(reader.group);
        let is_recorded = turn.is_recorded();
        // Counted as read, and then changed.
        turn.read_as::<Stream>(&key)?;
        let stream = turn.edit_as::<Stream>(&key)?;
        let Some((entries, group)) = stream.and_then(|stream| stream.group_mut(group)) else {
            return Err(Refusal::no_group_to_read(key.bytes, group));
        };
        let (consumer, is_new) = group.see_consumer(args.get(reader.consumer), now);
        let mut given = Vec::new();
        let is_served = match source.from {
            Start::New if entries.after(group.last_id).next().is_none() => false,
            Start::New => {
                name(reply, key.bytes);
                let mark = reply.deferred();
                let show = |one: Entry<'_>| {
                    if is_recorded {
                        given.push(one.id);
                    }
                    entry::entry(reply, one);
                };
                let waived = reader.acknowledgement;
                let len = group.deliver(entries, consumer, self.count, waived, now, show);
                reply.fill_array(mark, len);
                true
            }
            Start::After(after) => {
                name(reply, key.bytes);
                let mark = reply.deferred();
                let show = |id, one| match one {
                    Some(one) => entry::entry(reply, one),
                    None => {
                        reply.array(2);
                        entry::id(reply, id);
                        reply.null_array();
                    }
                };
                let len = group.deliver_again(entries, consumer, after, self.count, now, show);
                reply.fill_array(mark, len);
                true
            }
        };
        if is_recorded {
            let position = (group.last_id, group.entries_read);
            // Nothing is pending where nobody acknowledges.
            let pending = given.iter().filter_map(|id| {
                let pending = group.find_pending(*id)?;
                Some(Given::new(group, *id, pending, *id))
            });
            let pending: Vec<Given> = pending.collect();
            let has_waived = !given.is_empty() && reader.acknowledgement == Acknowledgement::Waived;
            let delivery = Delivery {
                source,
                reader,
                is_new,
                pending: &pending,
                position: has_waived.then_some(position),
            };
            self.leave(turn, args, &delivery);
        }
        turn.changed(u64::from(is_new) + u64::from(is_served));
        if is_new {
            turn.notify(&key, EventClass::Stream, "xgroup-createconsumer");
        }
        Ok(is_served)
    }
}

impl Request {
    /// Leaves what a stream's group gave.
    fn leave(&self, turn: &mut Turn<'_>, args: Args<'_>, given: &Delivery<'_>) {
        let (key, group) = (
            turn.key(args, given.source.key),
            args.get(given.reader.group),
        );
        turn.leave_nothing();
        if given.is_new && given.pending.is_empty() {
            turn.leave_consumer(&key, group, args.get(given.reader.consumer));
        }
        turn.leave_given(&key, group, given.pending);
        if let Some((last_id, entries_read)) = given.position {
            turn.leave_position(&key, group, last_id, entries_read);
        }
    }
}

/// What was given to a consumer, as it is recorded.
struct Delivery<'g> {
    source: Source,
    reader: Reader,
    /// The consumer was not there.
    is_new: bool,
    pending: &'g [Given],
    /// How far the group has read, if nothing that is pending says so.
    position: Option<(Id, Option<u64>)>,
}

/// Begins what a reply says of one stream.
fn name(reply: &mut Reply<'_>, key: &[u8]) {
    if reply.version() == Version::Two {
        reply.array(2);
    }
    reply.bulk(key);
}

/// A stream with the id that belongs to it; none if the stream is not here,
/// which only happens to those who wait already.
fn source(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    key: usize,
    id: usize,
    reader: Option<Reader>,
) -> Result<Option<Source>, Refusal> {
    let name = turn.key(args, key);
    if !turn.reaches(&name) {
        return Ok(None);
    }
    // Counted here and when it is read, as stock does.
    let stream = turn.read_as::<Stream>(&name)?;
    if let Some(reader) = reader {
        let group = args.get(reader.group);
        if stream.and_then(|stream| stream.group(group)).is_none() {
            return Err(Refusal::no_group_to_read(name.bytes, group));
        }
    }
    let from = match (args.get(id), reader) {
        (b"$", Some(_)) => return Err(Refusal::XREADGROUP_LAST),
        (b"$", None) => {
            Start::After(stream.map_or(Id::MIN, |stream| stream.entries().history().last_id))
        }
        (b">", None) => return Err(Refusal::XREAD_NEW),
        (b">", Some(_)) => Start::New,
        (word, _) => match (id::exact(word, 0)?, reader) {
            (Id::MAX, Some(_)) => Start::New,
            (id, _) => Start::After(id),
        },
    };
    Ok(Some(Source { key, id, from }))
}

impl Options {
    fn parse(args: Args<'_>, of: Of, is_in_script: bool) -> Result<Self, Refusal> {
        let mut options = Self {
            group: None,
            count: usize::MAX,
            acknowledgement: Acknowledgement::Expected,
            first_key: 0,
            block_ms: None,
        };
        let mut index = 1;
        while options.first_key == 0 {
            let more = args.len().saturating_sub(index + 1);
            if more >= 1 && args.is(index, b"block") {
                if is_in_script {
                    return Err(Refusal::block_in_script(args.name()));
                }
                let timeout = parse_i64(args.get(index + 1)).ok_or(Refusal::TIMEOUT_NOT_INTEGER)?;
                timeout::until(timeout, false, 0)?;
                options.block_ms = Some(timeout);
                index += 1;
            } else if more >= 1 && args.is(index, b"count") {
                let count = parse_i64(args.get(index + 1)).ok_or(Refusal::NotInteger)?;
                // No number, and one that is none, stand for all.
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                options.count = count.unwrap_or(usize::MAX);
                index += 1;
            } else if more >= 1 && args.is(index, b"streams") {
                if !more.is_multiple_of(2) {
                    return Err(match of {
                        Of::Read => Refusal::XREAD_UNBALANCED,
                        Of::ReadGroup => Refusal::XREADGROUP_UNBALANCED,
                    });
                }
                options.first_key = index + 1;
            } else if more >= 2 && args.is(index, b"group") {
                if of == Of::Read {
                    return Err(Refusal::XREAD_GROUP);
                }
                options.group = Some(index + 1);
                index += 2;
            } else if args.is(index, b"noack") {
                if of == Of::Read {
                    return Err(Refusal::XREAD_NOACK);
                }
                options.acknowledgement = Acknowledgement::Waived;
            } else {
                // A word that is none, or the end without STREAMS.
                return Err(Refusal::Syntax);
            }
            index += 1;
        }
        if of == Of::ReadGroup && options.group.is_none() {
            return Err(Refusal::XREADGROUP_NO_GROUP);
        }
        Ok(options)
    }
}

/// Finds the keys as `Options` does: a group or consumer may be called
/// `streams`.
pub(super) fn find_keys(words: &dyn Words, visit: &mut Visit<'_>) -> Result<(), KeysFault> {
    let mut index = 1;
    while index < words.count() {
        let is = |word: &[u8]| words.word(index).eq_ignore_ascii_case(word);
        if is(b"streams") {
            let left = words.count() - index - 1;
            for key in 0..left / 2 {
                visit(index + 1 + key, KeyFlags::RO.and(KeyFlags::ACCESS));
            }
            let is_whole = left > 0 && left.is_multiple_of(2);
            return if is_whole { Ok(()) } else { Err(KeysFault) };
        }
        index += match () {
            () if is(b"block") || is(b"count") => 2,
            () if is(b"group") => 3,
            () if is(b"noack") => 1,
            () => return Err(KeysFault),
        };
    }
    Err(KeysFault)
}
