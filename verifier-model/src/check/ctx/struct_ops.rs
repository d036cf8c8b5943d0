// SPDX-License-Identifier: GPL-2.0-only
//! Contexts of programs that are members of a structure of operations: the member's arguments, some
//! of which its type makes more than BTF says.
//!
//! Source: the `is_valid_access` of `struct bpf_verifier_ops` of each type, as in
//! `net/ipv4/bpf_tcp_ca.c`.

use bpf::kernel::BtfRef;

use crate::check::ctx::CtxInfo;
use crate::env::Env;
use crate::facts::rejection::Checked;
use crate::facts::types::{Flag, RegType};

impl Env<'_> {
    /// An access to the arguments of a member (`is_valid_access()` of the type).
    pub(crate) fn struct_ops_access(
        &mut self,
        read: bool,
        off: i32,
        size: i32,
    ) -> Checked<Option<CtxInfo>> {
        let ops = self.input.struct_ops.clone();
        let typed = ops
            .as_ref()
            .and_then(|ops| ops.known?.argument(ops.member))
            .filter(|(arg, _)| read && self.input.ctx_arg_idx(off) == Some(*arg));
        if let Some((_, name)) = typed {
            return Ok(self.input.vmlinux_struct(name).map(|id| CtxInfo {
                btf: Some((BtfRef::VMLINUX, id)),
                ..CtxInfo::of(RegType::PTR_TO_BTF_ID | Flag::PTR_TRUSTED)
            }));
        }
        let info = self.tracing_access(read, off, size)?;
        let promotes = ops.as_ref().and_then(|ops| ops.known?.promotes);
        let (Some(mut info), Some((from, to))) = (info.clone(), promotes) else {
            return Ok(info);
        };
        let plain = info.typ.base() == RegType::PTR_TO_BTF_ID && !info.typ.has_unsafe_modifiers();
        if plain && info.btf.map(|(_, id)| id) == self.input.vmlinux_struct(from) {
            let to = self.input.vmlinux_struct(to);
            info.btf = to.map(|id| (BtfRef::VMLINUX, id));
        }
        Ok(Some(info))
    }
}
