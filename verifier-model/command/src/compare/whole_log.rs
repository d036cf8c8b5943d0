// SPDX-License-Identifier: GPL-2.0-only
//! Whole logs of level 2, the kernel's and the model's, line by line.
//!
//! Left out on both sides are addresses ([`log::without_addresses`]), the statistics at the end, of
//! which the numbers are compared elsewhere, and the reports for people, which the model has not.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use answers::{Answers, Logs, log};
use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Tier;
use super::report::Format;
use super::worker::Said;
use crate::table;

/// Puts the whole logs beside `path` into its answers and forgets answers without one; false where
/// none are kept.
pub(super) fn read(path: &Path, answers: &mut Answers) -> Result<bool> {
    let path = path.with_extension("whole.gz");
    if !path.exists() {
        return Ok(false);
    }
    let logs = Logs::read(&path)?;
    for answer in &mut answers.answers {
        answer.log = logs.get(answer).map(str::to_owned);
    }
    answers.answers.retain(|answer| answer.log.is_some());
    Ok(true)
}

/// Where two logs part.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    /// The line's number, from 1.
    line: usize,
    /// The kernel's line; none at the end of its log.
    kernel: Option<String>,
    /// The model's.
    model: Option<String>,
}

/// The first line that differs.
fn difference(kernel: &str, model: &str) -> Option<Difference> {
    let (mut kernel, mut model) = (kernel.lines(), model.lines());
    let mut number = 1;
    loop {
        match (kernel.next(), model.next()) {
            (None, None) => return None,
            (k, m) if k == m => number += 1,
            (k, m) => {
                return Some(Difference {
                    line: number,
                    kernel: k.map(str::to_owned),
                    model: m.map(str::to_owned),
                });
            }
        }
    }
}

/// What is compared of a log.
fn comparable(text: &str) -> String {
    log::without_addresses(&log::without_reports(log::parse(text).body))
}

/// Holds what the model said of the tiers' programs, in their order, against the kernel's logs, and
/// writes how many are the same, and where the others part.
pub(super) fn compare(
    out: &mut impl Write,
    format: Format,
    tiers: &[Tier],
    mut said: impl Iterator<Item = Said>,
) -> Result<ExitCode> {
    let mut rows = Vec::new();
    let mut parted = Vec::new();
    let (mut programs, mut lines) = (0, 0);
    for tier in tiers {
        let (mut same, mut of_tier) = (0, 0);
        for (answer, _) in &tier.programs {
            let kernel = comparable(answer.log.as_deref().unwrap_or_default());
            let model = match said.next().context("a program was lost")? {
                Said::Accepted { log, .. } | Said::Rejected { log, .. } => comparable(&log),
                Said::NotModelled { log, .. } => log,
                Said::NotLoaded(why) | Said::Crashed(why) => why,
                Said::TimedOut => "timed out".to_owned(),
            };
            of_tier += kernel.lines().count();
            match difference(&kernel, &model) {
                None => same += 1,
                Some(difference) => parted.push((answer.name(), difference)),
            }
        }
        let count = tier.programs.len();
        rows.push(
            [tier.name.clone()]
                .into_iter()
                .chain([count, same, count - same, of_tier].map(|count| count.to_string())),
        );
        programs += count;
        lines += of_tier;
    }
    let head = ["tier", "programs", "same", "differ", "lines"];
    let head: Vec<_> = head.map(|name| (name.to_owned(), name == "tier")).into();
    let rows = rows.into_iter().map(Iterator::collect);
    match format {
        Format::Csv => bail!("-o csv: of whole logs there is a table or JSON"),
        Format::Json => {
            let parted = parted.iter().map(|(name, at)| {
                json!({"program": name, "line": at.line, "kernel": at.kernel, "model": at.model})
            });
            let differ: Vec<_> = parted.collect();
            let all = json!({"programs": programs, "lines": lines, "differ": differ});
            serde_json::to_writer_pretty(&mut *out, &all)?;
            writeln!(out)?;
        }
        Format::Markdown => writeln!(out, "{}", table::markdown(&head, rows))?,
        Format::Table => writeln!(out, "{}", table::plain(&head, rows))?,
    }
    if format != Format::Json {
        for (name, at) in &parted {
            let text = |line: &Option<String>| line.clone().unwrap_or_else(|| "(end)".to_owned());
            writeln!(out, "\n{name}, line {}:", at.line)?;
            writeln!(out, "    kernel: {}", text(&at.kernel))?;
            writeln!(out, "    model:  {}", text(&at.model))?;
        }
    }
    Ok(match parted.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_told() {
        assert_eq!(difference("a\nb\n", "a\nb"), None);
        let at = |line, kernel: Option<&str>, model: Option<&str>| {
            let (kernel, model) = (kernel.map(str::to_owned), model.map(str::to_owned));
            Some(Difference {
                line,
                kernel,
                model,
            })
        };
        assert_eq!(
            difference("a\nb\nc", "a\nc\nb"),
            at(2, Some("b"), Some("c"))
        );
        assert_eq!(difference("a", "a\nb"), at(2, None, Some("b")));
        assert_eq!(difference("a\nb", "a"), at(2, Some("b"), None));
    }

    #[test]
    fn statistics_reports_and_addresses_are_not_compared() {
        let kernel = "0: (18) r2 = 0xffff888004c9b400       ; R2=map_ptr(ks=4,vs=8)\nno\n\n\
            Verification failed: A: B\n\nReason:\n  Why.\nverification time 153 usec\n\
            processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 3 \
            mark_read 4\n";
        let model = "0: (18) r2 = 0xffff888000000000       ; R2=map_ptr(ks=4,vs=8)\nno\n\
            processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 3 \
            mark_read 4\n";
        assert_eq!(difference(&comparable(kernel), &comparable(model)), None);
    }
}
