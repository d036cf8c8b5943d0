// SPDX-License-Identifier: GPL-2.0-only
//! The page `docs/performance.md`.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use bench::guest::{Boot, Results, Shape};
use bench::{guard, host};

use crate::arm64;
use crate::patched;
use crate::table::Table;
use crate::targets::{self, ratio};
use crate::{Measured, Patched};

/// The methods in the order of the tables, and what the page calls them.
pub(crate) const METHODS: [(&str, &str); 6] = [
    ("cpumask", "bpf_iter_cpumask"),
    ("cpumask_c", "the same in C"),
    ("for_test", "bpf_for and test"),
    ("loop_test", "bpf_loop and test"),
    ("bits", "bpf_iter_bits"),
    ("kernel", "for_each_cpu in the kernel"),
];

/// The iterators over two masks and over a copy, beside the one over a mask.
const COMPANIONS: [(&str, &str); 4] = [
    ("cpumask", "bpf_iter_cpumask"),
    ("cpumask_and", "bpf_iter_cpumask_and"),
    ("cpumask_andnot", "bpf_iter_cpumask_andnot"),
    ("cpumask_snapshot", "bpf_iter_cpumask_snapshot"),
];

/// The whole page.
pub(crate) fn text(measured: &Measured) -> Result<String> {
    let mut page = head(&measured.counts)?;
    page += &format!(
        "## Targets

Ratios of whole walks; the worst cell of each is shown.

{}A step of the C port is longer because gcc copies more registers, and by one instruction because
it has room for ftrace, which Rust functions do not have.

",
        held(&measured.counts, measured.patched.as_ref())?
    );
    for boot in &measured.counts.boots {
        page += &walks(boot);
    }
    page += "![sparse masks](performance/sparse.svg)\n\n";
    page += &growth(&measured.counts)?;
    page += &make(&measured.counts);
    page += &companions(&measured.counts)?;
    page += &patched::section(measured.patched.as_ref())?;
    if let Some(counts) = &measured.arm64 {
        page += &arm64::section(counts)?;
    }
    page += &verifier(&measured.counts)?;
    page += &timed(&measured.timed)?;
    page += &match &measured.host {
        Some(results) => on_host(results)?,
        None => NOT_ON_HOST.to_owned(),
    };
    page += &kept();
    Ok(page.trim_end().to_owned() + "\n")
}

