// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model check --kernels`: programs by kernels, and what to change where one is refused.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use bpf::kernel::Kernel;
use bpf::load::{Autoload, Prepared};
use rayon::prelude::*;
use serde::Serialize;
use verifier_model::{Options, Outcome, explain, verify};

use crate::check::NOT_MODELLED;
use crate::filter::Filters;
use crate::named::Named;
use crate::options::{self, not_loaded};
use crate::results::Format;
use crate::table;

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) objects: &'a [PathBuf],
    pub(crate) which: Autoload<'a>,
    pub(crate) filters: &'a Filters,
    pub(crate) options: &'a options::Args,
    pub(crate) kernels: &'a [Named],
    pub(crate) format: Format,
}

/// What one kernel says of one program.
#[derive(Debug, Serialize)]
struct Answer {
    file_name: String,
    prog_name: String,
    kernel: String,
    /// `success`, `failure` or `not-modelled`.
    verdict: &'static str,
    total_insns: Option<u32>,
    kind: Option<&'static str>,
    insn: Option<u32>,
    message: Option<String>,
    /// What to change.
    #[serde(skip)]
    advice: Vec<String>,
}

impl Answer {
    fn cell(&self) -> String {
        match self.total_insns {
            Some(insns) if self.verdict == "success" => insns.to_string(),
            _ => self.verdict.to_owned(),
        }
    }
}

/// Asks all kernels of all programs, on all cores.
pub(crate) fn run(question: &Question<'_>, out: &mut impl Write) -> Result<ExitCode> {
    ensure!(
        !question.format.is_report(),
        "sarif and junit tell of one kernel: give --kernel once"
    );
    for note in question.kernels.iter().filter_map(Named::note) {
        eprintln!("note: {note}");
    }
    let asked = question.kernels.par_iter();
    let asked: Vec<_> = asked.map(|kernel| of_kernel(question, kernel)).collect();
    let answers = asked.into_iter().collect::<Result<Vec<_>>>()?;
    ensure!(
        answers.iter().any(|of| !of.is_empty()),
        "-f: no program has such a name"
    );
    match question.format {
        Format::Table => write!(out, "{}", as_table(question.kernels, &answers))?,
        Format::Json => {
            let all: Vec<&Answer> = answers.iter().flatten().collect();
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            answers
                .iter()
                .flatten()
                .try_for_each(|answer| csv.serialize(answer))?;
            csv.flush()?;
        }
        // Refused above.
        Format::Sarif | Format::Junit => {}
    }
    let said = |verdict| {
        answers
            .iter()
            .flatten()
            .any(|answer| answer.verdict == verdict)
    };
    Ok(match (said("failure"), said("not-modelled")) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(NOT_MODELLED),
        (false, false) => ExitCode::SUCCESS,
    })
}

fn of_kernel(question: &Question<'_>, named: &Named) -> Result<Vec<Answer>> {
    let kernel = question.options.as_seen(named.read()?);
    let options = question.options.verifier_of(named.release());
    let of_object = |path: &PathBuf| -> Result<Vec<Answer>> {
        let file = || path.display().to_string();
        let mut answers = Vec::new();
        for input in question.options.read_all(path).with_context(file)? {
            let progs = question.options.prepare(&input, &kernel, question.which);
            let progs = progs.with_context(file)?;
            let wanted = progs.par_iter();
            let wanted = wanted.filter(|prog| question.filters.wants(&input.name, &prog.name));
            let of_program = |prog| Answer {
                file_name: input.name.clone(),
                kernel: named.name.clone(),
                ..of_program(prog, &kernel, &options)
            };
            answers.par_extend(wanted.map(of_program));
        }
        Ok(answers)
    };
    let answers: Vec<_> = question.objects.par_iter().map(of_object).collect();
    let answers = answers.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(answers.into_iter().flatten().collect())
}

fn of_program(prog: &Prepared, kernel: &Kernel, options: &Options) -> Answer {
    let mut answer = Answer {
        file_name: String::new(),
        prog_name: prog.name.clone(),
        kernel: String::new(),
        verdict: "failure",
        total_insns: None,
        kind: None,
        insn: None,
        message: None,
        advice: Vec::new(),
    };
    let load = match &prog.load {
        Ok(load) => load,
        Err(e) => {
            answer.message = Some(not_loaded(prog.loader, e));
            return answer;
        }
    };
    let verdict = verify(load, kernel, options);
    answer.total_insns = Some(verdict.stats.insns_processed);
    match verdict.outcome {
        Outcome::Accepted => answer.verdict = "success",
        Outcome::Rejected(why) => {
            answer.kind = Some(why.kind.name());
            answer.insn = why.insn;
            answer.message = Some(why.said().to_owned());
            let (_, explanation) = explain(load, kernel, options);
            answer.advice = explanation.advice().to_vec();
        }
        Outcome::NotModelled(what) => {
            answer.verdict = "not-modelled";
            answer.message = Some(format!("not modelled: {what}"));
        }
    }
    answer
}

/// A line a program and a column a kernel; below, why programs are refused and what to change.
fn as_table(kernels: &[Named], answers: &[Vec<Answer>]) -> String {
    let mut head = vec![("File".to_owned(), true), ("Program".to_owned(), true)];
    head.extend(kernels.iter().map(|kernel| (kernel.name.clone(), false)));
    let programs = answers.first().map_or(0, Vec::len);
    let of_program = |i: usize| answers.iter().map(move |of| &of[i]);
    let lines = (0..programs).map(|i| {
        let first = &answers[0][i];
        let mut line = vec![first.file_name.clone(), first.prog_name.clone()];
        line.extend(of_program(i).map(Answer::cell));
        line
    });
    let mut text = table::plain(&head, lines) + "\n";
    for i in 0..programs {
        text += &reasons(kernels.len(), of_program(i).collect());
    }
    text
}

/// Why a program is not accepted, each reason with the kernels that give it.
fn reasons(kernels: usize, mut answers: Vec<&Answer>) -> String {
    answers.retain(|answer| answer.message.is_some());
    let mut text = String::new();
    while let Some(first) = answers.first().copied() {
        let same = |answer: &&Answer| answer.message == first.message && answer.kind == first.kind;
        let (of, rest): (Vec<_>, Vec<_>) = answers.into_iter().partition(same);
        answers = rest;
        if text.is_empty() {
            let _ = writeln!(text, "\n{}/{}", first.file_name, first.prog_name);
        }
        let names: Vec<&str> = of.iter().map(|answer| answer.kernel.as_str()).collect();
        let names = match names.len() == kernels {
            true => "all".to_owned(),
            false => names.join(", "),
        };
        let at = first.insn.map(|insn| format!("insn {insn}: "));
        let message = first.message.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  {names}: {}{message}", at.unwrap_or_default());
        for advice in &first.advice {
            let _ = writeln!(text, "    * {advice}");
        }
    }
    text
}
