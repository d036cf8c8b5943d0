// SPDX-License-Identifier: GPL-2.0-only
//! The programs of objects, each with its verdict: on all cores, told in the order in which they stand.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use bpf::kernel::Kernel;
use bpf::load::{Autoload, Prepared};
use bpf::program::ProgLoad;
use rayon::prelude::*;
use verifier_model::{Options, Outcome, Verdict, explain, verify};

use crate::check::NOT_MODELLED;
use crate::column::Row;
use crate::dump;
use crate::filter::Filters;
use crate::options::{self, Input, not_loaded};
use crate::report::{self, Report};
use crate::stat::{Record, Stat, Value};
use crate::told::describe;

/// Programs of so few instructions are checked sooner than threads start.
const FEW_INSNS: usize = 2000;

/// How objects are checked.
pub(crate) struct Checker<'a> {
    pub(crate) options: &'a options::Args,
    pub(crate) kernel: &'a Kernel,
    pub(crate) verifier: &'a Options,
    pub(crate) which: Autoload<'a>,
    pub(crate) filters: &'a Filters,
    pub(crate) shows: Shows,
}

/// What is shown of each program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    /// A line of a table.
    Line,
    /// What it is, before there is a verdict.
    Dump,
    /// The log.
    Log,
    /// The log, and a report behind its messages.
    LogWithReport,
    /// What is told of it to people.
    Report,
}

/// What has been checked so far.
#[derive(Default)]
pub(crate) struct Checked {
    pub(crate) rows: Vec<Row>,
    /// Of the same programs, for formats that show reports.
    pub(crate) reports: Vec<Report>,
    /// Why files could not be used.
    pub(crate) unusable: Vec<Error>,
    rejected: bool,
    not_modelled: bool,
}

impl Checked {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match (self.rejected, self.not_modelled) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(NOT_MODELLED),
            (false, false) => ExitCode::SUCCESS,
        }
    }

    fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
        self.reports.append(&mut other.reports);
        self.unusable.append(&mut other.unusable);
        self.rejected |= other.rejected;
        self.not_modelled |= other.not_modelled;
    }

    /// Takes in a program, with the verdict if it came to one.
    fn add(&mut self, file: &str, prog: &Prepared, verdict: Option<(&Verdict, Duration)>) {
        let mut record = Record::default();
        record.text(Stat::FileName, file);
        record.text(Stat::ProgName, &*prog.name);
        match (&prog.load, verdict) {
            (Err(e), _) => {
                record.text(Stat::Verdict, "failure");
                record.text(Stat::Message, not_loaded(prog.loader, e));
                self.rejected = true;
            }
            (Ok(load), Some((verdict, time))) => {
                let us = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
                record.number(Stat::Duration, us);
                describe(&mut record, load, verdict);
                self.rejected |= matches!(verdict.outcome, Outcome::Rejected(_));
                self.not_modelled |= matches!(verdict.outcome, Outcome::NotModelled(_));
            }
            (Ok(_), None) => {}
        }
        let b = Some(record);
        self.rows.push(Row { a: None, b });
    }
}

