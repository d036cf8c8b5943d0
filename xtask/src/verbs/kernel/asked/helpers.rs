// SPDX-License-Identifier: GPL-2.0-only
//! `helpers.txt` of a kernel: numbers and names of its types, prototypes of its image, and who may call
//! what, as its verifier says. The sets are those of another kernel's file, the frame.
//!
//! A set has what all kinds of programs may call that come by it; what is one type's alone goes to a
//! set of its own. Of several prototypes that a helper has, the frame tells which is whose.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::frame::{Frame, telling};
use super::protos::Protos;
use super::rights::Right;
use crate::corpus::kinds::Kind;

/// The set of what all may call, and those of what takes capabilities.
const BASES: [&str; 3] = [
    "bpf_base_func_proto",
    CAPABLE,
    "bpf_base_func_proto_perfmon",
];
/// The one of them that has what the frame does not know.
const CAPABLE: &str = "bpf_base_func_proto_bpf";

/// What a kernel says of its helpers.
pub(super) struct Said<'a> {
    /// Numbers and names.
    pub(super) helpers: &'a [(u32, String)],
    /// Prototypes.
    pub(super) protos: &'a Protos,
    /// Who may call what.
    pub(super) rights: &'a [Right],
}

/// The tables, and what could not be said in them.
pub(super) struct Tables {
    /// `helpers.txt`, behind its head.
    pub(super) helpers: String,
    /// The set of each struct_ops type that has another one than in the frame.
    pub(super) of_struct_ops: BTreeMap<String, String>,
    /// What there are no words for.
    pub(super) unsaid: Vec<String>,
}

/// Those who have the same set: a type of programs, or a struct_ops type.
struct Owner<'a> {
    name: String,
    is_type: bool,
    set: &'a str,
    chain: Vec<&'a str>,
    /// By helper, how a set says it.
    entries: BTreeMap<String, String>,
}

/// Writes them; `struct_ops` has the frame's set of each struct_ops type.
pub(super) fn write(
    said: &Said<'_>,
    frame: &Frame<'_>,
    struct_ops: &BTreeMap<String, String>,
) -> Tables {
    let mut unsaid = Vec::new();
    let owners = owners(said, frame, struct_ops, &mut unsaid);
    let mut sets = String::new();
    let mut progs = String::new();
    let mut of_struct_ops = BTreeMap::new();
    for (name, set) in &frame.sets {
        if let Some(common) = common(frame, &owners, name) {
            let then = set.then.iter().filter(|name| reached(&owners, name));
            let then: Vec<&str> = then.copied().collect();
            push_set(&mut sets, name, &then, set.caps, &common);
        }
    }
    for owner in &owners {
        let mut rest = owner.entries.clone();
        for set in &owner.chain {
            let common = common(frame, &owners, set).unwrap_or_default();
            rest.retain(|helper, entry| common.get(helper) != Some(entry));
        }
        let mut set = owner.set.to_owned();
        if !rest.is_empty() {
            // No function of the kernel's is called so, as LWT_OUT's is lwt_out_func_proto.
            set = format!("own_{}", owner.name.to_lowercase());
            push_set(&mut sets, &set, &[owner.set], None, &rest);
        }
        match owner.is_type {
            true => {
                let _ = writeln!(progs, "prog {} {set}", owner.name);
            }
            false if set != owner.set => {
                of_struct_ops.insert(owner.name.clone(), set);
            }
            false => {}
        }
    }
    let mut text = String::new();
    for (id, name) in said.helpers {
        let _ = writeln!(text, "helper {id} {name}");
    }
    for name in &frame.changes_pkt_data {
        if said.helpers.iter().any(|(_, known)| known == name) {
            let _ = writeln!(text, "changes_pkt_data {name}");
        }
    }
    let called: BTreeSet<&str> = owners
        .iter()
        .flat_map(|owner| owner.entries.values())
        .flat_map(|entry| entry.split_whitespace())
        .filter_map(|entry| Some(entry.rsplit_once('=')?.1))
        .collect();
    for (name, proto) in said
        .protos
        .iter()
        .filter(|(name, _)| called.contains(name.as_str()))
    {
        let _ = writeln!(text, "proto {name} {proto}");
    }
    Tables {
        helpers: text + &sets + &progs,
        of_struct_ops,
        unsaid,
    }
}

