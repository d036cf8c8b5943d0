// SPDX-License-Identifier: GPL-2.0-only
//! Tier 5: what a kernel says of real objects, out of Debian's packages.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use answers::{Answers, Header};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::ask::{LOG_LEVEL, SMP};
use super::survey::Survey;
use super::{compile, packages};
use crate::build::bpf::Object;
use crate::build::initramfs;
use crate::linux::target::Target;
use crate::workshop::files::{make_dir, read, remove_dir};

/// Asks `target` about all of them, or those with `filter` in their name.
pub(crate) fn answers(
    target: &Target<'_>,
    filter: Option<&str>,
    patience: Duration,
) -> Result<Answers> {
    let mut objects = packages::objects(target.project, &target.toolchain)?;
    let filter = filter.and_then(|filter| narrow(&mut objects, filter));
    let survey = Survey {
        base: initramfs::bare(target)?,
        objects: objects.iter().map(|o| (name(o), o.path.clone())).collect(),
        beside: None,
        modules: Vec::new(),
        filter,
        log_level: LOG_LEVEL,
        silence: patience,
    };
    let replies = survey.ask(target, &format!("oracle on {}", target.kernel.release))?;
    Ok(Answers {
        header: header(target, &objects)?,
        // One of which the kernel died is unanswered, and its last words say why.
        answers: replies.into_iter().map(|reply| reply.answer).collect(),
    })
}

/// What is said of answers to `objects`, which nothing was compiled for.
pub(super) fn header(target: &Target<'_>, objects: &[Object]) -> Result<Header> {
    let mut fingerprints = BTreeMap::new();
    for object in objects {
        fingerprints.insert(name(object), compile::fingerprint(&object.path)?);
    }
    let config = Sha256::digest(read(&target.kernel.build.join(".config"))?);
    Ok(Header {
        kernel: target.kernel.release.clone(),
        config: config.iter().map(|byte| format!("{byte:02x}")).collect(),
        cpus: SMP.parse()?,
        clang: String::new(),
        modules: Vec::new(),
        log_level: LOG_LEVEL,
        objects: fingerprints,
        not_compiled: BTreeMap::new(),
    })
}

/// Lays the objects out as `verifier-model compare` wants them: by the names in the answers.
pub(crate) fn layout(target: &Target<'_>) -> Result<PathBuf> {
    let objects = packages::objects(target.project, &target.toolchain)?;
    let dir = target.project.products("real")?;
    remove_dir(&dir)?;
    for object in &objects {
        let link = dir.join(&object.name);
        make_dir(link.parent().context("an object lies in a directory")?)?;
        symlink(&object.path, &link).with_context(|| format!("cannot make {}", link.display()))?;
    }
    Ok(dir)
}

/// Leaves those of `objects` that `filter` has in their name or names whole, if there are any; what is
/// left of the filter, for their programs.
fn narrow(objects: &mut Vec<Object>, filter: &str) -> Option<String> {
    let rest = objects.iter().map(name).find_map(|name| {
        let rest = filter.strip_prefix(&name)?.strip_prefix('/')?.to_owned();
        Some((name, rest))
    });
    if let Some((object, rest)) = rest {
        objects.retain(|other| name(other) == object);
        return Some(rest);
    }
    if objects.iter().any(|object| name(object).contains(filter)) {
        objects.retain(|object| name(object).contains(filter));
        return None;
    }
    Some(filter.to_owned())
}

/// An object's name in the answers.
pub(super) fn name(object: &Object) -> String {
    object.name.trim_end_matches(".bpf.o").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_spares_objects() {
        let object = |name: &str| Object {
            name: format!("real/sid/{name}.bpf.o"),
            path: PathBuf::new(),
        };
        let narrowed = |filter: &str| {
            let mut objects = vec![object("a/one"), object("a/two"), object("b/one")];
            let rest = narrow(&mut objects, filter);
            (objects.iter().map(name).collect::<Vec<_>>().join(" "), rest)
        };
        let one = ("real/sid/a/one".to_owned(), Some("prog".to_owned()));
        assert_eq!(narrowed("real/sid/a/one/prog"), one);
        let both = "real/sid/a/one real/sid/a/two".to_owned();
        assert_eq!(narrowed("sid/a"), (both, None));
        let (all, rest) = narrowed("prog");
        assert_eq!(all.split(' ').count(), 3);
        assert_eq!(rest.as_deref(), Some("prog"));
    }
}
