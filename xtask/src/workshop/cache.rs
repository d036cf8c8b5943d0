// SPDX-License-Identifier: GPL-2.0-only
//! The cache outside the checkout: directories that are built once for what went into them.
//!
//! ```text
//! <cache>/<kind>/<label>-<key>/          the entry
//!               /<label>-<key>.lock      held while it is built or completed
//!               /<label>-<key>.complete  the entry is whole
//! ```
//!
//! The key is a hash of the inputs, so a changed input is another entry and a fresh clone finds
//! the old ones. An entry without its `.complete` file is never used: it is resumed or redone.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::workshop::files::{make_dir, remove_dir, write};
use crate::workshop::interrupt::Scratch;

/// What happens to an entry whose building was interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Partial {
    /// It is removed at once.
    Discard,
    /// It stays and the next run goes on with it, as `make` can.
    Resume,
    /// The same, and a whole one is gone over as well: it is made of files of the user's, which
    /// the key cannot know.
    Renew,
}

/// The cache directory.
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Opens `$XDG_CACHE_HOME/bpf-iter-cpumask`, by default below `~/.cache`.
    pub(crate) fn open() -> Result<Self> {
        let base = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(dirs::cache_dir)
            .context("no cache directory: set HOME or XDG_CACHE_HOME")?;
        let dir = base.join("bpf-iter-cpumask");
        make_dir(&dir)?;
        Ok(Self { dir })
    }

    /// The directory itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A directory that is shared by all entries and grows, such as the compiler cache.
    pub(crate) fn shared(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        make_dir(&dir)?;
        Ok(dir)
    }

    /// Where the entry of `kind`, `label` and `inputs` lies, whether it is built or not.
    pub(crate) fn path(&self, kind: &str, label: &str, inputs: &[&str]) -> PathBuf {
        self.dir.join(kind).join(format!("{label}-{}", key(inputs)))
    }

    /// The directory at `path`, made by `build` unless it is there already. Of several runs at
    /// once, one builds and the others wait for it.
    pub(crate) fn entry(
        &self,
        path: PathBuf,
        partial: Partial,
        build: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let stamp = beside(&path, "complete");
        let whole = || partial != Partial::Renew && stamp.exists() && path.exists();
        if whole() {
            return Ok(path);
        }
        let parent = path.parent().context("a cache entry has a parent")?;
        make_dir(parent)?;
        let _lock = lock(&beside(&path, "lock"))?;
        if whole() {
            return Ok(path);
        }
        let scratch = (partial == Partial::Discard).then(|| Scratch::new(&path));
        if partial == Partial::Discard && path.exists() {
            remove_dir(&path)?;
        }
        make_dir(&path)?;
        build(&path)?;
        write(&stamp, "")?;
        if let Some(scratch) = scratch {
            scratch.keep();
        }
        Ok(path)
    }

    /// The complete entries of `kind`.
    pub(crate) fn complete(&self, kind: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.dir.join(kind)) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_dir() && beside(path, "complete").exists())
            .collect();
        paths.sort();
        paths
    }
}

/// A hash of `inputs`, as the entries' names have it.
pub(crate) fn key(inputs: &[&str]) -> String {
    let mut hash = Sha256::new();
    for input in inputs {
        // The length keeps ("ab", "c") apart from ("a", "bc").
        hash.update(input.len().to_le_bytes());
        hash.update(input);
    }
    let bytes = hash.finalize();
    let bytes = bytes.iter().take(6);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Takes the lock at `path`; says so if another run holds it, and waits.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another run that holds {}", path.display());
            file.lock()
                .with_context(|| format!("cannot lock {}", path.display()))?;
            Ok(file)
        }
        Err(TryLockError::Error(error)) => bail!("cannot lock {}: {error}", path.display()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}
