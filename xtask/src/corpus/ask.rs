// SPDX-License-Identifier: GPL-2.0-only
//! Asking a guest's kernel about programs: what the guest is given, how it is booted, what it says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::compile;
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
const MEMORY: &str = "6G";
/// A verifier that doubts itself warns, with `verifier bug: …` as its answer; generated programs lead
/// there. For the guest that is no trouble.
const KNOWN: [&str; 2] = ["WARNING: at bpf_", "WARNING: at do_check"];
const LIMIT: Duration = Duration::from_secs(3600);

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

/// Asks about all programs of `objects`, or those whose name has `filter` in it.
pub(crate) fn ask_objects(
    target: &Target<'_>,
    objects: &[PathBuf],
    log_level: u32,
    filter: Option<&str>,
) -> Result<String> {
    let mut payload = payload_of(compile::modules(target)?.iter())?;
    for path in objects {
        if !path.is_file() {
            bail!("{}: there is no such object", path.display());
        }
        let name = path.file_stem().context("an object has a name")?;
        let name = name.to_string_lossy();
        let name = name.trim_end_matches(".bpf");
        payload.push((format!("oracle/{name}.bpf.o"), path.clone()));
    }
    let mut told = vec!["oracle".to_owned()];
    told.extend(["--log-level".to_owned(), log_level.to_string()]);
    told.extend(
        filter
            .iter()
            .flat_map(|f| ["--filter".to_owned(), (*f).to_owned()]),
    );
    let base = initramfs::build(target)?;
    ask(target, &base, payload, &told)
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

/// Boots the guest with `payload` besides what is in `base`, and gives what it says.
pub(super) fn ask(
    target: &Target<'_>,
    base: &Path,
    payload: Vec<(String, PathBuf)>,
    told: &[String],
) -> Result<String> {
    let initramfs = target.products()?.join("oracle.cpio");
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
