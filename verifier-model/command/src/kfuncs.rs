// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model kfuncs`: reads the table of kfuncs off a kernel's source tree.
//!
//! The flags of kfuncs are not in BTF. They are in the `.BTF_ids` sections of a kernel with symbols,
//! but which programs a set is for is in code alone: calls of `register_btf_kfunc_id_set()`. So this
//! reads both off the sources, by their macros. What a configuration leaves out is in the table too;
//! it does no harm, since a kernel's BTF does not have those functions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bpf::kernel::kfuncs::{KfuncFlags, KfuncHook, KfuncTable};
use bpf::uapi::ProgType;

use crate::spinlock_safe;

const SELFTESTS: &str = "tools/testing/selftests/bpf";

#[derive(clap::Args)]
#[group(id = "kfuncs")]
pub(crate) struct Args {
    /// Root of the source tree; the test modules in `tools/testing/selftests/bpf` are read as well
    #[arg(value_name = "SOURCES")]
    root: PathBuf,
}

/// Whether a folder of the selftests has modules: before 6.14 each had one of its own.
fn is_of_modules(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name == "test_kmods" || name.starts_with("bpf_test")
}

pub(crate) fn run(args: &Args, to: &mut impl std::io::Write) -> Result<ExitCode> {
    let version = version(&args.root)?;
    let mut out = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\n\
         # Kfuncs of Linux {version}: read off the source tree's BTF_ID_FLAGS() and\n\
         # register_btf_kfunc_id_set() by `verifier-model kfuncs`, for any configuration.\n"
    );
    let mut files = Vec::new();
    for entry in sorted(&args.root)? {
        if entry.is_dir() && !entry.ends_with("Documentation") && !entry.ends_with("tools") {
            find_sources(&entry, &mut files)?;
        }
    }
    let selftests = args.root.join(SELFTESTS);
    if selftests.is_dir() {
        for entry in sorted(&selftests)? {
            if entry.is_dir() && is_of_modules(&entry) {
                find_sources(&entry, &mut files)?;
            }
        }
    }
    let verifier = args.root.join("kernel/bpf/verifier.c");
    let verifier = std::fs::read_to_string(verifier).unwrap_or_default();
    let spinlock_safe = spinlock_safe::listed(&verifier);
    for path in files {
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let text = String::from_utf8_lossy(&text);
        if text.contains("BTF_ID_FLAGS") {
            let name = path.strip_prefix(&args.root).unwrap_or(&path).display();
            let sets = read_sets(&without_comments(&text), &spinlock_safe);
            let sets = sets.with_context(|| name.to_string())?;
            if !sets.is_empty() {
                let _ = write!(out, "\n# {name}\n{sets}");
            }
        }
    }
    let table = KfuncTable::parse(&out)?;
    if table.sets().is_empty() {
        bail!("{}: no kfuncs are registered in it", args.root.display());
    }
    write!(to, "{out}")?;
    Ok(ExitCode::SUCCESS)
}

fn version(root: &Path) -> Result<String> {
    let path = root.join("Makefile");
    let makefile = std::fs::read_to_string(&path).with_context(|| {
        let root = root.display();
        format!("{root}: this is no kernel source tree, it has no Makefile")
    })?;
    let value = |name: &str| {
        let line = makefile
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(" = "));
        line.with_context(|| format!("{}: no {name}", path.display()))
    };
    let (version, patch, sub) = (value("VERSION")?, value("PATCHLEVEL")?, value("SUBLEVEL")?);
    Ok(format!("{version}.{patch}.{sub}"))
}

