// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel knows of each struct_ops type besides its BTF: `struct bpf_struct_ops`.
//!
//! A table of a release: `struct_ops.txt`, which tells its format. A type that is not in it is known
//! by its BTF alone.
//!
//! Source: the `struct bpf_struct_ops` objects all over the kernel, `check_member()` and
//! `verifier_ops` of each, `scx_kfunc_context_filter()`, `bpf_qdisc_kfunc_filter()`,
//! `bm_bpf_kfunc_filter()`, `bpf_fs_kfuncs_filter()`.

use std::collections::HashMap;

use crate::facts::table::{Lines, pair};

/// The struct_ops types of a release.
#[derive(Debug, Default)]
pub(crate) struct StructOpsTypes {
    types: HashMap<&'static str, StructOpsType>,
    last: &'static str,
}

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
    /// None in kernels that have no stubs.
    stubs: Option<&'static str>,
    sleep: Sleep,
    /// The set of helpers; none without it.
    pub helpers: Option<&'static str>,
    /// Which kernel structures programs may write, by function.
    pub writes: Option<&'static str>,
    /// Arguments that are a pointer to the first structure are one to the second.
    pub promotes: Option<(&'static str, &'static str)>,
    kfuncs: Vec<&'static str>,
    refused: Vec<&'static str>,
    members: HashMap<&'static str, Member>,
}

/// What the table says of a member.
#[derive(Debug, Default, Clone)]
struct Member {
    stub: Option<&'static str>,
    sleep: Option<Sleep>,
    private_stack: Option<&'static str>,
    argument: Option<(u32, &'static str)>,
    kfuncs: Vec<&'static str>,
}

impl StructOpsTypes {
    /// The sets of helpers that types have.
    pub(crate) fn helper_sets(&self) -> impl Iterator<Item = &'static str> {
        self.types.values().filter_map(|t| t.helpers)
    }

    /// The functions that say what programs of a type may write.
    pub(crate) fn writes(&self) -> impl Iterator<Item = &'static str> {
        self.types.values().filter_map(|t| t.writes)
    }

    /// The kfuncs and sets of them that types and members name.
    pub(crate) fn kfuncs(&self) -> impl Iterator<Item = &'static str> {
        self.types.values().flat_map(|t| {
            let of_members = t.members.values().flat_map(|m| &m.kfuncs);
            t.kfuncs.iter().chain(&t.refused).chain(of_members).copied()
        })
    }

    /// The type of this name, if the table has it.
    pub(crate) fn find(&self, name: &str) -> Option<&StructOpsType> {
        self.types.get(name)
    }
}

impl StructOpsType {
    fn member(&self, name: &str) -> Option<&Member> {
        let numbered = || {
            let (stem, number) = name.rsplit_once('_')?;
            number.parse::<u32>().ok()?;
            self.members.get(format!("{stem}_*").as_str())
        };
        self.members.get(name).or_else(numbered)
    }

    /// Name of the function that stands in `cfi_stubs` for a member; None in kernels without stubs, for
    /// members that programs may attach to.
    pub(crate) fn stub(&self, member: &str) -> Option<String> {
        let named = self.member(member).and_then(|m| m.stub).map(str::to_owned);
        named.or_else(|| Some(format!("{}{member}", self.stubs?)))
    }

    /// Whether programs of a member sleep.
    pub(crate) fn sleep(&self, member: &str) -> Sleep {
        self.member(member)
            .and_then(|m| m.sleep)
            .unwrap_or(self.sleep)
    }

    /// Programs of a member have a private stack if the kernel has this function.
    pub(crate) fn private_stack(&self, member: &str) -> Option<&str> {
        self.member(member)?.private_stack
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
            self.kfuncs.iter().chain(of_member).any(|k| *k == name)
        };
        !self.refused.contains(&kfunc) && (lists(kfunc) || sets.any(lists))
    }
}

impl Lines for StructOpsTypes {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        match words.next().unwrap_or_default() {
            "type" => {
                self.last = words.next().ok_or("a type without a name")?;
                self.types.insert(self.last, read_type(words)?);
            }
            first => {
                let t = self.types.get_mut(self.last);
                let t = t.ok_or("a member before the first type")?;
                match first {
                    "refused" => t.refused.extend(words),
                    member => _ = t.members.insert(member, read_member(words)?),
                }
            }
        }
        Ok(())
    }
}

fn read_type(words: impl Iterator<Item = &'static str>) -> Result<StructOpsType, String> {
    let mut t = StructOpsType::default();
    for word in words {
        match pair(word)? {
            ("stubs", value) => t.stubs = Some(value),
            ("sleep", value) => t.sleep = read_sleep(value)?,
            ("helpers", value) => t.helpers = Some(value),
            ("writes", value) => t.writes = Some(value),
            ("promotes", value) => t.promotes = Some(read_two(value)?),
            ("kfuncs", value) => t.kfuncs = value.split(',').collect(),
            _ => return Err(format!("'{word}' is nothing of a type")),
        }
    }
    Ok(t)
}

fn read_member(words: impl Iterator<Item = &'static str>) -> Result<Member, String> {
    let mut m = Member::default();
    for word in words {
        match pair(word)? {
            ("stub", value) => m.stub = Some(value),
            ("sleep", value) => m.sleep = Some(read_sleep(value)?),
            ("private_stack", value) => m.private_stack = Some(value),
            ("argument", value) => {
                let (n, name) = read_two(value)?;
                let n = n.parse().map_err(|_| format!("'{n}' is no number"))?;
                m.argument = Some((n, name));
            }
            ("kfuncs", value) => m.kfuncs = value.split(',').collect(),
            _ => return Err(format!("'{word}' is nothing of a member")),
        }
    }
    Ok(m)
}

fn read_sleep(word: &str) -> Result<Sleep, String> {
    match word {
        "never" => Ok(Sleep::Never),
        "may" => Ok(Sleep::May),
        "must" => Ok(Sleep::Must),
        _ => Err(format!("'{word}' is neither never, may nor must")),
    }
}

fn read_two(words: &'static str) -> Result<(&'static str, &'static str), String> {
    words
        .split_once(':')
        .ok_or_else(|| format!("'{words}' is not two"))
}

#[cfg(test)]
mod tests {
    use crate::facts::release::linux_7_3::LINUX_7_3;

    #[test]
    fn a_member_is_known_by_name_and_by_number() {
        let t = LINUX_7_3.tables.struct_ops.find("bpf_testmod_ops");
        let t = t.expect("it is in the table");
        assert_eq!(t.stub("tramp_7").as_deref(), Some("bpf_testmod_tramp"));
        assert_eq!(t.stub("test_1").as_deref(), Some("bpf_testmod_test_1"));
        assert_eq!(
            t.stub("test_refcounted").as_deref(),
            Some("bpf_testmod_ops__test_refcounted")
        );
    }
}
