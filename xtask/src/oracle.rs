// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle`: what the kernel's own verifier says of the corpus.
//!
//! The selftests of the kernel's tree and the project's programs are loaded, each program alone,
//! in a guest of the test kernel. The answers are committed, so that the model can be compared
//! where no guest runs.

mod corpus;
mod tiers;
mod wanting;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use answers::{Answer, Answers, Header, Verdict};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use verifier_model::btf::Btf;

use crate::bpf::{self, Object};
use crate::guest;
use crate::kernel::{Kernel, Series, read};
use crate::module::{self, Choice};
use crate::project::Project;
use crate::qemu::Guest;
use crate::toolchain::Toolchain;

pub(crate) use corpus::modules;
use corpus::{Compiled, Corpus};
use tiers::{CORE_BTF, Tier};

const SMP: &str = "2";
/// The verifier logs the path that failed.
const LOG_LEVEL: u32 = 1;
/// Programs near the limit on instructions take the verifier some gigabytes of states.
const MEMORY: &str = "6G";
/// A verifier that doubts itself warns, with `verifier bug: …` as its answer; generated programs lead
/// there. For the guest that is no trouble.
const KNOWN: [&str; 2] = ["WARNING: at bpf_", "WARNING: at do_check"];
const LIMIT: Duration = Duration::from_secs(3600);

/// `cargo xtask oracle`. `KERNEL_BUILD=DIR` asks a kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only programs whose `object/program` contains this; the answers are printed, not written.
    filter: Option<String>,
    /// Only these tiers.
    #[arg(long, value_enum)]
    tier: Vec<Tier>,
    /// Compare the answers with the written ones instead of writing them.
    #[arg(long, conflicts_with = "filter")]
    check: bool,
    /// The verifier's log level; the answers are printed, not written.
    #[arg(long, conflicts_with = "check")]
    log_level: Option<u32>,
    /// Ask about the raw programs of this file instead; tests/src/oracle/raw.rs tells its format.
    #[arg(long, conflicts_with_all = ["filter", "tier", "check"])]
    raw: Option<PathBuf>,
    /// Compile the corpus and say in which directory it is, no more.
    #[arg(long, conflicts_with_all = ["filter", "check", "raw"])]
    compile: bool,
    /// The kernel to ask.
    #[arg(long, value_enum, default_value = "test")]
    kernel: Choice,
    /// The series of the stock kernel.
    #[arg(long, default_value = "7.3")]
    series: Series,
}

