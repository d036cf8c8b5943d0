// SPDX-License-Identifier: GPL-2.0-only
//! The programs of an object by their names, for what options and arguments ask for.

use anyhow::{Result, bail};
use bpf::load::Object;

/// Sees to it that the object has the program.
pub(crate) fn has(object: &Object, prog: &str) -> Result<()> {
    match object.programs().any(|p| p.name == prog) {
        true => Ok(()),
        false => bail!(
            "the object has no program '{prog}'; it has {}",
            names(object)
        ),
    }
}

/// The object's programs, for messages.
pub(crate) fn names(object: &Object) -> String {
    const SHOWN: usize = 20;
    let names: Vec<&str> = object.programs().map(|p| p.name).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > SHOWN => {
            format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN)
        }
        _ => names.join(", "),
    }
}
