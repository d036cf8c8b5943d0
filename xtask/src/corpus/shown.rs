// SPDX-License-Identifier: GPL-2.0-only
//! Files that a running kernel shows, such as its symbols: a guest prints them, and the cache keeps
//! them.

use std::io::copy;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use super::ask::{KNOWN, SMP};
use crate::build::initramfs;
use crate::guest::qemu::{Guest, MEMORY};
use crate::linux::target::Target;
use crate::workshop::cache::Partial;
use crate::workshop::files::{create, make_dir};

/// What is shown: symbols, what can be traced, and what may be made to fail.
const FILES: [&str; 3] = [
    KALLSYMS,
    "/sys/kernel/tracing/available_filter_functions",
    "/sys/kernel/debug/error_injection/list",
];
const KALLSYMS: &str = "/proc/kallsyms";
/// What the cache calls them.
pub(crate) const KIND: &str = "shown";
const LIMIT: Duration = Duration::from_secs(1800);

/// The directory with all that `target` shows, by the paths in the guest.
pub(crate) fn files(target: &Target<'_>) -> Result<PathBuf> {
    let release = &target.kernel.release;
    let image = target.kernel.image.display().to_string();
    let cache = &target.project.cache;
    let path = cache.path(KIND, release, &[&image, &FILES.join(" ")]);
    cache.entry(path, Partial::Discard, |dir| {
        let initramfs = initramfs::bare(target)?;
        let told: Vec<String> = ["show"]
            .iter()
            .chain(&FILES)
            .map(|&s| s.to_owned())
            .collect();
        let guest = Guest {
            target,
            initramfs: &initramfs,
            smp: SMP,
            args: &told,
            memory: MEMORY,
            known: &KNOWN,
            limit: LIMIT,
        };
        let ended = guest.collect(&format!("symbols of {release}"))?;
        if ended.status != 0 {
            let last = ended.output.lines().last().unwrap_or_default();
            bail!("the guest failed: {last}");
        }
        unpack(&ended.output, dir)
    })
}

/// The file with the symbols of `target`, as `/proc/kallsyms` has them.
pub(crate) fn kallsyms(target: &Target<'_>) -> Result<PathBuf> {
    Ok(files(target)?.join(&KALLSYMS[1..]))
}

/// Writes what the guest has printed below `dir`.
fn unpack(said: &str, dir: &Path) -> Result<()> {
    for part in said.split("file /").skip(1) {
        let (name, packed) = part
            .split_once('\n')
            .context("a file has a line of its own")?;
        let packed: String = packed.split_whitespace().collect();
        let packed = STANDARD.decode(packed);
        let packed = packed.with_context(|| format!("/{name} came in pieces"))?;
        let path = dir.join(name);
        make_dir(path.parent().context("a file lies in a directory")?)?;
        let mut file = create(&path)?;
        if !packed.is_empty() {
            copy(&mut GzDecoder::new(&*packed), &mut file)
                .with_context(|| format!("/{name} came in pieces"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn what_is_shown_is_unpacked() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(b"ffffffff81000000 T _text\n").unwrap();
        let packed = STANDARD.encode(gzip.finish().unwrap());
        let (one, two) = packed.split_at(20);
        let said = format!("file /proc/kallsyms\n{one}\n{two}\nfile /none\n");
        let dir = tempfile::tempdir().unwrap();
        unpack(&said, dir.path()).unwrap();
        let text = std::fs::read_to_string(dir.path().join("proc/kallsyms")).unwrap();
        assert_eq!(text, "ffffffff81000000 T _text\n");
        assert_eq!(std::fs::read(dir.path().join("none")).unwrap(), b"");
        let cut = format!("file /proc/kallsyms\n{one}\n");
        assert!(unpack(&cut, dir.path()).is_err());
    }
}
