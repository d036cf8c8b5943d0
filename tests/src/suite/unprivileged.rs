// SPDX-License-Identifier: GPL-2.0-only
//! A user without privileges gets no walk, whatever the administrator set.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;

use super::module::is_module;
use super::trial;

const SYSCTL: &str = "/proc/sys/kernel/unprivileged_bpf_disabled";
/// `nobody`
const NOBODY: u32 = 65534;

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("unprivileged::as_booted", as_booted),
        trial("unprivileged::allowed", allowed),
    ]
}

/// Loads an object as `nobody`: whether it went well, and what libbpf said.
fn load_as_nobody(object: &str) -> Result<(bool, String)> {
    let output = Command::new("/proc/self/exe")
        .args(["load", object])
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .context("cannot run the loader")?;
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

/// As it is: where it is not 0 (Debian boots with 2), nobody but root loads
/// anything at all.
fn as_booted() -> Result<()> {
    let setting = fs::read_to_string(SYSCTL)?;
    let open = setting.trim() == "0";
    let (loaded, log) = load_as_nobody("unprivileged/plain")?;
    ensure!(
        loaded == open,
        "{SYSCTL} is {}, loaded: {loaded}\n{log}",
        setting.trim()
    );
    ensure!(open || log.contains("-EPERM"), "no EPERM in\n{log}");
    let (loaded, log) = load_as_nobody("unprivileged/module_kfunc")?;
    ensure!(!loaded, "a kfunc was called");
    ensure!(open || log.contains("-EPERM"), "no EPERM in\n{log}");
    Ok(())
}

/// With 0 a user may load a socket filter, but none that calls a kfunc: those
/// of a module they cannot even find, and those of the kernel the verifier
/// keeps from them.
fn allowed() -> Result<()> {
    let before = fs::read_to_string(SYSCTL)?;
    fs::write(SYSCTL, "0").with_context(|| format!("cannot write {SYSCTL}"))?;
    let objects = ["plain", "module_kfunc", "kernel_kfunc"];
    let outcomes = objects.map(|name| load_as_nobody(&format!("unprivileged/{name}")));
    fs::write(SYSCTL, before).with_context(|| format!("cannot write {SYSCTL}"))?;
    let [plain, module_kfunc, kernel_kfunc] = outcomes;
    let (loaded, log) = plain?;
    ensure!(loaded, "a plain filter was refused:\n{log}");
    let kept = "kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN";
    let not_found = "kfunc 'bpf_nr_cpu_ids' is referenced but wasn't resolved";
    for (outcome, message) in [
        (module_kfunc?, if is_module() { not_found } else { kept }),
        (kernel_kfunc?, kept),
    ] {
        let (loaded, log) = outcome;
        ensure!(!loaded, "loaded, expected {message:?}");
        ensure!(log.contains(message), "no {message:?} in\n{log}");
    }
    Ok(())
}
