// SPDX-License-Identifier: GPL-2.0-only
//! Asking the verifier.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use bpf::kernel::Kernel;
use bpf::program::ProgLoad;
use verifier_model::Options;
use verifier_model::Verdict;
use verifier_model::verify;
use verifier_model::{Before, Profile, Rule};

/// How to verify.
#[derive(clap::Args)]
#[group(id = "verdict")]
pub(crate) struct Args {
    /// Print the verifier's log: 1 the path that ends it, 2 every path
    #[arg(short, long, alias = "log", value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=2))]
    pub(crate) log_level: u32,
    /// Load without CAP_BPF and CAP_PERFMON, into a kernel that lets anybody load programs
    #[arg(long)]
    unprivileged: bool,
    /// Verify as before a rule was made (see `verifier-model rules`); may be given several times
    #[arg(long, value_name = "RULE", value_parser = rule)]
    without: Vec<Rule>,
    /// Possible CPUs of the machine
    #[arg(long, value_name = "COUNT", default_value_t = Options::default().nr_cpu_ids)]
    cpus: u32,
}

pub(crate) fn rule(name: &str) -> std::result::Result<Rule, String> {
    let rule = Rule::ALL.iter().find(|rule| rule.name == name).copied();
    rule.ok_or_else(|| "there is no such rule; `verifier-model rules` lists them".into())
}

/// Prints the rules that can be switched off.
pub(crate) fn print_rules(out: &mut impl Write) -> Result<ExitCode> {
    for rule in Rule::ALL {
        let before = match rule.before {
            Before::FalseAccept => "unsafe",
            Before::FalseReject => "strict",
        };
        writeln!(
            out,
            "{:26} {:5} {:14} {before}  {}",
            rule.name, rule.version, rule.commit, rule.summary
        )?;
    }
    writeln!(out, "\nFixes that are no rule, with the reason:")?;
    for (commit, why) in Rule::NOT_RULES {
        writeln!(out, "{commit} {why}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks the verifier.
pub(crate) fn judge(args: &Args, kernel: &Kernel, prog: &ProgLoad) -> Verdict {
    let without = args.without.iter().copied();
    let options = Options {
        profile: without.fold(Profile::V7_3, Profile::without),
        log_level: match args.log_level {
            // The message of a rejection is in the log, so that one is always kept.
            0 => Options::LOG_STATS,
            level => level,
        },
        privileged: !args.unprivileged,
        nr_cpu_ids: args.cpus,
        ..Options::default()
    };
    verify(prog, kernel, &options)
}
