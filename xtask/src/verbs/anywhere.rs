// SPDX-License-Identifier: GPL-2.0-only
//! The header's loops on kernels without the iterator: objects compiled once are run on each of them,
//! and the model has to have foretold which are refused.

use ::bpf::load::Loader;
use anyhow::{Result, bail};

use super::ask::model::{Model, Told};
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
/// The same walks for aya, which the guest's program has in it.
const AYA: &str = "tests/aya/walks.elf";
/// Where the instructions that a loop takes are counted, and by which test.
const COUNTED: Release = Release {
    major: 6,
    minor: 12,
};
const COST: &str = "tools::cost";
/// The programs that are refused before this series, and in what words.
const TAKEN_FROM: Release = Release { major: 6, minor: 4 };
const REFUSED: [(&str, &str, &str); 2] = [
    (
        "anywhere/nested.bpf.o",
        "nested",
        "bpf_for_each_cpu_nests_from_linux_6_4",
    ),
    (
        "anywhere/edges.bpf.o",
        "fall_through",
        "back-edge from insn",
    ),
];

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
    // What docs/walking-cpus.md says of a loop's cost there, in instructions.
    if target.kernel.series() == Some(COUNTED) && filter.is_none_or(|f| COST.contains(f)) {
        let told = ["test", "--anywhere", "--counted", "--filter", COST].map(str::to_owned);
        let name = format!("instructions of the header on {point}");
        tally.add(suite::count(target, &initramfs, &name, &told)?);
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
    let old = target.kernel.series().is_some_and(|s| s < TAKEN_FROM);
    for object in objects.iter().filter(|o| o.name.starts_with(LOOPS)) {
        for (program, said) in model.foretell(&object.path, &Told::default())? {
            let mut refused = REFUSED.iter().filter(|_| old);
            let refused = refused.find(|(name, p, _)| (*name, *p) == (&object.name, &program));
            let as_it_is = match (&said, refused) {
                (Err(why), Some((_, _, words))) => why.contains(words),
                (said, None) => said.is_ok(),
                (Ok(_), Some(_)) => false,
            };
            if !as_it_is {
                return Ok(Some(format!("{}/{program}: {said:?}", object.name)));
            }
        }
    }
    let told = Told {
        loader: Loader::Aya,
        variables: &[("NR_CPU_IDS", "130")],
    };
    let walks = model.foretell(&target.project.checkout.join(AYA), &told)?;
    let refused = walks.iter().find(|(_, said)| said.is_err());
    Ok(refused.map(|(program, said)| format!("{AYA}/{program}: {said:?}")))
}
