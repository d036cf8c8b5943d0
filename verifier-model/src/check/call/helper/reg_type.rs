// SPDX-License-Identifier: GPL-2.0-only
//! Which kinds of registers an argument takes, and at what offset.
//!
//! Source: `check_reg_type()`, `check_func_arg_reg_off()` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;
use bpf::kernel::fields::Field;
use bpf::uapi::ProgType;

use crate::env::Env;
use crate::env::call_args::CallMeta;
use crate::facts::errno::Errno;
use crate::facts::helpers::id;
use crate::facts::rejection::{Checked, Stop, not_modelled};
use crate::facts::types::{ArgType as A, Flag as F, RegType as T};
use crate::log::reject;
use crate::state::reg::RegState;

const MEM_TYPES: &[T] = &[
    T::PTR_TO_STACK,
    T::PTR_TO_PACKET,
    T::PTR_TO_PACKET_META,
    T::PTR_TO_MAP_KEY,
    T::PTR_TO_MAP_VALUE,
    T::PTR_TO_MEM,
    T::PTR_TO_MEM.with(F::MEM_RINGBUF),
    T::PTR_TO_BUF,
    T::PTR_TO_BTF_ID.with(F::PTR_TRUSTED),
    T::PTR_TO_CTX,
];

/// Register types that an argument type takes, in the order messages list them.
fn compatible_reg_types(arg: A) -> Option<&'static [T]> {
    const ALLOC: T = T::PTR_TO_BTF_ID.with(F::MEM_ALLOC);
    const NON_OWN: T = ALLOC.with(F::NON_OWN_REF);
    const PERCPU: T = T::PTR_TO_BTF_ID.with(F::MEM_PERCPU);
    Some(match arg.base() {
        A::ARG_PTR_TO_MAP_KEY | A::ARG_PTR_TO_MAP_VALUE | A::ARG_PTR_TO_MEM => MEM_TYPES,
        A::ARG_MEM_SIZE
        | A::ARG_MEM_SIZE_OR_ZERO
        | A::ARG_CONST_ALLOC_SIZE_OR_ZERO
        | A::ARG_SCALAR => const { &[T::SCALAR_VALUE] },
        A::ARG_CONST_MAP_PTR => const { &[T::CONST_PTR_TO_MAP] },
        A::ARG_PTR_TO_CTX => const { &[T::PTR_TO_CTX] },
        A::ARG_PTR_TO_SOCK_COMMON => {
            const {
                &[
                    T::PTR_TO_SOCK_COMMON,
                    T::PTR_TO_SOCKET,
                    T::PTR_TO_TCP_SOCK,
                    T::PTR_TO_XDP_SOCK,
                ]
            }
        }
        A::ARG_PTR_TO_BTF_ID_SOCK_COMMON => {
            const {
                &[
                    T::PTR_TO_SOCK_COMMON,
                    T::PTR_TO_SOCKET,
                    T::PTR_TO_TCP_SOCK,
                    T::PTR_TO_XDP_SOCK,
                    T::PTR_TO_BTF_ID,
                    T::PTR_TO_BTF_ID.with(F::PTR_TRUSTED),
                ]
            }
        }
        A::ARG_PTR_TO_SOCKET => const { &[T::PTR_TO_SOCKET] },
        A::ARG_PTR_TO_BTF_ID => {
            const {
                &[
                    T::PTR_TO_BTF_ID,
                    T::PTR_TO_BTF_ID.with(F::PTR_TRUSTED),
                    T::PTR_TO_BTF_ID.with(F::MEM_RCU),
                ]
            }
        }
        A::ARG_PTR_TO_SPIN_LOCK => const { &[T::PTR_TO_MAP_VALUE, ALLOC] },
        A::ARG_PTR_TO_RINGBUF_MEM => const { &[T::PTR_TO_MEM.with(F::MEM_RINGBUF)] },
        A::ARG_PTR_TO_PERCPU_BTF_ID => {
            const { &[PERCPU, PERCPU.with(F::MEM_RCU), PERCPU.with(F::PTR_TRUSTED)] }
        }
        A::ARG_PTR_TO_FUNC => const { &[T::PTR_TO_FUNC] },
        A::ARG_PTR_TO_STACK => const { &[T::PTR_TO_STACK] },
        A::ARG_PTR_TO_CONST_STR | A::ARG_PTR_TO_TIMER => const { &[T::PTR_TO_MAP_VALUE] },
        A::ARG_KPTR_XCHG_DEST => {
            const {
                &[
                    T::PTR_TO_MAP_VALUE,
                    ALLOC,
                    NON_OWN,
                    NON_OWN.with(F::MEM_RCU),
                ]
            }
        }
        A::ARG_PTR_TO_DYNPTR => const { &[T::PTR_TO_STACK, T::CONST_PTR_TO_DYNPTR] },
        _ => return None,
    })
}

