// SPDX-License-Identifier: GPL-2.0-only
//! Tables of text.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// A column's name, and whether it is text, which is aligned to the left.
pub(crate) type Head = (String, bool);

/// A table with a line under its head and nothing else drawn, as veristat's.
pub(crate) fn plain(head: &[Head], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rule = LineStyle::none().fill('-').junction('-');
    let mut table = filled(head, rows);
    table.load_style(TableStyle::new().header_separator(rule));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// The same in Markdown.
pub(crate) fn markdown(head: &[Head], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = filled(head, rows);
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.to_string()
}

fn filled(head: &[Head], rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.set_header(head.iter().map(|(name, _)| name));
    for row in rows {
        table.add_row(row);
    }
    for (column, (_, text)) in table.column_iter_mut().zip(head) {
        if !text {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
