//! Which clients CLIENT LIST and CLIENT KILL mean.

use crate::base::parse_i64;
use crate::resp::{Args, Refusal};
use crate::session::{Client, Session};

/// All of what is `Some` must fit.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter<'a> {
    ids: Option<Vec<u64>>,
    address: Option<&'a [u8]>,
    local: Option<&'a [u8]>,
    kind: Option<Kind>,
    pub(super) skips_caller: bool,
    /// `KILL addr`, which answers OK and not a count.
    pub(super) is_old_form: bool,
}

/// What a client is to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Normal,
    Primary,
    Replica,
    Subscriber,
}

impl<'a> Filter<'a> {
    /// Of `CLIENT LIST …`.
    pub(super) fn of_list(args: Args<'a>) -> Result<Filter<'a>, Refusal> {
        let mut filter = Filter::default();
        if args.len() == 2 {
            return Ok(filter);
        }
        if args.len() == 4 && args.is(2, b"type") {
            filter.kind = Some(kind(args.get(3))?);
        } else if args.len() > 3 && args.is(2, b"id") {
            let id = |word| parse_i64(word).ok_or(Refusal::INVALID_CLIENT_ID);
            let ids: Result<Vec<i64>, Refusal> = args.tail(3).iter().map(id).collect();
            filter.ids = Some(ids?.into_iter().map(|id| id.max(0) as u64).collect());
        } else {
            return Err(Refusal::Syntax);
        }
        Ok(filter)
    }

    /// The ids asked for, in the order of the request.
    pub(super) fn ids(&self) -> Option<&[u64]> {
        self.ids.as_deref()
    }

    /// Of `CLIENT KILL …`.
    pub(super) fn of_kill(args: Args<'a>) -> Result<Filter<'a>, Refusal> {
        if args.len() == 3 {
            return Ok(Filter {
                address: Some(args.get(2)),
                is_old_form: true,
                ..Filter::default()
            });
        }
        if args.len() % 2 == 1 {
            return Err(Refusal::Syntax);
        }
        let mut filter = Filter {
            skips_caller: true,
            ..Filter::default()
        };
        for index in (2..args.len()).step_by(2) {
            filter.add(args, index)?;
        }
        Ok(filter)
    }

    fn add(&mut self, args: Args<'a>, index: usize) -> Result<(), Refusal> {
        let value = args.get(index + 1);
        if args.is(index, b"id") {
            let id = parse_i64(value).filter(|id| *id > 0);
            self.ids = Some(vec![id.ok_or(Refusal::CLIENT_ID_NOT_POSITIVE)? as u64]);
        } else if args.is(index, b"type") {
            self.kind = Some(kind(value)?);
        } else if args.is(index, b"addr") {
            self.address = Some(value);
        } else if args.is(index, b"laddr") {
            self.local = Some(value);
        } else if args.is(index, b"user") {
            if value != b"default" {
                return Err(Refusal::no_such_user(value));
            }
        } else if args.is(index, b"skipme") {
            self.skips_caller = if args.is(index + 1, b"yes") {
                true
            } else if args.is(index + 1, b"no") {
                false
            } else {
                return Err(Refusal::Syntax);
            };
        } else {
            return Err(Refusal::Syntax);
        }
        Ok(())
    }

    /// Whether a session is meant.
    pub(super) fn fits(&self, session: &Session) -> bool {
        let client = &session.client;
        let ids = self.ids.as_ref();
        ids.is_none_or(|ids| ids.contains(&client.id))
            && self
                .address
                .is_none_or(|address| address == client.origin.address.as_bytes())
            && self
                .local
                .is_none_or(|local| local == client.origin.local.as_bytes())
            && self.kind.is_none_or(|kind| kind == kind_of(client))
    }
}

/// What a client is; one that monitors is a normal one.
fn kind_of(client: &Client) -> Kind {
    if client.is_obeyed() {
        Kind::Primary
    } else if client.is_replica {
        Kind::Replica
    } else if client.subscribed.to_any() {
        Kind::Subscriber
    } else {
        Kind::Normal
    }
}

fn kind(word: &[u8]) -> Result<Kind, Refusal> {
    let kinds: [(&[u8], Kind); 5] = [
        (b"normal", Kind::Normal),
        (b"master", Kind::Primary),
        (b"replica", Kind::Replica),
        (b"slave", Kind::Replica),
        (b"pubsub", Kind::Subscriber),
    ];
    let found = kinds
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    found
        .map(|(_, kind)| *kind)
        .ok_or_else(|| Refusal::unknown_client_type(word))
}