/// What a tier consists of.
struct Part {
    tier: Tier,
    compiled: Compiled,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let mut toolchain = Toolchain::ensure(project)?;
    let kernel = module::choose(project, &mut toolchain, args.kernel, args.series)?;
    let toolchain = &toolchain;
    if let Some(path) = &args.raw {
        let modules = modules(project, toolchain, &kernel)?;
        let said = ask_raw(project, toolchain, &kernel, path, &modules[..1])?;
        print!("{said}");
        return Ok(());
    }
    let corpus = Corpus::prepare(project, toolchain, &kernel)?;
    let parts = parts(project, toolchain, &kernel, &corpus, args)?;
    let core_btf = corpus.compile(project, toolchain, &CORE_BTF.map(str::to_owned))?;
    let core_btf = core_btf.objects.into_iter().map(|object| Object {
        name: object.name.replace("selftests/", ""),
        ..object
    });
    let core_btf: Vec<Object> = core_btf.collect();
    if args.compile {
        let objects = parts.iter().flat_map(|part| &part.compiled.objects);
        let dir = layout(project, &kernel, objects, &core_btf)?;
        println!("{}", dir.display());
        return Ok(());
    }
    let modules = corpus::modules(project, toolchain, &kernel)?;
    let own = {
        let _lock = project.lock_products()?;
        let mut own = module::build_all(project, toolchain, &kernel)?;
        own.push(module::build_for_bench(project, toolchain, &kernel)?);
        own
    };
    // The initramfs has the others.
    let mut payload = payload_of(modules.iter().chain(own.last()))?;
    for object in parts.iter().flat_map(|part| &part.compiled.objects) {
        payload.push((format!("oracle/{}", object.name), object.path.clone()));
    }
    for object in &core_btf {
        payload.push((format!("core-btf/{}", object.name), object.path.clone()));
    }
    let mut told = vec!["oracle".to_owned()];
    let level = args.log_level.unwrap_or(LOG_LEVEL);
    told.extend(["--log-level".to_owned(), level.to_string()]);
    if let Some(filter) = &args.filter {
        told.extend(["--filter".to_owned(), filter.clone()]);
    }
    let said = ask(project, toolchain, &kernel, payload, &told)?;
    if args.filter.is_some() || args.log_level.is_some() {
        if said.is_empty() {
            bail!(
                "no program has this in its name: {}",
                args.filter.as_deref().unwrap_or_default()
            );
        }
        print!("{said}");
        return Ok(());
    }
    let mut answered: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    for line in said.lines() {
        let answer: Answer = serde_json::from_str(line)
            .with_context(|| format!("the guest says what is no answer: {line}"))?;
        answered
            .entry(answer.object.clone())
            .or_default()
            .push(answer);
    }
    let names = modules.iter().filter_map(|path| path.file_stem());
    let names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let suffix = match args.kernel {
        Choice::Stock => "-stock",
        Choice::Test | Choice::Running => "",
    };
    let directory = directory(project, &kernel, suffix);
    if !args.check {
        write_modules(&kernel, modules.iter().chain(&own), &directory)?;
    }
    let mut wrong = 0;
    for part in parts {
        let header = header(toolchain, &kernel, &names, level, &part)?;
        let mut answers = Vec::new();
        for object in header.objects.keys() {
            let of_object = answered.remove(object);
            answers.extend(of_object.with_context(|| format!("no answer for {object}"))?);
        }
        wanting::take_back(&mut answers, &read(&kernel.build.join(".config"))?);
        let answers = Answers { header, answers };
        summary(&part, &answers);
        let path = directory.join(format!("{}.jsonl", part.tier.name()));
        if args.check {
            let committed = Answers::read(&path)?;
            if committed.header != answers.header {
                println!("  what was asked differs: kernel, configuration or objects");
            }
            let differences = committed.differences(&answers);
            wrong += differences.len();
            for difference in &differences {
                println!("  {difference}");
            }
        } else {
            answers.write(&path)?;
            println!("  written to {}", path.display());
        }
    }
    if wrong > 0 {
        bail!("{wrong} answers differ from the written ones");
    }
    Ok(())
}

/// The directory for the answers of `kernel`.
fn directory(project: &Project, kernel: &Kernel, suffix: &str) -> PathBuf {
    let series: Vec<&str> = kernel.release.splitn(3, '.').take(2).collect();
    let name = format!("{}{suffix}", series.join("."));
    project.checkout.join("verifier-model/oracle").join(name)
}

