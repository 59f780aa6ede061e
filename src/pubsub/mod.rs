//! Who listens to what.
//!
//! Every core has a `Directory`: its own subscribers one by one, and of every
//! other core how many it has. What changes at one is `News` for the others.
//! Pure: a subscriber is a token of the caller's, a message is none of its
//! business.

mod directory;
mod few;
mod name;
mod news;
#[cfg(test)]
mod tests;

pub use directory::{Directory, Reach};
pub use name::Name;
pub use news::{Kind, News, Step};
