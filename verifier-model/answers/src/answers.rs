// SPDX-License-Identifier: GPL-2.0-only
//! A file of answers: JSON lines, and the logs beside it.
//!
//! ```text
//! verifier-model/answers/7.3/1a.jsonl          a header, then a line for each program
//!                          /1a.logs.lz4       the log of each refused program
//!                          /1a.whole.gz       the whole log of level 2 of each program
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::packed::{read_packed, write_packed};
use crate::{Answer, Logs, Verdict};

/// What was asked: the first line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// What `uname -r` says.
    pub kernel: String,
    /// SHA-256 of the kernel's `.config`.
    pub config: String,
    /// How many CPUs the guest had.
    pub cpus: u32,
    /// The compiler of the selftests, the project's programs and the kernel.
    pub clang: String,
    /// The kernel's own test modules, loaded besides the project's.
    pub modules: Vec<String>,
    /// The verifier's log level.
    pub log_level: u32,
    /// The objects, with a hash of their code, data and maps.
    pub objects: BTreeMap<String, String>,
    /// The selftests that the compiler refused, and why.
    pub not_compiled: BTreeMap<String, String>,
}

/// A tier's answers.
#[derive(Debug)]
pub struct Answers {
    /// What was asked.
    pub header: Header,
    /// By object and program.
    pub answers: Vec<Answer>,
}

impl Answers {
    /// Reads a file, and the logs beside it; of a packed one, `TIER.jsonl.gz`, no logs are kept.
    pub fn read(path: &Path) -> Result<Self> {
        if is_packed(path) {
            let text = read_packed(path)?;
            return Self::parse(&text).with_context(|| path.display().to_string());
        }
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut answers = Self::parse(&text).with_context(|| path.display().to_string())?;
        let path = path.with_extension("logs.lz4");
        let packed = fs::read(&path).with_context(|| cannot("read", &path))?;
        let logs = lz4_flex::decompress_size_prepended(&packed)
            .map_err(Into::into)
            .and_then(|lines| Logs::from_lines(&lines))
            .with_context(|| path.display().to_string())?;
        for answer in &mut answers.answers {
            answer.log = logs.get(answer).map(str::to_owned);
        }
        Ok(answers)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default();
        let header = serde_json::from_str(header).context("the first line is no header")?;
        let answers = lines.map(serde_json::from_str).collect::<Result<_, _>>();
        let answers = answers.context("a line is no answer")?;
        Ok(Self { header, answers })
    }

    /// Writes the file and, beside it, the logs.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string(&self.header)? + "\n";
        let mut logs = Logs::default();
        for answer in &self.answers {
            logs.insert(answer);
            let answer = Answer {
                log: None,
                ..answer.clone()
            };
            text += &(serde_json::to_string(&answer)? + "\n");
        }
        if is_packed(path) {
            return write_packed(path, &text);
        }
        let packed = lz4_flex::compress_prepend_size(logs.to_lines()?.as_bytes());
        for (path, bytes) in [
            (path.with_extension("logs.lz4"), packed),
            (path.to_owned(), text.into_bytes()),
        ] {
            fs::write(&path, bytes).with_context(|| cannot("write", &path))?;
        }
        Ok(())
    }

    /// What differs between these answers and `others`, a line each: logs apart.
    pub fn differences(&self, others: &Self) -> Vec<String> {
        let index = |answers: &Self| -> BTreeMap<String, Answer> {
            let quiet = |answer: &Answer| Answer {
                log: None,
                ..answer.clone()
            };
            answers
                .answers
                .iter()
                .map(|answer| (answer.name(), quiet(answer)))
                .collect()
        };
        let (ours, theirs) = (index(self), index(others));
        let mut names: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
        names.sort();
        names.dedup();
        names
            .into_iter()
            .filter_map(|name| match (ours.get(name), theirs.get(name)) {
                (Some(ours), Some(theirs)) if ours == theirs => None,
                (Some(ours), Some(theirs)) => {
                    let line = |answer| serde_json::to_string(answer).unwrap_or_default();
                    Some(format!("{name}: {} became {}", line(ours), line(theirs)))
                }
                (Some(_), None) => Some(format!("{name}: no longer there")),
                (None, _) => Some(format!("{name}: new")),
            })
            .collect()
    }

    /// How many programs got this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let same = self.answers.iter().filter(|each| each.verdict == verdict);
        same.count()
    }
}

fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "gz")
}

fn cannot(what: &str, path: &Path) -> String {
    format!("cannot {what} {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(lines: &[&str]) -> Answers {
        let header = r#"{"kernel":"7.3","config":"","cpus":2,"clang":"","modules":[],"log_level":1,
            "objects":{},"not_compiled":{}}"#;
        Answers::parse(&[&[&*header.replace('\n', "")], lines].concat().join("\n")).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let mut written = answers(&[
            r#"{"object":"o","program":"a","verdict":"accepted","insns":3,"max_states_per_insn":0,
                "total_states":1,"peak_states":2,"mark_read":0}"#
                .replace('\n', "")
                .as_str(),
            r#"{"object":"o","program":"b","verdict":"rejected","errno":22,"message":"m"}"#,
            r#"{"object":"p","verdict":"unanswered","why":"w"}"#,
        ]);
        assert_eq!(written.answers[0].stats.unwrap().peak_states, 2);
        written.answers[1].log = Some("0: (95) exit\nm".to_owned());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1a.jsonl");
        written.write(&path).unwrap();
        let read = Answers::read(&path).unwrap();
        assert_eq!(read.header, written.header);
        assert_eq!(read.answers, written.answers);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("exit"), "{text}");
        let packed = path.with_extension("jsonl.gz");
        written.write(&packed).unwrap();
        written.answers[1].log = None;
        assert_eq!(Answers::read(&packed).unwrap().answers, written.answers);
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let old = answers(&[
            r#"{"object":"o","program":"a","verdict":"accepted","without_btf":true}"#,
            r#"{"object":"o","program":"b","verdict":"rejected","errno":22,"message":"m"}"#,
            r#"{"object":"o","program":"c","verdict":"accepted"}"#,
        ]);
        let new = answers(&[
            r#"{"object":"o","program":"a","verdict":"accepted"}"#,
            r#"{"object":"o","program":"b","verdict":"rejected","errno":22,"message":"m","log":"l"}"#,
            r#"{"object":"o","program":"d","verdict":"unanswered","why":"w"}"#,
        ]);
        let told = old.differences(&new);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("o/a: ") && told[0].ends_with("\"accepted\"}"));
        assert_eq!(told[1..], ["o/c: no longer there", "o/d: new"]);
        assert_eq!(new.count(Verdict::Unanswered), 1);
    }
}
