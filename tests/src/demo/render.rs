// SPDX-License-Identifier: GPL-2.0-only
//! The report as text for a person, at most 100 columns wide.

use comfy_table::{LineStyle, Table, TableStyle};

use super::report::{Report, Spent};

/// Columns of a bar that stands for all of the time.
const BAR: u64 = 8;
/// A column of a bar, in eighths: the last one is filled from the left.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

const HOLDS: char = '✔';
const FAILS: char = '✘';

// ANSI: select graphic rendition.
const PLAIN: &str = "\x1b[0m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";

/// Renders the report; with `color`, bars and marks get ANSI colours.
pub(super) fn text(report: &Report, color: bool) -> String {
    let parts = [
        head(report),
        by_cpu(report),
        by_mask(report),
        checks(report),
        verdict(report),
    ];
    let text = parts.join("\n\n") + "\n";
    if color { paint(&text) } else { text }
}

fn head(report: &Report) -> String {
    let counts = report.sums.iter();
    let counts: Vec<String> = counts
        .map(|sum| format!("{} {}", sum.nr_cpus, sum.mask))
        .collect();
    format!(
        "Linux {}, iterator: {}\nCPUs: {}\nBPF program {}: {} instructions verified\n\
         container pressure by {}",
        report.kernel,
        report.iterator,
        counts.join(", "),
        report.program,
        report.verified_insns,
        report.container_pcpu,
    )
}

fn by_cpu(report: &Report) -> String {
    let mut table = table(
        ["CPU", "state", "container", "running"]
            .into_iter()
            .chain(WAITS),
    );
    for cpu in &report.cpus {
        let mut row = vec![
            cpu.cpu.to_string(),
            cpu.state.to_owned(),
            if cpu.in_container { "yes" } else { "" }.to_owned(),
            format!("{} {}", cpu.nr_running, bar(cpu.nr_running, BAR)),
        ];
        for waited in waits(&cpu.system, &cpu.container) {
            let percent = (waited * 100 + report.watched_ns / 2) / report.watched_ns;
            row.push(format!("{percent:3} % {}", bar(waited, report.watched_ns)));
        }
        table.add_row(row);
    }
    let watched = seconds(report.watched_ns);
    titled(
        &format!(
            "By CPU: part of {watched} in which some task waited; full: all tasks of the container did"
        ),
        table,
    )
}

fn by_mask(report: &Report) -> String {
    let mut table = table(
        ["mask", "CPUs", "number", "running"]
            .into_iter()
            .chain(WAITS),
    );
    for sum in &report.sums {
        let mut row = vec![
            sum.mask.to_owned(),
            sum.cpus.clone(),
            sum.nr_cpus.to_string(),
            sum.nr_running.to_string(),
        ];
        row.extend(waits(&sum.system, &sum.container).map(seconds));
        table.add_row(row);
    }
    titled(
        "By mask: sums over its CPUs, as the program left them",
        table,
    )
}

fn checks(report: &Report) -> String {
    let mut table = table([
        "",
        "checked",
        "walked",
        "kernel",
        "where the kernel shows it",
    ]);
    for check in &report.checks {
        let mark = if check.holds { HOLDS } else { FAILS };
        table.add_row([
            mark.to_string(),
            check.what.clone(),
            check.walked.clone(),
            check.kernel.clone(),
            check.source.clone(),
        ]);
    }
    titled("Cross-checks", table)
}

fn verdict(report: &Report) -> String {
    let failed = report.checks.iter().filter(|check| !check.holds).count();
    match failed {
        0 => format!("{HOLDS} all {} cross-checks hold", report.checks.len()),
        _ => format!(
            "{FAILS} {failed} of {} cross-checks failed",
            report.checks.len()
        ),
    }
}

/// The waiting that the tables show, by its columns' headings.
const WAITS: [&str; 4] = ["system cpu", "container cpu", "cpu full", "memory"];

fn waits(system: &Spent, container: &Spent) -> [u64; 4] {
    [
        system.cpu_some_ns,
        container.cpu_some_ns,
        container.cpu_full_ns,
        container.memory_some_ns,
    ]
}

fn seconds(ns: u64) -> String {
    format!("{}.{:02} s", ns / 1_000_000_000, ns / 10_000_000 % 100)
}

/// A bar for `part` of `whole`, to an eighth of a column.
fn bar(part: u64, whole: u64) -> String {
    let eighths = (part.min(whole) * BAR * 8 / whole.max(1)) as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_header(header);
    table
}

fn titled(title: &str, mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    let lines: Vec<String> = [title.to_owned()].into_iter().chain(lines).collect();
    lines.join("\n")
}

/// Colours bars and marks.
fn paint(text: &str) -> String {
    let mut painted = String::new();
    let mut current = PLAIN;
    for letter in text.chars() {
        let color = match letter {
            '█' | '▉'..='▏' => YELLOW,
            HOLDS => GREEN,
            FAILS => RED,
            _ => PLAIN,
        };
        if color != current {
            painted.push_str(color);
            current = color;
        }
        painted.push(letter);
    }
    painted
}
