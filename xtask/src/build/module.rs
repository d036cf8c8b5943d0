// SPDX-License-Identifier: GPL-2.0-only
//! The modules for a kernel, built by the kernel's own build system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::guard;
use crate::linux::kernel::{self, MODULE, Place};
use crate::linux::target::Target;
use crate::workshop::files::{make_dir, read, remove_dir};
use crate::workshop::project::Project;
use crate::workshop::run;

/// The iterator's module for `target`, checked.
pub(crate) fn build(target: &Target<'_>) -> Result<PathBuf> {
    find(target)?.with_context(|| {
        format!(
            "{} has the iterator built in, there is no module to build",
            target.kernel.release
        )
    })
}

/// The iterator's module, checked, unless `target` has the iterator built in.
pub(crate) fn find(target: &Target<'_>) -> Result<Option<PathBuf>> {
    let place = target.kernel.iterator()?;
    let module = match &place {
        Place::BuiltIn => return Ok(None),
        Place::Module(module) => module.clone(),
        Place::Apart => {
            let out = target.products()?.join("module");
            make(target, &target.project.checkout, &out)?;
            out.join("kfunc").join(MODULE)
        }
    };
    guard::check(&module, &target.kernel.btf(), &place)
        .with_context(|| format!("{} is not as it must be", module.display()))?;
    Ok(Some(module))
}

/// The iterator's module, if it is one, and the example of docs/writing-a-kfunc.md.
pub(crate) fn build_all(target: &Target<'_>) -> Result<Vec<PathBuf>> {
    let mut modules = Vec::from_iter(find(target)?);
    modules.push(build_example(target)?);
    Ok(modules)
}

/// The example of docs/writing-a-kfunc.md.
pub(crate) fn build_example(target: &Target<'_>) -> Result<PathBuf> {
    let out = target.products()?.join("example");
    make(
        target,
        &target.project.checkout.join("tests/example-kfunc"),
        &out,
    )?;
    for entry in fs::read_dir(&out)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ko") {
            return Ok(path);
        }
    }
    bail!("tests/example-kfunc builds no module");
}

/// What the benchmarks hold the iterator's module against.
pub(crate) fn build_for_bench(target: &Target<'_>) -> Result<PathBuf> {
    let out = target.products()?.join("c-port");
    let sources = target.project.checkout.join("bench/c-port");
    make(target, &sources, &out)?;
    Ok(out.join("bpf_bench.ko"))
}

/// Bugs, for a kernel that looks for such.
pub(crate) fn build_planted(target: &Target<'_>) -> Result<PathBuf> {
    let out = target.products()?.join("planted");
    let sources = target.project.checkout.join("tests/planted");
    make(target, &sources, &out)?;
    Ok(out.join("planted.ko"))
}

/// The kernel's own clippy over the modules; it must have nothing to say.
pub(crate) fn clippy(target: &Target<'_>) -> Result<()> {
    let project = target.project;
    let products = target.products()?;
    for (name, sources) in [
        ("module", project.checkout.clone()),
        (
            "example-kfunc",
            project.checkout.join("tests/example-kfunc"),
        ),
    ] {
        let out = products.join(format!("{name}-clippy"));
        // Clippy speaks only when it compiles.
        if out.exists() {
            remove_dir(&out)?;
        }
        let mut make = command(target, &sources, &out)?;
        make.arg("CLIPPY=1");
        let step = format!("kernel clippy of the {name}");
        project.runner.run(&step, make)?;
        let log = project.runner.log(&step)?;
        let said = read(&log)?;
        // Clippy finds the workspace's Cargo.toml above the sources, whose Rust is the host's.
        let warning = |line: &&str| {
            line.starts_with("warning")
                && !line.starts_with("warning: the MSRV in `clippy.toml`")
                && !line.ends_with("warning emitted")
        };
        if let Some(line) = said.lines().find(warning) {
            bail!("{step}: {line} (log: {})", log.display());
        }
    }
    Ok(())
}

/// `make M=` in the directory `dir` itself, for kernels whose `make` puts the products nowhere else.
pub(crate) fn make_in(target: &Target<'_>, dir: &Path) -> Result<()> {
    let kernel = &target.kernel;
    let mut make = target.toolchain.command("make");
    make.arg("-C").arg(&kernel.build).args(&kernel.make);
    make.arg(format!("M={}", dir.display())).arg("modules");
    let name = dir.file_name().unwrap_or_default().display();
    let name = format!("{name} for {}", kernel.release);
    target.project.runner.run(&name, make)
}

/// `make M=`, with the products in `out`.
pub(crate) fn make(target: &Target<'_>, sources: &Path, out: &Path) -> Result<()> {
    let Target {
        project, kernel, ..
    } = target;
    let make = command(target, sources, out)?;
    let name = sources
        .file_name()
        .unwrap_or_default()
        .display()
        .to_string();
    let name = if sources == project.checkout {
        "module".to_owned()
    } else {
        name
    };
    project
        .runner
        .run(&format!("{name} for {}", kernel.release), make)
}

fn command(target: &Target<'_>, sources: &Path, out: &Path) -> Result<Command> {
    make_dir(out)?;
    let kernel = &target.kernel;
    let mut make = target.toolchain.command("make");
    make.arg("-C").arg(&kernel.build).args(&kernel.make);
    make.arg(run::jobs());
    make.arg(format!("M={}", sources.display()));
    make.arg(format!("MO={}", out.display())).arg("modules");
    Ok(make)
}

/// Builds with what this machine has for the kernel that it runs.
pub(crate) fn build_running(project: &Project) -> Result<PathBuf> {
    let build = kernel::running()?;
    kernel::check_build(&build)?;
    let out = project.products("running")?;
    let mut make = Command::new("make");
    make.arg("-C")
        .arg(&build)
        .arg(format!("M={}", project.checkout.display()))
        .arg(format!("MO={}", out.display()));
    make.arg("modules");
    project.runner.run("module for the running kernel", make)?;
    Ok(out.join("kfunc").join(MODULE))
}
