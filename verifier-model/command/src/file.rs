// SPDX-License-Identifier: GPL-2.0-only
//! The objects of a file: the file itself, or those inside a program, a library or an archive.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use bpf::load::{Object, find_objects};

use crate::file_kind;

/// An object of a file.
pub(crate) struct Part {
    /// The file's name without directories; of an object inside, `FILE:OBJECT`.
    pub(crate) name: String,
    pub(crate) data: Vec<u8>,
}

/// Reads the objects of `path`, or of `FILE:OBJECT` the one.
pub(crate) fn read(path: &Path) -> Result<Vec<Part>> {
    let (file, wanted) = match inside(path) {
        Some((file, wanted)) => (file, Some(wanted)),
        None => (path.to_owned(), None),
    };
    let data = std::fs::read(&file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if wanted.is_none() && file_kind::is_object(&data) {
        let name = name.into_owned();
        return Ok(vec![Part { name, data }]);
    }
    let mut parts = parts(&data);
    if parts.is_empty() {
        bail!("{}", file_kind::why_not(&data));
    }
    if let Some(wanted) = wanted {
        let names: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
        parts.retain(|part| part.name == wanted);
        if parts.is_empty() {
            bail!(
                "the file has no object '{wanted}'; it has {}",
                names.join(", ")
            );
        }
    }
    for part in &mut parts {
        part.name = format!("{name}:{}", part.name);
    }
    Ok(parts)
}

/// Takes `FILE:OBJECT` apart, if there is such a file and none that is called so as a whole.
fn inside(path: &Path) -> Option<(PathBuf, String)> {
    let (file, object) = path.to_str()?.rsplit_once(':')?;
    let there = !path.exists() && Path::new(file).is_file();
    there.then(|| (file.into(), object.to_owned()))
}

/// The objects inside, each named after the file that it was compiled of, or else by its place.
fn parts(data: &[u8]) -> Vec<Part> {
    let found = find_objects(data);
    let named = found.iter().map(|found| {
        let object = Object::open(found.data, "").ok();
        let name = object.as_ref().and_then(Object::source_name);
        name.map_or_else(|| format!("{:#x}", found.offset), str::to_owned)
    });
    let names: Vec<String> = named.collect();
    let mut count = HashMap::new();
    for name in &names {
        *count.entry(name.clone()).or_insert(0) += 1;
    }
    let part = |(name, found): (String, &bpf::load::Found<'_>)| Part {
        name: match count[&name] {
            1 => name,
            _ => format!("{name}@{:#x}", found.offset),
        },
        data: found.data.to_vec(),
    };
    names.into_iter().zip(&found).map(part).collect()
}
