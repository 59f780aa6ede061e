//! The title under which `ps` and `top` show the process.
//!
//! The kernel shows the memory in which it put the words of the command line, up to
//! a zero byte. The environment stands right behind them, and its place is taken,
//! too, once its texts have been copied elsewhere: titles are longer than many a
//! command line.

#![expect(unsafe_code, reason = "the words' memory is reached by its address")]

use std::ffi::OsString;

/// Room for a title.
#[derive(Debug, PartialEq, Eq)]
pub struct Title {
    /// The first byte of the words, and how many there are up to the end of the
    /// environment.
    start: usize,
    bytes: usize,
}

impl Title {
    /// Takes the place of the words and the environment; for a process that has one
    /// thread, at most once. `None` where /proc does not say where they are.
    #[must_use]
    pub fn claim() -> Option<Title> {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        let place = place(&text)?;
        // Each is written again, and so moves to memory of its own.
        let is_named = |(name, _): &(OsString, OsString)| !name.is_empty();
        let environment: Vec<_> = std::env::vars_os().filter(is_named).collect();
        for (name, _) in &environment {
            // SAFETY: one thread runs, so nobody reads the environment meanwhile.
            unsafe { std::env::remove_var(name) };
        }
        for (name, value) in environment {
            // SAFETY: as above.
            unsafe { std::env::set_var(name, value) };
        }
        Some(place)
    }

    /// Shows this from now on, as far as there is room.
    pub fn show(&mut self, title: &[u8]) {
        // One zero byte ends it; where the words ended before matters no more then.
        let len = title.len().min(self.bytes - 1);
        let start = self.start as *mut u8;
        // SAFETY: `start` and the `bytes` behind it are the words and the environment
        // of this process, by the kernel's account. They are writable, and what was in
        // them is not read any more: `args_os` copied the words, `claim` moved the rest.
        unsafe { std::ptr::write_bytes(start, 0, self.bytes) };
        // SAFETY: as above, and `len` is less than `bytes`.
        unsafe { std::ptr::copy_nonoverlapping(title.as_ptr(), start, len) };
    }
}

/// Where the words begin and the environment ends: fields 48 to 51 of
/// /proc/self/stat, of which the second, in parentheses, may hold anything.
fn place(stat: &str) -> Option<Title> {
    let (_, behind) = stat.rsplit_once(") ")?;
    let mut fields = behind.split_ascii_whitespace().skip(48 - 3);
    let mut next = || fields.next()?.parse::<usize>().ok();
    let (start, words_end) = (next()?, next()?);
    let (environment, end) = (next()?, next()?);
    let is_whole = start != 0 && start < words_end && words_end <= environment;
    // Nothing of anybody else's stands between them.
    let end = if environment == words_end {
        end
    } else {
        words_end
    };
    (is_whole && end > start + 1).then_some(Title {
        start,
        bytes: end - start,
    })
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn the_place_is_between_the_words_and_the_end_of_the_environment() {
        let stat = |fields: &str| {
            let before = "0 ".repeat(48 - 3 - 1);
            format!("17 (a) b) S {before}{fields} 0\n")
        };
        let found = |fields| place(&stat(fields)).map(|title| (title.start, title.bytes));
        assert_eq!(found("100 120 120 300"), Some((100, 200)));
        assert_eq!(found("100 120 128 300"), Some((100, 20)));
        assert_eq!(found("0 0 0 0"), None);
        assert_eq!(place("nothing"), None);
    }
}
