//! A walk over a list's elements from any index towards either end.

use super::chain::{Chain, Place};
use super::node::{Form, Node};
use super::value::End;
use crate::value::listpack::{Item, Iter, Listpack};

/// See the module.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    /// The end the walk comes from.
    from: End,
    items: Items<'a>,
    /// The chain and where in it `items` are; their elements are not counted
    /// by its index.
    rest: Option<(&'a Chain, Place)>,
}

/// What is left of the node the walk is in.
#[derive(Clone, Debug)]
enum Items<'a> {
    Packed(Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Items<'a> {
    /// The elements from `index` on, coming from an end.
    fn of_pack(pack: &'a Listpack, from: End, index: usize) -> Self {
        let iter = match (pack.seek(index as i64), from) {
            (Some(position), End::Front) => pack.iter_from(position),
            (Some(position), End::Back) => pack.iter_through(position),
            (None, _) => Iter::default(),
        };
        Self::Packed(iter)
    }

    fn of_node(node: &'a Node, from: End, index: usize) -> Self {
        match &node.form {
            Form::Packed(pack) => Self::of_pack(pack, from, index),
            Form::Plain(text) => Self::Plain(Some(text)),
        }
    }

    /// All elements of a node.
    fn all_of(node: &'a Node) -> Self {
        match &node.form {
            Form::Packed(pack) => Self::Packed(pack.iter()),
            Form::Plain(text) => Self::Plain(Some(text)),
        }
    }
}

impl<'a> Walk<'a> {
    /// Over nothing.
    pub(super) fn nowhere() -> Self {
        Self {
            from: End::Front,
            items: Items::Plain(None),
            rest: None,
        }
    }

    pub(super) fn over_pack(pack: &'a Listpack, from: End, index: usize) -> Self {
        Self {
            from,
            items: Items::of_pack(pack, from, index),
            rest: None,
        }
    }

    pub(super) fn over_chain(chain: &'a Chain, from: End, index: usize) -> Self {
        let place = chain.locate(index);
        let node = &chain.blocks[place.block].nodes[place.node];
        Self {
            from,
            items: Items::of_node(node, from, place.index),
            rest: Some((chain, place)),
        }
    }

    /// Goes to the next node; `None` after the last one.
    fn next_node(&mut self) -> Option<()> {
        let (chain, place) = self.rest.as_mut()?;
        let own = chain.blocks.get(place.block)?;
        match self.from {
            End::Front if place.node + 1 < own.nodes.len() => place.node += 1,
            End::Front => {
                place.block += 1;
                place.node = 0;
            }
            End::Back if place.node > 0 => place.node -= 1,
            End::Back => {
                place.block = place.block.checked_sub(1)?;
                place.node = chain.blocks[place.block].nodes.len() - 1;
            }
        }
        self.items = Items::all_of(chain.blocks.get(place.block)?.nodes.get(place.node)?);
        Some(())
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            let item = match (&mut self.items, self.from) {
                (Items::Packed(iter), End::Front) => iter.next(),
                (Items::Packed(iter), End::Back) => iter.next_back(),
                (Items::Plain(text), _) => text.take().map(Item::Text),
            };
            if item.is_some() {
                return item;
            }
            self.next_node()?;
        }
    }
}
