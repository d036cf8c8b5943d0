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
//! | it cannot panic | relocations, code |
//! | the C prototypes leave no code behind | what `.text` has beside functions |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::{
    Architecture, File, Object, ObjectSection, ObjectSymbol, RelocationTarget, Section, Symbol,
    SymbolKind,
};

/// The header that BPF programs include.
const HEADER: &str = include_str!("../../kfunc/include/bpf_iter_cpumask.h");

// Flags of kfuncs and of their set; include/linux/btf.h and include/linux/btf_ids.h.
const KF_RET_NULL: u32 = 1 << 2;
const KF_RCU: u32 = 1 << 7;
const KF_ITER_NEW: u32 = 1 << 8;
const KF_ITER_NEXT: u32 = 1 << 9;
const KF_ITER_DESTROY: u32 = 1 << 10;
const KF_RCU_PROTECTED: u32 = 1 << 11;
const BTF_SET8_KFUNCS: u32 = 1 << 0;

/// The kfuncs and their flags, as docs and programs rely on them.
const KFUNCS: [(&str, u32); 10] = [
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

/// Checks the module `ko`. `vmlinux` has the BTF that the module's own builds on, for a module
/// that does not bring along what it needs of it in `.BTF.base`.
///
/// # Errors
///
/// The first promise that does not hold.
// The last argument is what bpftool would have been needed for; `.BTF` is read here.
pub(crate) fn check(ko: &Path, vmlinux: &Path, _bpftool: &Path) -> Result<()> {
    let data = fs::read(ko).with_context(|| format!("cannot read {}", ko.display()))?;
    let module = File::parse(&*data).context("not an ELF file")?;
    let btf = read_btf(&module, vmlinux)?;

    bodies(&module)?;
    prototypes(&btf)?;
    registered(&module, &btf)?;
    panics(&module)?;
    leftovers(&module)
}

/// Each kfunc is a strong function with code, and no weak function is left.
fn bodies(module: &File) -> Result<()> {
    for function in functions(module) {
        let name = function.name()?;
        ensure!(
            !function.is_weak(),
            "{name} is the C prototype's, there is no Rust body for it"
        );
    }
    for (name, _) in KFUNCS {
        let kfunc = kfunc(module, name)?;
        ensure!(
            kfunc.is_global() && kfunc.size() > 0,
            "{name} is not a global function with code"
        );
    }
    Ok(())
}

/// The prototype of each kfunc is in the header, word for word.
fn prototypes(btf: &Btf) -> Result<()> {
    let header = HEADER.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, _) in KFUNCS {
        let prototype = btf.prototype(name)?;
        ensure!(
            header.contains(&format!(" {prototype} __weak __ksym;")),
            "BTF has \"{prototype}\", bpf_iter_cpumask.h does not"
        );
    }
    Ok(())
}

