// SPDX-License-Identifier: GPL-2.0-only
//! The kernel to check against, from files or from the running system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use verifier_model::btf::Btf;
use verifier_model::kfuncs::KfuncTable;
use verifier_model::prog_load::{Kernel, Module};

/// Where a running kernel shows its BTF.
const SYS_BTF: &str = "/sys/kernel/btf";

/// Which kernel.
#[derive(clap::Args)]
#[group(id = "kernel")]
pub(crate) struct Args {
    /// BTF of the kernel: a vmlinux or raw BTF [default: the running kernel's]
    #[arg(long, value_name = "FILE")]
    btf: Option<PathBuf>,
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
    pub(crate) fn read(&self) -> Result<Kernel> {
        let sys = Path::new(SYS_BTF);
        let (path, running) = match &self.btf {
            Some(path) => (path.clone(), false),
            None => (sys.join("vmlinux"), true),
        };
        if running && !path.exists() {
            bail!("this system shows no BTF of its kernel in {SYS_BTF}; give one with --btf");
        }
        let vmlinux = Arc::new(Btf::from_file(path, None)?);
        let mut kernel = Kernel::new(vmlinux);
        for (name, file) in &self.module_btf {
            add_module(&mut kernel, name, file)?;
        }
        if running && self.module_btf.is_empty() {
            for name in running_modules(sys)? {
                add_module(&mut kernel, &name, &sys.join(&name))?;
            }
        }
        if let Some(path) = &self.kconfig {
            kernel.kconfig = read_kconfig(&text(path)?);
        }
        if let Some(path) = &self.ksyms {
            kernel.ksyms = Some(read_ksyms(&text(path)?));
        }
        kernel.kfuncs = match &self.kfuncs {
            Some(path) => {
                KfuncTable::parse(&text(path)?).with_context(|| path.display().to_string())?
            }
            None => KfuncTable::linux_7_3(),
        };
        Ok(kernel)
    }
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn add_module(kernel: &mut Kernel, name: &str, file: &Path) -> Result<()> {
    let btf = Arc::new(Btf::from_file(file, Some(kernel.vmlinux.clone()))?);
    let name = name.to_owned();
    kernel.modules.push(Module { name, btf });
    Ok(())
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

fn read_kconfig(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| line.starts_with("CONFIG_"));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn read_ksyms(text: &str) -> BTreeMap<String, u64> {
    let symbol = |line: &str| {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((words.nth(1)?.to_owned(), address))
    };
    text.lines().filter_map(symbol).collect()
}
