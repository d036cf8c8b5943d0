// SPDX-License-Identifier: GPL-2.0-only
//! `--kernel`: a kernel by its name, or a directory with what is known of one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::kernel::kfuncs::KfuncTable;
use verifier_model::{Release, Shipped};

/// Types of the kernel in a directory, the first that is there.
const TYPES: [&str; 4] = [
    "vmlinux.btf.lzma",
    "vmlinux.btf.lz4",
    "vmlinux.btf",
    "vmlinux",
];

/// A kernel that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// What was asked for.
    pub(crate) name: String,
    shipped: &'static Shipped,
    /// Where its data is, if it does not come along, and the release with its tables.
    directory: Option<(PathBuf, &'static Release)>,
}

impl Named {
    /// Its rules, tables and words.
    pub(crate) fn release(&self) -> &'static Release {
        let own = self.directory.as_ref().map(|(_, release)| *release);
        own.unwrap_or(self.shipped.release)
    }

    /// The kernel.
    pub(crate) fn read(&self) -> Result<Kernel> {
        match &self.directory {
            None => Ok(self.shipped.kernel()?),
            Some((directory, _)) => {
                read_directory(directory).with_context(|| directory.display().to_string())
            }
        }
    }

    /// Says so if it is not what was asked for.
    pub(crate) fn note(&self) -> Option<String> {
        let release = self.shipped.release;
        let exact = [
            release.name(),
            release.point(),
            self.shipped.uname,
            self.shipped.name,
        ];
        match (&self.directory, exact.contains(&&*self.name)) {
            (None, true) => None,
            (None, false) => Some(format!(
                "Linux {} does not come along; this is {}, the nearest",
                self.name,
                release.point()
            )),
            (Some(_), _) => Some(format!(
                "{}: the verifier's rules are those of Linux {}",
                self.name,
                release.point()
            )),
        }
    }

    /// The kernel that is nearest to a release such as `6.12.95-1-arch`.
    pub(crate) fn nearest(uname: &str) -> Result<Self, String> {
        let shipped = shipped(uname).ok_or_else(|| unknown(uname))?;
        let name = uname.to_owned();
        Ok(Self {
            name,
            shipped,
            directory: None,
        })
    }
}

impl std::str::FromStr for Named {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some(shipped) = shipped(name) {
            let name = name.to_owned();
            return Ok(Self {
                name,
                shipped,
                directory: None,
            });
        }
        let directory = Path::new(name);
        if !directory.is_dir() {
            return Err(unknown(name));
        }
        let uname = uname(directory).map_err(|e| format!("{e:#}"))?;
        let shipped = shipped(&uname).ok_or_else(|| unknown(&uname))?;
        let tables = tables(directory).map_err(|e| format!("{e:#}"))?;
        let release = shipped.release.with_tables(point(&uname), tables)?;
        Ok(Self {
            name: name.to_owned(),
            shipped,
            directory: Some((directory.to_owned(), release)),
        })
    }
}

/// The kernel of a name, or that of its series, or the nearest.
fn shipped(name: &str) -> Option<&'static Shipped> {
    let exact = || Shipped::ALL.iter().find(|kernel| kernel.uname == name);
    if let Some(shipped) = Shipped::named(name).or_else(exact) {
        return Some(shipped);
    }
    Shipped::of_series(&series(name)?)
}

/// `6.12` of `6.12.95-1-arch`.
fn series(release: &str) -> Option<String> {
    let numbers = release.split(|c: char| !c.is_ascii_digit());
    let (major, minor) = {
        let mut numbers = numbers;
        (numbers.next()?, numbers.next()?)
    };
    let whole = !major.is_empty() && !minor.is_empty();
    (whole && release[major.len()..].starts_with('.')).then(|| format!("{major}.{minor}"))
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = Shipped::ALL.iter().map(|kernel| kernel.name).collect();
    let near: Vec<&str> = Shipped::NEAREST
        .iter()
        .map(|(missing, _)| *missing)
        .collect();
    format!(
        "no kernel is called {name}: there are {}, and for {} the nearest of them; of another give \
         the types with --btf, or a directory that `cargo xtask kernel data` wrote",
        names.join(", "),
        near.join(", ")
    )
}

