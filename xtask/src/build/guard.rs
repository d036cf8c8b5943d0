// SPDX-License-Identifier: GPL-2.0-only
//! What must hold of `bpf_iter_cpumask.ko` after the linker, pahole and `resolve_btfids` had their
//! say, read off the file itself.
//!
//! The promises are written down twice already, here and in the BPF-side header, so this compares
//! the module with both:
//!
//! | promise | read from |
//! |---|---|
//! | each kfunc is Rust's function, not the C prototype's weak one | symbol table |
//! | its prototype is the one in the header | `.BTF` |
//! | it is registered with its flags, and nothing else is | `.BTF_ids` |
//! | it does not stop at an undefined instruction | code |
//! | the C prototypes leave no code behind | what `.text` has beside functions |
//!
//! That it does not panic is looked at before it is linked, by `kfunc/scripts/kfunc_guard.sh`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bpf::btf::{Btf, Kind};

use object::{
    Architecture, File, Object, ObjectSection, ObjectSymbol, RelocationTarget, Section, Symbol,
    SymbolKind,
};

use crate::linux::kernel::Place;
use crate::workshop::files::read_bytes;

/// The header that BPF programs include.
const HEADER: &str = include_str!("../../../kfunc/include/bpf_iter_cpumask.h");

// Flags of kfuncs and of their set; include/linux/btf.h and include/linux/btf_ids.h.
const KF_RET_NULL: u32 = 1 << 2;
const KF_RCU: u32 = 1 << 7;
const KF_ITER_NEW: u32 = 1 << 8;
const KF_ITER_NEXT: u32 = 1 << 9;
const KF_ITER_DESTROY: u32 = 1 << 10;
const KF_RCU_PROTECTED: u32 = 1 << 11;
const BTF_SET8_KFUNCS: u32 = 1 << 0;

