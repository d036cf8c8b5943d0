// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask pages`: the pages of `verifier-model explain --html`, in a real browser.

mod checks;
mod pictures;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::suite::Tally;
use crate::workshop::browser::Browser;
use crate::workshop::files::make_dir;
use crate::workshop::project::Project;

/// `cargo xtask pages`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Make the README's pictures anew, in place of the tests.
    #[arg(long)]
    pictures: bool,
}

/// Runs the verb; the last line tells the sum.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    if args.pictures {
        return pictures::make(&Pages::new(project)?, &mut Browser::start(project)?);
    }
    let mut tally = Tally::default();
    for (name, failure) in tests(project)? {
        tally.test(&name, failure.as_deref());
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("not all tests pass");
    }
    Ok(())
}

/// The tests by name, each with why it failed, if it did.
fn tests(project: &Project) -> Result<Vec<(String, Option<String>)>> {
    checks::run(&Pages::new(project)?, &mut Browser::start(project)?)
}

/// Makes pages.
struct Pages<'a> {
    project: &'a Project,
    /// Where they are written.
    dir: PathBuf,
}

impl<'a> Pages<'a> {
    /// Builds the command that writes them.
    fn new(project: &'a Project) -> Result<Self> {
        let mut build = Command::new("cargo");
        build.current_dir(&project.checkout);
        build.args(["build", "--locked", "-p", "command"]);
        project.runner.run("build of the command", build)?;
        let dir = project.products("pages")?;
        make_dir(&dir)?;
        Ok(Self { project, dir })
    }

    /// The page of a program of one of the objects in `tests/explain`.
    fn of(&self, object: &str, program: &str) -> Result<PathBuf> {
        let page = self.dir.join(format!("{object}.{program}.html"));
        let checkout = &self.project.checkout;
        let mut command = Command::new(checkout.join("target/debug/verifier-model"));
        command.current_dir(checkout.join("verifier-model/tests/explain"));
        command.args(["explain", &format!("{object}.elf"), program, "--html"]);
        let output = command.arg(&page).output().context("cannot run it")?;
        // 1 is that of a rejected program.
        if !matches!(output.status.code(), Some(0 | 1)) {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(page)
    }

    /// Where the README's pictures are.
    fn pictures(&self) -> PathBuf {
        self.project.checkout.join("docs/pictures")
    }
}
