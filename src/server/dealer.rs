//! Deals what a primary sends to the cores that can apply it, and counts how far
//! they have come.

use std::os::fd::OwnedFd;

use bytes::Bytes;

use crate::command::{Entry, Placement, Run, Table, cores_needed};
use crate::replication::{Address, Deal, Progress, Sorter, Step};
use crate::resp::Args;
use crate::spec::Flags;

use super::control::Control;
use super::letter::{Letter, Order};

/// The core for what has no keys and changes nothing.
const ANY: u64 = 1;

/// What the cores have to do of a stream.
pub(super) struct Dealing {
    pub(super) dealer: Dealer,
    progress: Progress,
    /// The socket of the last connection once for each core, for the primary's session
    /// there to hang it up by; made with it, so that units that come can always be taken.
    pub(super) handles: Vec<OwnedFd>,
    /// Cores that have not run everything since the link was lost.
    draining: usize,
}

impl Dealing {
    pub(super) fn new(dealer: Dealer) -> Dealing {
        Dealing {
            dealer,
            progress: Progress::default(),
            handles: Vec::new(),
            draining: 0,
        }
    }
}

/// Reads the commands of a stream as they come, and deals their units to the cores. A
/// node with one core has nothing to deal.
pub(super) struct Dealer {
    deal: Deal,
    table: &'static Table,
    placement: Placement,
    /// Everything since MULTI.
    open: Option<Open>,
}

/// A transaction that has not come to its end.
struct Open {
    bytes: Vec<u8>,
    cores: u64,
    /// Selected where it begins.
    first: usize,
}

impl Dealer {
    pub(super) fn new(table: &'static Table, cores: usize) -> Dealer {
        Dealer {
            deal: Deal::new(cores),
            table,
            placement: Placement::new(cores),
            open: None,
        }
    }

    /// Cores whose keys a command needs, one bit each.
    fn cores(&self, entry: Option<&Entry>, args: Args<'_>) -> u64 {
        let Some(entry) = entry else { return ANY };
        let needed = match entry.command.run {
            // It may touch more than it names.
            Run::Script { .. } => self.placement.all(),
            // PFCOUNT, too, is in the stream for what it writes to its key.
            Run::Data(_) | Run::DataOrWhole(..) if entry.may_write() => {
                cores_needed(entry, args, self.placement)
            }
            _ if !entry.flags().has(Flags::WRITE) => ANY,
            // Of all data, or of what every core has a copy of.
            _ => self.placement.all(),
        };
        // Without keys it is refused, wherever that is.
        if needed == 0 { ANY } else { needed }
    }
}

impl Sorter for Dealer {
    fn begin(&mut self, database: usize) {
        self.deal.begin(database);
        self.open = None;
    }

    fn on_command(&mut self, args: Args<'_>, bytes: &[u8]) {
        if self.placement.cores() == 1 {
            return;
        }
        let entry = self.table.find(args);
        let first = self.deal.database();
        let name = entry.map_or("", |entry| entry.name);
        if name == "select" && args.len() == 2 {
            let index = std::str::from_utf8(args.get(1));
            let index = index.ok().and_then(|index| index.parse().ok());
            self.deal.select(index.unwrap_or(first));
            if self.open.is_none() {
                // Each core is told when it needs to be.
                return;
            }
        }
        if let Some(mut open) = self.open.take() {
            open.bytes.extend_from_slice(bytes);
            match name {
                "exec" => {
                    let cores = if open.cores == 0 { ANY } else { open.cores };
                    return self.deal.unit(cores, open.first, &open.bytes);
                }
                "select" => {}
                _ => open.cores |= self.cores(entry, args),
            }
            self.open = Some(open);
        } else if name == "multi" {
            self.open = Some(Open {
                bytes: bytes.to_vec(),
                cores: 0,
                first,
            });
        } else {
            let cores = self.cores(entry, args);
            self.deal.unit(cores, first, bytes);
        }
    }
}

impl Control {
    /// The primary's stream begins, with this database selected.
    pub(super) fn open_shares(&mut self, database: usize) {
        let handles = std::mem::take(&mut self.upstream.dealing.handles);
        assert_eq!(handles.len(), self.bells.len(), "it streams once");
        let primary = self.upstream.follower.primary();
        let address = primary.map_or_else(String::new, Address::to_string);
        for (core, socket) in handles.into_iter().enumerate() {
            let address = address.clone();
            self.obey(
                core,
                Order::Open {
                    socket,
                    database,
                    address,
                },
            );
        }
    }

    /// Units are to be applied, up to this offset.
    pub(super) fn deal(&mut self, bytes: Vec<u8>, end: u64) {
        let dealt = if self.bells.len() == 1 {
            self.on_obeyed(Bytes::copy_from_slice(&bytes));
            vec![(0, vec![Step::Run(bytes), Step::End(end)])]
        } else {
            self.on_obeyed(bytes.into());
            self.upstream.dealing.dealer.deal.deal(end)
        };
        let cores = dealt.iter().fold(0, |cores, (core, _)| cores | 1 << core);
        for (core, steps) in dealt {
            self.obey(core, Order::Apply(steps));
        }
        let applied = self.upstream.dealing.progress.on_given(end, cores);
        self.on_applied(applied);
    }

    fn obey(&mut self, core: usize, order: Order) {
        self.post.post(core, Letter::Obey(Box::new(order)));
    }

    /// No more comes: the cores say when what they have has run.
    pub(super) fn drain(&mut self) {
        self.upstream.dealing.draining = self.bells.len();
        for core in 0..self.bells.len() {
            self.obey(core, Order::Drain);
        }
    }

    /// A core has run what it has of the stream up to this offset.
    pub(super) fn on_share_applied(&mut self, core: usize, end: u64) {
        let applied = self.upstream.dealing.progress.on_applied(core, end);
        self.on_applied(applied);
    }

    fn on_applied(&mut self, applied: Option<u64>) {
        let Some(end) = applied else { return };
        let now = self.upstream.now();
        self.mark_applied(end);
        self.upstream.follower.on_applied(now, end);
    }

    pub(super) fn on_drained(&mut self) {
        self.upstream.dealing.draining -= 1;
        if self.upstream.dealing.draining == 0 {
            let now = self.upstream.now();
            self.upstream.follower.on_drained(now);
        }
    }
}
