// SPDX-License-Identifier: GPL-2.0-only
//! The regression guard: the iterator may not come to cost more than the committed counts say.

use crate::guest::{Boot, Method, Shape};

/// The method that is guarded: the others are not the project's.
pub const METHOD: &str = "cpumask";
/// The number of possible CPUs of the boot that is compared.
pub const NR_CPU_IDS: u32 = 128;
/// How many percent a count may grow.
pub const PERCENT: u64 = 2;

/// The cells of `now` that are missing or exceed those of `table`, each in words.
pub fn grown(table: &Boot, now: &Boot) -> Vec<String> {
    let Some(table) = table.method(METHOD) else {
        return vec![format!("the table has no {METHOD}")];
    };
    let Some(now) = now.method(METHOD) else {
        return vec![format!("{METHOD} was not measured")];
    };
    let cells = cells(table).into_iter().zip(cells(now));
    cells
        .filter_map(|((cell, was), (_, is))| match (was, is) {
            (Some(was), Some(is)) if is * 100 <= was * (100 + PERCENT) => None,
            (Some(was), Some(is)) => Some(format!("{cell}: {is} instructions, {was} before")),
            _ => Some(format!("{cell}: {was:?} in the table, {is:?} measured")),
        })
        .collect()
}

fn cells(method: &Method) -> Vec<(String, Option<u64>)> {
    let walk = |shape: Shape| {
        let name = format!("{METHOD}, {} of {NR_CPU_IDS} CPUs", shape.name());
        (name, method.ticks(shape))
    };
    let make = (format!("{METHOD}, new and destroy"), method.make);
    Shape::ALL.into_iter().map(walk).chain([make]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::Walk;

    fn boot(ticks: u64, make: Option<u64>) -> Boot {
        let walks = Shape::ALL.map(|shape| Walk {
            shape,
            visited: 1,
            ticks,
        });
        Boot {
            nr_cpu_ids: NR_CPU_IDS,
            cpu_model: String::new(),
            version: String::new(),
            empty: 0,
            methods: vec![Method {
                name: METHOD.to_owned(),
                verified_insns: 0,
                verification_usec: 0,
                make,
                walks: walks.into(),
            }],
        }
    }

    #[test]
    fn two_percent_are_let_pass_and_no_more() {
        let table = boot(1000, Some(15));
        assert!(grown(&table, &boot(1020, Some(15))).is_empty());
        assert!(grown(&table, &boot(10, Some(1))).is_empty());
        assert_eq!(grown(&table, &boot(1021, Some(15))).len(), Shape::ALL.len());
        assert_eq!(
            grown(&table, &boot(1000, Some(16))),
            ["cpumask, new and destroy: 16 instructions, 15 before"]
        );
    }

    #[test]
    fn a_cell_that_is_gone_is_told() {
        let table = boot(1000, Some(15));
        assert_eq!(grown(&table, &boot(1000, None)).len(), 1);
        let mut none = boot(1000, None);
        none.methods.clear();
        assert_eq!(grown(&table, &none), ["cpumask was not measured"]);
    }
}
