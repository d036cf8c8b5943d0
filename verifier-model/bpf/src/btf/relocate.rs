// SPDX-License-Identifier: GPL-2.0-only
//! Moves a module's BTF from the base it was built with to that of the kernel it is loaded into.
//!
//! A module built outside the kernel's tree carries a *distilled* base (`.BTF.base`): the kernel
//! types that it uses, by name and size alone. Each is looked for in the kernel:
//!
//! ```text
//!   .BTF.base            vmlinux                 .BTF before      after
//!   [1] int 4            [9] int 4               ptr -> [1]       ptr -> [9]
//!   [2] struct file 232  [840] struct file 232   ptr -> [2]       ptr -> [840]
//!                                                [3] own type     [nr_types + 0]
//! ```
//!
//! Source: `btf_relocate()` in `tools/lib/bpf/btf_relocate.c`, which the kernel uses too.

use std::collections::HashSet;
use std::sync::Arc;

use crate::btf::table::{Btf, BtfError};
use crate::btf::types::{Kind, Type};

impl Btf {
    /// The same types, split from `base` instead of the distilled base that they are split from now.
    pub fn relocate(&self, base: Arc<Btf>) -> Result<Btf, BtfError> {
        let Some(distilled) = self.base() else {
            return Err(BtfError::Header(
                "BTF that is not split cannot be moved to another base",
            ));
        };
        let ids = map_ids(self, distilled, &base)?;
        let own_id = base.nr_types().wrapping_sub(distilled.nr_types());
        let own_str = base.str_len().wrapping_sub(distilled.str_len());
        let mut words = self.words.to_vec();
        for (i, &start) in self.offsets.iter().enumerate() {
            let end = self
                .offsets
                .get(i + 1)
                .map_or(words.len(), |&end| end as usize);
            let record = &mut words[start as usize..end];
            let mut missing = false;
            for_each_reference(record, |reference| match reference {
                Reference::Type(id) => {
                    *id = match ids.get(*id as usize) {
                        Some(&moved) => moved,
                        None => id.wrapping_add(own_id),
                    }
                }
                Reference::Name(offset) if *offset >= distilled.str_len() => {
                    *offset = offset.wrapping_add(own_str);
                }
                Reference::Name(offset) => match base_name(distilled, &base, *offset) {
                    Some(moved) => *offset = moved,
                    None => missing = true,
                },
            });
            if missing {
                let id = self.start_id + i as u32;
                let reason = "its name is not in the kernel's BTF";
                return Err(BtfError::Type { id, reason });
            }
        }
        Btf::from_parts(
            words,
            self.offsets.to_vec(),
            self.strings.to_string(),
            Some(base),
        )
    }

    fn str_len(&self) -> u32 {
        self.start_str_off + self.strings.len() as u32
    }
}

/// The kernel's offset of a name of the distilled base: that of a type of this name.
fn base_name(distilled: &Btf, base: &Btf, offset: u32) -> Option<u32> {
    let name = distilled.str_at(offset)?;
    match name {
        "" => Some(0),
        _ => base.find_by_name(name).next().map(Type::name_off),
    }
}

/// For each type of the distilled base, the kernel's.
fn map_ids(btf: &Btf, distilled: &Btf, base: &Btf) -> Result<Vec<u32>, BtfError> {
    let embedded = embedded_types(btf, distilled);
    let mut ids = vec![0];
    for t in distilled.types() {
        let bad = |reason| BtfError::Type { id: t.id(), reason };
        let distillable = matches!(
            t.kind(),
            Kind::Int | Kind::Float | Kind::Enum | Kind::Struct | Kind::Union | Kind::Fwd
        );
        if !distillable || t.name().is_empty() {
            return Err(bad("it cannot be in a distilled base"));
        }
        let ambiguous = base
            .find_by_name(t.name())
            .filter(|b| b.is_composite())
            .count()
            > 1;
        let wanted = Wanted {
            distilled: t,
            ambiguous,
            embedded: embedded.contains(&t.id()),
        };
        let mut fits = base.find_by_name(t.name()).filter(|b| wanted.fits(*b));
        let found = fits
            .next()
            .ok_or_else(|| bad("the kernel's BTF has no such type"))?;
        if fits.next().is_some() {
            return Err(bad("the kernel's BTF has several such types"));
        }
        ids.push(found.id());
    }
    Ok(ids)
}

/// A type of the distilled base, and whether its size has to agree.
struct Wanted<'a> {
    distilled: Type<'a>,
    /// The kernel has several structures of its name.
    ambiguous: bool,
    /// A structure of the module has it as a member.
    embedded: bool,
}

