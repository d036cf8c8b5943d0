// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel knows of each struct_ops type besides its BTF: `struct bpf_struct_ops`.
//!
//! The table is data (`data/struct_ops.txt`, which tells its format); this reads it once. A type
//! that is not in it is known by its BTF alone.
//!
//! Source: the `struct bpf_struct_ops` objects all over the kernel, `check_member()` and
//! `verifier_ops` of each, `scx_kfunc_context_filter()`, `bpf_qdisc_kfunc_filter()`,
//! `bm_bpf_kfunc_filter()`, `bpf_fs_kfuncs_filter()`.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Whether programs of a member sleep (`check_member()`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Sleep {
    /// They may.
    #[default]
    May,
    /// None does.
    Never,
    /// All do.
    Must,
}

/// A struct_ops type.
#[derive(Debug, Default)]
pub(crate) struct StructOpsType {
    stubs: String,
    sleep: Sleep,
    /// The set of helpers; none without it.
    pub helpers: Option<String>,
    /// Which kernel structures programs may write, by function.
    pub writes: Option<String>,
    /// Arguments that are a pointer to the first structure are one to the second.
    pub promotes: Option<(String, String)>,
    kfuncs: Vec<String>,
    refused: Vec<String>,
    members: HashMap<String, Member>,
}

/// What the table says of a member.
#[derive(Debug, Default, Clone)]
struct Member {
    stub: Option<String>,
    sleep: Option<Sleep>,
    private_stack: Option<String>,
    argument: Option<(u32, String)>,
    kfuncs: Vec<String>,
}

impl StructOpsType {
    /// The type of this name, if the table has it.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        static TABLE: OnceLock<HashMap<String, StructOpsType>> = OnceLock::new();
        let table =
            TABLE.get_or_init(|| parse(include_str!("../../data/linux-7.3/struct_ops.txt")));
        table.get(name)
    }

    fn member(&self, name: &str) -> Option<&Member> {
        let numbered = || {
            let (stem, number) = name.rsplit_once('_')?;
            number.parse::<u32>().ok()?;
            self.members.get(&format!("{stem}_*"))
        };
        self.members.get(name).or_else(numbered)
    }

    /// Name of the function that stands in `cfi_stubs` for a member.
    pub(crate) fn stub(&self, member: &str) -> String {
        let named = self.member(member).and_then(|m| m.stub.clone());
        named.unwrap_or_else(|| format!("{}{member}", self.stubs))
    }

    /// Whether programs of a member sleep.
    pub(crate) fn sleep(&self, member: &str) -> Sleep {
        self.member(member)
            .and_then(|m| m.sleep)
            .unwrap_or(self.sleep)
    }

    /// Programs of a member have a private stack if the kernel has this function.
    pub(crate) fn private_stack(&self, member: &str) -> Option<&str> {
        self.member(member)?.private_stack.as_deref()
    }

    /// An argument of a member, from 0, that `is_valid_access()` gives a type: the structure it
    /// points to.
    pub(crate) fn argument(&self, member: &str) -> Option<(u32, &str)> {
        let (arg, name) = self.member(member)?.argument.as_ref()?;
        Some((*arg, name))
    }

    /// Whether programs of a member may call a kfunc of these sets, that have a filter.
    pub(crate) fn calls<'a>(
        &self,
        member: &str,
        kfunc: &str,
        mut sets: impl Iterator<Item = &'a str>,
    ) -> bool {
        let lists = |name: &str| {
            let of_member = self.member(member).map_or(&[][..], |m| &m.kfuncs);
            self.kfuncs.iter().chain(of_member).any(|k| k == name)
        };
        !self.refused.iter().any(|k| k == kfunc) && (lists(kfunc) || sets.any(lists))
    }
}

fn parse(text: &str) -> HashMap<String, StructOpsType> {
    let mut types: HashMap<String, StructOpsType> = HashMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("type") => {
                current = words.next().unwrap_or_default().to_owned();
                types.insert(current.clone(), parse_type(words));
            }
            Some(first) => {
                let Some(t) = types.get_mut(&current) else {
                    continue;
                };
                match first {
                    "refused" => t.refused.extend(words.map(str::to_owned)),
                    member => {
                        t.members.insert(member.to_owned(), parse_member(words));
                    }
                }
            }
            None => {}
        }
    }
    types
}

fn parse_type<'a>(words: impl Iterator<Item = &'a str>) -> StructOpsType {
    let mut t = StructOpsType::default();
    for (key, value) in words.filter_map(|w| w.split_once('=')) {
        match key {
            "stubs" => t.stubs = value.to_owned(),
            "sleep" => t.sleep = parse_sleep(value),
            "helpers" => t.helpers = Some(value.to_owned()),
            "writes" => t.writes = Some(value.to_owned()),
            "promotes" => t.promotes = parse_pair(value),
            "kfuncs" => t.kfuncs = parse_list(value),
            _ => {}
        }
    }
    t
}

fn parse_member<'a>(words: impl Iterator<Item = &'a str>) -> Member {
    let mut m = Member::default();
    for (key, value) in words.filter_map(|w| w.split_once('=')) {
        match key {
            "stub" => m.stub = Some(value.to_owned()),
            "sleep" => m.sleep = Some(parse_sleep(value)),
            "private_stack" => m.private_stack = Some(value.to_owned()),
            "argument" => {
                m.argument = parse_pair(value).and_then(|(n, name)| Some((n.parse().ok()?, name)));
            }
            "kfuncs" => m.kfuncs = parse_list(value),
            _ => {}
        }
    }
    m
}

fn parse_sleep(word: &str) -> Sleep {
    match word {
        "never" => Sleep::Never,
        "must" => Sleep::Must,
        _ => Sleep::May,
    }
}

fn parse_pair(words: &str) -> Option<(String, String)> {
    let (a, b) = words.split_once(':')?;
    Some((a.to_owned(), b.to_owned()))
}

fn parse_list(words: &str) -> Vec<String> {
    words.split(',').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::helpers;

    #[test]
    fn what_the_table_names_exists() {
        let kfuncs = crate::facts::linux_7_3::kfuncs();
        let known = |name: &str| {
            kfuncs.sets().iter().any(|s| s.name == name) || kfuncs.sets_of(name).next().is_some()
        };
        for (name, t) in parse(include_str!("../../data/linux-7.3/struct_ops.txt")) {
            if let Some(set) = &t.helpers {
                assert!(helpers::has_set(set), "{name}: {set}");
            }
            if let Some(writes) = &t.writes {
                assert!(
                    crate::check::btf::writes::is_known(writes),
                    "{name}: {writes}"
                );
            }
            let of_members = t.members.values().flat_map(|m| &m.kfuncs);
            for kfunc in t.kfuncs.iter().chain(&t.refused).chain(of_members) {
                assert!(known(kfunc), "{name}: {kfunc}");
            }
        }
    }

    #[test]
    fn a_member_is_known_by_name_and_by_number() {
        let t = StructOpsType::find("bpf_testmod_ops").expect("it is in the table");
        assert_eq!(t.stub("tramp_7"), "bpf_testmod_tramp");
        assert_eq!(t.stub("test_1"), "bpf_testmod_test_1");
        assert_eq!(
            t.stub("test_refcounted"),
            "bpf_testmod_ops__test_refcounted"
        );
    }
}
