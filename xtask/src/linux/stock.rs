// SPDX-License-Identifier: GPL-2.0-only
//! Stock kernels that modules are built for: Debian's own 7.x images from the backports suite, and a
//! build tree for them.
//!
//! The headers package has the configuration, `Module.symvers` and a `vmlinux` with the BTF, but
//! no Rust metadata. That is made again from the source package of the same version: the same
//! rustc over the same sources and configuration gives the same crate hashes, hence the same
//! symbols as the image.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::archive;
use super::kernel::Kernel;
use super::release::{Release, numbers};
use crate::workshop::arch::Arch;
use crate::workshop::cache::Partial;
use crate::workshop::debian::{Package, Suite};
use crate::workshop::files::read;
use crate::workshop::project::Project;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// The suite the kernels come from.
const SUITE: &str = archive::BACKPORTS;
/// The oldest series that the module supports.
pub(crate) const OLDEST: Release = Release { major: 7, minor: 2 };
/// The version of gcc that the distribution builds with.
const GCC: &str = "14";
/// Lines that preparing prints, about.
const LINES: u64 = 330;

/// A stock kernel of `series`; from the cache if there is one and no `update` is asked for.
pub(crate) fn ensure(
    project: &Project,
    toolchain: &Toolchain,
    series: Release,
    update: bool,
) -> Result<Kernel> {
    let flavour = flavour(toolchain.arch());
    if !update {
        let wanted = |dir: &PathBuf| {
            let release = release_of(dir);
            Release::of(&release) == Some(series) && release.ends_with(&flavour)
        };
        let cached = project.cache.complete("stock").into_iter().filter(wanted);
        if let Some(dir) = cached.max_by_key(|dir| numbers(&release_of(dir))) {
            return open(&dir, toolchain.arch());
        }
    }
    let suite = Suite::fetch(project, toolchain, SUITE)?;
    let pattern = format!(r"^linux-headers-[0-9.]+\+deb13-{flavour}$");
    let releases: Vec<(String, String)> = suite
        .find(&pattern)?
        .into_iter()
        .filter_map(|package| {
            Some((
                package.name.strip_prefix("linux-headers-")?.to_owned(),
                package.version,
            ))
        })
        .collect();
    let names: Vec<&str> = releases
        .iter()
        .map(|(release, _)| release.as_str())
        .collect();
    for release in candidates(&names, series) {
        let version = releases
            .iter()
            .find(|(name, _)| name == release)
            .map(|(_, version)| version.as_str())
            .unwrap_or_default();
        if Release::of(release) != Some(series) {
            eprintln!("note: {SUITE} has no {series} kernel that fits; trying {release}");
        }
        let Some(packages) = packages(&suite, release, version)? else {
            continue;
        };
        return build(project, toolchain, &suite, release, version, packages);
    }
    bail!(
        "{SUITE} has no kernel of series {OLDEST} or later with headers and sources of one version"
    )
}

/// What a release needs, if the archive has all of it in the same version.
struct Packages {
    binary: [Package; 2],
    source: Package,
}

fn packages(suite: &Suite<'_>, release: &str, version: &str) -> Result<Option<Packages>> {
    let Some(series) = Release::of(release) else {
        return Ok(None);
    };
    let escaped = release.replace('.', r"\.").replace('+', r"\+");
    let pattern = format!(
        r"^linux-(headers|binary)-{escaped}$|^linux-source-{}\.{}$",
        series.major, series.minor
    );
    let found = suite.find(&pattern)?;
    let get = |name: String| {
        found
            .iter()
            .find(|package| package.name == name && package.version == version)
            .cloned()
    };
    Ok((|| {
        Some(Packages {
            binary: [
                get(format!("linux-headers-{release}"))?,
                get(format!("linux-binary-{release}"))?,
            ],
            source: get(format!("linux-source-{series}"))?,
        })
    })())
}

/// The releases to try for `series`, best first: its own newest, then newer series, then older.
fn candidates<'a>(releases: &[&'a str], series: Release) -> Vec<&'a str> {
    let mut fitting: Vec<&str> = releases
        .iter()
        .copied()
        .filter(|release| Release::of(release).is_some_and(|series| series >= OLDEST))
        .collect();
    fitting.sort_by_key(|release| numbers(release));
    fitting.reverse();
    let (wanted, rest): (Vec<_>, Vec<_>) = fitting
        .into_iter()
        .partition(|release| Release::of(release) == Some(series));
    wanted.into_iter().chain(rest).collect()
}

fn build(
    project: &Project,
    toolchain: &Toolchain,
    suite: &Suite<'_>,
    release: &str,
    version: &str,
    packages: Packages,
) -> Result<Kernel> {
    let source = source(project, toolchain, suite, &packages.source)?;
    let path = project.cache.path(
        "stock",
        release,
        &[version, &toolchain.rustc_version()?, "1"],
    );
    let dir = project.cache.entry(path, Partial::Discard, |dir| {
        suite.unpack(&packages.binary, dir)?;
        let headers = dir.join("usr/src").join(format!("linux-headers-{release}"));
        let tree = dir.join("build");
        fs::create_dir_all(&tree)?;
        fs::copy(headers.join(".config"), tree.join(".config"))
            .context("the headers package has no .config")?;
        let mut prepare = toolchain.command("make");
        prepare
            .arg("-C")
            .arg(&source)
            .arg(format!("O={}", tree.display()))
            .args(make_arguments(release, toolchain.arch()));
        prepare
            .arg(run::jobs())
            .args(["olddefconfig", "prepare", "modules_prepare"]);
        project.runner.run_counted(
            &format!("Rust metadata of {release}"),
            prepare,
            LINES,
            |_| 1,
        )?;
        let made = read(&tree.join("include/config/kernel.release"))?;
        if made.trim() != release {
            bail!(
                "the sources of {version} call themselves {}, not {release}",
                made.trim()
            );
        }
        for file in ["vmlinux", "Module.symvers"] {
            fs::copy(headers.join(file), tree.join(file))
                .with_context(|| format!("the headers package has no {file}"))?;
        }
        let image = dir.join("usr/lib/modules").join(release).join("vmlinuz");
        fs::rename(&image, dir.join("vmlinuz")).context("the image package has no vmlinuz")?;
        fs::write(dir.join("release"), release)?;
        fs::remove_dir_all(dir.join("usr"))?;
        Ok(())
    })?;
    open(&dir, toolchain.arch())
}

