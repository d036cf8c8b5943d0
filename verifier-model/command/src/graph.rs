// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model graph`: the explored states of a program as a picture.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use bpf::load::Prepared;
use verifier_model::graph;

use crate::options::not_loaded;
use crate::program;

/// Draws the states that were explored and the paths between them.
#[derive(clap::Args)]
#[group(id = "graph")]
#[command(after_help = "\
Boxes are instructions in the order in which they are explored, from left to right. In blue ones a
state is kept; a dashed line leads from the end of a path to the state that shows it to be safe. The
path on which a program is rejected is red.

Exit status: 0 the graph is written, 2 the input cannot be used.")]
pub(crate) struct Args {
    /// Where to: FILE.svg or FILE.dot; may be given several times [default: PROG.svg]
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// About how many boxes to show; what is left out is folded
    #[arg(long, value_name = "COUNT", default_value_t = 150, value_parser = clap::value_parser!(u16).range(4..=4000))]
    limit: u16,
    #[command(flatten)]
    program: program::Args,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    for path in &args.output {
        form(path)?;
    }
    let kernel = args.program.kernel()?;
    let Prepared { name, load } = args.program.prepare(&kernel)?;
    let load = load.map_err(|e| anyhow!("{}: {name}: {}", args.program.file(), not_loaded(&e)))?;
    let (_, graph) = graph(&load, &kernel, &args.program.verifier(), args.limit.into());
    let mut paths = args.output.clone();
    if paths.is_empty() {
        paths.push(format!("{}.svg", load.name).into());
    }
    for path in &paths {
        let text = match form(path)? {
            Form::Dot => graph.dot(),
            Form::Svg => graph.svg(),
        };
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
        writeln!(out, "{}: {} boxes", path.display(), graph.boxes())?;
    }
    writeln!(out, "{}", graph.title())?;
    if let Some(note) = graph.note() {
        writeln!(out, "{note}")?;
    }
    Ok(ExitCode::SUCCESS)
}

enum Form {
    Dot,
    Svg,
}

fn form(path: &Path) -> Result<Form> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("dot" | "gv") => Ok(Form::Dot),
        Some("svg") => Ok(Form::Svg),
        _ => bail!("{}: the name must end in .svg or .dot", path.display()),
    }
}
