// SPDX-License-Identifier: GPL-2.0-only
//! That kernels can be asked: one that nothing is built for, about three loops.

use std::time::Duration;

use anyhow::Result;

use super::column::{By, Cell, Fate};
use super::model;
use crate::build::initramfs;
use crate::corpus::ask::LOG_LEVEL;
use crate::corpus::survey::Survey;
use crate::linux::release::Release;
use crate::linux::target::Target;
use crate::workshop::project::Project;

/// The kernel that is asked, and what the test is called.
const KERNEL: Release = Release {
    major: 6,
    minor: 12,
};
pub(crate) const NAME: &str = "ask::6.12";
const OBJECT: &str = "verifier-model/tests/explain/loops.elf";
/// What the programs' names contain, and what becomes of each.
const FILTER: &str = "c";
const WANTED: [(&str, bool); 3] = [
    ("converges", true),
    ("accepted", true),
    ("callback_index", false),
];

/// Why the kernel, or the model of it, says something else; nothing if all is well.
pub(crate) fn failure(project: &Project) -> Result<Option<String>> {
    let target = Target::image(project, KERNEL)?;
    let survey = Survey {
        base: initramfs::bare(&target)?,
        objects: vec![("loops".to_owned(), project.checkout.join(OBJECT))],
        beside: None,
        modules: Vec::new(),
        filter: Some(FILTER.to_owned()),
        log_level: LOG_LEVEL,
        silence: Duration::from_secs(300),
    };
    let cells = model::beside(&target, &survey, survey.ask(&target, NAME)?)?;
    let said: Vec<(String, Option<bool>)> = cells.iter().map(in_short).collect();
    let wanted = WANTED.map(|(program, loads)| (program.to_owned(), Some(loads)));
    if said != wanted {
        return Ok(Some(format!("{said:?} is not {wanted:?}")));
    }
    let differs = cells.iter().find(|cell| cell.agrees() != Some(true));
    Ok(differs.map(|cell| format!("the model does not agree on {}", cell.reply.answer.name())))
}

/// The program, and whether the verifier takes it.
fn in_short(cell: &Cell) -> (String, Option<bool>) {
    let program = cell.reply.answer.program.clone().unwrap_or_default();
    let loads = match cell.fate() {
        Fate::Accepted(_) => Some(true),
        Fate::Rejected {
            by: By::Verifier, ..
        } => Some(false),
        Fate::Rejected { .. } | Fate::Died(_) => None,
    };
    (program, loads)
}
