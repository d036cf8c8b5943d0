// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own test modules, which have types and kfuncs that the selftests use. One of them is
//! left out: `bpf_test_rqspinlock` starts a stress test when it is loaded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::build::module;
use crate::linux::headers;
use crate::linux::patches::series::SELFTESTS;
use crate::linux::target::Target;
use crate::workshop::files::{make_dir, remove_dir};

const NAMES: [&str; 4] = [
    "bpf_testmod",
    "bpf_test_modorder_x",
    "bpf_test_modorder_y",
    "bpf_test_no_cfi",
];

/// Those of the sources that `target` was built of.
pub(crate) fn build(target: &Target<'_>) -> Result<Vec<PathBuf>> {
    let _lock = target.project.lock_products()?;
    let out = target.products()?.join("test_kmods");
    let sources = target.kernel.build.join("source").canonicalize()?;
    let sources = sources.join(SELFTESTS).join("test_kmods");
    module::make(target, &sources, &out)?;
    NAMES.iter().map(|name| built(&out, name)).collect()
}

/// Those that `source` has for `image`, a kernel that nothing else is built for. In the trees of before
/// 6.14 each has a folder of its own, and is built there.
pub(crate) fn of_image(image: &Target<'_>, source: &Path) -> Result<Vec<PathBuf>> {
    let _lock = image.project.lock_products()?;
    let (project, toolchain) = (image.project, image.toolchain.clone());
    let Some(kernel) = headers::of(project, &toolchain, &image.kernel, source)? else {
        let release = &image.kernel.release;
        eprintln!("note: the archive has no headers of {release}; its test modules are not built");
        return Ok(Vec::new());
    };
    let target = Target {
        project,
        toolchain,
        kernel,
    };
    let all = target.products()?.join("test_kmods");
    let mut modules = Vec::new();
    for name in NAMES {
        let sources = source.join(SELFTESTS).join(name);
        if !sources.is_dir() {
            continue;
        }
        let out = all.join(name);
        if out.exists() {
            remove_dir(&out)?;
        }
        make_dir(&out)?;
        for entry in fs::read_dir(&sources)? {
            let entry = entry?;
            fs::copy(entry.path(), out.join(entry.file_name()))
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
        module::make_in(&target, &out)?;
        modules.push(built(&out, name)?);
    }
    Ok(modules)
}

fn built(out: &Path, name: &str) -> Result<PathBuf> {
    let path = out.join(format!("{name}.ko"));
    if !path.exists() {
        bail!("{} is not built", path.display());
    }
    Ok(path)
}
