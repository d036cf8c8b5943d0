// SPDX-License-Identifier: GPL-2.0-only
//! What the iterator has to reach, held against what was counted.

use anyhow::{Context, Result};
use bench::guest::{Boot, Method, Results, Shape};

use crate::Patched;

/// One target.
pub(crate) struct Target {
    /// What is demanded.
    pub(crate) words: &'static str,
    /// The largest ratio allowed.
    pub(crate) limit: f64,
    /// The largest ratio counted, and where.
    pub(crate) worst: f64,
    /// The cell of the largest ratio.
    pub(crate) cell: String,
}

impl Target {
    /// Whether it is reached.
    pub(crate) fn holds(&self) -> bool {
        self.worst <= self.limit
    }
}

/// A ratio and the cell it is of.
type Cell = (f64, String);

/// The target that the patched kernel has to reach.
const INLINED: &str = "every mask, inlined, of for_each_cpu in the kernel";

/// Every target whose counts were measured.
pub(crate) fn all(counts: &Results, patched: Option<&Patched>) -> Result<Vec<Target>> {
    let over = |rival: &'static str, shapes: &'static [Shape], sizes: fn(u32) -> bool| {
        let boots = counts.boots.iter();
        let boots = boots.filter(move |boot| sizes(boot.nr_cpu_ids));
        let cells = boots.flat_map(move |boot| {
            shapes.iter().map(move |&shape| {
                let cell = format!("{}, {} CPUs", shape.name(), boot.nr_cpu_ids);
                Ok((ratio(boot, rival, |method| method.ticks(shape))?, cell))
            })
        });
        cells.collect::<Result<Vec<Cell>>>()
    };
    let make = counts.boots.iter().filter(|boot| boot.nr_cpu_ids > 64);
    let make = make.map(|boot| {
        let cell = format!("{} CPUs", boot.nr_cpu_ids);
        Ok((ratio(boot, "bits", |method| method.make)?, cell))
    });
    let mut c_port = over("cpumask_c", &Shape::ALL, |_| true)?;
    for boot in &counts.boots {
        let cell = format!("new and destroy, {} CPUs", boot.nr_cpu_ids);
        c_port.push((ratio(boot, "cpumask_c", |method| method.make)?, cell));
    }
    let inlined = match patched {
        Some(patched) => {
            let boots = patched.inlined.boots.iter();
            let cells = boots.flat_map(|boot| {
                Shape::ALL.map(|shape| {
                    let cell = format!("{}, {} CPUs", shape.name(), boot.nr_cpu_ids);
                    Ok((ratio(boot, "kernel", |method| method.ticks(shape))?, cell))
                })
            });
            Some((INLINED, 1.5, cells.collect::<Result<Vec<Cell>>>()?))
        }
        None => None,
    };
    let one = &[Shape::First, Shape::Last];
    [
        (
            "dense masks, of bpf_for and test",
            0.75,
            over("for_test", &[Shape::All], |_| true)?,
        ),
        (
            "1 of 8, of bpf_for and test",
            0.35,
            over("for_test", &[Shape::Eighth], |_| true)?,
        ),
        (
            "one CPU of 128, of bpf_for and test",
            0.1,
            over("for_test", one, |nr_cpu_ids| nr_cpu_ids == 128)?,
        ),
        (
            "every mask, of bpf_iter_bits",
            0.5,
            over("bits", &Shape::ALL, |_| true)?,
        ),
        (
            "new and destroy above 64 CPUs, of bpf_iter_bits",
            0.1,
            make.collect::<Result<_>>()?,
        ),
        ("everything, of the C port", 1.02, c_port),
    ]
    .into_iter()
    .chain(inlined)
    .map(|(words, limit, cells)| {
        let worst = cells.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        let (worst, cell) = worst.with_context(|| format!("nothing was counted for: {words}"))?;
        Ok(Target {
            words,
            limit,
            worst,
            cell,
        })
    })
    .collect()
}

/// What the iterator takes in `boot`, as a part of what `rival` takes.
pub(crate) fn ratio(
    boot: &Boot,
    rival: &str,
    ticks: impl Fn(&Method) -> Option<u64>,
) -> Result<f64> {
    let of = |name: &str| {
        let ticks = boot.method(name).and_then(&ticks);
        ticks.with_context(|| format!("{name} is not measured on {} CPUs", boot.nr_cpu_ids))
    };
    Ok(of("cpumask")? as f64 / of(rival)? as f64)
}
