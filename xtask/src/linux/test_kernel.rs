// SPDX-License-Identifier: GPL-2.0-only
//! The test kernel: Linux 7.3 built by clang, so that `__percpu` and `__rcu` reach BTF, with the
//! options of `config/test-kernel.config` and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::kernel::Kernel;
use super::patches::{named, series::IN_TREE, tree};
use super::release::Release;
use super::stock;
use crate::workshop::cache::Partial;
use crate::workshop::files::read;
use crate::workshop::project::Project;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// The release that it is of.
pub(crate) const RELEASE: Release = Release { major: 7, minor: 3 };
const CONFIG: &str = include_str!("../../config/test-kernel.config");
/// Where in it begins what only the kernel's own selftests need.
const FOR_SELFTESTS: &str = "\n# --- what the kernel's own BPF selftests name";
/// What the kernel that looks for bugs has besides.
const DEBUG: &str = include_str!("../../config/debug.config");
/// How its local version begins.
const LOCALVERSION: &str = "CONFIG_LOCALVERSION=\"-cpumask";
/// What the kernel has besides that tests itself: KUnit, and what finds memory that was not freed.
const KUNIT: &str = "\
CONFIG_KUNIT=y
CONFIG_KUNIT_DEBUGFS=y
CONFIG_KUNIT_DEFAULT_ENABLED=y
CONFIG_KUNIT_AUTORUN_ENABLED=y
CONFIG_RUST_KERNEL_DOCTESTS=y
CONFIG_DEBUG_KMEMLEAK=y
CONFIG_DEBUG_KMEMLEAK_MEM_POOL_SIZE=64000
# CONFIG_DEBUG_KMEMLEAK_AUTO_SCAN is not set
CONFIG_MEM_ALLOC_PROFILING=y
CONFIG_MEM_ALLOC_PROFILING_ENABLED_BY_DEFAULT=y
";
/// Lines that the build prints, about.
const LINES: u64 = 2300;

/// What is done to the base before it is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing.
    Plain,
    /// The patches are applied and the iterator is built in.
    BuiltIn,
    /// The patches are applied and the iterator is a module.
    Module,
    /// The patches are applied, and the doctests of the kernel's Rust run while it boots. The iterator
    /// is left to a module built apart, which has iterators that take memory.
    Kunit,
    /// The first patches are applied; once it is there, the iterator is built in.
    Prefix,
    /// Nothing, and the kernel looks for bugs of memory, locks and RCU while it runs.
    Debug,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "test",
            Self::BuiltIn => "patched",
            Self::Module => "patched-module",
            Self::Kunit => "kunit",
            Self::Prefix => "prefix",
            Self::Debug => "debug",
        }
    }

    /// Whether the patches are applied.
    fn is_patched(self) -> bool {
        !matches!(self, Self::Plain | Self::Debug)
    }

    /// The configuration of the tree `source` in this form. Each form has a release of its own, and
    /// products beside the others'.
    pub(crate) fn config(self, source: &Path) -> String {
        let (suffix, iterator) = match self {
            Self::Plain => return CONFIG.to_owned(),
            Self::Debug => return besides(DEBUG),
            Self::BuiltIn => ("patched", Some("y")),
            Self::Module => ("patched-m", Some("m")),
            Self::Kunit => ("kunit", None),
            Self::Prefix => ("prefix", Some("y")),
        };
        let mut config = CONFIG.replace(LOCALVERSION, &format!("{LOCALVERSION}-{suffix}"));
        let added = self != Self::Prefix || source.join(IN_TREE).join("Makefile").exists();
        if let Some(iterator) = iterator.filter(|_| added) {
            config += &format!("CONFIG_BPF_ITER_CPUMASK={iterator}\n");
        }
        let options = fs::read_to_string(source.join("lib/Kconfig.debug")).unwrap_or_default();
        if self != Self::Prefix || options.contains("config DEBUG_INFO_BTF_VARS") {
            config += "CONFIG_DEBUG_INFO_BTF_VARS=y\n";
        }
        if self == Self::Kunit {
            config += KUNIT;
        }
        config
    }
}

/// The test kernel's options with these, which have another name for it, and without those that are
/// for the selftests: a checked kernel is slow to build and to run.
fn besides(options: &str) -> String {
    let plain = CONFIG.split(FOR_SELFTESTS).next().unwrap_or(CONFIG);
    let mut config: String = plain
        .lines()
        .filter(|line| !line.starts_with(LOCALVERSION))
        .flat_map(|line| [line, "\n"])
        .collect();
    config += options;
    config
}

