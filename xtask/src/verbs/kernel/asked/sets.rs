// SPDX-License-Identifier: GPL-2.0-only
//! The sets of kfuncs that a kernel registers, with flags and filters, read off its image.
//!
//! Source: include/linux/btf_ids.h, include/linux/btf.h

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use bpf::btf::{Btf, Kind};

use super::image::Image;

/// How the symbol of a set begins.
const SYMBOL: &str = "__BTF_ID__set8__";
/// The names of the flags, by bit. The third and fourth were given up: `KF_KPTR_GET` in 6.4,
/// `KF_TRUSTED_ARGS` when all arguments became trusted.
const FLAGS: [&str; 19] = [
    "ACQUIRE",
    "RELEASE",
    "RET_NULL",
    "KPTR_GET",
    "TRUSTED_ARGS",
    "SLEEPABLE",
    "DESTRUCTIVE",
    "RCU",
    "ITER_NEW",
    "ITER_NEXT",
    "ITER_DESTROY",
    "RCU_PROTECTED",
    "FASTCALL",
    "ARENA_RET",
    "ARENA_ARG1",
    "ARENA_ARG2",
    "IMPLICIT_ARGS",
    "SPINLOCK_SAFE",
    "PERFMON",
];

/// A `struct btf_kfunc_id_set`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// Its name in the sources.
    pub(super) name: String,
    /// The function that narrows who may call.
    pub(super) filter: Option<String>,
    /// Kfuncs and their flags.
    pub(super) kfuncs: BTreeMap<String, u32>,
}

/// All sets of the kernel itself, by name; a kernel without kfuncs has none.
pub(super) fn read(image: &Image, btf: &Btf) -> Result<Vec<Set>> {
    let layout = Layout::of(btf);
    let mut sets = Vec::new();
    for (name, address) in image.symbols(SYMBOL) {
        let kfuncs = kfuncs(image, btf, address).with_context(|| format!("the set {name}"))?;
        let filter = layout
            .as_ref()
            .and_then(|layout| layout.filter(image, address));
        sets.push(Set {
            name: name.to_owned(),
            filter,
            kfuncs,
        });
    }
    Ok(sets)
}

/// `ACQUIRE|RET_NULL`.
pub(super) fn words(flags: u32) -> Result<String> {
    let known = (1 << FLAGS.len()) - 1;
    ensure!(flags & !known == 0, "a flag that nobody knows: {flags:#x}");
    let set = FLAGS
        .iter()
        .enumerate()
        .filter(|(bit, _)| flags >> bit & 1 == 1);
    Ok(set.map(|(_, name)| *name).collect::<Vec<_>>().join("|"))
}

/// Kfuncs and flags of the set at `address`: how many there are, the set's own flags, then an id and
/// flags of each.
fn kfuncs(image: &Image, btf: &Btf, address: u64) -> Result<BTreeMap<String, u32>> {
    let cut = "it is cut short";
    let head = image.words(address, 2).context(cut)?;
    let pairs = image
        .words(address + 8, head[0] as usize * 2)
        .context(cut)?;
    let mut kfuncs = BTreeMap::new();
    for &[id, flags] in pairs.as_chunks().0 {
        // The configuration leaves it out.
        if id != 0 {
            let kfunc = btf
                .type_by_id(id)
                .with_context(|| format!("there is no type {id}"))?;
            ensure!(kfunc.kind() == Kind::Func, "type {id} is no function");
            kfuncs.insert(kfunc.name().to_owned(), flags);
        }
    }
    Ok(kfuncs)
}

/// Where `struct btf_kfunc_id_set` has what.
struct Layout {
    set: u64,
    filter: u64,
}

impl Layout {
    /// That of this kernel, if its sets have filters.
    fn of(btf: &Btf) -> Option<Self> {
        let structure = btf.find_by_name_kind("btf_kfunc_id_set", Kind::Struct)?;
        let offset = |name: &str| {
            let mut members = structure.members();
            let member = members.find(|member| member.name() == name)?;
            Some(u64::from(member.bit_offset() / 8))
        };
        Some(Self {
            set: offset("set")?,
            filter: offset("filter")?,
        })
    }

    /// The filter of the structure that points to the set at `address`.
    fn filter(&self, image: &Image, address: u64) -> Option<String> {
        image.pointers_to(address).into_iter().find_map(|at| {
            let filter = image.pointer(at.wrapping_sub(self.set) + self.filter)?;
            image.function(filter).map(str::to_owned)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_names() {
        assert_eq!(words(0).unwrap(), "");
        assert_eq!(words(0b1_0101).unwrap(), "ACQUIRE|RET_NULL|TRUSTED_ARGS");
        assert_eq!(words(1 << 18).unwrap(), "PERFMON");
        assert!(words(1 << 19).is_err());
    }

    #[test]
    fn they_are_those_that_the_model_knows() {
        use bpf::kernel::kfuncs::KfuncFlags;
        for (name, flag) in KfuncFlags::all().iter_names() {
            assert_eq!(words(flag.bits()).unwrap(), name);
        }
    }
}