/// A kfunc and its flags.
type Flagged = (&'static str, u32);

/// The kfuncs, as docs and programs rely on them.
const KFUNCS: [Flagged; 10] = [
    (
        "bpf_iter_cpumask_new",
        KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED,
    ),
    ("bpf_iter_cpumask_next", KF_ITER_NEXT | KF_RET_NULL),
    ("bpf_iter_cpumask_destroy", KF_ITER_DESTROY),
    ("bpf_cpu_possible_mask", 0),
    ("bpf_cpu_present_mask", 0),
    ("bpf_cpu_online_mask", 0),
    ("bpf_cpu_active_mask", 0),
    ("bpf_cpu_enabled_mask", 0),
    ("bpf_cpu_dying_mask", 0),
    ("bpf_nr_cpu_ids", 0),
];

/// Those that a module has which is built apart from the kernel.
const COMPANIONS: [Flagged; 9] = [
    (
        "bpf_iter_cpumask_and_new",
        KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED,
    ),
    ("bpf_iter_cpumask_and_next", KF_ITER_NEXT | KF_RET_NULL),
    ("bpf_iter_cpumask_and_destroy", KF_ITER_DESTROY),
    (
        "bpf_iter_cpumask_andnot_new",
        KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED,
    ),
    ("bpf_iter_cpumask_andnot_next", KF_ITER_NEXT | KF_RET_NULL),
    ("bpf_iter_cpumask_andnot_destroy", KF_ITER_DESTROY),
    ("bpf_iter_cpumask_snapshot_new", KF_ITER_NEW | KF_RCU),
    ("bpf_iter_cpumask_snapshot_next", KF_ITER_NEXT | KF_RET_NULL),
    ("bpf_iter_cpumask_snapshot_destroy", KF_ITER_DESTROY),
];

/// Checks the module `ko`. `vmlinux` has the BTF that the module's own builds on, for a module
/// that does not bring along what it needs of it in `.BTF.base`.
///
/// # Errors
///
/// The first promise that does not hold.
pub(crate) fn check(ko: &Path, vmlinux: &Path, place: &Place) -> Result<()> {
    let data = read_bytes(ko)?;
    let module = File::parse(&*data).context("not an ELF file")?;
    let btf = read_btf(&module, vmlinux)?;

    let mut kfuncs = Vec::from(KFUNCS);
    if *place == Place::Apart {
        kfuncs.extend(COMPANIONS);
    }

    bodies(&module, &kfuncs)?;
    prototypes(&btf, &kfuncs)?;
    registered(&module, &btf, &kfuncs)?;
    stops(&module, &kfuncs)?;
    leftovers(&module)
}

/// Each kfunc is a strong function with code, and no weak function is left.
fn bodies(module: &File, kfuncs: &[Flagged]) -> Result<()> {
    for function in functions(module) {
        let name = function.name()?;
        ensure!(
            !function.is_weak(),
            "{name} is the C prototype's, there is no Rust body for it"
        );
    }
    for &(name, _) in kfuncs {
        let kfunc = kfunc(module, name)?;
        ensure!(
            kfunc.is_global() && kfunc.size() > 0,
            "{name} is not a global function with code"
        );
    }
    Ok(())
}

/// The prototype of each kfunc is in the header, word for word.
fn prototypes(btf: &Btf, kfuncs: &[Flagged]) -> Result<()> {
    let header = HEADER.split_whitespace().collect::<Vec<_>>().join(" ");
    for &(name, _) in kfuncs {
        let prototype = prototype(btf, name)?;
        ensure!(
            header.contains(&format!(" {prototype} __weak __ksym;")),
            "BTF has \"{prototype}\", bpf_iter_cpumask.h does not"
        );
    }
    Ok(())
}

/// `.BTF_ids` has one set; it lists the kfuncs with their flags, and BTF tags them as such.
fn registered(module: &File, btf: &Btf, kfuncs: &[Flagged]) -> Result<()> {
    let section = module
        .section_by_name(".BTF_ids")
        .context("no section .BTF_ids")?;
    let words = words(section.data()?);

    let sets: Vec<_> = module
        .symbols()
        .filter(|symbol| {
            symbol
                .name()
                .is_ok_and(|n| n.starts_with("__BTF_ID__set8__"))
        })
        .collect();
    let [set] = sets.as_slice() else {
        bail!("{} sets of kfuncs, not one", sets.len());
    };
    let set = &words[usize::try_from(set.address())? / 4..];
    let &[count, flags, ref pairs @ ..] = set else {
        bail!("the set of kfuncs is cut short");
    };
    ensure!(flags == BTF_SET8_KFUNCS, "set of kfuncs has flags {flags}");

    let mut found = BTreeMap::new();
    for pair in pairs.chunks_exact(2).take(usize::try_from(count)?) {
        let function = btf.type_by_id(pair[0]).context("BTF has no such type")?;
        ensure!(
            function.kind() == Kind::Func,
            "type {} in BTF is no function",
            pair[0]
        );
        let name = function.name();
        ensure!(
            btf.decl_tags_of(pair[0], None)
                .any(|tag| tag == "bpf_kfunc"),
            "{name} is not tagged bpf_kfunc in BTF"
        );
        found.insert(name, pair[1]);
    }

    for &(name, flags) in kfuncs {
        match found.remove(name) {
            Some(found) => ensure!(
                found == flags,
                "{name} has flags {found:#x}, not {flags:#x}"
            ),
            None => bail!("{name} is not in the set of kfuncs"),
        }
    }
    ensure!(
        found.is_empty(),
        "kfuncs nobody knows of: {:?}",
        found.keys()
    );
    Ok(())
}

/// No kfunc stops at an instruction that is made for it.
fn stops(module: &File, kfuncs: &[Flagged]) -> Result<()> {
    for &(name, _) in kfuncs {
        let code = code(module, name)?;
        // Not decoded: an immediate with these bytes would be a false alarm, and worth a look.
        let stop = match module.architecture() {
            Architecture::X86_64 => code
                .windows(2)
                .any(|bytes| bytes == [0x0f, 0x0b])
                .then_some("ud2"),
            Architecture::Aarch64 => words(code)
                .iter()
                .any(|word| word & 0xffe0_001f == 0xd420_0000)
                .then_some("brk"),
            other => bail!("no module for {other:?} was ever looked at"),
        };
        if let Some(stop) = stop {
            bail!("{name} can stop at {stop}");
        }
    }
    Ok(())
}

/// Beside functions, `.text` has only the padding between them.
fn leftovers(module: &File) -> Result<()> {
    let text = module
        .section_by_name(".text")
        .context("no section .text")?;
    let mut covered: Vec<_> = functions(module)
        .filter(|function| function.section_index() == Some(text.index()))
        .map(|function| (function.address(), function.address() + function.size()))
        .collect();
    covered.sort_unstable();
    covered.push((text.size(), text.size()));

    let relocated: BTreeSet<u64> = relocations(&text).collect();
    let mut end = 0;
    for (from, to) in covered {
        if end < from {
            ensure!(
                from - end < text.align(),
                ".text has {} bytes at {end:#x} that are no function's",
                from - end
            );
            ensure!(
                relocated.range(end..from).next().is_none(),
                ".text has code at {end:#x} that is no function's"
            );
        }
        end = end.max(to);
    }
    Ok(())
}

fn functions<'a>(module: &'a File<'a>) -> impl Iterator<Item = Symbol<'a, 'a>> {
    module
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
}

