// SPDX-License-Identifier: GPL-2.0-only
//! Compiling the kernel's BPF selftests as their own Makefile does, with the base's own bpftool,
//! libbpf headers and a `vmlinux.h` of the kernel that is asked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use anyhow::{Context, Result, bail};
use object::{Object as _, ObjectSection, SectionKind};
use sha2::{Digest, Sha256};

use crate::build::bpf::Object;
use crate::linux::patches::series::SELFTESTS;
use crate::linux::target::Target;
use crate::workshop::cache::Partial;
use crate::workshop::files::{read, read_bytes};
use crate::workshop::project::Project;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// `BPF_CFLAGS` and what `test_progs` adds, but for warnings and directories.
const FLAGS: [&str; 13] = [
    "--target=bpfel",
    "-mcpu=v3",
    "-g",
    "-O2",
    "-w",
    "-D__TARGET_ARCH_x86",
    "-DENABLE_ATOMICS_TESTS",
    "-std=gnu11",
    "-fno-strict-aliasing",
    "-fms-extensions",
    "-Wno-microsoft-anon-tag",
    "-Wno-compare-distinct-pointer-types",
    "-Wno-initializer-overrides",
];

/// The selftests of one kernel, ready to be compiled.
pub(crate) struct Corpus {
    source: PathBuf,
    dir: PathBuf,
}

/// What the compiler made of some selftests.
pub(crate) struct Compiled {
    /// The objects.
    pub(crate) objects: Vec<Object>,
    /// What it refused, and its first error.
    pub(crate) refused: BTreeMap<String, String>,
}

impl Corpus {
    /// Those of the sources that `target` was built of.
    pub(crate) fn prepare(target: &Target<'_>) -> Result<Self> {
        let source = target.kernel.build.join("source");
        let source = source.canonicalize().with_context(|| {
            format!("{} does not lead to the kernel's sources", source.display())
        })?;
        Self::of(target, source)
    }

    /// Those of `source`: makes the headers for `target`.
    pub(crate) fn of(target: &Target<'_>, source: PathBuf) -> Result<Self> {
        let Target {
            project,
            toolchain,
            kernel,
        } = target;
        let tools = tools(project, toolchain, &source)?;
        let header = project
            .products(&kernel.release)?
            .join("selftests.vmlinux.h");
        let mut dump = toolchain.command(tools.join("bpftool/bootstrap/bpftool"));
        dump.args(["btf", "dump", "file"]).arg(kernel.btf());
        dump.args(["format", "c"]).stdout(File::create(&header)?);
        if !dump.status().context("cannot run bpftool")?.success() {
            bail!("bpftool finds no BTF in {}", kernel.btf().display());
        }
        let path = project.cache.path(
            "corpus",
            &kernel.release,
            &[
                &read(&header)?,
                &source.display().to_string(),
                &clang_version(toolchain)?,
                &FLAGS.join(" "),
            ],
        );
        let dir = project.cache.entry(path, Partial::Resume, |dir| {
            fs::copy(&header, dir.join("vmlinux.h"))?;
            let mut install = toolchain.command("make");
            install.arg("-C").arg(source.join("tools/lib/bpf"));
            install.arg(format!("OUTPUT={}/libbpf/", dir.display()));
            install.arg(format!("DESTDIR={}", dir.display()));
            install.args(["prefix=", "install_headers"]);
            fs::create_dir_all(dir.join("libbpf"))?;
            project.runner.run("libbpf headers", install)
        })?;
        Ok(Self { source, dir })
    }

    /// The directory with the selftests' programs.
    pub(crate) fn progs(&self) -> PathBuf {
        self.source.join(SELFTESTS).join("progs")
    }