/// `.BTF_ids` has one set; it lists the kfuncs with their flags, and BTF tags them as such.
fn registered(module: &File, btf: &Btf) -> Result<()> {
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
        let name = btf.function(pair[0])?;
        ensure!(
            btf.is_tagged(pair[0]),
            "{name} is not tagged bpf_kfunc in BTF"
        );
        found.insert(name, pair[1]);
    }

    for (name, flags) in KFUNCS {
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

/// Nothing refers to `core::panicking`, and no kfunc stops at an undefined instruction.
fn panics(module: &File) -> Result<()> {
    for symbol in module.symbols() {
        // Rust's mangled names have the length before each part.
        let name = symbol.name()?;
        ensure!(!name.contains("9panicking"), "can panic: refers to {name}");
    }
    if module.architecture() == Architecture::X86_64 {
        for (name, _) in KFUNCS {
            // Not decoded: an immediate with these bytes would be a false alarm, and worth a look.
            let ud2 = [0x0f, 0x0b];
            ensure!(
                !code(module, name)?.windows(2).any(|bytes| bytes == ud2),
                "{name} can stop at ud2"
            );
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

/// The module's BTF: types by id, those of its base first.
///
/// Only what prototypes and kfunc tags are made of is understood; the layout is that of
/// include/uapi/linux/btf.h.
struct Btf {
    types: Vec<Type>,
    strings: Vec<u8>,
}

/// `struct btf_type` and the words behind it.
#[derive(Default)]
struct Type {
    name: u32,
    kind: u32,
    /// A type's id, or a size.
    of: u32,
    rest: Vec<u32>,
}

const KIND_PTR: u32 = 2;
const KIND_STRUCT: u32 = 4;
const KIND_CONST: u32 = 10;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_DECL_TAG: u32 = 17;
const KIND_TYPE_TAG: u32 = 18;

/// The module's BTF on its own base, or else on the kernel's.
fn read_btf(module: &File, vmlinux: &Path) -> Result<Btf> {
    let mut btf = Btf {
        types: vec![Type::default()],
        strings: Vec::new(),
    };
    if let Some(base) = module.section_by_name(".BTF.base") {
        btf.append(base.data()?)?;
    } else {
        let data =
            fs::read(vmlinux).with_context(|| format!("cannot read {}", vmlinux.display()))?;
        let kernel = File::parse(&*data).context("vmlinux is not an ELF file")?;
        let base = kernel
            .section_by_name(".BTF")
            .context("vmlinux has no BTF")?;
        btf.append(base.data()?)?;
    }
    let own = module
        .section_by_name(".BTF")
        .context("no BTF: was vmlinux missing when it was built?")?;
    btf.append(own.data()?)?;
    Ok(btf)
}

impl Btf {
    /// Appends a BTF section; its names count on from those before.
    fn append(&mut self, data: &[u8]) -> Result<()> {
        let header = words(data.get(..24).context("BTF without header")?);
        ensure!(header[0] & 0xffff == 0xeb9f, "not BTF of this byte order");
        let part = |from: u32, len: u32| {
            let from = usize::try_from(header[1] + from)?;
            data.get(from..from + usize::try_from(len)?)
                .context("BTF is cut short")
        };

        let all = words(part(header[2], header[3])?);
        let mut words = all.as_slice();
        while let &[name, info, of, ref after @ ..] = words {
            let kind = info >> 24 & 0x1f;
            let len = info & 0xffff;
            // Words for each of `len` members; words once.
            let (each, once) = match kind {
                1 | 14 | KIND_DECL_TAG => (0, 1),
                3 => (0, 3),
                KIND_STRUCT | 5 | 15 | 19 => (3, 0),
                6 | KIND_FUNC_PROTO => (2, 0),
                KIND_PTR | 7..=KIND_FUNC | 16 | KIND_TYPE_TAG => (0, 0),
                _ => bail!("BTF kind {kind} is unknown"),
            };
            let (rest, after) = after
                .split_at_checked(usize::try_from(len * each + once)?)
                .context("BTF is cut short")?;
            self.types.push(Type {
                name,
                kind,
                of,
                rest: rest.to_vec(),
            });
            words = after;
        }
        self.strings.extend(part(header[4], header[5])?);
        Ok(())
    }

    fn name(&self, offset: u32) -> Result<&str> {
        let from = self.strings.get(usize::try_from(offset)?..);
        let name = from.and_then(|from| from.split(|&byte| byte == 0).next());
        Ok(std::str::from_utf8(name.context("BTF has no such name")?)?)
    }

    fn get(&self, id: u32) -> Result<&Type> {
        let found = self.types.get(usize::try_from(id)?);
        found.with_context(|| format!("BTF has no type {id}"))
    }

    /// The name of the function with this id.
    fn function(&self, id: u32) -> Result<&str> {
        let function = self.get(id)?;
        ensure!(
            function.kind == KIND_FUNC,
            "type {id} in BTF is no function"
        );
        self.name(function.name)
    }

    /// Whether the function carries the tag by which programs find kfuncs.
    fn is_tagged(&self, id: u32) -> bool {
        self.types.iter().any(|tag| {
            tag.kind == KIND_DECL_TAG
                && tag.of == id
                && self.name(tag.name).ok() == Some("bpf_kfunc")
        })
    }

    /// The function's prototype in C.
    fn prototype(&self, name: &str) -> Result<String> {
        let function = self
            .types
            .iter()
            .find(|t| t.kind == KIND_FUNC && self.name(t.name).ok() == Some(name))
            .with_context(|| format!("BTF has no function {name}"))?;
        let prototype = self.get(function.of)?;
        let mut parameters = Vec::new();
        for parameter in prototype.rest.chunks_exact(2) {
            parameters.push(self.declare(parameter[1], self.name(parameter[0])?)?);
        }
        if parameters.is_empty() {
            parameters.push("void".to_owned());
        }
        let function = format!("{name}({})", parameters.join(", "));
        self.declare(prototype.of, &function)
    }

    /// `what`, declared to be of the type `id`.
    fn declare(&self, id: u32, what: &str) -> Result<String> {
        if id == 0 {
            return Ok(format!("void {what}"));
        }
        let of = self.get(id)?;
        match of.kind {
            KIND_PTR => self.declare(of.of, &format!("*{what}")),
            KIND_CONST => Ok(format!("const {}", self.declare(of.of, what)?)),
            KIND_TYPE_TAG => self.declare(of.of, what),
            KIND_STRUCT | 7 => Ok(format!("struct {} {what}", self.name(of.name)?)),
            1 | 8 => Ok(format!("{} {what}", self.name(of.name)?)),
            kind => bail!("{what} is of BTF kind {kind}, which no kfunc here uses"),
        }
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
