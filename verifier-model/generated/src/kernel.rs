// SPDX-License-Identifier: GPL-2.0-only
//! A kernel with as much BTF as generated programs need, and no more: made in no time, so that tests
//! can have one each.
//!
//! Its iterators over CPUs and over a sequence are known by BTF alone, as those of any module. What
//! it says of a program is what a real kernel's BTF says; the cases in `tests/fuzz` show it.
//!
//! Source: `kernel/bpf/{bpf_iter.c,helpers.c,cpumask.c}`, `kfunc/` of this project,
//! `tools/testing/selftests/bpf/test_kmods/bpf_testmod.c`.

use std::sync::Arc;

use bpf::btf::{Btf, BtfBuilder, BtfError, Kind};
use bpf::kernel::kfuncs::KfuncTable;
use bpf::kernel::{Kernel, Module};

/// Kfuncs of the module, as [`KfuncTable::parse`] reads them.
const MODULE_KFUNCS: &str = "
set fuzz_kfuncs hooks=COMMON
bpf_iter_cpumask_new ITER_NEW|RCU|RCU_PROTECTED
bpf_iter_cpumask_next ITER_NEXT|RET_NULL
bpf_iter_cpumask_destroy ITER_DESTROY
bpf_cpu_possible_mask
bpf_iter_testmod_seq_new ITER_NEW
bpf_iter_testmod_seq_next ITER_NEXT|RET_NULL
bpf_iter_testmod_seq_destroy ITER_DESTROY
";

const VMLINUX_KFUNCS: &str = "
set fuzz_common hooks=COMMON
bpf_iter_num_new ITER_NEW
bpf_iter_num_next ITER_NEXT|RET_NULL
bpf_iter_num_destroy ITER_DESTROY
bpf_iter_bits_new ITER_NEW|PERFMON
bpf_iter_bits_next ITER_NEXT|RET_NULL
bpf_iter_bits_destroy ITER_DESTROY
bpf_rcu_read_lock
bpf_rcu_read_unlock
set fuzz_tracing hooks=TRACING,SYSCALL
bpf_cpumask_create ACQUIRE|RET_NULL
bpf_cpumask_acquire ACQUIRE
bpf_cpumask_release RELEASE
bpf_throw
";

/// The kernel.
pub fn kernel() -> Result<Kernel, BtfError> {
    let mut b = Types::new(BtfBuilder::default());
    let int = b.int("int", 4, true);
    let u32_ = b.int("unsigned int", 4, false);
    let u64_ = b.int("unsigned long long", 8, false);
    let mask = b.structure("cpumask", 8, &[("bits", u64_, 0)]);
    let own = b.structure(
        "bpf_cpumask",
        16,
        &[("cpumask", mask, 0), ("usage", u32_, 64)],
    );
    let const_mask = b.konst(mask);
    let mask_ptr = b.ptr(const_mask);
    b.structure("task_struct", 64, &[("cpus_ptr", mask_ptr, 256)]);
    b.structure("task_struct__safe_rcu", 8, &[("cpus_ptr", mask_ptr, 0)]);
    let own_ptr = b.ptr(own);
    let const_u64 = b.konst(u64_);
    let words = b.ptr(const_u64);
    let int_ptr = b.ptr(int);
    b.iterator("num", 8, int_ptr, int, &[("start", int), ("end", int)]);
    let args = [("unsafe_ptr__ign", words), ("nr_words", u32_)];
    b.iterator("bits", 16, int_ptr, int, &args);
    b.kfunc("bpf_rcu_read_lock", 0, &[]);
    b.kfunc("bpf_rcu_read_unlock", 0, &[]);
    b.kfunc("bpf_cpumask_create", own_ptr, &[]);
    b.kfunc("bpf_cpumask_acquire", own_ptr, &[("cpumask", own_ptr)]);
    b.kfunc("bpf_cpumask_release", 0, &[("cpumask", own_ptr)]);
    b.kfunc("bpf_throw", 0, &[("cookie", u64_)]);
    let vmlinux = Arc::new(Btf::parse(&b.0.build(), None)?);

    let mut b = Types::new(BtfBuilder::split(&vmlinux));
    let s64 = b.int("s64", 8, true);
    let s64_ptr = b.ptr(s64);
    b.iterator("cpumask", 16, int_ptr, int, &[("mask", mask_ptr)]);
    b.iterator(
        "testmod_seq",
        16,
        s64_ptr,
        int,
        &[("value", s64), ("cnt", int)],
    );
    b.kfunc("bpf_cpu_possible_mask", mask_ptr, &[]);
    let module = Btf::parse(&b.0.build(), Some(vmlinux.clone()))?;

    let mut kernel = Kernel::new(vmlinux);
    kernel.modules.push(Module {
        name: "fuzz".to_owned(),
        btf: Arc::new(module),
    });
    let table = KfuncTable::parse(&format!("{VMLINUX_KFUNCS}{MODULE_KFUNCS}"));
    kernel.kfuncs = table.unwrap_or_default();
    Ok(kernel)
}

