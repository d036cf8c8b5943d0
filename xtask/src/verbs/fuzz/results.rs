// SPDX-License-Identifier: GPL-2.0-only
//! What came of batches, a file each in a directory: parts of a run that are on several machines merge
//! by their files, and a run that is begun again leaves out what is there.
//!
//! A file is there whole or not at all: it gets its name when it is written.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::sums::Sums;
use crate::workshop::files::{make_dir, read, write};

/// What a batch is a batch of: runs of different ones do not merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// The kernel's release.
    pub(super) kernel: String,
    /// The largest number of instructions that is asked about.
    pub(super) max_insns: u32,
    /// What the loader is capable of.
    pub(super) caps: String,
}

/// A file.
#[derive(Serialize, Deserialize)]
struct Batch {
    #[serde(flatten)]
    run: Run,
    first: u64,
    end: u64,
    sums: Sums,
    /// Seeds of programs that are judged differently.
    differing: Vec<u64>,
}

/// The directory of a run.
pub(super) struct Results {
    directory: PathBuf,
    run: Run,
}

impl Results {
    /// Opens the directory, which is made if it is not there.
    pub(super) fn open(directory: &Path, run: Run) -> Result<Self> {
        make_dir(directory)?;
        for batch in batches(directory)? {
            ensure!(
                batch.run == run,
                "{} has results of another run: {:?}, not {run:?}",
                directory.display(),
                batch.run
            );
        }
        Ok(Self {
            directory: directory.to_owned(),
            run,
        })
    }

    /// Whether the batch has been done.
    pub(super) fn has(&self, seeds: &Range<u64>) -> bool {
        self.path(seeds).exists()
    }

    /// Keeps what came of a batch.
    pub(super) fn keep(&self, seeds: &Range<u64>, sums: &Sums, differing: &[u64]) -> Result<()> {
        let batch = Batch {
            run: self.run.clone(),
            first: seeds.start,
            end: seeds.end,
            sums: sums.clone(),
            differing: differing.to_vec(),
        };
        let path = self.path(seeds);
        let partial = path.with_extension(format!("partial-{}", std::process::id()));
        write(&partial, serde_json::to_string(&batch)?)?;
        fs::rename(&partial, &path).with_context(|| format!("cannot write {}", path.display()))
    }

    fn path(&self, seeds: &Range<u64>) -> PathBuf {
        let name = format!("{}-{}.json", seeds.start, seeds.end);
        self.directory.join(name)
    }
}

/// Adds up what is in `directory`; all batches have to be there, from the first seed to the last.
pub(super) fn merge(directory: &Path) -> Result<()> {
    let batches = batches(directory)?;
    let Some(first) = batches.first() else {
        bail!("{}: no results", directory.display());
    };
    let mut sums = Sums::default();
    let mut differing: Vec<u64> = Vec::new();
    let mut missing = Vec::new();
    let mut end = first.first;
    for batch in &batches {
        ensure!(batch.run == first.run, "these are results of two runs");
        ensure!(batch.first >= end, "seed {} is in two batches", batch.first);
        if batch.first > end {
            missing.push(format!("{end} to {}", batch.first - 1));
        }
        end = batch.end;
        sums.merge(&batch.sums);
        differing.extend(&batch.differing);
    }
    println!(
        "{}: seeds {} to {} in {} batches: {sums}",
        first.run.kernel,
        first.first,
        end - 1,
        batches.len()
    );
    for seed in &differing {
        println!("seed {seed} is judged differently");
    }
    ensure!(
        missing.is_empty(),
        "seeds {} are missing",
        missing.join(", ")
    );
    match differing.len() {
        0 => Ok(()),
        count => bail!("{count} programs are judged differently"),
    }
}

/// By their first seed.
fn batches(directory: &Path) -> Result<Vec<Batch>> {
    let entries = fs::read_dir(directory);
    let entries = entries.with_context(|| format!("cannot list {}", directory.display()))?;
    let mut all: Vec<Batch> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let batch = serde_json::from_str(&read(&path)?);
            all.push(batch.with_context(|| format!("{} is no result", path.display()))?);
        }
    }
    all.sort_by_key(|batch| batch.first);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run {
            kernel: "6.12.117".to_owned(),
            max_insns: 30_000,
            caps: "all".to_owned(),
        }
    }

    #[test]
    fn a_batch_is_kept_and_not_done_again() {
        let dir = tempfile::tempdir().unwrap();
        let results = Results::open(dir.path(), run()).unwrap();
        assert!(!results.has(&(0..10)));
        results.keep(&(0..10), &Sums::default(), &[]).unwrap();
        // Half a file, as a kill leaves it, is no result.
        fs::write(dir.path().join("10-20.partial-7"), "{\"ker").unwrap();
        let again = Results::open(dir.path(), run()).unwrap();
        assert!(again.has(&(0..10)) && !again.has(&(10..20)));
        let other = Run {
            caps: "none".to_owned(),
            ..run()
        };
        assert!(Results::open(dir.path(), other).is_err());
    }

    #[test]
    fn what_is_missing_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let results = Results::open(dir.path(), run()).unwrap();
        assert!(merge(dir.path()).is_err());
        results.keep(&(0..10), &Sums::default(), &[]).unwrap();
        results.keep(&(20..30), &Sums::default(), &[]).unwrap();
        let why = merge(dir.path()).unwrap_err().to_string();
        assert_eq!(why, "seeds 10 to 19 are missing");
        results.keep(&(10..20), &Sums::default(), &[]).unwrap();
        assert!(merge(dir.path()).is_ok());
        results.keep(&(30..40), &Sums::default(), &[33]).unwrap();
        assert!(merge(dir.path()).is_err());
    }
}
