// SPDX-License-Identifier: GPL-2.0-only
//! The regression guard: the iterators may not come to cost more than the committed counts say.

use crate::guest::{Boot, Method, Shape};

/// The methods that are guarded: the others are not the project's. The first one is in every table,
/// its companions in those of kernels that have them.
pub const METHODS: [&str; 4] = [
    "cpumask",
    "cpumask_and",
    "cpumask_andnot",
    "cpumask_snapshot",
];
/// The number of possible CPUs of the boot that is compared.
pub const NR_CPU_IDS: u32 = 128;
/// How many percent a count may grow.
pub const PERCENT: u64 = 2;

/// The cells of `now` that are missing or exceed those of `table`, each in words.
pub fn grown(table: &Boot, now: &Boot) -> Vec<String> {
    if table.method(METHODS[0]).is_none() {
        return vec![format!("the table has no {}", METHODS[0])];
    }
    let mut told = Vec::new();
    for table in METHODS.iter().filter_map(|name| table.method(name)) {
        let name = &table.name;
        let Some(now) = now.method(name) else {
            told.push(format!("{name} was not measured"));
            continue;
        };
        for ((cell, was), (_, is)) in cells(table).into_iter().zip(cells(now)) {
            match (was, is) {
                (Some(was), Some(is)) if is * 100 <= was * (100 + PERCENT) => {}
                (Some(was), Some(is)) => {
                    told.push(format!("{cell}: {is} instructions, {was} before"));
                }
                _ => told.push(format!("{cell}: {was:?} in the table, {is:?} measured")),
            }
        }
    }
    told
}

fn cells(method: &Method) -> Vec<(String, Option<u64>)> {
    let name = &method.name;
    let walk = |shape: Shape| {
        let cell = format!("{name}, {} of {NR_CPU_IDS} CPUs", shape.name());
        (cell, method.ticks(shape))
    };
    let make = (format!("{name}, new and destroy"), method.make);
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
                name: METHODS[0].to_owned(),
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
        assert_eq!(grown(&none, &table), ["the table has no cpumask"]);
    }

    #[test]
    fn companions_are_held_where_the_table_has_them() {
        let mut table = boot(1000, Some(15));
        let mut and = table.methods[0].clone();
        and.name = METHODS[1].to_owned();
        let alone = table.clone();
        table.methods.push(and);
        assert!(grown(&table, &table).is_empty());
        assert!(grown(&alone, &table).is_empty());
        assert_eq!(grown(&table, &alone), ["cpumask_and was not measured"]);
    }
}
