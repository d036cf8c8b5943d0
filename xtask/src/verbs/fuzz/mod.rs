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
mod results;
mod shard;
mod subject;
mod sums;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bpf::caps::Caps;
use generated::ast::ProgKind;
use generated::batch::Batch;
use generated::code::Code;
use generated::file::{Answer, CaseFile};
use generated::generate::Weights;
use generated::mutate::Case;
use generated::{law, shrink};
use verifier_model::Verdict;

use self::line::{Difference, Line, agree, answer};
use self::results::{Results, Run};
use self::shard::Shard;
use self::subject::Subject;
use self::sums::Sums;
use crate::corpus::ask;
use crate::linux::named::Named;
use crate::linux::target::Target;
use crate::workshop::files::write;
use crate::workshop::project::Project;

/// Candidates for a smaller program that the guest is asked about at a time, and how often.
const CANDIDATES: usize = 1000;
const ROUNDS: u32 = 30;

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
    #[arg(long, value_name = "CAPS", default_value = "all", value_parser = loader)]
    caps: Caps,
    /// The kernel to ask. The test kernel has no mitigations, so that it is easier with users without
    /// capabilities.
    #[arg(long, default_value = "test")]
    kernel: Named,
    /// How many programs that are judged differently are made smaller, which boots the kernel up to 30
    /// times each; the others are written as they are.
    #[arg(long, value_name = "N", default_value_t = 3)]
    shrink: usize,
    /// Of N parts of the batches, the one with the number I, from 0.
    #[arg(long, value_name = "I/N", requires = "results")]
    shard: Option<Shard>,
    /// A directory where what comes of each batch is kept; batches that are there are not asked again.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Add up what is in this directory of results, and ask nobody.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["results", "shard", "cases"])]
    merge: Option<PathBuf>,
    /// Ask about the cases in this directory instead, and compare with the answers in them.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["seed", "count", "caps"])]
    cases: Option<PathBuf>,
    /// Write the answers into the cases.
    #[arg(long, requires = "cases")]
    bless: bool,
}

/// The loaders that programs are generated for.
fn loader(text: &str) -> Result<Caps, String> {
    let caps = Caps::parse(text)?;
    match caps.is_empty() || caps.is_all() || caps == Caps::BPF {
        true => Ok(caps),
        false => Err("programs are generated for none, bpf and all".into()),
    }
}

/// What is generated for a loader.
fn weights(caps: Caps) -> Weights {
    match caps {
        caps if caps.is_empty() => Weights::UNPRIVILEGED,
        Caps::BPF => Weights {
            kind: Some(ProgKind::SyscallBpf),
            ..Weights::default()
        },
        _ => Weights::default(),
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
    /// How many call what the kernel has not got.
    lacking: u64,
}

/// A seed, the program, and what the kernel says of it; the model says something else.
type Differing = (u64, Case, Answer);

/// Who is asked.
struct Asked<'a> {
    target: &'a Target<'a>,
    subject: Subject,
    weights: Weights,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    if let Some(directory) = &args.merge {
        return results::merge(directory);
    }
    let target = args.kernel.target(project)?;
    let mut subject = Subject::new(&target, args.kernel)?;
    subject.options.max_insns = args.max_insns;
    let asked = Asked {
        target: &target,
        subject,
        weights: weights(args.caps),
    };
    match &args.cases {
        Some(dir) => asked.cases(dir, args.bless),
        None => asked.generated(args),
    }
}