fn push_set(
    text: &mut String,
    name: &str,
    then: &[&str],
    caps: Option<&str>,
    entries: &BTreeMap<String, String>,
) {
    let _ = write!(text, "set {name} then={}", then.join(","));
    if let Some(caps) = caps {
        let _ = write!(text, " {caps}");
    }
    text.push('\n');
    for entry in entries.values() {
        let _ = writeln!(text, "  {entry}");
    }
}

fn reached(owners: &[Owner<'_>], set: &str) -> bool {
    owners.iter().any(|owner| owner.chain.contains(&set))
}

/// What all have in common that come by `set`, and no set behind it has; nothing if nobody does.
fn common(frame: &Frame<'_>, owners: &[Owner<'_>], set: &str) -> Option<BTreeMap<String, String>> {
    let shared = |set: &str| {
        let mut those = owners.iter().filter(|owner| owner.chain.contains(&set));
        let mut shared = those.next()?.entries.clone();
        for owner in those {
            shared.retain(|helper, entry| owner.entries.get(helper) == Some(entry));
        }
        Some(shared)
    };
    let mut own = shared(set)?;
    let name = frame.sets.iter().find(|(name, _)| *name == set)?.0;
    for behind in frame.chain(name).into_iter().skip(1) {
        // The same come by all of them.
        if BASES.contains(&name) && BASES.contains(&behind) {
            continue;
        }
        let theirs = shared(behind).unwrap_or_default();
        own.retain(|helper, _| !theirs.contains_key(helper));
    }
    if BASES.contains(&name) {
        // The frame says what takes capabilities.
        let of = |helper: &str| BASES.into_iter().find(|set| frame.has(set, helper));
        own.retain(|helper, _| of(helper).unwrap_or(CAPABLE) == name);
    }
    Some(own)
}

fn owners<'a>(
    said: &Said<'_>,
    frame: &Frame<'a>,
    struct_ops: &BTreeMap<String, String>,
    unsaid: &mut Vec<String>,
) -> Vec<Owner<'a>> {
    let mut owners = Vec::new();
    for (name, set) in &frame.progs {
        let full = format!("BPF_PROG_TYPE_{name}");
        let is_one = |right: &&Right| right.kind.prog.prog_type.c_name() == full;
        let rights: Vec<&Right> = said.rights.iter().filter(is_one).collect();
        owners.extend(owner(said, frame, (name, true), set, &rights, unsaid));
    }
    for (name, set) in struct_ops {
        let Some((set, _)) = frame.sets.iter().find(|(known, _)| known == set) else {
            continue;
        };
        let is_one = |right: &&Right| right.kind.struct_ops.as_ref() == Some(name);
        let rights: Vec<&Right> = said.rights.iter().filter(is_one).collect();
        owners.extend(owner(said, frame, (name, false), set, &rights, unsaid));
    }
    owners
}

/// Nothing if the kernel has no such programs.
fn owner<'a>(
    said: &Said<'_>,
    frame: &Frame<'a>,
    (name, is_type): (&str, bool),
    set: &'a str,
    rights: &[&Right],
    unsaid: &mut Vec<String>,
) -> Option<Owner<'a>> {
    rights.first()?;
    let mut entries = BTreeMap::new();
    for (_, helper) in said.helpers {
        // Which kinds call it by which prototype; those that may not, by none.
        let mut by_proto: BTreeMap<Option<&str>, Vec<&Kind>> = BTreeMap::new();
        for right in rights {
            let proto = right.helpers.contains(helper).then(|| {
                let framed = frame.proto(set, &right.kind, helper);
                proto_of(said.protos, framed, helper)
            });
            let proto = match proto {
                Some(None) => {
                    unsaid.push(format!("{}: {helper} has no prototype", right.kind.name));
                    None
                }
                Some(proto) => proto,
                None => None,
            };
            by_proto.entry(proto).or_default().push(&right.kind);
        }
        let asks = Asks {
            known: &frame.conditions(helper),
            caps: frame.caps(set, helper),
        };
        let text = entry(helper, &by_proto, &asks, name, unsaid);
        if !text.is_empty() {
            entries.insert(helper.clone(), text);
        }
    }
    Some(Owner {
        name: name.to_owned(),
        is_type,
        set,
        chain: frame.chain(set),
        entries,
    })
}

