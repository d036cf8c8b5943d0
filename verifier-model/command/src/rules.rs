// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model rules`: the rules that `--without` switches off.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use verifier_model::{Before, Rule};

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
