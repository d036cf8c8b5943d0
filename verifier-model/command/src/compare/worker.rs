// SPDX-License-Identifier: GPL-2.0-only
//! The process that verifies: a task a line comes in, what the model says goes out.

use std::io::{Write, stdin};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use answers::log::{self, Stats};
use answers::{Answer, Target};
use anyhow::Result;
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::load::LoadError;
use bpf::load::Object;
use bpf::load::SetAttachTarget;
use bpf::load::{Autoload, PrepareOptions};
use bpf::program::ProgLoad;
use serde::{Deserialize, Serialize};
use verifier_model::Options;
use verifier_model::Outcome;
use verifier_model::Verdict;
use verifier_model::verify;

/// What a worker says when it can be asked.
pub(super) const READY: &str = "ready";

/// One program to be verified.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Task {
    object: PathBuf,
    /// The program; none if the kernel's loader did not open the object.
    pub(super) program: Option<String>,
    core_btf: Option<PathBuf>,
    /// The object with what the program attaches to, and what that is.
    target: Option<(PathBuf, Target)>,
    /// CPUs of the guest.
    cpus: u32,
    log_level: u32,
}

/// What the model said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// The loader does not take it.
    NotLoaded(String),
    /// It needs this.
    NotModelled {
        what: String,
        log: String,
    },
    Accepted {
        stats: Stats,
        log: String,
    },
    Rejected {
        errno: i32,
        stats: Stats,
        log: String,
    },
    /// The model died of it.
    Crashed(String),
    /// It did not end in time.
    TimedOut,
}

impl Task {
    /// `objects` is the directory that the answer's object lies in.
    pub(super) fn new(objects: &Path, answer: &Answer, cpus: u32, log_level: u32) -> Self {
        let core_btf = answer.core_btf.as_ref();
        Self {
            object: objects.join(format!("{}.bpf.o", answer.object)),
            program: answer.program.clone(),
            core_btf: core_btf.map(|name| objects.join(format!("core-btf/{name}.bpf.o"))),
            target: answer.target.clone().map(|target| {
                let object = objects.join(format!("{}.bpf.o", target.object));
                (object, target)
            }),
            cpus,
            log_level,
        }
    }

    /// Whether the object is there at all.
    pub(super) fn has_object(&self) -> bool {
        self.object.exists()
    }

    fn verify(&self, kernel: &Kernel, options: &Options) -> Said {
        match self.try_verify(kernel, options) {
            Err(e) => Said::NotLoaded(format!("{e:#}")),
            Ok(verdict) => Said::from(verdict),
        }
    }

    fn try_verify(&self, kernel: &Kernel, options: &Options) -> Result<Verdict> {
        let core_btf = self.core_btf.as_ref();
        let core_btf = core_btf
            .map(|path| Btf::from_file(path, None))
            .transpose()?;
        let program = self.program.as_deref().unwrap_or_default();
        let mut prepare = PrepareOptions {
            core_btf: core_btf.map(Arc::new),
            caps: options.caps,
            ..PrepareOptions::default()
        };
        if let Some((object, target)) = &self.target {
            let bare = PrepareOptions {
                caps: options.caps,
                ..PrepareOptions::default()
            };
            let load = load(object, &target.program, kernel, bare)?;
            let target = SetAttachTarget::Prog(Arc::new(load), target.function.clone());
            prepare.attach_targets.insert(program.to_owned(), target);
        }
        let load = load(&self.object, program, kernel, prepare)?;
        let options = Options {
            nr_cpu_ids: self.cpus,
            log_level: self.log_level,
            ..options.clone()
        };
        let verdict = verify(&load, kernel, &options);
        if verdict.log.len() < log::ROOM {
            return Ok(verdict);
        }
        // As the kernel was asked.
        let statistics = Options {
            log_level: Options::LOG_STATS,
            ..options
        };
        Ok(verify(&load, kernel, &statistics))
    }
}

/// One program of an object.
fn load(
    path: &Path,
    program: &str,
    kernel: &Kernel,
    options: PrepareOptions<'_>,
) -> Result<ProgLoad> {
    let data = std::fs::read(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let object = Object::open(&data, &name)?;
    let options = PrepareOptions {
        autoload: Autoload::Only(program),
        ..options
    };
    let prog = object.prepare(kernel, &options)?.next().map(|p| p.load);
    Ok(prog.unwrap_or_else(|| Err(LoadError::Object("there is no such program".into())))?)
}

impl From<Verdict> for Said {
    fn from(verdict: Verdict) -> Self {
        let stats = Stats {
            insns: verdict.stats.insns_processed,
            max_states_per_insn: verdict.stats.max_states_per_insn,
            total_states: verdict.stats.total_states,
            peak_states: verdict.stats.peak_states,
            mark_read: 0,
        };
        let log = verdict.log;
        match verdict.outcome {
            Outcome::Accepted => Self::Accepted { stats, log },
            Outcome::Rejected(why) => Self::Rejected {
                errno: why.errno.0,
                stats,
                log,
            },
            Outcome::NotModelled(what) => Self::NotModelled { what, log },
        }
    }
}

/// Does the tasks that come in, one after another.
pub(super) fn serve(kernel: &Kernel, options: &Options, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{READY}")?;
    out.flush()?;
    for line in stdin().lines() {
        let task: Task = serde_json::from_str(&line?)?;
        let said = catch_unwind(AssertUnwindSafe(|| task.verify(kernel, options)));
        let said = said.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Said::Crashed(format!("panicked: {}", text.unwrap_or("without a word")))
        });
        serde_json::to_writer(&mut *out, &said)?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}
