// SPDX-License-Identifier: GPL-2.0-only
//! Whether an extension has the prototype of the function that it stands in for.
//!
//! The two are described by BTF of different programs, so that types are compared by what they are
//! and structures by name.
//!
//! Source: `btf_check_type_match()`, `btf_check_func_type_match()` in `kernel/bpf/btf.c`.

use bpf::btf::{Btf, Kind, Linkage, Type, kind_str};

use crate::analysis::Known;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::log::reject;

impl Known<'_> {
    /// Whether the main function's prototype is that of `t2` (`btf_check_type_match`).
    pub(crate) fn check_type_match(&self, btf2: &Btf, t2: Type<'_>) -> Checked {
        let own = self
            .input
            .prog
            .btf
            .clone()
            .zip(self.input.prog.func_info.first());
        let Some((btf1, info)) = own else {
            return reject!(self, AttachTarget, EINVAL, "Program extension requires BTF");
        };
        let Some(t1) = btf1.type_by_id(info.type_id) else {
            return Err(Errno::EFAULT.into());
        };
        match mismatch(&btf1, t1, btf2, t2) {
            Some(message) => {
                reject!(self, AttachTarget, EINVAL, "{message}")
            }
            None => Ok(()),
        }
    }
}

/// How the prototypes of two functions differ (`btf_check_func_type_match`).
fn mismatch(btf1: &Btf, t1: Type<'_>, btf2: &Btf, t2: Type<'_>) -> Option<String> {
    let (fn1, fn2) = (t1.name(), t2.name());
    for t in [t1, t2] {
        if t.linkage() != Some(Linkage::Global) {
            return Some(format!("{}() is not a global function", t.name()));
        }
    }
    let (p1, p2) = (
        btf1.type_by_id(t1.type_id())?,
        btf2.type_by_id(t2.type_id())?,
    );
    let (n1, n2) = (p1.params().len(), p2.params().len());
    if n1 != n2 {
        return Some(format!("{fn1}() has {n1} args while {fn2}() has {n2} args"));
    }
    // Kind, number of members and flag are one word, which is compared.
    let differ = |a: Type<'_>, b: Type<'_>| {
        (a.kind(), a.vlen(), a.kflag()) != (b.kind(), b.vlen(), b.kflag())
    };
    let (r1, r2) = (
        btf1.skip_mods_and_typedefs(p1.type_id()),
        btf2.skip_mods_and_typedefs(p2.type_id()),
    );
    if differ(r1, r2) {
        return Some(format!(
            "Return type {} of {fn1}() doesn't match type {} of {fn2}()",
            kind_str(r1),
            kind_str(r2)
        ));
    }
    for (i, (a1, a2)) in p1.params().zip(p2.params()).enumerate() {
        let (a1, a2) = (
            btf1.skip_mods_and_typedefs(a1.type_id()),
            btf2.skip_mods_and_typedefs(a2.type_id()),
        );
        if differ(a1, a2) {
            let (k1, k2) = (kind_str(a1), kind_str(a2));
            return Some(format!("arg{i} in {fn1}() is {k1} while {fn2}() has {k2}"));
        }
        let sized = matches!(
            a1.kind(),
            Kind::Int
                | Kind::Struct
                | Kind::Union
                | Kind::Enum
                | Kind::Datasec
                | Kind::Float
                | Kind::Enum64
        );
        if sized && a1.size() != a2.size() {
            let (s1, s2) = (a1.size(), a2.size());
            return Some(format!(
                "arg{i} in {fn1}() has size {s1} while {fn2}() has {s2}"
            ));
        }
        if a1.kind() == Kind::Int || a1.is_any_enum() {
            continue;
        }
        if a1.kind() != Kind::Ptr {
            return Some(format!("arg{i} in {fn1}() has unrecognized type"));
        }
        let (s1, s2) = (
            btf1.skip_mods_and_typedefs(a1.type_id()),
            btf2.skip_mods_and_typedefs(a2.type_id()),
        );
        for (s, name) in [(s1, fn1), (s2, fn2)] {
            if !s.is_composite() {
                return Some(format!("arg{i} in {name}() is not a pointer to context"));
            }
        }
        if s1.name() != s2.name() {
            return Some(format!(
                "arg{i} {fn1}(struct {} *) doesn't match {fn2}(struct {} *)",
                s1.name(),
                s2.name()
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use generated::code::{FuncType, btf};

    #[test]
    fn prototypes_are_compared_as_the_kernel_does() {
        let btf = Btf::parse(&btf(), None).expect("the generator's BTF");
        let says = |a: FuncType, b: FuncType| {
            let func = |f: FuncType| btf.type_by_id(f.type_id()).expect("it has the function");
            mismatch(&btf, func(a), &btf, func(b)).unwrap_or_default()
        };
        use FuncType::{Global, Main, Static};
        assert_eq!(says(Global, Global), "");
        assert_eq!(says(Global, Static), "static_fn() is not a global function");
        assert_eq!(
            says(Main, Global),
            "main() has 1 args while global_fn() has 2 args"
        );
        // A context is a structure.
        assert_eq!(
            says(Main, Main),
            "arg0 in main() is not a pointer to context"
        );
    }
}