fn head(counts: &Results) -> Result<String> {
    let boot = counts.boots.first().context("no boot was measured")?;
    Ok(format!(
        "<!-- SPDX-License-Identifier: GPL-2.0-only -->
<!-- Written by `cargo xtask bench` and `cargo bench` from bench/results: do not edit. -->
# Performance

What it takes a BPF program to walk the CPUs of a mask, in instructions. Under QEMU's `-icount
shift=0` the guest's clock moves on by a nanosecond with each instruction, so it counts them: the
same binaries give the same numbers on every machine. Instructions are not time, but they do not
depend on a machine's caches, its load or its mood.

| | |
|---|---|
| kernel | {} |
| CPU | {} |
| machine | {} |
| command | `{}` |

One BPF program a method, in `tests/programs/bench`, all with the same loop body: it adds up the CPU
numbers and counts them. The JIT is on, the empty measurement ({} instructions) is taken off. One CPU
is present, N are possible. Each program runs 9 times; more than half of the runs have to agree to
the instruction, and the fastest counts, since an interrupt can only add.

- **bpf_iter_cpumask**: `bpf_for_each_cpu(cpu, mask)`, from the module.
- **the same in C**: the same algorithm as C kfuncs, `bench/c-port`: is Rust free?
- **bpf_for and test**: `bpf_for(cpu, 0, nr_cpu_ids)` and `bpf_cpumask_test_cpu()`.
- **bpf_loop and test**: `bpf_loop()` and `bpf_cpumask_test_cpu()` in the callback.
- **bpf_iter_bits**: the kernel's iterator over the bits of a copy.
- **for_each_cpu in the kernel**: the C loop in one kfunc, called once.

",
        boot.version.replace('|', "\\|"),
        boot.cpu_model,
        counts.machine,
        counts.command,
        boot.empty
    ))
}

/// The targets.
pub(crate) fn held(counts: &Results, patched: Option<&Patched>) -> Result<String> {
    let mut table = Table::new(&[
        "bpf_iter_cpumask takes, on",
        "at most",
        "counted",
        "where",
        "",
    ]);
    for target in targets::all(counts, patched)? {
        table.row(&[
            target.words.to_owned(),
            format!("{:.2}", target.limit),
            format!("{:.3}", target.worst),
            target.cell.clone(),
            if target.holds() {
                "holds"
            } else {
                "**missed**"
            }
            .to_owned(),
        ]);
    }
    Ok(table.text())
}

/// The whole walks of one boot.
pub(crate) fn walks(boot: &Boot) -> String {
    let mut head = vec!["instructions"];
    head.extend(Shape::ALL.map(Shape::name));
    let mut table = Table::new(&head);
    for (name, label) in METHODS {
        let Some(method) = boot.method(name) else {
            continue;
        };
        let mut row = vec![label.to_owned()];
        row.extend(method.walks.iter().map(|walk| walk.ticks.to_string()));
        table.row(&row);
    }
    let mut visited = vec!["CPUs visited".to_owned()];
    let walks = boot
        .methods
        .first()
        .into_iter()
        .flat_map(|method| &method.walks);
    visited.extend(walks.map(|walk| walk.visited.to_string()));
    table.row(&visited);
    format!(
        "## {} possible CPUs: whole walks\n\n{}",
        boot.nr_cpu_ids,
        table.text()
    )
}

/// How the cost grows with the number of possible CPUs.
fn growth(counts: &Results) -> Result<String> {
    let mut table = Table::new(&[
        "instructions",
        "all: a CPU",
        "all: fixed",
        "last only: a CPU",
        "last only: fixed",
    ]);
    for (name, label) in METHODS {
        let line = |shape| {
            let points: Option<Vec<(f64, f64)>> = counts
                .boots
                .iter()
                .map(|boot| {
                    let ticks = boot.method(name)?.ticks(shape)?;
                    Some((f64::from(boot.nr_cpu_ids), ticks as f64))
                })
                .collect();
            let points = points.with_context(|| format!("{name} is not measured everywhere"))?;
            Ok::<_, anyhow::Error>(least_squares(&points))
        };
        let ((all, all_fixed), (last, last_fixed)) = (line(Shape::All)?, line(Shape::Last)?);
        table.row(&[
            label.to_owned(),
            format!("{all:.2}"),
            format!("{all_fixed:.0}"),
            format!("{last:.2}"),
            format!("{last_fixed:.0}"),
        ]);
    }
    Ok(format!(
        "## As the mask grows

Slope and intercept, by least squares over the numbers of possible CPUs above. With every CPU set the
slope is the cost of a step, body included; with the last one set it is the cost of passing over a
CPU that is not there.

{}![every CPU set](performance/dense.svg)

![only the last CPU set](performance/last.svg)

",
        table.text()
    ))
}

/// Slope and intercept of the line nearest to `points`.
fn least_squares(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let slope = covariance / variance;
    (slope, y - slope * x)
}

fn make(counts: &Results) -> String {
    let sizes: Vec<String> = counts
        .boots
        .iter()
        .map(|boot| format!("{} CPUs", boot.nr_cpu_ids))
        .collect();
    let mut head = vec!["instructions"];
    head.extend(sizes.iter().map(String::as_str));
    let mut table = Table::new(&head);
    for (name, label) in METHODS {
        let makes = counts.boots.iter();
        let makes = makes.map(|boot| Some(boot.method(name)?.make?.to_string()));
        if let Some(makes) = makes.collect::<Option<Vec<_>>>() {
            table.row(&[vec![label.to_owned()], makes].concat());
        }
    }
    format!("## New and destroy, without a step\n\n{}", table.text())
}

/// Two masks, and a copy.
fn companions(counts: &Results) -> Result<String> {
    let mut text = "## Two masks, and a copy

`bpf_for_each_cpu_and(cpu, mask, mask)`, `bpf_for_each_cpu_andnot(cpu, mask, empty)` and
`bpf_for_each_cpu_snapshot(cpu, mask)`, which takes and drops RCU around the copy; new and destroy
are without that. Up to 256 possible CPUs a copy fits into the iterator, beyond it is allocated.

"
    .to_owned();
    for boot in &counts.boots {
        let head = format!("{} CPUs", boot.nr_cpu_ids);
        let mut head = vec![head.as_str()];
        head.extend(Shape::ALL.map(Shape::name));
        head.push("new and destroy");
        let mut table = Table::new(&head);
        for (name, label) in COMPANIONS {
            let method = boot.method(name);
            let method = method.with_context(|| format!("{name} was not measured"))?;
            table.row(&[vec![label.to_owned()], patched::cells(method)].concat());
        }
        text += &table.text();
    }
    Ok(text)
}

fn verifier(counts: &Results) -> Result<String> {
    let boot = counts.boots.iter();
    let boot = boot.max_by_key(|boot| boot.nr_cpu_ids).context("no boot")?;
    let mut table = Table::new(&["program", "instructions processed", "microseconds"]);
    for (name, label) in METHODS {
        if let Some(method) = boot.method(name) {
            table.row(&[
                label.to_owned(),
                method.verified_insns.to_string(),
                method.verification_usec.to_string(),
            ]);
        }
    }
    Ok(format!(
        "## The verifier

Instructions processed, and the verification time that its log tells: the least of 5 loads, in the
guest's microseconds of 1000 instructions.

{}",
        table.text()
    ))
}

/// The wall clock: ratios alone, as the ticks are a machine's own.
fn timed(timed: &[Results]) -> Result<String> {
    let mut text = "## Wall clock\n\nTime of `bpf_iter_cpumask` as a part of the time of the others, \
                    the fastest of 1000 runs each. Unlike the counts above these differ from run to \
                    run.\n\n"
        .to_owned();
    if !timed.iter().any(|results| results.machine.contains("KVM")) {
        text += "No figures with KVM: it does not work on the machine that measured.\n\n";
    }
    for results in timed {
        for boot in &results.boots {
            let mut head = vec!["ratio"];
            head.extend(Shape::ALL.map(Shape::name));
            let mut table = Table::new(&head);
            for (name, label) in &METHODS[1..] {
                let ratios = Shape::ALL.map(|shape| ratio(boot, name, |m| m.ticks(shape)));
                let ratios = ratios.into_iter().collect::<Result<Vec<_>>>()?;
                let ratios = ratios.iter().map(|ratio| format!("{ratio:.2}"));
                table.row(
                    &[(*label).to_owned()]
                        .into_iter()
                        .chain(ratios)
                        .collect::<Vec<_>>(),
                );
            }
            write!(
                text,
                "{} possible CPUs on {}:\n\n{}",
                boot.nr_cpu_ids,
                results.machine,
                table.text()
            )?;
        }
    }
    Ok(text)
}

const NOT_ON_HOST: &str = "## The core on the host

Not measured yet: `cargo bench`, on a machine with nothing else to do, adds the figures here.

";

fn on_host(results: &host::Results) -> Result<String> {
    let mut text = format!(
        "## The core on the host

The walk itself, compiled by cargo, against other ways to visit the set bits of an array of words;
criterion's median, in nanoseconds of a whole walk. These are times of one machine. `Walk` reads every
word anew at each step, as it must in the kernel; the others keep it in a register, and so win where
many bits are set.

| | |
|---|---|
| CPU | {} |
| compiler | {} |
| kernel | {} |
| command | `{}` |

",
        results.cpu_model, results.compiler, results.kernel, results.command
    );
    let mut methods: Vec<&str> = Vec::new();
    for cell in &results.cells {
        if !methods.contains(&cell.method.as_str()) {
            methods.push(&cell.method);
        }
    }
    let mut head = vec!["bits, set"];
    head.extend(&methods);
    let mut table = Table::new(&head);
    for bits in host::BITS {
        for one_in in host::ONE_IN {
            let cells = methods.iter().map(|method| {
                let mut cells = results.cells.iter();
                cells.find(|c| c.method == *method && (c.bits, c.one_in) == (bits, one_in))
            });
            if let Some(cells) = cells.collect::<Option<Vec<_>>>() {
                let mut row = vec![format!("{bits}, 1 in {one_in}")];
                row.extend(cells.iter().map(|cell| format!("{:.1}", cell.nanoseconds)));
                table.row(&row);
            }
        }
    }
    write!(text, "{}![host](performance/host.svg)\n\n", table.text())?;
    text += "`cargo bench --bench walk -- --save-baseline NAME` keeps a measurement, `-- --baseline NAME`\n\
             compares with it, and `-- --quick` is over in a minute.\n\n";
    Ok(text)
}

fn kept() -> String {
    format!(
        "## What keeps it so

`cargo xtask test` counts the iterator's instructions again, on each kernel that is in the tables
above and that it tests, with {} CPUs, and fails when a cell has grown by more than {} %. `cargo xtask
bench` accepts the new counts: it writes `bench/results` and this page.
",
        guard::NR_CPU_IDS,
        guard::PERCENT
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found() {
        let (slope, intercept) = least_squares(&[(1.0, 5.0), (2.0, 7.0), (4.0, 11.0)]);
        assert!((slope - 2.0).abs() < 1e-9);
        assert!((intercept - 3.0).abs() < 1e-9);
    }
}
