// SPDX-License-Identifier: GPL-2.0-only
//! Linux 7.3; and the kernel that comes with the crate: the project's test kernel, built by clang, with
//! the module `bpf_iter_cpumask`.
//!
//! `cargo xtask kernel data` writes the kernel's files, from the kernel and the module themselves.
//! Types are packed with LZ4; those of the kernel are unpacked and indexed when the crate is built.

use std::sync::Arc;

use bpf::btf::{Btf, BtfError};
use bpf::kernel::Kernel;
use bpf::kernel::kfuncs::KfuncTable;

use crate::facts::release::{Limits, Release};
use crate::facts::rule::Profile;
use crate::facts::tables::texts;

/// Linux 7.3.
pub(crate) static LINUX_7_3: Release = Release::new(
    "7.3",
    Profile::V7_3,
    Limits { func_args: 12 },
    texts!("linux-7.3"),
);

/// `data/linux-7.3/vmlinux.btf.lz4`, as `build.rs` unpacks it.
static VMLINUX: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/vmlinux.btf")));

const MODULE: &str = "bpf_iter_cpumask";

const MODULE_BTF: &[u8] = include_bytes!("../../../data/linux-7.3/bpf_iter_cpumask.btf.lz4");

const CONFIG: &str = include_str!("../../../data/linux-7.3/config");

/// Bytes that begin where a `u32` may.
#[repr(C, align(4))]
struct Aligned<Bytes: ?Sized>(Bytes);

/// `uname -r` of it.
fn release() -> &'static str {
    let first = CONFIG
        .lines()
        .find_map(|line| line.strip_prefix("# Linux "));
    first.unwrap_or_default()
}

/// The kernel that comes with the crate. Its symbols are not known: every untyped ksym exists.
pub fn linux_7_3() -> Result<Kernel, BtfError> {
    let vmlinux = Arc::new(Btf::from_indexed(&VMLINUX.0)?);
    let module = Btf::from_lz4(MODULE_BTF, Some(vmlinux.clone()))?;
    let mut kernel = Kernel::new(vmlinux);
    kernel.add_module(MODULE, module);
    kernel.read_config(CONFIG);
    kernel.kfuncs = kfuncs();
    kernel.release = release().to_owned();
    Ok(kernel)
}

/// Name of a helper of Linux 7.3 with its prefix, as messages print it (`func_id_name`).
pub fn helper_name(id: i32) -> String {
    LINUX_7_3.tables.helpers.name(id).to_owned()
}

/// The kfunc sets of Linux 7.3, for any configuration, and those of the selftests' modules.
pub(crate) fn kfuncs() -> KfuncTable {
    LINUX_7_3.tables.kfuncs().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpf::btf::Kind;
    use bpf::kernel::kfuncs::{KfuncFlags, KfuncHook};

    #[test]
    fn it_is_whole() {
        let kernel = linux_7_3().unwrap();
        assert!(release().starts_with("7.3."), "{}", release());
        let task = kernel
            .vmlinux
            .find_by_name_kind("task_struct", Kind::Struct);
        assert!(task.is_some());
        let new = "bpf_iter_cpumask_new";
        let module = &kernel.modules[0].btf;
        assert!(module.find_by_name_kind(new, Kind::Func).is_some());
        let flags = |hook| kernel.kfuncs.flags(hook, new);
        let want = KfuncFlags::ITER_NEW | KfuncFlags::RCU | KfuncFlags::RCU_PROTECTED;
        for hook in [KfuncHook::Tracing, KfuncHook::StructOps, KfuncHook::Syscall] {
            assert_eq!(flags(hook), Some(want));
        }
        assert_eq!(flags(KfuncHook::Common), None);
        assert_eq!(kernel.kconfig["CONFIG_BPF_SYSCALL"], "y");
    }

    #[test]
    fn a_prototype_is_no_function() {
        let table = kfuncs();
        assert!(table.is_prototype("bpf_kfunc_implicit_arg_impl"));
        for function in ["bpf_kfunc_implicit_arg", "bpf_obj_new_impl", "no_such_impl"] {
            assert!(!table.is_prototype(function), "{function}");
        }
    }

    #[test]
    fn the_table_of_7_3() {
        let table = kfuncs();
        let flags = |hook, func| table.flags(hook, func);
        let new = flags(KfuncHook::Common, "bpf_iter_num_new");
        assert_eq!(new, Some(KfuncFlags::ITER_NEW | KfuncFlags::SPINLOCK_SAFE));
        let acquire = flags(KfuncHook::Tracing, "bpf_cpumask_acquire");
        assert_eq!(acquire, Some(KfuncFlags::ACQUIRE));
        assert_eq!(flags(KfuncHook::Xdp, "bpf_cpumask_acquire"), None);
    }
}
