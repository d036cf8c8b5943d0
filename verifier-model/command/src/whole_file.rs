// SPDX-License-Identifier: GPL-2.0-only
//! Files that are written whole or not at all.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A file to come. Until it is [kept](Self::keep) its text is in another one beside it, which goes
/// when this does.
pub(crate) struct WholeFile {
    path: PathBuf,
    /// None for what is no file but takes text, such as a pipe.
    part: Option<PathBuf>,
}

impl WholeFile {
    /// Fails where no such file can be made, so that this is known before the work is done.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::try_create(path).with_context(|| cannot_write(path))
    }

    /// Writes all of the file's text.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        let to = self.part.as_ref().unwrap_or(&self.path);
        fs::write(to, text).with_context(|| cannot_write(&self.path))
    }

    /// Puts the file where it belongs.
    pub(crate) fn keep(mut self) -> Result<()> {
        if let Some(part) = &self.part {
            fs::rename(part, &self.path).with_context(|| cannot_write(&self.path))?;
        }
        self.part = None;
        Ok(())
    }

    fn try_create(path: &Path) -> io::Result<Self> {
        // Where a link leads is written, the link stays.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let part = match fs::metadata(&path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => None,
            _ => Some(part(&path)?),
        };
        Ok(Self { path, part })
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // Nobody is left to be told.
            let _ = fs::remove_file(part);
        }
    }
}

/// Makes an empty file beside `path`.
fn part(path: &Path) -> io::Result<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let part = path.with_file_name(name);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&part)?;
    Ok(part)
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
