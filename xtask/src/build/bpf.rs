// SPDX-License-Identifier: GPL-2.0-only
//! Compiling the BPF programs of the guest against a kernel's types.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

use crate::linux::target::Target;
use crate::workshop::files::read;
use crate::workshop::interrupt::Scratch;
use crate::workshop::run;

/// A compiled program: its path below `tests/programs` with `.bpf.o`, and where it lies.
pub(crate) struct Object {
    /// Such as `walks/possible.bpf.o`.
    pub(crate) name: String,
    /// The file.
    pub(crate) path: PathBuf,
}

/// What of `tests/programs` is for kernels with the iterator and without.
pub(crate) const ANYWHERE: [&str; 2] = ["anywhere/", "tools/"];

/// Compiles every `tests/programs/**/*.bpf.c` that is older than its sources for a kernel that has the
/// iterator.
pub(crate) fn compile(target: &Target<'_>) -> Result<Vec<Object>> {
    compile_into(target, "bpf", "")
}

/// Compiles those whose path below `tests/programs` begins so for a kernel that may not have it.
pub(crate) fn compile_without(target: &Target<'_>, prefix: &str) -> Result<Vec<Object>> {
    compile_into(target, WITHOUT, prefix)
}

/// The directory of what does not need the iterator.
const WITHOUT: &str = "bpf-without";

fn compile_into(target: &Target<'_>, directory: &str, prefix: &str) -> Result<Vec<Object>> {
    let Target {
        project,
        toolchain,
        kernel,
    } = target;
    let out = target.products()?;
    let programs = project.checkout.join("tests/programs");
    let include = project.checkout.join("kfunc/include");
    let vmlinux = vmlinux_header(target, &out)?;
    let headers = newest(&[&programs, &include], ".h")?.max(modified(&vmlinux)?);
    let mut objects = Vec::new();
    let mut stale = Vec::new();
    for source in files(&programs, ".bpf.c") {
        let relative = source.strip_prefix(&programs)?.with_extension("o");
        if !relative.to_string_lossy().starts_with(prefix) {
            continue;
        }
        let path = out.join(directory).join(&relative);
        if !modified(&path).is_ok_and(|made| {
            made > headers && modified(&source).is_ok_and(|changed| made > changed)
        }) {
            stale.push((source, path.clone()));
        }
        objects.push(Object {
            name: relative.display().to_string(),
            path,
        });
    }
    if stale.is_empty() {
        return Ok(objects);
    }
    let name = format!("BPF programs for {}", kernel.release);
    // The type comes with the kernel that the iterator is built into.
    let has_type = read(&vmlinux)?.contains("struct bpf_iter_cpumask {");
    let bar = project.runner.bar(&name, stale.len() as u64);
    for (source, path) in stale {
        bar.set_message(source.display().to_string());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let scratch = Scratch::new(&path);
        let mut clang = toolchain.command("clang");
        clang.args([
            "-target", "bpf", "-mcpu=v3", "-g", "-O2", "-Wall", "-Werror",
        ]);
        // The kernel's own types use it: a named structure as an unnamed member.
        clang.args(["-fms-extensions", "-Wno-microsoft-anon-tag"]);
        clang.arg(format!("-D__TARGET_ARCH_{}", toolchain.arch().libbpf()));
        if directory != WITHOUT
            && !ANYWHERE
                .iter()
                .any(|folder| source.starts_with(programs.join(folder)))
        {
            clang.arg("-DBPF_ITER_CPUMASK_ONLY");
        }
        if has_type {
            clang.arg("-DBPF_ITER_CPUMASK_BUILT_IN");
        }
        clang
            .arg("-I")
            .arg(&out)
            .arg("-I")
            .arg(&include)
            .arg("-I")
            .arg(&programs);
        clang.arg("-c").arg(&source).arg("-o").arg(&path);
        run::output(&mut clang)
            .with_context(|| format!("compiling {} failed", source.display()))?;
        scratch.keep();
        bar.inc(1);
    }
    project.runner.finish(&bar, &name, true);
    Ok(objects)
}

/// Writes the kernel's types as C into `vmlinux.h`, unless that is there already.
fn vmlinux_header(target: &Target<'_>, out: &Path) -> Result<PathBuf> {
    let header = out.join("vmlinux.h");
    let btf = target.kernel.btf();
    if modified(&header).is_ok_and(|made| modified(&btf).is_ok_and(|changed| made > changed)) {
        return Ok(header);
    }
    let scratch = Scratch::new(&header);
    let mut bpftool = target.toolchain.command("bpftool");
    bpftool
        .args(["btf", "dump", "file"])
        .arg(&btf)
        .args(["format", "c"]);
    let status = bpftool
        .stdout(File::create(&header)?)
        .status()
        .context("cannot run bpftool")?;
    if !status.success() {
        bail!("bpftool finds no BTF in {}", btf.display());
    }
    scratch.keep();
    Ok(header)
}

fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter().flatten();
    entries
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect()
}

fn newest(dirs: &[&Path], suffix: &str) -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for path in dirs.iter().flat_map(|dir| files(dir, suffix)) {
        newest = newest.max(modified(&path)?);
    }
    Ok(newest)
}

fn modified(path: &Path) -> Result<SystemTime> {
    let data = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(data.modified()?)
}
