// SPDX-License-Identifier: GPL-2.0-only
//! Asking the verifier, and printing what it says.

use std::io::Write;
use std::process::ExitCode;
use verifier_model::profile::{Before, NOT_RULES, Profile, Rule};

use anyhow::Result;
use verifier_model::prog_load::{Kernel, ProgLoad};
use verifier_model::verify::{Options, Verdict, verify};

/// How to verify.
#[derive(clap::Args)]
#[group(id = "verdict")]
pub(crate) struct Args {
    /// Print the verifier's log: 1 the path that ends it, 2 every path
    #[arg(long, value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=2))]
    log: u32,
    /// Load without CAP_BPF and CAP_PERFMON, into a kernel that lets anybody load programs
    #[arg(long)]
    unprivileged: bool,
    /// Verify as before a rule was made (see `verifier-model rules`); may be given several times
    #[arg(long, value_name = "RULE", value_parser = rule)]
    without: Vec<Rule>,
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
    for (commit, why) in NOT_RULES {
        writeln!(out, "{commit} {why}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the verdict on a program; whether it is accepted.
pub(crate) fn judge(
    args: &Args,
    kernel: &Kernel,
    prog: &ProgLoad,
    out: &mut impl Write,
) -> Result<bool> {
    let without = args.without.iter().copied();
    let profile = without.fold(Profile::V7_3, Profile::without);
    let options = Options {
        // The message of a rejection is in the log, so that one is always kept.
        log_level: args.log.max(1),
        privileged: !args.unprivileged,
        ..Options::default()
    };
    let plain;
    let prog = if options.privileged {
        prog
    } else {
        plain = prog.without_btf();
        &plain
    };
    let verdict = verify(prog, kernel, &profile, &options);
    writeln!(out, "{}: {}", prog.name, sentence(&verdict))?;
    if args.log > 0 {
        write!(out, "{}", verdict.log)?;
    }
    Ok(verdict.accepted)
}

fn sentence(verdict: &Verdict) -> String {
    if let Some(what) = &verdict.not_modelled {
        return format!("no verdict, this is not modelled: {what}");
    }
    let stats = &verdict.stats;
    match verdict.accepted {
        true => format!(
            "accepted, {} instructions processed, {} states",
            stats.insns_processed, stats.total_states
        ),
        false => format!("rejected, error {}: {}", verdict.errno, verdict.message),
    }
}
