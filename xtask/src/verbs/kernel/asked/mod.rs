// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel data --kernel R`: what a model of a Debian kernel is made of, asked of the
//! kernel. Nothing of it is typed in. The files go to a directory that `verifier-model check --kernel`
//! takes, or are held against what the model ships.
//!
//! ```text
//! vmlinux.btf.lzma   the kernel's types, of the image
//! config             what it is configured with
//! kfuncs.txt         kfuncs, flags and filters of the image, hooks and who comes by them by probes
//! helpers.txt        helpers, prototypes of the image, who may call them by probes
//! struct_ops.txt     struct_ops types of the frame that the kernel has
//! no_address         functions that the types have and the symbols have not
//! btf_sets.txt  raw_tp_null_args.txt  iter_args.txt  maps.txt   of the image
//! ```
//!
//! The frame is the release that the others are told of, whose tables are written by hand: it gives the
//! names of the sets, and what is in a kernel's code alone and cannot be asked.

mod check;
mod filters;
mod frame;
mod helpers;
mod hooks;
mod image;
mod layout;
mod lists;
mod members;
mod protos;
mod rights;
mod sets;
mod sleepable;
mod struct_ops;
mod tables;
mod types;
mod words;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use bpf::btf::{Btf, Kind};
use bpf::kernel::Kernel;
use bpf::kernel::kfuncs::KfuncTable;

use self::hooks::STRUCT_OPS;
use self::image::Image;
use self::members::Guarded;
use self::sets::Set;
use super::config;
use crate::corpus::shown;
use crate::linux::image::point;
use crate::linux::release::Release;
use crate::linux::target::Target;
use crate::linux::test_kernel;
use crate::workshop::files::{make_dir, read, read_bytes, write};
use crate::workshop::project::Project;

/// Where what the model ships is.
const DATA: &str = "verifier-model/data";
/// The release that others are told of.
const FRAME: &str = "linux-7.3";

/// The kernel's own kfuncs.
struct Own {
    /// As the table has them.
    kfuncs: KfuncTable,
    /// As the image has them.
    sets: Vec<Set>,
    /// Those that a filter lets members of struct_ops types call.
    guarded: Guarded,
}

/// What is done with what the kernel says.
pub(super) enum Way<'a> {
    /// It is written to this directory, or the one for what belongs to the kernel.
    Write(Option<&'a Path>),
    /// What is shipped is held against it.
    Check,
}

/// Asks Debian's kernel of `series`.
pub(super) fn run(project: &Project, series: Release, way: &Way<'_>) -> Result<()> {
    let shipped = shipped(project, series);
    if matches!(way, Way::Check) && !shipped.is_dir() {
        bail!(
            "nothing is shipped of {series}: {} is absent",
            shipped.display()
        );
    }
    let target = Target::image(project, series)?;
    let kernel = &target.kernel;
    let btf = Btf::from_file(kernel.btf(), None)?;
    let config = config::of(kernel)?;
    let image = Image::open(&kernel.btf(), &shown::kallsyms(&target)?)?;
    // What is in the image first: it costs nothing.
    for message in words::lacking(&image, &project.checkout.join(DATA), series)? {
        println!("not in the image: {message}");
    }
    let sets = sets::read(&image, &btf)?;
    let mut model = Kernel::new(Arc::new(btf));
    model.read_config(&config);
    let frame = project.checkout.join(DATA).join(FRAME);
    let btf = &model.vmlinux;
    let guarded = members::ask(&target, btf, &sets)?;
    let kfuncs = kfuncs(&target, btf, &sets, &guarded)?;
    let own = Own {
        kfuncs: KfuncTable::parse(&kfuncs)?,
        sets,
        guarded,
    };
    let mut tables = tables::ask(&target, &image, &model, &frame, &own)?;
    for line in &tables.unsaid {
        println!("not said: {line}");
    }
    tables.files.push(("kfuncs.txt", kfuncs));
    tables.files.push(("no_address", no_address(&image, btf)));
    match way {
        Way::Write(directory) => {
            let dir = match directory {
                Some(directory) => directory.to_path_buf(),
                None => target.products()?.join("data"),
            };
            make_dir(&dir)?;
            write(&dir.join("vmlinux.btf.lzma"), btf.to_lzma()?)?;
            write(&dir.join("config"), config)?;
            for (name, table) in &tables.files {
                write(&dir.join(name), table)?;
            }
            println!("{}", dir.display());
            Ok(())
        }
        Way::Check => hold(&shipped, btf, &config, &tables.files),
    }
}

