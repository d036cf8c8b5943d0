// SPDX-License-Identifier: GPL-2.0-only
//! The kernel to check against, from files or from the running system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::kernel::kfuncs::KfuncTable;
use verifier_model::{Release, Shipped};

use crate::named::Named;

/// Where a running kernel shows its BTF.
const SYS_BTF: &str = "/sys/kernel/btf";
/// And its release.
const RELEASE: &str = "/proc/sys/kernel/osrelease";

/// Which kernel.
#[derive(clap::Args)]
#[group(id = "kernel")]
pub(crate) struct Args {
    /// The kernel: 6.1, 6.12, 6.18, 7.1, 7.2 or debian-7.3 as Debian ships them, 7.3 with
    /// bpf_iter_cpumask, or a directory of `cargo xtask kernel data` [default: 7.3]
    #[arg(long = "kernel", value_name = "NAME|DIR")]
    named: Option<Named>,
    /// BTF of another kernel: a vmlinux or raw BTF [default: that of --kernel]
    #[arg(long, value_name = "FILE")]
    btf: Option<PathBuf>,
    /// The kernel that is running: BTF of it and its modules, its symbols
    #[arg(long, conflicts_with = "btf")]
    running: bool,
    /// BTF of a module: a .ko or raw BTF; may be given several times
    #[arg(long, value_name = "NAME=FILE", value_parser = name_and_file)]
    module_btf: Vec<(String, PathBuf)>,
    /// Configuration of the kernel: what `extern … __kconfig` is, and which helpers and program types
    /// there are [default: that of --kernel]
    #[arg(long, value_name = "FILE")]
    kconfig: Option<PathBuf>,
    /// System.map or /proc/kallsyms: which functions can be attached to, which untyped `extern …
    /// __ksym` there are; without it, all
    #[arg(long, value_name = "FILE")]
    ksyms: Option<PathBuf>,
    /// Table of kfuncs [default: that of --kernel]
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
    /// Whether it is a kernel of this name, and nothing of it from elsewhere.
    pub(crate) fn has_its_own_types(&self) -> bool {
        self.btf.is_none() && !self.running
    }

    /// The name that was asked for.
    pub(crate) fn name(&self) -> &str {
        let named = self.named.as_ref().map(|named| named.name.as_str());
        named.unwrap_or(Shipped::DEFAULT.name)
    }

    /// Whose rules, tables and words the verifier has.
    pub(crate) fn release(&self) -> &'static Release {
        match self.kernel() {
            Some(named) => named.release(),
            None => Shipped::DEFAULT.release,
        }
    }

    /// What was asked for, or else the kernel that is nearest to the running one.
    fn kernel(&self) -> Option<Named> {
        let running = || {
            let uname = std::fs::read_to_string(RELEASE)
                .ok()
                .filter(|_| self.running)?;
            Named::nearest(uname.trim()).ok()
        };
        self.named.clone().or_else(running)
    }

    pub(crate) fn read(&self) -> Result<Kernel> {
        let named = self.kernel();
        if let Some(note) = named.as_ref().and_then(Named::note) {
            eprintln!("note: {note}");
        }
        let kfuncs = || self.release().kfuncs();
        let mut kernel = match (&self.btf, named) {
            _ if self.running => running(kfuncs())?,
            (Some(path), named) => {
                let btf = Btf::from_file(path, None)
                    .context("--btf takes a vmlinux, or raw BTF as in /sys/kernel/btf")?;
                let mut kernel = Kernel::new(Arc::new(btf));
                kernel.kfuncs = kfuncs();
                if let Some(named) = named {
                    kernel.set_release("", named.release().point());
                }
                kernel
            }
            (None, Some(named)) => named.read()?,
            (None, None) => Shipped::DEFAULT.kernel()?,
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
fn running(kfuncs: KfuncTable) -> Result<Kernel> {
    let sys = Path::new(SYS_BTF);
    let path = sys.join("vmlinux");
    if !path.exists() {
        bail!("this system shows no BTF of its kernel in {SYS_BTF}; give one with --btf");
    }
    let mut kernel = Kernel::new(Arc::new(Btf::from_file(path, None)?));
    kernel.kfuncs = kfuncs;
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
