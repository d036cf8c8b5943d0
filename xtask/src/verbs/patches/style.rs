// SPDX-License-Identifier: GPL-2.0-only
//! What `checkpatch.pl --strict` and rustfmt say of a patch.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::linux::patches::repository::Repository;
use crate::linux::patches::series::{DIR, Patch};
use crate::workshop::files::read;
use crate::workshop::project::Project;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// What checkpatch may say, and why it stands.
const EXPLAINED: &str = "checkpatch-explained";

/// The explanations of `linux-patches/checkpatch-explained`, and which of them were needed.
pub(super) struct Explained {
    lines: Vec<Explanation>,
    needed: BTreeSet<usize>,
}

/// A line of it: `TYPE path why`. A path that ends in `/` is all that lies below.
struct Explanation {
    kind: String,
    path: String,
    why: String,
}

impl Explained {
    /// Reads the list.
    pub(super) fn open(project: &Project) -> Result<Self> {
        Self::parse(&read(&project.checkout.join(DIR).join(EXPLAINED))?)
    }

    fn parse(text: &str) -> Result<Self> {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let mut words = line.splitn(3, ' ').map(str::to_owned);
                let (kind, path, why) = (words.next(), words.next(), words.next());
                let whole = || format!("{DIR}/{EXPLAINED}: not TYPE, path and why: {line}");
                Ok(Explanation {
                    kind: kind.with_context(whole)?,
                    path: path.with_context(whole)?,
                    why: why.with_context(whole)?,
                })
            });
        Ok(Self {
            lines: lines.collect::<Result<_>>()?,
            needed: BTreeSet::new(),
        })
    }

    /// Why checkpatch's `line`, as `path:LINE: LEVEL:TYPE: message`, may stand. Errors may not.
    fn of(&mut self, line: &str) -> Option<&str> {
        let (place, said) = line.split_once(": ")?;
        let (path, _) = place.rsplit_once(':')?;
        let (level, said) = said.split_once(':')?;
        let (kind, _) = said.split_once(':')?;
        let at = self.lines.iter().position(|explanation| {
            let below = explanation.path.ends_with('/') && path.starts_with(&explanation.path);
            explanation.kind == kind && (below || explanation.path == path)
        });
        let at = at.filter(|_| level != "ERROR")?;
        self.needed.insert(at);
        self.lines.get(at).map(|explanation| &*explanation.why)
    }

    /// Fails if there is one that no patch needs any more.
    pub(super) fn finish(&self) -> Result<()> {
        let unneeded = (0..self.lines.len()).find(|at| !self.needed.contains(at));
        if let Some(line) = unneeded.and_then(|at| self.lines.get(at)) {
            bail!(
                "{DIR}/{EXPLAINED}: checkpatch has nothing to say any more of type {} in {}",
                line.kind,
                line.path
            );
        }
        Ok(())
    }
}

/// Checks `patch`, which `repository` has applied. `base` has the tools' scripts and settings.
pub(super) fn check(
    toolchain: &Toolchain,
    base: &Path,
    repository: &Repository,
    patch: &Patch,
    explained: &mut Explained,
) -> Result<()> {
    checkpatch(toolchain, base, patch, explained)?;
    for touched in patch.touched().filter(|path| path.ends_with(".rs")) {
        let text = read(&repository.file(touched))?;
        let mut rustfmt = toolchain.command("rustfmt");
        rustfmt.args(["--check", "--config-path"]);
        rustfmt.arg(base.join(".rustfmt.toml"));
        // Given a file, it would follow its modules, of which most are not in the repository.
        if run::output_of(&mut rustfmt, &text).is_err() {
            bail!("{touched} is not as rustfmt writes it");
        }
    }
    Ok(())
}

fn checkpatch(
    toolchain: &Toolchain,
    base: &Path,
    patch: &Patch,
    explained: &mut Explained,
) -> Result<()> {
    let mut checkpatch = toolchain.command("env");
    checkpatch.arg("--chdir").arg(base);
    checkpatch.args(["perl", "scripts/checkpatch.pl", "--strict", "--terse"]);
    // The submitter signs off: `git am --signoff`.
    checkpatch.args(["--no-signoff"]);
    checkpatch.args(["--show-types", "--showfile", "--color=never"]);
    checkpatch.arg(&patch.path).stdin(Stdio::null());
    let output = checkpatch.output().context("cannot run checkpatch.pl")?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let Some((warnings, _)) = said.rsplit_once("total: ") else {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("checkpatch.pl: {}", said.lines().last().unwrap_or("silent"));
    };
    let mut unexplained = None;
    for line in warnings.lines() {
        match explained.of(line) {
            Some(why) => println!("  {line}\n    stands: {why}"),
            None => unexplained = unexplained.or(Some(line)),
        }
    }
    match unexplained {
        Some(line) => bail!("checkpatch.pl: {line}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_explained_stands_but_errors_do_not() {
        let text = "# TYPE path why\nSPACING a/ for one\nNR_CPUS b.c for another\n";
        let mut explained = Explained::parse(text).unwrap();
        for (line, why) in [
            ("a/x.c:3: CHECK:SPACING: space", Some("for one")),
            ("a/x.c:3: ERROR:SPACING: space", None),
            ("b/x.c:3: CHECK:SPACING: space", None),
            ("b.c:1: CHECK:SPACING: space", None),
            ("no line of checkpatch's", None),
        ] {
            assert_eq!(explained.of(line), why, "{line}");
        }
        let error = explained.finish().unwrap_err().to_string();
        assert!(error.contains("NR_CPUS in b.c"), "{error}");
        assert!(explained.of("b.c:1: WARNING:NR_CPUS: n").is_some());
        assert!(explained.finish().is_ok());
        assert!(Explained::parse("SPACING a").is_err());
    }
}
