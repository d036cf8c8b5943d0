// SPDX-License-Identifier: GPL-2.0-only
//! One program, of an object or of raw instructions, as `explain` and `graph` take it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use bpf::kernel::Kernel;
use bpf::load::Object;
use bpf::load::SetAttachTarget;
use bpf::load::raw_program;
use bpf::load::{Autoload, PrepareOptions};
use bpf::program::ProgLoad;
use verifier_model::Options;
use verifier_model::{Profile, Rule};

use crate::target::Target;
use crate::{kernel, verdict};

/// Which program, and how to verify it.
#[derive(clap::Args)]
#[group(id = "program")]
pub(crate) struct Args {
    /// BPF object
    object: PathBuf,
    /// Program in it; may be left out when there is only one
    prog: Option<String>,
    /// What the program attaches to, when its section does not say
    #[arg(long, value_name = "TARGET")]
    attach: Option<String>,
    /// The program that the program attaches to, one function of it
    #[arg(
        long,
        value_name = "OBJECT:PROGRAM[:FUNCTION]",
        conflicts_with = "attach"
    )]
    target: Option<Target>,
    /// The file is raw instructions, of a program as in SEC("SECTION")
    #[arg(long, value_name = "SECTION", conflicts_with_all = ["prog", "attach", "target"])]
    raw: Option<String>,
    /// Verify as before a rule was made (see `verifier-model rules`); may be given several times
    #[arg(long, value_name = "RULE", value_parser = verdict::rule)]
    without: Vec<Rule>,
    /// Load without CAP_BPF and CAP_PERFMON, into a kernel that lets anybody load programs
    #[arg(long)]
    unprivileged: bool,
    #[command(flatten, next_help_heading = "Kernel")]
    kernel: kernel::Args,
}

impl Args {
    /// The kernel to check against.
    pub(crate) fn kernel(&self) -> Result<Kernel> {
        self.kernel.read()
    }

    /// The program, as it would be loaded.
    pub(crate) fn load(&self, kernel: &Kernel) -> Result<ProgLoad> {
        self.read(kernel)
            .with_context(|| self.object.display().to_string())
    }

    fn read(&self, kernel: &Kernel) -> Result<ProgLoad> {
        let data = std::fs::read(&self.object)?;
        let file = self.object.file_name().unwrap_or_default();
        let file = file.to_string_lossy();
        if let Some(section) = &self.raw {
            return Ok(raw_program(&data, &file, section, kernel)?);
        }
        let object = Object::open(&data, &file)?;
        let names: Vec<_> = object.programs().map(|p| p.name.to_owned()).collect();
        let prog = match (&self.prog, &names[..]) {
            (Some(prog), _) => prog.clone(),
            (None, [only]) => only.clone(),
            (None, []) => bail!("the object has no programs"),
            (None, all) => bail!("say which program: {}", all.join(", ")),
        };
        let target = match &self.target {
            Some(target) => Some(target.read(kernel)?),
            None => self.attach.clone().map(SetAttachTarget::Kernel),
        };
        let options = PrepareOptions {
            autoload: Autoload::Only(&prog),
            attach_targets: target
                .map(|t| (prog.clone(), t))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            ..PrepareOptions::default()
        };
        let mut prepared = object.prepare(kernel, &options)?;
        let one = prepared
            .next()
            .with_context(|| format!("the object has no program '{prog}'"))?;
        one.load
            .map_err(|e| anyhow!("'{prog}' cannot be loaded: {e}"))
    }

    /// How to verify.
    pub(crate) fn options(&self) -> Options {
        let without = self.without.iter().copied();
        Options {
            profile: without.fold(Profile::V7_3, Profile::without),
            privileged: !self.unprivileged,
            ..Options::default()
        }
    }
}
