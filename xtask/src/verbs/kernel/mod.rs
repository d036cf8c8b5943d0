// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel`: fetches or builds a kernel.

mod asked;
mod config;
mod data;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::corpus::shown;
use crate::linux::release::Release;
use crate::linux::target::Target;
use crate::linux::test_kernel::Form;
use crate::linux::{image, stock};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// `cargo xtask kernel`.
#[derive(clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    /// The test kernel with the patches of linux-patches/, the iterator built in.
    #[arg(long, global = true)]
    patched: bool,
    /// The patched kernel with the iterator as a module.
    #[arg(long, global = true, requires = "patched")]
    module: bool,
    /// The test kernel that looks for bugs of memory, locks and RCU while it runs.
    #[arg(long, global = true, conflicts_with = "patched")]
    debug: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Fetch a stock distribution kernel: image, types, configuration; of series that modules are built
    /// for, regenerate the Rust metadata.
    Stock {
        /// The series wanted, from 5.10 on.
        #[arg(default_value = "7.3")]
        series: Release,
        /// Ask the archive for a newer version than the one in the cache.
        #[arg(long)]
        update: bool,
    },
    /// Fetch, configure and build the test kernel.
    Build,
    /// Write what verifier-model ships of a kernel: types, kfuncs, configuration.
    Data {
        /// A series of Debian's, whose kernel is asked [default: the test kernel, read off its sources].
        #[arg(long)]
        kernel: Option<Release>,
        /// The directory to write to [default: one in target/xtask].
        #[arg(long, requires = "kernel")]
        output: Option<PathBuf>,
        /// Hold what is shipped against what the kernel says, and write nothing.
        #[arg(long, requires = "kernel", conflicts_with = "output")]
        check: bool,
    },
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let kernel = match &args.verb {
        Some(Verb::Stock { .. }) if args.patched => {
            bail!(
                "stock kernels come as they are; the patched one is `cargo xtask kernel --patched`"
            )
        }
        Some(Verb::Stock { .. }) if args.debug => {
            bail!("stock kernels come as they are; the checked one is `cargo xtask kernel --debug`")
        }
        Some(Verb::Stock { series, update }) => return self::stock(project, *series, *update),
        Some(Verb::Data {
            kernel: Some(series),
            output,
            check,
        }) => {
            let way = match check {
                true => asked::Way::Check,
                false => asked::Way::Write(output.as_deref()),
            };
            return asked::run(project, *series, &way);
        }
        Some(Verb::Data { .. }) => return data::write(&Target::test(project, args.form())?),
        Some(Verb::Build) | None => Target::test(project, args.form())?.kernel,
    };
    println!("release  {}", kernel.release);
    println!("image    {}", kernel.image.display());
    println!("build    {}", kernel.build.display());
    Ok(())
}

/// Fetches the stock kernel of `series`, and says where it lies.
fn stock(project: &Project, series: Release, update: bool) -> Result<()> {
    let toolchain = Toolchain::ensure(project)?;
    let kernel = image::ensure(project, &toolchain, series, update)?;
    println!("kernel   {}", image::point(&kernel));
    println!("release  {}", kernel.release);
    println!("image    {}", kernel.image.display());
    println!("types    {}", kernel.btf().display());
    println!("config   {}", kernel.build.join(".config").display());
    let target = Target::image(project, series)?;
    println!("symbols  {}", shown::kallsyms(&target)?.display());
    if series >= stock::OLDEST {
        let kernel = stock::ensure(project, &toolchain, series, update)?;
        println!("build    {}", kernel.build.display());
    }
    Ok(())
}

impl Args {
    fn form(&self) -> Form {
        match (self.patched, self.module) {
            _ if self.debug => Form::Debug,
            (false, _) => Form::Plain,
            (true, false) => Form::BuiltIn,
            (true, true) => Form::Module,
        }
    }
}
