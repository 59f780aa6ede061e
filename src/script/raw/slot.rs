//! Where a running script finds its host.
//!
//! Lua's functions are made once and live as long as the engine; a host is
//! borrowed for one run. The slot holds it for exactly that long.
#![expect(
    unsafe_code,
    reason = "a borrow for one run is kept in a cell that outlives it"
)]

use std::cell::Cell;
use std::ptr::NonNull;

use crate::script::Host;

/// The host of the run under way, if any.
#[derive(Default)]
pub(in crate::script) struct HostSlot(Cell<Option<NonNull<dyn Host>>>);

impl HostSlot {
    /// Runs `act` while the slot holds `host`. Panics if it holds one already.
    pub(in crate::script) fn lend<Result>(
        &self,
        host: &mut (dyn Host + '_),
        act: impl FnOnce() -> Result,
    ) -> Result {
        /// Empties the slot however `act` ends.
        struct Taken<'a>(&'a HostSlot);

        impl Drop for Taken<'_> {
            fn drop(&mut self) {
                self.0.0.set(None);
            }
        }

        assert!(
            self.0.get().is_none(),
            "an engine runs one script at a time"
        );
        let pointer = NonNull::from(host);
        // SAFETY: only the lifetime is forgotten. `Taken` empties the slot before this function
        // returns, and so before the borrow ends.
        let pointer = unsafe {
            std::mem::transmute::<NonNull<dyn Host + '_>, NonNull<dyn Host + 'static>>(pointer)
        };
        self.0.set(Some(pointer));
        let _taken = Taken(self);
        act()
    }

    /// Asks the host. Nothing if no run is under way, or if the host is being asked already.
    pub(in crate::script) fn ask<Result>(
        &self,
        question: impl FnOnce(&mut dyn Host) -> Result,
    ) -> Option<Result> {
        let mut pointer = self.0.take()?;
        // SAFETY: `lend` holds the exclusive borrow this pointer was made from, and taking it out
        // of the slot makes this the only use of it.
        let result = question(unsafe { pointer.as_mut() });
        self.0.set(Some(pointer));
        Some(result)
    }
}
