// SPDX-License-Identifier: GPL-2.0-only
//! Which programs are looked at and shown: `-f`.
//!
//! ```text
//! iters*               file or program begins so
//! iters*/test_*        file and program do
//! /test_*  iters*/     only one of them is looked at
//! insns>1000           a field; = != < <= > >= and also == <>
//! verdict=failure
//! !…                   none of these
//! @FILE                one filter a line, # begins a comment
//! ```

use std::path::Path;

use anyhow::{Context, Result, bail};
use wildmatch::WildMatch;

use crate::column::{Column, Row};
use crate::stat::{Stat, Value};

/// All filters. A program passes that no `!` fits, and, of each kind, one of the others if there are
/// any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters {
    names: Vec<(bool, Name)>,
    values: Vec<(bool, Condition)>,
}

#[derive(Clone, Debug)]
enum Name {
    Any(WildMatch),
    Both(Option<WildMatch>, Option<WildMatch>),
}

#[derive(Clone, Debug)]
struct Condition {
    column: Column,
    operator: &'static str,
    value: Value,
}

impl Filters {
    /// Reads the arguments of `-f`.
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let mut filters = Self::default();
        for arg in args {
            match arg.strip_prefix('@') {
                Some(path) => filters.read(Path::new(path))?,
                None => filters.add(arg)?,
            }
        }
        Ok(filters)
    }

    fn read(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.add(line)?;
        }
        Ok(())
    }

    fn add(&mut self, filter: &str) -> Result<()> {
        let (deny, filter) = match filter.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, filter),
        };
        if let Some(condition) = Condition::parse(filter)? {
            self.values.push((deny, condition));
            return Ok(());
        }
        let part = |part: &str| (!part.is_empty()).then(|| WildMatch::new(part));
        let name = match filter.split_once('/') {
            Some((file, prog)) => Name::Both(part(file), part(prog)),
            None => Name::Any(WildMatch::new(filter)),
        };
        if matches!(name, Name::Both(None, None)) || filter.is_empty() {
            bail!("the filter '{filter}' names nothing");
        }
        self.names.push((deny, name));
        Ok(())
    }

    /// Whether the program is to be looked at.
    pub(crate) fn wants(&self, file: &str, prog: &str) -> bool {
        passes(&self.names, |name| match name {
            Name::Any(any) => any.matches(file) || any.matches(prog),
            Name::Both(of_file, of_prog) => {
                of_file.as_ref().is_none_or(|wild| wild.matches(file))
                    && of_prog.as_ref().is_none_or(|wild| wild.matches(prog))
            }
        })
    }

    /// Whether its row is to be shown.
    pub(crate) fn shows(&self, row: &Row) -> bool {
        passes(&self.values, |condition| condition.holds(row))
    }
}

fn passes<T>(filters: &[(bool, T)], fits: impl Fn(&T) -> bool) -> bool {
    let mut allowing = filters.iter().filter(|(deny, _)| !deny).peekable();
    let denied = filters.iter().any(|(deny, filter)| *deny && fits(filter));
    !denied && (allowing.peek().is_none() || allowing.any(|(_, filter)| fits(filter)))
}

impl Condition {
    /// None if this is no condition but a name.
    fn parse(text: &str) -> Result<Option<Self>> {
        // The longer ones first: '<' begins two of them.
        const OPERATORS: [(&str, &str); 8] = [
            ("==", "="),
            ("!=", "!="),
            ("<>", "!="),
            ("<=", "<="),
            (">=", ">="),
            ("<", "<"),
            (">", ">"),
            ("=", "="),
        ];
        let split = |&(sign, operator)| Some((text.split_once(sign)?, operator));
        let Some(((name, value), operator)) = OPERATORS.iter().find_map(split) else {
            return Ok(None);
        };
        let column = Column::parse(name)?;
        let value = match (column.stat, value.parse()) {
            (Stat::Verdict, _) => Value::Text(verdict(value)?.to_owned()),
            (stat, Ok(number)) if !stat.is_text() => Value::Number(number),
            (stat, _) if stat.is_text() => Value::Text(value.to_owned()),
            _ => bail!("'{text}': {value} is no number"),
        };
        if matches!(value, Value::Text(_)) && !matches!(operator, "=" | "!=") {
            bail!(
                "'{text}': {} is no number; only = and != fit",
                column.stat.name()
            );
        }
        Ok(Some(Self {
            column,
            operator,
            value,
        }))
    }

    fn holds(&self, row: &Row) -> bool {
        let Some(value) = self.column.value(row) else {
            return false;
        };
        let order = value.order(&self.value);
        match self.operator {
            "=" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        }
    }
}

/// The words for a verdict, and for whether two are the same.
fn verdict(word: &str) -> Result<&'static str> {
    Ok(match word.to_lowercase().as_str() {
        "success" | "succ" | "s" | "true" | "t" | "1" => "success",
        "failure" | "fail" | "f" | "false" | "0" => "failure",
        "not-modelled" | "not_modelled" => "not-modelled",
        "match" | "m" => "MATCH",
        "mismatch" | "mis" => "MISMATCH",
        _ => bail!("'{word}' is no verdict: success, failure, not-modelled, match, mismatch"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::Record;

    fn filters(args: &[&str]) -> Filters {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Filters::parse(&args).unwrap()
    }

    #[test]
    fn names_are_matched_as_veristat_does() {
        let f = filters(&["iters*", "!/bad*"]);
        assert!(f.wants("iters.bpf.o", "good"));
        assert!(f.wants("x.bpf.o", "iters_a"));
        assert!(!f.wants("iters.bpf.o", "bad_one"));
        assert!(!f.wants("x.bpf.o", "y"));
        let f = filters(&["a*/b*", "c/"]);
        assert!(f.wants("ax", "bx") && f.wants("c", "z"));
        assert!(!f.wants("ax", "z") && !f.wants("z", "bx"));
        assert!(filters(&[]).wants("any", "thing"));
    }

    #[test]
    fn fields_are_compared() {
        let mut record = Record::default();
        record.number(Stat::TotalInsns, 10);
        record.text(Stat::Verdict, "failure");
        let row = Row {
            a: None,
            b: Some(record),
        };
        for (filter, shown) in [
            ("insns>=10", true),
            ("insns<10", false),
            ("insns<>10", false),
            ("!insns=10", false),
            ("verdict=f", true),
            ("verdict!=fail", false),
            ("states>0", false),
        ] {
            assert_eq!(filters(&[filter]).shows(&row), shown, "{filter}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "!",
            "/",
            "jits>3",
            "insns>x",
            "verdict=perhaps",
            "prog>a",
        ] {
            assert!(Filters::parse(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
