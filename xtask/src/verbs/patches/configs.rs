// SPDX-License-Identifier: GPL-2.0-only
//! The series in the configurations that exist: one tree with all of them, and for each configuration
//! the objects that they touch, compiled without a warning on these files.

use anyhow::{Context, Result, bail, ensure};

use super::{objects, warnings};
use crate::linux::patches::{named, tree};
use crate::linux::test_kernel::{self, Form};
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
    },
    // A mask is a word, and a cpumask_var_t is no pointer.
    Other {
        name: "64-cpus",
        without: &["NR_CPUS", "MAXSMP", "CPUMASK_OFFSTACK"],
        with: "CONFIG_NR_CPUS=64",
    },
    Other {
        name: "functions-in-kallsyms",
        without: &["KALLSYMS_ALL"],
        with: "# CONFIG_KALLSYMS_ALL is not set",
    },
    Other {
        name: "cfi",
        without: &[],
        with: "CONFIG_CFI=y",
    },
    Other {
        name: "real-time",
        without: &["PREEMPT_LAZY"],
        with: "CONFIG_PREEMPT_RT=y",
    },
    Other {
        name: "kcsan",
        without: &[],
        with: "CONFIG_KCSAN=y",
    },
    Other {
        name: "counted",
        without: &[],
        with: "CONFIG_GCOV_KERNEL=y\nCONFIG_GCOV_PROFILE_ALL=y\nCONFIG_KCOV=y\nCONFIG_UBSAN=y",
    },
];

impl Other {
    /// The configuration `base` with the differences.
    fn of(&self, base: &str) -> String {
        let kept = base.lines().filter(|line| {
            let line = line.trim_start_matches("# ");
            !self.without.iter().any(|option| {
                let rest = line.strip_prefix("CONFIG_").unwrap_or_default();
                let rest = rest.strip_prefix(option);
                rest.is_some_and(|rest| rest.starts_with(['=', ' ']))
            })
        });
        let mut config: String = kept.map(|line| format!("{line}\n")).collect();
        config.push_str(self.with);
        config.push('\n');
        config
    }
}

/// Compiles in all configurations, or in the one that is named `only`.
pub(super) fn check(project: &Project, only: Option<&str>) -> Result<()> {
    let names = CONFIGS.map(|config| config.name);
    ensure!(
        only.is_none_or(|only| names.contains(&only)),
        "there is no configuration {}, but {}",
        only.unwrap_or_default(),
        names.join(", ")
    );
    let mut toolchain = Toolchain::ensure(project)?;
    let (base, _) = test_kernel::base(project, &mut toolchain)?;
    let all = named::one_after_another(project)?;
    let patched = tree::patched(project, &base, &all)?;
    toolchain.bind_over(&patched, &base);
    let touched = all.touched();
    let files: Vec<&str> = touched.iter().map(String::as_str).collect();
    for other in CONFIGS
        .iter()
        .filter(|other| only.is_none_or(|only| other.name == only))
    {
        let dir = project.cache.shared("configs")?.join(other.name);
        make_dir(&dir)?;
        let _lock = cache::lock(&dir.join("lock"))?;
        let config = other.of(&Form::BuiltIn.config(&patched));
        test_kernel::configure(project, &toolchain, &base, &dir, &config)
            .with_context(|| other.name)?;
        let mut make = test_kernel::make(project, &toolchain, &base, &dir)?;
        make.arg("--output-sync").args(objects::of(&files));
        let name = format!("objects of {}", other.name);
        project.runner.run(&name, make)?;
        let said = read(&project.runner.log(&name)?)?;
        if let Some(warning) = warnings::of(&said, &files).first() {
            bail!("{}: the build warns of {warning}", other.name);
        }
        println!("{}: {} compile", other.name, objects::of(&files).len());
    }
    Ok(())
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
        };
        let base = "CONFIG_SMP=y\n# CONFIG_NR_CPUS is not set\nCONFIG_NR_CPUS_RANGE=y\n# one\n";
        assert_eq!(
            other.of(base),
            "CONFIG_NR_CPUS_RANGE=y\n# one\nCONFIG_NR_CPUS=64\n"
        );
    }
}
