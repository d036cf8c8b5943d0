// SPDX-License-Identifier: GPL-2.0-only
//! Kfuncs that may be called with a `bpf_spin_lock` held, of a kernel that has no flag for it.
//!
//! Before 7.3 the verifier has a list of its own: a function that asks others, and they compare with
//! members of `special_kfunc_list`.

use std::collections::BTreeSet;

/// Where the list begins: since 6.13, and before.
const ROOTS: [&str; 2] = ["kfunc_spin_allowed", "is_bpf_graph_api_kfunc"];

/// The kfuncs that `verifier`, the text of `kernel/bpf/verifier.c`, lists.
pub(crate) fn listed(verifier: &str) -> BTreeSet<&str> {
    let mut kfuncs = BTreeSet::new();
    let root = ROOTS
        .into_iter()
        .find(|root| body(verifier, root).is_some());
    let mut wanting: Vec<&str> = root.into_iter().collect();
    let mut asked = BTreeSet::new();
    while let Some(function) = wanting.pop() {
        if !asked.insert(function) {
            continue;
        }
        let body = body(verifier, function).unwrap_or_default();
        let members = body.split("special_kfunc_list[KF_").skip(1);
        kfuncs.extend(members.filter_map(|rest| Some(rest.split_once(']')?.0)));
        let words = body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        wanting.extend(words.filter(|word| word.starts_with("is_bpf_")));
    }
    kfuncs
}

/// What a function that answers yes or no does.
fn body<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("static bool {function}("))?;
    Some(rest.split_once("\n{\n")?.1.split_once("\n}\n")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_is_followed() {
        let text = "\
static bool is_bpf_list_api_kfunc(u32 id)
{
	return id == special_kfunc_list[KF_a] ||
	       id == special_kfunc_list[KF_b];
}

static bool is_bpf_graph_api_kfunc(u32 id)
{
	return is_bpf_list_api_kfunc(id) || id == special_kfunc_list[KF_c];
}

static bool is_bpf_other_kfunc(u32 id)
{
	return id == special_kfunc_list[KF_d];
}
";
        assert_eq!(listed(text), BTreeSet::from(["a", "b", "c"]));
        let newer = "
static bool kfunc_spin_allowed(u32 id)
{
	return is_bpf_graph_api_kfunc(id) || is_bpf_other_kfunc(id);
}
";
        let text = text.to_owned() + newer;
        assert_eq!(listed(&text), BTreeSet::from(["a", "b", "c", "d"]));
        assert_eq!(listed("int x;\n"), BTreeSet::new());
    }
}
