//! What one pinned core of the data plane stands on.

mod buffers;
mod fan;
mod kernel;
mod mailbox;
mod ring;
mod socket;

pub use buffers::{BUFFER_BYTES, BufferId};
pub use fan::Fan;
pub use kernel::Kernel;
pub use mailbox::{Feed, Mailboxes, Postbox, Reached};
pub use ring::{Bell, End, Event, Ring, Token, Unavailable};
pub use socket::{Listener, Peer, adopt, dial, keep_alive, no_delay, shut_down, write_and_close};
