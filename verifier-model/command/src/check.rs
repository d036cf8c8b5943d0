// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model check`: the programs of objects, with veristat's habits.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use bpf::kernel::Kernel;
use bpf::load::Autoload;
use verifier_model::Options;

use crate::column::{self, Column, Row, Variant};
use crate::filter::Filters;
use crate::matrix::{self, Question};
use crate::named::Named;
use crate::report::Report;
use crate::results::{self, Format};
use crate::stat::{Record, Stat};
use crate::told::reasons;
use crate::verdicts::{Checker, Shows};
use crate::{html, junit, options, sarif, unusable};

/// Exit status when nothing is rejected, but something was not modelled.
pub(crate) const NOT_MODELLED: u8 = 3;

#[derive(clap::Args)]
#[group(id = "check")]
#[command(after_long_help = help())]
pub(crate) struct Args {
    /// BPF objects; with -C two files of results
    #[arg(required = true)]
    objects: Vec<PathBuf>,
    /// Only this program; also one of `SEC("?…")`
    #[arg(short, long, value_name = "NAME", conflicts_with = "raw")]
    prog: Option<String>,
    /// Also programs of `SEC("?…")`, which are not loaded by default
    #[arg(long, conflicts_with_all = ["prog", "raw"])]
    all: bool,
    /// Print maps and instructions, without verdicts
    #[arg(long)]
    dump: bool,
    /// Check against each of these kernels, with commas between them, and say what to change so that
    /// all accept; for their names see --kernel
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["named", "btf", "running", "module_btf", "kconfig", "ksyms", "kfuncs", "dump", "log_level", "emit", "sort", "compare"])]
    kernels: Vec<Named>,
    #[command(flatten, next_help_heading = "Output")]
    output: Output,
    #[command(flatten)]
    options: options::Args,
}

/// What is shown, and how.
#[derive(clap::Args)]
struct Output {
    /// Print the verifier's log: 1 the path that ends it, 2 every path
    #[arg(short, long, alias = "log", value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=2))]
    log_level: u32,
    /// Fields to show, with commas between them
    #[arg(short, long, value_name = "FIELDS")]
    emit: Option<String>,
    /// Fields to sort by, each with ^ (ascending) or v (descending) behind it
    #[arg(short, long, value_name = "FIELDS")]
    sort: Option<String>,
    /// Programs to look at (GLOB, FILE/PROG) or to show (FIELD=VALUE); ! before it takes them out;
    /// may be given several times
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// How to write the results
    #[arg(
        short,
        long,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    output_format: Format,
    /// After the log of a program that is rejected, a report in the form of 7.3's: class, reason,
    /// place, causal path, suggestion; its sentences are not the kernel's
    #[arg(long)]
    report: bool,
    /// Also write a page to go through the verification of one program with, step by step, in a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare two files of results, written by -o csv, -o json or by veristat
    #[arg(short = 'C', long)]
    compare: bool,
}

impl Args {
    fn shows(&self) -> Shows {
        match &self.output {
            _ if self.dump => Shows::Dump,
            output if output.output_format.is_report() => Shows::Report,
            output if output.report => Shows::LogWithReport,
            output if output.log_level > 0 => Shows::Log,
            _ => Shows::Line,
        }
    }

    /// The programs that are loaded.
    fn which(&self) -> Autoload<'_> {
        match &self.prog {
            Some(prog) => Autoload::Only(prog),
            None if self.all => Autoload::All,
            None => Autoload::Default,
        }
    }
}

