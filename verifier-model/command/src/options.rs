// SPDX-License-Identifier: GPL-2.0-only
//! The options of every command that verifies: what a file is, how its programs are loaded, and how
//! they are verified.
//!
//! They are one struct, so that an option that `check` takes means the same to `explain` and `graph`.
//! `compare` shares the kernel and the rules with them; the rest is as the kernel was asked, by root
//! in a guest. `fuzz` generates its programs together with their kernel and their rights.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bpf::kernel::Kernel;
use bpf::load::{
    Autoload, LoadError, Loader, Object, PrepareOptions, Prepared, SetAttachTarget, raw_program,
};
use bpf::program::ProgLoad;
use bpf::uapi::Insn;
use verifier_model::{Options, Release};

use crate::programs::has;
use crate::target::Target;
use crate::{file, kernel, loading, rights, rules};

/// `CONFIG_NR_CPUS` at its largest.
const MAX_CPUS: i64 = 8192;

/// How programs are loaded and verified.
#[derive(clap::Args)]
#[group(id = "options")]
pub(crate) struct Args {
    /// What a program attaches to, when its section does not say; PROG may be left out when only
    /// one program is looked at; may be given several times
    #[arg(long, value_name = "[PROG=]TARGET", value_parser = to_kernel, help_heading = "Program")]
    attach: Vec<Attachment>,
    /// The program that a program attaches to, one function of it (freplace, fentry, fexit); PROG
    /// as for --attach
    #[arg(long, value_name = "[PROG=]OBJECT:PROGRAM[:FUNCTION]", value_parser = to_program, help_heading = "Program")]
    target: Vec<Attachment>,
    /// Files are raw instructions, each of one program as in SEC("SECTION")
    #[arg(long, value_name = "SECTION", conflicts_with_all = ["attach", "target"], help_heading = "Program")]
    raw: Option<String>,
    #[command(flatten, next_help_heading = "Verifier")]
    rights: rights::Args,
    #[command(flatten, next_help_heading = "Verifier")]
    rules: rules::Args,
    /// Possible CPUs of the machine
    #[arg(long, value_name = "COUNT", default_value_t = Options::default().nr_cpu_ids, value_parser = clap::value_parser!(u32).range(1..=MAX_CPUS), help_heading = "Verifier")]
    cpus: u32,
    #[command(flatten, next_help_heading = "Loading")]
    loading: loading::Args,
    #[command(flatten, next_help_heading = "Kernel")]
    kernel: kernel::Args,
}

/// What is said of a program that does not come as far as the verifier.
pub(crate) fn not_loaded(loader: Loader, e: &LoadError) -> String {
    format!("{loader} does not load it: {e}")
}

/// `--attach` or `--target`.
#[derive(Clone, Debug)]
struct Attachment {
    /// The program that attaches; none where it is the only one that is looked at.
    prog: Option<String>,
    to: To,
}

#[derive(Clone, Debug)]
enum To {
    Kernel(String),
    Prog(Target),
}

fn to_kernel(arg: &str) -> Result<Attachment, String> {
    let (prog, target) = prog_and_rest(arg)?;
    let to = To::Kernel(target.to_owned());
    Ok(Attachment { prog, to })
}

fn to_program(arg: &str) -> Result<Attachment, String> {
    let (prog, target) = prog_and_rest(arg)?;
    let to = To::Prog(target.parse()?);
    Ok(Attachment { prog, to })
}

fn prog_and_rest(arg: &str) -> Result<(Option<String>, &str), String> {
    let (prog, rest) = match arg.split_once('=') {
        Some((prog, rest)) => (Some(prog.to_owned()), rest),
        None => (None, arg),
    };
    match rest.is_empty() || prog.as_deref() == Some("") {
        true => Err("write it as PROG=TARGET, or TARGET for the only program".into()),
        false => Ok((prog, rest)),
    }
}

/// A file that was read as the options say.
pub(crate) struct Input {
    /// Its name without directories.
    pub(crate) name: String,
    content: Content,
}

enum Content {
    Object(Box<Object>),
    Raw { insns: Vec<u8>, section: String },
}

impl Input {
    /// The object, if it is one.
    pub(crate) fn object(&self) -> Option<&Object> {
        match &self.content {
            Content::Object(object) => Some(object),
            Content::Raw { .. } => None,
        }
    }
}

impl Args {
    /// The kernel to check against.
    pub(crate) fn kernel(&self) -> Result<Kernel> {
        Ok(self.as_seen(self.kernel.read()?))
    }

    /// The kernel as the loader sees it.
    pub(crate) fn as_seen(&self, mut kernel: Kernel) -> Kernel {
        self.rights.limit(&mut kernel);
        kernel
    }

    /// How to verify.
    pub(crate) fn verifier(&self) -> Options {
        self.verifier_of(self.kernel.release())
    }

    /// How to verify as another release than that of the kernel.
    pub(crate) fn verifier_of(&self, release: &'static Release) -> Options {
        Options {
            profile: self.rules.profile(release.rules()),
            caps: self.rights.caps,
            mitigations: !self.rights.mitigations_off,
            nr_cpu_ids: self.cpus,
            // Some rejections have their message from the log, so that one is always kept.
            log_level: Options::LOG_STATS,
            ..Options::of(release)
        }
    }

