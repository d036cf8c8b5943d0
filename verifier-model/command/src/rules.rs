// SPDX-License-Identifier: GPL-2.0-only
//! `--without`, and `verifier-model rules`: the rules that it switches off.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use verifier_model::{Before, Profile, Rule};

/// Which rules the verifier follows.
#[derive(clap::Args)]
#[group(id = "rules")]
pub(crate) struct Args {
    /// Verify as before a rule was made (see `verifier-model rules`); may be given several times
    #[arg(long, value_name = "RULE", value_parser = rule)]
    without: Vec<Rule>,
}

impl Args {
    /// The rules of a release, but for those that are switched off.
    pub(crate) fn profile(&self, of: Profile) -> Profile {
        let without = self.without.iter().copied();
        without.fold(of, Profile::without)
    }
}

/// Prints the rules that can be switched off.
pub(crate) fn print(out: &mut impl Write) -> Result<ExitCode> {
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

/// The rule of this name.
pub(crate) fn rule(name: &str) -> std::result::Result<Rule, String> {
    let rule = Rule::ALL.iter().find(|rule| rule.name == name).copied();
    rule.ok_or_else(|| "there is no such rule; `verifier-model rules` lists them".into())
}
