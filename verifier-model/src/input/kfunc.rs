// SPDX-License-Identifier: GPL-2.0-only
//! A kfunc, as a call names it.

use std::borrow::Cow;
use std::sync::Arc;

use bpf::btf::{Btf, Kind, Param, Type, is_scalar};
use bpf::kernel::BtfRef;
use bpf::kernel::kfuncs::KfuncFlags;
use bpf::program::FdSlot;
use bpf::uapi::Insn;

use crate::facts::special_kfunc::SpecialKfunc;
use crate::input::Input;

/// A kfunc as a program calls it.
#[derive(Debug)]
pub(crate) struct Kfunc<'a> {
    /// BTF object it is in.
    pub bref: BtfRef,
    /// That object.
    pub btf: &'a Arc<Btf>,
    /// BTF id of the function.
    pub id: u32,
    pub name: &'a str,
    /// Which it is of those that the verifier tells apart.
    pub special: Option<SpecialKfunc>,
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
    /// Whether it is this one of those that the verifier tells apart.
    pub(crate) fn is(&self, kfunc: SpecialKfunc) -> bool {
        self.special == Some(kfunc)
    }

    /// Whether it is one of those that the verifier tells apart, and such a one.
    pub(crate) fn is_one(&self, such: impl FnOnce(SpecialKfunc) -> bool) -> bool {
        self.special.is_some_and(such)
    }

    /// Whether a parameter's name ends so.
    pub(crate) fn suffix(&self, i: usize, suffix: &str) -> bool {
        self.params
            .get(i)
            .is_some_and(|p| p.name().ends_with(suffix))
    }

    /// A parameter's type without modifiers.
    pub(crate) fn param_type(&self, i: usize) -> Type<'_> {
        self.btf.skip_mods_and_typedefs(self.params[i].type_id())
    }

    /// What a pointer parameter points to.
    pub(crate) fn pointee(&self, i: usize) -> Option<Type<'_>> {
        let t = self.param_type(i);
        (t.kind() == Kind::Ptr).then(|| self.btf.skip_mods_and_typedefs(t.type_id()))
    }

    /// Whether a parameter points to this structure of vmlinux: a module's BTF may have another of the
    /// same name.
    pub(crate) fn points_to(&self, i: usize, name: &str) -> bool {
        let of_module = |t: &Type<'_>| self.btf.base().is_some() && t.id() >= self.btf.start_id();
        self.pointee(i)
            .is_some_and(|t| t.kind() == Kind::Struct && t.name() == name && !of_module(&t))
    }

    /// Whether the verifier or nobody supplies it.
    pub(crate) fn is_hidden(&self, i: usize) -> bool {
        self.points_to(i, "bpf_prog_aux")
            || self.suffix(i, "__ign")
            || self.flags.contains(KfuncFlags::IMPLICIT_ARGS) && self.declared <= i
    }

    /// Whether NULL may be passed. A buffer's name ended in `__opt` until 6.18.
    pub(crate) fn is_nullable(&self, i: usize) -> bool {
        let suffixes = ["__nullable", "__arena", "__opt"];
        suffixes.iter().any(|suffix| self.suffix(i, suffix))
    }

    /// `new`, `next` or `destroy` of an iterator.
    pub(crate) fn is_iter(&self) -> bool {
        self.flags
            .intersects(KfuncFlags::ITER_NEW | KfuncFlags::ITER_NEXT | KfuncFlags::ITER_DESTROY)
    }

    /// The iterator's structure that a parameter points to.
    pub(crate) fn iter_struct(&self, i: usize) -> Option<Type<'_>> {
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
pub(crate) fn arg_name(i: usize) -> Cow<'static, str> {
    match ["R1", "R2", "R3", "R4", "R5"].get(i) {
        Some(&name) => name.into(),
        None => format!("*(R11-{})", (i - 4) * 8).into(),
    }
}

impl<'a> Input<'a> {
    pub(crate) fn kfunc_btf(&self, off: i16) -> Option<(BtfRef, &'a Arc<Btf>)> {
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
    pub(crate) fn kfunc_quiet(&self, insn: &Insn) -> Option<Kfunc<'a>> {
        let (k, allowed) = self.kfunc(insn)?;
        allowed.then_some(k)
    }

    /// The kfunc that an instruction calls, and whether it may be called.
    pub(crate) fn kfunc(&self, insn: &Insn) -> Option<(Kfunc<'a>, bool)> {
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
            special: (bref == BtfRef::VMLINUX)
                .then(|| SpecialKfunc::from_name(func.name()))
                .flatten(),
            flags: flags.unwrap_or_default(),
            params: proto.params().collect(),
            declared,
            ret_type_id: proto.type_id(),
        };
        let allowed = flags.is_some() && self.kfunc_filter_allows(k.name);
        Some((k, allowed))
    }
}

impl Input<'_> {
    /// Which kfunc an instruction calls, if it is one of those that the verifier tells apart.
    pub(crate) fn special_kfunc(&self, insn: &Insn) -> Option<SpecialKfunc> {
        if !insn.is_kfunc_call() || insn.off != 0 {
            return None;
        }
        let id = u32::try_from(insn.imm).ok()?;
        let t = self.kernel.vmlinux.type_by_id(id)?;
        (t.kind() == Kind::Func)
            .then(|| SpecialKfunc::from_name(t.name()))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use bpf::btf::BtfBuilder;

    use super::*;

    #[test]
    fn a_structure_of_a_module_is_not_the_kernels() {
        let aux = |b: &mut BtfBuilder| {
            let name = b.string("bpf_prog_aux");
            b.push(Kind::Struct, name, 0, false, 8, &[])
        };
        let mut b = BtfBuilder::default();
        let of_kernel = aux(&mut b);
        let vmlinux = Arc::new(Btf::parse(&b.build(), None).unwrap());
        let mut b = BtfBuilder::split(&vmlinux);
        let own = aux(&mut b);
        let [to_kernels, to_own] = [of_kernel, own].map(|t| b.push(Kind::Ptr, 0, 0, false, t, &[]));
        let params = [0, to_kernels, 0, to_own];
        let proto = b.push(Kind::FuncProto, 0, 2, false, 0, &params);
        let module = Arc::new(Btf::parse(&b.build(), Some(vmlinux)).unwrap());
        let k = Kfunc {
            bref: BtfRef::Kernel(1),
            btf: &module,
            id: 0,
            name: "f",
            special: None,
            flags: KfuncFlags::empty(),
            params: module.type_by_id(proto).unwrap().params().collect(),
            declared: 2,
            ret_type_id: 0,
        };
        assert!(k.is_hidden(0));
        assert!(!k.is_hidden(1));
    }
}
