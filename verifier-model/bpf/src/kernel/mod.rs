// SPDX-License-Identifier: GPL-2.0-only
//! The kernel that programs are loaded into, as facts.

pub mod config;
mod field_kind;
pub mod fields;
pub mod kfuncs;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::btf::{Btf, Kind, Type};
use crate::caps::Caps;
use crate::kernel::config::Config;
use crate::kernel::kfuncs::KfuncTable;

/// A kernel BTF object by number: 0 is vmlinux, `n + 1` is [`Kernel::modules`]`[n]`.
///
/// It stands where a running kernel has a BTF file descriptor (0 means vmlinux there too).
pub type BtfObj = u32;

/// The [`BtfObj`] number of vmlinux.
pub const VMLINUX: BtfObj = 0;

/// The kernel that programs are loaded into: facts alone, no running kernel.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// BTF of vmlinux.
    pub vmlinux: Arc<Btf>,
    /// Modules with BTF, in the order of their [`BtfObj`] numbers.
    pub modules: Vec<Module>,
    /// Which kfuncs may be called by which kind of program, and their `KF_*` flags.
    pub kfuncs: KfuncTable,
    /// Its configuration.
    pub kconfig: Config,
    /// Symbol → address as in `System.map`. None when not known: then every untyped ksym exists,
    /// at a made-up address.
    pub ksyms: Option<BTreeMap<String, u64>>,
    /// Functions that BTF has and the symbols have not, a line each: nothing can attach to them. It
    /// counts when `ksyms` is not known.
    pub no_address: Cow<'static, str>,
    /// `uname -r`; empty when not known.
    pub release: String,
    /// `LINUX_VERSION_CODE`: `major << 16 | minor << 8 | patch`.
    pub version: u32,
    /// `kernel.unprivileged_bpf_disabled` is not 0: without CAP_BPF nothing is loaded or made.
    pub unprivileged_bpf_disabled: bool,
}

/// A kernel module.
#[derive(Debug, Clone)]
pub struct Module {
    /// Its name, e.g. `bpf_testmod`.
    pub name: String,
    /// Its BTF, split from vmlinux's.
    pub btf: Arc<Btf>,
}

impl Kernel {
    /// A 7.3 kernel with this BTF, no modules, no configuration, no known kfuncs.
    pub fn new(vmlinux: Arc<Btf>) -> Self {
        Self {
            vmlinux,
            modules: Vec::new(),
            kfuncs: KfuncTable::default(),
            kconfig: Config::default(),
            ksyms: None,
            no_address: Cow::Borrowed(""),
            release: String::new(),
            version: 7 << 16 | 3 << 8,
            unprivileged_bpf_disabled: false,
        }
    }

    /// The BTF object of this number.
    pub fn btf(&self, obj: BtfObj) -> Option<&Arc<Btf>> {
        match obj {
            VMLINUX => Some(&self.vmlinux),
            n => self.modules.get(n as usize - 1).map(|m| &m.btf),
        }
    }

    /// Whether a function of vmlinux has an address, as far as is known.
    pub fn has_address(&self, func: &str) -> bool {
        match &self.ksyms {
            Some(symbols) => symbols.contains_key(func),
            None => !self.no_address.lines().any(|line| line == func),
        }
    }

    /// All BTF objects with their numbers, vmlinux first.
    pub fn btfs(&self) -> impl Iterator<Item = (BtfObj, &Arc<Btf>)> {
        std::iter::once(&self.vmlinux)
            .chain(self.modules.iter().map(|m| &m.btf))
            .enumerate()
            .map(|(n, btf)| (n as BtfObj, btf))
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

    /// Takes away what a loader of these capabilities does not see: the kernel hands out BTF of modules,
    /// by its numbers, to CAP_SYS_ADMIN alone (`bpf_obj_get_next_id()`), and libbpf goes on without.
    pub fn limit(&mut self, caps: Caps) {
        if !caps.has(Caps::SYS_ADMIN) {
            self.modules.clear();
        }
    }

    /// Says what it is: `uname -r`, and its version such as `6.12.117`.
    pub fn set_release(&mut self, uname: &str, version: &str) {
        let mut numbers = version.split('.').map(|n| n.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        let (major, minor, patch): (u32, u32, u32) = (next(), next(), next());
        uname.clone_into(&mut self.release);
        // A point release above 255 does not fit, and counts as that.
        self.version = major << 16 | minor << 8 | patch.min(255);
    }

    /// Takes the values of a `.config`.
    pub fn read_config(&mut self, text: &str) {
        self.kconfig = Config::of(text);
    }
}

/// A BTF object as registers name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum BtfRef {
    /// The program's own BTF.
    Prog,
    /// A kernel BTF object by its [`crate::kernel::BtfObj`] number.
    Kernel(u32),
}

impl BtfRef {
    /// BTF of vmlinux.
    pub const VMLINUX: Self = Self::Kernel(0);

    /// Whether types are the kernel's (`btf_is_kernel`).
    pub const fn is_kernel(self) -> bool {
        matches!(self, Self::Kernel(_))
    }
}

/// The type of this name and kind in vmlinux, or else in the first module that has it.
pub(super) fn find_kernel_type<'a>(
    kernel: &'a Kernel,
    name: &str,
    kind: Kind,
) -> Option<(BtfObj, Type<'a>)> {
    kernel
        .btfs()
        .find_map(|(obj, btf)| Some((obj, btf.find_own_by_name_kind(name, kind)?)))
}