/// Functions that cannot be attached to for want of an address: they were inlined everywhere, or are
/// called something else.
fn no_address(image: &Image, btf: &Btf) -> String {
    let functions = btf.types().filter(|t| t.kind() == Kind::Func);
    let names: BTreeSet<&str> = functions
        .map(|function| function.name())
        .filter(|name| image.symbol(name).is_none())
        .collect();
    let mut text = String::from("# Functions that have types and no address.\n");
    for name in names {
        text += name;
        text.push('\n');
    }
    text
}

/// Holds what is in the directory `shipped` against what the kernel says.
fn hold(shipped: &Path, btf: &Btf, config: &str, tables: &[(&'static str, String)]) -> Result<()> {
    let file = |name: &str| shipped.join(name);
    let mut differ = Vec::new();
    if read_bytes(&file("vmlinux.btf.lzma"))? != btf.to_lzma()? {
        differ.push("vmlinux.btf.lzma: other types".to_owned());
    }
    // Of a kernel whose configuration the archive has not got, none may be shipped.
    if file("config").exists() && read(&file("config"))? != config {
        differ.push("config: another configuration".to_owned());
    }
    for (name, asked) in tables.iter().filter(|(name, _)| file(name).exists()) {
        let known = read(&file(name))?;
        if *name == "kfuncs.txt" {
            let (wrong, same) = check::kfuncs(asked, &known)?;
            println!("{same} kfuncs of {} have these flags", shipped.display());
            differ.extend(wrong);
        } else {
            differ.extend(check::lines(name, asked, &known));
        }
    }
    for line in &differ {
        println!("  {line}");
    }
    match differ.len() {
        0 => Ok(()),
        count => bail!("{count} differences between what is shipped and what the kernel says"),
    }
}

/// The directory with what the model ships of Debian's kernel of `series`. There is a test kernel of
/// the newest release, whose data has its name.
fn shipped(project: &Project, series: Release) -> PathBuf {
    let data = project.checkout.join(DATA);
    match series == test_kernel::RELEASE {
        true => data.join(format!("debian-{series}")),
        false => data.join(format!("linux-{series}")),
    }
}

/// The table of kfuncs, as `bpf::kernel::kfuncs` reads it.
fn kfuncs(target: &Target<'_>, btf: &Btf, sets: &[Set], guarded: &Guarded) -> Result<String> {
    let mut table = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\n\
         # Kfuncs of Linux {} ({}), asked of the kernel by `cargo xtask kernel data`: flags of its\n\
         # .BTF_ids, filters of its btf_kfunc_id_sets, hooks by a call of each from each kind of program.\n",
        point(&target.kernel),
        target.kernel.release
    );
    if sets.is_empty() {
        return Ok(table);
    }
    let allowed = hooks::ask(target, btf, sets)?;
    table += &types::ask(target, btf, sets, &allowed)?;
    let guarded = guarded.kfuncs().map(|kfunc| (STRUCT_OPS, kfunc.clone()));
    let allowed = allowed.into_iter().chain(guarded).collect();
    for set in sets {
        let hooks = hooks::of(set, sets, &allowed);
        // Lists of functions for other ends look like sets of kfuncs.
        if hooks.is_empty() {
            continue;
        }
        let filter = set.filter.iter().map(|filter| format!(" filter={filter}"));
        let filter: String = filter.collect();
        let _ = writeln!(
            table,
            "\nset {} hooks={}{filter}",
            set.name,
            hooks.join(",")
        );
        for (kfunc, flags) in &set.kfuncs {
            let line = format!("{kfunc} {}", sets::words(*flags)?);
            let _ = writeln!(table, "{}", line.trim_end());
        }
    }
    Ok(table)
}
