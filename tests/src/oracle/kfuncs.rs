// SPDX-License-Identifier: GPL-2.0-only
//! Where the running kernel has kfuncs: their BTF ids, by name.

use std::collections::HashMap;
use std::ffi::{CString, c_int};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

use anyhow::{Context, Result, ensure};
use libbpf_rs::libbpf_sys as sys;
use libbpf_rs::query::BtfInfoIter;
use nix::errno::Errno;

/// A kfunc in the running kernel.
#[derive(Clone, Copy)]
pub(super) struct Kfunc {
    /// Its FUNC.
    pub(super) type_id: i32,
    /// The module's place in [`Kfuncs::modules`]; none for the kernel itself.
    pub(super) module: Option<usize>,
}

/// The kfuncs of a table of names.
pub(super) struct Kfuncs {
    kfuncs: Vec<Kfunc>,
    modules: Vec<OwnedFd>,
}

impl Kfuncs {
    /// Finds `names` in the kernel and its modules.
    pub(super) fn find(names: &[String]) -> Result<Self> {
        let mut kfuncs: HashMap<&str, Kfunc> = HashMap::new();
        let mut modules = Vec::new();
        // SAFETY: the call takes no pointers.
        let vmlinux = Btf::owned(unsafe { sys::btf__load_vmlinux_btf() })?;
        vmlinux.find(names, None, &mut kfuncs)?;
        // The kernel's own objects have names, those of programs have none.
        for info in BtfInfoIter::default().filter(|i| !i.name.is_empty() && i.name != "vmlinux") {
            // SAFETY: the base outlives what is split from it.
            let split =
                unsafe { sys::btf__load_from_kernel_by_id_split(info.id, vmlinux.0.as_ptr()) };
            let before = kfuncs.len();
            Btf::owned(split)?.find(names, Some(modules.len()), &mut kfuncs)?;
            if kfuncs.len() > before {
                // SAFETY: the call takes a number.
                let fd = unsafe { sys::bpf_btf_get_fd_by_id(info.id) };
                ensure!(fd >= 0, "no descriptor of the BTF of {:?}", info.name);
                // SAFETY: the call gave a descriptor that is nobody else's.
                modules.push(unsafe { OwnedFd::from_raw_fd(fd) });
            }
        }
        let found = names.iter().map(|name| {
            let kfunc = kfuncs.get(name.as_str()).copied();
            kfunc.with_context(|| format!("this kernel has no kfunc {name}"))
        });
        Ok(Self {
            kfuncs: found.collect::<Result<_>>()?,
            modules,
        })
    }

    /// The kfunc at this place of the table.
    pub(super) fn get(&self, index: usize) -> Option<Kfunc> {
        self.kfuncs.get(index).copied()
    }

    /// Descriptors of the modules' BTF.
    pub(super) fn modules(&self) -> impl Iterator<Item = c_int> {
        self.modules.iter().map(AsRawFd::as_raw_fd)
    }
}

/// libbpf's BTF, freed when dropped.
struct Btf(NonNull<sys::btf>);

impl Btf {
    fn owned(btf: *mut sys::btf) -> Result<Self> {
        let btf = NonNull::new(btf);
        Ok(Self(btf.with_context(|| {
            format!("cannot read BTF: {}", Errno::last())
        })?))
    }

    fn find<'a>(
        &self,
        names: &'a [String],
        module: Option<usize>,
        kfuncs: &mut HashMap<&'a str, Kfunc>,
    ) -> Result<()> {
        for name in names {
            let c_name = CString::new(name.as_str()).context("a kfunc's name")?;
            // SAFETY: both pointers are valid for the call.
            let type_id = unsafe {
                sys::btf__find_by_name_kind(self.0.as_ptr(), c_name.as_ptr(), sys::BTF_KIND_FUNC)
            };
            if type_id > 0 {
                let kfunc = Kfunc { type_id, module };
                kfuncs.entry(name).or_insert(kfunc);
            }
        }
        Ok(())
    }
}

impl Drop for Btf {
    fn drop(&mut self) {
        // SAFETY: the pointer came from libbpf and is used no more.
        unsafe { sys::btf__free(self.0.as_ptr()) };
    }
}