    /// Reads a file: each object in it, in each configuration.
    pub(crate) fn read_all(&self, path: &Path) -> Result<Vec<Input>> {
        if let Some(section) = &self.raw {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let content = Content::Raw {
                insns: std::fs::read(path)?,
                section: section.clone(),
            };
            let name = name.into_owned();
            return Ok(vec![Input { name, content }]);
        }
        let mut inputs = Vec::new();
        for part in file::read(path)? {
            let configured = self.loading.open(&part.data, &part.name)?;
            inputs.extend(configured.into_iter().map(|(name, object)| Input {
                name,
                content: Content::Object(Box::new(object)),
            }));
        }
        Ok(inputs)
    }

    /// Reads a file of one object.
    pub(crate) fn read(&self, path: &Path) -> Result<Input> {
        let mut inputs = self.read_all(path)?;
        match inputs.len() {
            1 => Ok(inputs.remove(0)),
            _ => {
                let names: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
                bail!(
                    "say which one, FILE:OBJECT or a --rodata: {}",
                    names.join(", ")
                )
            }
        }
    }

    /// Programs of the file as they would be loaded, at least one.
    pub(crate) fn prepare(
        &self,
        input: &Input,
        kernel: &Kernel,
        which: Autoload<'_>,
    ) -> Result<Vec<Prepared>> {
        let object = match &input.content {
            Content::Object(object) => object,
            Content::Raw { insns, section } => {
                let load = Ok(raw(insns, &input.name, section, kernel)?);
                let name = input.name.clone();
                let loader = Loader::Auto;
                return Ok(vec![Prepared { name, loader, load }]);
            }
        };
        ensure!(
            object.programs().next().is_some(),
            "the object has no programs"
        );
        if let Autoload::Only(prog) = which {
            has(object, prog)?;
        }
        let options = PrepareOptions {
            attach_targets: self.attach_targets(object, kernel, &which)?,
            autoload: which,
            caps: self.rights.caps,
            ..PrepareOptions::default()
        };
        let progs: Vec<_> = object.prepare(kernel, &options)?.collect();
        ensure!(
            !progs.is_empty(),
            "no program is loaded by default, all are SEC(\"?…\"); try --all"
        );
        Ok(progs)
    }

    /// What programs attach to by `--attach` and `--target`.
    fn attach_targets(
        &self,
        object: &Object,
        kernel: &Kernel,
        which: &Autoload<'_>,
    ) -> Result<BTreeMap<String, SetAttachTarget>> {
        let mut targets = BTreeMap::new();
        for Attachment { prog, to } in self.attach.iter().chain(&self.target) {
            let prog = match prog {
                Some(prog) => prog.as_str(),
                None => only(object, which)
                    .context("--attach or --target: say of which program, as PROG=TARGET")?,
            };
            has(object, prog).context("--attach or --target")?;
            let target = match to {
                To::Kernel(name) => SetAttachTarget::Kernel(name.clone()),
                To::Prog(target) => target.read(kernel)?,
            };
            if targets.insert(prog.to_owned(), target).is_some() {
                bail!("--attach or --target: '{prog}' attaches to one thing only");
            }
        }
        Ok(targets)
    }
}

/// Opens an object; of a file that is none it says what is.
pub(crate) fn open(data: &[u8], name: &str) -> Result<Object> {
    Object::open(data, name).map_err(|e| match e {
        LoadError::Elf(_) => anyhow!(
            "{e}; objects are made by `clang -target bpf -g -O2 -c`, and --raw takes instructions alone"
        ),
        e => e.into(),
    })
}

/// A program of raw instructions; the file is named already.
fn raw(insns: &[u8], name: &str, section: &str, kernel: &Kernel) -> Result<ProgLoad> {
    ensure!(
        !insns.starts_with(b"\x7fELF"),
        "this is an object, not instructions alone: leave --raw out"
    );
    ensure!(
        !insns.is_empty() && insns.len().is_multiple_of(Insn::SIZE),
        "--raw takes whole instructions of {} bytes each, and the file has {} bytes",
        Insn::SIZE,
        insns.len()
    );
    raw_program(insns, name, section, kernel).map_err(|e| match e {
        LoadError::Prog { reason, .. } => {
            // The section is all that says what raw instructions attach to.
            let reason = reason.trim_end_matches("; give one with --attach");
            anyhow!(
                "--raw {section}: {reason}; write it as in SEC(\"…\"), such as tc or fentry/FUNCTION"
            )
        }
        e => e.into(),
    })
}

/// The program that is looked at, if it is one.
fn only<'a>(object: &'a Object, which: &Autoload<'a>) -> Option<&'a str> {
    let mut all = object.programs();
    match (which, all.next(), all.next()) {
        (Autoload::Only(prog), ..) => Some(prog),
        (_, Some(one), None) => Some(one.name),
        _ => None,
    }
}