impl Asked<'_> {
    fn generated(&self, args: &Args) -> Result<()> {
        let shard = args.shard.unwrap_or(Shard::WHOLE);
        let mut batches = shard.batches(args.seed..args.seed + args.count, args.batch);
        let run = Run {
            kernel: self.target.kernel.release.clone(),
            max_insns: args.max_insns,
            caps: args.caps.to_string(),
        };
        let results = args.results.as_deref();
        let results = results.map(|dir| Results::open(dir, run)).transpose()?;
        let all = batches.len();
        batches.retain(|seeds| !results.as_ref().is_some_and(|kept| kept.has(seeds)));
        if batches.len() < all {
            println!("{} of {all} batches are there", all - batches.len());
        }
        let mut batches = batches.into_iter();
        let mut sums = Sums::default();
        let mut differing = Vec::new();
        thread::scope(|scope| -> Result<()> {
            let judge = |seeds: Range<u64>| {
                let these = seeds.clone();
                (seeds, scope.spawn(move || self.seeds(these)))
            };
            let mut next = batches.next().map(judge);
            while let Some((seeds, this)) = next {
                let judged = this.join().map_err(|_| anyhow!("the model panicked"))??;
                next = batches.next().map(judge);
                let (of_batch, differ) = self.held(judged)?;
                if let Some(results) = &results {
                    let seeds_of: Vec<u64> = differ.iter().map(|(seed, ..)| *seed).collect();
                    results.keep(&seeds, &of_batch, &seeds_of)?;
                }
                sums.merge(&of_batch);
                differing.extend(differ.into_iter().map(|(_, case, said)| (case, said)));
                println!("seeds {} to {}: {sums}", args.seed, seeds.end - 1);
            }
            Ok(())
        })?;
        if differing.is_empty() {
            return Ok(());
        }
        let dir = self.target.project.products("fuzz")?;
        let count = differing.len();
        for (i, (case, said)) in differing.into_iter().enumerate() {
            let (case, said) = match i < args.shrink {
                true => self.shrink(case)?,
                false => (case, said),
            };
            self.write(&case, said, &dir)?;
        }
        bail!(
            "{count} programs are judged differently; see {}",
            dir.display()
        );
    }

    /// Asks the guest about a batch: what came of it, and the programs that it judges differently.
    fn held(&self, judged: Judged) -> Result<(Sums, Vec<Differing>)> {
        // A kernel with the modules has all that programs call.
        ensure!(
            judged.lacking == 0 || self.subject.modules.is_empty(),
            "{} programs call what the kernel has not got",
            judged.lacking
        );
        let mut sums = Sums::not_asked(judged.longer, judged.lacking);
        let lines = self.guest(&judged.codes, &mut sums.milliseconds)?;
        let mut differing = Vec::new();
        let told = judged.cases.into_iter().zip(judged.verdicts).zip(lines);
        for (((seed, case), model), kernel) in told {
            if !sums.add(&case, &kernel, &model) {
                println!("seed {seed}: {}", Difference(&kernel, &model));
                differing.push((seed, case, answer(&kernel)));
            }
        }
        Ok((sums, differing))
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
            let Ok(verdict) = law::judge_with(&self.subject.options, &code, &self.subject.model)
            else {
                judged.lacking += 1;
                continue;
            };
            if verdict.stats.insns_processed > self.subject.options.max_insns {
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
        let mut batch = Batch::new(&self.subject.model)?;
        codes.iter().for_each(|code| batch.push(code));
        // Of its own: parts of a run may be asked at once.
        let path = tempfile::NamedTempFile::new_in(self.target.project.products("fuzz")?)?;
        write(path.path(), batch.into_bytes())?;
        let Subject {
            initramfs, modules, ..
        } = &self.subject;
        let said = ask::ask_raw(self.target, initramfs, path.path(), modules)?;
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

    /// Makes a program smaller that is judged differently; with what the kernel says of it.
    fn shrink(&self, mut case: Case) -> Result<(Case, Answer)> {
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
        let guest = self.guest(&[case.code()], &mut 0)?.remove(0);
        Ok((case, answer(&guest)))
    }

    /// Writes a program down of which the kernel said another thing than the model.
    fn write(&self, case: &Case, kernel: Answer, dir: &Path) -> Result<()> {
        let code = case.code();
        let model = law::judge_with(&self.subject.options, &code, &self.subject.model)?;
        let name = format!("{:016x}.case", fingerprint(case));
        let file = CaseFile {
            comment: comment(case),
            without: None,
            kernel,
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
