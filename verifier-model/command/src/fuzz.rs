// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model fuzz`: generated programs, and whether what the verifier accepts ever misbehaves.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use bpf::kernel::Kernel;
use generated::ast::Stmt;
use generated::file::{Answer, CaseFile};
use generated::generate::Weights;
use generated::hunt::{Wrong, hunt};
use generated::interp::misbehaviour;
use generated::mutate::Case;
use generated::{kernel, law, shrink};
use verifier_model::Rule;

use crate::whole_file::WholeFile;

/// Which programs, and what to look for.
#[derive(clap::Args)]
#[group(id = "fuzz")]
pub(crate) struct Args {
    /// Seed of the first program; each next one has the next
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many programs
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// How often each accepted program is run, with other inputs each time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Look for a program that shows the verifier wrong without this rule
    #[arg(long, value_name = "RULE", value_parser = crate::rules::rule)]
    without: Option<Rule>,
    /// Write what is found to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let kernel = kernel::kernel()?;
    let save = args.save.as_deref().map(WholeFile::create).transpose()?;
    match args.without {
        Some(rule) => without(args, rule, &kernel, save, out),
        None => law(args, &kernel, save, out),
    }
}

/// Holds programs against the law.
fn law(
    args: &Args,
    kernel: &Kernel,
    save: Option<WholeFile>,
    out: &mut impl Write,
) -> Result<ExitCode> {
    let weights = Weights::default();
    let (mut accepted, mut looping) = (0, 0);
    for seed in args.seed..args.seed.saturating_add(args.count) {
        let case = law::case(seed, &weights);
        let iterates = case.program.any(|s| matches!(s, Stmt::Iterate(..)));
        looping += u64::from(iterates);
        let code = case.code();
        if !law::judge(&code, kernel)?.accepted() {
            continue;
        }
        accepted += 1;
        if misbehaviour(&code, law::SEED, args.runs).is_none() {
            continue;
        }
        let case = shrink::shrink(case, |smaller| {
            let breach = law::breach(&smaller.code(), kernel, args.runs);
            matches!(breach, Ok(Some(_)))
        });
        let code = case.code();
        let what = misbehaviour(&code, law::SEED, args.runs).context("it misbehaved before")?;
        let comment = format!("{}\nseed {seed}: accepted, and {what}", text(&case));
        report(save, None, comment, &case, Answer::Accept, out)?;
        return Ok(ExitCode::from(1));
    }
    writeln!(
        out,
        "seeds {} to {}: {accepted} programs accepted, none of them misbehaves in {} runs; \
         {looping} with an iterator loop",
        args.seed,
        args.seed.saturating_add(args.count) - 1,
        args.runs
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Looks for what a rule guards.
fn without(
    args: &Args,
    rule: Rule,
    kernel: &Kernel,
    save: Option<WholeFile>,
    out: &mut impl Write,
) -> Result<ExitCode> {
    let mut tried = 0u64;
    let seeds = args.seed..args.seed.saturating_add(args.count);
    let Some(found) = hunt(rule, kernel, seeds, || tried += 1)? else {
        writeln!(out, "{}: nothing in {tried} programs", rule.name)?;
        return Ok(ExitCode::SUCCESS);
    };
    let fixed = law::judge(&found.case.code(), kernel)?;
    let (wrong, answer) = match &found.wrong {
        Wrong::Accepts(what) => {
            let why = fixed.rejection().context("it was rejected before")?;
            let answer = Answer::Reject(why.errno.0, why.message.clone());
            (format!("accepted, and {what}"), answer)
        }
        Wrong::Rejects(message) => (format!("rejected: {message}"), Answer::Accept),
    };
    let comment = format!(
        "{}\nFound in {tried} programs, seed {}. Without the rule {}: {wrong}",
        text(&found.case),
        found.seed,
        rule.name
    );
    report(save, Some(rule), comment, &found.case, answer, out)?;
    Ok(ExitCode::from(1))
}

/// Statements, and the change made to their instructions.
fn text(case: &Case) -> String {
    match case.mutation {
        Some(mutation) => format!("{}{mutation:?}\n", case.program),
        None => case.program.to_string(),
    }
}

fn report(
    save: Option<WholeFile>,
    without: Option<Rule>,
    comment: String,
    case: &Case,
    kernel: Answer,
    out: &mut impl Write,
) -> Result<()> {
    let file = CaseFile {
        comment,
        without: without.map(|rule| rule.name.to_owned()),
        kernel,
        code: case.code(),
    };
    match save {
        Some(save) => {
            save.write(&file.to_string())?;
            save.keep()?;
        }
        None => write!(out, "{file}")?,
    }
    Ok(())
}