    /// Compiles the selftests `names`, those that are not compiled yet. One that does not compile
    /// is left out.
    pub(crate) fn compile(
        &self,
        project: &Project,
        toolchain: &Toolchain,
        names: &[String],
    ) -> Result<Compiled> {
        let bar = project.runner.bar("selftests", names.len() as u64);
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(Vec::new());
        let work = || -> Result<()> {
            while let Some(name) = names.get(next.fetch_add(1, Relaxed)) {
                bar.set_message(name.clone());
                if let Err(error) = self.one(toolchain, name)
                    && let Ok(mut failed) = failed.lock()
                {
                    failed.push((name.clone(), format!("{error:#}")));
                }
                bar.inc(1);
            }
            Ok(())
        };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|_| bail!("a worker died")))
        })?;
        project.runner.finish(&bar, "selftests", true);
        let failed: Vec<(String, String)> = failed.into_inner().unwrap_or_default();
        let objects = names
            .iter()
            .filter(|name| failed.iter().all(|(other, _)| other != *name))
            .map(|name| Object {
                name: format!("selftests/{name}.bpf.o"),
                path: self.object(name),
            });
        Ok(Compiled {
            objects: objects.collect(),
            refused: failed.into_iter().collect(),
        })
    }

    fn object(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.bpf.o"))
    }

    fn one(&self, toolchain: &Toolchain, name: &str) -> Result<()> {
        let object = self.object(name);
        if object.exists() {
            return Ok(());
        }
        let partial = self.dir.join(format!("{name}.partial"));
        let selftests = self.source.join(SELFTESTS);
        let mut clang = toolchain.command("clang");
        clang.args(FLAGS);
        for dir in [
            self.dir.clone(),
            self.dir.join("include"),
            selftests.clone(),
            self.source.join("tools/include/uapi"),
            self.source.join("tools/include"),
            selftests.join("libarena/include"),
        ] {
            clang.arg("-I").arg(dir);
        }
        for dir in ["/usr/include/x86_64-linux-gnu", "/usr/include"] {
            clang.args(["-idirafter", dir]);
        }
        let source = selftests.join("progs").join(format!("{name}.c"));
        clang.arg("-c").arg(&source).arg("-o").arg(&partial);
        run::output(&mut clang)?;
        fs::rename(&partial, &object)?;
        Ok(())
    }
}

/// The base's bpftool: an older one writes kfuncs and address spaces differently.
fn tools(project: &Project, toolchain: &Toolchain, source: &Path) -> Result<PathBuf> {
    let path = project.cache.path(
        "bpftool",
        "bpftool",
        &[&source.display().to_string(), "bootstrap"],
    );
    project.cache.entry(path, Partial::Resume, |dir| {
        let out = dir.join("bpftool");
        fs::create_dir_all(&out)?;
        let mut make = toolchain.command("make");
        make.arg("-C").arg(source.join("tools/bpf/bpftool"));
        make.arg(format!("OUTPUT={}/", out.display()));
        make.arg(run::jobs()).arg("bootstrap");
        project.runner.run("bpftool", make)
    })
}

/// The compiler's version line.
pub(crate) fn clang_version(toolchain: &Toolchain) -> Result<String> {
    let mut clang: Command = toolchain.command("clang");
    let said = run::output(clang.arg("--version"))?;
    Ok(said.lines().next().unwrap_or_default().to_owned())
}

/// Whether an object has programs: functions in `.text` are called by such, and are none themselves.
pub(crate) fn has_programs(path: &Path) -> Result<bool> {
    let bytes = read_bytes(path)?;
    let file = object::File::parse(&*bytes)?;
    let holds = |section: object::Section<'_, '_>| {
        let code = section.kind() == SectionKind::Text && section.size() > 0;
        code && section.name().is_ok_and(|name| name != ".text")
    };
    Ok(file.sections().any(holds))
}

/// A hash of what of an object reaches the kernel's verifier, types apart: code, data, maps,
/// license. Debug information and BTF hold paths and differ from machine to machine.
pub(crate) fn fingerprint(path: &Path) -> Result<String> {
    let bytes = read_bytes(path)?;
    let file = object::File::parse(&*bytes)?;
    let mut hash = Sha256::new();
    for section in file.sections() {
        let loaded = matches!(
            section.kind(),
            SectionKind::Text
                | SectionKind::Data
                | SectionKind::ReadOnlyData
                | SectionKind::ReadOnlyString
                | SectionKind::UninitializedData
        );
        let name = section.name()?;
        if loaded && !name.starts_with(".BTF") && !name.starts_with(".debug") {
            hash.update(name);
            hash.update(section.size().to_le_bytes());
            hash.update(section.data()?);
        }
    }
    Ok(hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
