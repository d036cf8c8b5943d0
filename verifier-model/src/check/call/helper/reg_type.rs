// SPDX-License-Identifier: GPL-2.0-only
//! Which kinds of registers an argument takes, and at what offset.
//!
//! Source: `check_reg_type()`, `check_func_arg_reg_off()` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;
use bpf::uapi::ProgType;

use crate::check::access::CallArg;
use crate::check::btf::walk::Nested;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::errno::Errno;
use crate::facts::helpers::id;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::rule::{Profile, Rule};
use crate::facts::types::{ArgType, Flag, RegType};
use crate::log::reject;
use crate::state::reg::RegState;

const MEM_TYPES: &[RegType] = &[
    RegType::PTR_TO_STACK,
    RegType::PTR_TO_PACKET,
    RegType::PTR_TO_PACKET_META,
    RegType::PTR_TO_MAP_KEY,
    RegType::PTR_TO_MAP_VALUE,
    RegType::PTR_TO_MEM,
    RegType::PTR_TO_MEM.with(Flag::MEM_RINGBUF),
    RegType::PTR_TO_BUF,
    RegType::PTR_TO_BTF_ID.with(Flag::PTR_TRUSTED),
    RegType::PTR_TO_CTX,
];

/// Register types that an argument type takes, in the order messages list them.
fn compatible_reg_types(arg: ArgType, rules: &Profile) -> Option<&'static [RegType]> {
    const ALLOC: RegType = RegType::PTR_TO_BTF_ID.with(Flag::MEM_ALLOC);
    const NON_OWN: RegType = ALLOC.with(Flag::NON_OWN_REF);
    const PERCPU: RegType = RegType::PTR_TO_BTF_ID.with(Flag::MEM_PERCPU);
    Some(match arg.base() {
        ArgType::ARG_PTR_TO_MAP_KEY | ArgType::ARG_PTR_TO_MAP_VALUE | ArgType::ARG_PTR_TO_MEM => {
            let without_ctx = usize::from(!rules.has(Rule::MOVED_CONTEXT));
            &MEM_TYPES[..MEM_TYPES.len() - without_ctx]
        }
        ArgType::ARG_MEM_SIZE
        | ArgType::ARG_MEM_SIZE_OR_ZERO
        | ArgType::ARG_CONST_ALLOC_SIZE_OR_ZERO
        | ArgType::ARG_SCALAR => const { &[RegType::SCALAR_VALUE] },
        ArgType::ARG_CONST_MAP_PTR => const { &[RegType::CONST_PTR_TO_MAP] },
        ArgType::ARG_PTR_TO_CTX => const { &[RegType::PTR_TO_CTX] },
        ArgType::ARG_PTR_TO_SOCK_COMMON => {
            const {
                &[
                    RegType::PTR_TO_SOCK_COMMON,
                    RegType::PTR_TO_SOCKET,
                    RegType::PTR_TO_TCP_SOCK,
                    RegType::PTR_TO_XDP_SOCK,
                ]
            }
        }
        ArgType::ARG_PTR_TO_BTF_ID_SOCK_COMMON => {
            const {
                &[
                    RegType::PTR_TO_SOCK_COMMON,
                    RegType::PTR_TO_SOCKET,
                    RegType::PTR_TO_TCP_SOCK,
                    RegType::PTR_TO_XDP_SOCK,
                    RegType::PTR_TO_BTF_ID,
                    RegType::PTR_TO_BTF_ID.with(Flag::PTR_TRUSTED),
                ]
            }
        }
        ArgType::ARG_PTR_TO_SOCKET => const { &[RegType::PTR_TO_SOCKET] },
        ArgType::ARG_PTR_TO_BTF_ID => {
            const {
                &[
                    RegType::PTR_TO_BTF_ID,
                    RegType::PTR_TO_BTF_ID.with(Flag::PTR_TRUSTED),
                    RegType::PTR_TO_BTF_ID.with(Flag::MEM_RCU),
                ]
            }
        }
        ArgType::ARG_PTR_TO_SPIN_LOCK => const { &[RegType::PTR_TO_MAP_VALUE, ALLOC] },
        ArgType::ARG_PTR_TO_RINGBUF_MEM => const { &[RegType::PTR_TO_MEM.with(Flag::MEM_RINGBUF)] },
        ArgType::ARG_PTR_TO_PERCPU_BTF_ID => {
            const {
                &[
                    PERCPU,
                    PERCPU.with(Flag::MEM_RCU),
                    PERCPU.with(Flag::PTR_TRUSTED),
                ]
            }
        }
        ArgType::ARG_PTR_TO_FUNC => const { &[RegType::PTR_TO_FUNC] },
        ArgType::ARG_PTR_TO_STACK => const { &[RegType::PTR_TO_STACK] },
        ArgType::ARG_PTR_TO_CONST_STR | ArgType::ARG_PTR_TO_TIMER => {
            const { &[RegType::PTR_TO_MAP_VALUE] }
        }
        ArgType::ARG_KPTR_XCHG_DEST => {
            const {
                &[
                    RegType::PTR_TO_MAP_VALUE,
                    ALLOC,
                    NON_OWN,
                    NON_OWN.with(Flag::MEM_RCU),
                ]
            }
        }
        ArgType::ARG_PTR_TO_DYNPTR => {
            const { &[RegType::PTR_TO_STACK, RegType::CONST_PTR_TO_DYNPTR] }
        }
        _ => return None,
    })
}

