// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle --maps`: which maps the kernel makes, written down for the model's test.

use std::fmt::Write;
use std::path::Path;

use answers::{read_packed, write_packed};
use anyhow::{Context, Result, bail, ensure};
use generated::maps::{btf, cases};

use crate::build::initramfs;
use crate::corpus::ask;
use crate::linux::target::Target;
use crate::workshop::files::write;

/// Names of the errors that the kernel gives, as libbpf writes them.
const ERRNOS: [(i32, &str); 12] = [
    (0, "0"),
    (1, "-EPERM"),
    (2, "-ENOENT"),
    (7, "-E2BIG"),
    (9, "-EBADF"),
    (12, "-ENOMEM"),
    (13, "-EACCES"),
    (22, "-EINVAL"),
    (28, "-ENOSPC"),
    (34, "-ERANGE"),
    (95, "-EOPNOTSUPP"),
    (524, "-ENOTSUPP"),
];

const HEAD: &str = "\
# What the kernel says of maps, a line each: the numbers that verifier-model/generated/src/maps.rs tells
# of, and 0 or the error. Written by `cargo xtask oracle --maps`.
";

/// Asks, and writes the answers to a file in `directory`, or compares with what is written.
pub(super) fn run(target: &Target<'_>, directory: &Path, check: bool) -> Result<()> {
    let cases: Vec<String> = cases().iter().map(ToString::to_string).collect();
    let dir = target.project.products("maps")?;
    let (lines, types) = (dir.join("maps.txt"), dir.join("maps.btf"));
    write(&lines, cases.join("\n"))?;
    write(&types, btf())?;
    let base = initramfs::build(target)?;
    let said = ask::ask_maps(target, &base, &lines, &types)?;
    let answers: Vec<Option<i32>> = said
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no answer: {line}")))
        .collect::<Result<_>>()?;
    ensure!(
        answers.len() == cases.len(),
        "{} answers to {} maps",
        answers.len(),
        cases.len()
    );
    let mut text = HEAD.to_owned();
    let mut made = 0;
    for (case, answer) in cases.iter().zip(answers) {
        made += usize::from(answer == Some(0));
        let known = ERRNOS.iter().find(|(errno, _)| answer == Some(*errno));
        let name = match (known, answer) {
            (Some((_, name)), _) => *name,
            // There is no map to put inside.
            (None, None) => "-EBADF",
            (None, Some(errno)) => bail!("{case}: the error {errno} has no name"),
        };
        writeln!(text, "{case} {name}")?;
    }
    println!("{} maps, {made} are made", cases.len());
    let path = directory.join("maps.gz");
    if check {
        let kept = read_packed(&path)?;
        let differ = kept.lines().zip(text.lines()).filter(|(a, b)| a != b);
        let differ = differ.count() + kept.lines().count().abs_diff(text.lines().count());
        ensure!(differ == 0, "{differ} answers differ from the written ones");
        return Ok(());
    }
    write_packed(&path, &text)?;
    println!("  written to {}", path.display());
    Ok(())
}
