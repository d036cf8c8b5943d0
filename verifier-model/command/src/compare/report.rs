// SPDX-License-Identifier: GPL-2.0-only
//! The comparison as text.

use std::io::Write;

use answers::{Answer, Verdict};
use anyhow::Result;
use serde_json::{Value as Json, json};

use super::Tier;
use super::outcome::{self, Counts, Outcome};
use crate::table::{self, Head};

/// How the comparison is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tables by tier and file, then each disagreement.
    #[default]
    Table,
    /// The same in Markdown.
    Markdown,
    /// One line a program.
    Csv,
    /// One object: tiers with their counts, and the programs that are not identical.
    Json,
}

const HEAD: [(&str, bool); 12] = [
    ("tier", true),
    ("programs", false),
    ("agreed", false),
    ("same message", false),
    ("same insns", false),
    ("identical", false),
    ("differ", false),
    ("not modelled", false),
    ("not loaded", false),
    ("crashed", false),
    ("timed out", false),
    ("unanswered", false),
];

/// Writes it; with `logs`, disagreements come with both logs.
pub(super) fn write(
    out: &mut impl Write,
    format: Format,
    logs: bool,
    tiers: &[Tier],
) -> Result<()> {
    match format {
        Format::Table | Format::Markdown => text(out, format, logs, tiers),
        Format::Csv => csv(out, tiers),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &whole(tiers, logs))?;
            Ok(writeln!(out)?)
        }
    }
}

fn text(out: &mut impl Write, format: Format, logs: bool, tiers: &[Tier]) -> Result<()> {
    let table = match format {
        Format::Markdown => table::markdown,
        _ => |head: &[Head], rows: std::vec::IntoIter<_>| table::plain(head, rows),
    };
    let head = |first: &[&str]| -> Vec<Head> {
        let first = first.iter().map(|name| ((*name).to_owned(), true));
        let rest = HEAD[1..]
            .iter()
            .map(|(name, text)| ((*name).to_owned(), *text));
        first.chain(rest).collect()
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for tier in tiers {
        rows.push(line(&[&tier.name], &tier.counts()));
    }
    let all = tiers.iter().flat_map(|tier| &tier.programs);
    if tiers.len() > 1 {
        let sum = Counts::of(all.clone().map(|(_, outcome)| outcome));
        rows.push(line(&["all"], &sum));
    }
    writeln!(out, "{}\n", table(&head(&["tier"]), rows.into_iter()))?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for tier in tiers {
        for (file, counts) in tier.files() {
            rows.push(line(&[&tier.name, file], &counts));
        }
    }
    writeln!(out, "{}", table(&head(&["tier", "file"]), rows.into_iter()))?;
    type Kind = fn(&Outcome) -> bool;
    let kinds: [(&str, Kind); 2] = [
        ("Not agreed:", |outcome| !outcome.is_agreed()),
        ("Agreed, but not in all that is said:", |outcome| {
            outcome.is_agreed() && !outcome.is_identical()
        }),
    ];
    for (title, is_kind) in kinds {
        let mut programs = all
            .clone()
            .filter(|(_, outcome)| is_kind(outcome))
            .peekable();
        if programs.peek().is_some() {
            writeln!(out, "\n{title}\n")?;
        }
        for (answer, outcome) in programs {
            program(out, format, logs, answer, outcome)?;
        }
    }
    Ok(())
}

/// What the two said of one program.
fn program(
    out: &mut impl Write,
    format: Format,
    logs: bool,
    answer: &Answer,
    outcome: &Outcome,
) -> Result<()> {
    let name = answer.name();
    let (kernel, model) = (outcome::kernel(answer), outcome.model());
    if format == Format::Markdown {
        let code = |text: &str| format!("`{}`", text.replace('`', "'"));
        write!(out, "- {name}: kernel {}", code(&kernel))?;
        if !model.is_empty() {
            write!(out, "; model {}", code(&model))?;
        }
        return Ok(writeln!(out)?);
    }
    writeln!(out, "{name}: {}", outcome.name())?;
    writeln!(out, "  kernel: {kernel}")?;
    writeln!(out, "  model:  {model}")?;
    if logs {
        for (whose, log) in [("kernel", answer.log.as_deref()), ("model", outcome.log())] {
            if let Some(log) = log {
                writeln!(out, "  the {whose}'s log:")?;
                for line in log.trim_end().lines() {
                    writeln!(out, "    {line}")?;
                }
            }
        }
    }
    Ok(())
}

fn line(first: &[&str], counts: &Counts) -> Vec<String> {
    let some = |count: usize| match count {
        0 => String::new(),
        count => count.to_string(),
    };
    let of = |part: usize, whole: usize| match whole {
        0 => String::new(),
        whole => format!("{part}/{whole}"),
    };
    let first = first.iter().map(|text| (*text).to_owned());
    first
        .chain([
            counts.programs.to_string(),
            counts.agreed.to_string(),
            of(counts.same_message, counts.both_reject),
            of(counts.same_insns, counts.both_accept),
            counts.identical.to_string(),
            some(counts.differ),
            some(counts.not_modelled),
            some(counts.not_loaded),
            some(counts.crashed),
            some(counts.timed_out),
            some(counts.unanswered),
        ])
        .collect()
}

fn csv(out: &mut impl Write, tiers: &[Tier]) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["tier", "object", "program", "outcome", "kernel", "model"])?;
    for tier in tiers {
        for (answer, outcome) in &tier.programs {
            csv.write_record([
                &*tier.name,
                &*answer.object,
                answer.program.as_deref().unwrap_or_default(),
                outcome.name(),
                &outcome::kernel(answer),
                &outcome.model(),
            ])?;
        }
    }
    Ok(csv.flush()?)
}

fn whole(tiers: &[Tier], logs: bool) -> Json {
    let each = tiers.iter().map(|tier| {
        let files = tier.files().into_iter();
        let files = files.map(|(file, counts)| json!({ "file": file, "counts": counts }));
        json!({
            "tier": tier.name,
            "kernel": tier.kernel,
            "counts": tier.counts(),
            "files": files.collect::<Vec<_>>(),
        })
    });
    let each: Vec<Json> = each.collect();
    let programs = tiers.iter().flat_map(|tier| &tier.programs);
    let disagreements = programs.filter(|(_, outcome)| !outcome.is_identical());
    let disagreements = disagreements.map(|(answer, outcome)| {
        let verdict = match answer.verdict {
            Verdict::Accepted => "accepted",
            Verdict::Rejected => "rejected",
            Verdict::Unanswered => "unanswered",
        };
        let (kernel_log, model_log) = match logs {
            true => (answer.log.as_deref(), outcome.log()),
            false => (None, None),
        };
        json!({
            "object": answer.object,
            "program": answer.program,
            "outcome": outcome.name(),
            "verdict": verdict,
            "kernel": outcome::kernel(answer),
            "model": outcome.model(),
            "kernel_log": kernel_log,
            "model_log": model_log,
        })
    });
    json!({ "tiers": each, "not_identical": disagreements.collect::<Vec<_>>() })
}

impl Tier {
    fn counts(&self) -> Counts {
        Counts::of(self.programs.iter().map(|(_, outcome)| outcome))
    }

    /// The objects, in the answers' order.
    fn files(&self) -> Vec<(&str, Counts)> {
        let of_one = self
            .programs
            .chunk_by(|(a, _), (b, _)| a.object == b.object);
        of_one
            .map(|programs| {
                let outcomes = programs.iter().map(|(_, outcome)| outcome);
                (&*programs[0].0.object, Counts::of(outcomes))
            })
            .collect()
    }
}
