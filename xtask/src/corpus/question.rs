// SPDX-License-Identifier: GPL-2.0-only
//! What a guest is asked, and all that it takes: the corpus, compiled, and the modules.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::bpf::btf::Btf;
use ::bpf::caps::Caps;
use answers::{Answer, Answers, Header, Logs, log};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::ask::{LOG_LEVEL, SMP, WHOLE, ask, payload_of};
use super::compile::{self, Compiled, Corpus};
use super::survey::{Reply, Survey};
use super::tiers::{CORE_BTF, Tier};
use super::{real, test_modules, wanting};
use crate::build::bpf::{self, Object};
use crate::build::initramfs;
use crate::build::module;
use crate::linux::kernel::Kernel;
use crate::linux::sources;
use crate::linux::target::Target;
use crate::workshop::files::{make_dir, read, remove_dir, write};

/// Tiers to be asked about.
pub(crate) struct Question {
    /// Each of them.
    pub(crate) parts: Vec<Part>,
    /// Objects whose BTF programs name.
    core_btf: Vec<Object>,
    /// Objects of other tiers that programs attach to.
    targets: Vec<Object>,
    /// The kernel's own test modules.
    modules: Vec<PathBuf>,
    /// The project's modules; the last is the benchmarks'.
    own: Vec<PathBuf>,
    /// What the loader is capable of.
    pub(crate) caps: Caps,
    /// What kernel.unprivileged_bpf_disabled is for a loader that lacks a capability.
    pub(crate) unprivileged_bpf_disabled: u8,
}

/// What a tier consists of.
pub(crate) struct Part {
    /// Which it is.
    pub(crate) tier: Tier,
    /// Its objects.
    pub(crate) compiled: Compiled,
}

impl Question {
    /// Compiles what `tiers` consist of, all of them if there are none; of a `filter` that names an
    /// object, no more than that.
    pub(crate) fn prepare(
        target: &Target<'_>,
        tiers: &[Tier],
        filter: Option<&str>,
    ) -> Result<Self> {
        Self::compile(target, tiers, filter)?.of(target)
    }

    /// The same without modules, for kernels that have none.
    pub(crate) fn compile(
        target: &Target<'_>,
        tiers: &[Tier],
        filter: Option<&str>,
    ) -> Result<Self> {
        let Target {
            project, toolchain, ..
        } = target;
        let corpus = Corpus::prepare(target)?;
        let parts = parts(target, &corpus, tiers, filter)?;
        let core_btf = corpus.compile(project, toolchain, &CORE_BTF.map(str::to_owned))?;
        let core_btf = core_btf.objects.into_iter().map(|object| Object {
            name: object.name.replace("selftests/", ""),
            ..object
        });
        let asked = |name: &String| {
            let name = format!("selftests/{name}.bpf.o");
            let mut objects = parts.iter().flat_map(|part| &part.compiled.objects);
            objects.any(|object| object.name == name)
        };
        let mut targets: Vec<String> = answers::Target::objects().into_iter().collect();
        targets.retain(|name| !asked(name));
        if !parts.iter().any(|part| part.tier == Tier::Attached) {
            targets.clear();
        }
        let targets = corpus.compile(project, toolchain, &targets)?.objects;
        Ok(Self::about(parts, core_btf.collect(), targets))
    }

    /// All of these, without modules, told to root.
    fn about(parts: Vec<Part>, core_btf: Vec<Object>, targets: Vec<Object>) -> Self {
        Self {
            parts,
            core_btf,
            targets,
            modules: Vec::new(),
            own: Vec::new(),
            caps: Caps::all(),
            unprivileged_bpf_disabled: 0,
        }
    }

    /// The same question, with the modules for `target`: what was compiled for another is asked of
    /// this one.
    pub(crate) fn of(self, target: &Target<'_>) -> Result<Self> {
        let modules = test_modules::build(target)?;
        let _lock = target.project.lock_products()?;
        let mut own = module::build_all(target)?;
        own.push(module::build_for_bench(target)?);
        Ok(Self {
            modules,
            own,
            ..self
        })
    }

    /// The selftests of the release of `target` itself, as `own/6.12/NAME`.
    pub(crate) fn own(target: &Target<'_>) -> Result<Self> {
        let Target {
            project,
            toolchain,
            kernel,
        } = target;
        let corpus = Corpus::of(target, sources::of(project, toolchain, kernel)?)?;
        let names = Tier::Own.selftests(&corpus.progs())?;
        let mut compiled = corpus.compile(project, toolchain, &names)?;
        let series = kernel.series().context("a kernel belongs to a series")?;
        let mut core_btf = Vec::new();
        for object in std::mem::take(&mut compiled.objects) {
            let name = object.name.replace("selftests/", "");
            if CORE_BTF.iter().any(|core| name == format!("{core}.bpf.o")) {
                core_btf.push(Object { name, ..object });
            } else if compile::has_programs(&object.path)? {
                let name = format!("{}/{series}/{name}", Tier::Own.name());
                compiled.objects.push(Object { name, ..object });
            }
        }
        let tier = Tier::Own;
        let part = Part { tier, compiled };
        Ok(Self::about(vec![part], core_btf, Vec::new()))
    }

