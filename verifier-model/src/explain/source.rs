// SPDX-License-Identifier: GPL-2.0-only
//! Where an instruction comes from: file, line, and its text.

use std::collections::BTreeMap;

use bpf::kernel::BtfRef;
use bpf::program::LineInfo;
use bpf::uapi::pseudo;
use serde::Serialize;

use crate::env::Env;

/// An instruction and its source line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Site {
    /// Index in the program.
    pub insn: usize,
    /// The instruction, as the verifier's log prints it.
    pub text: String,
    /// Source line, when the object has line information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// Column in the line, from 1; 0 when unknown.
    pub column: u32,
}

/// A source line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Line {
    /// File name without directories.
    pub file: String,
    /// The file, as the compiler was given it.
    pub path: String,
    /// Line number, from 1.
    pub number: u32,
    /// The line, without leading space.
    pub text: String,
}

impl Line {
    /// As in `prog.bpf.c:12`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.number)
    }

    /// Whether it is known where it is; a log from before 6.8 has the text alone.
    pub(crate) fn is_placed(&self) -> bool {
        self.number > 0
    }

    /// Whether the text tells more than the instruction: that of inline assembly does not.
    pub(crate) fn says_something(&self) -> bool {
        let asm = self.text.starts_with("asm") || self.text.starts_with("__asm");
        !self.text.is_empty() && !asm
    }
}

impl Site {
    /// Instruction `insn` of the program.
    pub(crate) fn new(env: &Env<'_>, insn: usize) -> Self {
        // A kfunc's number is another one in each kernel.
        let kfunc = env
            .code
            .insns
            .get(insn)
            .and_then(|i| env.input.kfunc_quiet(i));
        if let Some(kfunc) = kfunc {
            return Self {
                insn,
                text: format!("call {}", kfunc.name),
                line: line(env, insn),
                column: column(env, insn),
            };
        }
        let text = match loaded(env, insn) {
            Some(what) => format!("r{} = {what}", env.code.insns[insn].dst_reg),
            None => env.insn_text(insn),
        };
        // The opcode in front says nothing that the text does not.
        let text = match text.split_once(") ") {
            Some((code, rest)) if code.starts_with('(') => rest.to_owned(),
            _ => text,
        };
        Self {
            insn,
            text,
            line: line(env, insn),
            column: column(env, insn),
        }
    }

    /// The instruction with the two before it and the two behind it, of the same function.
    pub(crate) fn around(env: &Env<'_>, insn: usize) -> Vec<Self> {
        let subprog = env.code.find_containing_subprog(insn);
        let range = subprog.map_or(insn..insn + 1, |s| {
            env.code.subprogs[s].start..env.code.subprogs[s + 1].start
        });
        let upper_half = |i: &usize| *i > 0 && env.code.insns[*i - 1].slots() == 2;
        let mut before: Vec<usize> = (range.start..insn).filter(|i| !upper_half(i)).collect();
        before.drain(..before.len().saturating_sub(2));
        let behind = (insn..range.end).filter(|i| !upper_half(i)).take(3);
        let all = before.into_iter().chain(behind);
        all.map(|i| Self::new(env, i)).collect()
    }

    /// As in `prog.bpf.c:12`, or the instruction when there is no line.
    pub(crate) fn place(&self) -> String {
        let place = self.line.as_ref().map(Line::place);
        place.unwrap_or_else(|| format!("insn {}", self.insn))
    }
}

/// What a `ld_imm64` loads whose number would be an address.
fn loaded(env: &Env<'_>, insn: usize) -> Option<String> {
    let (aux, load) = (env.code.aux.get(insn)?, env.code.insns.get(insn)?);
    let Some(map) = aux.map else {
        aux.btf_var?;
        let object = BtfRef::Kernel(env.code.insns.get(insn + 1)?.imm as u32);
        return Some(format!(
            "&{}",
            env.input.btf_type_name(object, load.imm as u32)
        ));
    };
    let name = env.code.maps.get(map)?.def.kernel_name();
    Some(match load.src_reg {
        pseudo::MAP_VALUE | pseudo::MAP_IDX_VALUE => {
            format!("the value of map '{name}' at offset {}", aux.map_off)
        }
        _ => format!("the map '{name}'"),
    })
}

fn line_info<'a>(env: &Env<'a>, insn: usize) -> Option<&'a LineInfo> {
    let infos = &env.input.source.line_info;
    let n = infos.partition_point(|l| l.insn_off as usize <= insn);
    infos.get(n.checked_sub(1)?)
}

fn column(env: &Env<'_>, insn: usize) -> u32 {
    line_info(env, insn).map_or(0, |info| info.column())
}

/// File, number and text of the source line, with its leading space.
pub(crate) fn line_as_written(env: &Env<'_>, insn: usize) -> Option<(String, u32, String)> {
    let info = line_info(env, insn)?;
    let text = env.input.source.btf.as_ref()?.str_at(info.line_off)?;
    let line = line(env, insn)?;
    Some((line.path, line.number, text.trim_end().to_owned()))
}

/// The text of all source lines that instructions come from, by file and number.
pub(crate) fn line_texts(env: &Env<'_>) -> BTreeMap<(String, u32), String> {
    let insns = env.input.source.line_info.iter();
    let lines = insns.filter_map(|info| line_as_written(env, info.insn_off as usize));
    lines
        .map(|(file, number, text)| ((file, number), text))
        .collect()
}

/// The source line of an instruction.
pub(crate) fn line(env: &Env<'_>, insn: usize) -> Option<Line> {
    let info = line_info(env, insn)?;
    let btf = env.input.source.btf.as_ref()?;
    let file = btf.str_at(info.file_name_off)?;
    Some(Line {
        file: file.rsplit('/').next().unwrap_or(file).to_owned(),
        path: file.to_owned(),
        number: info.line(),
        text: btf.str_at(info.line_off).unwrap_or("").trim().to_owned(),
    })
}
