// SPDX-License-Identifier: GPL-2.0-only
//! Logs by program: JSON lines. Whole logs of level 2 are long and much alike; they lie in files of
//! their own, packed by gzip, which takes half of what LZ4 takes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::{Answer, Target};

/// Logs by what they are of, as [`Answer::name`] has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs(BTreeMap<String, Line>);

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    object: String,
    program: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    log: String,
}

impl Line {
    fn name(&self) -> String {
        let of = Answer {
            object: self.object.clone(),
            program: self.program.clone(),
            target: self.target.clone(),
            ..Answer::default()
        };
        of.name()
    }
}

impl Logs {
    /// Reads a file of whole logs.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = Vec::new();
        let unpacked = GzDecoder::new(file).read_to_end(&mut lines);
        let logs = unpacked
            .map_err(Into::into)
            .and_then(|_| Self::from_lines(&lines));
        logs.with_context(|| path.display().to_string())
    }

    /// Writes a file of whole logs.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(self.to_lines()?.as_bytes())?;
        let packed = packed.finish()?;
        fs::write(path, packed).with_context(|| format!("cannot write {}", path.display()))
    }

    pub(crate) fn from_lines(text: &[u8]) -> Result<Self> {
        let lines = text.split(|&byte| byte == b'\n').filter(|l| !l.is_empty());
        let lines = lines.map(|line| {
            let line: Line = serde_json::from_slice(line).context("a line is no log")?;
            Ok((line.name(), line))
        });
        Ok(Self(lines.collect::<Result<_>>()?))
    }

    pub(crate) fn to_lines(&self) -> Result<String> {
        let mut text = String::new();
        for line in self.0.values() {
            text += &(serde_json::to_string(line)? + "\n");
        }
        Ok(text)
    }

    /// Adds the log of an answer, if it has one.
    pub fn insert(&mut self, answer: &Answer) {
        if let Some(log) = &answer.log {
            let line = Line {
                object: answer.object.clone(),
                program: answer.program.clone(),
                target: answer.target.clone(),
                log: log.clone(),
            };
            self.0.insert(answer.name(), line);
        }
    }

    /// The log of the program of an answer.
    pub fn get(&self, answer: &Answer) -> Option<&str> {
        self.0.get(&answer.name()).map(|line| line.log.as_str())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Programs of which the two have not the same log, or only one has any.
    pub fn differences(&self, others: &Self) -> Vec<String> {
        let mut programs: Vec<_> = self.0.keys().chain(others.0.keys()).collect();
        programs.sort();
        programs.dedup();
        programs.retain(|program| self.0.get(&**program) != others.0.get(&**program));
        programs.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(all: &[(&str, &str)]) -> Logs {
        let mut logs = Logs::default();
        for (program, log) in all {
            logs.insert(&Answer {
                object: "o".to_owned(),
                program: Some((*program).to_owned()),
                log: Some((*log).to_owned()),
                ..Answer::default()
            });
        }
        logs
    }

    #[test]
    fn what_is_written_is_read() {
        let written = logs(&[("a", "0: (95) exit\nm"), ("b", "")]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1a.whole.gz");
        written.write(&path).unwrap();
        assert_eq!(Logs::read(&path).unwrap(), written);
        std::fs::write(&path, b"no log").unwrap();
        assert!(Logs::read(&path).is_err());
    }

    #[test]
    fn differences_are_named() {
        let ours = logs(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let theirs = logs(&[("b", "2"), ("c", "4"), ("d", "5")]);
        assert_eq!(ours.differences(&theirs), ["o/a", "o/c", "o/d"]);
        assert!(ours.differences(&ours).is_empty());
    }
}