    /// The same with the test modules of `image`'s release, for a kernel that nothing else is built for.
    pub(crate) fn with_test_modules(self, image: &Target<'_>) -> Result<Self> {
        let source = sources::of(image.project, &image.toolchain, &image.kernel)?;
        let modules = test_modules::of_image(image, &source)?;
        Ok(Self { modules, ..self })
    }

    fn objects(&self) -> impl Iterator<Item = &Object> {
        self.parts.iter().flat_map(|part| &part.compiled.objects)
    }

    /// Boots a guest and gives what it says, a line a program.
    pub(crate) fn ask(
        &self,
        target: &Target<'_>,
        log_level: u32,
        filter: Option<&str>,
    ) -> Result<String> {
        // The initramfs has the others.
        let mut payload = payload_of(self.modules.iter().chain(self.own.last()))?;
        for object in self.objects() {
            payload.push((format!("oracle/{}", object.name), object.path.clone()));
        }
        for object in &self.targets {
            payload.push((format!("targets/{}", object.name), object.path.clone()));
        }
        for object in &self.core_btf {
            payload.push((format!("core-btf/{}", object.name), object.path.clone()));
        }
        let mut told = vec!["oracle".to_owned()];
        told.extend(["--log-level".to_owned(), log_level.to_string()]);
        if !self.caps.is_all() {
            told.extend(["--caps".to_owned(), self.caps.bits().to_string()]);
            let disabled = self.unprivileged_bpf_disabled.to_string();
            told.extend(["--unprivileged-bpf-disabled".to_owned(), disabled]);
        }
        if let Some(filter) = filter {
            told.extend(["--filter".to_owned(), filter.to_owned()]);
        }
        let base = initramfs::build(target)?;
        ask(target, &base, payload, &told)
    }

    /// The answers to all of it, a tier each.
    pub(crate) fn answers(&self, target: &Target<'_>) -> Result<Vec<Answers>> {
        let mut answered = self.by_object(target, LOG_LEVEL)?;
        let config = read(&target.kernel.build.join(".config"))?;
        let mut all = Vec::new();
        for part in &self.parts {
            let header = self.header(target, part)?;
            let mut answers = Vec::new();
            for object in header.objects.keys() {
                let of_object = answered.remove(object);
                answers.extend(of_object.with_context(|| format!("no answer for {object}"))?);
            }
            wanting::take_back(&mut answers, &config);
            all.push(Answers { header, answers });
        }
        Ok(all)
    }

    /// The answers of `other`, a kernel that the objects were not compiled for: each program may take it
    /// as long as `patience`.
    pub(crate) fn of_another(
        &self,
        other: &Target<'_>,
        filter: Option<&str>,
        patience: Duration,
    ) -> Result<Vec<Answers>> {
        let mut beside = Vec::new();
        for (place, objects) in [("targets", &self.targets), ("core-btf", &self.core_btf)] {
            let placed =
                |object: &Object| (format!("{place}/{}", object.name), object.path.clone());
            beside.extend(objects.iter().map(placed));
        }
        let objects = self.objects();
        let survey = Survey {
            base: initramfs::bare(other)?,
            objects: objects.map(|o| (real::name(o), o.path.clone())).collect(),
            beside: Some(beside),
            modules: self.modules.iter().chain(&self.own).cloned().collect(),
            filter: filter.map(str::to_owned),
            log_level: LOG_LEVEL,
            silence: patience,
        };
        let replies = survey.ask(other, &format!("oracle on {}", other.kernel.release))?;
        let config = read(&other.kernel.build.join(".config"))?;
        let mut all = Vec::new();
        for part in &self.parts {
            let header = Header {
                modules: self.module_names(),
                not_compiled: part.compiled.refused.clone(),
                ..real::header(other, &part.compiled.objects)?
            };
            let of_part = |reply: &&Reply| header.objects.contains_key(&reply.answer.object);
            let answers = replies.iter().filter(of_part);
            let mut answers: Vec<Answer> = answers.map(|reply| reply.answer.clone()).collect();
            wanting::take_back(&mut answers, &config);
            all.push(Answers { header, answers });
        }
        Ok(all)
    }

    /// The whole logs of level 2, a tier each, without reports.
    pub(crate) fn whole_logs(&self, target: &Target<'_>) -> Result<Vec<(Tier, Logs)>> {
        let mut answered = self.by_object(target, WHOLE)?;
        let mut all = Vec::new();
        for part in &self.parts {
            let mut logs = Logs::default();
            for object in &part.compiled.objects {
                let name = object.name.trim_end_matches(".bpf.o");
                for mut answer in answered.remove(name).unwrap_or_default() {
                    answer.log = answer.log.map(|log| log::without_reports(&log));
                    logs.insert(&answer);
                }
            }
            all.push((part.tier, logs));
        }
        Ok(all)
    }