impl Checker<'_> {
    /// Checks all objects; one that cannot be used is no end for the others. What logs and dumps say is
    /// written as it comes, one program at a time.
    pub(crate) fn check(&self, objects: &[PathBuf], out: &mut impl Write) -> Result<Checked> {
        let mut checked = Checked::default();
        if matches!(self.shows, Shows::Line | Shows::Report) {
            let check_file = |path: &PathBuf| self.check_file(path, &mut std::io::sink());
            let all: Vec<_> = match objects {
                [alone] => vec![check_file(alone)],
                _ => objects.par_iter().map(check_file).collect(),
            };
            for of_file in all {
                checked.append(of_file?);
            }
            return Ok(checked);
        }
        for path in objects {
            checked.append(self.check_file(path, out)?);
        }
        Ok(checked)
    }

    fn check_file(&self, path: &Path, out: &mut impl Write) -> Result<Checked> {
        let mut checked = Checked::default();
        let inputs = match self.read(path) {
            Ok(inputs) => inputs,
            Err(e) => {
                checked.unusable.push(e.context(path.display().to_string()));
                return Ok(checked);
            }
        };
        for (input, progs) in &inputs {
            let mut of_input = self.check_input(input, progs, out)?;
            // Reports tell where the object is.
            for report in &mut of_input.reports {
                report.object = path.with_file_name(&input.name).display().to_string();
            }
            checked.append(of_input);
        }
        Ok(checked)
    }

    /// The objects of a file, with their programs.
    fn read(&self, path: &Path) -> Result<Vec<(Input, Vec<Prepared>)>> {
        let inputs = self.options.read_all(path)?.into_iter();
        let prepare = |input| {
            let progs = self.options.prepare(&input, self.kernel, self.which)?;
            Ok((input, progs))
        };
        inputs.map(prepare).collect()
    }

    fn check_input(
        &self,
        input: &Input,
        progs: &[Prepared],
        out: &mut impl Write,
    ) -> Result<Checked> {
        let wanted = |prog: &&Prepared| self.filters.wants(&input.name, &prog.name);
        let progs: Vec<&Prepared> = progs.iter().filter(wanted).collect();
        let mut checked = Checked::default();
        match self.shows {
            Shows::Dump => {
                if let Some(object) = input.object() {
                    write!(out, "{}", dump::maps(object))?;
                }
                for prog in progs {
                    self.dump(prog, out)?;
                    checked.add(&input.name, prog, None);
                }
            }
            Shows::Log | Shows::LogWithReport => {
                for prog in progs {
                    let (of_prog, verdict) = self.check_prog(&input.name, prog)?;
                    if let (Some(verdict), Ok(load)) = (verdict, &prog.load) {
                        self.write_log(&of_prog, load, &verdict, out)?;
                    }
                    checked.append(of_prog);
                }
            }
            Shows::Line | Shows::Report => {
                let check_prog = |prog: &&Prepared| {
                    let of_prog = self.check_prog(&input.name, prog);
                    of_prog.map(|(of_prog, _)| of_prog)
                };
                let all: Vec<_> = match insns(&progs) < FEW_INSNS {
                    true => progs.iter().map(check_prog).collect(),
                    false => progs.par_iter().map(check_prog).collect(),
                };
                for of_prog in all {
                    checked.append(of_prog?);
                }
            }
        }
        Ok(checked)
    }

    fn check_prog(&self, file: &str, prog: &Prepared) -> Result<(Checked, Option<Verdict>)> {
        let mut checked = Checked::default();
        let start = Instant::now();
        let load = prog.load.as_ref().ok();
        let verdict = load.map(|load| verify(load, self.kernel, self.verifier));
        let time = start.elapsed();
        checked.add(file, prog, verdict.as_ref().map(|verdict| (verdict, time)));
        if self.shows == Shows::Report {
            let of = report::Checked { file, prog, time };
            let explain = |load: &ProgLoad| explain(load, self.kernel, self.verifier).1;
            let report = Report::new(&of, verdict.as_ref(), explain)?;
            checked.reports.push(report);
        }
        Ok((checked, verdict))
    }

    fn dump(&self, prog: &Prepared, out: &mut impl Write) -> Result<()> {
        match &prog.load {
            Err(e) => writeln!(out, "{}: not loadable: {e}", prog.name)?,
            Ok(load) => {
                writeln!(out, "{}", dump::summary(load))?;
                write!(out, "{}", dump::program(self.kernel, load))?;
            }
        }
        Ok(())
    }

    fn write_log(
        &self,
        checked: &Checked,
        load: &ProgLoad,
        verdict: &Verdict,
        out: &mut impl Write,
    ) -> Result<()> {
        let record = checked.rows.first().and_then(|row| row.b.as_ref());
        let word = |stat| {
            let value = record.and_then(|record| record.get(stat));
            value.map(Value::to_string).unwrap_or_default()
        };
        writeln!(
            out,
            "{}/{}, verdict {}, log:",
            word(Stat::FileName),
            word(Stat::ProgName),
            word(Stat::Verdict)
        )?;
        let report = match self.shows {
            Shows::LogWithReport => explain(load, self.kernel, self.verifier)
                .1
                .report()
                .to_owned(),
            _ => String::new(),
        };
        writeln!(out, "{}", with_report(&verdict.log, &report))?;
        Ok(())
    }
}

/// Instructions of all that is loaded.
fn insns(progs: &[&Prepared]) -> usize {
    let loaded = progs.iter().filter_map(|prog| prog.load.as_ref().ok());
    loaded.map(|load| load.insns.len()).sum()
}

/// A log with a report behind its messages: before the counts, as the kernel has it.
fn with_report(log: &str, report: &str) -> String {
    let counts = log.rfind("\nprocessed ").map_or(0, |at| at + 1);
    let (messages, counts) = log.split_at(counts);
    let gap = if report.is_empty() { "" } else { "\n" };
    format!("{messages}{report}{gap}{counts}")
}
