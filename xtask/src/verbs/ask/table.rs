// SPDX-License-Identifier: GPL-2.0-only
//! What was said, for people: programs by kernels, and below the reasons.
//!
//! ```text
//! program              5.10.223  6.12.117  7.3.4
//! ----------------------------------------------
//! walk.bpf.o/possible  no [1]        ok 52  ok 46
//!
//! [1] walk.bpf.o/possible: unknown func bpf_iter_num_new#178  (5.10.223)
//! ```

use std::fmt::Write as _;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::column::{By, Cell, Column, Fate};
use super::output::model;

/// The table, the reasons, and how often the model agrees.
pub(super) fn render(columns: &[Column]) -> String {
    let mut programs: Vec<String> = Vec::new();
    for cell in columns.iter().flat_map(|c| c.cells.iter().flatten()) {
        let name = cell.reply.answer.name();
        if !programs.contains(&name) {
            programs.push(name);
        }
    }
    let mut notes = Notes::default();
    let mut table = Table::new();
    let rule = LineStyle::none().fill('-').junction('-');
    table.load_style(TableStyle::new().header_separator(rule));
    let kernels = columns.iter().map(|column| column.kernel.clone());
    table.set_header(std::iter::once("program".to_owned()).chain(kernels));
    for program in &programs {
        let mut row = vec![program.clone()];
        row.extend(columns.iter().map(|column| match &column.cells {
            Err(_) => "-".to_owned(),
            Ok(cells) => {
                let cell = cells.iter().find(|c| c.reply.answer.name() == *program);
                cell.map_or_else(String::new, |cell| {
                    notes.word(program, &column.kernel, cell)
                })
            }
        }));
        table.add_row(row);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if at > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    if !programs.is_empty() {
        for line in table.lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    notes.write(&mut text);
    for column in columns {
        if let Err(why) = &column.cells {
            let _ = writeln!(text, "\n{} was not asked: {why}", column.kernel);
        }
    }
    agreement(columns, &mut text);
    text
}

/// Numbered reasons.
#[derive(Default)]
struct Notes {
    /// What is said, and of which kernels.
    notes: Vec<(String, Vec<String>)>,
}

impl Notes {
    /// The cell in a word or two.
    fn word(&mut self, program: &str, kernel: &str, cell: &Cell) -> String {
        let differs = cell.agrees() == Some(false);
        let mut word = match cell.fate() {
            Fate::Accepted(Some(insns)) => format!("ok {insns}"),
            Fate::Accepted(None) => "ok".to_owned(),
            Fate::Rejected { by, why } => {
                let by = if by == By::Libbpf { "libbpf: " } else { "" };
                format!(
                    "no {}",
                    self.number(format!("{program}: {by}{why}"), kernel)
                )
            }
            Fate::Died(how) => {
                format!("died {}", self.number(format!("{program}: {how}"), kernel))
            }
        };
        if let Some(said) = cell.model.as_ref().filter(|_| differs) {
            let said = format!("{program}: the model says {}", model(said));
            let _ = write!(word, " {}", self.number(said, kernel));
        }
        word
    }

    /// `[3]`.
    fn number(&mut self, said: String, kernel: &str) -> String {
        let at = self.notes.iter().position(|(other, _)| *other == said);
        let at = at.unwrap_or_else(|| {
            self.notes.push((said, Vec::new()));
            self.notes.len() - 1
        });
        self.notes[at].1.push(kernel.to_owned());
        format!("[{}]", at + 1)
    }

    fn write(&self, text: &mut String) {
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for (at, (said, kernels)) in self.notes.iter().enumerate() {
            let _ = writeln!(text, "[{}] {said}  ({})", at + 1, kernels.join(", "));
        }
    }
}

/// Of how many cells the model says the same as the kernel, if it was asked.
fn agreement(columns: &[Column], text: &mut String) {
    let count = |cells: &[Cell]| {
        let agrees: Vec<bool> = cells.iter().filter_map(Cell::agrees).collect();
        (
            agrees.iter().filter(|agrees| **agrees).count(),
            agrees.len(),
        )
    };
    let mut told = Vec::new();
    let (mut agreed, mut all) = (0, 0);
    for column in columns {
        let (same, of) = column.cells.as_deref().map_or((0, 0), count);
        if of > 0 {
            told.push(format!("{} {same}/{of}", column.kernel));
        }
        agreed += same;
        all += of;
    }
    if all > 0 {
        let _ = writeln!(
            text,
            "\nthe model agrees on {agreed} of {all}: {}",
            told.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Said;
    use super::*;
    use crate::corpus::survey::Reply;

    fn cell(answer: &str, died: bool, model: Option<Said>) -> Cell {
        let answer = format!(r#"{{"object":"o",{answer}}}"#);
        let answer = serde_json::from_str(&answer).unwrap();
        Cell {
            reply: Reply { answer, died },
            model,
        }
    }

    fn column(kernel: &str, cells: Result<Vec<Cell>, String>) -> Column {
        Column {
            kernel: kernel.to_owned(),
            cells,
        }
    }

    const ACCEPTED: &str = r#""program":"p","verdict":"accepted","insns":12,
        "max_states_per_insn":0,"total_states":0,"peak_states":0,"mark_read":0"#;
    const REFUSED: &str = r#""program":"p","verdict":"rejected","message":"bad"#;

    #[test]
    fn programs_by_kernels_and_reasons_below() {
        let refused = format!("{REFUSED}\"");
        let not_loaded = r#""program":"q","verdict":"unanswered","why":"no type""#;
        let died = r#""program":"q","verdict":"unanswered","why":"hangs""#;
        let columns = [
            column(
                "5.10",
                Ok(vec![
                    cell(&refused, false, None),
                    cell(not_loaded, false, None),
                ]),
            ),
            column(
                "6.1",
                Ok(vec![cell(&refused, false, None), cell(died, true, None)]),
            ),
            column("6.12", Ok(vec![cell(ACCEPTED, false, None)])),
            column("7.3", Err("it does not boot".to_owned())),
        ];
        let want = "\
program    5.10       6.1   6.12  7.3
--------------------------------------
o/p      no [1]    no [1]  ok 12    -
o/q      no [2]  died [3]           -

[1] o/p: bad  (5.10, 6.1)
[2] o/q: libbpf: no type  (5.10)
[3] o/q: hangs  (6.1)

7.3 was not asked: it does not boot
";
        assert_eq!(render(&columns), want);
    }

    #[test]
    fn the_model_is_told_where_it_differs() {
        let refused = format!("{REFUSED}\"");
        let says = |said: Said| Some(said);
        let columns = [
            column(
                "6.1",
                Ok(vec![cell(&refused, false, says(Said::Accepted(9)))]),
            ),
            column(
                "7.3",
                Ok(vec![cell(ACCEPTED, false, says(Said::Accepted(12)))]),
            ),
            column(
                "7.4",
                Ok(vec![cell(ACCEPTED, true, says(Said::Accepted(12)))]),
            ),
        ];
        let text = render(&columns);
        assert!(text.contains("no [1] [2]"), "{text}");
        assert!(
            text.contains("[2] o/p: the model says accepted, 9  (6.1)"),
            "{text}"
        );
        assert!(
            text.ends_with("the model agrees on 1 of 2: 6.1 0/1, 7.3 1/1\n"),
            "{text}"
        );
    }
}
