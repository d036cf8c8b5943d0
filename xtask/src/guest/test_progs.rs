// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own selftests in a guest of the patched kernel: `test_progs` with the tests that
//! patches add, and those of schedulers.
//!
//! `test_progs` with all its tests takes longer to build than the kernel. Here it is made by its
//! own Makefile in a copy of the tree from which the other tests are left out; what remains of it
//! (runner, loader, libbpf, bpftool) is as in the tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::qemu::{Guest, MEMORY};
use crate::build::initramfs;
use crate::linux::patches::series::{SELFTESTS, Series};
use crate::linux::patches::tree;
use crate::linux::target::Target;
use crate::workshop::cache::Partial;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

const SCHEDULERS: &str = "tools/testing/selftests/sched_ext";
/// CPUs as QEMU's `-smp` has them, where nothing else is wanted.
pub(crate) const SMP: &str = "4,maxcpus=130";
const LIMIT: Duration = Duration::from_secs(600);
/// What of the Makefile's variables stands for tests that are left out.
const LEFT_OUT: [&str; 8] = [
    "LSKELS=",
    "LSKELS_EXTRA=",
    "LSKELS_SIGNED=",
    "LINKED_SKELS=",
    "LINKED_BPF_SRCS=",
    "LIBARENA_SKEL=",
    "LIBARENA_ASAN_SKEL=",
    "TRUNNER_EXTRA_FILES=",
];

/// Runs on `target`, with CPUs as `smp` has them, the tests that `series` adds to the patched `tree`;
/// `args` are those of `test_progs`.
pub(crate) fn run(
    target: &Target<'_>,
    tree: &Path,
    series: &Series,
    smp: &str,
    args: &[String],
) -> Result<()> {
    let program = build(target, tree, series)?.join("test_progs");
    start(target, "selftests", &program, smp, args)
}

/// Runs on `target` the tests of sched_ext that the patched `tree` has; `args` are those of their
/// `runner`.
pub(crate) fn run_schedulers(
    target: &Target<'_>,
    tree: &Path,
    series: &Series,
    args: &[String],
) -> Result<()> {
    let program = build_schedulers(target, tree, series)?.join("runner");
    start(target, "sched-ext", &program, SMP, args)
}

/// Has the guest's `verb` run `program` with `args`.
fn start(
    target: &Target<'_>,
    verb: &str,
    program: &Path,
    smp: &str,
    args: &[String],
) -> Result<()> {
    let file = program.file_name().unwrap_or_default().display();
    let mut payload = vec![(format!("selftests/{file}"), program.to_owned())];
    payload.extend(libraries(&target.toolchain, program)?);
    let base = initramfs::build(target)?;
    let initramfs = target.products()?.join(format!("{verb}.cpio"));
    initramfs::extend(&base, &payload, &initramfs)?;

    let mut told = vec![verb.to_owned()];
    told.extend(args.iter().cloned());
    let guest = Guest {
        target,
        initramfs: &initramfs,
        smp,
        memory: MEMORY,
        known: &[],
        args: &told,
        limit: LIMIT,
    };
    let ended = guest.run(&format!("{verb} on {}", target.kernel.release))?;
    if ended.status != 0 {
        bail!("{file} failed, with status {}", ended.status);
    }
    Ok(())
}

/// Builds `test_progs` and gives the directory that has it.
fn build(target: &Target<'_>, tree: &Path, series: &Series) -> Result<PathBuf> {
    let built = built(target, "selftests", (tree, series), |dir| {
        let selftests = dir.join(SELFTESTS);
        for sources in ["progs", "prog_tests"] {
            leave_out(&selftests.join(sources), series)?;
        }
        let mut make = make(target, &selftests);
        make.args(["SKIP_DOCS=1", "SKIP_LLVM=1", "SKIP_LIBBFD=1"]);
        make.args(LEFT_OUT).arg("test_progs");
        target.project.runner.run("test_progs", make)
    })?;
    Ok(built.join(SELFTESTS))
}

/// Builds the tests of schedulers and gives the directory that has their `runner`.
fn build_schedulers(target: &Target<'_>, tree: &Path, series: &Series) -> Result<PathBuf> {
    let built = built(target, "sched-ext", (tree, series), |dir| {
        let make = make(target, &dir.join(SCHEDULERS));
        target.project.runner.run("tests of sched_ext", make)
    })?;
    Ok(built.join(SCHEDULERS))
}

/// A copy of the patched tree in which `build` has built what the cache has by the name `what`.
fn built(
    target: &Target<'_>,
    what: &str,
    (tree, series): (&Path, &Series),
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let Target {
        project, kernel, ..
    } = target;
    let place = tree.display().to_string();
    let inputs = [place.as_str(), &series.text()];
    let path = project.cache.path(what, &kernel.release, &inputs);
    project.cache.entry(path, Partial::Discard, |dir| {
        tree::copy(tree, dir)?;
        build(dir)
    })
}

/// `make` in a directory of selftests, against the kernel's types.
fn make(target: &Target<'_>, dir: &Path) -> Command {
    let mut make = target.toolchain.command("make");
    make.arg("-C").arg(dir).arg(run::jobs()).arg("LLVM=1");
    make.arg(format!("VMLINUX_BTF={}", target.kernel.btf().display()));
    make
}

/// Removes the C files of `dir` that the series does not add.
fn leave_out(dir: &Path, series: &Series) -> Result<()> {
    let name = dir.file_name().unwrap_or_default().display().to_string();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().display().to_string();
        let added = series.adds(&format!("{SELFTESTS}/{name}/{file}"));
        if file.ends_with(".c") && !added {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The shared libraries that `program` loads: where the guest looks for them, and where they lie.
fn libraries(toolchain: &Toolchain, program: &Path) -> Result<Vec<(String, PathBuf)>> {
    let said = run::output(toolchain.command("ldd").arg(program))?;
    let paths = said
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(|path| {
            let inside = path.trim_start_matches('/');
            // What /lib and /lib64 link to.
            let file = toolchain.file("usr").join(inside);
            let file = file
                .canonicalize()
                .with_context(|| format!("the toolchain has no {path}"))?;
            Ok((inside.to_owned(), file))
        });
    paths.collect()
}