/// What the frame asks for a helper.
struct Asks<'a> {
    /// Of programs, in any set.
    known: &'a BTreeSet<String>,
    /// Of their loader, in this one.
    caps: Option<&'a str>,
}

/// How a set says who calls a helper by which prototype.
fn entry(
    helper: &str,
    by_proto: &BTreeMap<Option<&str>, Vec<&Kind>>,
    asks: &Asks<'_>,
    owner: &str,
    unsaid: &mut Vec<String>,
) -> String {
    let mut words = Vec::new();
    let denied = by_proto.contains_key(&None);
    // The first that most have needs no condition, unless some have none.
    let most = by_proto.iter().rev().max_by_key(|(_, kinds)| kinds.len());
    for (proto, kinds) in by_proto {
        let Some(proto) = proto else { continue };
        let is_most = most.is_some_and(|(name, _)| *name == Some(*proto));
        if !denied && is_most {
            let caps = asks.caps.map(|caps| format!("@{caps}"));
            words.push(format!("{helper}{}={proto}", caps.unwrap_or_default()));
            continue;
        }
        let others = by_proto.iter().filter(|(name, _)| **name != Some(*proto));
        let others: Vec<&Kind> = others
            .flat_map(|(_, kinds)| kinds.iter().copied())
            .collect();
        match telling(kinds, &others, asks.known) {
            Some(condition) => {
                let caps = asks.caps.map(|caps| format!("&{caps}"));
                let caps = caps.unwrap_or_default();
                words.push(format!("{helper}@{condition}{caps}={proto}"));
            }
            None => unsaid.push(format!(
                "{owner}: no condition tells who calls {helper} by {proto}"
            )),
        }
    }
    words.join(" ")
}

/// The prototype of this kernel's that is the frame's, or whose name is nearest to it.
fn proto_of<'a>(protos: &'a Protos, framed: Option<&str>, helper: &str) -> Option<&'a str> {
    let plain = format!("bpf_{helper}_proto");
    let wanted = framed.unwrap_or(&plain);
    // The name need not have the helper's in it.
    if let Some((found, _)) = protos.get_key_value(wanted) {
        return Some(found);
    }
    let same = |name: &str| {
        let pairs = name.bytes().zip(wanted.bytes());
        pairs.take_while(|(one, other)| one == other).count()
    };
    let names = protos.keys().map(String::as_str);
    let of_it = names.filter(|name| name.contains(&format!("{helper}_")));
    // The shortest of those that are equally near.
    of_it.max_by_key(|name| (same(name), usize::MAX - name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_prototype_is_taken() {
        let names = [
            "bpf_setsockopt_x",
            "bpf_sk_setsockopt_proto",
            "bpf_unlocked_sk_setsockopt_proto",
        ];
        let protos: Protos = names.map(|name| (name.to_owned(), String::new())).into();
        let framed = Some("bpf_sk_setsockopt_nodelay_proto");
        assert_eq!(proto_of(&protos, framed, "setsockopt"), Some(names[1]));
        assert_eq!(
            proto_of(&protos, Some(names[2]), "setsockopt"),
            Some(names[2])
        );
        assert_eq!(
            proto_of(&protos, Some("bpf_setsockopt_x"), "y"),
            Some(names[0])
        );
        assert_eq!(proto_of(&protos, None, "loop"), None);
    }
}