/// Writes the BTF of all modules that the guest has loaded: their types and kfuncs are the kernel's.
fn write_modules<'a>(
    kernel: &Kernel,
    modules: impl Iterator<Item = &'a PathBuf>,
    directory: &Path,
) -> Result<()> {
    let directory = directory.join("modules");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let vmlinux = Arc::new(Btf::from_file(kernel.btf(), None)?);
    for path in modules {
        let btf = Btf::from_file(path, Some(vmlinux.clone()))?;
        let name = path.file_stem().context("a module has a name")?;
        let path = directory.join(name).with_extension("btf.lz4");
        fs::write(&path, btf.to_lz4())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Lays the corpus out as `verifier-model compare` wants it: by the names in the answers.
fn layout<'a>(
    project: &Project,
    kernel: &Kernel,
    objects: impl Iterator<Item = &'a Object>,
    core_btf: &[Object],
) -> Result<PathBuf> {
    let dir = project.products(&kernel.release)?.join("corpus");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    let objects = objects.map(|object| (dir.join(&object.name), &object.path));
    let core_btf = core_btf
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

/// Asks about the programs of the batch `path`, with these modules besides the project's; the
/// answers as `tests/src/oracle/raw.rs` gives them.
pub(crate) fn ask_raw(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
    path: &Path,
    modules: &[PathBuf],
) -> Result<String> {
    let told = ["oracle", "--raw", "/oracle/batch", "--log-level", "0"].map(str::to_owned);
    let mut payload = payload_of(modules.iter())?;
    payload.push(("oracle/batch".to_owned(), path.to_path_buf()));
    ask(project, toolchain, kernel, payload, &told)
}

/// Where modules go in the guest.
fn payload_of<'a>(modules: impl Iterator<Item = &'a PathBuf>) -> Result<Vec<(String, PathBuf)>> {
    let place = |path: &PathBuf| {
        let name = path.file_name().context("a module has a name")?;
        Ok((format!("lib/modules/{}", name.display()), path.clone()))
    };
    modules.map(place).collect()
}

/// The tiers that were asked for, compiled.
fn parts(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
    corpus: &Corpus,
    args: &Args,
) -> Result<Vec<Part>> {
    let tiers = Tier::ALL
        .into_iter()
        .filter(|tier| args.tier.is_empty() || args.tier.contains(tier));
    let mut parts = Vec::new();
    for tier in tiers {
        let mut names = tier.selftests(&corpus.progs())?;
        // A filter that begins with an object's name spares the others.
        if let Some(wanted) = args.filter.as_deref().and_then(|filter| {
            let rest = filter.strip_prefix("selftests/")?;
            Some(rest.split_once('/')?.0)
        }) {
            names.retain(|name| name == wanted);
        }
        let mut compiled = corpus.compile(project, toolchain, &names)?;
        if tier == Tier::Iterators {
            for object in bpf::compile(project, toolchain, kernel)? {
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

/// Boots the guest with `payload` and gives what it says.
fn ask(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
    payload: Vec<(String, PathBuf)>,
    told: &[String],
) -> Result<String> {
    let base = guest::initramfs(project, toolchain, kernel)?;
    let initramfs = project.products(&kernel.release)?.join("oracle.cpio");
    guest::extend(&base, &payload, &initramfs)?;
    let guest = Guest {
        kernel,
        initramfs: &initramfs,
        smp: SMP,
        args: told,
        memory: MEMORY,
        known: &KNOWN,
        limit: LIMIT,
    };
    let ended = guest.collect(project, toolchain, &format!("oracle on {}", kernel.release))?;
    if ended.status != 0 {
        bail!(
            "the guest failed, with status {}: {}",
            ended.status,
            ended.output.lines().last().unwrap_or_default()
        );
    }
    Ok(ended.output)
}

fn header(
    toolchain: &Toolchain,
    kernel: &Kernel,
    modules: &[String],
    log_level: u32,
    part: &Part,
) -> Result<Header> {
    let mut objects = BTreeMap::new();
    for object in &part.compiled.objects {
        let name = object.name.trim_end_matches(".bpf.o").to_owned();
        objects.insert(name, corpus::fingerprint(&object.path)?);
    }
    let config = Sha256::digest(read(&kernel.build.join(".config"))?);
    Ok(Header {
        kernel: kernel.release.clone(),
        config: config.iter().map(|byte| format!("{byte:02x}")).collect(),
        cpus: SMP.parse()?,
        clang: corpus::clang_version(toolchain)?,
        modules: modules.to_vec(),
        log_level,
        objects,
        not_compiled: part.compiled.refused.clone(),
    })
}

fn summary(part: &Part, answers: &Answers) {
    println!(
        "tier {}: {} programs, {} accepted, {} rejected, {} unanswered; {} objects, {} not compiled",
        part.tier.name(),
        answers.answers.len(),
        answers.count(Verdict::Accepted),
        answers.count(Verdict::Rejected),
        answers.count(Verdict::Unanswered),
        part.compiled.objects.len(),
        part.compiled.refused.len()
    );
    for (name, why) in &part.compiled.refused {
        println!("  not compiled: {name}: {why}");
    }
    for answer in &answers.answers {
        if answer.verdict == Verdict::Unanswered {
            println!(
                "  unanswered: {}: {}",
                answer.name(),
                answer.why.as_deref().unwrap_or_default()
            );
        }
    }
}
