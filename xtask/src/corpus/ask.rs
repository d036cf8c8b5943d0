// SPDX-License-Identifier: GPL-2.0-only
//! Asking a guest's kernel about programs: what the guest is given, how it is booted, what it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::build::initramfs;
use crate::guest::qemu::Guest;
use crate::linux::target::Target;

/// QEMU's `-smp`.
pub(super) const SMP: &str = "2";
/// The verifier logs the path that failed.
pub(crate) const LOG_LEVEL: u32 = 1;
/// And here every path, and what it found before the first.
pub(super) const WHOLE: u32 = 2;
/// Programs near the limit on instructions take the verifier some gigabytes of states.
pub(super) const MEMORY: &str = "6G";
/// A verifier that doubts itself warns, with `verifier bug: …` as its answer; generated programs lead
/// there. For the guest that is no trouble.
pub(super) const KNOWN: [&str; 6] = [
    "WARNING: at bpf_",
    "WARNING: at do_check",
    // As older kernels say where they are.
    " at kernel/bpf/verifier.c:",
    // As Debian's from 7.1 on do: a function of which no path is walked is to be compiled.
    "WARNING: kernel/bpf/fixups.c:",
    // Here a path ends in a loop that it was never seen to enter.
    "WARNING: kernel/bpf/states.c:",
    // And here it goes back a path that it did not come.
    "WARNING: kernel/bpf/backtrack.c:",
];
pub(super) const LIMIT: Duration = Duration::from_secs(3600);

/// Asks about the programs of the batch `path`, with the guest's initramfs `base` and these modules
/// besides the project's; the answers as `tests/src/oracle/raw.rs` gives them.
pub(crate) fn ask_raw(
    target: &Target<'_>,
    base: &Path,
    path: &Path,
    modules: &[PathBuf],
) -> Result<String> {
    let told = ["oracle", "--raw", "/oracle/batch", "--log-level", "0"].map(str::to_owned);
    let mut payload = payload_of(modules.iter())?;
    payload.push(("oracle/batch".to_owned(), path.to_path_buf()));
    ask(target, base, payload, &told)
}

/// Asks whether maps are made: a line each in `lines`, as `tests/src/oracle/maps.rs` tells, with the types in
/// `types`.
pub(crate) fn ask_maps(
    target: &Target<'_>,
    base: &Path,
    lines: &Path,
    types: &Path,
) -> Result<String> {
    let told = ["oracle", "--maps", "/oracle/maps.txt"].map(str::to_owned);
    let payload = vec![
        ("oracle/maps.txt".to_owned(), lines.to_path_buf()),
        ("oracle/maps.btf".to_owned(), types.to_path_buf()),
    ];
    ask(target, base, payload, &told)
}

/// Asks about the programs of the objects in `dir`, loaded by aya.
pub(crate) fn ask_aya(target: &Target<'_>, base: &Path, dir: &Path) -> Result<String> {
    let told = ["oracle", "--aya", "/oracle"].map(str::to_owned);
    let mut payload = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "elf") {
            let name = path.file_name().context("an object has a name")?;
            payload.push((format!("oracle/{}", name.display()), path));
        }
    }
    ask(target, base, payload, &told)
}

/// Where modules go in the guest.
pub(super) fn payload_of<'a>(
    modules: impl Iterator<Item = &'a PathBuf>,
) -> Result<Vec<(String, PathBuf)>> {
    let place = |path: &PathBuf| {
        let name = path.file_name().context("a module has a name")?;
        Ok((format!("lib/modules/{}", name.display()), path.clone()))
    };
    modules.map(place).collect()
}

/// The kernel's configuration, where libbpf looks for it.
pub(super) fn config_of(target: &Target<'_>) -> Option<(String, PathBuf)> {
    let config = target.kernel.build.join(".config");
    let place = format!("boot/config-{}", target.kernel.release);
    config.exists().then_some((place, config))
}

/// Boots the guest with `payload` besides what is in `base`, and gives what it says.
pub(super) fn ask(
    target: &Target<'_>,
    base: &Path,
    mut payload: Vec<(String, PathBuf)>,
    told: &[String],
) -> Result<String> {
    payload.extend(config_of(target));
    // Of its own: several may ask at once.
    let scratch = tempfile::Builder::new()
        .prefix("ask-")
        .tempdir_in(target.products()?)?;
    let initramfs = scratch.path().join("oracle.cpio");
    initramfs::extend(base, &payload, &initramfs)?;
    let guest = Guest {
        target,
        initramfs: &initramfs,
        smp: SMP,
        args: told,
        memory: MEMORY,
        known: &KNOWN,
        limit: LIMIT,
    };
    let ended = guest.collect(&format!("oracle on {}", target.kernel.release))?;
    if ended.status != 0 {
        bail!(
            "the guest failed, with status {}: {}",
            ended.status,
            ended.output.lines().last().unwrap_or_default()
        );
    }
    Ok(ended.output)
}

#[cfg(test)]
mod tests {
    use super::KNOWN;

    /// Of Debian's 7.1.13 and 7.2.12, asked about generated programs; 6.12 has the form of the last.
    #[test]
    fn only_a_verifier_that_doubts_itself_is_no_trouble() {
        let known = |line: &str| KNOWN.iter().any(|known| line.contains(known));
        for line in [
            "WARNING: kernel/bpf/fixups.c:1046 at bpf_jit_subprogs+0x385/0xf30, CPU#0: exe/99",
            "WARNING: kernel/bpf/fixups.c:1062 at bpf_jit_subprogs+0x3c5/0xf70, CPU#1: exe/104",
            "WARNING: kernel/bpf/states.c:207 at bpf_update_branch_counts+0x1f6/0x2b0, CPU#1: exe/104",
            "WARNING: kernel/bpf/backtrack.c:781 at bpf_mark_chain_precision+0x11f4/0x2570, CPU#0: exe/99",
            "WARNING: CPU: 0 PID: 99 at kernel/bpf/verifier.c:20301 bpf_check+0x2b1/0x2d50",
        ] {
            assert!(known(line), "{line}");
        }
        for line in [
            "WARNING: kernel/bpf/core.c:2437 at bpf_prog_select_runtime+0x1c/0x30, CPU#0: exe/99",
            "WARNING: kernel/rcu/tree.c:2100 at rcu_do_batch+0x1c/0x30, CPU#0: exe/99",
            "BUG: KASAN: slab-out-of-bounds in bpf_jit_subprogs+0x385/0xf30",
        ] {
            assert!(!known(line), "{line}");
        }
    }
}
