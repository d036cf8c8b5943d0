// SPDX-License-Identifier: GPL-2.0-only
//! struct_ops types: of the frame's those that a kernel has.
//!
//! Until 6.8 a type has no stubs (`cfi_stubs`): its code alone tells which members programs may not attach
//! to, so one attaches to each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use bpf::btf::{Btf, Kind, Type};
use bpf::kernel::VMLINUX;
use bpf::program::{AttachTarget, StructOpsMember};
use bpf::uapi::{AttachType, ProgType};
use generated::batch::Batch;

use crate::build::initramfs;
use crate::corpus::{caller, probes};
use crate::linux::target::Target;

/// What a type of a selftest's module begins with: the kernel's types do not have it.
const TESTS: &str = "bpf_testmod";
const REFUSED: &str = "attach to unsupported member";

/// `struct_ops.txt`: of the frame's types those that the kernel has, with its sets of helpers.
pub(super) fn types(
    target: &Target<'_>,
    btf: &Btf,
    frame: &str,
    sets: &BTreeMap<String, String>,
) -> Result<String> {
    let kept = kept(btf, frame, sets);
    if has_stubs(btf) {
        return Ok(kept);
    }
    let mut text = String::new();
    for line in kept.lines().filter_map(without_stubs) {
        text += &line;
        text.push('\n');
        let ops = type_name(&line).and_then(|name| btf.find_by_name_kind(name, Kind::Struct));
        for member in refused(target, btf, ops)? {
            let _ = writeln!(text, "  {member} stub=none");
        }
    }
    Ok(text)
}

/// The set of helpers of each type in `struct_ops.txt` that has one.
pub(super) fn sets(struct_ops: &str) -> BTreeMap<String, String> {
    let types = struct_ops
        .lines()
        .filter_map(|line| line.strip_prefix("type "));
    let set = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        let set = words.find_map(|word| word.strip_prefix("helpers="))?;
        Some((name, set.to_owned()))
    };
    types.filter_map(set).collect()
}

fn has_stubs(btf: &Btf) -> bool {
    let ops = btf.find_by_name_kind("bpf_struct_ops", Kind::Struct);
    ops.is_some_and(|ops| ops.members().any(|member| member.name() == "cfi_stubs"))
}

/// The lines of the frame that stay: those of types and members that the kernel has. A selftest's type is in
/// a module, which has stubs if it is there at all.
fn kept(btf: &Btf, frame: &str, sets: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    // The type that the lines are about, if they are to stay.
    let mut current = None;
    for line in frame.lines().filter(|line| !line.starts_with('#')) {
        if let Some(rest) = line.strip_prefix("type ") {
            let name = rest.split(' ').next().unwrap_or_default();
            let there = btf.find_by_name_kind(&format!("bpf_struct_ops_{name}"), Kind::Struct);
            let in_module = name.starts_with(TESTS) && has_stubs(btf);
            current = (there.is_some() || in_module).then_some(name);
            if current.is_some() {
                text += &with_set(line, sets.get(name));
                text.push('\n');
            }
            continue;
        }
        let Some(name) = current else { continue };
        let member = line.split_whitespace().next().unwrap_or_default();
        let ops = btf.find_by_name_kind(name, Kind::Struct);
        let has = ops.is_none_or(|ops| ops.members().any(|m| m.name() == member));
        if has || member == "refused" {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// The line with this set of helpers in place of its own.
fn with_set(line: &str, set: Option<&String>) -> String {
    let word = |word: &str| match (word.starts_with("helpers="), set) {
        (true, Some(set)) => format!("helpers={set}"),
        _ => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The line without what it says of stubs; None if that was all.
fn without_stubs(line: &str) -> Option<String> {
    let words = line
        .split(' ')
        .filter(|word| !word.starts_with("stub=") && !word.starts_with("stubs="));
    let line = words.collect::<Vec<_>>().join(" ");
    let says = line.starts_with("type ") || line.split_whitespace().count() != 1;
    says.then_some(line)
}

/// The members of a type that are functions, with their places.
pub(super) fn functions<'a>(btf: &'a Btf, ops: Type<'a>) -> Vec<(u32, &'a str)> {
    let is_function = |id| {
        let t = btf.skip_mods_and_typedefs(id);
        t.kind() == Kind::Ptr && btf.skip_mods_and_typedefs(t.type_id()).kind() == Kind::FuncProto
    };
    (0..)
        .zip(ops.members())
        .filter(|(_, member)| is_function(member.type_id()))
        .map(|(index, member)| (index, member.name()))
        .collect()
}

/// Where a program attaches that is this member of a type.
pub(super) fn member(ops: Type<'_>, index: u32) -> AttachTarget {
    AttachTarget::Kernel {
        btf_obj: VMLINUX,
        btf_id: ops.id(),
        member: Some(StructOpsMember { index }),
    }
}

/// The type that a line of `struct_ops.txt` begins to tell of.
pub(super) fn type_name(line: &str) -> Option<&str> {
    line.strip_prefix("type ")?.split(' ').next()
}

/// Members that programs may not attach to.
fn refused<'a>(target: &Target<'_>, btf: &'a Btf, ops: Option<Type<'a>>) -> Result<Vec<&'a str>> {
    let Some(ops) = ops else {
        return Ok(Vec::new());
    };
    let members = functions(btf, ops);
    let mut batch = Batch::bare(&[]);
    for (index, _) in &members {
        let to = Some(member(ops, *index));
        let prog = caller::load(ProgType::StructOps, AttachType::CgroupInetIngress, to);
        batch.push_load(&caller::returning(&prog));
    }
    let base = initramfs::bare(target)?;
    let answers = probes::load(target, &base, (batch, members.len()), &[])?;
    let refused = members.iter().zip(answers);
    let refused = refused.filter(|(_, answer)| answer.message.starts_with(REFUSED));
    Ok(refused.map(|((_, name), _)| *name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_says_besides_stubs_stays() {
        let ops = "type ops stubs=ops__ sleep=never helpers=a";
        assert_eq!(
            without_stubs(ops).as_deref(),
            Some("type ops sleep=never helpers=a")
        );
        assert_eq!(without_stubs("  init stub=__init"), None);
        assert_eq!(
            without_stubs("  init stub=__init sleep=may").as_deref(),
            Some("  init sleep=may")
        );
        assert_eq!(without_stubs(""), Some(String::new()));
    }

    #[test]
    fn a_set_takes_the_place_of_another() {
        let set = "b".to_owned();
        assert_eq!(
            with_set("type ops helpers=a", Some(&set)),
            "type ops helpers=b"
        );
        assert_eq!(with_set("type ops helpers=a", None), "type ops helpers=a");
    }
}
