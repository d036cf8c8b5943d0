// SPDX-License-Identifier: GPL-2.0-only
//! Which kernels Debian's archive has, and in which of its suites.
//!
//! A release of Debian keeps one series, whose image has it in its configuration and all else. The
//! backports suite has the newest series whole; of those before, it keeps images alone, for a while.

use anyhow::{Result, bail};

use super::release::{Release, numbers};
use crate::workshop::debian::{Package, Suite};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// The backports suite.
pub(crate) const BACKPORTS: &str = "trixie-backports";
/// Where kernels are looked for, the newest first.
pub(super) const SUITES: [&str; 4] = [BACKPORTS, "trixie", "bookworm", "bullseye"];
/// The source package of all kernels.
pub(super) const SOURCE: &str = "linux";
/// The flavour, of which kernels are asked on x86-64 alone.
pub(super) const FLAVOUR: &str = "cloud-amd64";

/// A kernel of a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stock {
    /// Where it is.
    pub(super) suite: &'static str,
    /// What `uname -r` says in it, such as `6.1.0-50-cloud-amd64`.
    pub(super) release: String,
    /// The package with the image.
    pub(super) image: Package,
}

impl Stock {
    /// Its series.
    pub(super) fn series(&self) -> Option<Release> {
        Release::of(&self.release)
    }
}

/// The newest kernel of `series`; asks the archive for its lists if `update` or if there are none.
pub(super) fn newest(
    project: &Project,
    toolchain: &Toolchain,
    series: Release,
    update: bool,
) -> Result<Stock> {
    let mut seen = Vec::new();
    for suite in SUITES {
        let mut found = kernels(project, toolchain, suite, update)?;
        if let Some(at) = found.iter().position(|k| k.series() == Some(series)) {
            return Ok(found.swap_remove(at));
        }
        seen.extend(found);
    }
    bail!(
        "Debian's archive has no kernel of series {series}; {}",
        told(&seen)
    );
}

/// The newest kernel of each series, the newest series first.
pub(super) fn all(project: &Project, toolchain: &Toolchain, update: bool) -> Result<Vec<Stock>> {
    let mut all: Vec<Stock> = Vec::new();
    for suite in SUITES {
        for kernel in kernels(project, toolchain, suite, update)? {
            if all.iter().all(|other| other.series() != kernel.series()) {
                all.push(kernel);
            }
        }
    }
    Ok(all)
}

