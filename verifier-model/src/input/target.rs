// SPDX-License-Identifier: GPL-2.0-only
//! The program that another one attaches to.

use std::sync::Arc;

use bpf::btf::{Btf, Type};
use bpf::program::ProgLoad;

/// A verified program that another attaches to (`prog->aux->dst_prog`).
#[derive(Clone, Debug)]
pub(crate) struct DstProg {
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
pub(crate) struct DstFunc {
    pub(crate) type_id: u32,
    pub(crate) is_main: bool,
    pub(crate) unreliable: bool,
    pub(crate) changes_pkt_data: bool,
    pub(crate) might_sleep: bool,
    pub(crate) is_exception_cb: bool,
}

impl DstProg {
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
