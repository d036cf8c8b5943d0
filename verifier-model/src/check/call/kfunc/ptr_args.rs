// SPDX-License-Identifier: GPL-2.0-only
//! Arguments of kfuncs that point to kernel structures or to memory.
//!
//! Source: `process_kf_arg_ptr_to_btf_id()` in `kernel/bpf/verifier.c`.

use bpf::btf::kind_str;
use bpf::kernel::BtfRef;
use bpf::kernel::kfuncs::KfuncFlags;

use crate::check::access::CallArg;
use crate::check::btf::walk::Nested;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::access::Access;
use crate::facts::errno::Errno;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::input::kfunc::{Kfunc, arg_name};
use crate::log::reject;
use crate::state::reg::RegState;

impl Env<'_> {
    /// A pointer to a kernel structure.
    pub(crate) fn check_kfunc_btf_arg(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        reg: &RegState,
        meta: &mut CallArgs,
    ) -> Checked {
        let name = arg_name(i);
        let Some(target) = k.pointee(i) else {
            return Err(Errno::EFAULT.into());
        };
        let (mut want, mut want_name) = ((k.bref, target.id()), target.name().to_owned());
        let mut want_kind = kind_str(target);
        if k.suffix(i, "__map") {
            let Some(id) = self.input.vmlinux_struct("bpf_map") else {
                return not_modelled("maps as arguments without struct bpf_map in BTF");
            };
            want = (BtfRef::VMLINUX, id);
            want_name = "bpf_map".to_owned();
            want_kind = "STRUCT";
            if !self.input.profile.has(Rule::MAP_ARGUMENTS) {
                self.check_map_of_object(i, reg, meta)?;
            }
        }
        let as_btf = reg.typ.base() == RegType::PTR_TO_BTF_ID;
        if !as_btf && self.reg2btf(reg.typ).is_none() {
            if !self.is_scalar_struct(k.btf, target) {
                if !self.input.profile.has(Rule::KFUNC_PROTOTYPES) {
                    return reject!(
                        self,
                        KfuncPrototype,
                        EINVAL,
                        "{name} pointer type {want_kind} {want_name} must point to scalar, or struct with scalar"
                    );
                }
                let other = match want_name.as_str() {
                    "sock" => " or sock",
                    "sock_common" => " or sock_common",
                    "tcp_sock" => " or tcp_sock",
                    "bpf_map" => " or map_ptr",
                    _ => "",
                };
                return reject!(
                    self,
                    ArgumentType,
                    EINVAL,
                    "{name} is {} expected {want_kind} {want_name}{other}",
                    reg.typ
                );
            }
            return self.check_kfunc_mem_arg(k, i, reg, meta);
        }
        self.check_kfunc_trust(k, i, reg)?;
        let have = match reg.btf().filter(|_| as_btf) {
            Some(b) => b,
            None => {
                let s = self.reg2btf(reg.typ).unwrap_or_default();
                let Some(id) = self.input.vmlinux_struct(s) else {
                    return not_modelled(format!("struct {s} is not in BTF"));
                };
                (BtfRef::VMLINUX, id)
            }
        };
        let have_type = self
            .input
            .btf(have.0)
            .map(|b| b.skip_mods_and_typedefs(have.1));
        let (have_id, have_name, have_kind) =
            have_type.map_or((have.1, "", "UNKNOWN"), |t| (t.id(), t.name(), kind_str(t)));
        let released = k.flags.contains(KfuncFlags::RELEASE) && self.reg_is_referenced(reg);
        let alias = |a: &str, b: &str| a.strip_suffix("___init") == Some(b);
        let strict = released || alias(have_name, &want_name) || alias(&want_name, have_name);
        let nested = if strict {
            Nested::Refused
        } else {
            Nested::Allowed
        };
        let flex = self.flex_array(reg.typ);
        let off = reg.var_off.value as i32;
        let same = self.struct_ids_match((have.0, have_id), off, want, nested, flex);
        let projection = matches!(
            (want_name.as_str(), have_name),
            ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff")
        );
        if !same && !projection {
            return reject!(
                self,
                ArgumentType,
                EINVAL,
                "kernel function {} {name} expected pointer to {want_kind} {want_name} but {name} has a pointer to {have_kind} {have_name}",
                k.name
            );
        }
        Ok(())
    }

    /// Whether a kfunc takes pointers that are trusted, and no others.
    pub(crate) fn takes_trusted_alone(&self, k: &Kfunc<'_>) -> bool {
        let marked = KfuncFlags::TRUSTED_ARGS | KfuncFlags::RCU | KfuncFlags::RELEASE;
        self.input.profile.has(Rule::KFUNCS_TRUST) || k.flags.intersects(marked)
    }

    /// A pointer to an object must be one that stays valid.
    pub(crate) fn check_kfunc_trust(&self, k: &Kfunc<'_>, i: usize, reg: &RegState) -> Checked {
        if !self.takes_trusted_alone(k) {
            return Ok(());
        }
        let name = arg_name(i);
        if !self.is_trusted_reg(reg) || reg.typ.has_unsafe_modifiers() {
            if !k.flags.contains(KfuncFlags::RCU) {
                return reject!(
                    self,
                    NotTrusted,
                    EINVAL,
                    "{name} must be referenced or trusted"
                );
            }
            if !reg.typ.has(Flag::MEM_RCU) {
                return match self.in_rcu_cs() {
                    true => reject!(self, NotTrusted, EINVAL, "{name} must be a rcu pointer"),
                    false => reject!(self, NoRcuSection, EINVAL, "{name} must be a rcu pointer"),
                };
            }
        }
        Ok(())
    }

    /// A map, and where an object was passed before, the one that it is in.
    fn check_map_of_object(&mut self, i: usize, reg: &RegState, meta: &mut CallArgs) -> Checked {
        let name = arg_name(i);
        let Some(map) = reg.map() else {
            return match reg.typ.base() {
                RegType::PTR_TO_BTF_ID => Ok(()),
                _ => reject!(
                    self,
                    ArgumentType,
                    EINVAL,
                    "pointer in {name} isn't map pointer"
                ),
            };
        };
        let record = &self.code.maps[map].record;
        if record.off_of("bpf_wq").is_some() || record.off_of("bpf_task_work").is_some() {
            return self.process_map_ptr_arg(reg, &name, i + 1, meta);
        }
        meta.map = reg.map();
        meta.map_uid = reg.map_uid;
        Ok(())
    }

    pub(crate) fn check_kfunc_mem_arg(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        reg: &RegState,
        meta: &mut CallArgs,
    ) -> Checked {
        let name = arg_name(i);
        let Some(target) = k.pointee(i) else {
            return Err(Errno::EFAULT.into());
        };
        let Ok(size) = k.btf.resolve_size(target.id()) else {
            return reject!(
                self,
                ArgumentType,
                EINVAL,
                "{name} reference type('{} {}') size cannot be determined: -22",
                kind_str(target),
                target.name()
            );
        };
        let rw = [Access::Read, Access::Write];
        let reg = self.passed_as_memory(reg);
        self.check_mem_reg(&reg, &name, i + 1, size, &rw, Some(meta))
    }

    pub(crate) fn check_kfunc_mem_size(
        &mut self,
        i: usize,
        size: &RegState,
        meta: &mut CallArgs,
    ) -> Checked {
        let name = arg_name(i);
        if !size.is_scalar() {
            return reject!(self, ArgumentType, EINVAL, "{name} is not a scalar");
        }
        let Some(at) = i.checked_sub(1) else {
            return Err(Errno::EFAULT.into());
        };
        let buf = self.passed_as_memory(&self.func_arg_reg(at));
        if buf.is_null() {
            return Ok(());
        }
        let buf_name = arg_name(at);
        let rw = [Access::Read, Access::Write];
        let mem = CallArg {
            reg: &buf,
            name: &buf_name,
            regno: i,
        };
        let size = CallArg {
            reg: size,
            name: &name,
            regno: i + 1,
        };
        self.check_mem_size_reg(&mem, &size, &rw, true, meta)
            .map_err(|stop| {
                let line = format_args!(
                    "{buf_name} and {name} memory, len pair leads to invalid memory access"
                );
                self.log
                    .sum_up(stop, Some(crate::facts::kind::Kind::MemoryLengthPair), line)
            })
    }
}
