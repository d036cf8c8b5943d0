// SPDX-License-Identifier: GPL-2.0-only
//! The program that another one attaches to.

use std::sync::Arc;

use bpf::btf::{Btf, Type};
use bpf::program::ProgLoad;

use crate::env::Env;
use crate::facts::types::RegType;

/// A verified program that another attaches to (`prog->aux->dst_prog`).
#[derive(Clone, Debug)]
pub struct DstProg {
    /// What was loaded.
    pub prog: Arc<ProgLoad>,
    /// The FUNC that is attached to, in its BTF.
    pub btf_id: u32,
    /// Functions that are left of it.
    pub funcs: Vec<DstFunc>,
    /// Its main function is passed pointers into an arena.
    pub has_arena_ctx_arg: bool,
}

/// What is kept of a function.
#[derive(Clone, Copy, Debug)]
pub struct DstFunc {
    pub(crate) type_id: u32,
    pub(crate) is_main: bool,
    pub(crate) unreliable: bool,
    pub(crate) changes_pkt_data: bool,
    pub(crate) might_sleep: bool,
    pub(crate) is_exception_cb: bool,
}

impl DstProg {
    /// What the kernel keeps of a program that was accepted.
    pub(crate) fn new(prog: Arc<ProgLoad>, btf_id: u32, env: &Env<'_>) -> Self {
        let infos = env.prog.func_info.iter().zip(&env.func_info_aux);
        let funcs = infos.zip(&env.subprogs).enumerate();
        // A function that no path came to is taken out.
        let kept = funcs.filter(|(_, (_, sub))| env.aux.get(sub.start).is_some_and(|a| a.seen));
        let funcs = kept.map(|(i, ((info, aux), sub))| DstFunc {
            type_id: info.type_id,
            is_main: i == 0,
            unreliable: aux.unreliable,
            changes_pkt_data: sub.changes_pkt_data,
            might_sleep: sub.might_sleep,
            is_exception_cb: sub.is_exception_cb,
        });
        let arena = |a: &crate::input::struct_ops::CtxArg| a.typ.base() == RegType::PTR_TO_ARENA;
        Self {
            btf_id,
            funcs: funcs.collect(),
            has_arena_ctx_arg: env.ctx_args.iter().any(arena),
            prog,
        }
    }

    /// The function that is attached to.
    pub(crate) fn target(&self) -> Option<(&Btf, Type<'_>)> {
        let btf = self.prog.btf.as_deref()?;
        Some((btf, btf.type_by_id(self.btf_id)?))
    }

    pub(crate) fn func(&self) -> Option<&DstFunc> {
        self.funcs.iter().find(|f| f.type_id == self.btf_id)
    }

    /// Its prototype, unless its BTF is not to be relied on.
    pub(crate) fn proto(&self) -> Option<Type<'_>> {
        let (btf, func) = self.target()?;
        let unreliable = self.func().is_none_or(|f| f.unreliable);
        btf.type_by_id(func.type_id()).filter(|_| !unreliable)
    }
}
