// SPDX-License-Identifier: GPL-2.0-only
//! What `check` tells of a verdict: fields, and the reasons below a table.

use std::io::Write;

use anyhow::Result;
use bpf::program::ProgLoad;
use verifier_model::{Outcome, Verdict};

use crate::column::Row;
use crate::stat::{Record, Stat};

/// The fields of a program that the verifier has judged.
pub(crate) fn describe(record: &mut Record, load: &ProgLoad, verdict: &Verdict) {
    let stats = &verdict.stats;
    let word = match &verdict.outcome {
        Outcome::Accepted => "success",
        Outcome::Rejected(_) => "failure",
        Outcome::NotModelled(_) => "not-modelled",
    };
    record.text(Stat::Verdict, word);
    record.number(Stat::TotalInsns, stats.insns_processed);
    record.number(Stat::TotalStates, stats.total_states);
    record.number(Stat::PeakStates, stats.peak_states);
    record.number(Stat::MaxStatesPerInsn, stats.max_states_per_insn);
    record.number(Stat::MaxStackDepth, stats.max_stack_depth);
    let size = i64::try_from(load.insns.len()).unwrap_or(i64::MAX);
    record.number(Stat::ProgSize, size);
    let bare = |name: &str, prefix| name.trim_start_matches(prefix).to_lowercase();
    let prog_type = bare(load.prog_type.c_name(), "BPF_PROG_TYPE_");
    record.text(Stat::ProgType, prog_type);
    let attach_type = bare(load.expected_attach_type.c_name(), "BPF_");
    record.text(Stat::AttachType, attach_type);
    match &verdict.outcome {
        Outcome::Accepted => {}
        Outcome::Rejected(why) => {
            record.text(Stat::Message, why.said());
            record.number(Stat::Errno, why.errno.0);
            record.text(Stat::Kind, why.kind.name());
            if let Some(cause) = why.cause.as_deref().filter(|cause| *cause != why.said()) {
                record.text(Stat::Detail, cause);
            }
            if let Some(insn) = why.insn {
                record.number(Stat::Insn, insn);
            }
        }
        Outcome::NotModelled(what) => {
            record.text(Stat::Message, format!("not modelled: {what}"));
        }
    }
}

/// Below a table: why programs were not accepted, a line each.
pub(crate) fn reasons(rows: &[Row], out: &mut impl Write) -> Result<()> {
    for record in rows.iter().filter_map(|row| row.b.as_ref()) {
        if let Some(message) = record.get(Stat::Message) {
            let (file, prog) = record.key();
            let at = record
                .get(Stat::Insn)
                .map(|insn| format!(" at insn {insn}"));
            let at = at.unwrap_or_default();
            writeln!(out, "{file}/{prog}{at}: {message}")?;
            if let Some(detail) = record.get(Stat::Detail) {
                writeln!(out, "  {detail}")?;
            }
        }
    }
    Ok(())
}
