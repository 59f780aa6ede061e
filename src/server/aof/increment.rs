//! The file of changes that is written now, and its place in the manifest.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;

use crate::journal::{BaseForm, Manifest, Merge, Slice};
use crate::runtime::core::Bell;

use super::folder::Folder;
use super::syncer::Syncer;

/// Between two syncs, with `everysec`.
const SYNC_EVERY_NS: u64 = 1_000_000_000;

/// The file that is written.
pub(super) struct Open {
    pub(super) folder: Folder,
    pub(super) manifest: Manifest,
    /// The increment at the manifest's end, or one that is not in it yet.
    pub(super) file: File,
    /// Bytes of it that are whole.
    pub(super) written: u64,
    /// Bytes of the increments before it, and of the base.
    pub(super) before: u64,
    pub(super) base: u64,
    pub(super) merge: Merge,
    /// What is not written yet: bytes, and how many of them the lane counts.
    pub(super) pending: Vec<u8>,
    pub(super) unsettled: u64,
    pub(super) is_unsynced: bool,
    /// Syncs it beside the writing, with `everysec`.
    pub(super) syncer: Option<Syncer>,
    pub(super) synced_at_ns: u64,
    /// When writing first failed, and when the log last said so.
    pub(super) failing_since_ns: Option<u64>,
    pub(super) complained_at_ns: Option<u64>,
    /// A base is being written of the data at a cut: how many increments are
    /// before it.
    pub(super) rotation: Option<usize>,
    /// Nothing of it counts before its base is there.
    pub(super) is_new: bool,
    /// It did not turn at a base's cut, so that base is of no use to it.
    pub(super) has_missed_cut: bool,
    /// That base was not to be had, and is to be tried again.
    pub(super) lacks_base: bool,
    pub(super) stops_at: Option<u64>,
    pub(super) said_s: u64,
}

/// The name of a file of changes that counts only with its base.
fn new_name(stem: &[u8]) -> Vec<u8> {
    let mut name = b"temp-".to_vec();
    name.extend_from_slice(stem);
    name.extend_from_slice(b".incr");
    name
}

impl Open {
    /// Goes on behind the last increment of a manifest, or begins one.
    pub(super) fn of(folder: Folder, mut manifest: Manifest, ticket: u64) -> io::Result<Open> {
        folder.remove_history(&mut manifest)?;
        let name = match manifest.increments.last() {
            Some(last) => last.name.clone(),
            None => {
                let name = manifest.add_increment(&folder.stem);
                folder.make()?;
                File::create(folder.file(&name))?.sync_all()?;
                folder.write(&manifest)?;
                name
            }
        };
        let file = append_to(&folder.file(&name))?;
        let written = file.metadata()?.len();
        let size = |name: &[u8]| {
            let found = std::fs::metadata(folder.file(name));
            found.map_or(0, |found| found.len())
        };
        let base = manifest.base.as_ref().map_or(0, |base| size(&base.name));
        let all: u64 = manifest
            .increments
            .iter()
            .map(|file| size(&file.name))
            .sum();
        Ok(Open {
            before: all - written,
            base,
            ..Open::new(folder, manifest, file, written, ticket)
        })
    }

    /// Begins in a file that counts only with its base.
    pub(super) fn anew(folder: Folder, ticket: u64) -> io::Result<Open> {
        folder.make()?;
        let path = folder.file(&new_name(&folder.stem));
        let file = File::create(path)?;
        let manifest = folder.read().ok().flatten().unwrap_or_default();
        Ok(Open {
            is_new: true,
            ..Open::new(folder, manifest, file, 0, ticket)
        })
    }

    fn new(folder: Folder, manifest: Manifest, file: File, written: u64, ticket: u64) -> Open {
        Open {
            folder,
            manifest,
            file,
            written,
            before: 0,
            base: 0,
            merge: Merge::new(ticket, 0),
            pending: Vec::new(),
            unsettled: 0,
            is_unsynced: false,
            syncer: None,
            synced_at_ns: 0,
            failing_since_ns: None,
            complained_at_ns: None,
            rotation: None,
            is_new: false,
            has_missed_cut: false,
            lacks_base: false,
            stops_at: None,
            said_s: 0,
        }
    }

