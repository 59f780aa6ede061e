//! Requests of a client that go out together, and what is done with their
//! replies.

use crate::base::Random;
use crate::resp::Value;

use super::ledger::Ledger;

/// What follows an exchange: another, or nothing; or what is wrong.
pub(super) type Next = Result<Option<Exchange>, String>;

type Then = Box<dyn FnOnce(&mut Ledger, &mut Random, &[Value]) -> Next>;
type Lost = Box<dyn FnOnce(&mut Ledger)>;

/// See the module.
pub(super) struct Exchange {
    pub(super) requests: Vec<Vec<String>>,
    /// Looks at the replies, one for each request.
    then: Then,
    /// Notes what may or may not have happened if the client goes before.
    lost: Lost,
    pub(super) waits: Waits,
}

/// How long an exchange may take.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Waits {
    /// As long as the work does.
    No,
    /// Until this much time has passed at most.
    Some,
    /// Until one of these lists has something.
    For(Vec<String>),
}

impl Exchange {
    pub(super) fn new(
        requests: Vec<Vec<String>>,
        then: impl FnOnce(&mut Ledger, &mut Random, &[Value]) -> Next + 'static,
    ) -> Exchange {
        Exchange {
            requests,
            then: Box::new(then),
            lost: Box::new(|_| {}),
            waits: Waits::No,
        }
    }

    pub(super) fn or_lost(mut self, lost: impl FnOnce(&mut Ledger) + 'static) -> Exchange {
        self.lost = Box::new(lost);
        self
    }

    pub(super) fn waiting(mut self, waits: Waits) -> Exchange {
        self.waits = waits;
        self
    }

    /// The same between requests of which only one reply is right, so that a
    /// reply too few, too many or out of order is found at once.
    pub(super) fn framed(mut self, tag: &str) -> Exchange {
        let echo = vec!["ECHO".to_owned(), tag.to_owned()];
        self.requests.insert(0, echo.clone());
        self.requests.push(echo);
        let inner = self.then;
        let tag = Value::Bulk(tag.as_bytes().to_vec());
        self.then = Box::new(move |ledger, dice, replies| match replies {
            [first, inside @ .., last] if *first == tag && *last == tag => {
                inner(ledger, dice, inside)
            }
            _ => Err(format!("replies out of their frame {tag:?}: {replies:?}")),
        });
        self
    }

    pub(super) fn end(self, ledger: &mut Ledger, dice: &mut Random, replies: &[Value]) -> Next {
        (self.then)(ledger, dice, replies)
    }

    pub(super) fn lose(self, ledger: &mut Ledger) {
        (self.lost)(ledger);
    }
}

/// A request of words without spaces.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Requests between MULTI and EXEC.
pub(super) fn transaction(requests: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let mut all = vec![words("MULTI")];
    all.extend(requests);
    all.push(words("EXEC"));
    all
}

/// What EXEC at the end of a transaction replied: `None` if it did not run.
pub(super) fn executed(replies: &[Value]) -> Result<Option<&[Value]>, String> {
    let Some((exec, before)) = replies.split_last() else {
        return Err("EXEC has no reply".to_owned());
    };
    let is_status = |reply: &Value| matches!(reply, Value::Simple(_));
    if !before.iter().all(is_status) {
        return Err(format!("not queued: {before:?}"));
    }
    match exec {
        Value::Array(inside) if inside.len() + 1 == before.len() => Ok(Some(inside)),
        Value::Null => Ok(None),
        other => Err(format!("EXEC: {other:?}")),
    }
}

pub(super) fn text(reply: &Value) -> Result<String, String> {
    match reply {
        Value::Bulk(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Value::Simple(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        other => Err(format!("a text is not {other:?}")),
    }
}

pub(super) fn number(reply: &Value) -> Result<i64, String> {
    match reply {
        Value::Int(number) => Ok(*number),
        other => text(other)?
            .parse()
            .map_err(|_| format!("a number is not {other:?}")),
    }
}

pub(super) fn texts(reply: &Value) -> Result<Vec<String>, String> {
    match reply {
        Value::Array(members) => members.iter().map(text).collect(),
        other => Err(format!("an array is not {other:?}")),
    }
}
