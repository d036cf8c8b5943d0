// SPDX-License-Identifier: GPL-2.0-only
//! A kfunc, as a call names it.

use std::sync::Arc;

use bpf::btf::is_scalar;
use bpf::btf::{Btf, Kind, Param, Type};
use bpf::kernel::BtfRef;
use bpf::kernel::kfuncs::KfuncFlags;

/// A kfunc as a program calls it.
#[derive(Clone)]
pub struct Kfunc<'a> {
    /// BTF object it is in.
    pub bref: BtfRef,
    /// That object.
    pub btf: &'a Arc<Btf>,
    /// BTF id of the function.
    pub id: u32,
    /// Name.
    pub name: &'a str,
    /// Registered flags.
    pub flags: KfuncFlags,
    /// Parameters, with those that the verifier supplies.
    pub params: Vec<Param<'a>>,
    /// How many of them the program supplies.
    pub declared: usize,
    /// Type returned.
    pub ret_type_id: u32,
}

impl Kfunc<'_> {
    /// Whether it is this function of vmlinux.
    pub fn is_vmlinux_func(&self, name: &str) -> bool {
        self.bref == BtfRef::VMLINUX && self.name == name
    }

    /// Whether it is one of these functions of vmlinux.
    pub fn is_one_of(&self, names: &[&str]) -> bool {
        self.bref == BtfRef::VMLINUX && names.contains(&self.name)
    }

    /// Whether a parameter's name ends so.
    pub fn suffix(&self, i: usize, suffix: &str) -> bool {
        self.params
            .get(i)
            .is_some_and(|p| p.name().ends_with(suffix))
    }

    /// A parameter's type without modifiers.
    pub fn param_type(&self, i: usize) -> Type<'_> {
        self.btf.skip_mods_and_typedefs(self.params[i].type_id())
    }

    /// What a pointer parameter points to.
    pub fn pointee(&self, i: usize) -> Option<Type<'_>> {
        let t = self.param_type(i);
        (t.kind() == Kind::Ptr).then(|| self.btf.skip_mods_and_typedefs(t.type_id()))
    }

    /// Whether a parameter points to this structure of vmlinux.
    pub fn points_to(&self, i: usize, name: &str) -> bool {
        self.pointee(i)
            .is_some_and(|t| t.kind() == Kind::Struct && t.name() == name)
    }

    /// Whether the verifier or nobody supplies it.
    pub fn is_hidden(&self, i: usize) -> bool {
        self.points_to(i, "bpf_prog_aux")
            || self.suffix(i, "__ign")
            || self.flags.contains(KfuncFlags::IMPLICIT_ARGS) && self.declared <= i
    }

    /// Whether NULL may be passed.
    pub fn is_nullable(&self, i: usize) -> bool {
        self.suffix(i, "__nullable") || self.suffix(i, "__arena")
    }

    /// `new`, `next` or `destroy` of an iterator.
    pub fn is_iter(&self) -> bool {
        self.flags
            .intersects(KfuncFlags::ITER_NEW | KfuncFlags::ITER_NEXT | KfuncFlags::ITER_DESTROY)
    }

    /// The iterator's structure that a parameter points to.
    pub fn iter_struct(&self, i: usize) -> Option<Type<'_>> {
        self.pointee(i)
            .filter(|t| t.kind() == Kind::Struct && t.name().starts_with("bpf_iter_"))
    }

    pub(crate) fn is_mem_size(&self, i: usize) -> bool {
        i < self.params.len()
            && is_scalar(self.param_type(i))
            && (self.suffix(i, "__sz") || self.suffix(i, "__szk"))
    }
}

/// How messages name an argument.
pub fn arg_name(i: usize) -> String {
    if i < 5 {
        format!("R{}", i + 1)
    } else {
        format!("*(R11-{})", (i - 4) * 8)
    }
}