fn help() -> String {
    let mut help = "\
Fields:
"
    .to_owned();
    for stat in Stat::all() {
        let names = stat.names().join(", ");
        help += &format!("  {names:34} {}\n", stat.meaning());
    }
    help + "
  With -C each has variants: insns_a and insns_b of the first and the second file, insns_diff
  between them, insns_pct the same in percent. |insns_diff| is without its sign.

Examples:
  verifier-model check prog.bpf.o                     what Linux 7.3 will say of prog.bpf.o
  verifier-model check prog.bpf.o -p handler -l 2     the whole log of one program
  verifier-model check *.bpf.o -s insns -f 'insns>10000'
                                                      the expensive ones first
  verifier-model check *.bpf.o -f '!verdict=success' -e prog,message
                                                      what is rejected, and why
  verifier-model check *.bpf.o -f kind=reference-leak
                                                      what is rejected for one reason
  verifier-model check *.bpf.o -o csv > new.csv       keep the results,
  verifier-model check -C old.csv new.csv -f 'insns_pct>10'
                                                      and see what has become dearer
  verifier-model check prog.bpf.o --running           the kernel of this machine
  verifier-model check *.bpf.o --kernels 6.1,6.12,7.3  one table for these kernels

Exit status:
  0  every program is accepted
  1  a program is rejected, or not even libbpf would load it
  2  the input cannot be used: no object, no such program, bad arguments; of several files the others
     are checked nevertheless
  3  none is rejected, but one needs something that is not modelled, so there is no verdict"
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let output = &args.output;
    let filters = Filters::parse(&output.filter)?;
    let sort = output.sort.as_deref().map(column::parse_sort).transpose()?;
    let sort = sort.unwrap_or_default();
    let emit = output.emit.as_deref().map(column::parse_emit).transpose()?;
    if output.compare {
        return compare(args, &filters, emit, &sort, out);
    }
    let table = output.output_format == Format::Table;
    ensure!(
        table || args.output.log_level == 0,
        "-l prints logs, which go into a table alone: leave one of -l and -o out"
    );
    ensure!(
        !output.report || output.log_level > 0,
        "--report goes into a log: add -l 1 or -l 2"
    );
    if !args.kernels.is_empty() {
        let question = Question {
            objects: &args.objects,
            which: args.which(),
            filters: &filters,
            options: &args.options,
            kernels: &args.kernels,
            format: output.output_format,
        };
        return matrix::run(&question, out);
    }
    let kernel = args.options.kernel()?;
    if let Some(page) = &output.html {
        write_page(args, &kernel, page)?;
    }
    let checker = Checker {
        options: &args.options,
        kernel: &kernel,
        verifier: &verifier(args),
        which: args.which(),
        filters: &filters,
        shows: args.shows(),
    };
    let checked = checker.check(&args.objects, out)?;
    let unusable = unusable::all(&checked.unusable);
    if args.dump {
        return Ok(unusable.unwrap_or(ExitCode::SUCCESS));
    }
    if checked.rows.is_empty() {
        return unusable.context("-f: no program has such a name");
    }
    let exit_code = unusable.unwrap_or_else(|| checked.exit_code());
    let mut rows = checked.rows;
    if output.output_format.is_report() {
        ensure!(
            emit.is_none() && sort.is_empty(),
            "-e and -s choose and order fields, which sarif and junit have not"
        );
        let both = rows.iter().zip(checked.reports);
        let shown = both.filter(|(row, _)| filters.shows(row));
        let reports: Vec<Report> = shown.map(|(_, report)| report).collect();
        match output.output_format {
            Format::Sarif => sarif::write(out, &reports)?,
            _ => junit::write(out, &reports)?,
        }
        return Ok(exit_code);
    }
    rows.retain(|row| filters.shows(row));
    column::sort(&mut rows, &sort);
    let columns = emit.clone().unwrap_or_else(|| default_columns(table));
    results::write(out, output.output_format, &columns, &rows, false)?;
    if table && emit.is_none() {
        reasons(&rows, out)?;
    }
    Ok(exit_code)
}

/// `--html`: the page of the one program that there is.
fn write_page(args: &Args, kernel: &Kernel, page: &Path) -> Result<()> {
    let [object] = &args.objects[..] else {
        bail!("--html shows one program of one object");
    };
    let write = || {
        let input = args.options.read(object)?;
        let progs = args.options.prepare(&input, kernel, args.which())?;
        html::write(page, &progs, kernel, &verifier(args)).map(|_| ())
    };
    write().with_context(|| object.display().to_string())
}

/// `-C`: two files of results side by side.
fn compare(
    args: &Args,
    filters: &Filters,
    emit: Option<Vec<Column>>,
    sort: &[(Column, bool)],
    out: &mut impl Write,
) -> Result<ExitCode> {
    let [a, b] = &args.objects[..] else {
        bail!(
            "-C compares two files of results, not {}",
            args.objects.len()
        );
    };
    let mut rows = results::join(results::read(a)?, results::read(b)?);
    let named = |row: &Row| row.b.as_ref().or(row.a.as_ref()).map(Record::key);
    rows.retain(|row| named(row).is_some_and(|(file, prog)| filters.wants(&file, &prog)));
    rows.retain(|row| filters.shows(row));
    column::sort(&mut rows, sort);
    let stats: Vec<Stat> = match emit {
        Some(columns) => columns.iter().map(|column| column.stat).collect(),
        None => default_columns(true)
            .iter()
            .map(|column| column.stat)
            .filter(|stat| *stat != Stat::Duration)
            .collect(),
    };
    let columns: Vec<Column> = stats
        .into_iter()
        .flat_map(|stat| {
            let variants: &[Variant] = match stat.is_key() {
                true => &[Variant::B],
                false => &[Variant::A, Variant::B, Variant::Diff],
            };
            variants.iter().map(move |v| Column::new(stat, *v))
        })
        .collect();
    results::write(out, args.output.output_format, &columns, &rows, true)?;
    Ok(ExitCode::SUCCESS)
}

fn default_columns(table: bool) -> Vec<Column> {
    use Stat as S;
    let shown = |stat: &Stat| match stat {
        S::FileName | S::ProgName | S::Verdict | S::Duration => true,
        S::TotalInsns | S::TotalStates | S::ProgSize => true,
        _ => !table,
    };
    let columns = Stat::all().filter(shown);
    columns.map(|stat| Column::new(stat, Variant::B)).collect()
}

/// How to verify, and what to print of it.
fn verifier(args: &Args) -> Options {
    Options {
        log_level: match args.output.log_level {
            0 => Options::LOG_STATS,
            level => level,
        },
        ..args.options.verifier()
    }
}
