// SPDX-License-Identifier: GPL-2.0-only
//! From an object and a kernel to programs that can be loaded.
//!
//! Source: `bpf_object_prepare()`, `bpf_object__resolve_externs()`, `bpf_object_load_prog()`.

use std::collections::HashMap;
use std::sync::Arc;

use super::core_relo::{Budget, CoreRelo, CoreRelocator, are_compat};
use super::externs::{Extern, ExternKind};
use super::sections::{SLEEPABLE, USDT, XDP_FRAGS};
use super::struct_ops::{self, KernelMember};
use super::{
    Autoload, LoadError, Object, PrepareOptions, Prepared, Prog, attach, btf_load, data, kconfig,
    link,
};
use crate::btf::{Btf, Kind, Type};
use crate::prog_load::{
    AttachTarget, BtfObj, FdSlot, Kernel, MapDef, ProgFlags, ProgLoad, StructOpsMember, VMLINUX,
};
use crate::uapi::{AttachType, Insn, ProgType};

/// What the kernel has for the object's externs and struct_ops maps.
pub(super) struct Resolved {
    /// None for weak ones that the kernel does not have, and for configuration values.
    pub(super) externs: Vec<Option<Found>>,
    fd_array: Vec<FdSlot>,
    maps: Arc<[MapDef]>,
    /// struct_ops program → the member that it is, or why its map cannot be used.
    members: HashMap<usize, Result<KernelMember, LoadError>>,
}

/// An extern in the kernel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) btf_obj: BtfObj,
    pub(super) btf_id: u32,
    /// Index in `fd_array` of a function's module.
    pub(super) fd_idx: i16,
    /// Without BTF: all that is known is the address.
    pub(super) untyped: bool,
    pub(super) address: u64,
}

/// Where variables lie whose address is not known: in the kernel's half, and not zero.
const MADE_UP_ADDRESS: u64 = 0xffff_ffff_8100_0000;

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
    let budget = Budget::new();
    let resolved = resolve(object, kernel, &budget)?;
    let callbacks = link::ExceptionCallbacks::find(object)?;
    let (code, mut failed) = relocate_core(object, kernel, options, &budget, &selected)?;
    let btf = object.btf.as_deref();
    let btf_is_taken = btf.is_none_or(|btf| btf_load::is_taken(btf, kernel));
    if !btf_is_taken && object.maps.iter().any(|map| map.struct_ops.is_some()) {
        return Err(LoadError::object(
            "the kernel refuses the object's BTF, and struct_ops maps need it",
        ));
    }
    Ok(selected.into_iter().map(move |index| {
        let prog = &object.progs[index];
        let load = match failed.remove(&index) {
            Some(reason) => Err(LoadError::prog(&prog.name, reason)),
            None => link::link(object, &code, &callbacks, index)
                .and_then(|linked| load(object, kernel, options, &resolved, linked, index))
                .map(|load| match btf_is_taken {
                    true => load,
                    false => load.without_btf(),
                }),
        };
        Prepared {
            name: prog.name.clone(),
            load,
        }
    }))
}