impl Env<'_> {
    /// The register's type must be one that the argument takes (`check_reg_type`). `btf` is the
    /// kernel structure expected.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parameters of an argument check"
    )]
    pub(crate) fn check_reg_type(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        at: A,
        btf: Option<&str>,
        meta: &CallMeta,
        call_name: &str,
    ) -> Checked {
        let Some(compatible) = compatible_reg_types(at) else {
            return self
                .log
                .verifier_bug(format_args!("unsupported arg type {}", at.raw()));
        };
        let mut typ = reg.typ;
        if at.has(F::MEM_RDONLY) {
            typ = typ.without(F::MEM_RDONLY);
        }
        if at.may_be_null() {
            typ = typ.without(F::PTR_MAYBE_NULL);
        }
        if at.base() == A::ARG_PTR_TO_MEM {
            typ = typ.without(F::DYNPTR_TYPE_MASK);
        }
        let xchg = meta.func_id == id::KPTR_XCHG && meta.proto.is_some();
        if xchg && regno == 2 && typ.has(F::MEM_ALLOC) {
            typ = typ.without(F::MEM_ALLOC | F::MEM_PERCPU);
        }
        if !compatible.contains(&typ) {
            let list: Vec<_> = compatible.iter().map(T::to_string).collect();
            return reject!(
                self,
                ArgumentType,
                EACCES,
                "{name} type={} expected={}",
                reg.typ,
                list.join(", ")
            );
        }
        if reg.typ.base() != T::PTR_TO_BTF_ID {
            return Ok(());
        }
        let takes_mem = matches!(
            at.base(),
            A::ARG_PTR_TO_MAP_KEY | A::ARG_PTR_TO_MAP_VALUE | A::ARG_PTR_TO_MEM
        );
        if takes_mem {
            if !at.has(F::MEM_RDONLY) {
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
        if reg.typ.has(F::MEM_PERCPU) && !reg.typ.has(F::MEM_ALLOC) {
            return Ok(());
        }
        if reg.typ.has(F::MEM_ALLOC) {
            if !matches!(
                meta.func_id,
                id::SPIN_LOCK | id::SPIN_UNLOCK | id::KPTR_XCHG
            ) {
                return self
                    .log
                    .verifier_bug(format_args!("unimplemented handling of MEM_ALLOC"));
            }
            if xchg && regno == 2 {
                let Some(field) = meta.kptr_field.clone() else {
                    return Err(Errno::EFAULT.into());
                };
                return self.check_xchg_match(&field, reg, regno);
            }
            return Ok(());
        }
        let release = at.has(F::OBJ_RELEASE);
        if reg.typ.may_be_null() && (!at.may_be_null() || release) {
            return reject!(
                self,
                NullArgument,
                EACCES,
                "Possibly NULL pointer passed to helper {name}"
            );
        }
        if xchg {
            let Some(field) = meta.kptr_field.clone() else {
                return Err(Errno::EFAULT.into());
            };
            return self.check_xchg_match(&field, reg, regno);
        }
        self.check_ptr_off_reg(reg, name, true)?;
        let want = if at.base() == A::ARG_PTR_TO_BTF_ID_SOCK_COMMON {
            "sock_common"
        } else {
            btf.unwrap_or("")
        };
        let Some(want_id) = self.input.vmlinux_struct(want) else {
            return not_modelled(format!("an argument of struct {want}, which is not in BTF"));
        };
        let Some((rbtf, rid)) = reg.btf() else {
            return Err(Errno::EFAULT.into());
        };
        let strict = release && meta.func_id != id::SK_RELEASE;
        let off = reg.var_off.value as i32;
        if !self.struct_ids_match((rbtf, rid), off, (BtfRef::VMLINUX, want_id), strict, true) {
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
    fn check_xchg_match(&mut self, field: &Field, reg: &RegState, regno: usize) -> Checked {
        match self.check_kptr_match(field, reg, regno) {
            Err(Stop::Rejected(_)) => Err(Errno::EACCES.into()),
            r => r,
        }
    }

    /// The offset of a pointer argument.
    pub(crate) fn check_func_arg_reg_off(
        &mut self,
        reg: &RegState,
        name: &str,
        at: A,
        btf_id_fixed_off_ok: bool,
    ) -> Checked {
        if at.has(F::OBJ_RELEASE) {
            if at.base() == A::ARG_PTR_TO_DYNPTR && reg.typ == T::PTR_TO_STACK {
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
        const ALLOC: T = T::PTR_TO_BTF_ID.with(F::MEM_ALLOC);
        const MEM_RDONLY: T = T::PTR_TO_MEM.with(F::MEM_RDONLY);
        const MEM_RINGBUF: T = T::PTR_TO_MEM.with(F::MEM_RINGBUF);
        const BUF_RDONLY: T = T::PTR_TO_BUF.with(F::MEM_RDONLY);
        const TRUSTED: T = T::PTR_TO_BTF_ID.with(F::PTR_TRUSTED);
        const RCU: T = T::PTR_TO_BTF_ID.with(F::MEM_RCU);
        const NON_OWN: T = ALLOC.with(F::NON_OWN_REF);
        const NON_OWN_RCU: T = NON_OWN.with(F::MEM_RCU);
        match reg.typ {
            T::PTR_TO_STACK
            | T::PTR_TO_PACKET
            | T::PTR_TO_PACKET_META
            | T::PTR_TO_MAP_KEY
            | T::PTR_TO_MAP_VALUE
            | T::PTR_TO_MEM
            | MEM_RDONLY
            | MEM_RINGBUF
            | T::PTR_TO_BUF
            | BUF_RDONLY
            | T::PTR_TO_ARENA
            | T::SCALAR_VALUE => Ok(()),
            T::PTR_TO_BTF_ID | ALLOC | TRUSTED | RCU | NON_OWN | NON_OWN_RCU => {
                self.check_ptr_off_reg(reg, name, btf_id_fixed_off_ok)
            }
            T::PTR_TO_CTX
                if at != A::ARG_PTR_TO_CTX && self.input.prog.prog_type == ProgType::Syscall =>
            {
                Ok(())
            }
            _ => self.check_ptr_off_reg(reg, name, false),
        }
    }
}
