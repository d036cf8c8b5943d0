// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel data --kernel R`: what a model of a Debian kernel is made of, asked of the
//! kernel. Nothing of it is typed in. The files go to a directory that `verifier-model check --kernel`
//! takes, or are held against what the model ships.
//!
//! ```text
//! vmlinux.btf.lzma   the kernel's types, of the image
//! config             what it is configured with
//! kfuncs.txt         kfuncs, flags and filters of the image, hooks by probes
//! ```

mod check;
mod hooks;
mod image;
mod sets;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use bpf::btf::Btf;

use self::image::Image;
use self::sets::Set;
use super::config;
use crate::corpus::shown;
use crate::linux::image::point;
use crate::linux::release::Release;
use crate::linux::target::Target;
use crate::linux::test_kernel;
use crate::workshop::files::{make_dir, read, read_bytes, write};
use crate::workshop::project::Project;

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
    let kfuncs = kfuncs(&target, &btf, &sets::read(&image, &btf)?)?;
    match way {
        Way::Write(directory) => {
            let dir = match directory {
                Some(directory) => directory.to_path_buf(),
                None => target.products()?.join("data"),
            };
            make_dir(&dir)?;
            write(&dir.join("vmlinux.btf.lzma"), btf.to_lzma()?)?;
            write(&dir.join("config"), config)?;
            write(&dir.join("kfuncs.txt"), kfuncs)?;
            println!("{}", dir.display());
            Ok(())
        }
        Way::Check => hold(&shipped, &btf, &config, &kfuncs),
    }
}

/// Holds what is in the directory `shipped` against what the kernel says.
fn hold(shipped: &Path, btf: &Btf, config: &str, kfuncs: &str) -> Result<()> {
    let file = |name: &str| shipped.join(name);
    let mut differ = Vec::new();
    if read_bytes(&file("vmlinux.btf.lzma"))? != btf.to_lzma()? {
        differ.push("vmlinux.btf.lzma: other types".to_owned());
    }
    // Of a kernel whose configuration the archive has not got, none may be shipped.
    if file("config").exists() && read(&file("config"))? != config {
        differ.push("config: another configuration".to_owned());
    }
    if file("kfuncs.txt").exists() {
        let (wrong, same) = check::kfuncs(kfuncs, &read(&file("kfuncs.txt"))?)?;
        println!("{same} kfuncs of {} have these flags", shipped.display());
        differ.extend(wrong);
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
    let data = project.checkout.join("verifier-model/data");
    match series == test_kernel::RELEASE {
        true => data.join(format!("debian-{series}")),
        false => data.join(format!("linux-{series}")),
    }
}

/// The table of kfuncs, as `bpf::kernel::kfuncs` reads it.
fn kfuncs(target: &Target<'_>, btf: &Btf, sets: &[Set]) -> Result<String> {
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
