// SPDX-License-Identifier: GPL-2.0-only
//! Programs that the verifier has to refuse, and what it says then.
//!
//! Each file of `tests/programs/refused` is one test: one program, and with it
//! the message as `__refused("…")` or, for one kernel version or
//! the patched kernel, `__refused_on("7.2", "…")`. The macros leave tags in the object's BTF.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::DeclTag;
use libtest_mimic::Trial;
use nix::sys::utsname::uname;

use super::needs::{built_for, with_queues};
use super::{bpf, trial};

/// One test for each object of the directory.
pub(super) fn trials() -> Result<Vec<Trial>> {
    let objects = bpf::objects("refused")?;
    ensure!(
        !objects.is_empty(),
        "no objects in {}/refused",
        bpf::OBJECTS
    );
    let refused = |(name, path): (String, PathBuf)| {
        let trial = trial(format!("refused::{name}"), move || refuse(&path));
        match name.as_str() {
            // The value is large enough for fewer.
            "map_value_mask" => built_for(513, trial),
            "queue_frees" | "queue_frees_written" => with_queues(trial),
            _ => trial,
        }
    };
    Ok(objects.into_iter().map(refused).collect())
}

/// The kernel must refuse the program, and say every message that stands with it.
fn refuse(path: &Path) -> Result<()> {
    let messages = messages(path)?;
    let object = bpf::open(path)?;
    let programs = object.progs().count();
    ensure!(programs == 1, "{programs} programs: a case is one");
    ensure!(object.load().is_err(), "accepted, expected {messages:?}");
    let log = bpf::log();
    for message in &messages {
        ensure!(
            log.lines().any(|line| line.starts_with(message)),
            "no line of the log begins with {message:?}:\n{log}"
        );
    }
    Ok(())
}

/// The messages for the running kernel: those of its version if there are any.
fn messages(path: &Path) -> Result<Vec<String>> {
    let release = uname()?.release().to_string_lossy().into_owned();
    let (mut general, mut versioned) = (Vec::new(), Vec::new());
    let btf = Btf::from_path(path)?;
    for tag in btf.type_by_kind::<DeclTag<'_>>() {
        let tag = tag
            .name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if let Some(message) = tag.strip_prefix("refused:") {
            general.push(message.to_owned());
        } else if let Some(rest) = tag.strip_prefix("refused@") {
            let Some((version, message)) = rest.split_once(':') else {
                bail!("{tag:?} is not refused@VERSION:MESSAGE");
            };
            // `7.2`, or the `patched` of 7.3.4-cpumask-patched.
            if release.starts_with(&format!("{version}."))
                || release.contains(&format!("-{version}"))
            {
                versioned.push(message.to_owned());
            }
        }
    }
    let messages = if versioned.is_empty() {
        general
    } else {
        versioned
    };
    ensure!(!messages.is_empty(), "no __refused(\"…\") for {release}");
    ensure!(
        messages.iter().all(|message| !message.is_empty()),
        "an empty __refused(\"\")"
    );
    Ok(messages)
}
