// SPDX-License-Identifier: GPL-2.0-only
//! What programs for arm64 are built from: a Rust compiler whose standard library is there for arm64
//! too, the static libraries, and a shell that runs there. All are Debian's packages, unpacked side by
//! side.
//!
//! The host's own Rust has libraries for the host alone, and only rustup could bring others.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::linux::archive::BACKPORTS;
use crate::workshop::arch::Arch;
use crate::workshop::cache::Partial;
use crate::workshop::debian::{Package, Suite};
use crate::workshop::project::Project;
use crate::workshop::toolchain::{SUITE, Toolchain};

/// The newest Rust, as it runs here. Of its libraries the name has the version.
const RUST: &str = "^(rustc|libstd-rust-dev|libstd-rust-[0-9.]+)$";
/// What it generates code with, which the release itself may have.
const LLVM: &str = "^libllvm[0-9]+$";
/// Of the same version: its libraries for arm64. And a libelf that is whole.
const NEWEST: &str = "^(libstd-rust-dev|libelf-dev)$";
/// What the release itself has.
const PLAIN: &str = "^(busybox-static|libzstd-dev|zlib1g-dev)$";

/// Where they are, each below `usr`.
pub(super) struct Foreign {
    dir: PathBuf,
    arch: Arch,
}

impl Foreign {
    /// Unpacks them on first use.
    pub(super) fn ensure(project: &Project, toolchain: &Toolchain) -> Result<Self> {
        let arch = toolchain.arch();
        let path = project.cache.path("foreign", arch.debian(), &["1"]);
        let dir = project.cache.entry(path, Partial::Discard, |dir| {
            let host = |suite| Suite::fetch_for(project, toolchain, suite, Arch::Amd64);
            let (backports, release) = (host(BACKPORTS)?, host(SUITE)?);
            backports.unpack(&newest(backports.find(RUST)?), dir)?;
            let newer = backports.find(LLVM)?;
            let llvm = newest([newer.clone(), release.find(LLVM)?].concat());
            let has_it = llvm.iter().any(|package| newer.contains(package));
            let suite = if has_it { backports } else { release };
            suite.unpack(&llvm, dir)?;
            for (suite, pattern) in [(BACKPORTS, NEWEST), (SUITE, PLAIN)] {
                let suite = Suite::fetch(project, toolchain, suite)?;
                suite.unpack(&newest(suite.find(pattern)?), dir)?;
            }
            Ok(())
        })?;
        Ok(Self { dir, arch })
    }

    /// What `cargo` has to be told in its environment.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let usr = self.dir.join("usr").display().to_string();
        let gcc = format!("{}-gcc", self.arch.triplet());
        vec![
            ("RUSTC", format!("{usr}/bin/rustc")),
            (
                "LD_LIBRARY_PATH",
                format!("{usr}/lib/{}", Arch::Amd64.triplet()),
            ),
            ("CC_aarch64_unknown_linux_gnu", gcc.clone()),
            ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", gcc),
            (
                "LIBBPF_SYS_LIBRARY_PATH",
                format!("{usr}/lib/{}", self.arch.triplet()),
            ),
            (
                "LIBBPF_SYS_EXTRA_CFLAGS",
                format!("-idirafter {usr}/include"),
            ),
        ]
    }

    /// The shell.
    pub(super) fn busybox(&self) -> PathBuf {
        self.dir.join("usr/bin/busybox")
    }
}

/// The newest of each package, and of those whose names differ in their versions alone.
fn newest(mut packages: Vec<Package>) -> Vec<Package> {
    let plain = |package: &Package| {
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        package.name.trim_end_matches(digits).to_owned()
    };
    let numbers = |text: &str| -> Vec<u64> {
        let parts = text.split(|c: char| !c.is_ascii_digit());
        parts.filter_map(|part| part.parse().ok()).collect()
    };
    packages.sort_by_key(|package| (numbers(&package.name), numbers(&package.version)));
    let mut kept: Vec<Package> = Vec::new();
    for package in packages.into_iter().rev() {
        if kept.iter().all(|other| plain(other) != plain(&package)) {
            kept.push(package);
        }
    }
    kept
}

/// The shell that a guest of `toolchain`'s architecture has.
pub(super) fn busybox(project: &Project, toolchain: &Toolchain) -> Result<PathBuf> {
    let busybox = match toolchain.arch() {
        Arch::Amd64 => toolchain.file("usr/bin/busybox"),
        Arch::Arm64 => Foreign::ensure(project, toolchain)?.busybox(),
    };
    let there = busybox.exists().then_some(busybox);
    there.context("busybox-static has no usr/bin/busybox")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_package_the_newest_is_taken() {
        let package = |name: &str, version: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            size: 1,
        };
        let found = newest(vec![
            package("libllvm9", "1:9.0"),
            package("libllvm22", "1:22.1"),
            package("libstd-rust-dev", "1.96.1+dfsg1-1"),
            package("libstd-rust-dev", "1.97.1+dfsg1-1"),
            package("libstd-rust-1.97", "1.97.1+dfsg1-1"),
            package("libstd-rust-1.96", "1.96.1+dfsg1-1"),
        ]);
        let mut names: Vec<String> = found.iter().map(|p| p.name.clone()).collect();
        names.sort();
        assert_eq!(names, ["libllvm22", "libstd-rust-1.97", "libstd-rust-dev"]);
        assert!(
            found
                .iter()
                .all(|package| package.version != "1.96.1+dfsg1-1")
        );
    }
}
