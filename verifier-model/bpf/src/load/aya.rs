// SPDX-License-Identifier: GPL-2.0-only
//! What aya changes of an object's BTF before a kernel sees it, besides what libbpf does: LLVM gives
//! Rust's pointers names, which the kernel refuses, and C's parameters may have none.
//!
//! Source: `fixup_and_sanitize()` of aya-obj 0.2, which serves for no more: it knows neither modules'
//! types nor struct_ops.

use crate::btf::{Btf, BtfBuilder, Kind, Linkage};

/// Functions that clang makes calls of; they are verified with their callers.
const MEMORY_BUILTINS: [&str; 4] = ["memset", "memcpy", "memmove", "memcmp"];

/// Makes the changes.
pub(super) fn fix(btf: &Btf, edit: &mut BtfBuilder) {
    for t in btf.types() {
        match t.kind() {
            Kind::Ptr => {
                if let Some([name_off, ..]) = edit.record_mut(t.id()) {
                    *name_off = 0;
                }
            }
            Kind::FuncProto => {
                for (i, param) in t.params().enumerate() {
                    if param.name().is_empty() && param.type_id() != 0 {
                        let name = edit.string(&format!("param{i}"));
                        if let Some(record) = edit.record_mut(t.id()) {
                            record[3 + 2 * i] = name;
                        }
                    }
                }
            }
            Kind::Func if MEMORY_BUILTINS.contains(&t.name()) => {
                if let Some([_, info, ..]) = edit.record_mut(t.id()) {
                    *info = *info & !0xffff | Linkage::Static as u32;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lose_their_names_and_parameters_get_some() {
        let mut b = BtfBuilder::default();
        b.string("");
        let (int, x) = (b.string("int"), b.string("*mut u8"));
        b.push(Kind::Int, int, 0, false, 4, &[32]);
        b.push(Kind::Ptr, x, 0, false, 1, &[]);
        b.push(Kind::FuncProto, 0, 2, false, 1, &[0, 2, 0, 0]);
        let memset = b.string("memset");
        b.push(Kind::Func, memset, Linkage::Global as u32, false, 3, &[]);
        let btf = Btf::parse(&b.build(), None).unwrap();
        let mut edit = BtfBuilder::from(&btf);
        fix(&btf, &mut edit);
        let btf = Btf::parse(&edit.build(), None).unwrap();
        assert_eq!(btf.type_by_id(2).unwrap().name(), "");
        let names: Vec<&str> = btf
            .type_by_id(3)
            .unwrap()
            .params()
            .map(|p| p.name())
            .collect();
        assert_eq!(names, ["param0", ""], "the second stands for `...`");
        assert_eq!(btf.type_by_id(4).unwrap().linkage(), Some(Linkage::Static));
    }
}
