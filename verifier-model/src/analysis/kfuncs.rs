// SPDX-License-Identifier: GPL-2.0-only
//! Kernel functions that programs may call: found by BTF, with flags from the kernel's tables.
//!
//! Nothing is known of a kfunc but its prototype, the names of its parameters, and its flags; the
//! few that the kernel's verifier itself tells apart are told apart by name in vmlinux.
//!
//! Source: `fetch_kfunc_meta()`, `bpf_add_kfunc_call()` in `kernel/bpf/verifier.c`.

use bpf::btf::{Btf, Kind};
use bpf::kernel::kfuncs::KfuncFlags;
use bpf::program::ProgFlags;
use bpf::uapi::Insn;

use crate::analysis::Known;
use crate::facts::rejection::Checked;
use crate::log::reject;

/// How kfuncs begin that a network device answers.
const OF_DEVICES: &str = "bpf_xdp_metadata_";

impl<'a> Known<'a> {
    /// Looks at every kfunc that is called, before the walk (`add_kfuncs`).
    pub(crate) fn add_kfuncs(&mut self) -> Checked {
        let mut seen = Vec::new();
        for i in 0..self.code.insns.len() {
            let insn = self.code.insns[i];
            if !insn.is_kfunc_call() || seen.contains(&(insn.imm, insn.off)) {
                continue;
            }
            seen.push((insn.imm, insn.off));
            self.add_kfunc(&insn)?;
        }
        Ok(())
    }

    fn no_btf<T>(&self, why: Checked<T>) -> Checked<T> {
        let line = format_args!("failed to find BTF for kernel function");
        why.map_err(|stop| self.log.sum_up(stop, None, line))
    }

    fn add_kfunc(&mut self, insn: &Insn) -> Checked {
        if !self.input.bpf_capable {
            return reject!(
                self,
                Capability,
                EPERM,
                "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN"
            );
        }
        if !self.input.prog.gpl_compatible() {
            return reject!(
                self,
                Gpl,
                EINVAL,
                "cannot call kernel function from non-GPL compatible program"
            );
        }
        if insn.imm == 0 && insn.off == 0 {
            return Ok(());
        }
        if insn.imm <= 0 {
            return reject!(
                self,
                KfuncNotFound,
                EINVAL,
                "invalid kernel function btf_id {}",
                insn.imm
            );
        }
        let btf = self.find_kfunc_desc_btf(insn.off)?;
        if btf
            .type_by_id(insn.imm as u32)
            .is_none_or(|t| t.kind() != Kind::Func)
        {
            return reject!(
                self,
                KfuncPrototype,
                EINVAL,
                "kernel btf_id {} is not a function",
                insn.imm
            );
        }
        let Some((k, _)) = self.input.kfunc(insn) else {
            return reject!(
                self,
                KfuncPrototype,
                EINVAL,
                "kernel function btf_id {} does not have a valid func_proto",
                insn.imm
            );
        };
        self.check_kfunc_address(k.name)?;
        let bound = self.input.prog.prog_flags;
        if k.name.starts_with(OF_DEVICES) && !bound.contains(ProgFlags::XDP_DEV_BOUND_ONLY) {
            return reject!(
                self,
                CallNotAllowed,
                EINVAL,
                "metadata kfuncs require device-bound program"
            );
        }
        let n = k.params.len();
        let max = self.input.release.limits.func_args;
        if n > max {
            return reject!(
                self,
                KfuncPrototype,
                EINVAL,
                "Function {} has {n} > {max} args",
                k.name
            );
        }
        for i in (0..n).filter(|i| !k.is_hidden(*i)) {
            self.kfunc_arg_type(&k, i)?;
        }
        Ok(())
    }

    /// The BTF that a call of a kernel function names.
    fn find_kfunc_desc_btf(&self, off: i16) -> Checked<&Btf> {
        if off < 0 {
            return self.no_btf(reject!(
                self,
                KfuncNotFound,
                EINVAL,
                "negative offset disallowed for kernel module function call"
            ));
        }
        if let Some((_, btf)) = self.input.kfunc_btf(off) {
            return Ok(btf);
        }
        if self.input.prog.fd_array.is_empty() {
            return self.no_btf(reject!(
                self,
                KfuncNotFound,
                EPROTO,
                "kfunc offset > 0 without fd_array is invalid"
            ));
        }
        self.no_btf(reject!(
            self,
            KfuncNotFound,
            EINVAL,
            "invalid module BTF fd specified"
        ))
    }

    fn check_kfunc_address(&self, name: &str) -> Checked {
        let has_address = match &self.input.kernel.ksyms {
            Some(ksyms) => ksyms.contains_key(name),
            None => !self.input.kernel.kfuncs.is_prototype(name),
        };
        if has_address {
            return Ok(());
        }
        reject!(
            self,
            KfuncNotFound,
            EINVAL,
            "cannot find address for kernel function {name}"
        )
    }

    /// Bytes of stack that an argument of a kfunc makes it access; negative when written.
    pub(crate) fn kfunc_stack_access_bytes(&self, insn: &Insn, arg: usize, idx: usize) -> i64 {
        const UNKNOWN: i64 = crate::analysis::arg_track::access::UNKNOWN_BYTES;
        let Some(k) = self.input.kfunc_quiet(insn) else {
            return UNKNOWN;
        };
        let Some(target) = (arg < k.params.len()).then(|| k.pointee(arg)).flatten() else {
            return 0;
        };
        let aux = &self.code.aux[idx];
        let size = if k.points_to(arg, "bpf_dynptr") {
            16
        } else if k.suffix(arg + 1, "__sz") || k.suffix(arg + 1, "__szk") {
            let r = arg + 2;
            if r < 10 && aux.const_reg_mask >> r & 1 != 0 {
                i64::from(aux.const_reg_vals[r])
            } else {
                return crate::facts::limits::MAX_BPF_STACK.into();
            }
        } else {
            match k.btf.resolve_size(target.id()) {
                Ok(n) => n.into(),
                Err(_) => return UNKNOWN,
            }
        };
        let written =
            arg == 0 && k.flags.contains(KfuncFlags::ITER_NEW) || k.suffix(arg, "__uninit");
        if written { -size } else { size }
    }
}
