// SPDX-License-Identifier: GPL-2.0-only
//! Tables in Markdown.

/// Rows of cells under a head; the first column is text, the others are numbers.
pub(crate) struct Table {
    lines: Vec<String>,
}

impl Table {
    /// A table with this head.
    pub(crate) fn new(head: &[&str]) -> Self {
        let rule: Vec<&str> = (0..head.len())
            .map(|i| if i == 0 { "---" } else { "---:" })
            .collect();
        let mut table = Self { lines: Vec::new() };
        table.row(head);
        table.row(&rule);
        table
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: &[impl AsRef<str>]) {
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        self.lines.push(format!("| {} |", cells.join(" | ")));
    }

    /// The table and an empty line.
    pub(crate) fn text(self) -> String {
        self.lines.join("\n") + "\n\n"
    }
}
