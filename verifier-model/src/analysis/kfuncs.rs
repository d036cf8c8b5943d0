// SPDX-License-Identifier: GPL-2.0-only
//! Kernel functions that programs may call: found by BTF, with flags from the kernel's tables.
//!
//! Nothing is known of a kfunc but its prototype, the names of its parameters, and its flags; the
//! few that the kernel's verifier itself tells apart are told apart by name in vmlinux.
//!
//! Source: `fetch_kfunc_meta()`, `bpf_add_kfunc_call()`, `get_kfunc_arg_type()` in
//! `kernel/bpf/verifier.c`.

use std::sync::Arc;

use bpf::btf::{Btf, Kind};
use bpf::kernel::BtfRef;
use bpf::kernel::kfuncs::KfuncFlags;
use bpf::program::FdSlot;
use bpf::uapi::Insn;

use crate::env::Env;
use crate::facts::errno::{Check, Errno, Stop};
use crate::facts::limits::MAX_BPF_FUNC_ARGS;
use crate::input::kfunc::Kfunc;
use crate::log::verbose;

impl<'a> Env<'a> {
    fn kfunc_btf(&self, off: i16) -> Option<(BtfRef, &'a Arc<Btf>)> {
        let obj = match off {
            0 => 0,
            n => match self.prog.fd_array.get(usize::try_from(n).ok()?)? {
                FdSlot::Btf(obj) => *obj,
                _ => return None,
            },
        };
        Some((BtfRef::Kernel(obj), self.kernel.btf(obj)?))
    }

    /// The kfunc that an instruction calls, if it exists and may be called.
    pub fn kfunc_quiet(&self, insn: &Insn) -> Option<Kfunc<'a>> {
        let (k, allowed) = self.kfunc(insn)?;
        allowed.then_some(k)
    }

    /// The kfunc that an instruction calls, and whether it may be called.
    pub fn kfunc(&self, insn: &Insn) -> Option<(Kfunc<'a>, bool)> {
        if !insn.is_kfunc_call() {
            return None;
        }
        let (bref, btf) = self.kfunc_btf(insn.off)?;
        let id = u32::try_from(insn.imm).ok()?;
        let func = btf.type_by_id(id).filter(|t| t.kind() == Kind::Func)?;
        let flags = self
            .kernel
            .kfuncs
            .flags_for(self.prog.prog_type, func.name());
        let mut proto = btf.type_by_id(func.type_id())?;
        let declared = proto.params().len();
        if flags.is_some_and(|f| f.contains(KfuncFlags::IMPLICIT_ARGS)) {
            let implementation = format!("{}_impl", func.name());
            let f = btf.find_by_name_kind(&implementation, Kind::Func)?;
            proto = btf.type_by_id(f.type_id())?;
        }
        if proto.kind() != Kind::FuncProto {
            return None;
        }
        let k = Kfunc {
            bref,
            btf,
            id,
            name: func.name(),
            flags: flags.unwrap_or_default(),
            params: proto.params().collect(),
            declared,
            ret_type_id: proto.type_id(),
        };
        let allowed = flags.is_some() && self.kfunc_filter_allows(k.name);
        Some((k, allowed))
    }

    /// Whether an instruction calls one of these functions of vmlinux.
    pub fn is_special_kfunc(&self, insn: &Insn, names: &[&str]) -> bool {
        insn.is_kfunc_call()
            && insn.off == 0
            && u32::try_from(insn.imm)
                .ok()
                .and_then(|id| self.kernel.vmlinux.type_by_id(id))
                .is_some_and(|t| t.kind() == Kind::Func && names.contains(&t.name()))
    }

    /// Looks at every kfunc that is called, before the walk (`add_kfuncs`).
    pub fn add_kfuncs(&mut self) -> Check {
        let mut seen = Vec::new();
        for i in 0..self.insns.len() {
            let insn = self.insns[i];
            if !insn.is_kfunc_call() || seen.contains(&(insn.imm, insn.off)) {
                continue;
            }
            seen.push((insn.imm, insn.off));
            self.add_kfunc(&insn)?;
        }
        Ok(())
    }

    fn add_kfunc(&mut self, insn: &Insn) -> Check {
        let fail = Err(Stop::Errno(Errno::EINVAL));
        if !self.bpf_capable {
            verbose!(
                self,
                "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN\n"
            );
            return Err(Errno::EPERM.into());
        }
        if !self.prog.gpl_compatible() {
            verbose!(
                self,
                "cannot call kernel function from non-GPL compatible program\n"
            );
            return fail;
        }
        if insn.imm == 0 && insn.off == 0 {
            return Ok(());
        }
        if insn.imm <= 0 {
            verbose!(self, "invalid kernel function btf_id {}\n", insn.imm);
            return fail;
        }
        if insn.off < 0 {
            verbose!(
                self,
                "negative offset disallowed for kernel module function call\n"
            );
            verbose!(self, "failed to find BTF for kernel function\n");
            return fail;
        }
        let Some((_, btf)) = self.kfunc_btf(insn.off) else {
            if self.prog.fd_array.is_empty() {
                verbose!(self, "kfunc offset > 0 without fd_array is invalid\n");
                verbose!(self, "failed to find BTF for kernel function\n");
                return Err(Errno::EPROTO.into());
            }
            verbose!(self, "invalid module BTF fd specified\n");
            verbose!(self, "failed to find BTF for kernel function\n");
            return fail;
        };
        if btf
            .type_by_id(insn.imm as u32)
            .is_none_or(|t| t.kind() != Kind::Func)
        {
            verbose!(self, "kernel btf_id {} is not a function\n", insn.imm);
            return fail;
        }
        let Some((k, _)) = self.kfunc(insn) else {
            verbose!(
                self,
                "kernel function btf_id {} does not have a valid func_proto\n",
                insn.imm
            );
            return fail;
        };
        let has_address = match &self.kernel.ksyms {
            Some(ksyms) => ksyms.contains_key(k.name),
            None => !self.kernel.kfuncs.is_prototype(k.name),
        };
        if !has_address {
            verbose!(self, "cannot find address for kernel function {}\n", k.name);
            return fail;
        }
        let n = k.params.len();
        if n > MAX_BPF_FUNC_ARGS {
            verbose!(
                self,
                "Function {} has {n} > {MAX_BPF_FUNC_ARGS} args\n",
                k.name
            );
            return fail;
        }
        for i in (0..n).filter(|i| !k.is_hidden(*i)) {
            self.kfunc_arg_type(&k, i)?;
        }
        Ok(())
    }

    /// Bytes of stack that an argument of a kfunc makes it access; negative when written.
    pub fn kfunc_stack_access_bytes(&self, insn: &Insn, arg: usize, idx: usize) -> i64 {
        const UNKNOWN: i64 = crate::analysis::arg_track::access::UNKNOWN_BYTES;
        let Some(k) = self.kfunc_quiet(insn) else {
            return UNKNOWN;
        };
        let Some(target) = (arg < k.params.len()).then(|| k.pointee(arg)).flatten() else {
            return 0;
        };
        let aux = &self.aux[idx];
        let size = if k.points_to(arg, "bpf_dynptr") {
            16
        } else if k.suffix(arg + 1, "__sz") || k.suffix(arg + 1, "__szk") {
            let r = arg + 2;
            if r < 10 && aux.const_reg_mask >> r & 1 != 0 {
                i64::from(aux.const_reg_vals[r])
            } else {
                return crate::state::MAX_BPF_STACK.into();
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
