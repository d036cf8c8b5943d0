// SPDX-License-Identifier: GPL-2.0-only
//! What test modules are built of for kernels that nothing else is built for: Debian's headers.
//!
//! The packages name the places where they are installed; here they lie in the cache, so these names
//! are written anew. The image's types go beside them, which older packages lack, and the tool that
//! writes numbers of types into a module, which they lack too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::archive;
use super::kernel::Kernel;
use super::stock;
use crate::workshop::cache::Partial;
use crate::workshop::debian::{Package, Suite};
use crate::workshop::files::{make_dir, read, write};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// What the cache calls them.
const KIND: &str = "headers";
/// Where the packages are meant to lie.
const PLACE: &str = "/usr/src";
/// The tool, in the headers and in the sources.
const RESOLVE: &str = "tools/bpf/resolve_btfids";

/// The kernel `image` with a tree to build modules in; nothing if the archive has no headers of it.
/// `source` has its tools.
pub(crate) fn of(
    project: &Project,
    toolchain: &Toolchain,
    image: &Kernel,
    source: &Path,
) -> Result<Option<Kernel>> {
    let release = &image.release;
    let version = read(&image.build.join("version"))?;
    let path = project.cache.path(KIND, release, &[&version, "1"]);
    if !project.cache.complete(KIND).contains(&path)
        && packages(project, toolchain, image, &version)?.is_none()
    {
        return Ok(None);
    }
    let dir = project.cache.entry(path, Partial::Discard, |dir| {
        let found = packages(project, toolchain, image, &version)?;
        let (suite, packages) = found.context("the archive has lost them")?;
        suite.unpack(&packages, dir)?;
        let tree = tree(dir, release);
        let makefile = tree.join("Makefile");
        let here = format!("{}{PLACE}", dir.display());
        write(&makefile, read(&makefile)?.replace(PLACE, &here))?;
        fs::copy(image.btf(), tree.join("vmlinux")).context("the image has no types")?;
        let resolve = tree.join(RESOLVE);
        if !resolve.exists() {
            make_dir(&resolve)?;
            let mut make = toolchain.command("make");
            make.arg("-C").arg(source.join(RESOLVE));
            make.arg(format!("OUTPUT={}/", resolve.canonicalize()?.display()));
            project.runner.run("resolve_btfids", make)?;
        }
        Ok(())
    })?;
    Ok(Some(Kernel {
        release: release.clone(),
        image: image.image.clone(),
        build: tree(&dir, release),
        make: vec![stock::compiler(toolchain.arch())],
    }))
}

fn tree(dir: &Path, release: &str) -> PathBuf {
    dir.join(format!("usr/src/linux-headers-{release}"))
}

/// The headers, those that flavours share, and the tools; and the suite that has them.
fn packages<'a>(
    project: &'a Project,
    toolchain: &'a Toolchain,
    image: &Kernel,
    version: &str,
) -> Result<Option<(Suite<'a>, Vec<Package>)>> {
    let release = &image.release;
    let series = image.series().context("a kernel belongs to a series")?;
    let base = release.trim_end_matches(archive::FLAVOUR);
    for name in archive::SUITES {
        let suite = Suite::open(project, toolchain, name)?;
        let mut found = suite.named(&format!("linux-headers-{release}"))?;
        found.extend(suite.named(&format!("linux-headers-{base}common"))?);
        // Of series that count their releases by ABI there is one for all.
        for kbuild in [base.trim_end_matches('-'), &series.to_string()] {
            found.extend(suite.named(&format!("linux-kbuild-{kbuild}"))?);
        }
        found.retain(|package| package.version == version);
        if found.len() == 3 {
            return Ok(Some((suite, found)));
        }
    }
    Ok(None)
}
