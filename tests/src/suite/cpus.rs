// SPDX-License-Identifier: GPL-2.0-only
//! The CPUs as sysfs shows them, and unplugging them.

use std::fs;

use anyhow::{Context, Result};

const SYSFS: &str = "/sys/devices/system/cpu";

/// A mask of sysfs (`possible`, `present`, `online`, `enabled`) as CPU numbers.
pub(super) fn sysfs(mask: &str) -> Result<Vec<u32>> {
    let path = format!("{SYSFS}/{mask}");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_list(&text).with_context(|| format!("{path}: {text:?} is no list of CPUs"))
}

/// Unplugs (`false`) or plugs (`true`) a CPU, as an administrator does.
pub(super) fn set_online(cpu: u32, online: bool) -> Result<()> {
    let path = format!("{SYSFS}/cpu{cpu}/online");
    let digit = if online { "1" } else { "0" };
    fs::write(&path, digit).with_context(|| format!("cannot write {digit} to {path}"))
}

/// Reads the kernel's list format (`%*pbl`): `0-3,7` is 0, 1, 2, 3 and 7.
fn parse_list(text: &str) -> Result<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cpus.extend(first.parse::<u32>()?..=last.parse()?);
    }
    Ok(cpus)
}

#[cfg(test)]
mod tests {
    use super::parse_list;

    #[test]
    fn list_format() {
        assert_eq!(parse_list("0-3,7\n").unwrap(), [0, 1, 2, 3, 7]);
        assert!(parse_list("\n").unwrap().is_empty());
        assert!(parse_list("0-x").is_err());
    }
}
