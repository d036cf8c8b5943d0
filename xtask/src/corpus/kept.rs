// SPDX-License-Identifier: GPL-2.0-only
//! What was said in a survey that has not come to its end: if it is interrupted, the next goes on there.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// How a line begins that says whose turn it is.
const ASKING: &str = "{\"asking\":\"";

/// The lines so far.
pub(super) struct Kept {
    path: PathBuf,
    file: File,
    whole: String,
}

impl Kept {
    /// Those of the survey `key`, in the directory `dir`; a second one at the same time waits.
    pub(super) fn open(dir: &Path, key: &str) -> Result<Self> {
        let path = dir.join(format!("survey-{key}.kept"));
        let cannot = || format!("cannot open {}", path.display());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).with_context(cannot)?;
        if file.try_lock().is_err() {
            eprintln!("waiting for another run that asks the same");
            file.lock().with_context(cannot)?;
        }
        let mut said = Vec::new();
        file.read_to_end(&mut said).with_context(cannot)?;
        let mut whole = String::from_utf8_lossy(&said).into_owned();
        // Of the last program answers may be missing.
        let last = whole.rfind(&format!("\n{ASKING}"));
        whole.truncate(last.map_or(0, |at| at + 1));
        file.set_len(0).with_context(cannot)?;
        file.rewind().with_context(cannot)?;
        file.write_all(whole.as_bytes()).with_context(cannot)?;
        Ok(Self { path, file, whole })
    }

    /// What was said of programs that all is known of, and the last of these.
    pub(super) fn whole(&self) -> Result<(String, Option<String>)> {
        let mut lines = self.whole.lines().rev();
        let last = lines.find_map(|line| line.strip_prefix(ASKING));
        let name = |line: &str| serde_json::from_str(&format!("\"{}", line.trim_end_matches('}')));
        let last = last.map(name).transpose();
        Ok((
            self.whole.clone(),
            last.context("what is kept is no survey")?,
        ))
    }

    /// Keeps a line. Where it cannot be kept, a later survey asks again.
    pub(super) fn add(&mut self, line: &str) {
        let _ = writeln!(self.file, "{line}");
    }

    /// Forgets all of it: the survey is at its end.
    pub(super) fn remove(self) -> Result<()> {
        fs::remove_file(&self.path)
            .with_context(|| format!("cannot remove {}", self.path.display()))
    }
}
