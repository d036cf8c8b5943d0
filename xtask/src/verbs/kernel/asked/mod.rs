// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel data --kernel R`: what a model of a Debian kernel is made of, asked of the
//! kernel. Nothing of it is typed in.
//!
//! ```text
//! verifier-model/data/linux-6.12/vmlinux.btf.lz4   the kernel's types, of the image
//!                               /config            what it is configured with
//!                               /kfuncs.txt        kfuncs and flags of the image, hooks by probes
//! ```

mod hooks;
mod image;
mod sets;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bpf::btf::Btf;

use self::image::Image;
use self::sets::Set;
use super::config;
use crate::corpus::shown;
use crate::linux::image::point;
use crate::linux::release::Release;
use crate::linux::target::Target;
use crate::linux::test_kernel;
use crate::workshop::files::{make_dir, write};
use crate::workshop::project::Project;

/// Writes the files of Debian's kernel of `series`, below `output` or where the model has them.
pub(super) fn run(project: &Project, series: Release, output: Option<&Path>) -> Result<()> {
    let target = Target::image(project, series)?;
    let dir = output.map_or_else(|| place(project, series), Path::to_path_buf);
    make_dir(&dir)?;
    let save = |name: &str, bytes: &[u8]| -> Result<()> {
        let path = dir.join(name);
        write(&path, bytes)?;
        println!("{} bytes in {}", bytes.len(), path.display());
        Ok(())
    };
    let kernel = &target.kernel;
    let btf = Btf::from_file(kernel.btf(), None)?;
    save("vmlinux.btf.lz4", &btf.to_lz4())?;
    save("config", config::of(kernel)?.as_bytes())?;
    let image = Image::open(&kernel.btf(), &shown::kallsyms(&target)?)?;
    let sets = sets::read(&image, &btf)?;
    let table = kfuncs(&target, &btf, &sets)?;
    save("kfuncs.txt", table.as_bytes())
}

/// There is a test kernel of the newest release, whose data has its name.
fn place(project: &Project, series: Release) -> PathBuf {
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
