// SPDX-License-Identifier: GPL-2.0-only
//! Which kfuncs programs of a struct_ops type may call, and those of a member besides, where a filter
//! decides: a program of each member calls each kfunc that one guards.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use bpf::btf::{Btf, Kind};
use bpf::uapi::{AttachType, ProgType, pseudo};
use generated::batch::Batch;

use super::sets::Set;
use super::struct_ops;
use crate::build::initramfs;
use crate::corpus::{caller, probes};
use crate::linux::target::Target;

/// What the kernel's structure of a type is called, before the type's name.
const TYPE: &str = "bpf_struct_ops_";

/// How what is said of a kfunc begins that has no prototype in a kernel whose BTF was made by a pahole
/// without `KF_IMPLICIT_ARGS`.
const SILENT: &str = "kernel function btf_id";

/// What members of struct_ops types may call, by type and member, the members as they lie in the type.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    types: BTreeMap<String, Vec<(String, BTreeSet<String>)>>,
    /// Kfuncs that nobody can call, so that nothing is heard of who may.
    silent: BTreeSet<String>,
}

/// Asks `target` about the kfuncs of those `sets` that have a filter.
pub(super) fn ask(target: &Target<'_>, btf: &Btf, sets: &[Set]) -> Result<Guarded> {
    let guarded = sets.iter().filter(|set| set.filter.is_some());
    let kfuncs: BTreeSet<&str> = guarded
        .flat_map(|set| set.kfuncs.keys().map(String::as_str))
        .collect();
    let kfuncs: Vec<&str> = kfuncs.into_iter().collect();
    let mut batch = Batch::calling(&kfuncs);
    let mut members = Vec::new();
    let types = btf.types().filter(|t| t.kind() == Kind::Struct);
    for name in types.filter_map(|t| t.name().strip_prefix(TYPE)) {
        let Some(ops) = btf.find_by_name_kind(name, Kind::Struct) else {
            continue;
        };
        for (index, member) in struct_ops::functions(btf, ops) {
            let to = Some(struct_ops::member(ops, index));
            let caller = caller::load(ProgType::StructOps, AttachType::CgroupInetIngress, to);
            for kfunc in 0..kfuncs.len() as i32 {
                batch.push_load(&caller::calling(&caller, pseudo::KFUNC_CALL, kfunc));
            }
            members.push((name, member));
        }
    }
    if kfuncs.is_empty() || members.is_empty() {
        return Ok(Guarded::default());
    }
    let base = initramfs::bare(target)?;
    let count = kfuncs.len() * members.len();
    let answers = probes::load(target, &base, (batch, count), &[])?;
    let mut of = Guarded::default();
    let heard = answers.iter().zip(kfuncs.iter().cycle());
    let silent = heard.filter(|(answer, _)| answer.message.starts_with(SILENT));
    of.silent = silent.map(|(_, kfunc)| (*kfunc).to_owned()).collect();
    for ((name, member), said) in members.into_iter().zip(answers.chunks(kfuncs.len())) {
        let messages = said.iter().map(|answer| answer.message.as_str());
        if let Some(may) = allowed(&kfuncs, messages) {
            let of_type = of.types.entry(name.to_owned()).or_default();
            of_type.push((member.to_owned(), may));
        }
    }
    Ok(of)
}

/// The kfuncs that a program may call; None if it was refused for something else, whatever it calls.
fn allowed<'a>(
    kfuncs: &[&str],
    messages: impl Iterator<Item = &'a str>,
) -> Option<BTreeSet<String>> {
    let mut may = BTreeSet::new();
    let mut filtered = false;
    for (kfunc, message) in kfuncs.iter().zip(messages) {
        if message.starts_with(&format!("calling kernel function {kfunc} is not allowed")) {
            filtered = true;
        } else if !message.starts_with(SILENT) {
            may.insert((*kfunc).to_owned());
        }
    }
    filtered.then_some(may)
}

