// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel is: an image to boot and a build tree, whether of ours or of the user's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::patches::series::IN_TREE;
use super::release::Release;
use crate::workshop::arch::Arch;
use crate::workshop::files::read;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// The iterator's module.
pub(crate) const MODULE: &str = "bpf_iter_cpumask.ko";

/// Where a kernel has the iterator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a module that is built apart from the kernel.
    Apart,
    /// In this module of its own.
    Module(PathBuf),
    /// In the image.
    BuiltIn,
}

/// A kernel that can be booted.
pub(crate) struct Kernel {
    /// What `uname -r` says in it.
    pub(crate) release: String,
    /// The bootable image.
    pub(crate) image: PathBuf,
    /// The directory with its `.config` and a `vmlinux` with BTF. Unless it is [`super::image`]'s, it is
    /// the one to give to `make -C` as well.
    pub(crate) build: PathBuf,
    /// What else `make` must be told: compilers, local version.
    pub(crate) make: Vec<String>,
}

impl Kernel {
    /// The user's own built tree, named by `KERNEL_BUILD`.
    pub(crate) fn from_build(toolchain: &mut Toolchain, build: &Path) -> Result<Self> {
        check_build(build)?;
        let release = read(&build.join("include/config/kernel.release"))?
            .trim()
            .to_owned();
        let made = toolchain.arch().image();
        let image = [
            build.join(made),
            Path::new("/boot").join(format!("vmlinuz-{release}")),
        ]
        .into_iter()
        .find(|path| path.exists())
        .with_context(|| {
            format!(
                "{} has no {made}: build it with `make {}`",
                build.display(),
                made.rsplit('/').next().unwrap_or_default()
            )
        })?;
        check_rustc(toolchain, build)?;
        toolchain.bind(build);
        if let Ok(source) = build.join("source").canonicalize() {
            toolchain.bind(&source);
        }
        if let Some(dir) = image.parent() {
            toolchain.bind(dir);
        }
        let make = make_arguments(build, toolchain.arch())?;
        Ok(Self {
            release,
            image,
            build: build.to_path_buf(),
            make,
        })
    }

    /// The series that it belongs to.
    pub(crate) fn series(&self) -> Option<Release> {
        Release::of(&self.release)
    }

    /// Where the iterator is, by the kernel's configuration.
    pub(crate) fn iterator(&self) -> Result<Place> {
        let config = read(&self.build.join(".config"))?;
        let value = config
            .lines()
            .find_map(|line| line.strip_prefix("CONFIG_BPF_ITER_CPUMASK="));
        Ok(match value {
            Some("y") => Place::BuiltIn,
            Some("m") => Place::Module(self.build.join(IN_TREE).join(MODULE)),
            _ => Place::Apart,
        })
    }

    /// Whether it guards against what processors do on mispredicted paths.
    pub(crate) fn has_mitigations(&self) -> Result<bool> {
        is_set(&self.build, "CONFIG_CPU_MITIGATIONS")
    }

    /// Whether it checks each of its own loads and stores, and so is slow and takes more memory.
    pub(crate) fn is_checked(&self) -> Result<bool> {
        is_set(&self.build, "CONFIG_KASAN")
    }

    /// The file with the kernel's BTF.
    pub(crate) fn btf(&self) -> PathBuf {
        self.build.join("vmlinux")
    }
}

/// Whether a Rust module with BTF can be built against `build`; the first thing that is missing.
pub(crate) fn check_build(build: &Path) -> Result<()> {
    let config = fs::read_to_string(build.join(".config"))
        .or_else(|_| fs::read_to_string(build.join("include/config/auto.conf")));
    let config = config
        .with_context(|| format!("{} is no built kernel: it has no .config", build.display()))?;
    for (option, why) in [
        ("CONFIG_RUST", "the kernel is built without Rust"),
        ("CONFIG_MODULES", "the kernel takes no modules"),
        ("CONFIG_BPF_SYSCALL", "the kernel has no BPF"),
        ("CONFIG_DEBUG_INFO_BTF", "the kernel has no BTF"),
        ("CONFIG_DEBUG_INFO_BTF_MODULES", "modules get no BTF"),
    ] {
        if !config.lines().any(|line| line == format!("{option}=y")) {
            bail!(
                "{}: {why}; set {option}=y and build it again",
                build.display()
            );
        }
    }
    for (file, how) in [
        (
            "rust/libkernel.rmeta",
            "the Rust metadata is missing; run `make prepare modules_prepare` there, or take the kernel's own build tree",
        ),
        (
            "vmlinux",
            "vmlinux is missing, so modules get no BTF; copy it from the kernel's headers or build it",
        ),
        (
            "Module.symvers",
            "Module.symvers is missing; copy it from the kernel's headers or build the kernel",
        ),
    ] {
        if !build.join(file).exists() {
            bail!("{}: {how}", build.display());
        }
    }
    Ok(())
}

/// Rust metadata can be read by the very compiler that wrote it and by no other.
fn check_rustc(toolchain: &Toolchain, build: &Path) -> Result<()> {
    let ours = toolchain.rustc_version()?;
    match built_with(build)? {
        Some(theirs) if theirs != ours => {
            bail!(
                "{} was built with `{theirs}`, the toolchain has `{ours}`; build the module there with `make -C KDIR M=$PWD modules`",
                build.display()
            )
        }
        _ => Ok(()),
    }
}

/// The version line of the rustc that built the tree.
fn built_with(build: &Path) -> Result<Option<String>> {
    let config = read(&build.join(".config"))?;
    let value = config
        .lines()
        .find_map(|line| line.strip_prefix("CONFIG_RUSTC_VERSION_TEXT="));
    Ok(value.map(|value| value.trim_matches('"').to_owned()))
}

/// Whether the kernel of a build tree has an option built in.
fn is_set(build: &Path, option: &str) -> Result<bool> {
    let config = read(&build.join(".config"))?;
    let mut values = config.lines().filter_map(|line| line.strip_prefix(option));
    Ok(values.any(|value| value == "=y"))
}

/// What `make` needs to be told again to build with the compiler the kernel was built with.
fn make_arguments(build: &Path, arch: Arch) -> Result<Vec<String>> {
    let mut arguments: Vec<String> = arch.make().iter().map(|&a| a.to_owned()).collect();
    if is_set(build, "CONFIG_CC_IS_CLANG")? {
        arguments.push("LLVM=1".to_owned());
    }
    Ok(arguments)
}

/// The directory of the running kernel's build tree.
pub(crate) fn running() -> Result<PathBuf> {
    let release = run::output(Command::new("uname").arg("-r"))?;
    let build = Path::new("/lib/modules").join(release.trim()).join("build");
    build.canonicalize().with_context(|| {
        format!(
            "{} is missing: install the headers of the running kernel",
            build.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_rust_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            check_build(dir.path())
                .unwrap_err()
                .to_string()
                .contains("no .config")
        );
        fs::write(dir.path().join(".config"), "CONFIG_MODULES=y\n").unwrap();
        assert!(
            check_build(dir.path())
                .unwrap_err()
                .to_string()
                .contains("CONFIG_RUST=y")
        );
        let config =
            "CONFIG_RUST=y\nCONFIG_MODULES=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_DEBUG_INFO_BTF=y\n";
        fs::write(dir.path().join(".config"), config).unwrap();
        assert!(
            check_build(dir.path())
                .unwrap_err()
                .to_string()
                .contains("CONFIG_DEBUG_INFO_BTF_MODULES=y")
        );
    }
}
