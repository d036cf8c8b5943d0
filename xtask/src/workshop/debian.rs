// SPDX-License-Identifier: GPL-2.0-only
//! Packages from Debian's archive, found and verified by the toolchain's own apt, with a
//! state of its own: neither the host's package lists nor the toolchain's are touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workshop::arch::Arch;
use crate::workshop::cache;
use crate::workshop::files::{make_dir, write};
use crate::workshop::project::Project;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// The suite whose lists are valid for a week, and mirrors may be behind by more. Nothing of it is run
/// but in guests.
const UNSTABLE: &str = "sid";

/// The file in a suite's state that says that its lists are whole.
const FETCHED: &str = "fetched";

/// One version of one package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    /// Its name, such as `linux-source-7.3`.
    pub(crate) name: String,
    /// Its version, such as `7.3.4-1~bpo13+1`.
    pub(crate) version: String,
    /// What its download weighs, in bytes.
    pub(crate) size: u64,
}

/// A view of one suite, for the architecture that the toolchain builds for unless another is named.
pub(crate) struct Suite<'a> {
    project: &'a Project,
    toolchain: &'a Toolchain,
    arch: Arch,
    state: PathBuf,
}

impl<'a> Suite<'a> {
    /// The package lists of `suite` as they were last fetched; fetches them if they never were.
    pub(crate) fn open(
        project: &'a Project,
        toolchain: &'a Toolchain,
        suite: &str,
    ) -> Result<Self> {
        let arch = toolchain.arch();
        let state = state(project, suite, arch)?;
        if !state.join(FETCHED).exists() {
            return Self::fetch(project, toolchain, suite);
        }
        Ok(Self {
            project,
            toolchain,
            arch,
            state,
        })
    }

    /// Fetches the package lists of `suite`.
    pub(crate) fn fetch(
        project: &'a Project,
        toolchain: &'a Toolchain,
        suite: &str,
    ) -> Result<Self> {
        Self::fetch_for(project, toolchain, suite, toolchain.arch())
    }

    /// The same for `arch`.
    pub(crate) fn fetch_for(
        project: &'a Project,
        toolchain: &'a Toolchain,
        suite: &str,
        arch: Arch,
    ) -> Result<Self> {
        let state = state(project, suite, arch)?;
        let line = toolchain.archive_line(suite)?;
        Self::update((project, toolchain, arch), suite, state, &line)
    }

    /// The lists of source packages of `suite`, fetched: they have what its binary packages were built of
    /// for as long as it has one of these.
    pub(crate) fn fetch_sources(
        project: &'a Project,
        toolchain: &'a Toolchain,
        suite: &str,
    ) -> Result<Self> {
        let state = project.cache.shared("apt")?.join(format!("{suite}-source"));
        let line = toolchain
            .archive_line(suite)?
            .replacen("deb ", "deb-src ", 1);
        let arch = toolchain.arch();
        Self::update((project, toolchain, arch), suite, state, &line)
    }

