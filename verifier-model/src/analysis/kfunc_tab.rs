// SPDX-License-Identifier: GPL-2.0-only
//! The kfuncs that a program calls, each looked up once before the walk.
//!
//! Source: `struct bpf_kfunc_desc_tab` in `include/linux/bpf_verifier.h`.

use bpf::uapi::Insn;

use crate::input::Input;
use crate::input::kfunc::Kfunc;

/// By what a call's instruction names: BTF id and the BTF object it is in.
#[derive(Debug, Default)]
pub(crate) struct KfuncTab<'a> {
    /// Sorted by `(imm, off)`.
    descs: Vec<KfuncDesc<'a>>,
}

/// A kfunc that is called.
#[derive(Debug)]
pub(crate) struct KfuncDesc<'a> {
    place: (i32, i16),
    /// What is called.
    pub(crate) kfunc: Kfunc<'a>,
    /// Whether this program may.
    pub(crate) allowed: bool,
}

impl<'a> KfuncTab<'a> {
    /// The kfuncs of all calls. Whether one may be called is known once the program's hook is.
    pub(crate) fn new(input: &Input<'a>, insns: &[Insn]) -> Self {
        let mut descs: Vec<KfuncDesc<'a>> = Vec::new();
        for insn in insns.iter().filter(|insn| insn.is_kfunc_call()) {
            let place = (insn.imm, insn.off);
            if let Err(at) = descs.binary_search_by_key(&place, |desc| desc.place)
                && let Some((kfunc, allowed)) = input.kfunc(insn)
            {
                descs.insert(
                    at,
                    KfuncDesc {
                        place,
                        kfunc,
                        allowed,
                    },
                );
            }
        }
        Self { descs }
    }

    /// What an instruction calls (`find_kfunc_desc()`).
    pub(crate) fn find(&self, insn: &Insn) -> Option<&KfuncDesc<'a>> {
        let place = (insn.imm, insn.off);
        let found = self.descs.binary_search_by_key(&place, |desc| desc.place);
        found.ok().map(|at| &self.descs[at])
    }
}
