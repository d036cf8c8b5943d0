// SPDX-License-Identifier: GPL-2.0-only
//! The sources of a kernel, as far as its BPF selftests are compiled of them.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::archive::{self, Sources};
use super::kernel::Kernel;
use crate::workshop::cache::Partial;
use crate::workshop::debian::Suite;
use crate::workshop::files::{make_dir, read, remove_dir};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// What the cache calls them.
const KIND: &str = "selftests-source";
/// The tests, libbpf and bpftool, and what these include: a tenth of the tree.
const PARTS: [&str; 10] = [
    "include/uapi",
    "kernel/bpf",
    "scripts",
    "tools/arch",
    "tools/bpf",
    "tools/build",
    "tools/include",
    "tools/lib",
    "tools/scripts",
    "tools/testing/selftests/bpf",
];

/// The tree that `kernel` was built of, or that part of the distribution's which its selftests take.
pub(crate) fn of(project: &Project, toolchain: &Toolchain, kernel: &Kernel) -> Result<PathBuf> {
    if let Ok(whole) = kernel.build.join("source").canonicalize() {
        return Ok(whole);
    }
    let version = read(&kernel.build.join("version"))?;
    if let Some(dir) = cached(project, &version) {
        return Ok(dir);
    }
    let series = kernel
        .series()
        .with_context(|| format!("{} belongs to no series", kernel.release))?;
    let found = archive::sources(project, toolchain, series, &version)?;
    if let Sources::Package(_, package) = &found
        && package.version != version
    {
        let newest = &package.version;
        eprintln!(
            "note: {} is {version}; taking the sources of {newest}",
            kernel.release
        );
    }
    let taken = match &found {
        Sources::Package(_, package) => &package.version,
        Sources::Built(_) => &version,
    };
    let path = path(project, taken);
    project.cache.entry(path, Partial::Discard, |dir| {
        let whole = dir.join("whole");
        let (archive, top) = match &found {
            Sources::Package(suite, package) => {
                let suite = Suite::open(project, toolchain, suite)?;
                make_dir(&whole)?;
                suite.unpack(std::slice::from_ref(package), &whole)?;
                let archive = format!("usr/src/{}.tar.xz", package.name);
                (whole.join(archive), package.name.clone())
            }
            Sources::Built(suite) => {
                let suite = Suite::fetch_sources(project, toolchain, suite)?;
                let archive = suite.download_source(archive::SOURCE, taken, &whole)?;
                let upstream = taken.split('-').next().unwrap_or_default();
                (archive, format!("linux-{upstream}"))
            }
        };
        let mut tar = toolchain.command("tar");
        tar.args(["--extract", "--no-same-owner", "--strip-components=1"]);
        tar.arg("--file").arg(&archive).arg("--directory").arg(dir);
        tar.args(PARTS.map(|part| format!("{top}/{part}")));
        let name = format!("unpacking of the selftests of {taken}");
        project.runner.run(&name, tar)?;
        remove_dir(&whole)
    })
}

fn cached(project: &Project, version: &str) -> Option<PathBuf> {
    let path = path(project, version);
    project
        .cache
        .complete(KIND)
        .into_iter()
        .find(|dir| *dir == path)
}

/// Where the sources of `version` lie, if they are there.
fn path(project: &Project, version: &str) -> PathBuf {
    let label = version.replace('~', "-");
    project
        .cache
        .path(KIND, &label, &[version, &PARTS.join(" ")])
}
