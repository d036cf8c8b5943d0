// SPDX-License-Identifier: GPL-2.0-only
//! From an object and a kernel to programs that can be loaded.
//!
//! Source: `bpf_object_prepare()`, `bpf_object__resolve_externs()`, `bpf_object_load_prog()`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::btf::Btf;
use crate::caps::Caps;
use crate::kernel::Kernel;
use crate::load::core_relo::{Budget, CoreRelo, CoreRelocator};
use crate::load::create::Maker;
use crate::load::error::LoadError;
use crate::load::link::Code;
use crate::load::loader::Loader;
use crate::load::object::{Object, Prog};
use crate::load::resolved::{Resolved, resolve};
use crate::load::{attach, btf_load, data, link, probe_read};
use crate::program::{AttachTarget, ProgLoad, StructOpsMember, Unresolved};
use crate::uapi::{Insn, ProgType};

use crate::load::attach::{SetAttachTarget, expected_attach_type, prog_flags};

pub(super) fn prepare<'a>(
    object: &'a Object,
    kernel: &'a Kernel,
    options: &'a PrepareOptions<'a>,
) -> Result<impl Iterator<Item = Prepared> + use<'a>, LoadError> {
    let selected: Vec<usize> = object
        .entry_progs()
        .filter(|(index, prog)| match options.autoload {
            Autoload::Default => autoload(object, *index, prog),
            Autoload::All => true,
            Autoload::Only(name) => prog.name == name,
        })
        .map(|(index, _)| index)
        .collect();
    if let Autoload::Only(name) = options.autoload
        && selected.is_empty()
    {
        return Err(LoadError::object(format!(
            "the object has no program '{name}'"
        )));
    }
    let mut whole = whole(object, kernel, options, &selected);
    Ok(selected.into_iter().map(move |index| {
        let prog = &object.progs[index];
        let load = match &mut whole {
            Err(refusal) => Err(refusal.clone()),
            Ok(whole) => one(object, kernel, options, whole, index),
        };
        Prepared {
            name: prog.name.clone(),
            loader: object.loader,
            load,
        }
    }))
}

/// What is found out for all programs at once.
struct Whole {
    resolved: Resolved,
    callbacks: link::ExceptionCallbacks,
    code: Vec<Code>,
    /// Programs that CO-RE failed for, and why.
    failed: HashMap<usize, String>,
    btf_is_taken: bool,
}

/// Fails where libbpf refuses the object.
fn whole(
    object: &Object,
    kernel: &Kernel,
    options: &PrepareOptions<'_>,
    selected: &[usize],
) -> Result<Whole, LoadError> {
    let budget = Budget::new();
    let btf = object.btf.as_deref();
    let btf_is_taken = btf.is_none_or(|btf| btf_load::is_taken(btf, kernel));
    let maps_have_types = btf_is_taken && options.caps.has(Caps::BPF);
    let maker = Maker {
        kernel,
        caps: options.caps,
        loader: object.loader,
    };
    let resolved = resolve(object, &maker, &budget, maps_have_types)?;
    let callbacks = link::ExceptionCallbacks::find(object)?;
    let (code, failed) = relocate_core(object, kernel, options, &budget, selected)?;
    if !maps_have_types && object.maps.iter().any(|map| map.struct_ops.is_some()) {
        return Err(LoadError::object(
            "the kernel refuses the object's BTF, and struct_ops maps need it",
        ));
    }
    Ok(Whole {
        resolved,
        callbacks,
        code,
        failed,
        btf_is_taken,
    })
}

fn one(
    object: &Object,
    kernel: &Kernel,
    options: &PrepareOptions<'_>,
    whole: &mut Whole,
    index: usize,
) -> Result<ProgLoad, LoadError> {
    if let Some(reason) = whole.failed.remove(&index) {
        return Err(LoadError::prog(&object.progs[index].name, reason));
    }
    let linked = link::link(object, &whole.code, &whole.callbacks, index)?;
    let load = load(object, kernel, options, &whole.resolved, linked, index)?;
    Ok(match whole.btf_is_taken {
        true => load,
        false => load.without_btf(),
    })
}

/// struct_ops programs are loaded if a map that they are in is created.
fn autoload(object: &Object, index: usize, prog: &Prog) -> bool {
    let maps = object.maps.iter();
    let maps = maps.filter_map(|map| Some((map.autocreate, map.struct_ops.as_ref()?)));
    let mut uses = maps
        .filter(|(_, ops)| ops.progs().any(|p| p == index))
        .peekable();
    match uses.peek() {
        Some(_) => uses.any(|(autocreate, _)| autocreate),
        None => prog.autoload,
    }
}

