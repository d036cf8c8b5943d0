// SPDX-License-Identifier: GPL-2.0-only
//! The tables of a kernel: all that is in its image or is asked of it in a few boots.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use bpf::btf::{Btf, Kind};
use bpf::kernel::Kernel;
use bpf::kernel::kfuncs::KfuncTable;

use super::frame::Frame;
use super::helpers::{self, Said};
use super::image::Image;
use super::{filters, lists, protos, rights, sleepable};
use crate::linux::image::point;
use crate::linux::target::Target;
use crate::workshop::files::read;

/// What a struct_ops type of a selftest's module begins with: the kernel's types do not have it.
const TESTS: &str = "bpf_testmod";

/// Tables by file name, and what there are no words for.
pub(super) struct Tables {
    /// Text by the name of the file.
    pub(super) files: Vec<(&'static str, String)>,
    /// What is not in them and should be.
    pub(super) unsaid: Vec<String>,
}

/// Asks `target`; `frame` is the directory of the release that others are told of, `kfuncs` what the
/// kernel itself has of these.
pub(super) fn ask(
    target: &Target<'_>,
    image: &Image,
    model: &Kernel,
    frame: &Path,
    kfuncs: &KfuncTable,
) -> Result<Tables> {
    let btf = &model.vmlinux;
    let of_frame = |name: &str| read(&frame.join(name));
    let release = format!(
        "Linux {} ({})",
        point(&target.kernel),
        target.kernel.release
    );
    let head = |what: &str| {
        format!(
            "# SPDX-License-Identifier: GPL-2.0-only\n# {what} of {release}: `cargo xtask kernel data`.\n"
        )
    };
    let struct_ops = of_frame("struct_ops.txt")?;
    let awake = sleepable::refused(target, &lists::map_types(image)?)?;
    // What is in the image first: it costs nothing.
    let mut files = vec![
        (
            "btf_sets.txt",
            head("Lists of functions and structures")
                + &lists::btf_sets(image, btf, &of_frame("btf_sets.txt")?)?,
        ),
        (
            "raw_tp_null_args.txt",
            head("Arguments of raw tracepoints that may be NULL or an error")
                + &lists::raw_tp_null_args(image)?,
        ),
        (
            "iter_args.txt",
            head("Arguments of BPF iterators") + &lists::iter_args(image, btf)?,
        ),
        (
            "maps.txt",
            head("Types of maps") + &lists::maps(image, btf, &of_frame("maps.txt")?, &awake)?,
        ),
    ];
    let text = of_frame("helpers.txt")?;
    let told = helpers(target, image, model, &text, &struct_ops)?;
    let struct_ops = self::struct_ops(btf, &struct_ops, &told.of_struct_ops);
    let struct_ops = filters::kept(&struct_ops, kfuncs);
    files.push(("helpers.txt", head("Helpers") + &told.helpers));
    files.push(("struct_ops.txt", head("struct_ops types") + &struct_ops));
    Ok(Tables {
        files,
        unsaid: told.unsaid,
    })
}

fn helpers(
    target: &Target<'_>,
    image: &Image,
    model: &Kernel,
    frame: &str,
    struct_ops: &str,
) -> Result<helpers::Tables> {
    let helpers = rights::helpers(&model.vmlinux)?;
    let protos = protos::read(image, &model.vmlinux)?;
    let rights = rights::ask(target, model, &helpers)?;
    let said = Said {
        helpers: &helpers,
        protos: &protos,
        rights: &rights,
    };
    Ok(helpers::write(
        &said,
        &Frame::parse(frame)?,
        &sets(struct_ops),
    ))
}

/// The set of helpers of each type in `struct_ops.txt` that has one.
fn sets(struct_ops: &str) -> BTreeMap<String, String> {
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

/// `struct_ops.txt`: of the frame's types those that the kernel has, with its sets of helpers.
fn struct_ops(btf: &Btf, frame: &str, sets: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    // The type that the lines are about, if they are to stay.
    let mut current = None;
    for line in frame.lines().filter(|line| !line.starts_with('#')) {
        if let Some(rest) = line.strip_prefix("type ") {
            let name = rest.split(' ').next().unwrap_or_default();
            let there = btf.find_by_name_kind(&format!("bpf_struct_ops_{name}"), Kind::Struct);
            current = (there.is_some() || name.starts_with(TESTS)).then_some(name);
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
