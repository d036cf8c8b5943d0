// SPDX-License-Identifier: GPL-2.0-only
//! The kernels that come with the crate: types, configuration and kfuncs of one each.
//!
//! `7.3` is the project's test kernel with the module `bpf_iter_cpumask`, built by clang, which writes
//! the tags `__rcu`, `__user` and `__percpu` into its types; the others are Debian's, built by gcc 12 and
//! 14, which do not. That alone can decide: see `docs/verifier-model.md`.
//!
//! `cargo xtask kernel data` writes the files, from the kernels themselves. Types are unpacked and
//! indexed when the crate is built.

use std::fmt;
use std::sync::Arc;

use bpf::btf::{Btf, BtfError};
use bpf::kernel::Kernel;
use bpf::kernel::config::Config;

use crate::facts::release::Release;
use crate::facts::release::linux_7_3::LINUX_7_3;
use crate::facts::release::older::{LINUX_6_1, LINUX_6_12, LINUX_6_18, LINUX_7_1, LINUX_7_2};

/// A kernel that comes with the crate.
pub struct Shipped {
    /// What it is called: `"6.12"`, `"debian-7.3"`.
    pub name: &'static str,
    /// `uname -r` of it.
    pub uname: &'static str,
    /// Its release.
    pub release: &'static Release,
    types: &'static Aligned<[u8]>,
    config: &'static str,
    /// Functions of its types that have no address, a line each.
    no_address: &'static str,
    /// Name and packed types of each module.
    modules: &'static [(&'static str, &'static [u8])],
}

/// Bytes that begin where a `u32` may.
#[repr(C, align(4))]
struct Aligned<Bytes: ?Sized>(Bytes);

/// `data/FOLDER/vmlinux.btf.lzma`, as `build.rs` unpacks it.
macro_rules! types {
    ($folder:literal) => {{
        static TYPES: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(
            env!("OUT_DIR"),
            "/",
            $folder,
            ".btf"
        )));
        TYPES
    }};
}

/// `data/FOLDER/config`, as `build.rs` sorts it.
macro_rules! config {
    ($folder:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/", $folder, ".config"))
    };
}

/// `data/FOLDER/no_address`.
macro_rules! no_address {
    ($folder:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/data/",
            $folder,
            "/no_address"
        ))
    };
}

const MODULE: &[u8] = include_bytes!("../../../data/linux-7.3/bpf_iter_cpumask.btf.lz4");

impl fmt::Debug for Shipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shipped({})", self.name)
    }
}

impl Shipped {
    /// Every kernel, the oldest first.
    pub const ALL: &[Self] = &[
        Self {
            name: "6.1",
            uname: "6.1.0-50-cloud-amd64",
            release: &LINUX_6_1,
            types: types!("linux-6.1"),
            config: config!("linux-6.1"),
            no_address: "",
            modules: &[],
        },
        Self {
            name: "6.12",
            uname: "6.12.117+deb13-cloud-amd64",
            release: &LINUX_6_12,
            types: types!("linux-6.12"),
            config: config!("linux-6.12"),
            no_address: no_address!("linux-6.12"),
            modules: &[],
        },
        Self {
            name: "6.18",
            uname: "6.18.15+deb13-cloud-amd64",
            release: &LINUX_6_18,
            types: types!("linux-6.18"),
            config: config!("linux-6.18"),
            no_address: no_address!("linux-6.18"),
            modules: &[],
        },
        Self {
            name: "7.1",
            uname: "7.1.13+deb13-cloud-amd64",
            release: &LINUX_7_1,
            types: types!("linux-7.1"),
            // Its own is not in the archive any more.
            config: config!("linux-7.2"),
            no_address: no_address!("linux-7.1"),
            modules: &[],
        },
        Self {
            name: "7.2",
            uname: "7.2.12+deb13-cloud-amd64",
            release: &LINUX_7_2,
            types: types!("linux-7.2"),
            config: config!("linux-7.2"),
            no_address: no_address!("linux-7.2"),
            modules: &[],
        },
        Self {
            name: "debian-7.3",
            uname: "7.3.4+deb13-cloud-amd64",
            release: &LINUX_7_3,
            types: types!("debian-7.3"),
            config: config!("debian-7.3"),
            no_address: no_address!("debian-7.3"),
            modules: &[],
        },
        Self {
            name: "7.3",
            uname: "7.3.4-cpumask",
            release: &LINUX_7_3,
            types: types!("linux-7.3"),
            config: config!("linux-7.3"),
            no_address: "",
            modules: &[("bpf_iter_cpumask", MODULE)],
        },
    ];

