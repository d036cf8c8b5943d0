// SPDX-License-Identifier: GPL-2.0-only
//! CO-RE: "compile once, run everywhere" relocations.
//!
//! The compiler notes which field, type or enumerator of its own `vmlinux.h` an instruction's
//! constant came from. Here the same thing is looked for in the kernel's BTF, by name, and the
//! constant replaced:
//!
//! ```text
//!   task->pid   compiled as  r1 = *(u32 *)(r2 + 8)    note: task_struct, "0:1", byte_off
//!               kernel says  task_struct.pid at 1500
//!               becomes      r1 = *(u32 *)(r2 + 1500)
//! ```
//!
//! What is not found becomes an instruction that the verifier rejects if it can be reached.
//!
//! Source: `tools/lib/bpf/relo_core.c`, `bpf_object__relocate_core()` and `bpf_core_find_cands()`
//! in `tools/lib/bpf/libbpf.c`.

mod matching;
mod patch;
mod record;
mod spec;
mod value;
mod words;

use std::collections::HashMap;

use crate::btf::Btf;
use crate::kernel::Kernel;
use crate::load::core_relo::matching::kinds_compatible;
use crate::load::core_relo::record::{CoreError, RelocKind};
use crate::load::core_relo::spec::Spec;
use crate::load::core_relo::value::Value;
use crate::uapi::Insn;

pub(super) use matching::are_compat;
pub(super) use record::{Budget, CoreRelo};

/// Relocates instructions of one object for one kernel.
pub(super) struct CoreRelocator<'a> {
    local: &'a Btf,
    /// Where types are looked for: the kernel's BTF objects, or what stands for them.
    targets: Vec<&'a Btf>,
    budget: &'a Budget,
    /// Local type → types of its name that have matched so far, each by its place in `targets`.
    candidates: HashMap<u32, Vec<(usize, u32)>>,
}

impl<'a> CoreRelocator<'a> {
    pub(super) fn new(
        local: &'a Btf,
        kernel: &'a Kernel,
        core_btf: Option<&'a Btf>,
        budget: &'a Budget,
    ) -> Self {
        Self {
            local,
            targets: match core_btf {
                Some(btf) => vec![btf],
                None => kernel.btfs().map(|(_, btf)| &**btf).collect(),
            },
            budget,
            candidates: HashMap::new(),
        }
    }

    /// Patches the instruction at the start of `insns`. What the kernel does not have makes it
    /// invalid, and is told in libbpf's words.
    pub(super) fn relocate(
        &mut self,
        relo: CoreRelo,
        insns: &mut [Insn],
    ) -> Result<Option<String>, CoreError> {
        let kind = RelocKind::new(relo.kind)
            .ok_or_else(|| format!("CO-RE relocation kind {} is not known", relo.kind))?;
        let spec = Spec::parse(self.local, relo, kind)?;
        let value = self.value(&spec)?;
        patch::patch(insns, &value)?;
        Ok(patch::is_poisoned(insns).then(|| {
            let path = self.local.str_at(relo.access_str_off).unwrap_or("");
            words::words(&spec, path)
        }))
    }

    fn value(&mut self, spec: &Spec<'a>) -> Result<Value, CoreError> {
        if spec.kind == RelocKind::TypeIdLocal {
            return Ok(Value::unchecked(spec.root_type_id.into()));
        }
        let name = self
            .local
            .type_by_id(spec.root_type_id)
            .map_or("", |t| t.name());
        if name.is_empty() {
            return Err("CO-RE relocations of anonymous types are not supported".into());
        }
        if !self.candidates.contains_key(&spec.root_type_id) {
            let found = self.find_candidates(spec.root_type_id);
            self.candidates.insert(spec.root_type_id, found);
        }
        let candidates = &self.candidates[&spec.root_type_id];
        let mut matched = Vec::new();
        let mut result: Option<(u64, Value)> = None;
        for &(place, id) in candidates {
            let btf = self.targets[place];
            let Some(target) = matching::match_spec(self.budget, spec, btf, id)? else {
                continue;
            };
            let value = Value::new(spec, Some(&target))?;
            match &result {
                None => result = Some((target.bit_offset, value)),
                Some((bit_offset, first))
                    if *bit_offset != target.bit_offset || !first.agrees(&value) =>
                {
                    return Err(format!("types named '{name}' in the kernel disagree"));
                }
                Some(_) => {}
            }
            matched.push((place, id));
        }
        match result {
            Some((_, value)) => {
                self.candidates.insert(spec.root_type_id, matched);
                Ok(value)
            }
            None => Value::new(spec, None),
        }
    }

    /// Kernel types of the same name, flavours aside, and a kind that fits: vmlinux's, or if it has
    /// none, the modules'.
    fn find_candidates(&self, local_id: u32) -> Vec<(usize, u32)> {
        let Some(local) = self.local.type_by_id(local_id) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (place, btf) in self.targets.iter().enumerate() {
            if found.first().is_some_and(|&(place, _)| place == 0) {
                break;
            }
            found.extend(
                btf.find_own_by_essential_name(local.name())
                    .filter(|t| kinds_compatible(t.kind(), local.kind()))
                    .map(|t| (place, t.id())),
            );
        }
        found
    }
}