fn kfunc<'a>(module: &'a File<'a>, name: &str) -> Result<Symbol<'a, 'a>> {
    functions(module)
        .find(|function| function.name() == Ok(name))
        .with_context(|| format!("no function {name}"))
}

fn code<'a>(module: &'a File<'a>, name: &str) -> Result<&'a [u8]> {
    let kfunc = kfunc(module, name)?;
    let index = kfunc.section_index().context("kfunc without section")?;
    module
        .section_by_index(index)?
        .data_range(kfunc.address(), kfunc.size())?
        .with_context(|| format!("{name} reaches beyond its section"))
}

fn relocations<'a>(section: &'a Section<'a, 'a>) -> impl Iterator<Item = u64> {
    section
        .relocations()
        .filter(|(_, relocation)| matches!(relocation.target(), RelocationTarget::Symbol(_)))
        .map(|(offset, _)| offset)
}

/// The module's BTF on its own base, or else on the kernel's.
fn read_btf(module: &File, vmlinux: &Path) -> Result<Btf> {
    let base = match module.section_by_name(".BTF.base") {
        Some(base) => Btf::parse(base.data()?, None)?,
        None => Btf::from_file(vmlinux, None)?,
    };
    let own = module
        .section_by_name(".BTF")
        .context("no BTF: was vmlinux missing when it was built?")?;
    Ok(Btf::parse(own.data()?, Some(Arc::new(base)))?)
}

/// The function's prototype in C.
fn prototype(btf: &Btf, name: &str) -> Result<String> {
    let function = btf
        .find_by_name_kind(name, Kind::Func)
        .with_context(|| format!("BTF has no function {name}"))?;
    let prototype = btf
        .type_by_id(function.type_id())
        .with_context(|| format!("BTF has no prototype for {name}"))?;
    let mut parameters = Vec::new();
    for parameter in prototype.params() {
        parameters.push(declare(btf, parameter.type_id(), parameter.name())?);
    }
    if parameters.is_empty() {
        parameters.push("void".to_owned());
    }
    let function = format!("{name}({})", parameters.join(", "));
    declare(btf, prototype.type_id(), &function)
}

/// `what`, declared to be of the type `id`.
fn declare(btf: &Btf, id: u32, what: &str) -> Result<String> {
    if id == 0 {
        return Ok(format!("void {what}"));
    }
    let of = btf
        .type_by_id(id)
        .with_context(|| format!("BTF has no type {id}"))?;
    match of.kind() {
        Kind::Ptr => declare(btf, of.type_id(), &format!("*{what}")),
        Kind::Const => Ok(format!("const {}", declare(btf, of.type_id(), what)?)),
        Kind::TypeTag => declare(btf, of.type_id(), what),
        Kind::Struct | Kind::Fwd => Ok(format!("struct {} {what}", of.name())),
        Kind::Int | Kind::Typedef => Ok(format!("{} {what}", of.name())),
        kind => bail!("{what} is of BTF kind {kind:?}, which no kfunc here uses"),
    }
}

/// Little-endian words.
fn words(data: &[u8]) -> Vec<u32> {
    data.as_chunks()
        .0
        .iter()
        .map(|&word| u32::from_le_bytes(word))
        .collect()
}
