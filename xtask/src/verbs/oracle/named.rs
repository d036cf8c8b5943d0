// SPDX-License-Identifier: GPL-2.0-only
//! What the oracle takes of a kernel that is named, and where it keeps the answers.

use anyhow::Result;

use crate::corpus::tiers::Tier;
use crate::linux::named::Named;
use crate::linux::target::{Choice, Target};
use crate::linux::test_kernel;
use crate::workshop::project::Project;

/// The kernel, with what asking about `tiers` takes.
pub(super) fn target<'a>(named: Named, project: &'a Project, tiers: &[Tier]) -> Result<Target<'a>> {
    match tiers {
        [Tier::Real] => named.target(project),
        _ => named.with_modules(project),
    }
}

/// The name of the directory with the answers of `target`, which is called so.
pub(super) fn directory(named: Named, target: &Target<'_>) -> String {
    let release: Vec<&str> = target.kernel.release.splitn(3, '.').take(2).collect();
    let release = release.join(".");
    match named {
        Named::Choice(Choice::Stock) => format!("{release}-stock"),
        // There is a test kernel of this release.
        Named::Series(series) if series == test_kernel::RELEASE => format!("{release}-stock"),
        Named::Choice(_) | Named::Series(_) => release,
    }
}
