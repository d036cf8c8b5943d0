// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask ask`: on which kernels the programs of an object load, asked of the kernels.

pub(super) mod check;
mod column;
pub(super) mod kernels;
pub(super) mod model;
mod objects;
mod output;
mod table;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::ValueEnum;

use self::column::{Cell, Column};
use self::kernels::{Asked, Kernels};
use crate::build::initramfs;
use crate::corpus::ask::LOG_LEVEL;
use crate::corpus::survey::Survey;
use crate::linux::image;
use crate::linux::target::Target;
use crate::workshop::project::Project;

/// `cargo xtask ask`. `KERNEL_BUILD=DIR` asks a kernel of yours besides.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compiled objects.
    #[arg(required = true)]
    objects: Vec<PathBuf>,
    /// A kernel to ask: a series of Debian's, such as 6.12, or test, patched or patched-module; may be
    /// given several times.
    #[arg(long)]
    kernel: Vec<Asked>,
    /// Several: 6.1,6.12,7.3, or all that the archive has [default: all, without --kernel].
    #[arg(long)]
    kernels: Option<Kernels>,
    /// Put the model's answer beside each, and say how many agree.
    #[arg(long)]
    model: bool,
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    output: Format,
    /// Only programs whose `object/program` contains this.
    #[arg(long)]
    filter: Option<String>,
    /// A module to be loaded before; may be given several times.
    #[arg(long)]
    module: Vec<PathBuf>,
    /// The verifier's log level; the log is in what `-o json` prints then.
    #[arg(long)]
    log_level: Option<u32>,
    /// For how many seconds a kernel may be busy with one program.
    #[arg(long, default_value_t = 300)]
    patience: u64,
}

/// How what was said is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Programs by kernels, and the reasons below.
    Table,
    /// A line for each program and kernel.
    Csv,
    /// The same as lines of JSON, with all that was said.
    Json,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let objects = objects::named(&args.objects)?;
    objects::check(&args.module, "module")?;
    let targets = kernels::targets(project, &args.kernel, args.kernels.as_ref())?;
    let [first, ..] = targets.as_slice() else {
        bail!("no kernel is named, and neither archive nor cache has one");
    };
    let survey = Survey {
        base: initramfs::bare(first)?,
        objects,
        beside: None,
        modules: args.module.clone(),
        filter: args.filter.clone(),
        log_level: args.log_level.unwrap_or(LOG_LEVEL),
        silence: Duration::from_secs(args.patience),
    };
    let columns = columns(&targets, &survey, args.model)?;
    if columns
        .iter()
        .all(|column| matches!(&column.cells, Ok(cells) if cells.is_empty()))
    {
        bail!(
            "no program has this in its name: {}",
            args.filter.as_deref().unwrap_or_default()
        );
    }
    match args.output {
        Format::Table => print!("{}", table::render(&columns)),
        Format::Csv => print!("{}", output::csv(&columns)?),
        Format::Json => print!("{}", output::json(&columns, args.log_level.is_some())?),
    }
    let failed = columns
        .iter()
        .filter_map(|column| column.cells.as_ref().err());
    match failed.count() {
        0 => Ok(()),
        count => Err(anyhow!(
            "{count} of {} kernels could not be asked",
            columns.len()
        )),
    }
}

/// Asks the kernels, as many at once as there are processors.
fn columns(targets: &[Target<'_>], survey: &Survey, with_model: bool) -> Result<Vec<Column>> {
    let next = AtomicUsize::new(0);
    let columns = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Relaxed);
            let Some(target) = targets.get(at) else {
                break;
            };
            let column = column(target, survey, with_model);
            if let Ok(mut columns) = columns.lock() {
                columns.push((at, column));
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers.min(targets.len()))
            .map(|_| scope.spawn(work))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a worker died")))
    })?;
    let mut columns = columns.into_inner().unwrap_or_default();
    columns.sort_by_key(|(at, _)| *at);
    Ok(columns.into_iter().map(|(_, column)| column).collect())
}

fn column(target: &Target<'_>, survey: &Survey, with_model: bool) -> Column {
    let kernel = image::point(&target.kernel);
    let replies = survey.ask(target, &format!("Linux {kernel}"));
    let cells = replies.and_then(|replies| match with_model {
        true => model::beside(target, survey, replies),
        false => Ok(replies.into_iter().map(Cell::without_model).collect()),
    });
    Column {
        kernel,
        cells: cells.map_err(|error| format!("{error:#}")),
    }
}