    fn update(
        (project, toolchain, arch): (&'a Project, &'a Toolchain, Arch),
        suite: &str,
        state: PathBuf,
        line: &str,
    ) -> Result<Self> {
        for dir in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(state.join(dir))
                .with_context(|| format!("cannot make {}", state.display()))?;
        }
        let _lock = cache::lock(&state.join("update.lock"))?;
        fs::write(state.join("sources.list"), format!("{line}\n"))?;
        let this = Self {
            project,
            toolchain,
            arch,
            state,
        };
        // Without this, apt-get update ends well although an archive was out of reach.
        let mut update = this.apt("apt-get");
        if suite == UNSTABLE {
            update.args(["-o", "Acquire::Check-Valid-Until=false"]);
        }
        update.args(["--error-on=any", "update"]);
        let name = format!("package lists of {suite} for {}", arch.debian());
        project.runner.run(&name, update)?;
        write(&this.state.join(FETCHED), "")?;
        Ok(this)
    }

    /// All versions of the packages whose name matches the regular expression `pattern`.
    pub(crate) fn find(&self, pattern: &str) -> Result<Vec<Package>> {
        let names = run::output(
            self.apt("apt-cache")
                .args(["search", "--names-only", pattern]),
        )?;
        let names: Vec<&str> = names
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        Ok(parse(&run::output(
            self.apt("apt-cache").arg("show").args(names),
        )?))
    }

    /// All versions of the package of this very name.
    pub(crate) fn named(&self, name: &str) -> Result<Vec<Package>> {
        let escaped = name.replace('.', r"\.").replace('+', r"\+");
        self.find(&format!("^{escaped}$"))
    }

    /// Downloads `packages` and unpacks them below `dir`.
    pub(crate) fn unpack(&self, packages: &[Package], dir: &Path) -> Result<()> {
        let debs = dir.join("debs");
        make_dir(&debs)?;
        let total: u64 = packages.iter().map(|package| package.size).sum();
        let mut download = self.toolchain.command("env");
        download
            .args(["--chdir", &debs.display().to_string(), "apt-get"])
            .args(self.options())
            .arg("download");
        download.args(
            packages
                .iter()
                .map(|package| format!("{}={}", package.name, package.version)),
        );
        let name = format!("download of {} ({} MB)", names(packages), total / 1_000_000);
        self.project
            .runner
            .run_watched(&name, download, &debs, total)?;
        let mut found = 0;
        for entry in fs::read_dir(&debs)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                let mut unpack = self.toolchain.command("dpkg-deb");
                unpack.arg("--extract").arg(&path).arg(dir);
                run::output(&mut unpack)
                    .with_context(|| format!("cannot unpack {}", path.display()))?;
                found += 1;
            }
        }
        if found != packages.len() {
            bail!(
                "{found} of {} packages arrived: {}",
                packages.len(),
                names(packages)
            );
        }
        fs::remove_dir_all(&debs)?;
        Ok(())
    }

    /// Whether there is the source package `name` of `version`.
    pub(crate) fn has_source(&self, name: &str, version: &str) -> Result<bool> {
        let said = run::output(
            self.apt("apt-cache")
                .args(["showsrc", "--only-source", name]),
        );
        // It fails where there is no such package at all.
        let line = format!("Version: {version}");
        Ok(said.is_ok_and(|said| said.lines().any(|other| other == line)))
    }

    /// Downloads the archive of a source package, as it was before the distribution's patches, to `dir`.
    pub(crate) fn download_source(&self, name: &str, version: &str, dir: &Path) -> Result<PathBuf> {
        make_dir(dir)?;
        let mut download = self.toolchain.command("env");
        download
            .args(["--chdir", &dir.display().to_string(), "apt-get"])
            .args(self.options())
            .args(["source", "--download-only", "--tar-only"])
            .arg(format!("{name}={version}"));
        let what = format!("download of the sources of {name} {version}");
        self.project.runner.run(&what, download)?;
        let mut entries = fs::read_dir(dir)?.flatten().map(|entry| entry.path());
        let archive = entries.find(|path| path.to_string_lossy().contains(".orig.tar."));
        archive.with_context(|| format!("{name} {version} has no archive of its sources"))
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = self.toolchain.command(program);
        command.args(self.options());
        command
    }

    fn options(&self) -> Vec<String> {
        let state = self.state.display();
        let arch = self.arch.debian();
        [
            format!("APT::Architecture={arch}"),
            format!("APT::Architectures={arch}"),
            format!("Dir::State::lists={state}/lists"),
            format!("Dir::Cache={state}/cache"),
            format!("Dir::Etc::sourcelist={state}/sources.list"),
            "Dir::Etc::sourceparts=-".to_owned(),
            // There is no other user inside.
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=2".to_owned(),
        ]
        .into_iter()
        .flat_map(|option| ["-o".to_owned(), option])
        .collect()
    }
}

/// Where the lists of `suite` are.
fn state(project: &Project, suite: &str, arch: Arch) -> Result<PathBuf> {
    let name = match arch {
        Arch::Amd64 => suite.to_owned(),
        Arch::Arm64 => format!("{suite}-{}", arch.debian()),
    };
    Ok(project.cache.shared("apt")?.join(name))
}

fn names(packages: &[Package]) -> String {
    packages
        .iter()
        .map(|package| package.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Reads what `apt-cache show` prints: paragraphs of `Field: value` lines.
fn parse(text: &str) -> Vec<Package> {
    text.split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty())
        .map(|paragraph| {
            let field = |name: &str| {
                paragraph
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            Package {
                name: field("Package: "),
                version: field("Version: "),
                size: field("Size: ").parse().unwrap_or(0),
            }
        })
        // What is installed in the toolchain is told as well, without what a download weighs.
        .filter(|package| package.size > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_become_packages() {
        let text = "Package: a\nStatus: install ok installed\nVersion: 1-3\n\nPackage: a\nVersion: 1-2\nSize: 30\nDescription: x\n y\n\nPackage: b\nVersion: 4\nSize: 5\n";
        let package = |name: &str, version: &str, size| Package {
            name: name.into(),
            version: version.into(),
            size,
        };
        assert_eq!(parse(text), [package("a", "1-2", 30), package("b", "4", 5)]);
    }
}
