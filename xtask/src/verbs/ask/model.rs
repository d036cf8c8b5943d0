// SPDX-License-Identifier: GPL-2.0-only
//! The model's answers, beside the kernel's: with the asked kernel's types and configuration.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bpf::kernel::Kernel;
use bpf::load::{Autoload, Loader, Object, PrepareOptions};
use verifier_model::{Options, Outcome, Release, verify};

use super::column::{Cell, Said};
use crate::corpus::modelled;
use crate::corpus::survey::{Reply, Survey};
use crate::linux::target::Target;
use crate::workshop::files::read_bytes;

/// Puts the model's answer beside each of the kernel's.
pub(super) fn beside(
    target: &Target<'_>,
    survey: &Survey,
    replies: Vec<Reply>,
) -> Result<Vec<Cell>> {
    let model = Model::of(target, &survey.modules)?;
    let mut objects = BTreeMap::new();
    for (name, path) in &survey.objects {
        let file = path.file_name().context("an object has a name")?;
        let data = read_bytes(path)?;
        let object = Object::open(&data, &file.to_string_lossy()).map_err(|e| e.to_string());
        objects.insert(name.as_str(), object);
    }
    let mut all = Vec::new();
    for reply in replies {
        let said = match objects.get(reply.answer.object.as_str()) {
            Some(Ok(object)) => {
                let program = reply.answer.program.as_deref().unwrap_or_default();
                let said = catch_unwind(AssertUnwindSafe(|| model.say(object, program)));
                said.unwrap_or_else(|_| Said::Unknown("it panicked".to_owned()))
            }
            Some(Err(why)) => Said::NotLoaded(why.clone()),
            None => Said::Unknown("there is no such object".to_owned()),
        };
        all.push(Cell {
            reply,
            model: Some(said),
        });
    }
    Ok(all)
}

/// Of each program how many instructions the verifier looks at, or why it is refused.
pub(in crate::verbs) type Foretold = Vec<(String, Result<u32, String>)>;

/// Who loads an object, and the variables that are set before.
#[derive(Default)]
pub(in crate::verbs) struct Told<'a> {
    pub(in crate::verbs) loader: Loader,
    pub(in crate::verbs) variables: &'a [(&'a str, &'a str)],
}

/// The model of the asked kernel.
pub(in crate::verbs) struct Model {
    kernel: Kernel,
    release: &'static Release,
}

impl Model {
    /// With the kernel's own types and configuration, and the types of `modules`.
    pub(in crate::verbs) fn of(target: &Target<'_>, modules: &[PathBuf]) -> Result<Self> {
        let release = modelled::release(target);
        let kernel = modelled::kernel(target, release, modules)?;
        Ok(Self { kernel, release })
    }

    /// What it says of each program of an object: how many instructions the verifier looks at, or why
    /// it does not take it.
    pub(in crate::verbs) fn foretell(&self, path: &Path, told: &Told<'_>) -> Result<Foretold> {
        let file = path.file_name().context("an object has a name")?;
        let data = read_bytes(path)?;
        let mut object = Object::open_for(&data, &file.to_string_lossy(), told.loader)?;
        for (name, value) in told.variables {
            object.set_variable(name, value)?;
        }
        let said = object.programs().map(|program| {
            let said = match self.say(&object, program.name) {
                Said::Accepted(insns) => Ok(insns),
                Said::Rejected(why) | Said::NotLoaded(why) | Said::Unknown(why) => Err(why),
            };
            (program.name.to_owned(), said)
        });
        Ok(said.collect())
    }

    fn say(&self, object: &Object, program: &str) -> Said {
        let options = PrepareOptions {
            autoload: Autoload::Only(program),
            ..PrepareOptions::default()
        };
        let load = match object.prepare(&self.kernel, &options) {
            Ok(mut programs) => programs.next().map(|program| program.load),
            Err(why) => Some(Err(why)),
        };
        let load = match load {
            Some(Ok(load)) => load,
            Some(Err(why)) => return Said::NotLoaded(why.to_string()),
            None => return Said::Unknown("there is no such program".to_owned()),
        };
        let options = Options {
            // QEMU's.
            nr_cpu_ids: 2,
            log_level: 1,
            ..Options::of(self.release)
        };
        let verdict = verify(&load, &self.kernel, &options);
        match verdict.outcome {
            Outcome::Accepted => Said::Accepted(verdict.stats.insns_processed),
            Outcome::Rejected(why) => Said::Rejected(why.message.clone()),
            Outcome::NotModelled(what) => Said::Unknown(what),
        }
    }
}