/// What the first line of a directory's configuration says: `# Linux 6.12.117-…`.
fn uname(directory: &Path) -> Result<String> {
    let path = directory.join("config");
    let config = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let first = config
        .lines()
        .find_map(|line| line.strip_prefix("# Linux "));
    let first = first.with_context(|| format!("{}: no line `# Linux RELEASE`", path.display()))?;
    Ok(first.to_owned())
}

/// `6.12.117` of `6.12.117+deb13-cloud-amd64`.
fn point(uname: &str) -> &str {
    uname.split(['-', '+']).next().unwrap_or_default()
}

/// The tables in a directory: file and text.
fn tables(directory: &Path) -> Result<Vec<(String, String)>> {
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = std::fs::read_to_string(&path);
            let text = text.with_context(|| path.display().to_string())?;
            tables.push((path.display().to_string(), text));
        }
    }
    Ok(tables)
}

fn read_directory(directory: &Path) -> Result<Kernel> {
    let there = TYPES
        .iter()
        .map(|name| directory.join(name))
        .find(|path| path.exists());
    let Some(path) = there else {
        bail!("no types in it: {}", TYPES.join(", "));
    };
    let file = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    let types = match path.extension().and_then(|extension| extension.to_str()) {
        Some("lzma") => Btf::from_lzma(&file(&path)?),
        Some("lz4") => Btf::from_lz4(&file(&path)?, None),
        _ => Btf::from_file(&path, None),
    };
    let mut kernel = Kernel::new(Arc::new(types.with_context(|| path.display().to_string())?));
    let uname = uname(directory)?;
    kernel.set_release(&uname, point(&uname));
    kernel.read_config(&std::fs::read_to_string(directory.join("config"))?);
    let no_address = directory.join("no_address");
    if no_address.exists() {
        kernel.no_address = std::fs::read_to_string(&no_address)?.into();
    }
    let kfuncs = directory.join("kfuncs.txt");
    kernel.kfuncs = match kfuncs.exists() {
        true => KfuncTable::parse(&std::fs::read_to_string(&kfuncs)?)?,
        false => shipped(&uname)
            .map(|near| near.release.kfuncs())
            .unwrap_or_default(),
    };
    let mut modules = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        modules.push(entry?.path());
    }
    modules.sort();
    for path in modules {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = name
            .strip_suffix(".btf.lz4")
            .filter(|name| *name != "vmlinux")
        {
            let btf = Btf::from_lz4(&file(&path)?, Some(kernel.vmlinux.clone()));
            kernel.add_module(name, btf.with_context(|| path.display().to_string())?);
        }
    }
    Ok(kernel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_kernel_or_the_nearest() {
        let of = |name: &str| {
            name.parse()
                .map(|named: Named| (named.shipped.name, named.note()))
        };
        for name in [
            "6.12",
            "6.12.117",
            "6.12.117+deb13-cloud-amd64",
            "debian-7.3",
        ] {
            assert_eq!(of(name).map(|(_, note)| note), Ok(None), "{name}");
        }
        for (missing, near) in [("6.6", "6.12"), ("7.0.3-arch1", "7.1"), ("6.12.95", "6.12")] {
            let (name, note) = of(missing).unwrap();
            assert_eq!(name, near);
            assert!(
                note.unwrap()
                    .starts_with(&format!("Linux {missing} does not come along"))
            );
        }
        for (missing, near) in Shipped::NEAREST {
            assert_eq!(of(missing).map(|(name, _)| name), Ok(near));
        }
    }

    #[test]
    fn what_is_no_kernel_is_told_in_one_line() {
        for name in ["", "6", "4.19", "seven", "6.x", "/", "7.30"] {
            let said = name.parse::<Named>().unwrap_err();
            assert!(!said.contains('\n'), "{said}");
        }
    }
}
