// SPDX-License-Identifier: GPL-2.0-only
//! The model's answers, beside the kernel's: with the asked kernel's types and configuration.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::load::{Autoload, Object, PrepareOptions};
use verifier_model::{Options, Outcome, Release, Shipped, verify};

use super::column::{Cell, Said};
use crate::corpus::survey::{Reply, Survey};
use crate::linux::image;
use crate::linux::target::Target;
use crate::workshop::files::{read, read_bytes};

/// Puts the model's answer beside each of the kernel's.
pub(super) fn beside(
    target: &Target<'_>,
    survey: &Survey,
    replies: Vec<Reply>,
) -> Result<Vec<Cell>> {
    let release = nearest(&image::point(&target.kernel));
    let kernel = kernel(target, release, &survey.modules)?;
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
                let said =
                    catch_unwind(AssertUnwindSafe(|| say(object, program, &kernel, release)));
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

/// What the model says of each program of an object, without asking `target`: how many instructions
/// the verifier looks at, or why it does not take it.
pub(in crate::verbs) fn foretold(
    target: &Target<'_>,
    path: &Path,
) -> Result<Vec<(String, Result<u32, String>)>> {
    let release = nearest(&image::point(&target.kernel));
    let kernel = kernel(target, release, &[])?;
    let file = path.file_name().context("an object has a name")?;
    let object = Object::open(&read_bytes(path)?, &file.to_string_lossy())?;
    let said = object.programs().map(|program| {
        let said = match say(&object, program.name, &kernel, release) {
            Said::Accepted(insns) => Ok(insns),
            Said::Rejected(why) | Said::NotLoaded(why) | Said::Unknown(why) => Err(why),
        };
        (program.name.to_owned(), said)
    });
    Ok(said.collect())
}

/// The asked kernel as far as it can be told: its own types and configuration, with the rules and
/// kfuncs of the release that is modelled and nearest.
fn kernel(target: &Target<'_>, release: &Release, modules: &[PathBuf]) -> Result<Kernel> {
    let vmlinux = Arc::new(Btf::from_file(target.kernel.btf(), None)?);
    let mut kernel = Kernel::new(vmlinux.clone());
    kernel.kfuncs = release.kfuncs();
    kernel.set_release(&target.kernel.release, &image::point(&target.kernel));
    kernel.read_config(&read(&target.kernel.build.join(".config"))?);
    for path in modules {
        let name = path.file_stem().context("a module has a name")?;
        let btf = Btf::from_file(path, Some(vmlinux.clone()))?;
        kernel.add_module(&name.to_string_lossy(), btf);
    }
    Ok(kernel)
}

/// The release that is modelled and nearest to the kernel `point`, as the command has it; for a series
/// that it does not know the oldest that is not older, or else the newest.
fn nearest(point: &str) -> &'static Release {
    let number = |release: &str| -> Vec<u32> {
        let numbers = release.split('.').take(2);
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    let series: Vec<&str> = point.split('.').take(2).collect();
    let not_older = || {
        let mut all = Shipped::ALL.iter();
        all.find(|shipped| number(shipped.release.point()) >= number(point))
    };
    let found = Shipped::of_series(&series.join(".")).or_else(not_older);
    found.unwrap_or(Shipped::DEFAULT).release
}

fn say(object: &Object, program: &str, kernel: &Kernel, release: &'static Release) -> Said {
    let options = PrepareOptions {
        autoload: Autoload::Only(program),
        ..PrepareOptions::default()
    };
    let load = match object.prepare(kernel, &options) {
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
        ..Options::of(release)
    };
    let verdict = verify(&load, kernel, &options);
    match verdict.outcome {
        Outcome::Accepted => Said::Accepted(verdict.stats.insns_processed),
        Outcome::Rejected(why) => Said::Rejected(why.message.clone()),
        Outcome::NotModelled(what) => Said::Unknown(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_release_is_not_older() {
        assert_eq!(nearest("6.12.117").name(), "6.12");
        assert_eq!(nearest("5.10.223").name(), "6.1");
        assert_eq!(nearest("6.16.12").name(), "6.18");
        assert_eq!(nearest("7.0.13").name(), "7.1");
        // But for one, as the command says.
        assert_eq!(nearest("6.19.14").name(), "6.18");
        assert_eq!(nearest("6.13.7").name(), "6.18");
        assert_eq!(nearest("7.9").name(), "7.3");
    }
}
