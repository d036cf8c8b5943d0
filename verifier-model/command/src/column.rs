// SPDX-License-Identifier: GPL-2.0-only
//! Which fields are shown (`-e`), and in which order programs are (`-s`).
//!
//! When two results are compared, a field has four values: `insns_a` of the first, `insns_b` of the
//! second, `insns_diff` between them, `insns_pct` the same in percent of the first. `insns` alone is
//! `insns_b`. With only one result there is nothing but `insns_b`.

use std::cmp::Ordering;

use anyhow::{Result, bail};

use crate::stat::{Record, Stat, Value};

/// One program's line: one result, or two of the same program, of which one may be missing.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Of the first result; None when there is but one.
    pub(crate) a: Option<Record>,
    /// Of the second result, or the only one.
    pub(crate) b: Option<Record>,
}

/// Which of the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    A,
    B,
    Diff,
    Percent,
}

/// A value that every row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) stat: Stat,
    pub(crate) variant: Variant,
    /// Whether the sign is left out: `|insns_diff|`.
    pub(crate) abs: bool,
}

impl Column {
    pub(crate) fn new(stat: Stat, variant: Variant) -> Self {
        let abs = false;
        Self { stat, variant, abs }
    }

    pub(crate) fn parse(name: &str) -> Result<Self> {
        const SUFFIXES: [(&str, Variant); 4] = [
            ("_a", Variant::A),
            ("_b", Variant::B),
            ("_diff", Variant::Diff),
            ("_pct", Variant::Percent),
        ];
        let bare = name.strip_prefix('|').and_then(|n| n.strip_suffix('|'));
        let (name, abs) = (bare.unwrap_or(name), bare.is_some());
        let plain = Stat::from_name(name).map(|stat| (stat, Variant::B));
        let found = plain.or_else(|| {
            SUFFIXES.iter().find_map(|(suffix, variant)| {
                let stat = Stat::from_name(name.strip_suffix(suffix)?)?;
                Some((stat, *variant))
            })
        });
        match found {
            Some((stat, variant)) => Ok(Self { stat, variant, abs }),
            None => bail!("there is no field '{name}'; --help lists the fields"),
        }
    }

    /// The value in `row`; None if the program is missing on that side.
    pub(crate) fn value(&self, row: &Row) -> Option<Value> {
        let of = |record: &Option<Record>| record.as_ref()?.get(self.stat).cloned();
        let value = if self.stat.is_key() {
            of(&row.b).or_else(|| of(&row.a))?
        } else {
            match self.variant {
                Variant::A => of(&row.a)?,
                Variant::B => of(&row.b)?,
                Variant::Diff => difference(&of(&row.a)?, &of(&row.b)?),
                Variant::Percent => percent(&of(&row.a)?, &of(&row.b)?),
            }
        };
        Some(if self.abs { value.abs() } else { value })
    }
}

fn difference(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Value::Number(b.saturating_sub(*a)),
        _ if a == b => Value::Text("MATCH".to_owned()),
        _ => Value::Text("MISMATCH".to_owned()),
    }
}

fn percent(a: &Value, b: &Value) -> Value {
    let (from, to) = (a.number(), b.number());
    Value::Percent(match from == 0.0 {
        true if to == 0.0 => 0.0,
        true => 100.0_f64.copysign(to),
        false => (to - from) * 100.0 / from,
    })
}

/// `-e`: fields with commas between them.
pub(crate) fn parse_emit(list: &str) -> Result<Vec<Column>> {
    list.split(',').map(Column::parse).collect()
}

/// `-s`: the same, each with `^` behind it for ascending and `v` for descending.
pub(crate) fn parse_sort(list: &str) -> Result<Vec<(Column, bool)>> {
    let key = |name: &str| {
        let ascending = name.strip_suffix('^');
        // veristat takes all of these for "downwards".
        let descending = name.strip_suffix(['v', 'V', '.', '!', '_']);
        match (ascending, descending, Column::parse(name)) {
            (_, _, Ok(column)) => Ok((column, column.stat.is_text())),
            (Some(name), ..) => Ok((Column::parse(name)?, true)),
            (_, Some(name), _) => Ok((Column::parse(name)?, false)),
            (_, _, error) => error.map(|column| (column, true)),
        }
    };
    list.split(',').map(key).collect()
}

/// Sorts rows by `keys`, then by file and program. Missing values come before all others.
pub(crate) fn sort(rows: &mut [Row], keys: &[(Column, bool)]) {
    let names = [Stat::FileName, Stat::ProgName].map(|stat| (Column::new(stat, Variant::B), true));
    rows.sort_by(|x, y| {
        let by = |&(column, ascending): &(Column, bool)| {
            let order = match (column.value(x), column.value(y)) {
                (Some(x), Some(y)) => x.order(&y),
                (x, y) => x.is_some().cmp(&y.is_some()),
            };
            if ascending { order } else { order.reverse() }
        };
        let orders = keys.iter().chain(&names).map(by);
        orders.fold(Ordering::Equal, Ordering::then)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, a: Option<i64>, b: Option<i64>) -> Row {
        let record = |insns: i64| {
            let mut record = Record::default();
            record.text(Stat::ProgName, name);
            record.number(Stat::TotalInsns, insns);
            record
        };
        Row {
            a: a.map(record),
            b: b.map(record),
        }
    }

    #[test]
    fn a_field_has_four_values() {
        let row = row("p", Some(200), Some(150));
        let value = |name| {
            let column = Column::parse(name).unwrap();
            column.value(&row).unwrap().to_string()
        };
        let names = [
            "insns",
            "insns_a",
            "insns_diff",
            "|insns_diff|",
            "insns_pct",
        ];
        let values = ["150", "200", "-50", "50", "-25.00%"];
        assert_eq!(names.map(value), values);
        assert_eq!(value("prog_a"), "p");
        assert!(Column::parse("jited").is_err());
    }

    #[test]
    fn rows_are_sorted_by_several_keys() {
        let mut rows = [
            row("a", None, Some(3)),
            row("b", None, Some(7)),
            row("c", None, Some(3)),
            row("d", None, None),
        ];
        rows[3].a = rows[0].a.clone();
        let order = |rows: &[Row]| -> Vec<Option<Value>> {
            let name = Column::parse("prog").unwrap();
            rows.iter().map(|row| name.value(row)).collect()
        };
        let text = |t: &str| Some(Value::Text(t.to_owned()));
        sort(&mut rows, &parse_sort("insns,prog!").unwrap());
        assert_eq!(order(&rows), [text("b"), text("c"), text("a"), None]);
        sort(&mut rows, &parse_sort("insns^").unwrap());
        assert_eq!(order(&rows), [None, text("a"), text("c"), text("b")]);
    }
}
