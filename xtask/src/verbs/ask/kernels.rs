// SPDX-License-Identifier: GPL-2.0-only
//! Which kernels are asked.

use std::str::FromStr;

use anyhow::Result;
use clap::ValueEnum;

use crate::linux::image;
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// A kernel by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::verbs) enum Asked {
    /// Debian's of this series.
    Series(Release),
    /// One that is built here.
    Built(Choice),
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let built = [Choice::Test, Choice::Patched, Choice::PatchedModule];
        let named = Choice::from_str(text, false).ok();
        match named.filter(|choice| built.contains(choice)) {
            Some(choice) => Ok(Self::Built(choice)),
            None => text.parse().map(Self::Series).map_err(|_| {
                format!("'{text}' is no kernel; write a series such as 6.12, or test, patched or patched-module")
            }),
        }
    }
}

/// Kernels by name, with commas between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::verbs) enum Kernels {
    /// Debian's of every series.
    All,
    /// These.
    These(Vec<Asked>),
}

impl FromStr for Kernels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self::These)
    }
}

/// The kernels that are asked, each once, in the order of their naming.
pub(in crate::verbs) fn targets<'a>(
    project: &'a Project,
    one: &[Asked],
    several: Option<&Kernels>,
) -> Result<Vec<Target<'a>>> {
    let toolchain = Toolchain::ensure(project)?;
    let yours = Target::yours(project)?;
    let all = match several {
        None => one.is_empty() && yours.is_none(),
        Some(kernels) => *kernels == Kernels::All,
    };
    let mut asked = one.to_vec();
    if let Some(Kernels::These(these)) = several {
        asked.extend(these);
    }
    if all {
        let series = image::series(project, &toolchain)?;
        asked.extend(series.into_iter().map(Asked::Series));
    }
    let mut targets: Vec<Target<'a>> = Vec::from_iter(yours);
    for (at, kernel) in asked.iter().enumerate() {
        if asked[..at].contains(kernel) {
            continue;
        }
        targets.push(match *kernel {
            Asked::Series(series) => Target::image(project, series)?,
            // `KERNEL_BUILD` is a kernel besides, not in place of this one.
            Asked::Built(choice) => Target::built(project, choice)?,
        });
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_series_or_built_here() {
        let series = |major, minor| Asked::Series(Release { major, minor });
        assert_eq!("6.12".parse(), Ok(series(6, 12)));
        assert_eq!("test".parse(), Ok(Asked::Built(Choice::Test)));
        let both = Kernels::These(vec![series(6, 1), Asked::Built(Choice::Patched)]);
        assert_eq!("6.1,patched".parse(), Ok(both));
        assert_eq!("all".parse(), Ok(Kernels::All));
        for bad in ["", "6", "6.1.2", "stock", "running", "6.1,"] {
            assert!(bad.parse::<Kernels>().is_err(), "{bad}");
        }
    }
}
