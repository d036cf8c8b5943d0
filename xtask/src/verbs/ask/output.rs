// SPDX-License-Identifier: GPL-2.0-only
//! What was said, for programs to read: a line for each program and kernel.

use answers::Answer;
use anyhow::Result;
use serde::Serialize;

use super::column::{Cell, Column, Fate, Said};

/// The columns of the CSV; the last two are empty unless the model was asked.
const HEAD: [&str; 8] = [
    "kernel", "program", "verdict", "insns", "by", "why", "model", "agrees",
];

/// Comma-separated values.
pub(super) fn csv(columns: &[Column]) -> Result<String> {
    let mut lines = csv::Writer::from_writer(Vec::new());
    lines.write_record(HEAD)?;
    for column in columns {
        match &column.cells {
            Ok(cells) => {
                for cell in cells {
                    lines.write_record(record(&column.kernel, cell))?;
                }
            }
            Err(why) => {
                let line = [&column.kernel, "", "not asked", "", "", why, "", ""];
                lines.write_record(line)?;
            }
        }
    }
    Ok(String::from_utf8(lines.into_inner()?)?)
}

fn record(kernel: &str, cell: &Cell) -> [String; 8] {
    let (verdict, insns, by, why) = match cell.fate() {
        Fate::Accepted(insns) => ("accepted", insns, "", ""),
        Fate::Rejected { by, why } => ("rejected", None, by.name(), why),
        Fate::Died(why) => ("died", None, "", why),
    };
    [
        kernel.to_owned(),
        cell.reply.answer.name(),
        verdict.to_owned(),
        insns.map_or_else(String::new, |insns| insns.to_string()),
        by.to_owned(),
        why.to_owned(),
        cell.model.as_ref().map_or_else(String::new, model),
        cell.agrees()
            .map_or_else(String::new, |agrees| agrees.to_string()),
    ]
}

/// The model's answer in a line.
pub(super) fn model(said: &Said) -> String {
    match said {
        Said::Accepted(insns) => format!("accepted, {insns}"),
        Said::Rejected(message) => format!("rejected: {message}"),
        Said::NotLoaded(why) => format!("not loaded: {why}"),
        Said::Unknown(what) => format!("not modelled: {what}"),
    }
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    kernel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_asked: Option<&'a str>,
    #[serde(flatten)]
    answer: Option<Answer>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    died: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agrees: Option<bool>,
}

/// Lines of JSON: all that a kernel said, with the log if that is wanted.
pub(super) fn json(columns: &[Column], with_log: bool) -> Result<String> {
    let mut text = String::new();
    let mut push = |line: Line<'_>| -> Result<()> {
        text += &serde_json::to_string(&line)?;
        text.push('\n');
        Ok(())
    };
    for column in columns {
        let kernel = column.kernel.as_str();
        match &column.cells {
            Err(why) => push(Line {
                kernel,
                not_asked: Some(why),
                answer: None,
                died: false,
                model: None,
                agrees: None,
            })?,
            Ok(cells) => {
                for cell in cells {
                    let mut answer = cell.reply.answer.clone();
                    answer.log = answer.log.filter(|_| with_log);
                    push(Line {
                        kernel,
                        not_asked: None,
                        answer: Some(answer),
                        died: cell.reply.died,
                        model: cell.model.as_ref().map(model),
                        agrees: cell.agrees(),
                    })?;
                }
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::survey::Reply;

    #[test]
    fn a_line_for_each_program_and_kernel() {
        let answer = r#"{"object":"o","program":"p","verdict":"rejected","errno":22,
            "message":"R1, \"bad\"","log":"l"}"#;
        let reply = Reply {
            answer: serde_json::from_str(answer).unwrap(),
            died: false,
        };
        let cell = Cell {
            reply,
            model: Some(Said::Accepted(3)),
        };
        let asked = Column {
            kernel: "6.1.176".to_owned(),
            cells: Ok(vec![cell]),
        };
        let failed = Column {
            kernel: "6.12.117".to_owned(),
            cells: Err("it does not boot".to_owned()),
        };
        let columns = [asked, failed];
        let want = "kernel,program,verdict,insns,by,why,model,agrees\n\
            6.1.176,o/p,rejected,,verifier,\"R1, \"\"bad\"\"\",\"accepted, 3\",false\n\
            6.12.117,,not asked,,,it does not boot,,\n";
        assert_eq!(csv(&columns).unwrap(), want);
        let said = json(&columns, false).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert!(
            lines[0].starts_with(r#"{"kernel":"6.1.176","object":"o""#),
            "{said}"
        );
        assert!(
            lines[0].ends_with(r#""model":"accepted, 3","agrees":false}"#),
            "{said}"
        );
        assert_eq!(
            lines[1],
            r#"{"kernel":"6.12.117","not_asked":"it does not boot"}"#
        );
        assert!(json(&columns, true).unwrap().contains(r#""log":"l""#));
    }
}
