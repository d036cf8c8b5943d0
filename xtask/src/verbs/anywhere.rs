// SPDX-License-Identifier: GPL-2.0-only
//! The header's loops on kernels without the iterator: objects compiled once are run on each of them,
//! and the model has to have foretold which are refused.

use anyhow::{Result, bail};

use super::ask::model::Model;
use super::suite::{self, SMP, Tally};
use crate::build::{bpf, initramfs};
use crate::linux::image;
use crate::linux::kernel::Place;
use crate::linux::release::Release;
use crate::linux::target::Target;
use crate::workshop::project::Project;

/// How the names of the tests begin.
const PREFIXES: [&str; 2] = ["anywhere::", "tools::"];
/// The folder of tests/programs with every loop of the header.
const LOOPS: &str = "anywhere/";
/// The kernel that they are compiled for.
const COMPILED_FOR: Release = Release { major: 7, minor: 3 };
/// Loops that are made to be closed without a jump: the model of 6.1 takes them.
const EDGES: &str = "anywhere/edges.bpf.o";
/// What is refused before this series, and in what words.
const NESTED: &str = "anywhere/nested.bpf.o";
const NESTS_FROM: Release = Release { major: 6, minor: 4 };
const WORDS: &str = "bpf_for_each_cpu_nests_from_linux_6_4";

/// Whether there are tests that `filter` leaves.
pub(super) fn has(filter: Option<&str>) -> bool {
    filter.is_none_or(|filter| {
        let mut prefixes = PREFIXES.iter();
        prefixes.any(|prefix| prefix.starts_with(filter) || filter.starts_with(prefix))
    })
}

/// The objects, compiled once for all kernels.
pub(super) fn objects(project: &Project) -> Result<Vec<bpf::Object>> {
    let target = Target::image(project, COMPILED_FOR)?;
    let _lock = project.lock_products()?;
    let mut objects = Vec::new();
    for folder in bpf::ANYWHERE {
        objects.extend(bpf::compile_without(&target, folder)?);
    }
    Ok(objects)
}

/// The suite's part that needs no iterator, on `target`; and the model's answers for it.
pub(super) fn run(
    target: &Target<'_>,
    objects: &[bpf::Object],
    filter: Option<&str>,
) -> Result<Tally> {
    let files: Vec<_> = objects
        .iter()
        .map(|object| (format!("bpf/{}", object.name), object.path.clone()))
        .collect();
    let base = initramfs::bare(target)?;
    let initramfs = target.products()?.join("anywhere.cpio");
    initramfs::extend(&base, &files, &initramfs)?;
    let mut told = ["test", "--anywhere"].map(str::to_owned).to_vec();
    if let Some(filter) = filter {
        told.extend(["--filter".to_owned(), filter.to_owned()]);
    }
    let point = image::point(&target.kernel);
    let name = format!("tests of the header on {point}");
    let mut tally = suite::run(target, &initramfs, &name, SMP, "", &told)?;
    if filter.is_none() && tally.passed + tally.failed == 0 {
        bail!("{name}: there are none");
    }
    // The model has no kernel with the iterator built in.
    if target.kernel.iterator()? != Place::BuiltIn {
        let wrong = not_foretold(target, objects)?;
        tally.test(&format!("anywhere::foretold on {point}"), wrong.as_deref());
    }
    Ok(tally)
}

/// A program of which the model says something else than what the suite sees.
fn not_foretold(target: &Target<'_>, objects: &[bpf::Object]) -> Result<Option<String>> {
    let model = Model::of(target, &[])?;
    let old = target.kernel.series().is_some_and(|s| s < NESTS_FROM);
    let foretold = |o: &&bpf::Object| o.name.starts_with(LOOPS) && !(old && o.name == EDGES);
    for object in objects.iter().filter(foretold) {
        for (program, said) in model.foretell(&object.path)? {
            let as_it_is = match (&said, old && object.name == NESTED) {
                (Err(why), true) => why.contains(WORDS),
                (said, false) => said.is_ok(),
                (Ok(_), true) => false,
            };
            if !as_it_is {
                return Ok(Some(format!("{}/{program}: {said:?}", object.name)));
            }
        }
    }
    Ok(None)
}
