// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask clean`: removes what was built or fetched.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workshop::project::Project;

/// `cargo xtask clean`: with no option, what belongs to this checkout.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The toolchain and the browser too.
    #[arg(long)]
    toolchain: bool,
    /// The kernels and their sources too.
    #[arg(long)]
    kernels: bool,
    /// All of the cache.
    #[arg(long)]
    all: bool,
}

/// What of the cache goes with the kernels: the corpus and bpftool are made of their sources.
const KERNEL_KINDS: [&str; 15] = [
    "image",
    "shown",
    "real",
    "stock",
    "kernel",
    "source",
    "patched",
    "prefix",
    "apt",
    "ccache",
    "corpus",
    "bpftool",
    "selftests",
    "selftests-source",
    "headers",
];

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    remove(&project.checkout.join("target/xtask"))?;
    let cache = project.cache.dir();
    if args.all {
        return remove(cache);
    }
    if args.toolchain {
        remove(&cache.join("toolchain"))?;
        remove(&cache.join("browser"))?;
    }
    if args.kernels {
        for kind in KERNEL_KINDS {
            remove(&cache.join(kind))?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => {
            println!("removed {}", path.display());
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", path.display())),
    }
}
