// SPDX-License-Identifier: GPL-2.0-only
//! A kernel to be asked, by name.

use std::str::FromStr;

use anyhow::Result;
use clap::ValueEnum;

use super::release::Release;
use super::stock;
use super::target::{Choice, Target};
use super::test_kernel;
use crate::workshop::project::Project;

/// A kernel by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// One that is built here, or the stock kernel that modules are built for.
    Choice(Choice),
    /// Debian's of this series.
    Series(Release),
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(choice) = Choice::from_str(text, false) {
            return Ok(Self::Choice(choice));
        }
        text.parse().map(Self::Series).map_err(|_| {
            format!("'{text}' is no kernel; write test, patched, patched-module, stock, or a series such as 6.12")
        })
    }
}

impl Named {
    /// The kernel; nothing is built for one of a series.
    pub(crate) fn target(self, project: &Project) -> Result<Target<'_>> {
        match self {
            Self::Choice(choice) => Target::choose(project, choice, test_kernel::RELEASE),
            Self::Series(series) => Target::image(project, series),
        }
    }

    /// The same with what modules are built of, where they are built for it.
    pub(crate) fn with_modules(self, project: &Project) -> Result<Target<'_>> {
        match self {
            Self::Series(series) if self.takes_modules() => Target::stock(project, series),
            named => named.target(project),
        }
    }

    /// Whether it is older than the kernel whose selftests are the corpus.
    pub(crate) fn is_older(self) -> bool {
        matches!(self, Self::Series(series) if series < test_kernel::RELEASE)
    }

    /// Whether modules are built for it: of Debian's, those that the project's module supports.
    pub(crate) fn takes_modules(self) -> bool {
        match self {
            Self::Choice(_) => true,
            Self::Series(series) => series >= stock::OLDEST,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_a_choice_or_a_series() {
        assert_eq!("test".parse(), Ok(Named::Choice(Choice::Test)));
        let series = Release { major: 6, minor: 1 };
        assert_eq!("6.1".parse(), Ok(Named::Series(series)));
        assert!(Named::Series(series).is_older());
        assert!(!Named::Series(series).takes_modules());
        assert!(Named::Series(stock::OLDEST).takes_modules());
        assert!(!Named::Series(test_kernel::RELEASE).is_older());
        assert!(
            "six"
                .parse::<Named>()
                .unwrap_err()
                .contains("'six' is no kernel")
        );
    }
}
