// SPDX-License-Identifier: GPL-2.0-only
//! Results as text: a table for people, CSV as veristat writes it, JSON. And back.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value as Json};

use crate::column::{Column, Row, Variant};
use crate::stat::{Record, Stat, Value};
use crate::table;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// One line a program, names in the first: what veristat writes and reads.
    Csv,
    /// An array of objects.
    Json,
    /// What is not accepted, on its source lines: SARIF 2.1.0.
    Sarif,
    /// Each program as a test: JUnit's XML.
    Junit,
}

impl Format {
    /// Whether it shows reports and not fields.
    pub(crate) fn is_report(self) -> bool {
        matches!(self, Self::Sarif | Self::Junit)
    }
}

/// Writes the values of `columns` of all rows. With `compared`, columns are told apart by what they
/// compare.
pub(crate) fn write(
    out: &mut impl Write,
    format: Format,
    columns: &[Column],
    rows: &[Row],
    compared: bool,
) -> Result<()> {
    let name = |column: &Column| match (column.variant, column.stat.is_key() || !compared) {
        (_, true) => column.stat.name().to_owned(),
        (Variant::A, _) => format!("{}_base", column.stat.name()),
        (Variant::B, _) => format!("{}_comp", column.stat.name()),
        (Variant::Diff, _) => format!("{}_diff", column.stat.name()),
        (Variant::Percent, _) => format!("{}_pct", column.stat.name()),
    };
    let cell = |column: &Column, row: &Row| column.value(row).map(|value| value.to_string());
    match format {
        Format::Table => {
            let heading = |column: &Column| {
                let heading = column.stat.heading();
                match (column.variant, column.stat.is_key() || !compared) {
                    (_, true) => heading.to_owned(),
                    (Variant::A, _) => format!("{heading} (A)"),
                    (Variant::B, _) => format!("{heading} (B)"),
                    (Variant::Diff, _) => format!("{heading} (DIFF)"),
                    (Variant::Percent, _) => format!("{heading} (%)"),
                }
            };
            let missing = if compared { "N/A" } else { "" };
            let head: Vec<(String, bool)> = columns
                .iter()
                .map(|column| (heading(column), column.stat.is_text()))
                .collect();
            let lines = rows.iter().map(|row| {
                let cells = columns.iter().map(|column| cell(column, row));
                cells
                    .map(|cell| cell.unwrap_or_else(|| missing.to_owned()))
                    .collect()
            });
            writeln!(out, "{}", table::plain(&head, lines))?;
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(columns.iter().map(name))?;
            for row in rows {
                let cells = columns.iter().map(|column| cell(column, row));
                csv.write_record(cells.map(|cell| cell.unwrap_or_else(|| "N/A".to_owned())))?;
            }
            csv.flush()?;
        }
        Format::Json => {
            let object = |row: &Row| -> Json {
                let pairs = columns.iter().map(|column| {
                    let value = match column.value(row) {
                        None => Json::Null,
                        Some(Value::Text(text)) => text.into(),
                        Some(Value::Number(number)) => number.into(),
                        Some(Value::Percent(percent)) => percent.into(),
                    };
                    (name(column), value)
                });
                pairs.collect::<Map<_, _>>().into()
            };
            let rows: Vec<Json> = rows.iter().map(object).collect();
            serde_json::to_writer_pretty(&mut *out, &rows)?;
            writeln!(out)?;
        }
        Format::Sarif | Format::Junit => {
            bail!("sarif and junit show programs, not results that are compared")
        }
    }
    Ok(())
}

/// Reads a file of results, of ours or of veristat's. Columns that are not known here are left out.
pub(crate) fn read(path: &Path) -> Result<Vec<Record>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let records = match text.trim_start().starts_with('[') {
        true => from_json(&text),
        false => from_csv(&text),
    };
    records.with_context(|| {
        format!(
            "{}: these are no results of -o csv, -o json or veristat",
            path.display()
        )
    })
}

fn from_json(text: &str) -> Result<Vec<Record>> {
    let rows: Vec<BTreeMap<String, Json>> = serde_json::from_str(text)?;
    let pairs = |row: BTreeMap<String, Json>| {
        let text = |value: Json| match value {
            Json::Null => None,
            Json::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        row.into_iter()
            .filter_map(move |(name, value)| Some((name, text(value)?)))
    };
    rows.into_iter().map(|row| record(pairs(row))).collect()
}

fn from_csv(text: &str) -> Result<Vec<Record>> {
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let names = csv.headers()?.clone();
    for stat in [Stat::FileName, Stat::ProgName] {
        if !names.iter().any(|name| Stat::from_name(name) == Some(stat)) {
            bail!("the first line does not name {}", stat.name());
        }
    }
    let mut records = Vec::new();
    for line in csv.records() {
        let line = line?;
        let pairs = names.iter().zip(&line).filter(|(_, text)| *text != "N/A");
        let owned = pairs.map(|(name, text)| (name.to_owned(), text.to_owned()));
        records.push(record(owned)?);
    }
    Ok(records)
}

fn record(pairs: impl Iterator<Item = (String, String)>) -> Result<Record> {
    let mut record = Record::default();
    for (name, text) in pairs {
        let Some(stat) = Stat::from_name(&name) else {
            continue;
        };
        if stat.is_text() {
            record.text(stat, text);
        } else if !text.is_empty() {
            let number = text.parse::<i64>();
            record.number(stat, number.with_context(|| format!("{name}: {text}"))?);
        }
    }
    for stat in [Stat::FileName, Stat::ProgName] {
        if record.get(stat).is_none() {
            bail!("a line without {}", stat.name());
        }
    }
    Ok(record)
}

/// Puts the results of the same programs side by side.
pub(crate) fn join(a: Vec<Record>, b: Vec<Record>) -> Vec<Row> {
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for record in a {
        let row = Row {
            a: Some(record.clone()),
            b: None,
        };
        rows.insert(record.key(), row);
    }
    for record in b {
        let row = rows.entry(record.key()).or_insert(Row { a: None, b: None });
        row.b = Some(record);
    }
    rows.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Record> {
        let mut record = Record::default();
        record.text(Stat::FileName, "a.bpf.o");
        record.text(Stat::ProgName, "p");
        record.text(Stat::Verdict, "failure");
        record.number(Stat::TotalInsns, 7);
        record.text(Stat::Kind, "null-argument");
        record.text(Stat::Message, "R1 \"quoted\", and more");
        vec![record]
    }

    #[test]
    fn what_is_written_is_read() {
        let columns: Vec<Column> = Stat::all().map(|s| Column::new(s, Variant::B)).collect();
        let rows: Vec<Row> = join(Vec::new(), sample());
        for format in [Format::Csv, Format::Json] {
            let mut out = Vec::new();
            write(&mut out, format, &columns, &rows, false).unwrap();
            let text = String::from_utf8(out).unwrap();
            let read = match format {
                Format::Json => from_json(&text),
                _ => from_csv(&text),
            };
            assert_eq!(read.unwrap(), sample(), "{text}");
        }
    }

    #[test]
    fn veristats_own_files_are_read() {
        let text =
            "file_name,prog_name,verdict,total_insns,prog_size_jited\na.bpf.o,p,success,7,99\n";
        let read = from_csv(text).unwrap();
        assert_eq!(read[0].get(Stat::TotalInsns), Some(&Value::Number(7)));
        assert!(from_csv("a,b\n1,2\n").is_err());
        assert!(from_csv("file_name,prog_name,total_insns\na,b,many\n").is_err());
    }
}
