// SPDX-License-Identifier: GPL-2.0-only
//! Real objects: those that Debian's packages ship, taken out of the files that carry them. None is
//! kept in this project; what is kept is what kernels said of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bpf::load::find_objects;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::build::bpf::Object;
use crate::workshop::cache::Partial;
use crate::workshop::debian::{Package, Suite};
use crate::workshop::files::{make_dir, read_bytes, remove_dir, write};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// Debian 12, 13, and what becomes 14.
const SUITES: [&str; 3] = ["bookworm", "trixie", "sid"];
/// What is known to ship objects in one of them.
const PACKAGES: [&str; 19] = [
    "bpfilter",
    "bpftool",
    "bpftop",
    "ir-keytable",
    "libbpf-tools",
    "libbpftune0",
    "libknot13",
    "libknot15",
    "libknot16",
    "libsystemd-shared",
    "libxdp1",
    "mimic",
    "oar-common",
    "opensnitch-ebpf-modules",
    "pwru",
    "systemd",
    "systemd-container",
    "udev-hid-bpf",
    "xdp-tools",
];
/// What the cache calls them.
pub(crate) const KIND: &str = "real";

/// The objects of all suites, each once, as `real/SUITE/PACKAGE/FILE.bpf.o`.
pub(crate) fn objects(project: &Project, toolchain: &Toolchain) -> Result<Vec<Object>> {
    let mut seen = BTreeSet::new();
    let mut objects = Vec::new();
    for name in SUITES {
        let suite = Suite::open(project, toolchain, name)?;
        let mut found = suite.find(&format!("^({})$", PACKAGES.join("|")))?;
        // The newest of each comes first; a suite need not have all.
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found.dedup_by(|later, first| later.name == first.name);
        for package in found {
            let inputs = [package.name.as_str(), &package.version, "1"];
            let label = format!("{name}-{}", package.name);
            let path = project.cache.path(KIND, &label, &inputs);
            let dir = project.cache.entry(path, Partial::Discard, |dir| {
                take_out(&suite, &package, dir)
                    .with_context(|| format!("{} {}", package.name, package.version))
            })?;
            for path in files(&dir) {
                // Programs of one package carry the same objects of a library.
                if seen.insert(Sha256::digest(read_bytes(&path)?)) {
                    let file = path.file_name().unwrap_or_default().display();
                    let name = format!("real/{name}/{}/{file}", package.name);
                    objects.push(Object { name, path });
                }
            }
        }
    }
    Ok(objects)
}

/// Unpacks `package` and leaves nothing but its objects in `dir`.
fn take_out(suite: &Suite<'_>, package: &Package, dir: &Path) -> Result<()> {
    let whole = dir.join("package");
    make_dir(&whole)?;
    suite.unpack(std::slice::from_ref(package), &whole)?;
    for path in files(&whole) {
        let bytes = read_bytes(&path)?;
        let objects = find_objects(&bytes);
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = file.trim_end_matches(".o").trim_end_matches(".bpf");
        for (at, object) in objects.iter().enumerate() {
            let name = match objects.len() {
                1 => format!("{stem}.bpf.o"),
                _ => format!("{stem}-{at}.bpf.o"),
            };
            write(&dir.join(name), object.data)?;
        }
    }
    remove_dir(&whole)
}

/// The files below `dir`, in the order of their names, links apart.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter().flatten();
    entries
        .filter(|entry| fs::symlink_metadata(entry.path()).is_ok_and(|data| data.is_file()))
        .map(walkdir::DirEntry::into_path)
        .collect()
}
