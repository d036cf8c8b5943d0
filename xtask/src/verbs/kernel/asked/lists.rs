// SPDX-License-Identifier: GPL-2.0-only
//! Lists that stand in a kernel's image: sets of functions and structures, arguments of hooks that are
//! more or less than BTF says, types of maps. In the words of the tables that have these names.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use bpf::btf::Btf;
use bpf::uapi::MapType;

use super::image::Image;
use super::layout::{Words, offset, size};
use super::rights::helpers;

/// How the symbol of a list of functions or structures begins.
const SET: &str = "__BTF_ID__set__";
/// Arguments that a hook may have.
const MOST_ARGS: u64 = 16;

/// `btf_sets.txt`: the lists that `frame`, the same of another kernel, names. A kernel lacks some.
pub(super) fn btf_sets(image: &Image, btf: &Btf, frame: &str) -> Result<String> {
    let mut table = String::new();
    let mut comment = "";
    for line in frame.lines() {
        if line.starts_with('#') {
            comment = line;
        }
        let Some(name) = line.strip_prefix("set ") else {
            continue;
        };
        let Some(at) = image.symbol(&format!("{SET}{name}")) else {
            continue;
        };
        let _ = writeln!(table, "\n{comment}\n{line}");
        let cut = || format!("the list {name} is cut short");
        let count = image.word(at).with_context(cut)?;
        let ids = image.words(at + 4, count as usize).with_context(cut)?;
        let mut names = Vec::new();
        // One that the configuration leaves out has no type.
        for id in ids.into_iter().filter(|id| *id != 0) {
            let found = btf.type_by_id(id);
            names.push(
                found
                    .with_context(|| format!("there is no type {id}"))?
                    .name(),
            );
        }
        names.sort_unstable();
        names.dedup();
        for name in names {
            let _ = writeln!(table, "  {name}");
        }
    }
    Ok(table)
}

/// `raw_tp_null_args.txt`; empty of a kernel that has no such list.
pub(super) fn raw_tp_null_args(image: &Image) -> Result<String> {
    let mut table = String::new();
    let Some(mut at) = image.symbol("raw_tp_null_args") else {
        return Ok(table);
    };
    let end = image.after(at);
    while at + 16 <= end {
        let name = image.pointer(at).and_then(|at| image.text(at));
        let mask = image.pointer(at + 8);
        let (Some(name), Some(mask)) = (name, mask) else {
            break;
        };
        let _ = writeln!(table, "{name} {mask:x}");
        at += 16;
    }
    Ok(table)
}

/// `iter_args.txt`: `ctx_arg_info` of each `struct bpf_iter_reg`.
pub(super) fn iter_args(image: &Image, btf: &Btf) -> Result<String> {
    let at = |member| offset(btf, "bpf_iter_reg", member);
    let (target, count, info) = (at("target")?, at("ctx_arg_info_size")?, at("ctx_arg_info")?);
    let of_info = |member| offset(btf, "bpf_ctx_arg_aux", member);
    let (place, typ) = (of_info("offset")?, of_info("reg_type")?);
    let step = size(btf, "bpf_ctx_arg_aux")?;
    let words = Words::of(btf, "bpf_reg_type", "")?;
    let mut lines = Vec::new();
    let named = |name: &str| name.ends_with("_reg_info") || name.ends_with("_iter_reg");
    for (symbol, at) in image.variables(named) {
        let name = image.pointer(at + target).and_then(|at| image.text(at));
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            continue;
        };
        let cut = || format!("{symbol} is cut short");
        let count = u64::from(image.word(at + count).with_context(cut)?);
        for index in 0..count.min(MOST_ARGS) {
            let one = at + info + index * step;
            let place = image.word(one + place).with_context(cut)?;
            let typ = image.word(one + typ).with_context(cut)?;
            let (base, modifiers) = words.split(typ).with_context(|| symbol.to_owned())?;
            let typ = [&[base], modifiers.as_slice()].concat().join("|");
            lines.push(format!("bpf_iter_{name} {place} {typ}\n"));
        }
    }
    lines.sort();
    Ok(lines.concat())
}

/// The types of maps that the kernel has.
pub(super) fn map_types(image: &Image) -> Result<Vec<MapType>> {
    let mut there = Vec::new();
    for map_type in MapType::ALL {
        if map_ops(image, *map_type)?.is_some() {
            there.push(*map_type);
        }
    }
    Ok(there)
}

/// Where a type's `struct bpf_map_ops` is.
fn map_ops(image: &Image, map_type: MapType) -> Result<Option<u64>> {
    let types = image.symbol("bpf_map_types");
    let types = types.context("the kernel shows no bpf_map_types")?;
    let slot = types + 8 * map_type as u64;
    let ops = image.pointer(slot).filter(|_| slot < image.after(types));
    Ok(ops.filter(|ops| *ops != 0))
}

/// `maps.txt`: what `frame`, the same of another kernel, says of who takes which map, and what this
/// kernel has of each type; programs that sleep may not use those of `awake`.
pub(super) fn maps(
    image: &Image,
    btf: &Btf,
    frame: &str,
    awake: &BTreeSet<MapType>,
) -> Result<String> {
    let at = |member| offset(btf, "bpf_map_ops", member);
    let (id, direct) = (at("map_btf_id")?, at("map_direct_value_addr")?);
    // Before 5.13 there is none.
    let for_each = at("map_for_each_callback").ok();
    let mut table = String::new();
    let helpers = helpers(btf)?;
    for line in frame.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (Some("map"), Some(name)) = (words.next(), words.next()) else {
            let helper = line.split(' ').nth(1).unwrap_or_default();
            if helper.is_empty() || helpers.iter().any(|(_, name)| name == helper) {
                table += &format!("{line}\n");
            }
            continue;
        };
        let full = format!("BPF_MAP_TYPE_{name}");
        let mut all = MapType::ALL.iter().copied();
        let map_type = all
            .find(|t| t.c_name() == full)
            .context("a map of no type")?;
        let Some(ops) = map_ops(image, map_type)? else {
            continue;
        };
        let _ = write!(table, "map {name}");
        let structure = image.pointer(ops + id).filter(|at| *at != 0);
        if let Some(id) = structure.and_then(|at| image.word(at))
            && let Some(structure) = btf.type_by_id(id)
        {
            let _ = write!(table, " struct={}", structure.name());
        }
        for (member, word) in [(Some(direct), "direct"), (for_each, "for_each")] {
            let function = member.and_then(|member| image.pointer(ops + member));
            if function.is_some_and(|function| function != 0) {
                let _ = write!(table, " {word}");
            }
        }
        let kept = |word: &&str| match *word {
            "sleepable" => !awake.contains(&map_type),
            word => word == "elide" || word.starts_with("helpers="),
        };
        for word in words.filter(kept) {
            let _ = write!(table, " {word}");
        }
        table.push('\n');
    }
    Ok(table)
}