    /// The answers to all of it, by object.
    fn by_object(
        &self,
        target: &Target<'_>,
        log_level: u32,
    ) -> Result<BTreeMap<String, Vec<Answer>>> {
        let said = self.ask(target, log_level, None)?;
        let mut answered: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
        for line in said.lines() {
            let answer: Answer = serde_json::from_str(line)
                .with_context(|| format!("the guest says what is no answer: {line}"))?;
            let of_object = answered.entry(answer.object.clone()).or_default();
            of_object.push(answer);
        }
        Ok(answered)
    }

    fn header(&self, target: &Target<'_>, part: &Part) -> Result<Header> {
        let mut objects = BTreeMap::new();
        for object in &part.compiled.objects {
            let name = object.name.trim_end_matches(".bpf.o").to_owned();
            objects.insert(name, compile::fingerprint(&object.path)?);
        }
        let config = Sha256::digest(read(&target.kernel.build.join(".config"))?);
        Ok(Header {
            kernel: target.kernel.release.clone(),
            config: config.iter().map(|byte| format!("{byte:02x}")).collect(),
            cpus: SMP.parse()?,
            clang: compile::clang_version(&target.toolchain)?,
            modules: self.module_names(),
            log_level: LOG_LEVEL,
            objects,
            not_compiled: part.compiled.refused.clone(),
        })
    }

    /// Whether the guest loads any module.
    pub(crate) fn has_modules(&self) -> bool {
        !self.modules.is_empty()
    }

    fn module_names(&self) -> Vec<String> {
        let names = self.modules.iter().filter_map(|path| path.file_stem());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    /// Writes the BTF of all modules that the guest has loaded: their types and kfuncs are the kernel's.
    pub(crate) fn write_modules(&self, kernel: &Kernel, directory: &Path) -> Result<()> {
        let directory = directory.join("modules");
        make_dir(&directory)?;
        let vmlinux = Arc::new(Btf::from_file(kernel.btf(), None)?);
        for path in self.modules.iter().chain(&self.own) {
            let btf = Btf::from_file(path, Some(vmlinux.clone()))?;
            let name = path.file_stem().context("a module has a name")?;
            let path = directory.join(name).with_extension("btf.lz4");
            write(&path, btf.to_lz4())?;
        }
        Ok(())
    }

    /// Lays the corpus out as `verifier-model compare` wants it: by the names in the answers.
    pub(crate) fn layout(&self, target: &Target<'_>) -> Result<PathBuf> {
        let own = self.parts.iter().any(|part| part.tier == Tier::Own);
        let name = if own { Tier::Own.name() } else { "corpus" };
        let dir = target.products()?.join(name);
        if dir.exists() {
            remove_dir(&dir)?;
        }
        let objects = self
            .objects()
            .map(|object| (dir.join(&object.name), &object.path));
        let core_btf = self
            .core_btf
            .iter()
            .map(|object| (dir.join("core-btf").join(&object.name), &object.path));
        for (link, object) in objects.chain(core_btf) {
            if let Some(parent) = link.parent() {
                fs::create_dir_all(parent)?;
            }
            symlink(object, &link).with_context(|| format!("cannot make {}", link.display()))?;
        }
        Ok(dir)
    }
}

/// Compiles the corpus for `target`: the directory that `verifier-model compare` takes.
pub(crate) fn layout(target: &Target<'_>) -> Result<PathBuf> {
    Question::prepare(target, &[], None)?.layout(target)
}

/// The tiers that were asked for, compiled.
fn parts(
    target: &Target<'_>,
    corpus: &Corpus,
    wanted: &[Tier],
    filter: Option<&str>,
) -> Result<Vec<Part>> {
    let tiers = Tier::ALL
        .into_iter()
        .filter(|tier| wanted.is_empty() || wanted.contains(tier));
    let mut parts = Vec::new();
    for tier in tiers {
        let mut names = tier.selftests(&corpus.progs())?;
        // A filter that begins with an object's name spares the others.
        if let Some(wanted) = filter.and_then(|filter| {
            let rest = filter.strip_prefix("selftests/")?;
            Some(rest.split_once('/')?.0)
        }) {
            names.retain(|name| name == wanted);
        }
        let mut compiled = corpus.compile(target.project, &target.toolchain, &names)?;
        if tier == Tier::Iterators {
            // What is for every kernel is asked of each by a test of its own.
            let anywhere = |object: &bpf::Object| {
                bpf::ANYWHERE
                    .iter()
                    .any(|folder| object.name.starts_with(folder))
            };
            for object in bpf::compile(target)?.into_iter().filter(|o| !anywhere(o)) {
                compiled.objects.push(Object {
                    name: format!("programs/{}", object.name),
                    path: object.path,
                });
            }
        }
        parts.push(Part { tier, compiled });
    }
    Ok(parts)
}
