//! Where the append-only file lies: `appenddirname` with the manifest and the
//! files that it names.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crate::config::Settings;
use crate::journal::{BaseForm, Manifest, ManifestFault};
use crate::server::save::reason;

/// See the module.
#[derive(Clone, Debug)]
pub(in crate::server) struct Folder {
    path: PathBuf,
    /// What the files' names begin with.
    pub(super) stem: Vec<u8>,
}

impl Folder {
    pub(in crate::server) fn of(settings: &Settings) -> Folder {
        Folder {
            path: PathBuf::from(OsStr::from_bytes(settings.bytes("appenddirname"))),
            stem: settings.bytes("appendfilename").to_vec(),
        }
    }

    pub(super) fn file(&self, name: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(name))
    }

    fn manifest_path(&self) -> PathBuf {
        let mut name = self.stem.clone();
        name.extend_from_slice(b".manifest");
        self.file(&name)
    }

    /// Makes the directory, if it is not there.
    pub(super) fn make(&self) -> io::Result<()> {
        match fs::create_dir(&self.path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Looks whether a file can begin there, before anything rests on it; or says why not.
    pub(in crate::server) fn try_out(&self) -> Result<(), String> {
        let failed = |what: &str, error: &io::Error| format!("{what}: {}", reason(error));
        let what = "Can't open or create append-only dir";
        self.make()
            .map_err(|error| failed(&format!("{what} {}", self.path.display()), &error))?;
        let mut name = b"temp-".to_vec();
        name.extend_from_slice(&self.stem);
        name.extend_from_slice(b".probe");
        let probe = self.file(&name);
        let tried = File::create(&probe).and_then(|_| fs::remove_file(&probe));
        tried.map_err(|error| failed("Can't open the append-only file", &error))
    }

    /// Reads the manifest; `None` if there is none.
    pub(super) fn read(&self) -> Result<Option<Manifest>, String> {
        let path = self.manifest_path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(format!(
                    "Fatal error: can't open the AOF manifest file {} for reading: {}",
                    path.display(),
                    reason(&error)
                ));
            }
        };
        let told = |fault: ManifestFault| {
            format!(
                "*** FATAL AOF MANIFEST FILE ERROR ***\nReading the manifest file, at line {}\n>>> '{}'\n{}",
                fault.line,
                fault.text.escape_ascii(),
                fault.why
            )
        };
        Manifest::parse(&text).map(Some).map_err(told)
    }

    /// A single file from before there were manifests becomes the base of one.
    pub(super) fn take_old_file(&self) -> Result<Option<Manifest>, String> {
        if !fs::metadata(self.old_file()).is_ok_and(|found| found.is_file()) {
            return Ok(None);
        }
        let manifest = Manifest::of_old_file(&self.stem);
        let written = self.make().and_then(|()| self.write(&manifest));
        written.map_err(|error| self.not_moved(&error))?;
        self.move_old_file()?;
        Ok(Some(manifest))
    }

    /// Moves the single file, if a server ended when it had written the manifest and
    /// not moved it yet.
    pub(super) fn end_upgrade(&self, manifest: &Manifest) -> Result<(), String> {
        let is_missing = || !fs::exists(self.file(&self.stem)).unwrap_or(true);
        let is_old = || fs::metadata(self.old_file()).is_ok_and(|found| found.is_file());
        if *manifest == Manifest::of_old_file(&self.stem) && is_missing() && is_old() {
            self.move_old_file()?;
        }
        Ok(())
    }

    fn old_file(&self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(&self.stem))
    }

    fn move_old_file(&self) -> Result<(), String> {
        let moved = fs::rename(self.old_file(), self.file(&self.stem))
            .and_then(|()| File::open(&self.path)?.sync_all());
        moved.map_err(|error| self.not_moved(&error))
    }

    fn not_moved(&self, error: &io::Error) -> String {
        format!(
            "Error trying to move the old AOF file {} into dir {}: {}",
            self.old_file().display(),
            self.path.display(),
            reason(error)
        )
    }

    /// Writes the manifest: whole, or the one before stays.
    pub(super) fn write(&self, manifest: &Manifest) -> io::Result<()> {
        let mut name = b"temp-".to_vec();
        name.extend_from_slice(&self.stem);
        name.extend_from_slice(b".manifest");
        let temporary = self.file(&name);
        let mut file = File::create(&temporary)?;
        file.write_all(&manifest.to_text())?;
        file.sync_all()?;
        fs::rename(&temporary, self.manifest_path())?;
        File::open(&self.path)?.sync_all()
    }

    /// Begins a manifest with a base that lies elsewhere; the base's name.
    pub(super) fn found(&self, base: &std::path::Path, form: BaseForm) -> io::Result<String> {
        self.make()?;
        let mut manifest = Manifest::default();
        let name = manifest.replace_base(&self.stem, form, 0);
        fs::rename(base, self.file(&name))?;
        self.write(&manifest)?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    /// Removes what is history, as far as it can be.
    pub(super) fn remove_history(&self, manifest: &mut Manifest) -> io::Result<()> {
        if manifest.history.is_empty() {
            return Ok(());
        }
        for file in std::mem::take(&mut manifest.history) {
            // It is named by nothing any more, and so harms nobody.
            let _left = fs::remove_file(self.file(&file.name)).is_err();
        }
        self.write(manifest)
    }
}
