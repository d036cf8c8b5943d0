// SPDX-License-Identifier: GPL-2.0-only
//! Externs, found: in the configuration, in the kernel's types, among its symbols.

use std::collections::HashMap;
use std::sync::Arc;

use crate::btf::{Btf, Kind};
use crate::kernel::{BtfObj, Kernel, VMLINUX, find_kernel_type};
use crate::load::core_relo::{Budget, are_compat};
use crate::load::create::Maker;
use crate::load::error::LoadError;
use crate::load::ksym::{Found, address_of};
use crate::load::loader::Loader;
use crate::load::object::{Extern, ExternKind, Object};
use crate::load::struct_ops::{self, KernelMember};
use crate::load::{aya_externs, kconfig};
use crate::map::MapDef;
use crate::program::FdSlot;

/// What the kernel has for the object's externs and struct_ops maps.
pub(super) struct Resolved {
    /// None for weak ones that the kernel does not have, and for configuration values.
    pub(super) externs: Vec<Option<Found>>,
    pub(super) fd_array: Vec<FdSlot>,
    pub(super) maps: Arc<[MapDef]>,
    /// struct_ops program → the member that it is, or why its map cannot be used.
    pub(super) members: HashMap<usize, Result<KernelMember, LoadError>>,
}

pub(super) fn resolve(
    object: &Object,
    maker: &Maker<'_>,
    budget: &Budget,
    maps_have_types: bool,
) -> Result<Resolved, LoadError> {
    let kernel = maker.kernel;
    let mut resolved = Resolved {
        externs: Vec::new(),
        fd_array: Vec::new(),
        maps: Arc::from([]),
        members: HashMap::new(),
    };
    let mut maps: Vec<MapDef> = object.maps.iter().map(|map| map.def.clone()).collect();
    for ext in &object.externs {
        let found = match object.loader {
            Loader::Aya => aya_externs::find(object, kernel, budget, ext)?,
            _ => find_extern(object, kernel, budget, ext, &mut resolved.fd_array)?,
        };
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
    for (map, def) in object.maps.iter().zip(&mut maps) {
        if !maps_have_types {
            without_btf(def);
        }
        if map.autocreate {
            maker.create(def)?;
        }
    }
    resolved.maps = maps.into();
    Ok(resolved)
}

/// As a map is made where the kernel refuses the object's BTF.
fn without_btf(def: &mut MapDef) {
    (def.btf_key_type_id, def.btf_value_type_id) = (0, 0);
    if let Some(inner) = &mut def.inner_map {
        without_btf(inner);
    }
}

pub(super) fn find_extern(
    object: &Object,
    kernel: &Kernel,
    budget: &Budget,
    ext: &Extern,
    fd_array: &mut Vec<FdSlot>,
) -> Result<Option<Found>, LoadError> {
    let kind = match ext.kind {
        ExternKind::Kconfig(_) => " (kcfg)",
        ExternKind::KsymVar { type_id: 0 } => "",
        ExternKind::KsymVar { .. } => " (var ksym)",
        ExternKind::KsymFunc { .. } => " (func ksym)",
    };
    let bad = |reason: &str| LoadError::object(format!("extern{kind} '{}': {reason}", ext.name));
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
        ExternKind::KsymVar { type_id: 0 } => match address_of(kernel, &ext.name) {
            Some(found) => Ok(Some(found)),
            None => missing("not resolved, the kernel has no such symbol"),
        },
        ExternKind::KsymVar { type_id } => {
            let Some((btf_obj, var)) = find_kernel_type(kernel, &ext.name, Kind::Var) else {
                return missing("not found in kernel BTF");
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
                return missing("not found in kernel or module BTFs");
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

/// A module's index in `fd_array`, which is added if need be. 0 stays empty: it means vmlinux.
pub(super) fn fd_idx(fd_array: &mut Vec<FdSlot>, btf_obj: BtfObj) -> Option<i16> {
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

pub(super) fn kernel_btf(kernel: &Kernel, obj: BtfObj) -> Result<&Btf, LoadError> {
    let btf = kernel.btf(obj).map(|btf| &**btf);
    btf.ok_or_else(|| LoadError::object("the kernel has no such BTF object"))
}