impl Guarded {
    /// All that any of them may call.
    pub(super) fn kfuncs(&self) -> impl Iterator<Item = &String> {
        let members = self.types.values().flatten();
        members.flat_map(|(_, kfuncs)| kfuncs)
    }

    /// Whether the kernel was asked about a type.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    /// What all members of a type may call, by names of `sets` as far as they go.
    pub(super) fn of_type(&self, name: &str, sets: &[Set]) -> Vec<String> {
        self.named(&self.common(name), sets)
    }

    /// What members of a type may call besides, those that may.
    pub(super) fn of_members(&self, name: &str, sets: &[Set]) -> Vec<(&str, Vec<String>)> {
        let common = self.common(name);
        let members = self.types.get(name).into_iter().flatten();
        let besides = members.map(|(member, may)| {
            let rest: BTreeSet<String> = may.difference(&common).cloned().collect();
            (member.as_str(), self.named(&rest, sets))
        });
        besides.filter(|(_, names)| !names.is_empty()).collect()
    }

    fn common(&self, name: &str) -> BTreeSet<String> {
        let mut members = self.types.get(name).into_iter().flatten();
        let first = members.next().map(|(_, may)| may.clone());
        let first = first.unwrap_or_default();
        members.fold(first, |common, (_, may)| &common & may)
    }

    /// Kfuncs by the names of sets of which all are there, the largest first, and by their own.
    fn named(&self, kfuncs: &BTreeSet<String>, sets: &[Set]) -> Vec<String> {
        let heard = |set: &Set| -> BTreeSet<String> {
            let names = set.kfuncs.keys();
            names
                .filter(|kfunc| !self.silent.contains(*kfunc))
                .cloned()
                .collect()
        };
        let guarded = sets.iter().filter(|set| set.filter.is_some());
        let mut whole: Vec<(&str, BTreeSet<String>)> = guarded
            .map(|set| (set.name.as_str(), heard(set)))
            .filter(|(_, of_set)| of_set.is_subset(kfuncs))
            .collect();
        whole.sort_by_key(|(_, of_set)| std::cmp::Reverse(of_set.len()));
        let mut left = kfuncs.clone();
        let mut names = Vec::new();
        for (name, of_set) in whole {
            if !left.is_disjoint(&of_set) {
                left = &left - &of_set;
                names.push(name.to_owned());
            }
        }
        names.sort();
        names.extend(left);
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn set(name: &str, kfuncs: &[&str]) -> Set {
        Set {
            name: name.to_owned(),
            filter: Some("f".to_owned()),
            kfuncs: kfuncs.iter().map(|k| ((*k).to_owned(), 0)).collect(),
        }
    }

    #[test]
    fn who_is_refused_whatever_it_calls_tells_nothing() {
        let no = "calling kernel function a is not allowed";
        let silent = "kernel function btf_id 9 does not have a valid func_proto";
        let told = |messages: [&'static str; 2]| allowed(&["a", "b"], messages.into_iter());
        assert_eq!(told([no, "R1 is not a pointer"]), Some(of(&["b"])));
        assert_eq!(told([no, silent]), Some(of(&[])));
        assert_eq!(told(["attach to unsupported member x"; 2]), None);
        assert_eq!(told(["attach to unsupported member x", silent]), None);
    }

    #[test]
    fn what_all_members_may_is_the_types() {
        let members = [
            ("enqueue", of(&["a", "b", "c", "d"])),
            ("init", of(&["a", "b"])),
        ];
        let members = members.map(|(member, may)| (member.to_owned(), may));
        let guarded = Guarded {
            types: BTreeMap::from([("ops".to_owned(), members.to_vec())]),
            silent: of(&["s"]),
        };
        let sets = [set("ab", &["a", "b", "s"]), set("ce", &["c", "e"])];
        assert_eq!(guarded.of_type("ops", &sets), ["ab"]);
        let besides = vec!["c".to_owned(), "d".to_owned()];
        assert_eq!(guarded.of_members("ops", &sets), [("enqueue", besides)]);
        assert!(guarded.of_type("other", &sets).is_empty());
    }
}
