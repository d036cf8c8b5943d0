// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel data`: what `verifier-model` ships of the test kernel and the module, read off
//! their files.
//!
//! ```text
//! verifier-model/data/linux-7.3/vmlinux.btf.lzma           the kernel's types
//!                              /bpf_iter_cpumask.btf.lz4   the module's, on top of them
//!                              /config                     what the kernel is configured with
//!                              /kfuncs.txt                 kfuncs, their flags and hooks
//!                    modules/kfuncs.txt                    the same of the project's modules
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bpf::btf::Btf;
use bpf::kernel::kfuncs::{KfuncFlags, KfuncTable};
use object::{File, Object, ObjectKind, ObjectSection, ObjectSymbol};

use super::config;
use crate::build::module;
use crate::corpus::test_modules;
use crate::linux::kernel::Kernel;
use crate::linux::target::Target;
use crate::workshop::files::{self, make_dir, read_bytes};
use crate::workshop::project::Project;
use crate::workshop::run;

const DATA: &str = "verifier-model/data";
/// The project's modules, and what each registers its kfuncs for.
const MODULES: [(&str, &str); 3] = [
    ("kfunc", "TRACING,STRUCT_OPS,SYSCALL"),
    ("tests/example-kfunc", "COMMON"),
    ("bench/c-port", "COMMON"),
];

/// How the table of the modules begins.
const MODULES_HEAD: &str = "\
# SPDX-License-Identifier: GPL-2.0-only
# Kfuncs of this project's modules, the same on every kernel that loads them. Made by `cargo xtask kernel data`.
";

/// Writes the files.
pub(super) fn write(target: &Target<'_>) -> Result<()> {
    let Target {
        project, kernel, ..
    } = target;
    let data = project.checkout.join(DATA);
    let dir = data.join("linux-7.3");
    make_dir(&dir)?;
    let save = |path: &Path, bytes: &[u8]| -> Result<()> {
        files::write(path, bytes)?;
        println!("{} bytes in {}", bytes.len(), path.display());
        Ok(())
    };

    let vmlinux = Arc::new(Btf::from_file(kernel.btf(), None)?);
    save(&dir.join("vmlinux.btf.lzma"), &vmlinux.to_lzma()?)?;
    let modules = {
        let _lock = project.lock_products()?;
        [
            module::build(target)?,
            module::build_example(target)?,
            module::build_for_bench(target)?,
        ]
    };
    let btf = Btf::from_file(&modules[0], Some(vmlinux.clone()))?;
    save(&dir.join("bpf_iter_cpumask.btf.lz4"), &btf.to_lz4())?;

    save(&dir.join("config"), config::of(kernel)?.as_bytes())?;

    let mut of_modules = MODULES_HEAD.to_owned();
    for ((path, hooks), module) in MODULES.iter().zip(&modules) {
        for (name, kfuncs) in sets(module, &vmlinux)? {
            let _ = write!(
                of_modules,
                "\n# {path} of this project\nset {name} hooks={hooks}\n"
            );
            for (kfunc, flags) in kfuncs {
                of_modules += &line(&kfunc, flags);
            }
        }
    }
    save(&data.join("modules/kfuncs.txt"), of_modules.as_bytes())?;
    let mut table = from_sources(project, kernel)?;
    let mut in_ids = self::sets(&kernel.btf(), &vmlinux)?;
    for path in test_modules::build(target)? {
        in_ids.extend(self::sets(&path, &vmlinux)?);
    }
    let checked = complete(&mut table, &in_ids)?;
    save(&data.join("linux-7.3/kfuncs.txt"), table.as_bytes())?;
    println!("{checked} kfuncs of the kernel and its test modules have these flags in .BTF_ids");
    Ok(())
}

/// Name of a set → kfunc → flags.
type Sets = BTreeMap<String, BTreeMap<String, KfuncFlags>>;

