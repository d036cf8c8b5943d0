// SPDX-License-Identifier: GPL-2.0-only
//! The series in the configurations that exist: one tree with all of them, and for each configuration
//! the objects that they touch, compiled without a warning on these files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{objects, warnings};
use crate::guest::test_progs;
use crate::linux::patches::series::Series;
use crate::linux::patches::{named, tree};
use crate::linux::target::Target;
use crate::linux::test_kernel::{self, Form};
use crate::verbs::suite;
use crate::workshop::cache;
use crate::workshop::files::{make_dir, read};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// What a configuration has other than the test kernel's.
struct Other {
    name: &'static str,
    /// The options that it has not, or has with another value.
    without: &'static [&'static str],
    /// The lines that it has instead.
    with: &'static str,
    /// Its CPUs as QEMU's `-smp` has them, where programs can tell it from the test kernel.
    boots: Option<&'static str>,
}

const CONFIGS: [Other; 7] = [
    // nr_cpu_ids is a macro: one CPU, and CONFIG_FORCE_NR_CPUS, which comes with it.
    Other {
        name: "one-cpu",
        without: &[
            "SMP",
            "NR_CPUS",
            "MAXSMP",
            "CPUMASK_OFFSTACK",
            "HOTPLUG_CPU",
            "CPUSETS",
            "RCU_CPU_STALL_TIMEOUT",
        ],
        with: "CONFIG_FORCE_NR_CPUS=y",
        boots: Some("1"),
    },
    // A mask is a word, and a cpumask_var_t is no pointer.
    Other {
        name: "64-cpus",
        without: &["NR_CPUS", "MAXSMP", "CPUMASK_OFFSTACK"],
        with: "CONFIG_NR_CPUS=64",
        boots: Some("4,maxcpus=61"),
    },
    Other {
        name: "functions-in-kallsyms",
        without: &["KALLSYMS_ALL"],
        with: "# CONFIG_KALLSYMS_ALL is not set",
        boots: Some(suite::SMP),
    },
    Other {
        name: "cfi",
        without: &[],
        with: "CONFIG_CFI=y",
        boots: None,
    },
    Other {
        name: "real-time",
        without: &["PREEMPT_LAZY"],
        with: "CONFIG_PREEMPT_RT=y",
        boots: None,
    },
    Other {
        name: "kcsan",
        without: &[],
        with: "CONFIG_KCSAN=y",
        boots: None,
    },
    Other {
        name: "counted",
        without: &[],
        with: "CONFIG_GCOV_KERNEL=y\nCONFIG_GCOV_PROFILE_ALL=y\nCONFIG_KCOV=y\nCONFIG_UBSAN=y",
        boots: None,
    },
];

impl Other {
    /// The configuration `base` with the differences, and with a release of its own.
    fn of(&self, base: &str) -> String {
        let kept = base.lines().filter(|line| {
            let line = line.trim_start_matches("# ");
            !self.without.iter().any(|option| {
                let rest = line.strip_prefix("CONFIG_").unwrap_or_default();
                let rest = rest.strip_prefix(option);
                rest.is_some_and(|rest| rest.starts_with(['=', ' ']))
            })
        });
        let mut config = String::new();
        for line in kept {
            config.push_str(line);
            if line.starts_with("CONFIG_LOCALVERSION=") && config.pop() == Some('"') {
                config.push_str(&format!("-{}\"", self.name));
            }
            config.push('\n');
        }
        config.push_str(self.with);
        config.push('\n');
        config
    }
}

/// Compiles in all configurations, or in the one that is named `only`.
pub(super) fn check(project: &Project, only: Option<&str>) -> Result<()> {
    let chosen = chosen(only, |_| true)?;
    let bench = Bench::open(project)?;
    for other in chosen {
        bench.compile(other)?;
    }
    Ok(())
}

/// Builds the kernels of the configurations that boot, or of the one that is named `only`, and runs the
/// guest's suite and the selftests on them.
pub(super) fn boot(project: &Project, only: Option<&str>) -> Result<()> {
    let chosen = chosen(only, |other| other.boots.is_some())?;
    let bench = Bench::open(project)?;
    for other in chosen {
        bench.compile(other)?;
        bench.boot(other)?;
    }
    Ok(())
}

