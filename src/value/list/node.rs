//! A node of a chain: a packed list, or one text too large for that.

use super::limit::Limit;
use super::value::End;
use crate::memory::class_bytes;
use crate::value::cut::CutElement;
use crate::value::listpack::{Item, Listpack, Wanted};
use crate::value::row_cut::{CutNode, Stamp};

/// See the module.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) form: Form,
    stamp: Stamp,
}

#[derive(Clone, Debug)]
pub(super) enum Form {
    Packed(Listpack),
    Plain(Box<[u8]>),
}

/// A piece of a list as it is saved: a short list is one.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    Packed(&'a Listpack),
    Plain(&'a [u8]),
}

impl Node {
    pub fn packed(pack: Listpack) -> Self {
        Self::new(Form::Packed(pack))
    }

    /// One text, however long.
    pub fn plain(text: Box<[u8]>) -> Self {
        Self::new(Form::Plain(text))
    }

    fn new(form: Form) -> Self {
        let stamp = Stamp::NONE;
        Self { form, stamp }
    }

    /// A node of one element.
    pub(super) fn of(text: &[u8], limit: Limit) -> Self {
        if limit.is_large(text) {
            Self::plain(text.into())
        } else {
            let mut pack = Listpack::new();
            pack.push_back(text);
            Self::packed(pack)
        }
    }

    /// Elements.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Packed(pack) => pack.len(),
            Form::Plain(_) => 1,
        }
    }

    /// Whether it has no elements; a plain one always has its text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As it is saved.
    pub(super) fn part(&self) -> Part<'_> {
        match &self.form {
            Form::Packed(pack) => Part::Packed(pack),
            Form::Plain(text) => Part::Plain(text),
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        match &self.form {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Plain(text) => class_bytes(text.len()),
        }
    }

    /// Adds an element at an end; `false` when it does not fit.
    #[inline]
    pub(super) fn push(&mut self, end: End, text: &[u8], limit: Limit) -> bool {
        match &mut self.form {
            Form::Packed(pack) if limit.admits_another(pack, text) => {
                match end {
                    End::Front => pack.push_front(text),
                    End::Back => pack.push_back(text),
                }
                true
            }
            Form::Packed(_) | Form::Plain(_) => false,
        }
    }

    /// Puts an element before the one at `index`; `false` when it does not fit.
    pub(super) fn insert(&mut self, index: usize, text: &[u8], limit: Limit) -> bool {
        match &mut self.form {
            Form::Packed(pack) if limit.admits_another(pack, text) => {
                let position = pack.seek(index as i64).expect("the chain found the index");
                pack.insert_before(position, text);
                true
            }
            Form::Packed(_) | Form::Plain(_) => false,
        }
    }

    /// Overwrites an element; `false` when the new one does not fit.
    pub(super) fn set(&mut self, index: usize, text: &[u8], limit: Limit) -> bool {
        match &mut self.form {
            Form::Packed(pack) if !limit.is_large(text) => {
                let position = pack.seek(index as i64).expect("the chain found the index");
                let old_len = pack.get(position).len();
                let bytes = pack.byte_len().saturating_sub(old_len) + text.len();
                let fits = text.len() <= old_len || limit.admits(bytes, pack.len());
                if fits {
                    pack.replace(position, text);
                }
                fits
            }
            Form::Packed(_) => false,
            Form::Plain(own) => {
                let fits = limit.is_large(text);
                if fits {
                    *own = text.into();
                }
                fits
            }
        }
    }

    /// Takes out elements that are not all it has.
    pub(super) fn remove(&mut self, index: usize, count: usize) {
        match &mut self.form {
            Form::Packed(pack) => pack.remove_range(index, count),
            Form::Plain(_) => assert_eq!(count, 0, "a plain node goes whole"),
        }
    }

    /// Takes out up to `count_max` elements equal to the wanted one, those
    /// nearest to an end first; returns how many. It may be empty then.
    pub(super) fn remove_equal(&mut self, wanted: Wanted<'_>, end: End, count_max: usize) -> usize {
        match &mut self.form {
            Form::Packed(pack) => remove_equal(pack, wanted, end, count_max),
            Form::Plain(text) => {
                let is_it = count_max > 0 && wanted.is(Item::Text(text));
                if is_it {
                    self.form = Form::Packed(Listpack::new());
                }
                usize::from(is_it)
            }
        }
    }

    /// Whether an element is the wanted one.
    pub(super) fn has(&self, wanted: Wanted<'_>) -> bool {
        match &self.form {
            Form::Packed(pack) => pack.iter().any(|item| wanted.is(item)),
            Form::Plain(text) => wanted.is(Item::Text(text)),
        }
    }

    /// Takes off the elements from `index` on, which is neither 0 nor beyond
    /// the last.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        match &mut self.form {
            Form::Packed(pack) => Self::packed(pack.split_off(index)),
            Form::Plain(_) => unreachable!("a plain node has no inner index"),
        }
    }

    /// Takes in the elements of its successor; gives it back when they do not
    /// fit.
    pub(super) fn join(&mut self, next: Self, limit: Limit) -> Result<(), Self> {
        match (&mut self.form, next.form) {
            (Form::Packed(own), Form::Packed(next))
                if limit.admits(own.byte_len() + next.byte_len(), own.len() + next.len()) =>
            {
                own.append(&next);
                Ok(())
            }
            (_, form) => Err(Self { form, ..next }),
        }
    }
}

impl CutNode for Node {
    fn stamp(&mut self) -> &mut Stamp {
        &mut self.stamp
    }

    fn element(&self) -> CutElement<'_> {
        CutElement::Part(self.part())
    }

    fn bytes(&self) -> usize {
        match &self.form {
            Form::Packed(pack) => pack.byte_len(),
            Form::Plain(text) => text.len(),
        }
    }
}

/// As [`Node::remove_equal`]. One pass over the bytes, however many go.
pub(super) fn remove_equal(
    pack: &mut Listpack,
    wanted: Wanted<'_>,
    end: End,
    count_max: usize,
) -> usize {
    let found = pack.iter().filter(|item| wanted.is(*item)).count();
    let count = found.min(count_max);
    if count == 0 {
        return 0;
    }
    let first = match end {
        End::Front => 0,
        End::Back => found - count,
    };
    let mut met = 0;
    pack.retain(|item| {
        let is_it = wanted.is(item);
        met += usize::from(is_it);
        !(is_it && (first + 1..=first + count).contains(&met))
    });
    count
}