    /// The kernel that is taken if nothing is said: the last.
    pub const DEFAULT: &Self = &Self::ALL[Self::ALL.len() - 1];

    /// The kernel of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|kernel| kernel.name == name)
    }

    /// Series that do not come along, and the kernel that is nearest to each.
    pub const NEAREST: [(&str, &str); 7] = [
        ("5.10", "6.1"),
        ("5.15", "6.1"),
        ("6.6", "6.12"),
        ("6.16", "6.18"),
        ("6.17", "6.18"),
        ("6.19", "6.18"),
        ("7.0", "7.1"),
    ];

    /// The kernel of a series such as `6.12`, or the one that is nearest to it.
    pub fn of_series(series: &str) -> Option<&'static Self> {
        let near = Self::NEAREST.iter().find(|(missing, _)| *missing == series);
        Self::named(near.map_or(series, |(_, near)| near))
    }

    /// The kernel. Its symbols are not known: every untyped ksym exists.
    pub fn kernel(&self) -> Result<Kernel, BtfError> {
        let vmlinux = Arc::new(Btf::from_indexed(&self.types.0)?);
        let mut kernel = Kernel::new(vmlinux.clone());
        for (name, types) in self.modules {
            kernel.add_module(name, Btf::from_lz4(types, Some(vmlinux.clone()))?);
        }
        kernel.kconfig = Config::of_sorted(self.config);
        kernel.no_address = self.no_address.into();
        kernel.kfuncs = self.release.kfuncs();
        kernel.set_release(self.uname, self.release.point());
        Ok(kernel)
    }
}

/// The kernel that is taken if nothing is said: Linux 7.3.
pub fn linux_7_3() -> Result<Kernel, BtfError> {
    Shipped::DEFAULT.kernel()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpf::btf::Kind;
    use bpf::kernel::kfuncs::{KfuncFlags, KfuncHook};

    #[test]
    fn the_default_is_whole() {
        let kernel = linux_7_3().unwrap();
        let new = "bpf_iter_cpumask_new";
        let module = &kernel.modules[0].btf;
        assert!(module.find_by_name_kind(new, Kind::Func).is_some());
        let flags = |hook| kernel.kfuncs.flags(hook, new);
        let want = KfuncFlags::ITER_NEW | KfuncFlags::RCU | KfuncFlags::RCU_PROTECTED;
        for hook in [KfuncHook::Tracing, KfuncHook::StructOps, KfuncHook::Syscall] {
            assert_eq!(flags(hook), Some(want));
        }
        assert_eq!(flags(KfuncHook::Common), None);
    }

    #[test]
    fn each_is_whole() {
        for shipped in Shipped::ALL {
            let kernel = shipped.kernel().unwrap();
            let name = shipped.name;
            let task = kernel
                .vmlinux
                .find_by_name_kind("task_struct", Kind::Struct);
            assert!(task.is_some(), "{name}");
            assert_eq!(
                kernel.kconfig.get("CONFIG_BPF_SYSCALL"),
                Some("y"),
                "{name}"
            );
            // A table of another kernel would name functions that this one does not have.
            let mut sets = kernel.kfuncs.sets().iter();
            let sets = sets.find(|set| set.name == "common_btf_ids").into_iter();
            for kfunc in sets.flat_map(|set| set.kfuncs.keys()) {
                let there = kernel.vmlinux.find_by_name_kind(kfunc, Kind::Func);
                // It is s390's alone.
                assert!(
                    there.is_some() || kfunc == "bpf_get_lowcore",
                    "{name} has no {kfunc}"
                );
            }
            let series = shipped.release.name();
            assert!(shipped.uname.starts_with(series), "{name}");
            assert!(shipped.release.point().starts_with(series), "{name}");
            let [major, minor] = series.split('.').collect::<Vec<_>>()[..] else {
                panic!("{series}")
            };
            let version: u32 = major.parse::<u32>().unwrap() << 8 | minor.parse::<u32>().unwrap();
            assert_eq!(kernel.version >> 8, version, "{name}");
        }
    }
}
