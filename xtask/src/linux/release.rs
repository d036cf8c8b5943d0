// SPDX-License-Identifier: GPL-2.0-only
//! Releases of Linux, and which one a version belongs to.

use std::fmt;
use std::str::FromStr;

/// A release of Linux, such as 7.3; stable ones such as 7.3.4 belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    /// 7 of 7.3.
    pub(crate) major: u32,
    /// 3 of 7.3.
    pub(crate) minor: u32,
}

impl Release {
    /// The one that a version belongs to, such as `7.3.4+deb13-cloud-amd64`.
    pub(super) fn of(release: &str) -> Option<Self> {
        let version = numbers(release);
        Some(Self {
            major: *version.first()?,
            minor: *version.get(1)?,
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |text: &str| {
            let (major, minor) = text.split_once('.')?;
            Some(Self {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
            })
        };
        parse(text).ok_or_else(|| format!("'{text}' is no kernel series; write for example 7.3"))
    }
}

/// 7, 3, 4 of `7.3.4+deb13-cloud-amd64`.
pub(super) fn numbers(release: &str) -> Vec<u32> {
    let numbers = release
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()
        .unwrap_or_default();
    numbers
        .split('.')
        .filter_map(|number| number.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_two_numbers() {
        assert_eq!("7.3".parse(), Ok(Release { major: 7, minor: 3 }));
        for bad in ["", "7", "7.", "7.x", "7.3.4"] {
            assert!(bad.parse::<Release>().is_err(), "{bad}");
        }
    }
}
