// SPDX-License-Identifier: GPL-2.0-only
//! The kernel that comes with the crate: the project's test kernel, Linux 7.3 built by clang, with
//! the module `bpf_iter_cpumask`.
//!
//! `cargo xtask kernel data` writes the files, from the kernel and the module themselves. Types are
//! packed with LZ4; those of the kernel are unpacked and indexed when the crate is built.

use std::sync::Arc;

use crate::btf::{Btf, BtfError};
use crate::kfuncs::KfuncTable;
use crate::prog_load::{Kernel, Module};

/// `data/linux-7.3/vmlinux.btf.lz4`, as `build.rs` unpacks it.
static VMLINUX: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/vmlinux.btf")));
const MODULE: &str = "bpf_iter_cpumask";
const MODULE_BTF: &[u8] = include_bytes!("../data/linux-7.3/bpf_iter_cpumask.btf.lz4");
const CONFIG: &str = include_str!("../data/linux-7.3/config");

/// Bytes that begin where a `u32` may.
#[repr(C, align(4))]
struct Aligned<Bytes: ?Sized>(Bytes);

/// `uname -r` of [`Kernel::linux_7_3`].
pub fn release() -> &'static str {
    let first = CONFIG
        .lines()
        .find_map(|line| line.strip_prefix("# Linux "));
    first.unwrap_or_default()
}

impl Kernel {
    /// The kernel that comes with the crate. Its symbols are not known: every untyped ksym exists.
    pub fn linux_7_3() -> Result<Self, BtfError> {
        let vmlinux = Arc::new(Btf::from_indexed(&VMLINUX.0)?);
        let module = Btf::from_lz4(MODULE_BTF, Some(vmlinux.clone()))?;
        let mut kernel = Self::new(vmlinux);
        kernel.add_module(MODULE, module);
        kernel.read_config(CONFIG);
        kernel.kfuncs = KfuncTable::linux_7_3();
        Ok(kernel)
    }

    /// Adds a module, in place of one of that name.
    pub fn add_module(&mut self, name: &str, btf: Btf) {
        let module = Module {
            name: name.to_owned(),
            btf: Arc::new(btf),
        };
        match self.modules.iter_mut().find(|known| known.name == name) {
            Some(known) => *known = module,
            None => self.modules.push(module),
        }
    }

    /// Takes in the values of a `.config`.
    pub fn read_config(&mut self, text: &str) {
        let lines = text.lines().filter(|line| line.starts_with("CONFIG_"));
        let values = lines.filter_map(|line| line.split_once('='));
        let owned = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.kconfig.extend(owned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::btf::Kind;
    use crate::kfuncs::{KfuncFlags, KfuncHook};

    #[test]
    fn it_is_whole() {
        let kernel = Kernel::linux_7_3().unwrap();
        assert!(release().starts_with("7.3."), "{}", release());
        let task = kernel
            .vmlinux
            .find_by_name_kind("task_struct", Kind::Struct);
        assert!(task.is_some());
        let new = "bpf_iter_cpumask_new";
        let module = &kernel.modules[0].btf;
        assert!(module.find_by_name_kind(new, Kind::Func).is_some());
        let flags = kernel.kfuncs.flags(KfuncHook::Common, new);
        let want = KfuncFlags::ITER_NEW | KfuncFlags::RCU | KfuncFlags::RCU_PROTECTED;
        assert_eq!(flags, Some(want));
        assert_eq!(kernel.kconfig["CONFIG_BPF_SYSCALL"], "y");
    }
}
