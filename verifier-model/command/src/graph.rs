// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model graph`: the explored states of a program as a picture.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use bpf::load::Prepared;
use verifier_model::graph;

use crate::options::not_loaded;
use crate::program;
use crate::whole_file::WholeFile;

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
    let Prepared { name, loader, load } = args.program.prepare(&kernel)?;
    let file = args.program.file();
    let load = load.map_err(|e| anyhow!("{file}: {name}: {}", not_loaded(loader, &e)))?;
    let paths = match args.output.is_empty() {
        true => vec![default_path(&name)],
        false => args.output.clone(),
    };
    let files = paths.iter().map(|path| WholeFile::create(path));
    let files = files.collect::<Result<Vec<WholeFile>>>()?;
    let (_, graph) = graph(&load, &kernel, &args.program.verifier(), args.limit.into());
    for (file, path) in files.iter().zip(&paths) {
        file.write(&match form(path)? {
            Form::Dot => graph.dot(),
            Form::Svg => graph.svg(),
        })?;
    }
    files.into_iter().try_for_each(WholeFile::keep)?;
    for path in &paths {
        writeln!(out, "{}: {} boxes", path.display(), graph.boxes())?;
    }
    writeln!(out, "{}", graph.title())?;
    if let Some(note) = graph.note() {
        writeln!(out, "{note}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Here, whatever the object calls its program.
fn default_path(prog: &str) -> PathBuf {
    format!("{}.svg", prog.replace('/', "_")).into()
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