impl Wanted<'_> {
    /// Whether `base`, which has its name, is the kernel's type for it.
    fn fits(&self, base: Type<'_>) -> bool {
        let distilled = self.distilled;
        let same_size = distilled.size() == base.size();
        let size_fits = match base.kind() {
            Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 => same_size,
            Kind::Struct | Kind::Union => same_size || !self.ambiguous,
            Kind::Fwd => true,
            _ => return false,
        };
        size_fits
            && match (distilled.kind(), base.kind()) {
                (Kind::Fwd, Kind::Fwd) => distilled.kflag() == base.kflag(),
                (Kind::Fwd, Kind::Struct) => !base.kflag(),
                (Kind::Fwd, Kind::Union) => base.kflag(),
                (Kind::Int, Kind::Int) => distilled.int() == base.int(),
                (Kind::Float, Kind::Float) => true,
                // A distilled base has 64-bit enumerations as sized plain ones.
                (Kind::Enum, Kind::Enum | Kind::Enum64) => true,
                (Kind::Struct | Kind::Union, _) => same_size || !self.embedded,
                _ => false,
            }
    }
}

/// Structures of the distilled base that the module's own have as members, so that their size counts.
fn embedded_types(btf: &Btf, distilled: &Btf) -> HashSet<u32> {
    let mut embedded = HashSet::new();
    for member in btf.types().flat_map(Type::members) {
        let mut t = btf.skip_mods_and_typedefs(member.type_id());
        // An array of arrays of ...; types may be circular in what has not been checked.
        for _ in 0..32 {
            match t.array() {
                Some(array) => t = btf.skip_mods_and_typedefs(array.type_id),
                None => break,
            }
        }
        if t.is_composite() && t.id() < distilled.nr_types() {
            embedded.insert(t.id());
        }
    }
    embedded
}

/// A type number or a name's offset in a record.
enum Reference<'a> {
    Type(&'a mut u32),
    Name(&'a mut u32),
}

/// Calls `f` for everything that a record refers to.
fn for_each_reference(record: &mut [u32], mut f: impl FnMut(Reference<'_>)) {
    let [name, info, type_id, rest @ ..] = record else {
        return;
    };
    f(Reference::Name(name));
    let kind = Kind::from_info(*info).unwrap_or(Kind::Unkn);
    match kind {
        Kind::Ptr
        | Kind::Typedef
        | Kind::Volatile
        | Kind::Const
        | Kind::Restrict
        | Kind::Func
        | Kind::FuncProto
        | Kind::Var
        | Kind::DeclTag
        | Kind::TypeTag => f(Reference::Type(type_id)),
        _ => {}
    }
    match kind {
        Kind::Array => rest
            .iter_mut()
            .take(2)
            .for_each(|id| f(Reference::Type(id))),
        Kind::Struct | Kind::Union => {
            for [name, id, _] in rest.as_chunks_mut().0 {
                f(Reference::Name(name));
                f(Reference::Type(id));
            }
        }
        Kind::FuncProto => {
            for [name, id] in rest.as_chunks_mut().0 {
                f(Reference::Name(name));
                f(Reference::Type(id));
            }
        }
        Kind::Enum => {
            for [name, _] in rest.as_chunks_mut().0 {
                f(Reference::Name(name));
            }
        }
        Kind::Enum64 => {
            for [name, _, _] in rest.as_chunks_mut().0 {
                f(Reference::Name(name));
            }
        }
        Kind::Datasec => {
            for [id, _, _] in rest.as_chunks_mut().0 {
                f(Reference::Type(id));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::btf::build::BtfBuilder;

    /// vmlinux: struct other, int, struct file; module: ptr to file, struct of an int.
    #[test]
    fn ids_and_names_move() {
        let int = 1 << 24 | 32;
        let mut vmlinux = BtfBuilder::default();
        let name = vmlinux.string("other");
        vmlinux.push(Kind::Struct, name, 0, false, 8, &[]);
        let name = vmlinux.string("int");
        vmlinux.push(Kind::Int, name, 0, false, 4, &[int]);
        let name = vmlinux.string("file");
        vmlinux.push(Kind::Struct, name, 0, false, 232, &[]);
        let vmlinux = Arc::new(Btf::parse(&vmlinux.build(), None).unwrap());

        let mut distilled = BtfBuilder::default();
        let name = distilled.string("file");
        distilled.push(Kind::Struct, name, 0, false, 232, &[]);
        let int_name = distilled.string("int");
        distilled.push(Kind::Int, int_name, 0, false, 4, &[int]);
        let distilled = Arc::new(Btf::parse(&distilled.build(), None).unwrap());

        let mut module = BtfBuilder::default();
        let own = distilled.str_len() + module.string("own");
        module.push(Kind::Ptr, 0, 0, false, 1, &[]);
        module.push(Kind::Struct, own, 1, false, 4, &[int_name, 2, 0]);
        let module = Btf::parse(&module.build(), Some(distilled)).unwrap();

        let moved = module.relocate(vmlinux).unwrap();
        let file = moved.type_by_id(4).unwrap();
        assert_eq!((file.kind(), file.type_id()), (Kind::Ptr, 3));
        let own = moved.find_by_name_kind("own", Kind::Struct).unwrap();
        let member = own.members().next().unwrap();
        assert_eq!((own.id(), member.name(), member.type_id()), (5, "int", 2));
    }
}
