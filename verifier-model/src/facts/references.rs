// SPDX-License-Identifier: GPL-2.0-only
//! What tables say of each other: what one names is in the other, and what one defines is somebody's.
//!
//! Tables of different releases are not held against each other: what one of them names the other may
//! rightly not have.

use crate::facts::btf_struct_access::BY_PROG_TYPE;
use crate::facts::tables::Tables;

/// The first reference that leads nowhere, or the first thing that nothing refers to.
pub(crate) fn check(tables: &Tables) -> Result<(), String> {
    let of = |file: &'static str| file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let texts = tables.texts();
    let helpers = of(texts.helpers.file);
    let struct_ops = of(texts.struct_ops.file);
    if struct_ops == helpers {
        sets_of_helpers(tables)?;
    }
    if of(texts.maps.file) == helpers {
        helpers_of_maps(tables)?;
    }
    if struct_ops == of(texts.btf_struct_access.file) {
        writes_of_struct_ops(tables)?;
    }
    if struct_ops == of(texts.kfuncs.file) {
        kfuncs_of_struct_ops(tables)?;
    }
    Ok(())
}

fn sets_of_helpers(tables: &Tables) -> Result<(), String> {
    let (struct_ops, helpers) = (tables.struct_ops.read()?, tables.helpers.read()?);
    let named: Vec<_> = struct_ops.helper_sets().collect();
    if let Some(none) = named.iter().find(|set| helpers.set(set).is_none()) {
        return Err(format!(
            "struct_ops.txt: no set of helpers is called '{none}'"
        ));
    }
    if let Some(proto) = helpers.idle_proto() {
        return Err(format!(
            "helpers.txt: no helper has the prototype '{proto}'"
        ));
    }
    match helpers.orphan(&named) {
        Some(set) => Err(format!("helpers.txt: nobody has the set '{set}'")),
        None => Ok(()),
    }
}

fn helpers_of_maps(tables: &Tables) -> Result<(), String> {
    let (maps, helpers) = (tables.maps.read()?, tables.helpers.read()?);
    let mut named = maps.helpers();
    match named.find(|name| helpers.by_name(name).is_none()) {
        Some(none) => Err(format!("maps.txt: no helper is called '{none}'")),
        None => Ok(()),
    }
}

fn writes_of_struct_ops(tables: &Tables) -> Result<(), String> {
    let (struct_ops, writes) = (tables.struct_ops.read()?, tables.btf_struct_access.read()?);
    let named: Vec<_> = struct_ops.writes().chain(BY_PROG_TYPE).collect();
    if let Some(none) = named.iter().find(|name| writes.of(name).is_none()) {
        return Err(format!(
            "btf_struct_access.txt: there is no function '{none}', which struct_ops.txt or a type of \
             program names"
        ));
    }
    let mut defined = writes.functions();
    match defined.find(|name| !named.contains(name)) {
        Some(idle) => Err(format!("btf_struct_access.txt: nobody has '{idle}'")),
        None => Ok(()),
    }
}

fn kfuncs_of_struct_ops(tables: &Tables) -> Result<(), String> {
    let (struct_ops, kfuncs) = (tables.struct_ops.read()?, tables.kfuncs()?);
    let known = |name: &str| {
        let mut sets = kfuncs.sets().iter();
        sets.any(|set| set.name == name) || kfuncs.sets_of(name).next().is_some()
    };
    let mut named = struct_ops.kfuncs();
    match named.find(|name| !known(name)) {
        Some(none) => Err(format!(
            "struct_ops.txt: no kfunc, and no set of them, is called '{none}'"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tables::Texts;
    use crate::facts::texts::LINUX_7_3;

    /// What is wrong when `file` has `to` in the place of `from`.
    fn wrong(file: &str, from: &str, to: &str) -> String {
        let mut texts: Texts = LINUX_7_3;
        let old = [texts.helpers, texts.maps, texts.struct_ops];
        let old = old.into_iter().chain([texts.btf_struct_access]);
        let old = old.into_iter().find(|text| text.file.ends_with(file));
        let mut text = old.expect("a file");
        assert!(text.text.contains(from), "{from}");
        text.text = text.text.replacen(from, to, 1).leak();
        assert!(texts.set(file, text));
        let checked = check(&Tables::new(texts));
        checked.expect_err(&format!("{file} with {to:?}"))
    }

    #[test]
    fn what_comes_along_fits() {
        assert_eq!(check(&Tables::new(LINUX_7_3)), Ok(()));
    }

    #[test]
    fn what_is_named_is_there() {
        for (file, from, to, says) in [
            (
                "struct_ops.txt",
                "helpers=bpf_base_func_proto",
                "helpers=none",
                "no set of helpers is called 'none'",
            ),
            (
                "struct_ops.txt",
                "writes=bpf_scx_btf_struct_access",
                "writes=none",
                "there is no function 'none'",
            ),
            (
                "struct_ops.txt",
                "kfuncs=scx_kfunc_ids_any",
                "kfuncs=none",
                "is called 'none'",
            ),
            (
                "maps.txt",
                "helpers=tail_call",
                "helpers=none",
                "no helper is called 'none'",
            ),
            (
                "btf_struct_access.txt",
                "writes tc_cls_act_btf_struct_access",
                "writes none",
                "there is no function 'tc_cls_act_btf_struct_access'",
            ),
        ] {
            let said = wrong(file, from, to);
            assert!(said.contains(says), "{file}: {from}: {said}");
        }
    }

    #[test]
    fn what_is_defined_is_used() {
        for (file, from, to, says) in [
            (
                "helpers.txt",
                "set bpf_base_func_proto ",
                "set none then=\nset bpf_base_func_proto ",
                "nobody has the set 'none'",
            ),
            (
                "helpers.txt",
                "proto bpf_",
                "proto idle ret=INTEGER\nproto bpf_",
                "no helper has the prototype 'idle'",
            ),
            (
                "btf_struct_access.txt",
                "writes bpf_scx_btf",
                "writes none\nwrites bpf_scx_btf",
                "nobody has 'none'",
            ),
        ] {
            let said = wrong(file, from, to);
            assert!(said.contains(says), "{file}: {from}: {said}");
        }
    }
}
