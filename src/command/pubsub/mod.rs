//! Publish and subscribe.

mod inquire;
mod publication;
mod publish;
mod subscribe;
#[cfg(test)]
mod tests;

pub(super) use inquire::COMMANDS as INQUIRE;
pub(super) use publish::COMMANDS as PUBLISH;
pub(super) use subscribe::COMMANDS as SUBSCRIBE;

pub use publication::Publication;
