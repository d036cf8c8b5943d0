// SPDX-License-Identifier: GPL-2.0-only
//! What a guest boots into: an initramfs of one static program, the modules and the BPF objects.
//!
//! ```text
//! /init                     the `guest` package of `tests/`
//! /bin/busybox              for the shell
//! /lib/modules/*.ko         loaded by /init in the order of their names
//! /bpf/<path>.bpf.o         one for each tests/programs/<path>.bpf.c
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cpio::newc;

use super::bpf;
use super::foreign::busybox;
use super::guest_program;
use super::module;
use crate::linux::target::Target;
use crate::workshop::files::read_bytes;
use crate::workshop::interrupt::Scratch;

/// Builds all that goes into the initramfs for `target`, and the initramfs.
pub(crate) fn build(target: &Target<'_>) -> Result<PathBuf> {
    let _lock = target.project.lock_products()?;
    let modules = module::build_all(target)?;
    let objects = bpf::compile(target)?;
    pack(target, "initramfs.cpio", &modules, &objects)
}

/// The same with bugs, in a module that is not loaded.
pub(crate) fn with_planted(target: &Target<'_>) -> Result<PathBuf> {
    let base = build(target)?;
    let _lock = target.project.lock_products()?;
    let module = module::build_planted(target)?;
    let path = target.products()?.join("planted.cpio");
    extend(&base, &[("planted/planted.ko".to_owned(), module)], &path)?;
    Ok(path)
}

/// The same for the benchmarks: their modules and BPF objects, and no others.
pub(crate) fn for_bench(target: &Target<'_>) -> Result<PathBuf> {
    let _lock = target.project.lock_products()?;
    let mut modules = Vec::from_iter(module::find(target)?);
    modules.push(module::build_for_bench(target)?);
    let mut objects = bpf::compile(target)?;
    objects.retain(|object| object.name.starts_with("bench/"));
    pack(target, "bench.cpio", &modules, &objects)
}

/// Without modules, and of the BPF objects those whose path below tests/programs begins so.
pub(crate) fn of_objects(target: &Target<'_>, prefix: &str) -> Result<PathBuf> {
    let _lock = target.project.lock_products()?;
    let objects = bpf::compile_without(target, prefix)?;
    pack(target, "objects.cpio", &[], &objects)
}

/// An initramfs with the program alone, the same for every kernel.
pub(crate) fn bare(target: &Target<'_>) -> Result<PathBuf> {
    let _lock = target.project.lock_products()?;
    pack(target, "bare.cpio", &[], &[])
}

/// Writes an initramfs of this name with the guest's program. Who calls it has the lock on products.
fn pack(
    target: &Target<'_>,
    name: &str,
    modules: &[PathBuf],
    objects: &[bpf::Object],
) -> Result<PathBuf> {
    let Target {
        project, toolchain, ..
    } = target;
    let init = guest_program::build(project, toolchain)?;
    let busybox = busybox(project, toolchain)?;
    let path = target.products()?.join(name);
    let partial = path.with_extension("partial");
    let scratch = Scratch::new(&partial);
    let mut archive = Archive {
        file: File::create(&partial)?,
        inodes: 0,
    };
    for dir in ["bin", "lib", "lib/modules", "bpf"] {
        archive.directory(dir)?;
    }
    archive.program("init", &init)?;
    archive.program("bin/busybox", &busybox)?;
    for module in modules {
        let name = module.file_name().context("a module has a name")?;
        archive.program(&format!("lib/modules/{}", name.display()), module)?;
    }
    for dir in directories(objects.iter().map(|object| object.name.as_str())) {
        archive.directory(&format!("bpf/{}", dir.display()))?;
    }
    for object in objects {
        archive.program(&format!("bpf/{}", object.name), &object.path)?;
    }
    archive.finish()?;
    // A guest of another run may be reading the one before.
    fs::rename(&partial, &path)?;
    scratch.keep();
    Ok(path)
}

/// Writes to `path` the initramfs `base` with `files` added, each a name in the guest and a file
/// here: the kernel unpacks one archive after the other.
pub(crate) fn extend(base: &Path, files: &[(String, PathBuf)], path: &Path) -> Result<()> {
    let scratch = Scratch::new(path);
    fs::copy(base, path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut file = File::options().append(true).open(path)?;
    // Each archive begins at a multiple of four.
    let length = file.metadata()?.len();
    file.write_all(&[0; 4][..(length.next_multiple_of(4) - length) as usize])?;
    let mut archive = Archive { file, inodes: 0 };
    for dir in directories(files.iter().map(|(name, _)| name.as_str())) {
        archive.directory(&dir.display().to_string())?;
    }
    for (name, source) in files {
        archive.program(name, source)?;
    }
    archive.finish()?;
    scratch.keep();
    Ok(())
}

/// The directories that files of these names lie in, each before those in it.
fn directories<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<PathBuf> {
    names
        .flat_map(|name| Path::new(name).ancestors().skip(1))
        .filter(|dir| !dir.as_os_str().is_empty())
        .map(Path::to_path_buf)
        .collect()
}

/// An archive in cpio's newc format, which the kernel unpacks.
struct Archive {
    file: File,
    inodes: u32,
}

impl Archive {
    fn directory(&mut self, name: &str) -> Result<()> {
        self.entry(name, 0o040_755, &[])
    }

    fn program(&mut self, name: &str, source: &Path) -> Result<()> {
        let bytes = read_bytes(source)?;
        self.entry(name, 0o100_755, &bytes)
    }

    fn entry(&mut self, name: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        self.inodes += 1;
        let size = u32::try_from(bytes.len())
            .with_context(|| format!("{name} is too large for an initramfs"))?;
        let mut writer = newc::Builder::new(name)
            .ino(self.inodes)
            .mode(mode)
            .nlink(1)
            .write(&mut self.file, size);
        std::io::copy(&mut Cursor::new(bytes), &mut writer)?;
        writer.finish()?;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        newc::trailer(&mut self.file)?;
        self.file.flush()?;
        Ok(())
    }
}
