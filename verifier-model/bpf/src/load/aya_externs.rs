// SPDX-License-Identifier: GPL-2.0-only
//! Externs as aya finds them: kernel functions and variables of vmlinux alone, none of a module.
//!
//! Source: `resolve_externs()` of aya-obj 0.6, which is in aya 0.16. aya 0.14 takes no object that has a
//! section `.ksyms`.

use crate::btf::{Kind, essential_name};
use crate::kernel::Kernel;
use crate::load::core_relo::{Budget, are_compat};
use crate::load::error::LoadError;
use crate::load::ksym::{Found, address_of};
use crate::load::object::{Extern, ExternKind, Object};

/// What the kernel has for an extern; none for a weak one that it has not got.
pub(super) fn find(
    object: &Object,
    kernel: &Kernel,
    budget: &Budget,
    ext: &Extern,
) -> Result<Option<Found>, LoadError> {
    let missing = |reason: String| match ext.is_weak {
        true => Ok(None),
        false => Err(LoadError::object(reason)),
    };
    let (name, kind, type_id) = match ext.kind {
        ExternKind::Kconfig(_) => return Ok(None),
        ExternKind::KsymVar { type_id: 0 } => match address_of(kernel, &ext.name) {
            Some(found) => return Ok(Some(found)),
            None => return missing(format!("kernel variable '{}' not found", ext.name)),
        },
        ExternKind::KsymVar { type_id } => (&*ext.name, Kind::Var, type_id),
        ExternKind::KsymFunc { proto_id } => (essential_name(&ext.name), Kind::Func, proto_id),
    };
    let target = &*kernel.vmlinux;
    let Some(found) = target.find_own_by_name_kind(name, kind) else {
        return missing(match kind {
            Kind::Func => format!("kernel function '{name}' not found in kernel BTF"),
            _ => format!("kernel variable '{name}' not found"),
        });
    };
    let local = object.btf.as_deref();
    let local = local.ok_or_else(|| LoadError::object("there is no BTF"))?;
    let target_id = target.skip_mods_and_typedefs(found.type_id()).id();
    match are_compat(budget, (local, type_id), (target, target_id)) {
        false => missing(match kind {
            Kind::Func => format!("kernel function '{name}' has incompatible signature"),
            _ => format!("kernel variable '{name}' has incompatible type"),
        }),
        true => Ok(Some(Found {
            btf_id: found.id(),
            ..Found::default()
        })),
    }
}