/// Where the sources of a kernel are.
pub(super) enum Sources {
    /// In this package of a suite.
    Package(&'static str, Package),
    /// In what the packages of a suite were built of.
    Built(&'static str),
}

/// The sources of `series`: of `version` if the archive has them, or else the newest.
pub(super) fn sources(
    project: &Project,
    toolchain: &Toolchain,
    series: Release,
    version: &str,
) -> Result<Sources> {
    let mut found = Vec::new();
    for suite in SUITES {
        let lists = Suite::open(project, toolchain, suite)?;
        let packages = lists.find(r"^linux-source-[0-9]+\.[0-9]+$")?;
        found.extend(packages.into_iter().map(|package| (suite, package)));
    }
    let found = fitting(found, series, version);
    let exact = |(_, package): &(&str, Package)| package.version == version;
    if !found.as_ref().is_ok_and(exact) {
        // The suite that keeps images of what it has no other packages of any more.
        let built = Suite::fetch_sources(project, toolchain, BACKPORTS)?;
        if built.has_source(SOURCE, version)? {
            return Ok(Sources::Built(BACKPORTS));
        }
    }
    found.map(|(suite, package)| Sources::Package(suite, package))
}

/// Of the source packages `found` that of `version`, or else the newest of `series`.
fn fitting(
    mut found: Vec<(&'static str, Package)>,
    series: Release,
    version: &str,
) -> Result<(&'static str, Package)> {
    let of = |package: &Package| Release::of(package.name.trim_start_matches("linux-source-"));
    found.sort_by_key(|(_, package)| (package.version == version, numbers(&package.version)));
    if let Some(at) = found.iter().rposition(|(_, p)| of(p) == Some(series)) {
        return Ok(found.swap_remove(at));
    }
    let mut others: Vec<Release> = found.iter().filter_map(|(_, p)| of(p)).collect();
    others.sort();
    others.dedup();
    let others: Vec<String> = others.iter().map(Release::to_string).collect();
    bail!(
        "Debian's archive has no sources of series {series}; it has those of {}",
        others.join(", ")
    );
}

/// The newest kernel of each series in `suite`, the newest series first.
fn kernels(
    project: &Project,
    toolchain: &Toolchain,
    suite: &'static str,
    update: bool,
) -> Result<Vec<Stock>> {
    let lists = match update {
        true => Suite::fetch(project, toolchain, suite)?,
        false => Suite::open(project, toolchain, suite)?,
    };
    let pattern = format!(r"^linux-(binary|image)-[0-9].*-{FLAVOUR}$");
    Ok(parse(suite, lists.find(&pattern)?))
}

/// The newest kernel of each series among `packages`.
fn parse(suite: &'static str, packages: Vec<Package>) -> Vec<Stock> {
    let stock = |image: Package| {
        let mut parts = image.name.splitn(3, '-').skip(1);
        let split = parts.next()? == "binary";
        let release = parts.next()?.to_owned();
        // Of three numbers: those of two are packages that name the newest.
        let kernel = (numbers(&release).len() > 2).then_some(Stock {
            suite,
            release,
            image,
        });
        Some((kernel?, split))
    };
    let mut kernels: Vec<(Stock, bool)> = packages.into_iter().filter_map(stock).collect();
    // What `binary` has, `image` of the same release is without.
    let key = |(kernel, split): &(Stock, bool)| {
        let version = numbers(&kernel.image.version);
        (version, kernel.release.clone(), *split)
    };
    kernels.sort_by_key(key);
    let mut newest: Vec<Stock> = Vec::new();
    for (kernel, _) in kernels.into_iter().rev() {
        if newest.iter().all(|other| other.series() != kernel.series()) {
            newest.push(kernel);
        }
    }
    newest
}

/// `trixie has 6.12, bookworm has 6.1`.
fn told(kernels: &[Stock]) -> String {
    let mut told: Vec<(&str, Vec<String>)> = Vec::new();
    for kernel in kernels {
        let series = kernel.series().map_or_else(String::new, |s| s.to_string());
        match told.last_mut() {
            Some((suite, all)) if *suite == kernel.suite => all.push(series),
            _ => told.push((kernel.suite, vec![series])),
        }
    }
    let line = |(suite, series): &(&str, Vec<String>)| format!("{suite} has {}", series.join(", "));
    told.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(list: &[(&str, &str)]) -> Vec<Package> {
        let package = |(name, version): &(&str, &str)| Package {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            size: 1,
        };
        list.iter().map(package).collect()
    }

    #[test]
    fn the_newest_image_of_each_series_is_taken() {
        let found = parse(
            "backports",
            packages(&[
                ("linux-image-6.18.9+deb13-cloud-amd64", "6.18.9-1~bpo13+1"),
                ("linux-image-6.18.15+deb13-cloud-amd64", "6.18.15-1~bpo13+1"),
                ("linux-binary-7.1.13+deb13-cloud-amd64", "7.1.13-1~bpo13+1"),
                ("linux-image-7.1.13+deb13-cloud-amd64", "7.1.13-1~bpo13+1"),
                ("linux-binary-7.1.8+deb13-cloud-amd64", "7.1.8-1~bpo13+1"),
                ("linux-image-7.1-cloud-amd64", "7.1.13-1~bpo13+1"),
            ]),
        );
        let names: Vec<&str> = found.iter().map(|k| k.image.name.as_str()).collect();
        let want = [
            "linux-binary-7.1.13+deb13-cloud-amd64",
            "linux-image-6.18.15+deb13-cloud-amd64",
        ];
        assert_eq!(names, want);
        assert_eq!(found[0].release, "7.1.13+deb13-cloud-amd64");
        assert_eq!(told(&found), "backports has 7.1, 6.18");
    }

    #[test]
    fn releases_that_count_by_abi_are_ordered_by_version() {
        let found = parse(
            "bookworm",
            packages(&[
                ("linux-image-6.1.0-50-cloud-amd64", "6.1.176-1"),
                ("linux-image-6.1.0-9-cloud-amd64", "6.1.27-1"),
                ("linux-image-6.1.0-47-cloud-amd64", "6.1.170-1"),
            ]),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].release, "6.1.0-50-cloud-amd64");
    }

    #[test]
    fn sources_are_those_of_the_image_or_the_newest() {
        let found = || {
            let list = [
                ("linux-source-6.12", "6.12.107-1"),
                ("linux-source-6.12", "6.12.117-1"),
                ("linux-source-6.12", "6.12.99-1"),
                ("linux-source-7.2", "7.2.6-1~bpo13+1"),
            ];
            let found = packages(&list).into_iter();
            found.map(|package| ("s", package)).collect()
        };
        let version = |series: &str, version: &str| {
            let found = fitting(found(), series.parse().unwrap(), version);
            found.map(|(_, package)| package.version)
        };
        assert_eq!(version("6.12", "6.12.107-1").unwrap(), "6.12.107-1");
        assert_eq!(version("6.12", "6.12.118-1").unwrap(), "6.12.117-1");
        let lost = version("7.1", "7.1.13-1~bpo13+1").unwrap_err().to_string();
        let told = "Debian's archive has no sources of series 7.1; it has those of 6.12, 7.2";
        assert_eq!(lost, told);
    }

    #[test]
    fn what_is_no_kernel_is_passed_over() {
        let found = parse(
            "x",
            packages(&[("linux-image", ""), ("linux-image-x", "1")]),
        );
        assert_eq!(found, []);
        assert_eq!(told(&found), "");
    }
}
