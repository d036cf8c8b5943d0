// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel`, and what a kernel is to the other verbs.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use crate::kernel_data;
use crate::module;
use crate::stock;
use crate::test_kernel::{self, Form};
use crate::workshop::files::read;
use crate::workshop::project::Project;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// Where the patched tree has the iterator.
pub(crate) const IN_TREE: &str = "kernel/bpf/iter_cpumask";

/// `cargo xtask kernel`.
#[derive(clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    /// The test kernel with the patches of linux-patches/, the iterator built in.
    #[arg(long, global = true)]
    patched: bool,
    /// The patched kernel with the iterator as a module.
    #[arg(long, global = true, requires = "patched")]
    module: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Fetch a stock distribution kernel and regenerate its Rust metadata.
    Stock {
        /// The series wanted; the next one that fits is taken if the archive has lost it.
        #[arg(default_value = "7.3")]
        series: Series,
        /// Ask the archive for a newer version than the one in the cache.
        #[arg(long)]
        update: bool,
    },
    /// Fetch, configure and build the test kernel.
    Build,
    /// Write what verifier-model ships of the test kernel: types, kfuncs, configuration.
    Data,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let mut toolchain = Toolchain::ensure(project)?;
    let kernel = match &args.verb {
        Some(Verb::Stock { .. }) if args.patched => {
            bail!(
                "stock kernels come as they are; the patched one is `cargo xtask kernel --patched`"
            )
        }
        Some(Verb::Stock { series, update }) => {
            stock::ensure(project, &toolchain, *series, *update)?
        }
        Some(Verb::Build | Verb::Data) | None => {
            let form = match (args.patched, args.module) {
                (false, _) => Form::Plain,
                (true, false) => Form::BuiltIn,
                (true, true) => Form::Module,
            };
            test_kernel::ensure(project, &mut toolchain, form)?
        }
    };
    if matches!(args.verb, Some(Verb::Data)) {
        return kernel_data::write(project, &toolchain, &kernel);
    }
    println!("release  {}", kernel.release);
    println!("image    {}", kernel.image.display());
    println!("build    {}", kernel.build.display());
    Ok(())
}

/// Where a kernel has the iterator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Iterator {
    /// In a module that is built apart from the kernel.
    Apart,
    /// In this module of its own.
    Module(PathBuf),
    /// In the image.
    BuiltIn,
}

/// A kernel that can be booted and that modules can be built for.
pub(crate) struct Kernel {
    /// What `uname -r` says in it.
    pub(crate) release: String,
    /// The bootable image.
    pub(crate) image: PathBuf,
    /// The directory to give to `make -C`; it has a `vmlinux` with BTF.
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
        let image = [
            build.join("arch/x86/boot/bzImage"),
            Path::new("/boot").join(format!("vmlinuz-{release}")),
        ]
        .into_iter()
        .find(|path| path.exists())
        .with_context(|| {
            format!(
                "{} has no arch/x86/boot/bzImage: build it with `make bzImage`",
                build.display()
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
        let make = make_arguments(build)?;
        Ok(Self {
            release,
            image,
            build: build.to_path_buf(),
            make,
        })
    }

    /// Where the iterator is, by the kernel's configuration.
    pub(crate) fn iterator(&self) -> Result<Iterator> {
        let config = read(&self.build.join(".config"))?;
        let value = config
            .lines()
            .find_map(|line| line.strip_prefix("CONFIG_BPF_ITER_CPUMASK="));
        Ok(match value {
            Some("y") => Iterator::BuiltIn,
            Some("m") => Iterator::Module(self.build.join(IN_TREE).join(module::MODULE)),
            _ => Iterator::Apart,
        })
    }

    /// Whether it guards against what processors do on mispredicted paths.
    pub(crate) fn has_mitigations(&self) -> Result<bool> {
        let config = read(&self.build.join(".config"))?;
        Ok(config.lines().any(|l| l == "CONFIG_CPU_MITIGATIONS=y"))
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

/// What `make` needs to be told again to build with the compiler the kernel was built with.
fn make_arguments(build: &Path) -> Result<Vec<String>> {
    let config = read(&build.join(".config"))?;
    Ok(
        if config.lines().any(|line| line == "CONFIG_CC_IS_CLANG=y") {
            vec!["LLVM=1".to_owned()]
        } else {
            Vec::new()
        },
    )
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

/// A kernel series, such as 7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    /// 7 of 7.3.
    pub(crate) major: u32,
    /// 3 of 7.3.
    pub(crate) minor: u32,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Series {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |text: &str| {
            let (major, minor) = text.split_once('.')?;
            Some(Self {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
            })
        };
        parse(text).ok_or_else(|| format!("'{text}' is no kernel series; write for example 7.3"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_two_numbers() {
        assert_eq!("7.3".parse(), Ok(Series { major: 7, minor: 3 }));
        for bad in ["", "7", "7.", "7.x", "7.3.4"] {
            assert!(bad.parse::<Series>().is_err(), "{bad}");
        }
    }

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
