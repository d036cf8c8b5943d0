// SPDX-License-Identifier: GPL-2.0-only
//! A part of the batches: what one of several machines does.

use std::ops::Range;
use std::str::FromStr;

/// `I/N`: of N parts the one with the number I, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// All of it.
    pub(super) const WHOLE: Self = Self { index: 0, count: 1 };

    /// The batches of this part, each some seeds: every Nth, so that parts are done alike early.
    pub(super) fn batches(self, seeds: Range<u64>, batch: u64) -> Vec<Range<u64>> {
        let mut batches = Vec::new();
        let mut first = seeds.start;
        let mut number = 0;
        while first < seeds.end {
            let end = seeds.end.min(first.saturating_add(batch));
            if number % self.count == self.index {
                batches.push(first..end);
            }
            (first, number) = (end, number + 1);
        }
        batches
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/');
        let parsed = numbers.and_then(|(i, n)| i.parse().ok().zip(n.parse().ok()));
        match parsed {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            _ => Err(format!(
                "'{text}' is no part: write I/N, with I from 0 to N - 1"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_and_do_not_overlap() {
        let whole = Shard::WHOLE.batches(5..108, 10);
        assert_eq!(whole.len(), 11);
        assert_eq!((whole[0].clone(), whole[10].clone()), (5..15, 105..108));
        let mut parts: Vec<_> = ["0/3", "1/3", "2/3"]
            .iter()
            .flat_map(|part| part.parse::<Shard>().unwrap().batches(5..108, 10))
            .collect();
        parts.sort_by_key(|seeds| seeds.start);
        assert_eq!(parts, whole);
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["", "1", "3/3", "0/0", "a/2", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