/// Those of [`CONFIGS`] that are `fit`, or the one of them that is named `only`.
fn chosen(only: Option<&str>, fit: fn(&Other) -> bool) -> Result<Vec<&'static Other>> {
    let mut fitting: Vec<&Other> = CONFIGS.iter().filter(|other| fit(other)).collect();
    if let Some(only) = only {
        let names: Vec<&str> = fitting.iter().map(|other| other.name).collect();
        let names = names.join(", ");
        fitting.retain(|other| other.name == only);
        ensure!(
            !fitting.is_empty(),
            "there is no such configuration: {only}; there are {names}"
        );
    }
    Ok(fitting)
}

/// The tree with all series, to be built in any configuration.
struct Bench<'a> {
    project: &'a Project,
    toolchain: Toolchain,
    base: PathBuf,
    series: Series,
    tree: PathBuf,
}

impl<'a> Bench<'a> {
    fn open(project: &'a Project) -> Result<Self> {
        let mut toolchain = Toolchain::ensure(project)?;
        let (base, _) = test_kernel::base(project, &mut toolchain)?;
        let series = named::one_after_another(project)?;
        let tree = tree::patched(project, &base, &series)?;
        toolchain.bind_over(&tree, &base);
        Ok(Self {
            project,
            toolchain,
            base,
            series,
            tree,
        })
    }

    /// Compiles what the series touch; the compilers must not warn of it.
    fn compile(&self, other: &Other) -> Result<()> {
        let (dir, _lock) = self.dir(other)?;
        let config = other.of(&Form::BuiltIn.config(&self.tree));
        test_kernel::configure(self.project, &self.toolchain, &self.base, &dir, &config)
            .with_context(|| other.name)?;
        let touched = self.series.touched();
        let files: Vec<&str> = touched.iter().map(String::as_str).collect();
        let objects = objects::of(&files);
        let mut make = self.make(&dir)?;
        make.arg("--output-sync").args(&objects);
        let name = format!("objects of {}", other.name);
        self.project.runner.run(&name, make)?;
        let said = read(&self.project.runner.log(&name)?)?;
        if let Some(warning) = warnings::of(&said, &files).first() {
            bail!("{}: the build warns of {warning}", other.name);
        }
        println!("{}: {} compile", other.name, objects.len());
        Ok(())
    }

    /// Builds what is left of the kernel that was compiled for, and tests it.
    fn boot(&self, other: &Other) -> Result<()> {
        let (dir, _lock) = self.dir(other)?;
        let mut make = self.make(&dir)?;
        make.args(["bzImage", "modules"]);
        self.project
            .runner
            .run(&format!("kernel of {}", other.name), make)?;
        let target = Target {
            project: self.project,
            toolchain: self.toolchain.clone(),
            kernel: test_kernel::open(dir)?,
        };
        let smp = other.boots.context("it does not boot")?;
        let tests = suite::whole(&target, (smp, suite::POISON), None)?;
        test_progs::run(&target, &self.tree, &self.series, smp, &[])?;
        println!(
            "{}: {} passed, {} failed, and the selftests pass",
            other.name, tests.passed, tests.failed
        );
        ensure!(tests.failed == 0, "{}: not all tests pass", other.name);
        Ok(())
    }

    /// Where the configuration is built. It is nobody else's while the file is held.
    fn dir(&self, other: &Other) -> Result<(PathBuf, File)> {
        let dir = self.project.cache.shared("configs")?.join(other.name);
        make_dir(&dir)?;
        let lock = cache::lock(&dir.join("lock"))?;
        Ok((dir, lock))
    }

    fn make(&self, dir: &Path) -> Result<Command> {
        test_kernel::make(self.project, &self.toolchain, &self.base, dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_the_base_with_differences() {
        let other = Other {
            name: "n",
            without: &["NR_CPUS", "SMP"],
            with: "CONFIG_NR_CPUS=64",
            boots: None,
        };
        let base = "CONFIG_SMP=y\n# CONFIG_NR_CPUS is not set\nCONFIG_NR_CPUS_RANGE=y\n# one\n\
                    CONFIG_LOCALVERSION=\"-a\"\n";
        assert_eq!(
            other.of(base),
            "CONFIG_NR_CPUS_RANGE=y\n# one\nCONFIG_LOCALVERSION=\"-a-n\"\nCONFIG_NR_CPUS=64\n"
        );
    }

    #[test]
    fn only_what_boots_can_be_booted() {
        assert_eq!(chosen(None, |_| true).unwrap().len(), CONFIGS.len());
        assert_eq!(chosen(Some("cfi"), |_| true).unwrap()[0].name, "cfi");
        let error = chosen(Some("cfi"), |other| other.boots.is_some()).err();
        let said = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            said.starts_with("there is no such configuration: cfi; there are one-cpu"),
            "{said}"
        );
    }
}
