//! Leave to do something once, which another thread may withdraw: afterwards it is
//! done, or will never be.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// See the module.
#[derive(Debug)]
pub struct Permit(Mutex<bool>);

impl Default for Permit {
    fn default() -> Permit {
        Permit(Mutex::new(true))
    }
}

impl Permit {
    /// Does it, unless that was withdrawn; who withdraws it meanwhile waits.
    pub fn used<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        self.lock().then(act)
    }

    /// Nobody uses it from now on.
    pub fn withdraw(&self) {
        *self.lock() = false;
    }

    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        !*self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        // It is one word, and so whole whatever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Permit;

    #[test]
    fn what_is_withdrawn_is_not_done() {
        let permit = Permit::default();
        assert_eq!(permit.used(|| 1), Some(1));
        permit.withdraw();
        assert_eq!(permit.used(|| 2), None);
        assert!(permit.is_withdrawn());
    }
}
