// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask fuzz`: generated programs through the guest's verifier and the model's.
//!
//! Programs go to the guest in batches, one boot each; the model judges the next batch meanwhile.
//! Some three programs in a thousand keep the verifier busy up to its limits, each as long as
//! thousands of others. So the model goes first, and programs that take it more than `--max-insns` instructions
//! are counted and not asked about.
//!
//! A program that both judge differently is made smaller, by asking both again, and written to a
//! file that can be kept with the others in `verifier-model/tests/fuzz`.

mod line;
mod sums;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use bpf::btf::Btf;
use bpf::caps::Caps;
use generated::ast::ProgKind;
use generated::batch::Batch;
use generated::code::Code;
use generated::file::CaseFile;
use generated::generate::Weights;
use generated::mutate::Case;
use generated::{law, shrink};
use verifier_model::Options;
use verifier_model::Verdict;

use self::line::{Difference, Line, agree, answer};
use self::sums::Sums;
use crate::build::initramfs;
use crate::build::module;
use crate::corpus::{ask, compile};
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::workshop::files::write;
use crate::workshop::project::Project;

/// Which stock kernel it is, where it is one.
const RELEASE: Release = Release { major: 7, minor: 3 };
/// Candidates for a smaller program that the guest is asked about at a time, and how often.
const CANDIDATES: usize = 1000;
const ROUNDS: u32 = 30;
/// Differences that are made smaller; more of them are mostly the same ones.
const SHRUNK: usize = 3;

/// `cargo xtask fuzz`. `KERNEL_BUILD=DIR` asks a kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seed of the first program; each next one has the next.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many programs.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// Programs for each boot of the guest.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// Most instructions that the model may need for a program; about others the guest is not
    /// asked. The kernel's own limit is 1000000.
    #[arg(long, default_value_t = 30_000)]
    max_insns: u32,
    /// What their loader is capable of, as for `verifier-model check`: none, bpf or all.
    #[arg(long, value_name = "CAPS", default_value = "all", value_parser = weights)]
    caps: Weights,
    /// The kernel to ask. The test kernel has no mitigations, so that it is easier with users without
    /// capabilities.
    #[arg(long, value_enum, default_value = "test")]
    kernel: Choice,
    /// Ask about the cases in this directory instead, and compare with the answers in them.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["seed", "count", "caps"])]
    cases: Option<PathBuf>,
    /// Write the answers into the cases.
    #[arg(long, requires = "cases")]
    bless: bool,
}

/// What is generated for a loader of these capabilities.
fn weights(caps: &str) -> Result<Weights, String> {
    match Caps::parse(caps)? {
        caps if caps.is_empty() => Ok(Weights::UNPRIVILEGED),
        Caps::BPF => Ok(Weights {
            kind: Some(ProgKind::SyscallBpf),
            ..Weights::default()
        }),
        caps if caps.is_all() => Ok(Weights::default()),
        _ => Err("programs are generated for none, bpf and all".into()),
    }
}

/// Programs and what the model says of them.
#[derive(Default)]
struct Judged {
    /// Each with its seed, or whatever number tells it from the others.
    cases: Vec<(u64, Case)>,
    codes: Vec<Code>,
    verdicts: Vec<Verdict>,
    /// How many took too many instructions and are not among them.
    longer: u64,
}

/// Who is asked.
struct Asked<'a> {
    target: &'a Target<'a>,
    /// The same kernel as the model knows it.
    model: bpf::kernel::Kernel,
    /// What the guest boots into, and modules besides.
    initramfs: PathBuf,
    modules: Vec<PathBuf>,
    options: Options,
    weights: Weights,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let target = Target::choose(project, args.kernel, RELEASE)?;
    let mut modules = compile::modules(&target)?;
    let testmod = modules.first().context("there is no bpf_testmod")?.clone();
    modules.truncate(1);
    let iterator = module::build(&target)?;
    let mut model = bpf::kernel::Kernel::new(Arc::new(Btf::from_file(target.kernel.btf(), None)?));
    // What programs name, with the flags that `.BTF_ids` has; the types are the kernel's own.
    model.kfuncs = generated::kernel::kernel()?.kfuncs;
    for path in [testmod, iterator] {
        let name = path.file_stem().context("a module has a name")?;
        model.modules.push(bpf::kernel::Module {
            name: name.to_string_lossy().into_owned(),
            btf: Arc::new(Btf::from_file(&path, Some(model.vmlinux.clone()))?),
        });
    }
    let asked = Asked {
        target: &target,
        model,
        initramfs: initramfs::build(&target)?,
        modules,
        options: Options {
            max_insns: args.max_insns,
            mitigations: target.kernel.has_mitigations()?,
            ..Options::default()
        },
        weights: args.caps,
    };
    match &args.cases {
        Some(dir) => asked.cases(dir, args.bless),
        None => asked.generated(args),
    }
}