struct Types(BtfBuilder);

impl Types {
    fn new(builder: BtfBuilder) -> Self {
        Self(builder)
    }

    fn int(&mut self, name: &str, size: u32, signed: bool) -> u32 {
        let name = self.0.string(name);
        let encoding = (u32::from(signed) << 24) | (size * 8);
        self.0.push(Kind::Int, name, 0, false, size, &[encoding])
    }

    fn ptr(&mut self, to: u32) -> u32 {
        self.0.push(Kind::Ptr, 0, 0, false, to, &[])
    }

    fn konst(&mut self, of: u32) -> u32 {
        self.0.push(Kind::Const, 0, 0, false, of, &[])
    }

    /// A structure of members: name, type, offset in bits.
    fn structure(&mut self, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let mut rest = Vec::new();
        for (name, id, offset) in members {
            rest.extend([self.0.string(name), *id, *offset]);
        }
        let name = self.0.string(name);
        let count = members.len() as u32;
        self.0.push(Kind::Struct, name, count, false, size, &rest)
    }

    fn kfunc(&mut self, name: &str, returns: u32, params: &[(&str, u32)]) {
        const GLOBAL: u32 = 1;
        let mut rest = Vec::new();
        for (name, id) in params {
            rest.extend([self.0.string(name), *id]);
        }
        let count = params.len() as u32;
        let proto = self
            .0
            .push(Kind::FuncProto, 0, count, false, returns, &rest);
        let name = self.0.string(name);
        let func = self.0.push(Kind::Func, name, GLOBAL, false, proto, &[]);
        let tag = self.0.string("bpf_kfunc");
        self.0.push(Kind::DeclTag, tag, 0, false, func, &[u32::MAX]);
    }

    /// `struct bpf_iter_<kind>` of `size` bytes and its three kfuncs.
    fn iterator(&mut self, kind: &str, size: u32, item: u32, int: u32, args: &[(&str, u32)]) {
        let name = format!("bpf_iter_{kind}");
        let state = self.structure(&name, size, &[]);
        let it = ("it", self.ptr(state));
        let mut all = vec![it];
        all.extend(args);
        self.kfunc(&format!("{name}_new"), int, &all);
        self.kfunc(&format!("{name}_next"), item, &[it]);
        self.kfunc(&format!("{name}_destroy"), 0, &[it]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::KFUNCS;
    use bpf::uapi::ProgType;

    #[test]
    fn it_has_all_that_programs_name() {
        let kernel = kernel().unwrap();
        assert!(crate::code::cpus_ptr_offset(&kernel).is_ok());
        for name in KFUNCS {
            for prog_type in [ProgType::RawTracepoint, ProgType::Syscall] {
                let flags = kernel.kfuncs.flags_for(prog_type, name);
                assert!(flags.is_some(), "{name}");
            }
            let found = |btf: &Arc<Btf>| btf.find_own_by_name_kind(name, Kind::Func).is_some();
            assert!(kernel.btfs().any(|(_, btf)| found(btf)), "{name}");
        }
        // The flags that the kernel itself gives them.
        let real = verifier_model::linux_7_3().expect("it comes along").kfuncs;
        for name in KFUNCS {
            if let Some(flags) = real.flags_for(ProgType::Syscall, name) {
                let without = flags.difference(bpf::kernel::kfuncs::KfuncFlags::SPINLOCK_SAFE);
                let here = kernel.kfuncs.flags_for(ProgType::Syscall, name);
                assert_eq!(here, Some(without), "{name}");
            }
        }
    }
}