impl Env<'_> {
    /// The register's type must be one that the argument takes (`check_reg_type`). `btf` is the
    /// kernel structure expected.
    pub(crate) fn check_reg_type(
        &mut self,
        arg: &CallArg<'_>,
        at: ArgType,
        btf: Option<&str>,
        meta: &CallArgs,
        call_name: &str,
    ) -> Checked {
        let CallArg { reg, name, regno } = *arg;
        let Some(compatible) = compatible_reg_types(at, self.input.profile) else {
            return self
                .log
                .verifier_bug(format_args!("unsupported arg type {}", at.raw()));
        };
        let mut typ = reg.typ;
        if at.has(Flag::MEM_RDONLY) {
            typ = typ.without(Flag::MEM_RDONLY);
        }
        if at.may_be_null() {
            typ = typ.without(Flag::PTR_MAYBE_NULL);
        }
        if at.base() == ArgType::ARG_PTR_TO_MEM {
            typ = typ.without(Flag::DYNPTR_TYPE_MASK);
        }
        let xchg = meta.func_id == id::KPTR_XCHG && meta.proto.is_some();
        if xchg && regno == 2 && typ.has(Flag::MEM_ALLOC) {
            typ = typ.without(Flag::MEM_ALLOC | Flag::MEM_PERCPU);
        }
        if !compatible.contains(&typ) {
            let list: Vec<_> = compatible.iter().map(RegType::to_string).collect();
            return reject!(
                self,
                ArgumentType,
                EACCES,
                "{name} type={} expected={}",
                reg.typ,
                list.join(", ")
            );
        }
        if reg.typ.base() != RegType::PTR_TO_BTF_ID {
            return Ok(());
        }
        let takes_mem = matches!(
            at.base(),
            ArgType::ARG_PTR_TO_MAP_KEY | ArgType::ARG_PTR_TO_MAP_VALUE | ArgType::ARG_PTR_TO_MEM
        );
        if takes_mem {
            if !at.has(Flag::MEM_RDONLY) {
                return reject!(
                    self,
                    ReadOnly,
                    EACCES,
                    "{call_name}() may write into memory pointed by {name} type={}",
                    reg.typ
                );
            }
            return Ok(());
        }
        if reg.typ.has(Flag::MEM_PERCPU) && !reg.typ.has(Flag::MEM_ALLOC) {
            return Ok(());
        }
        if reg.typ.has(Flag::MEM_ALLOC) {
            if !matches!(
                meta.func_id,
                id::SPIN_LOCK | id::SPIN_UNLOCK | id::KPTR_XCHG
            ) {
                return self
                    .log
                    .verifier_bug(format_args!("unimplemented handling of MEM_ALLOC"));
            }
            if xchg && regno == 2 {
                return self.check_xchg_match(meta, reg, regno);
            }
            return Ok(());
        }
        if reg.typ.may_be_null() && (!at.may_be_null() || at.has(Flag::OBJ_RELEASE)) {
            return reject!(
                self,
                NullArgument,
                EACCES,
                "Possibly NULL pointer passed to helper {name}"
            );
        }
        if xchg {
            return self.check_xchg_match(meta, reg, regno);
        }
        self.check_ptr_off_reg(reg, name, true)?;
        let want = if at.base() == ArgType::ARG_PTR_TO_BTF_ID_SOCK_COMMON {
            "sock_common"
        } else {
            btf.unwrap_or("")
        };
        let releases = at.has(Flag::OBJ_RELEASE) && meta.func_id != id::SK_RELEASE;
        let nested = if releases {
            Nested::Refused
        } else {
            Nested::Allowed
        };
        self.check_arg_struct(reg, name, want, nested)
    }

    /// The kernel structure pointed to must be the one expected.
    fn check_arg_struct(
        &mut self,
        reg: &RegState,
        name: &str,
        want: &str,
        nested: Nested,
    ) -> Checked {
        let Some(want_id) = self.input.vmlinux_struct(want) else {
            return not_modelled(format!("an argument of struct {want}, which is not in BTF"));
        };
        let Some((rbtf, rid)) = reg.btf() else {
            return Err(Errno::EFAULT.into());
        };
        let off = reg.var_off.value as i32;
        let (need, flex) = ((BtfRef::VMLINUX, want_id), self.flex_array(reg.typ));
        if !self.struct_ids_match((rbtf, rid), off, need, nested, flex) {
            let is = self.input.btf_type_name(rbtf, rid).to_owned();
            return reject!(
                self,
                ArgumentType,
                EACCES,
                "{name} is of type {is} but {want} is expected"
            );
        }
        Ok(())
    }

    /// What is exchanged for a kptr must be of its type.
    fn check_xchg_match(&mut self, meta: &CallArgs, reg: &RegState, regno: usize) -> Checked {
        let Some(field) = &meta.kptr_field else {
            return Err(Errno::EFAULT.into());
        };
        self.check_kptr_match(field, reg, regno)
            .map_err(|stop| stop.with_errno(Errno::EACCES))
    }

    /// The offset of a pointer argument.
    pub(crate) fn check_func_arg_reg_off(
        &mut self,
        reg: &RegState,
        name: &str,
        at: ArgType,
        btf_id_fixed_off_ok: bool,
    ) -> Checked {
        if at.has(Flag::OBJ_RELEASE) {
            if at.base() == ArgType::ARG_PTR_TO_DYNPTR && reg.typ == RegType::PTR_TO_STACK {
                return Ok(());
            }
            if !reg.var_off.equals_const(0) {
                return reject!(
                    self,
                    ModifiedPointer,
                    EINVAL,
                    "{name} must have zero offset when passed to release func or trusted arg to kfunc"
                );
            }
        }
        const ALLOC: RegType = RegType::PTR_TO_BTF_ID.with(Flag::MEM_ALLOC);
        const MEM_RDONLY: RegType = RegType::PTR_TO_MEM.with(Flag::MEM_RDONLY);
        const MEM_RINGBUF: RegType = RegType::PTR_TO_MEM.with(Flag::MEM_RINGBUF);
        const BUF_RDONLY: RegType = RegType::PTR_TO_BUF.with(Flag::MEM_RDONLY);
        const TRUSTED: RegType = RegType::PTR_TO_BTF_ID.with(Flag::PTR_TRUSTED);
        const RCU: RegType = RegType::PTR_TO_BTF_ID.with(Flag::MEM_RCU);
        const NON_OWN: RegType = ALLOC.with(Flag::NON_OWN_REF);
        const NON_OWN_RCU: RegType = NON_OWN.with(Flag::MEM_RCU);
        match reg.typ {
            RegType::PTR_TO_STACK
            | RegType::PTR_TO_PACKET
            | RegType::PTR_TO_PACKET_META
            | RegType::PTR_TO_MAP_KEY
            | RegType::PTR_TO_MAP_VALUE
            | RegType::PTR_TO_MEM
            | MEM_RDONLY
            | MEM_RINGBUF
            | RegType::PTR_TO_BUF
            | BUF_RDONLY
            | RegType::PTR_TO_ARENA
            | RegType::SCALAR_VALUE => Ok(()),
            RegType::PTR_TO_BTF_ID | ALLOC | TRUSTED | RCU | NON_OWN | NON_OWN_RCU => {
                self.check_ptr_off_reg(reg, name, btf_id_fixed_off_ok)
            }
            RegType::PTR_TO_CTX
                if at != ArgType::ARG_PTR_TO_CTX
                    && self.input.profile.has(Rule::MOVED_CONTEXT)
                    && self.input.prog.prog_type == ProgType::Syscall =>
            {
                Ok(())
            }
            _ => self.check_ptr_off_reg(reg, name, false),
        }
    }
}