/// The test kernel, from `KERNEL_SRC` or from Debian's source package; built on first use.
pub(crate) fn ensure(project: &Project, toolchain: &mut Toolchain, form: Form) -> Result<Kernel> {
    let (source, partial) = base(project, toolchain)?;
    let version = version(&source)?;
    let config = form.config(&source);
    let place = source.display().to_string();
    let rustc = toolchain.rustc_version()?;
    let mut inputs = vec![config.as_str(), &version, &place, &rustc];
    let patches;
    if form.is_patched() {
        let series = named::one_after_another(project)?;
        let patched = tree::patched(project, &source, &series)?;
        toolchain.bind_over(&patched, &source);
        patches = series.code();
        inputs.push(&patches);
    }
    let path = project.cache.path("kernel", form.name(), &inputs);
    let toolchain = &*toolchain;
    let build = project.cache.entry(path, partial, |dir| {
        configure(project, toolchain, &source, dir, &config)?;
        let mut build = make(project, toolchain, &source, dir)?;
        build.args(["bzImage", "modules"]);
        project
            .runner
            .run_counted(&format!("{} kernel", form.name()), build, LINES, |_| 1)
    })?;
    open(build)
}

/// The sources that the test kernel is built from, and what becomes of an interrupted build.
pub(crate) fn base(project: &Project, toolchain: &mut Toolchain) -> Result<(PathBuf, Partial)> {
    match Project::tree_from_env("KERNEL_SRC")? {
        Some(source) => {
            check_source(&source)?;
            toolchain.bind(&source);
            Ok((source, Partial::Renew))
        }
        None => Ok((
            stock::newest_source(project, toolchain, RELEASE)?,
            Partial::Resume,
        )),
    }
}

/// The lines of the Makefile of `source` that have its version.
pub(crate) fn version(source: &Path) -> Result<String> {
    let makefile = read(&source.join("Makefile"))?;
    Ok(makefile.lines().take(6).collect::<Vec<_>>().join(" "))
}

/// The kernel that was built in `build`.
pub(crate) fn open(build: PathBuf) -> Result<Kernel> {
    let release = read(&build.join("include/config/kernel.release"))?
        .trim()
        .to_owned();
    Ok(Kernel {
        release,
        image: build.join("arch/x86/boot/bzImage"),
        make: vec!["LLVM=1".to_owned()],
        build,
    })
}

/// Configures a build of `source` in `dir` with the options `config` and no others.
pub(crate) fn configure(
    project: &Project,
    toolchain: &Toolchain,
    source: &Path,
    dir: &Path,
    config: &str,
) -> Result<()> {
    let fragment = dir.join("fragment.config");
    fs::write(&fragment, config)?;
    let mut configure = make(project, toolchain, source, dir)?;
    configure.arg(format!("KCONFIG_ALLCONFIG={}", fragment.display()));
    configure.arg("allnoconfig");
    project.runner.run("test kernel configuration", configure)?;
    check_config(&read(&dir.join(".config"))?, config)
}

/// `make` for a build of `source` in `dir`.
pub(crate) fn make(
    project: &Project,
    toolchain: &Toolchain,
    source: &Path,
    dir: &Path,
) -> Result<Command> {
    let ccache = project.cache.shared("ccache")?;
    let mut make = toolchain.command("env");
    make.arg(format!("CCACHE_DIR={}", ccache.display()));
    // Another configuration is built in another directory; that alone makes no difference.
    make.arg("CCACHE_NOHASHDIR=1");
    // The same sources give the same image, whoever builds them and when.
    make.args([
        "KBUILD_BUILD_TIMESTAMP=1970-01-01",
        "KBUILD_BUILD_USER=builder",
        "KBUILD_BUILD_HOST=host",
    ]);
    make.args(["make", "-C"])
        .arg(source)
        .arg(format!("O={}", dir.display()))
        .args(["LLVM=1", "CC=ccache clang"]);
    make.arg(run::jobs());
    Ok(make)
}

fn check_source(source: &Path) -> Result<()> {
    let top = source.join("rust/kernel/lib.rs");
    if !top.exists() {
        bail!(
            "KERNEL_SRC={}: no kernel sources with Rust there",
            source.display()
        );
    }
    if source.join(".config").exists() || source.join("include/config").exists() {
        bail!(
            "KERNEL_SRC={}: the tree is built in place; run `make mrproper` there first",
            source.display()
        );
    }
    Ok(())
}

/// Whether every line of the fragment took effect: allnoconfig drops silently what it cannot set.
fn check_config(config: &str, wanted: &str) -> Result<()> {
    let lost: Vec<&str> = wanted
        .lines()
        .filter(|line| line.starts_with("CONFIG_"))
        .filter(|wanted| !config.lines().any(|line| line == *wanted))
        .collect();
    if !lost.is_empty() {
        bail!(
            "this kernel's configuration does not take {}",
            lost.join(", ")
        );
    }
    Ok(())
}