impl Asked<'_> {
    fn generated(&self, args: &Args) -> Result<()> {
        let end = args.seed + args.count;
        let step = usize::try_from(args.batch)?;
        let batches = (args.seed..end).step_by(step);
        let mut batches = batches.map(|first| first..end.min(first + args.batch));
        let mut sums = Sums::default();
        let mut differing = Vec::new();
        thread::scope(|scope| -> Result<()> {
            let judge = |seeds: Range<u64>| scope.spawn(move || (seeds.end, self.seeds(seeds)));
            let mut next = batches.next().map(judge);
            while let Some(this) = next {
                let (end, judged) = this.join().map_err(|_| anyhow!("the model panicked"))?;
                let judged = judged?;
                next = batches.next().map(judge);
                let lines = self.guest(&judged.codes, &mut sums.milliseconds)?;
                sums.longer += judged.longer;
                let Judged {
                    cases, verdicts, ..
                } = judged;
                for (((seed, case), model), kernel) in cases.into_iter().zip(verdicts).zip(lines) {
                    if !sums.add(&case, &kernel, &model) {
                        println!("seed {seed}: {}", Difference(&kernel, &model));
                        differing.push(case);
                    }
                }
                println!("seeds {} to {}: {sums}", args.seed, end - 1);
            }
            Ok(())
        })?;
        if differing.is_empty() {
            return Ok(());
        }
        let dir = self.target.project.products("fuzz")?;
        let count = differing.len();
        for case in differing.into_iter().take(SHRUNK) {
            self.shrink(case, &dir)?;
        }
        bail!(
            "{count} programs are judged differently; see {}",
            dir.display()
        );
    }

    /// The programs of some seeds.
    fn seeds(&self, seeds: Range<u64>) -> Result<Judged> {
        self.judged(seeds.map(|seed| (seed, law::case(seed, &self.weights))))
    }

    /// What the model says.
    fn judged(&self, cases: impl Iterator<Item = (u64, Case)>) -> Result<Judged> {
        let mut judged = Judged::default();
        for (number, case) in cases {
            let code = case.code();
            let verdict = law::judge_with(&self.options, &code, &self.model)?;
            if verdict.stats.insns_processed > self.options.max_insns {
                judged.longer += 1;
                continue;
            }
            judged.cases.push((number, case));
            judged.codes.push(code);
            judged.verdicts.push(verdict);
        }
        Ok(judged)
    }

    /// What the guest says; adds how long it took.
    fn guest(&self, codes: &[Code], milliseconds: &mut u64) -> Result<Vec<Line>> {
        let mut batch = Batch::new(&self.model)?;
        codes.iter().for_each(|code| batch.push(code));
        let path = self.target.project.products("fuzz")?.join("batch");
        write(&path, batch.into_bytes())?;
        let said = ask::ask_raw(self.target, &self.initramfs, &path, &self.modules)?;
        let mut lines = Vec::new();
        for line in said.lines() {
            let line: Line = serde_json::from_str(line)
                .with_context(|| format!("the guest says what is no answer: {line}"))?;
            match line.milliseconds {
                Some(time) => *milliseconds += time,
                None => lines.push(line),
            }
        }
        if lines.len() != codes.len() {
            bail!("{} answers to {} programs", lines.len(), codes.len());
        }
        Ok(lines)
    }

    /// Makes a program smaller that is judged differently, and writes it down.
    fn shrink(&self, mut case: Case, dir: &Path) -> Result<()> {
        for _ in 0..ROUNDS {
            let mut smaller = shrink::candidates(&case);
            smaller.truncate(CANDIDATES);
            let mut smaller = self.judged((0..).zip(smaller))?;
            let guest = self.guest(&smaller.codes, &mut 0)?;
            let mut answers = guest.iter().zip(&smaller.verdicts);
            match answers.position(|(guest, model)| !agree(guest, model)) {
                Some(i) => case = smaller.cases.swap_remove(i).1,
                None => break,
            }
        }
        let code = case.code();
        let guest = self.guest(std::slice::from_ref(&code), &mut 0)?.remove(0);
        let model = law::judge_with(&self.options, &code, &self.model)?;
        let name = format!("{:016x}.case", fingerprint(&case));
        let file = CaseFile {
            comment: comment(&case),
            without: None,
            kernel: answer(&guest),
            code,
        };
        let path = dir.join(name);
        fs::write(&path, file.to_string())?;
        println!("{}\n{file}\nthe model says:\n{}", path.display(), model.log);
        Ok(())
    }

    /// Asks about cases that are kept.
    fn cases(&self, dir: &Path, bless: bool) -> Result<()> {
        let mut cases = Vec::new();
        for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "case")
            {
                let text = fs::read_to_string(&path)?;
                let case = CaseFile::parse(&text).with_context(|| path.display().to_string())?;
                cases.push((path, case));
            }
        }
        let codes: Vec<Code> = cases.iter().map(|(_, case)| case.code.clone()).collect();
        let mut wrong = 0;
        for (line, (path, mut case)) in self.guest(&codes, &mut 0)?.iter().zip(cases) {
            let said = answer(line);
            if said == case.kernel {
                continue;
            }
            if bless {
                case.kernel = said;
                fs::write(&path, case.to_string())?;
                println!("written: {}", path.display());
            } else {
                wrong += 1;
                println!("{}: {said}; the case says: {}", path.display(), case.kernel);
            }
        }
        if wrong > 0 {
            bail!("{wrong} cases differ");
        }
        println!("{} cases: the kernel says what they say", codes.len());
        Ok(())
    }
}

/// What a case file says above the instructions.
fn comment(case: &Case) -> String {
    match case.mutation {
        Some(mutation) => format!("{}\n{mutation:?}", case.program),
        None => case.program.to_string(),
    }
}

fn fingerprint(case: &Case) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    comment(case).hash(&mut hasher);
    hasher.finish()
}
