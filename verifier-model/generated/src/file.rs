// SPDX-License-Identifier: GPL-2.0-only
//! A program in a file, with what the kernel said of it: cases that stay.
//!
//! ```text
//! # text for people: the statements, how it was found
//! kind raw_tracepoint
//! checkpoints
//! without callback-r0-precise
//! kernel reject 22 At callback return the register R0 has …
//! func 0 main
//! b700000001000000            ; (b7) r0 = 1
//! 8520000000000000 bpf_throw  ; (85) call bpf_throw#0
//! ```
//!
//! An instruction is its eight bytes, and the kfunc or field of the kernel that it names.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use bpf::disasm::disasm;
use bpf::uapi::Insn;

use crate::ast::ProgKind;
use crate::code::{Code, FuncType, KFUNCS, Name};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    /// Text for people, without the `#`s.
    pub comment: String,
    /// Name of a rule that guards against this program, or makes it possible: without the rule the
    /// verdict is the opposite.
    pub without: Option<String>,
    /// What the kernel said.
    pub kernel: Answer,
    /// The program.
    pub code: Code,
}

/// What a kernel says of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It takes it.
    Accept,
    /// It does not: error number and last message.
    Reject(i32, String),
}

/// Why a case cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct CaseError {
    line: usize,
    reason: &'static str,
}

const CPUS_PTR: &str = "task_struct.cpus_ptr";

impl CaseFile {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, CaseError> {
        let mut comment = String::new();
        let mut kernel = None;
        let mut without = None;
        let mut code = Code {
            kind: ProgKind::RawTracepoint,
            checkpoints: false,
            insns: Vec::new(),
            funcs: Vec::new(),
            names: BTreeMap::new(),
        };
        for (n, line) in text.lines().enumerate() {
            let wrong = |reason| CaseError {
                line: n + 1,
                reason,
            };
            if let Some(text) = line.strip_prefix('#') {
                let text = text.strip_prefix(' ').unwrap_or(text);
                if !text.starts_with("SPDX-") {
                    comment += text;
                    comment.push('\n');
                }
                continue;
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "" => {}
                "kind" => {
                    let found = ProgKind::NAMES.iter().find(|(_, name)| *name == rest);
                    code.kind = found.ok_or_else(|| wrong("no such kind"))?.0;
                }
                "checkpoints" => code.checkpoints = true,
                "without" => without = Some(rest.to_owned()),
                "kernel" => {
                    kernel = Some(answer(rest).ok_or_else(|| wrong("what does it answer?"))?);
                }
                "func" => {
                    let func = func(rest).ok_or_else(|| wrong("no such function"))?;
                    code.funcs.push(func);
                }
                bytes => {
                    let insn = insn(bytes).ok_or_else(|| wrong("no instruction"))?;
                    let named = rest.split(';').next().unwrap_or_default().trim();
                    if !named.is_empty() {
                        let name = name(named).ok_or_else(|| wrong("no such kfunc or field"))?;
                        code.names.insert(code.insns.len(), name);
                    }
                    code.insns.push(insn);
                }
            }
        }
        let kernel = kernel.ok_or(CaseError {
            line: 0,
            reason: "it does not tell the kernel's answer",
        })?;
        Ok(Self {
            comment,
            without,
            kernel,
            code,
        })
    }
}

fn answer(text: &str) -> Option<Answer> {
    match text.split_once(' ') {
        None if text == "accept" => Some(Answer::Accept),
        Some(("reject", rest)) => {
            let (errno, message) = rest.split_once(' ').unwrap_or((rest, ""));
            Some(Answer::Reject(errno.parse().ok()?, message.to_owned()))
        }
        _ => None,
    }
}

fn func(text: &str) -> Option<(u32, FuncType)> {
    let (start, name) = text.split_once(' ')?;
    let func = FuncType::ALL.into_iter().find(|f| f.name() == name)?;
    Some((start.parse().ok()?, func))
}

fn name(text: &str) -> Option<Name> {
    if text == CPUS_PTR {
        return Some(Name::CpusPtr);
    }
    KFUNCS.iter().position(|k| *k == text).map(Name::Kfunc)
}

fn insn(text: &str) -> Option<Insn> {
    let word = (text.len() == 16).then(|| u64::from_str_radix(text, 16));
    Some(Insn::from_bytes(word?.ok()?.to_be_bytes()))
}

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => write!(f, "accept"),
            Self::Reject(errno, message) => write!(f, "reject {errno} {message}"),
        }
    }
}

impl Display for CaseFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "# SPDX-License-Identifier: GPL-2.0-only")?;
        for line in self.comment.lines() {
            writeln!(f, "{}", format!("# {line}").trim_end())?;
        }
        writeln!(f, "kind {}", self.code.kind.name())?;
        if self.code.checkpoints {
            writeln!(f, "checkpoints")?;
        }
        if let Some(rule) = &self.without {
            writeln!(f, "without {rule}")?;
        }
        writeln!(f, "kernel {}", self.kernel)?;
        self.code.fmt(f)
    }
}

/// Functions and instructions, as in a file.
impl Display for Code {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut second = false;
        for (i, insn) in self.insns.iter().enumerate() {
            for (_, func) in self.funcs.iter().filter(|func| func.0 as usize == i) {
                writeln!(f, "func {i} {}", func.name())?;
            }
            for byte in insn.to_bytes() {
                write!(f, "{byte:02x}")?;
            }
            let name = match self.names.get(&i) {
                Some(Name::Kfunc(kfunc)) => KFUNCS[*kfunc],
                Some(Name::CpusPtr) => CPUS_PTR,
                None => "",
            };
            if second {
                writeln!(f)?;
            } else {
                let call = |insn: &Insn| match insn.is_helper_call() {
                    true => Some(verifier_model::helper_name(insn.imm)),
                    false => Some(name.to_owned()),
                };
                let text = disasm(&self.insns[i..], call, true);
                writeln!(
                    f,
                    " {name:<w$}; {i}: {text}",
                    w = name.len().next_multiple_of(28)
                )?;
            }
            second = insn.is_ld_imm64();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Weights;
    use crate::law;

    #[test]
    fn what_is_written_is_read_again() {
        for seed in 0..50 {
            let weights = match seed % 5 {
                0 => Weights::UNPRIVILEGED,
                1 => Weights {
                    kind: Some(ProgKind::SyscallBpf),
                    ..Weights::default()
                },
                _ => Weights::default(),
            };
            let case = law::case(seed, &weights);
            let file = CaseFile {
                comment: case.program.to_string(),
                without: (seed % 2 == 0).then(|| "a-rule".to_owned()),
                kernel: match seed % 3 {
                    0 => Answer::Accept,
                    _ => Answer::Reject(22, "R0 !read_ok".to_owned()),
                },
                code: case.code(),
            };
            assert_eq!(CaseFile::parse(&file.to_string()), Ok(file));
        }
    }
}
