// SPDX-License-Identifier: GPL-2.0-only
//! The committed answers: a file of JSON lines for each tier, and one with the logs.
//!
//! ```text
//! verifier-model/oracle/7.3/1a.jsonl       a header, then a line for each program
//!                          /1a.logs.zst    a line for each refused program, with its log
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::interrupt::Scratch;
use crate::kernel::{Kernel, read};
use crate::toolchain::Toolchain;

/// What was asked: the first line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// What `uname -r` says.
    pub(crate) kernel: String,
    /// SHA-256 of the kernel's `.config`.
    pub(crate) config: String,
    /// The compiler of the selftests, the project's programs and the kernel.
    pub(crate) clang: String,
    /// The kernel's own test modules, loaded besides the project's.
    pub(crate) modules: Vec<String>,
    /// The verifier's log level.
    pub(crate) log_level: u32,
    /// The objects, with a hash of their code, data and maps.
    pub(crate) objects: BTreeMap<String, String>,
    /// The selftests that the compiler refused, and why.
    pub(crate) not_compiled: BTreeMap<String, String>,
}

/// What became of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// The kernel took it.
    Accepted,
    /// The verifier refused it.
    Rejected,
    /// It did not come to a verdict: a defect of the oracle, never to be counted as agreed.
    Unanswered,
}

/// What the kernel said of one program: a line of the file. The fields' meaning stands in
/// `tests/src/oracle`, which writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) program: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) section: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    without_btf: bool,
    pub(crate) verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    insn: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    insns: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_states_per_insn: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_states: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_states: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark_read: Option<u32>,
    /// The verifier's log; it goes into the other file.
    #[serde(default, skip_serializing)]
    log: Option<String>,
}

impl Answer {
    /// Takes the verdict back: it was `why` that decided, not the program.
    pub(crate) fn take_back(&mut self, why: String) {
        *self = Self {
            object: self.object.clone(),
            program: self.program.clone(),
            section: self.section.clone(),
            without_btf: self.without_btf,
            verdict: Verdict::Unanswered,
            errno: self.errno,
            why: Some(why),
            message: None,
            report: None,
            insn: None,
            insns: None,
            max_states_per_insn: None,
            total_states: None,
            peak_states: None,
            mark_read: None,
            log: None,
        };
    }

    /// `selftests/iters/iter_err_unsafe_c_loop`.
    pub(crate) fn name(&self) -> String {
        let program = self.program.as_deref().unwrap_or("*");
        format!("{}/{program}", self.object)
    }
}

/// A tier's answers.
#[derive(Debug)]
pub(crate) struct Answers {
    /// What was asked.
    pub(crate) header: Header,
    /// By object and program.
    pub(crate) answers: Vec<Answer>,
}

impl Answers {
    /// The directory for the answers of `kernel`, relative to the checkout.
    pub(crate) fn directory(kernel: &Kernel, suffix: &str) -> PathBuf {
        let series: Vec<&str> = kernel.release.splitn(3, '.').take(2).collect();
        let name = format!("{}{suffix}", series.join("."));
        Path::new("verifier-model/oracle").join(name)
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let mut lines = text.lines();
        let header = serde_json::from_str(lines.next().unwrap_or_default())
            .with_context(|| format!("{}: no header", path.display()))?;
        let answers = lines
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{}: no answer", path.display()))?;
        Ok(Self { header, answers })
    }

    /// Writes the file and, beside it, the logs.
    pub(crate) fn write(&self, toolchain: &Toolchain, path: &Path) -> Result<()> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut text = serde_json::to_string(&self.header)? + "\n";
        let mut logs = String::new();
        for answer in &self.answers {
            text += &(serde_json::to_string(answer)? + "\n");
            if let Some(log) = &answer.log {
                let line = serde_json::json!({
                    "object": answer.object, "program": answer.program, "log": log
                });
                logs += &format!("{line}\n");
            }
        }
        let scratch = Scratch::new(path);
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        compress(toolchain, &logs, &path.with_extension("logs.zst"))?;
        scratch.keep();
        Ok(())
    }

    /// What differs between these answers and `others`, a line each: logs apart.
    pub(crate) fn differences(&self, others: &Self) -> Vec<String> {
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
    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        let same = self.answers.iter().filter(|each| each.verdict == verdict);
        same.count()
    }
}

fn compress(toolchain: &Toolchain, text: &str, path: &Path) -> Result<()> {
    let scratch = Scratch::new(path);
    let plain = tempfile::NamedTempFile::new()?;
    fs::write(plain.path(), text)?;
    let mut zstd = toolchain.command("zstd");
    zstd.args(["-19", "--quiet", "--stdout"])
        .stdin(Stdio::from(File::open(plain.path())?))
        .stdout(File::create(path).with_context(|| format!("cannot write {}", path.display()))?);
    if !zstd.status().context("cannot run zstd")?.success() {
        bail!("zstd failed on {}", path.display());
    }
    scratch.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(lines: &[&str]) -> Answers {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jsonl");
        let header = r#"{"kernel":"7.3","config":"","clang":"","modules":[],"log_level":1,
            "objects":{},"not_compiled":{}}"#;
        let mut text = header.replace('\n', "");
        for line in lines {
            text += &format!("\n{line}");
        }
        fs::write(&path, text).unwrap();
        Answers::read(&path).unwrap()
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let old = answers(&[
            r#"{"object":"o","program":"a","verdict":"accepted","insns":3}"#,
            r#"{"object":"o","program":"b","verdict":"rejected","errno":22,"message":"m"}"#,
            r#"{"object":"o","program":"c","verdict":"accepted"}"#,
        ]);
        let new = answers(&[
            r#"{"object":"o","program":"a","verdict":"accepted","insns":4}"#,
            r#"{"object":"o","program":"b","verdict":"rejected","errno":22,"message":"m","log":"l"}"#,
            r#"{"object":"o","program":"d","verdict":"unanswered","why":"w"}"#,
        ]);
        let told = old.differences(&new);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("o/a: ") && told[0].ends_with("\"insns\":4}"));
        assert_eq!(told[1..], ["o/c: no longer there", "o/d: new"]);
        assert_eq!(new.count(Verdict::Unanswered), 1);
    }
}
