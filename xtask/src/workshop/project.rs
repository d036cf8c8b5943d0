// SPDX-License-Identifier: GPL-2.0-only
//! Where things lie: the checkout, its build products, and the cache that outlives it.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workshop::cache::{self, Cache};
use crate::workshop::files::make_dir;
use crate::workshop::interrupt;
use crate::workshop::run::Runner;

/// What every verb is given.
pub(crate) struct Project {
    /// The top of the checkout.
    pub(crate) checkout: PathBuf,
    /// What is heavy and does not depend on the checkout: toolchain, kernels.
    pub(crate) cache: Cache,
    /// Runs programs, with progress and logs.
    pub(crate) runner: Runner,
}

impl Project {
    /// Finds the checkout and opens the cache; from here on Ctrl-C cleans up.
    pub(crate) fn open(verbose: bool) -> Result<Self> {
        interrupt::install()?;
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask has no parent directory")?
            .to_path_buf();
        let cache = Cache::open()?;
        let runner = Runner::new(checkout.join("target/xtask/logs"), verbose);
        Ok(Self {
            checkout,
            cache,
            runner,
        })
    }

    /// The directory of build products that belong to `name`, made if need be.
    pub(crate) fn products(&self, name: &str) -> Result<PathBuf> {
        let dir = self.checkout.join("target/xtask").join(name);
        make_dir(&dir)?;
        Ok(dir)
    }

    /// Held while products are made: runs at once in one checkout take turns.
    pub(crate) fn lock_products(&self) -> Result<File> {
        cache::lock(&self.products("")?.join("lock"))
    }

    /// The user's own tree named by the environment variable `name`, as an absolute path.
    pub(crate) fn tree_from_env(name: &str) -> Result<Option<PathBuf>> {
        match env::var_os(name) {
            None => Ok(None),
            Some(path) => Path::new(&path)
                .canonicalize()
                .with_context(|| format!("{name}={}: no such directory", path.display()))
                .map(Some),
        }
    }
}