/// struct_ops programs are loaded if a map that they are in is created.
fn autoload(object: &Object, index: usize, prog: &Prog) -> bool {
    let maps = object.maps.iter().filter_map(|map| map.struct_ops.as_ref());
    let mut uses = maps
        .filter(|ops| ops.progs().any(|p| p == index))
        .peekable();
    match uses.peek() {
        Some(_) => uses.any(|ops| ops.autocreate),
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
    let prog_type = prog.prog_type();
    let attach = match prog_type {
        ProgType::Unspec => {
            return Err(bad(format!(
                "section '{}' tells no program type",
                prog.section
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
        fd_array: resolved.fd_array.clone(),
    })
}

pub(super) fn expected_attach_type(prog: &Prog) -> AttachType {
    match prog.sec_def {
        Some(def) if def.has(USDT) => AttachType::TraceUprobeMulti,
        Some(def) => def.expected_attach_type,
        None => AttachType::CgroupInetIngress,
    }
}

pub(super) fn prog_flags(prog: &Prog) -> ProgFlags {
    let has = |flag| prog.sec_def.is_some_and(|def| def.has(flag));
    let mut flags = ProgFlags::empty();
    flags.set(ProgFlags::SLEEPABLE, has(SLEEPABLE));
    flags.set(ProgFlags::XDP_HAS_FRAGS, has(XDP_FRAGS));
    flags
}

fn resolve(object: &Object, kernel: &Kernel, budget: &Budget) -> Result<Resolved, LoadError> {
    let mut resolved = Resolved {
        externs: Vec::new(),
        fd_array: Vec::new(),
        maps: Arc::from([]),
        members: HashMap::new(),
    };
    let mut maps: Vec<MapDef> = object.maps.iter().map(|map| map.def.clone()).collect();
    for ext in &object.externs {
        let found = find_extern(object, kernel, budget, ext, &mut resolved.fd_array)?;
        resolved.externs.push(found);
    }
    if let Some(map) = object.kconfig_map.map(|map| &mut maps[map]) {
        map.contents = vec![0; map.value_size as usize];
        kconfig::fill(&object.externs, kernel, &mut map.contents)?;
    }
    for (map, def) in object.maps.iter().zip(&mut maps) {
        match struct_ops::resolve(object, map, kernel) {
            Ok(None) => {}
            Ok(Some(found)) => {
                *def = found.def;
                for (prog, member) in found.members {
                    let known = resolved.members.entry(prog).or_insert(Ok(member));
                    if let Ok(known_member) = known
                        && *known_member != member
                    {
                        let name = &object.progs[prog].name;
                        *known = Err(LoadError::prog(
                            name,
                            "it is two different struct_ops members",
                        ));
                    }
                }
            }
            Err(e) => {
                for prog in map.struct_ops.iter().flat_map(|ops| ops.progs()) {
                    resolved.members.insert(prog, Err(e.clone()));
                }
            }
        }
    }
    resolved.maps = maps.into();
    Ok(resolved)
}

fn find_extern(
    object: &Object,
    kernel: &Kernel,
    budget: &Budget,
    ext: &Extern,
    fd_array: &mut Vec<FdSlot>,
) -> Result<Option<Found>, LoadError> {
    let bad = |reason: &str| LoadError::object(format!("extern '{}': {reason}", ext.name));
    let missing = |reason| match ext.is_weak {
        true => Ok(None),
        false => Err(bad(reason)),
    };
    let local = object
        .btf
        .as_deref()
        .ok_or_else(|| bad("there is no BTF"))?;
    match ext.kind {
        ExternKind::Kconfig(_) => Ok(None),
        ExternKind::KsymVar { type_id: 0 } => match &kernel.ksyms {
            None => Ok(Some(untyped(MADE_UP_ADDRESS))),
            Some(ksyms) => match ksyms.get(&ext.name) {
                Some(&address) => Ok(Some(untyped(address))),
                None => missing("the kernel has no such symbol"),
            },
        },
        ExternKind::KsymVar { type_id } => {
            let Some((btf_obj, var)) = find_kernel_type(kernel, &ext.name, Kind::Var) else {
                return missing("the kernel's BTF has no such variable");
            };
            let target = kernel_btf(kernel, btf_obj)?;
            let target_id = target.skip_mods_and_typedefs(var.type_id()).id();
            match are_compat(budget, (local, type_id), (target, target_id)) {
                false => Err(bad("the kernel's variable has another type")),
                true => Ok(Some(Found {
                    btf_obj,
                    btf_id: var.id(),
                    ..Found::default()
                })),
            }
        }
        ExternKind::KsymFunc { proto_id } => {
            let name = crate::btf::essential_name(&ext.name);
            let Some((btf_obj, func)) = find_kernel_type(kernel, name, Kind::Func) else {
                return missing("the kernel's BTF has no such function");
            };
            let target = kernel_btf(kernel, btf_obj)?;
            match are_compat(budget, (local, proto_id), (target, func.type_id())) {
                false => missing("the kernel's function has another prototype"),
                true => Ok(Some(Found {
                    btf_obj,
                    btf_id: func.id(),
                    fd_idx: fd_idx(fd_array, btf_obj).ok_or_else(|| bad("too many modules"))?,
                    ..Found::default()
                })),
            }
        }
    }
}

fn untyped(address: u64) -> Found {
    Found {
        untyped: true,
        address,
        ..Found::default()
    }
}

/// A module's index in `fd_array`, which is added if need be. 0 stays empty: it means vmlinux.
fn fd_idx(fd_array: &mut Vec<FdSlot>, btf_obj: BtfObj) -> Option<i16> {
    if btf_obj == VMLINUX {
        return Some(0);
    }
    let slot = FdSlot::Btf(btf_obj);
    let index = fd_array.iter().position(|s| *s == slot).unwrap_or_else(|| {
        if fd_array.is_empty() {
            fd_array.push(FdSlot::Empty);
        }
        fd_array.push(slot);
        fd_array.len() - 1
    });
    index.try_into().ok()
}

fn kernel_btf(kernel: &Kernel, obj: BtfObj) -> Result<&Btf, LoadError> {
    let btf = kernel.btf(obj).map(|btf| &**btf);
    btf.ok_or_else(|| LoadError::object("the kernel has no such BTF object"))
}

/// The type of this name and kind in vmlinux, or else in the first module that has it.
pub(super) fn find_kernel_type<'a>(
    kernel: &'a Kernel,
    name: &str,
    kind: Kind,
) -> Option<(BtfObj, Type<'a>)> {
    kernel
        .btfs()
        .find_map(|(obj, btf)| Some((obj, btf.find_own_by_name_kind(name, kind)?)))
}

/// The code of each function after CO-RE, and for programs where that failed the reason.
#[expect(clippy::type_complexity, reason = "used once, here")]
fn relocate_core(
    object: &Object,
    kernel: &Kernel,
    options: &PrepareOptions<'_>,
    budget: &Budget,
    selected: &[usize],
) -> Result<(Vec<Vec<Insn>>, HashMap<usize, String>), LoadError> {
    let mut code: Vec<Vec<Insn>> = object.progs.iter().map(|p| p.insns.clone()).collect();
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
            if let Err(reason) = relocator.relocate(relo, &mut code[index][at..]) {
                let reason = format!("instruction {at}: {reason}");
                if is_subprog {
                    return Err(LoadError::prog(&prog.name, reason));
                }
                failed.insert(index, reason);
            }
        }
    }
    for (prog, code) in object.progs.iter().zip(&mut code) {
        link::mark_func_addresses(prog, code);
    }
    Ok((code, failed))
}
