// SPDX-License-Identifier: GPL-2.0-only
//! Stock kernels of every series that Debian's archive has, to be booted and asked: nothing is built,
//! and no module can be built for them.
//!
//! ```text
//! vmlinuz   the image
//! vmlinux   what is inside of it, with BTF and `.BTF_ids`, without symbols
//! .config   how it is configured
//! version   the package's version, which has the point release
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::archive::{self, Stock};
use super::kernel::Kernel;
use super::release::{Release, numbers};
use super::vmlinuz;
use crate::workshop::cache::Partial;
use crate::workshop::debian::Suite;
use crate::workshop::files::{read, remove_dir, write};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// What the cache calls them.
pub(crate) const KIND: &str = "image";

/// The image of `series`; from the cache if there is one and no `update` is asked for.
pub(crate) fn ensure(
    project: &Project,
    toolchain: &Toolchain,
    series: Release,
    update: bool,
) -> Result<Kernel> {
    if let Some(dir) = cached(project, series).filter(|_| !update) {
        return open(&dir);
    }
    let stock = archive::newest(project, toolchain, series, update)?;
    let path = project
        .cache
        .path(KIND, &stock.release, &[&stock.image.version, "1"]);
    let dir = project.cache.entry(path, Partial::Discard, |dir| {
        fetch(project, toolchain, &stock, dir)
    })?;
    open(&dir)
}

/// Every series that there is an image of, in the cache or in the archive, the oldest first.
pub(crate) fn series(project: &Project, toolchain: &Toolchain) -> Result<Vec<Release>> {
    let kernels = archive::all(project, toolchain, false)?;
    let mut all: Vec<Release> = kernels.iter().filter_map(Stock::series).collect();
    let cached = project.cache.complete(KIND);
    all.extend(cached.iter().filter_map(|dir| series_of(dir)));
    all.sort();
    all.dedup();
    Ok(all)
}

/// The point release of an image, such as 6.1.176.
pub(crate) fn point(kernel: &Kernel) -> String {
    let version = fs::read_to_string(kernel.build.join("version"));
    let version = version.unwrap_or_else(|_| kernel.release.clone());
    let numbers: Vec<String> = numbers(&version).iter().map(u32::to_string).collect();
    numbers.join(".")
}

/// The newest image of `series` in the cache.
fn cached(project: &Project, series: Release) -> Option<PathBuf> {
    let all = project.cache.complete(KIND).into_iter();
    let version = |dir: &PathBuf| numbers(&read(&dir.join("version")).unwrap_or_default());
    all.filter(|dir| series_of(dir) == Some(series))
        .max_by_key(version)
}

fn series_of(dir: &Path) -> Option<Release> {
    Release::of(&dir.file_name()?.to_string_lossy())
}

fn fetch(project: &Project, toolchain: &Toolchain, stock: &Stock, dir: &Path) -> Result<()> {
    let release = &stock.release;
    let suite = Suite::open(project, toolchain, stock.suite)?;
    // Where the image is a package of its own, the configuration is in another.
    let base = suite.named(&format!("linux-base-{release}"))?.into_iter();
    let mut packages = vec![stock.image.clone()];
    packages.extend(base.filter(|package| package.version == stock.image.version));
    suite.unpack(&packages, dir)?;
    let boot = dir.join("boot");
    let modules = dir.join("usr/lib/modules").join(release);
    let places = |name: &str| [boot.join(format!("{name}-{release}")), modules.join(name)];
    let image = places("vmlinuz").into_iter().find(|path| path.exists());
    let image = image.with_context(|| format!("{} has no vmlinuz", stock.image.name))?;
    fs::rename(image, dir.join("vmlinuz"))?;
    vmlinuz::unpack(toolchain, &dir.join("vmlinuz"), &dir.join("vmlinux"))?;
    let config = places("config").into_iter().find(|path| path.exists());
    match config {
        Some(config) => drop(fs::rename(config, dir.join(".config"))?),
        None => write(&dir.join(".config"), lent(project, toolchain, stock)?)?,
    }
    write(&dir.join("release"), release)?;
    write(&dir.join("version"), &stock.image.version)?;
    for rest in ["boot", "usr", "lib"].map(|rest| dir.join(rest)) {
        if rest.exists() {
            remove_dir(&rest)?;
        }
    }
    Ok(())
}

/// The configuration of a kernel whose image is all that the archive has left: that of the series
/// nearest to it, with a first line that says so.
fn lent(project: &Project, toolchain: &Toolchain, stock: &Stock) -> Result<String> {
    let all = archive::all(project, toolchain, false)?;
    let lender = nearest(&all, stock, |other| has_config(project, toolchain, other))?;
    let lender = lender.with_context(|| format!("no kernel is near {}", stock.release))?;
    let series = lender.series().context("a release has a series")?;
    let kernel = ensure(project, toolchain, series, false)?;
    let config = read(&kernel.build.join(".config"))?;
    let line = format!(
        "# The archive has no configuration of {}; this is the one of {}.",
        stock.image.version, kernel.release
    );
    eprintln!("note: {}", &line[2..]);
    Ok(format!("{line}\n{config}"))
}

/// Of `all`, in order of their series, the nearest to `stock` that `fits`; of two as near, the older.
fn nearest<'a>(
    all: &'a [Stock],
    stock: &Stock,
    fits: impl Fn(&Stock) -> Result<bool>,
) -> Result<Option<&'a Stock>> {
    let at = all.iter().position(|other| other == stock).unwrap_or(0);
    for distance in 1..all.len() {
        // The newest comes first.
        let older = all.get(at + distance);
        let newer = at.checked_sub(distance).map(|at| &all[at]);
        for other in older.into_iter().chain(newer) {
            if fits(other)? {
                return Ok(Some(other));
            }
        }
    }
    Ok(None)
}

/// Whether the archive has the configuration of `stock`: in the image's package, or beside it.
fn has_config(project: &Project, toolchain: &Toolchain, stock: &Stock) -> Result<bool> {
    if !stock.image.name.starts_with("linux-binary-") {
        return Ok(true);
    }
    let suite = Suite::open(project, toolchain, stock.suite)?;
    let base = suite.named(&format!("linux-base-{}", stock.release))?;
    Ok(!base.is_empty())
}

fn open(dir: &Path) -> Result<Kernel> {
    Ok(Kernel {
        release: read(&dir.join("release"))?,
        image: dir.join("vmlinuz"),
        build: dir.to_path_buf(),
        make: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workshop::debian::Package;

    #[test]
    fn the_nearest_series_lends_its_configuration() {
        let stock = |release: &str| Stock {
            suite: "s",
            release: release.to_owned(),
            image: Package::default(),
        };
        let all = ["7.2.12", "7.1.13", "7.0.13", "6.19.14", "6.18.15"].map(stock);
        let lent = |at: usize| {
            let fits = |other: &Stock| Ok(["7.2.12", "6.18.15"].contains(&&*other.release));
            let found = nearest(&all, &all[at], fits).unwrap();
            found.map(|stock| stock.release.as_str())
        };
        assert_eq!(lent(1), Some("7.2.12"));
        assert_eq!(lent(2), Some("6.18.15"));
        assert_eq!(lent(3), Some("6.18.15"));
        assert_eq!(nearest(&all, &all[2], |_| Ok(false)).unwrap(), None);
    }
}
