// SPDX-License-Identifier: GPL-2.0-only
//! One program, of an object or of raw instructions, as `graph` takes it.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use bpf::kernel::Kernel;
use bpf::load::{Autoload, Object, Prepared};
use verifier_model::Options;

use crate::options;
use crate::programs::names;

/// Which program, and how to verify it.
#[derive(clap::Args)]
#[group(id = "program")]
pub(crate) struct Args {
    /// BPF object
    object: PathBuf,
    /// Program in it; may be left out when there is only one
    #[arg(conflicts_with = "raw")]
    prog: Option<String>,
    #[command(flatten)]
    options: options::Args,
}

impl Args {
    /// The kernel to check against.
    pub(crate) fn kernel(&self) -> Result<Kernel> {
        self.options.kernel()
    }

    /// The file, for messages.
    pub(crate) fn file(&self) -> std::path::Display<'_> {
        self.object.display()
    }

    /// The program, as it would be loaded.
    pub(crate) fn prepare(&self, kernel: &Kernel) -> Result<Prepared> {
        self.read(kernel).with_context(|| self.file().to_string())
    }

    fn read(&self, kernel: &Kernel) -> Result<Prepared> {
        let input = self.options.read(&self.object)?;
        let which = match (&self.prog, input.object()) {
            (Some(prog), _) => Autoload::Only(prog),
            (None, Some(object)) => Autoload::Only(only(object)?),
            (None, None) => Autoload::Default,
        };
        let progs = self.options.prepare(&input, kernel, which)?;
        progs.into_iter().next().context("the file has no program")
    }

    /// How to verify.
    pub(crate) fn verifier(&self) -> Options {
        self.options.verifier()
    }
}

/// The object's only program.
fn only(object: &Object) -> Result<&str> {
    let mut all = object.programs();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only.name),
        (None, _) => bail!("the object has no programs"),
        _ => bail!("say which program: {}", names(object)),
    }
}
