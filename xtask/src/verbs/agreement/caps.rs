// SPDX-License-Identifier: GPL-2.0-only
//! How far the model agrees on what loaders are told that lack capabilities: a test for each set of them
//! that a kernel was asked with. Nothing of an answer may differ.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Test;
use super::compared::Compared;
use super::kernels::{FIRST, RENAMED};
use crate::workshop::project::Project;

/// Folders of answers, each with the name that the model has for the kernel.
const KERNELS: [(&str, &str); 2] = [(FIRST, FIRST), RENAMED];

/// The tests.
pub(super) fn tests(project: &Project, corpus: &Path) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    for (folder, kernel) in KERNELS {
        let answers = project.checkout.join("verifier-model/answers").join(folder);
        let answers = answers.join("caps");
        let sets = fs::read_dir(&answers).with_context(|| answers.display().to_string())?;
        let sets = sets.map(|set| Ok(set?.file_name().to_string_lossy().into_owned()));
        let mut sets = sets.collect::<Result<Vec<String>>>()?;
        sets.sort();
        for set in sets {
            let directory = answers.join(&set);
            let directory = directory.to_str().context("a path in UTF-8")?;
            let args = ["--kernel", kernel, "--answers", directory, "--caps", &set];
            let compared = Compared::of(project, corpus, &args)?;
            tests.push((
                format!("agreement::caps::{folder}::{set}"),
                failure(&compared),
            ));
        }
    }
    Ok(tests)
}

/// Why this is not enough, if it is not.
fn failure(compared: &Compared) -> Option<String> {
    let not_identical = compared.not_identical.iter();
    let mut differ = not_identical.filter(|program| program.outcome != "unanswered");
    let first = differ.next()?;
    let (object, program) = (&first.object, first.program.as_deref().unwrap_or("*"));
    let (kernel, model) = (&first.kernel, &first.model);
    let count = differ.count() + 1;
    Some(format!(
        "{count} answers differ, that about {object}/{program}: the kernel says {kernel}, the model {model}"
    ))
}
