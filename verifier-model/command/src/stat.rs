// SPDX-License-Identifier: GPL-2.0-only
//! What is told of a program: veristat's fields, by veristat's names, and some more.

use std::cmp::Ordering;
use std::fmt;

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stat {
    FileName,
    ProgName,
    Verdict,
    Duration,
    TotalInsns,
    TotalStates,
    PeakStates,
    MaxStatesPerInsn,
    ProgSize,
    MaxStackDepth,
    ProgType,
    AttachType,
    Errno,
    Kind,
    Insn,
    Message,
    Detail,
}

/// A field's names, the first of which is the one in files, its heading, what it means.
type Def = (Stat, &'static [&'static str], &'static str, &'static str);

const DEFS: [Def; 17] = {
    use Stat as S;
    [
        (
            S::FileName,
            &["file_name", "filename", "file"],
            "File",
            "the object's file name",
        ),
        (
            S::ProgName,
            &["prog_name", "progname", "prog"],
            "Program",
            "the program's function",
        ),
        (
            S::Verdict,
            &["verdict"],
            "Verdict",
            "success, failure, or not-modelled",
        ),
        (
            S::Duration,
            &["duration", "dur"],
            "Duration (us)",
            "the model's time, not the kernel's",
        ),
        (
            S::TotalInsns,
            &["total_insns", "insns"],
            "Insns",
            "instructions processed, on all paths",
        ),
        (
            S::TotalStates,
            &["total_states", "states"],
            "States",
            "states kept in all",
        ),
        (
            S::PeakStates,
            &["peak_states"],
            "Peak states",
            "most states kept at a time",
        ),
        (
            S::MaxStatesPerInsn,
            &["max_states_per_insn"],
            "Max states per insn",
            "most states kept for one instruction",
        ),
        (
            S::ProgSize,
            &["prog_size"],
            "Program size",
            "instructions of the program",
        ),
        (
            S::MaxStackDepth,
            &["max_stack_depth"],
            "Max stack depth",
            "bytes of stack of functions that call each other",
        ),
        (S::ProgType, &["prog_type"], "Program type", "as sched_cls"),
        (
            S::AttachType,
            &["attach_type"],
            "Attach type",
            "as trace_fentry",
        ),
        (S::Errno, &["errno"], "Errno", "the error, 22 for EINVAL"),
        (
            S::Kind,
            &["kind"],
            "Kind",
            "what it is rejected for, as `verifier-model kinds` lists",
        ),
        (
            S::Insn,
            &["insn"],
            "Insn",
            "the instruction it was rejected at",
        ),
        (
            S::Message,
            &["message", "msg"],
            "Message",
            "the verifier's last word",
        ),
        (
            S::Detail,
            &["detail"],
            "Detail",
            "the line before it, which says what was accessed, or what is held",
        ),
    ]
};

impl Stat {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        DEFS.iter().map(|def| def.0)
    }

    fn def(self) -> &'static Def {
        &DEFS[self as usize]
    }

    /// Its name in files.
    pub(crate) fn name(self) -> &'static str {
        self.def().1[0]
    }

    /// All that it may be called.
    pub(crate) fn names(self) -> &'static [&'static str] {
        self.def().1
    }

    /// Its name in a table's head.
    pub(crate) fn heading(self) -> &'static str {
        self.def().2
    }

    /// What it means.
    pub(crate) fn meaning(self) -> &'static str {
        self.def().3
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|stat| stat.names().contains(&name))
    }

    /// The two fields that tell which program it is.
    pub(crate) fn is_key(self) -> bool {
        matches!(self, Self::FileName | Self::ProgName)
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(
            self,
            Self::FileName
                | Self::ProgName
                | Self::Verdict
                | Self::ProgType
                | Self::AttachType
                | Self::Kind
                | Self::Message
        )
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
    /// A difference in percent.
    Percent(f64),
}

impl Value {
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.number().total_cmp(&other.number()),
        }
    }

    pub(crate) fn number(&self) -> f64 {
        match self {
            Self::Text(_) => f64::NAN,
            Self::Number(n) => *n as f64,
            Self::Percent(p) => *p,
        }
    }

    pub(crate) fn abs(self) -> Self {
        match self {
            Self::Text(_) => self,
            Self::Number(n) => Self::Number(n.saturating_abs()),
            Self::Percent(p) => Self::Percent(p.abs()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(n) => n.fmt(f),
            Self::Percent(p) => write!(f, "{p:+.2}%"),
        }
    }
}

/// The fields of one program.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record([Option<Value>; DEFS.len()]);

impl Record {
    pub(crate) fn get(&self, stat: Stat) -> Option<&Value> {
        self.0[stat as usize].as_ref()
    }

    pub(crate) fn set(&mut self, stat: Stat, value: Value) {
        self.0[stat as usize] = Some(value);
    }

    pub(crate) fn text(&mut self, stat: Stat, text: impl Into<String>) {
        self.set(stat, Value::Text(text.into()));
    }

    pub(crate) fn number(&mut self, stat: Stat, number: impl Into<i64>) {
        self.set(stat, Value::Number(number.into()));
    }

    /// File and program: what two results are matched by.
    pub(crate) fn key(&self) -> (String, String) {
        let text = |stat| self.get(stat).map_or(String::new(), Value::to_string);
        (text(Stat::FileName), text(Stat::ProgName))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_field_s() {
        for stat in Stat::all() {
            assert_eq!(stat.def().0, stat);
            for name in stat.names() {
                assert_eq!(Stat::from_name(name), Some(stat), "{name}");
            }
        }
        assert_eq!(Stat::from_name("prog_size_jited"), None);
    }
}