    /// When it is to be synced, with `everysec`; none if it is, or is being so.
    pub(super) fn sync_due_ns(&self) -> Option<u64> {
        let wants_sync = self.is_unsynced && !self.is_being_synced();
        wants_sync.then_some(self.synced_at_ns + SYNC_EVERY_NS)
    }

    /// Whether it is being synced beside the writing.
    pub(super) fn is_being_synced(&self) -> bool {
        self.syncer.as_ref().is_some_and(Syncer::is_at_work)
    }

    /// Syncs beside the writing what is written by now.
    pub(super) fn begin_sync(&mut self, bell: Bell) -> io::Result<()> {
        let last = self.merge.ticket() - 1;
        let syncer = match &mut self.syncer {
            Some(syncer) => syncer,
            none => none.insert(Syncer::begin(bell)?),
        };
        syncer.sync(&self.file, last)
    }

    /// What came behind its end.
    pub(super) fn into_rest(self) -> impl Iterator<Item = (u64, Slice)> {
        self.merge.into_rest()
    }

    /// Goes on in another file, which the manifest names from now on.
    pub(super) fn next_increment(&mut self) -> io::Result<()> {
        let increments = self.manifest.increments.len();
        let mut manifest = self.manifest.clone();
        let name = manifest.add_increment(&self.folder.stem);
        let file = File::create(self.folder.file(&name))?;
        file.sync_all()?;
        self.folder.write(&manifest)?;
        self.manifest = manifest;
        self.file = file;
        self.before += self.written;
        self.written = 0;
        self.merge.forget_database();
        self.rotation = Some(increments);
        Ok(())
    }

    /// Begins at another cut, if the base of the one before was not to be had.
    pub(super) fn begin_again(&mut self) -> io::Result<()> {
        if self.lacks_base {
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.written = 0;
            self.merge.forget_database();
            self.lacks_base = false;
        }
        Ok(())
    }

    /// Puts a base in its place; what it holds is history then. If that fails, all
    /// is as it was: the manifest says so last.
    pub(super) fn take_base(
        &mut self,
        (base, form): (&Path, BaseForm),
        keeps_history: bool,
    ) -> io::Result<()> {
        let rotation = self.rotation.take();
        let mut manifest = self.manifest.clone();
        let no_cut = || io::Error::other("the cut did not come");
        let old = match (std::mem::take(&mut self.has_missed_cut), self.is_new) {
            (true, _) => return Err(no_cut()),
            (false, true) => manifest.increments.len(),
            (false, false) => rotation.ok_or_else(no_cut)?,
        };
        let name = manifest.replace_base(&self.folder.stem, form, old);
        let path = self.folder.file(&name);
        std::fs::rename(base, &path)?;
        if self.is_new {
            let name = manifest.add_increment(&self.folder.stem);
            self.file.sync_all()?;
            let temporary = self.folder.file(&new_name(&self.folder.stem));
            let increment = self.folder.file(&name);
            std::fs::rename(&temporary, &increment)?;
            if let Err(error) = self.folder.write(&manifest) {
                std::fs::rename(increment, temporary)?;
                return Err(error);
            }
            self.is_new = false;
        } else {
            self.folder.write(&manifest)?;
        }
        self.manifest = manifest;
        self.base = std::fs::metadata(&path)?.len();
        self.before = 0;
        if keeps_history {
            return Ok(());
        }
        self.folder.remove_history(&mut self.manifest)
    }
}

/// Puts a base in the place of a file that nobody writes to.
pub(super) fn take_idle_base(folder: &Folder, (base, form): (&Path, BaseForm)) -> io::Result<()> {
    folder.make()?;
    let mut manifest = folder.read().ok().flatten().unwrap_or_default();
    let increments = manifest.increments.len();
    let name = manifest.replace_base(&folder.stem, form, increments);
    std::fs::rename(base, folder.file(&name))?;
    folder.write(&manifest)?;
    folder.remove_history(&mut manifest)
}

/// A file opened to write behind its end.
fn append_to(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}
