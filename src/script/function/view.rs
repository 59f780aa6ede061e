//! Libraries and functions as FUNCTION LIST shows them.

use super::register::Registered;
use crate::script::shebang::Flags;

/// A library that was loaded.
#[derive(Clone, Copy)]
pub struct Library<'a> {
    pub name: &'a [u8],
    /// Its text, with the first line.
    pub code: &'a [u8],
    pub(super) functions: &'a [Registered],
}

impl<'a> Library<'a> {
    /// Its functions, in the order they were registered.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'a>> {
        self.functions.iter().map(Function::of)
    }
}

/// A function of a library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Function<'a> {
    pub name: &'a [u8],
    pub description: Option<&'a [u8]>,
    pub flags: Flags,
}

impl<'a> Function<'a> {
    pub(super) fn of(registered: &'a Registered) -> Self {
        Self {
            name: &registered.name,
            description: registered.description.as_deref(),
            flags: registered.flags,
        }
    }
}
