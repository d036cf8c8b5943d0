// SPDX-License-Identifier: GPL-2.0-only
//! Writes `docs/performance.md` and its plots from what lies in `bench/results`.

mod arm64;
mod page;
mod patched;
mod plot;
mod table;
mod targets;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bench::{guest, host};
use serde::de::DeserializeOwned;

/// What there is to report.
struct Measured {
    /// Instruction counts in guests.
    counts: guest::Results,
    /// The same on the patched kernel, if they were measured.
    patched: Option<Patched>,
    /// The same on arm64, if they were measured.
    arm64: Option<guest::Results>,
    /// The wall clock in guests, where it was measured.
    timed: Vec<guest::Results>,
    /// The host, if it was measured.
    host: Option<host::Results>,
}

/// Instruction counts on kernels with the iterator built in.
struct Patched {
    /// Called by the programs, as it is without the patches that inline it.
    called: guest::Results,
    /// Inlined into them.
    inlined: guest::Results,
}

fn main() -> Result<()> {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let results = bench.join("results");
    let called = read(&results.join("instructions-called.json"))?;
    let inlined = read(&results.join("instructions-patched.json"))?;
    let measured = Measured {
        counts: read(&results.join("instructions.json"))?
            .context("no instruction counts: run `cargo xtask bench`")?,
        patched: called
            .zip(inlined)
            .map(|(called, inlined)| Patched { called, inlined }),
        arm64: read(&results.join("instructions-arm64.json"))?,
        timed: ["wall-tcg.json", "wall-kvm.json"]
            .iter()
            .filter_map(|name| read(&results.join(name)).transpose())
            .collect::<Result<_>>()?,
        host: read(&results.join("host.json"))?,
    };
    let docs: PathBuf = bench.join("../docs");
    let plots = docs.join("performance");
    fs::create_dir_all(&plots).with_context(|| format!("cannot make {}", plots.display()))?;
    plot::all(&measured, &plots)?;
    let page = docs.join("performance.md");
    fs::write(&page, page::text(&measured)?)
        .with_context(|| format!("cannot write {}", page.display()))
}

/// The results in the file at `path`, if there is one.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("{} holds no results", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