fn load(
    object: &Object,
    kernel: &Kernel,
    options: &PrepareOptions<'_>,
    resolved: &Resolved,
    mut linked: link::Linked,
    index: usize,
) -> Result<ProgLoad, LoadError> {
    let prog = &object.progs[index];
    let bad = |reason: String| LoadError::prog(&prog.name, reason);
    let jump_tables = data::relocate(object, prog, &mut linked, resolved)?;
    probe_read::sanitize(&mut linked.insns, options.caps);
    let prog_type = prog.prog_type();
    let attach = match prog_type {
        ProgType::Unspec => {
            return Err(bad(format!(
                "missing BPF prog type, check ELF section name '{}'; --type {}=SECTION gives one",
                prog.section, prog.name
            )));
        }
        ProgType::StructOps => {
            let member = resolved.members.get(&index).cloned();
            let member = member.ok_or_else(|| bad("no struct_ops map refers to it".into()))??;
            Some(AttachTarget::Kernel {
                btf_obj: member.btf_obj,
                btf_id: member.type_id,
                member: Some(StructOpsMember {
                    index: member.index,
                }),
            })
        }
        _ => attach::target(prog, options.attach_targets.get(&prog.name), kernel).map_err(bad)?,
    };
    Ok(ProgLoad {
        name: prog.name.clone(),
        section: prog.section.clone(),
        autoload: prog.autoload,
        prog_type,
        expected_attach_type: expected_attach_type(prog),
        prog_flags: prog_flags(prog),
        insns: linked.insns,
        func_info: linked.func_info,
        line_info: linked.line_info,
        btf: object.btf.clone(),
        attach,
        license: object.license.clone(),
        maps: match jump_tables.is_empty() {
            true => resolved.maps.clone(),
            false => resolved.maps.iter().cloned().chain(jump_tables).collect(),
        },
        unresolved: in_words_of(object.loader, linked.unresolved),
        fd_array: resolved.fd_array.clone(),
    })
}

/// What is not resolved, as the loader tells of it.
fn in_words_of(loader: Loader, unresolved: BTreeMap<u32, Unresolved>) -> BTreeMap<u32, Unresolved> {
    let of_cilium = |(at, what)| (at, Unresolved::Cilium(Box::new(what)));
    match loader {
        Loader::Cilium => unresolved.into_iter().map(of_cilium).collect(),
        _ => unresolved,
    }
}

/// The code of each function after CO-RE, and for programs where that failed the reason.
fn relocate_core(
    object: &Object,
    kernel: &Kernel,
    options: &PrepareOptions<'_>,
    budget: &Budget,
    selected: &[usize],
) -> Result<(Vec<Code>, HashMap<usize, String>), LoadError> {
    let function = |prog: &Prog| Code {
        insns: prog.insns.clone(),
        unresolved: Vec::new(),
    };
    let mut code: Vec<Code> = object.progs.iter().map(function).collect();
    let mut failed = HashMap::new();
    if let Some(btf) = &object.btf {
        let core_btf = options.core_btf.as_deref();
        let mut relocator = CoreRelocator::new(btf, kernel, core_btf, budget);
        let sections = object.btf_ext.core_relo.iter();
        let records = sections.flat_map(|s| s.records.iter().map(|record| (s.sec_idx, *record)));
        for (sec_idx, [byte_off, type_id, access_str_off, kind]) in records {
            let insn = byte_off as usize / Insn::SIZE;
            // A weak function that another definition replaced leaves its records behind.
            let Some(index) = object.prog_at(sec_idx, insn) else {
                continue;
            };
            let prog = &object.progs[index];
            let is_subprog = object.is_subprog(prog);
            if !is_subprog && selected.binary_search(&index).is_err() || failed.contains_key(&index)
            {
                continue;
            }
            let relo = CoreRelo {
                type_id,
                access_str_off,
                kind,
            };
            let at = insn - prog.sec_insn_off;
            match relocator.relocate(relo, &mut code[index].insns[at..]) {
                Ok(None) => {}
                Ok(Some(what)) => {
                    let what = Unresolved::CoreRelo(what);
                    code[index].unresolved.push((at, what));
                }
                Err(reason) if is_subprog => {
                    let reason = format!("instruction {at}: {reason}");
                    return Err(LoadError::prog(&prog.name, reason));
                }
                Err(reason) => {
                    failed.insert(index, format!("instruction {at}: {reason}"));
                }
            }
        }
    }
    for (prog, code) in object.progs.iter().zip(&mut code) {
        link::mark_func_addresses(prog, &mut code.insns);
    }
    Ok((code, failed))
}

/// Which programs [`Object::prepare`] prepares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Autoload<'a> {
    /// Those that libbpf loads without being asked.
    #[default]
    Default,
    /// All, also those of `SEC("?…")`.
    All,
    /// This one alone.
    Only(&'a str),
}

/// How to prepare.
#[derive(Debug, Clone, Default)]
pub struct PrepareOptions<'a> {
    /// Which programs.
    pub autoload: Autoload<'a>,
    /// Program → what it attaches to, for those whose section does not say.
    pub attach_targets: BTreeMap<String, SetAttachTarget>,
    /// BTF that stands for the kernel's in CO-RE relocations: `btf_custom_path` of
    /// `bpf_object_open_opts`.
    pub core_btf: Option<Arc<Btf>>,
    /// What the loader is capable of: it decides which maps the kernel makes, and with which types.
    pub caps: Caps,
}

/// A program, ready to load, or why it is not.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its name.
    pub name: String,
    /// Who loads it.
    pub loader: Loader,
    /// What the kernel would be given.
    pub load: Result<ProgLoad, LoadError>,
}

impl Object {
    /// Relocates programs for a kernel, one after another as the iterator is asked:
    /// `bpf_object__prepare()`, and what `bpf_object__load()` looks up for each. What libbpf refuses
    /// the object for is an error of each of its programs; an error of the whole says that there is
    /// no such program.
    pub fn prepare<'a>(
        &'a self,
        kernel: &'a Kernel,
        options: &'a PrepareOptions<'a>,
    ) -> Result<impl Iterator<Item = Prepared> + use<'a>, LoadError> {
        prepare(self, kernel, options)
    }
}
