// SPDX-License-Identifier: GPL-2.0-only
//! What the program's and the kernel's BTF say of types.
//!
//! Source: `find_kern_ctx_type_id()` in `kernel/bpf/btf.c`.

use std::rc::Rc;
use std::sync::Arc;

use bpf::btf::{Btf, Kind};
use bpf::kernel::BtfRef;
use bpf::kernel::fields::BtfRecord;
use bpf::uapi::ProgType;

use crate::facts::rejection::{Checked, not_modelled};
use crate::input::Input;

impl Input<'_> {
    /// Special fields of a structure of the program's BTF (`btf_find_struct_meta()`).
    pub(crate) fn struct_record(&self, btf: BtfRef, id: u32) -> Rc<BtfRecord> {
        let (BtfRef::Prog, Some(btf)) = (btf, self.btf(btf)) else {
            return Rc::default();
        };
        let mut found = self.struct_meta_tab.borrow_mut();
        let parse = || Rc::new(BtfRecord::parse(btf, id, self.kernel));
        found.entry(id).or_insert_with(parse).clone()
    }

    /// A structure of vmlinux by name.
    pub(crate) fn vmlinux_struct(&self, name: &str) -> Option<u32> {
        self.kernel
            .vmlinux
            .find_by_name_kind(name, Kind::Struct)
            .map(|t| t.id())
    }

    /// The same for another type of program (`find_kern_ctx_type_id`).
    pub(crate) fn kern_ctx_of(&self, prog_type: ProgType) -> Checked<(u32, bool)> {
        let btf = &self.kernel.vmlinux;
        let name = format!("{}_kern", prog_type.c_name());
        let found = btf
            .find_by_name_kind("bpf_ctx_convert", Kind::Struct)
            .and_then(|t| t.members().find(|m| m.name() == name))
            .and_then(|m| btf.type_by_id(m.type_id()));
        match found {
            Some(t) => Ok((t.id(), t.is_composite())),
            None => not_modelled("contexts without struct bpf_ctx_convert in BTF"),
        }
    }

    /// Name of a BTF type.
    pub(crate) fn btf_type_name(&self, btf: BtfRef, id: u32) -> &str {
        self.btf(btf)
            .and_then(|b| b.type_by_id(id))
            .map_or("", |t| t.name())
    }

    /// Kind of an iterator, from its structure's name.
    pub(crate) fn iter_type_str(&self, btf: BtfRef, id: u32) -> &str {
        let name = self.btf_type_name(btf, id);
        name.strip_prefix("bpf_iter_").unwrap_or("<invalid>")
    }
}

impl<'a> Input<'a> {
    /// A BTF object.
    pub(crate) fn btf(&self, btf: BtfRef) -> Option<&'a Arc<Btf>> {
        match btf {
            BtfRef::Prog => self.prog.btf.as_ref(),
            BtfRef::Kernel(obj) => self.kernel.btf(obj),
        }
    }

    /// A function's name, empty without BTF.
    pub(crate) fn subprog_name(&self, subprog: usize) -> &'a str {
        let Some(info) = self.prog.func_info.get(subprog) else {
            return "";
        };
        let btf = self.prog.btf.as_ref();
        btf.and_then(|b| b.type_by_id(info.type_id))
            .map_or("", |t| t.name())
    }
}
