// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model check --kernels`: programs by kernels, and what to change where one is refused.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
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
use crate::{table, unusable};

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

/// Asks all kernels of all programs, on all cores. An object that cannot be used is no end for the others.
pub(crate) fn run(question: &Question<'_>, out: &mut impl Write) -> Result<ExitCode> {
    ensure!(
        !question.format.is_report(),
        "sarif and junit tell of one kernel: give --kernel once"
    );
    for note in question.kernels.iter().filter_map(Named::note) {
        eprintln!("note: {note}");
    }
    let asked = question.kernels.par_iter();
    let asked: Vec<_> = asked.map(|named| Asked::new(question, named)).collect();
    let asked = asked.into_iter().collect::<Result<Vec<_>>>()?;
    let of_objects = question.objects.par_iter();
    let of_objects: Vec<_> = of_objects
        .map(|path| of_object(question, &asked, path).with_context(|| path.display().to_string()))
        .collect();
    let (mut answers, mut errors) = (Vec::new(), Vec::new());
    for of_object in of_objects {
        match of_object {
            Ok(mut of_object) => answers.append(&mut of_object),
            Err(e) => errors.push(e),
        }
    }
    let unusable = unusable::all(&errors);
    if answers.is_empty() {
        return unusable.context("-f: no program has such a name");
    }
    write(question, &answers, out)?;
    Ok(unusable.unwrap_or_else(|| exit_code(&answers)))
}

/// A kernel, and how its verifier goes about it.
struct Asked<'a> {
    name: &'a str,
    kernel: Kernel,
    options: Options,
}

impl<'a> Asked<'a> {
    fn new(question: &Question<'_>, named: &'a Named) -> Result<Self> {
        Ok(Self {
            name: &named.name,
            kernel: question.options.as_seen(named.read()?),
            options: question.options.verifier_of(named.release()),
        })
    }
}

/// Of each program the answers of all kernels, in the order of these.
fn of_object(
    question: &Question<'_>,
    asked: &[Asked<'_>],
    path: &Path,
) -> Result<Vec<Vec<Answer>>> {
    let mut answers = Vec::new();
    for input in question.options.read_all(path)? {
        let prepare = |asked: &Asked<'_>| {
            let options = question.options;
            options.prepare(&input, &asked.kernel, question.which)
        };
        let progs: Vec<_> = asked.par_iter().map(prepare).collect();
        let progs = progs.into_iter().collect::<Result<Vec<_>>>()?;
        let of_program = |i: usize| -> Vec<Answer> {
            let of_kernel = |(asked, progs): (&Asked<'_>, &Vec<Prepared>)| Answer {
                file_name: input.name.clone(),
                kernel: asked.name.to_owned(),
                ..of_program(&progs[i], &asked.kernel, &asked.options)
            };
            asked.par_iter().zip(&progs).map(of_kernel).collect()
        };
        let first = progs.first().map_or(&[][..], Vec::as_slice);
        let wanted = |i: &usize| question.filters.wants(&input.name, &first[*i].name);
        let programs = (0..first.len()).into_par_iter();
        answers.par_extend(programs.filter(wanted).map(of_program));
    }
    Ok(answers)
}

fn exit_code(answers: &[Vec<Answer>]) -> ExitCode {
    let all = answers.iter().flatten();
    let said = |verdict| all.clone().any(|answer| answer.verdict == verdict);
    match (said("failure"), said("not-modelled")) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(NOT_MODELLED),
        (false, false) => ExitCode::SUCCESS,
    }
}

fn write(question: &Question<'_>, answers: &[Vec<Answer>], out: &mut impl Write) -> Result<()> {
    match question.format {
        Format::Table => write!(out, "{}", as_table(question.kernels, answers))?,
        Format::Json => {
            let all: Vec<&Answer> = answers.iter().flatten().collect();
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            let mut all = answers.iter().flatten();
            all.try_for_each(|answer| csv.serialize(answer))?;
            csv.flush()?;
        }
        // Refused before.
        Format::Sarif | Format::Junit => {}
    }
    Ok(())
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
    let lines = answers.iter().map(|of_program| {
        let first = &of_program[0];
        let mut line = vec![first.file_name.clone(), first.prog_name.clone()];
        line.extend(of_program.iter().map(Answer::cell));
        line
    });
    let mut text = table::plain(&head, lines) + "\n";
    for of_program in answers {
        text += &reasons(kernels.len(), of_program.iter().collect());
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