/// The table of all configurations' kfuncs. Which programs a set is for is in code alone, so that it
/// is read off the sources.
fn from_sources(project: &Project, kernel: &Kernel) -> Result<String> {
    let source = kernel.build.join("source").canonicalize()?;
    let mut command = Command::new("cargo");
    command.current_dir(&project.checkout).args([
        "run",
        "--locked",
        "--quiet",
        "--package",
        "command",
        "--",
        "kfuncs",
    ]);
    run::output(command.arg(source))
}

/// The sets of kfuncs in a file's `.BTF_ids`, with the flags. The ids are of the file's own BTF, which
/// for a module has a base of its own, or else `vmlinux`.
fn sets(path: &Path, vmlinux: &Arc<Btf>) -> Result<Sets> {
    let data = read_bytes(path)?;
    let file = File::parse(&*data)?;
    let mut sets = BTreeMap::new();
    let Some(section) = file.section_by_name(".BTF_ids") else {
        return Ok(sets);
    };
    let ids = section.data()?;
    let data = |name| file.section_by_name(name).map(|section| section.data());
    let base = match data(".BTF.base").transpose()? {
        Some(base) => Some(Arc::new(Btf::parse(base, None)?)),
        // A module is yet to be linked, a kernel is.
        None => (file.kind() == ObjectKind::Relocatable).then(|| vmlinux.clone()),
    };
    let own = data(".BTF").with_context(|| format!("{} has no BTF", path.display()))??;
    let btf = Btf::parse(own, base)?;
    for symbol in file.symbols() {
        let Some(name) = symbol.name()?.strip_prefix("__BTF_ID__set8__") else {
            continue;
        };
        let start = usize::try_from(symbol.address() - section.address())?;
        let mut set = ids.get(start..).unwrap_or_default().as_chunks().0.iter();
        let mut word = || set.next().map(|word| u32::from_le_bytes(*word));
        let count = word().context("a set is cut short")?;
        // The set's own flags.
        word();
        let mut kfuncs = BTreeMap::new();
        for _ in 0..count {
            let (id, flags) = word().zip(word()).context("a set is cut short")?;
            if id == 0 {
                // The configuration leaves it out.
                continue;
            }
            let kfunc = btf.type_by_id(id).context("an id is no type's")?.name();
            let flags = KfuncFlags::from_bits(flags);
            let flags = flags.with_context(|| format!("{kfunc} has flags that nobody knows"))?;
            kfuncs.insert(kfunc.to_owned(), flags);
        }
        sets.insert(name.to_owned(), kfuncs);
    }
    Ok(sets)
}

/// Holds the table against sets of `.BTF_ids`, and adds what is in them alone: the sources list some
/// kfuncs by macros of their own. How many kfuncs are in both. Sets that are for something else, lists
/// of functions that may fail and the like, are not in the table.
fn complete(table: &mut String, sets: &Sets) -> Result<usize> {
    let read = KfuncTable::parse(table)?;
    let mut count = 0;
    for (name, kfuncs) in sets {
        let Some(known) = read.sets().iter().find(|set| set.name == *name) else {
            continue;
        };
        let mut missing = String::new();
        for (kfunc, flags) in kfuncs {
            match known.kfuncs.get(kfunc) {
                Some(read) => ensure!(
                    read == flags,
                    "{kfunc} of {name} has flags {}, the sources say {}",
                    words(*flags),
                    words(*read)
                ),
                None => missing += &line(kfunc, *flags),
            }
            count += 1;
        }
        let start = table.find(&format!("set {name} ")).unwrap_or_default();
        let end = table[start..]
            .find('\n')
            .map_or(table.len(), |at| start + at + 1);
        table.insert_str(end, &missing);
    }
    Ok(count)
}

/// `bpf_cpumask_acquire ACQUIRE|RET_NULL`.
fn line(kfunc: &str, flags: KfuncFlags) -> String {
    format!("{kfunc} {}", words(flags)).trim_end().to_owned() + "\n"
}

/// `ACQUIRE|RET_NULL`.
fn words(flags: KfuncFlags) -> String {
    let names: Vec<&str> = flags.iter_names().map(|(name, _)| name).collect();
    names.join("|")
}
