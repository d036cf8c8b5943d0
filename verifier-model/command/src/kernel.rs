// SPDX-License-Identifier: GPL-2.0-only
//! The kernel to check against, from files or from the running system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::kernel::kfuncs::KfuncTable;

/// Where a running kernel shows its BTF.
const SYS_BTF: &str = "/sys/kernel/btf";

/// Which kernel.
#[derive(clap::Args)]
#[group(id = "kernel")]
pub(crate) struct Args {
    /// BTF of another kernel: a vmlinux or raw BTF [default: Linux 7.3 with bpf_iter_cpumask]
    #[arg(long, value_name = "FILE")]
    btf: Option<PathBuf>,
    /// The kernel that is running: BTF of it and its modules, its symbols
    #[arg(long, conflicts_with = "btf")]
    running: bool,
    /// BTF of a module: a .ko or raw BTF; may be given several times
    #[arg(long, value_name = "NAME=FILE", value_parser = name_and_file)]
    module_btf: Vec<(String, PathBuf)>,
    /// Configuration of the kernel, for `extern … __kconfig`
    #[arg(long, value_name = "FILE")]
    kconfig: Option<PathBuf>,
    /// System.map or /proc/kallsyms, for untyped `extern … __ksym`; without it, all exist
    #[arg(long, value_name = "FILE")]
    ksyms: Option<PathBuf>,
    /// Table of kfuncs [default: that of 7.3]
    #[arg(long, value_name = "FILE")]
    kfuncs: Option<PathBuf>,
}

fn name_and_file(arg: &str) -> Result<(String, PathBuf), String> {
    match arg.split_once('=') {
        Some((name, file)) if !name.is_empty() => Ok((name.to_owned(), file.into())),
        _ => Err("write it as NAME=FILE".into()),
    }
}

impl Args {
    /// Whether nothing says that it is another kernel than the one that comes with the crate.
    pub(crate) fn is_default(&self) -> bool {
        self.btf.is_none() && !self.running
    }

    pub(crate) fn read(&self) -> Result<Kernel> {
        let mut kernel = match &self.btf {
            _ if self.running => running()?,
            Some(path) => Kernel {
                kfuncs: verifier_model::linux_7_3()?.kfuncs,
                ..Kernel::new(Arc::new(
                    Btf::from_file(path, None)
                        .context("--btf takes a vmlinux, or raw BTF as in /sys/kernel/btf")?,
                ))
            },
            None => verifier_model::linux_7_3()?,
        };
        for (name, file) in &self.module_btf {
            let btf = Btf::from_file(file, Some(kernel.vmlinux.clone()));
            let btf = btf.context("--module-btf takes a .ko, or raw BTF as in /sys/kernel/btf")?;
            kernel.add_module(name, btf);
        }
        if let Some(path) = &self.kconfig {
            let config = text(path)?;
            ensure!(
                config.is_empty() || config.contains("CONFIG_"),
                "{}: --kconfig takes a kernel's .config, and no line of it is of one",
                path.display()
            );
            kernel.kconfig.clear();
            kernel.read_config(&config);
        }
        if let Some(path) = &self.ksyms {
            let text = text(path)?;
            let symbols = read_ksyms(&text);
            ensure!(
                text.is_empty() || !symbols.is_empty(),
                "{}: --ksyms takes a System.map or /proc/kallsyms, and no line of it is of one",
                path.display()
            );
            kernel.ksyms = Some(symbols);
        }
        if let Some(path) = &self.kfuncs {
            let table = KfuncTable::parse(&text(path)?);
            kernel.kfuncs = table.with_context(|| format!("--kfuncs {}", path.display()))?;
        }
        Ok(kernel)
    }
}

/// The running kernel, as far as it shows itself to everyone.
fn running() -> Result<Kernel> {
    let sys = Path::new(SYS_BTF);
    let path = sys.join("vmlinux");
    if !path.exists() {
        bail!("this system shows no BTF of its kernel in {SYS_BTF}; give one with --btf");
    }
    let mut kernel = Kernel::new(Arc::new(Btf::from_file(path, None)?));
    kernel.kfuncs = verifier_model::linux_7_3()?.kfuncs;
    for name in running_modules(sys)? {
        let btf = Btf::from_file(sys.join(&name), Some(kernel.vmlinux.clone()))?;
        kernel.add_module(&name, btf);
    }
    // Addresses may be hidden, names are not.
    if let Ok(symbols) = text(Path::new("/proc/kallsyms")) {
        kernel.ksyms = Some(read_ksyms(&symbols));
    }
    Ok(kernel)
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn running_modules(sys: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(sys)? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.retain(|name| name != "vmlinux");
    names.sort();
    Ok(names)
}

fn read_ksyms(text: &str) -> BTreeMap<String, u64> {
    let symbol = |line: &str| {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((words.nth(1)?.to_owned(), address))
    };
    text.lines().filter_map(symbol).collect()
}
