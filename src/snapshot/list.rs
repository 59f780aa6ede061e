//! Lists in the RDB format: written as the nodes they are kept in, read from texts and nodes.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::{iter, mem};

use crate::value::Rules;
use crate::value::list::{End, List, Node, Part};
use crate::value::listpack::Listpack;

use super::element::{Element, Strings};
use super::sink::Sink;
use super::string::{Compression, Malformed, read_length, read_string, write_length, write_string};
use super::ziplist::Ziplist;

/// Before a node: one text alone.
const PLAIN: u64 = 1;
/// Before a node: a listpack.
const PACKED: u64 = 2;

/// A packed node of more bytes is taken apart: a node is changed at once, and the largest that a
/// setting by bytes makes has so many.
const NODE_BYTES_MAX: usize = 64 << 10;

/// Bytes of a part at which the next begins: the default size of a node.
const PART_BYTES: usize = 8 << 10;

/// Appends a list as `ListListpacks`.
pub(super) fn write_list(out: &mut impl Sink, list: &List, compression: Compression) {
    write_length(out, list.part_count() as u64);
    list.parts()
        .for_each(|part| write_part(out, part, compression));
}

pub(super) fn write_part(out: &mut impl Sink, part: Part<'_>, compression: Compression) {
    let (container, bytes) = match part {
        Part::Plain(text) => (PLAIN, text),
        Part::Packed(pack) => (PACKED, pack.bytes()),
    };
    write_length(out, container);
    write_string(out, bytes, compression);
}

/// Reads what `ListTexts` begins with.
pub(super) fn read_texts(bytes: &mut &[u8], rules: &Rules) -> Result<List, Malformed> {
    let mut list = List::default();
    for text in Strings::counted(bytes, 1)? {
        push(&mut list, &text?, rules);
    }
    Ok(list)
}

/// Reads what `ListZiplist` begins with, or `ListZiplists` after their number.
pub(super) fn read_ziplists(
    bytes: &mut &[u8],
    count: u64,
    rules: &Rules,
) -> Result<List, Malformed> {
    let mut list = List::default();
    for _ in 0..count {
        let text = read_string(bytes)?;
        for element in Ziplist::new(&text)? {
            push(&mut list, &element?, rules);
        }
    }
    Ok(list)
}

/// Reads what `ListListpacks` begins with.
pub(super) fn read_nodes(bytes: &mut &[u8], rules: &Rules) -> Result<List, Malformed> {
    let mut nodes = Vec::new();
    for _ in 0..read_length(bytes)? {
        let container = read_length(bytes)?;
        let text = read_string(bytes)?;
        match container {
            PLAIN if text.is_empty() => return Err(Malformed),
            PLAIN => nodes.push(Node::plain((*text).into())),
            PACKED => {
                let pack = Listpack::from_bytes(&text).ok_or(Malformed)?;
                if pack.byte_len() <= NODE_BYTES_MAX {
                    nodes.push(Node::packed(pack));
                } else {
                    take_apart(&pack, &mut nodes);
                }
            }
            _ => return Err(Malformed),
        }
    }
    Ok(List::from_nodes(nodes, rules))
}

fn take_apart(pack: &Listpack, nodes: &mut Vec<Node>) {
    let mut part = Listpack::new();
    for item in pack.iter() {
        if part.byte_len() >= PART_BYTES {
            nodes.push(Node::packed(mem::take(&mut part)));
        }
        part.push_back_item(item);
    }
    nodes.push(Node::packed(part));
}

fn push(list: &mut List, element: &Element<'_>, rules: &Rules) {
    element.with_text(|text| list.push(End::Back, iter::once(text), rules));
}
