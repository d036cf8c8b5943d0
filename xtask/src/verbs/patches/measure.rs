// SPDX-License-Identifier: GPL-2.0-only
//! What the series adds to a kernel: the test kernel with and without it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use object::elf::SHF_ALLOC;
use object::{File, Object, ObjectSection, Section, SectionFlags, SectionKind};

use crate::build::initramfs;
use crate::guest::qemu::{Accel, Guest, MEMORY};
use crate::linux::kernel::Place;
use crate::linux::patches::series::IN_TREE;
use crate::linux::target::Target;
use crate::linux::test_kernel::Form;
use crate::workshop::files::read_bytes;
use crate::workshop::project::Project;

const LIMIT: Duration = Duration::from_secs(300);

/// A kernel's figures: all but the last in bytes.
struct Figures {
    /// The `.BTF` section of `vmlinux`.
    btf: u64,
    /// What of `vmlinux` is in memory.
    vmlinux: u64,
    /// The compressed image.
    image: u64,
    /// Code of the iterator.
    code: u64,
    /// What of the iterator's module is in memory, if it is one.
    module: u64,
    /// Instructions from the start of the kernel's clock to the first program.
    boot: u64,
}

/// Measures, and prints a table for the cover letter.
pub(super) fn run(project: &Project) -> Result<()> {
    let forms = [Form::Plain, Form::BuiltIn, Form::Module];
    let measured = forms.map(|form| -> Result<Figures> { figures(&Target::test(project, form)?) });
    let [base, built_in, module] = measured;
    print!("{}", table(&base?, &built_in?, &module?));
    Ok(())
}

fn table(base: &Figures, built_in: &Figures, module: &Figures) -> String {
    type Figure = fn(&Figures) -> u64;
    let rows: [(&str, Figure); 6] = [
        (".BTF", |figures| figures.btf),
        ("vmlinux", |figures| figures.vmlinux),
        ("bzImage", |figures| figures.image),
        ("iterator, code", |figures| figures.code),
        ("iterator, module", |figures| figures.module),
        ("boot, instructions", |figures| figures.boot),
    ];
    let mut table = format!("{:20}{:>14}{:>22}{:>22}\n", "", "base", "y", "m");
    for (name, figure) in rows {
        let base = figure(base);
        let cell = |figures| match figure(figures) {
            0 => "-".to_owned(),
            value if base == 0 => format!("{value}         "),
            value => {
                let growth = (value as f64 / base as f64 - 1.0) * 100.0;
                format!("{value} {growth:>+6.2} %")
            }
        };
        let none = if base == 0 {
            "-".to_owned()
        } else {
            base.to_string()
        };
        table += &format!(
            "{name:20}{none:>14}{:>22}{:>22}\n",
            cell(built_in),
            cell(module)
        );
    }
    table
}

fn figures(target: &Target<'_>) -> Result<Figures> {
    let kernel = &target.kernel;
    let main = kernel.build.join(IN_TREE).join("bpf_iter_cpumask_main.o");
    let image = fs::metadata(&kernel.image).context("there is no image")?;
    let vmlinux = kernel.build.join("vmlinux");
    Ok(Figures {
        btf: sizes(&vmlinux, |section| section.name() == Ok(".BTF"))?,
        vmlinux: sizes(&vmlinux, in_memory)?,
        image: image.len(),
        code: match main.exists() {
            true => sizes(&main, |section| section.kind() == SectionKind::Text)?,
            false => 0,
        },
        module: match kernel.iterator()? {
            Place::Module(module) => sizes(&module, in_memory)?,
            Place::Apart | Place::BuiltIn => 0,
        },
        boot: boot(target)?,
    })
}

fn in_memory(section: &Section<'_, '_>) -> bool {
    matches!(section.flags(), SectionFlags::Elf { sh_flags } if sh_flags & u64::from(SHF_ALLOC) != 0)
}

/// The sizes of the sections `wanted` of the file `path`, added up.
fn sizes(path: &Path, wanted: impl Fn(&Section<'_, '_>) -> bool) -> Result<u64> {
    let data = read_bytes(path)?;
    let file = File::parse(&*data).with_context(|| path.display().to_string())?;
    let sections = file.sections().filter(|section| wanted(section));
    Ok(sections.map(|section| section.size()).sum())
}

/// Boots with one CPU and no modules. The clock counts instructions.
fn boot(target: &Target<'_>) -> Result<u64> {
    let initramfs = initramfs::bare(target)?;
    let guest = Guest {
        target,
        initramfs: &initramfs,
        smp: "1",
        args: &["uptime".to_owned()],
        memory: MEMORY,
        known: &[],
        limit: LIMIT,
    };
    let name = format!("boot of {}", target.kernel.release);
    let ended = guest.collect_on(Accel::Icount, &name)?;
    let said = ended.output.trim();
    said.parse()
        .with_context(|| format!("the guest says what is no time: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_where_there_was_something() {
        let figures = |value, code| Figures {
            btf: value,
            vmlinux: value,
            image: value,
            code,
            module: 0,
            boot: value,
        };
        let table = table(&figures(1000, 0), &figures(1026, 930), &figures(990, 930));
        assert!(table.contains("1026  +2.60 %"), "{table}");
        assert!(table.contains("990  -1.00 %"), "{table}");
        let code = table
            .lines()
            .find(|line| line.starts_with("iterator, code"));
        assert!(code.is_some_and(|line| line.contains(" - ") && !line.contains('%')));
    }
}
