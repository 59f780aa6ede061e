//! Requests between MULTI and EXEC.

use crate::resp::OwnedArgs;

/// A request to be run by EXEC.
#[derive(Debug)]
pub struct Queued {
    /// The command's place in the table.
    pub entry: u16,
    pub words: OwnedArgs,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Transaction {
    pub commands: Vec<Queued>,
    /// A request was refused: EXEC will run none.
    pub is_broken: bool,
    /// One of them may write.
    pub writes: bool,
    /// One of them may need more memory.
    pub grows: bool,
    /// One of them is a script.
    pub has_scripts: bool,
    /// One of them is about more than keys: it runs where its client is.
    pub needs_client: bool,
    bytes: usize,
}

impl Transaction {
    /// Adds a request at the end.
    pub fn queue(&mut self, command: Queued) {
        self.bytes += command.words.memory_bytes();
        self.commands.push(command);
    }

    /// Bytes of memory it uses.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.bytes + self.commands.capacity() * size_of::<Queued>()
    }
}
