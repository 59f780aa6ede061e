//! Where the stream goes that has no room in memory: a file that has no name.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use crate::replication::Overflow;
use crate::server::save::reason;

/// See the module. The file is made when it is needed, and gone when nobody is.
#[derive(Default)]
pub(super) struct Spill {
    file: Option<File>,
    len: u64,
}

/// A file of the working directory that has no name any more, so that nothing is
/// left of it whatever happens.
pub(super) fn nameless(what: &str) -> Result<File, String> {
    // Threads that make one at the same time must not get the same.
    let (process, thread) = (std::process::id(), std::thread::current().id());
    let path = PathBuf::from(format!("temp-{what}-{process}-{thread:?}"));
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .and_then(|file| std::fs::remove_file(&path).map(|()| file));
    made.map_err(|error| format!("{}: {}", path.display(), reason(&error)))
}

impl Overflow for Spill {
    fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(nameless("repl-stream")?),
        };
        file.write_all_at(bytes, self.len)
            .map_err(|error| reason(&error))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn read(&mut self, at: u64, len: usize) -> Result<Vec<u8>, String> {
        let file = self.file.as_ref().ok_or("nothing was put aside")?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at)
            .map_err(|error| reason(&error))?;
        Ok(bytes)
    }

    fn clear(&mut self) {
        self.file = None;
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::nameless;

    #[test]
    fn files_that_threads_make_at_once_are_different_ones() {
        let make = |number: u64| {
            move || {
                let files = (0..200).map(|_| nameless("spill-test").expect("it is made"));
                let files: Vec<_> = files.collect();
                for file in &files {
                    file.write_all_at(&number.to_le_bytes(), 0)
                        .expect("it is writable");
                }
                files
            }
        };
        let threads = [1, 2, 3].map(|number| (number, std::thread::spawn(make(number))));
        let made = threads.map(|(number, thread)| (number, thread.join().expect("it ends")));
        for (number, files) in &made {
            for file in files {
                let mut bytes = [0; 8];
                file.read_exact_at(&mut bytes, 0).expect("it is readable");
                assert_eq!(u64::from_le_bytes(bytes), *number);
            }
        }
    }
}
