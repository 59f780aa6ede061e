//! Whether a packed list from outside is a node: every number is looked at
//! before any is used.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::id::Id;
use super::node::{DELETED, PREFIX, SAME_FIELDS};
use crate::value::listpack::{Item, Iter, Listpack};

/// `false` when anything is wrong: a count, a number that is a text, ids that
/// do not grow from the node's. Those of deleted entries may be any.
pub(super) fn is_node(id: Id, pack: &Listpack) -> bool {
    read(id, pack).is_some()
}

fn read(id: Id, pack: &Listpack) -> Option<()> {
    let mut items = pack.iter();
    let live = number(&mut items)?;
    let deleted = number(&mut items)?;
    let fields = count(&mut items)?;
    skip(&mut items, fields)?;
    if int(&mut items)? != 0 {
        return None;
    }
    let (mut live_left, mut deleted_left) = (live, deleted);
    // The first id may be the node's own.
    let mut next_min = Some(id);
    while live_left > 0 || deleted_left > 0 {
        let flags = int(&mut items)?;
        let ms = id.ms.wrapping_add_signed(int(&mut items)?);
        let seq = id.seq.wrapping_add_signed(int(&mut items)?);
        let own = Id { ms, seq };
        if flags & DELETED == 0 {
            if next_min.is_none_or(|min| own < min) {
                return None;
            }
            next_min = own.next();
            live_left = live_left.checked_sub(1)?;
        } else {
            deleted_left = deleted_left.checked_sub(1)?;
        }
        let parts = if flags & SAME_FIELDS == 0 {
            let pairs = count(&mut items)?;
            let texts = pairs.checked_mul(2)?;
            skip(&mut items, texts)?;
            texts.checked_add(1)?
        } else {
            skip(&mut items, fields)?;
            fields
        };
        if count(&mut items)? != parts.checked_add(PREFIX)? {
            return None;
        }
    }
    items.next().is_none().then_some(())
}

fn int(items: &mut Iter<'_>) -> Option<i64> {
    match items.next()? {
        Item::Int(number) => Some(number),
        Item::Text(_) => None,
    }
}

fn number(items: &mut Iter<'_>) -> Option<u64> {
    u64::try_from(int(items)?).ok()
}

fn count(items: &mut Iter<'_>) -> Option<usize> {
    usize::try_from(int(items)?).ok()
}

/// Passes over `count` elements, which must be there. Ends where the list does,
/// however large the count.
fn skip(items: &mut Iter<'_>, count: usize) -> Option<()> {
    for _ in 0..count {
        items.next()?;
    }
    Some(())
}