/// The unpacked sources of a `linux-source` package; left as they are, for builds elsewhere.
pub(crate) fn source(
    project: &Project,
    toolchain: &Toolchain,
    suite: &Suite<'_>,
    package: &Package,
) -> Result<PathBuf> {
    let path = project.cache.path(
        "source",
        &package.version.replace('~', "-"),
        &[&package.name, &package.version],
    );
    let dir = project.cache.entry(path, Partial::Discard, |dir| {
        suite.unpack(std::slice::from_ref(package), dir)?;
        let archive = dir.join("usr/src").join(format!("{}.tar.xz", package.name));
        let mut tar = toolchain.command("tar");
        tar.args([
            "--extract",
            "--no-same-owner",
            "--strip-components=1",
            "--file",
        ])
        .arg(&archive)
        .arg("--directory")
        .arg(dir);
        project.runner.run(
            &format!("unpacking {} {}", package.name, package.version),
            tar,
        )?;
        fs::remove_dir_all(dir.join("usr/src"))?;
        Ok(())
    })?;
    Ok(dir)
}

/// The newest source package of `series`, unpacked; that of the next series that fits if the archive
/// has lost it.
pub(crate) fn newest_source(
    project: &Project,
    toolchain: &Toolchain,
    series: Release,
) -> Result<PathBuf> {
    let cached = project.cache.complete("source").into_iter().filter(|dir| {
        let name = dir
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        Release::of(&name) == Some(series)
    });
    if let Some(dir) = cached.max_by_key(|dir| numbers(&release_of(dir))) {
        return Ok(dir);
    }
    let suite = Suite::fetch(project, toolchain, SUITE)?;
    let found = suite.find(r"^linux-source-[0-9]+\.[0-9]+$")?;
    let versions: Vec<&str> = found
        .iter()
        .map(|package| package.version.as_str())
        .collect();
    let package = candidates(&versions, series)
        .first()
        .and_then(|newest| found.iter().find(|package| package.version == *newest));
    let package = package.with_context(|| {
        format!("{SUITE} has no sources of {series} or another series that fits; set KERNEL_SRC to a tree of yours")
    })?;
    if Release::of(&package.version) != Some(series) {
        eprintln!(
            "note: {SUITE} has no sources of {series}; taking {}",
            package.version
        );
    }
    source(project, toolchain, &suite, package)
}

fn open(dir: &Path, arch: Arch) -> Result<Kernel> {
    let release = read(&dir.join("release"))?;
    Ok(Kernel {
        image: dir.join("vmlinuz"),
        build: dir.join("build"),
        make: make_arguments(&release, arch),
        release,
    })
}

/// The smallest flavour that has all that is needed.
fn flavour(arch: Arch) -> String {
    format!("cloud-{}", arch.debian())
}

/// The compiler, as `make` is told it.
pub(super) fn compiler(arch: Arch) -> String {
    format!("CC={}-gcc-{GCC}", arch.triplet())
}

fn make_arguments(release: &str, arch: Arch) -> Vec<String> {
    let local = release.find('+').map_or("", |at| &release[at..]);
    let mut arguments: Vec<String> = arch.make().iter().map(|&a| a.to_owned()).collect();
    arguments.push(compiler(arch));
    arguments.push(format!("LOCALVERSION={local}"));
    arguments
}

/// The release that a cache entry's directory is named after.
fn release_of(dir: &Path) -> String {
    let name = dir
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    name.rsplit_once('-')
        .map_or(name.clone(), |(release, _)| release.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: Release = Release { major: 7, minor: 3 };

    #[test]
    fn the_newest_of_the_series_comes_first() {
        let releases = [
            "7.2.12+deb13-cloud-amd64",
            "7.3.4+deb13-cloud-amd64",
            "7.3.10+deb13-cloud-amd64",
        ];
        let want = [
            "7.3.10+deb13-cloud-amd64",
            "7.3.4+deb13-cloud-amd64",
            "7.2.12+deb13-cloud-amd64",
        ];
        assert_eq!(candidates(&releases, RELEASE), want);
    }

    #[test]
    fn a_lost_series_gives_way_to_the_next_that_fits() {
        let releases = [
            "7.1.8+deb13-cloud-amd64",
            "6.19.14+deb13-cloud-amd64",
            "7.4.1+deb13-cloud-amd64",
        ];
        assert_eq!(candidates(&releases, RELEASE), ["7.4.1+deb13-cloud-amd64"]);
        assert!(candidates(&releases[..2], RELEASE).is_empty());
    }
}