fn sorted(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut paths = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn find_sources(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in sorted(dir)? {
        if path.is_symlink() {
            continue;
        } else if path.is_dir() {
            find_sources(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "c") {
            files.push(path);
        }
    }
    Ok(())
}

/// The text without comments, and without directives: what a macro lists is not there to be read.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    let lines = out.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// The arguments of each call of a macro or function.
fn calls<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (usize, Vec<&'a str>)> {
    text.match_indices(name).filter_map(move |(at, _)| {
        let args = text[at + name.len()..].strip_prefix('(')?;
        let args = args.split_once(')')?.0;
        Some((at, args.split(',').map(str::trim).collect()))
    })
}

/// The sets of a file, as lines of the table; `spinlock_safe` are kfuncs whose flags do not say it.
fn read_sets(text: &str, spinlock_safe: &BTreeSet<&str>) -> Result<String> {
    let mut hooks: BTreeMap<&str, Vec<KfuncHook>> = BTreeMap::new();
    for (_, args) in calls(text, "register_btf_kfunc_id_set") {
        let [prog_type, set] = args[..] else { continue };
        let Some(set) = set.strip_prefix('&') else {
            continue;
        };
        let prog_type = ProgType::ALL.iter().find(|t| t.c_name() == prog_type);
        let prog_type = prog_type.with_context(|| format!("'{set}': unknown program type"))?;
        let hook = KfuncHook::of_prog_type(*prog_type);
        let hook = hook.with_context(|| format!("'{set}': the program type has no kfuncs"))?;
        let hooks = hooks.entry(set).or_default();
        if !hooks.contains(&hook) {
            hooks.push(hook);
        }
    }
    for (_, args) in calls(text, "register_btf_fmodret_id_set") {
        if let Some(set) = args.first().and_then(|set| set.strip_prefix('&')) {
            hooks.entry(set).or_default().push(KfuncHook::Fmodret);
        }
    }
    let mut out = String::new();
    for (kset, body) in kfunc_id_sets(text) {
        let field = |name: &str| {
            let value = body.split_once(name)?.1.split_once('=')?.1;
            Some(
                value
                    .split([',', '\n'])
                    .next()?
                    .trim()
                    .trim_start_matches('&'),
            )
        };
        let set = field(".set").with_context(|| format!("'{kset}' has no set"))?;
        let Some(hooks) = hooks.get(kset) else {
            continue;
        };
        let hooks: Vec<&str> = hooks.iter().map(|hook| hook.name()).collect();
        let _ = write!(out, "set {set} hooks={}", hooks.join(","));
        if let Some(filter) = field(".filter") {
            let _ = write!(out, " filter={filter}");
        }
        out.push('\n');
        for (name, mut flags) in functions(text, set)? {
            if spinlock_safe.contains(name) {
                flags |= KfuncFlags::SPINLOCK_SAFE;
            }
            let flags: Vec<&str> = flags.iter_names().map(|(name, _)| name).collect();
            let _ = writeln!(out, "{}", format!("{name} {}", flags.join("|")).trim_end());
        }
    }
    Ok(out)
}

/// Each `struct btf_kfunc_id_set NAME = { body }`.
fn kfunc_id_sets(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices("btf_kfunc_id_set ")
        .filter_map(|(at, found)| {
            let (name, rest) = text[at + found.len()..].split_once(" = {")?;
            let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            is_name.then_some((name, rest.split_once('}')?.0))
        })
}

fn functions<'a>(text: &'a str, set: &str) -> Result<Vec<(&'a str, KfuncFlags)>> {
    let edge = |name: &'a str| calls(text, name).find(|(_, args)| args[..] == [set]);
    let start = edge("BTF_KFUNCS_START").or_else(|| edge("BTF_SET8_START"));
    let end = edge("BTF_KFUNCS_END").or_else(|| edge("BTF_SET8_END"));
    let (Some((start, _)), Some((end, _))) = (start, end) else {
        bail!("set '{set}' is not in this file");
    };
    let mut functions = Vec::new();
    for (_, args) in calls(&text[start..end], "BTF_ID_FLAGS") {
        let [_, name, flags @ ..] = &args[..] else {
            bail!("set '{set}': a BTF_ID_FLAGS() without a name");
        };
        let mut all = KfuncFlags::empty();
        for flag in flags.iter().flat_map(|flags| flags.split('|')) {
            let flag = flag.trim();
            let known = flag.strip_prefix("KF_").and_then(KfuncFlags::from_name);
            all |= known.with_context(|| format!("'{name}': flag '{flag}' is not known"))?;
        }
        functions.push((*name, all));
    }
    Ok(functions)
}
