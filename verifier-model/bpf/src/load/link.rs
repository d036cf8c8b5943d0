// SPDX-License-Identifier: GPL-2.0-only
//! Puts a program and the functions that it calls into one run of instructions.
//!
//! A function is appended where the first call to it is met, and gone through at once, so that the
//! order is that of a depth-first walk:
//!
//! ```text
//!   main calls a, b;  a calls b:      main | a | b
//!   main calls b, a:                  main | b | a
//! ```
//!
//! Source: `bpf_object__relocate_calls()`, `bpf_object__reloc_code()`,
//! `bpf_object__append_subprog_code()`, `adjust_prog_btf_ext_info()`, `bpf_prog_assign_exc_cb()`.

use std::collections::{BTreeMap, HashMap};

use crate::btf::{Kind, Linkage};
use crate::load::btf_ext::SecInfo;
use crate::load::error::LoadError;
use crate::load::object::{Object, Prog, Reloc, Target};
use crate::program::{FuncInfo, LineInfo, Unresolved};
use crate::uapi::{Insn, pseudo};

/// Most instructions that the kernel takes (`BPF_COMPLEXITY_LIMIT_INSNS`).
const MAX_INSNS: usize = 1_000_000;

/// A program with its functions.
#[derive(Debug, Default)]
pub(super) struct Linked {
    pub(super) insns: Vec<Insn>,
    /// By instruction, within each function.
    pub(super) relocs: Vec<Reloc>,
    pub(super) func_info: Vec<FuncInfo>,
    pub(super) line_info: Vec<LineInfo>,
    /// Where each appended function begins: in its section, and here.
    pub(super) subprogs: Vec<(usize, usize)>,
    /// What the kernel does not have, by instruction.
    pub(super) unresolved: BTreeMap<u32, Unresolved>,
}

/// A function after CO-RE.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) insns: Vec<Insn>,
    /// What its relocations did not find: instruction of it, and what.
    pub(super) unresolved: Vec<(usize, Unresolved)>,
}

/// Links program `main`. `code[i]` is function `i`.
pub(super) fn link(
    object: &Object,
    code: &[Code],
    callbacks: &ExceptionCallbacks,
    main: usize,
) -> Result<Linked, LoadError> {
    let mut linker = Linker {
        object,
        code,
        main,
        placed: HashMap::new(),
        out: Linked::default(),
    };
    linker.append(main)?;
    linker.walk(main)?;
    if let Some(callback) = callbacks.0.get(&object.progs[main].name) {
        let callback = callback.clone()?;
        if !linker.placed.contains_key(&callback) {
            linker.append(callback)?;
            linker.walk(callback)?;
        }
    }
    Ok(linker.out)
}

struct Linker<'a> {
    object: &'a Object,
    code: &'a [Code],
    main: usize,
    /// Function → where it begins.
    placed: HashMap<usize, usize>,
    out: Linked,
}

impl Linker<'_> {
    fn error(&self, reason: impl Into<String>) -> LoadError {
        LoadError::prog(&self.object.progs[self.main].name, reason)
    }

    fn append(&mut self, index: usize) -> Result<(), LoadError> {
        let prog = &self.object.progs[index];
        let start = self.out.insns.len();
        if start + prog.insns.len() > MAX_INSNS {
            return Err(self.error("it has more than a million instructions"));
        }
        self.placed.insert(index, start);
        self.out.insns.extend(&self.code[index].insns);
        let unresolved = self.code[index].unresolved.iter().cloned();
        let unresolved = unresolved.map(|(at, what)| ((start + at) as u32, what));
        self.out.unresolved.extend(unresolved);
        let relocs = prog.relocs.iter().map(|r| Reloc {
            insn: r.insn + start,
            ..*r
        });
        self.out.relocs.extend(relocs);
        if index != self.main {
            self.out.subprogs.push((prog.sec_insn_off, start));
        }
        Ok(())
    }

    /// Goes through a function's calls, and through those of the functions that this appends.
    fn walk(&mut self, root: usize) -> Result<(), LoadError> {
        self.append_info(root)?;
        // Function and next instruction of it: a stack of our own, since chains may be long.
        let mut stack = vec![(root, 0)];
        while let Some((index, at)) = stack.pop() {
            let Some(at) = self.next_call(index, at) else {
                continue;
            };
            stack.push((index, at + 1));
            if let Some(callee) = self.callee(index, at)? {
                if !self.placed.contains_key(&callee) {
                    self.append(callee)?;
                    self.append_info(callee)?;
                    stack.push((callee, 0));
                }
                let from = self.placed[&index] + at;
                self.out.insns[from].imm = (self.placed[&callee] as i32) - (from as i32) - 1;
            }
        }
        Ok(())
    }

    /// The next instruction from `at` on that refers to a function.
    fn next_call(&self, index: usize, at: usize) -> Option<usize> {
        let is_call = |insn: &Insn| {
            insn.is_call() && insn.dst_reg == 0 && insn.off == 0 || insn.is_ldimm64_func()
        };
        let rest = self.code[index].insns.get(at..)?;
        Some(at + rest.iter().position(is_call)?)
    }

    /// The function that an instruction refers to; None for one of the kernel's.
    fn callee(&self, index: usize, at: usize) -> Result<Option<usize>, LoadError> {
        let prog = &self.object.progs[index];
        let insn = self.code[index].insns[at];
        let imm = i64::from(insn.imm);
        let found = prog.relocs.binary_search_by_key(&at, |r| r.insn);
        let in_text = match found.map(|i| prog.relocs[i].target) {
            Ok(Target::ExternCall(_)) => return Ok(None),
            Ok(Target::Call(offset)) => (offset as i64 / Insn::SIZE as i64) + imm + 1,
            Ok(Target::SubprogAddr(offset)) => (offset as i64 + imm) / Insn::SIZE as i64,
            Ok(_) => {
                return Err(self.error(format!(
                    "instruction {at} calls something that is not a function"
                )));
            }
            Err(_) if insn.is_ldimm64_func() => {
                return Err(self.error(format!("instruction {at} loads no function's address")));
            }
            // A static function of the same section needs no relocation.
            Err(_) => (prog.sec_insn_off + at) as i64 + imm + 1,
        };
        let text = self.object.text_shndx;
        let callee = text.zip(usize::try_from(in_text).ok());
        let callee = callee.and_then(|(text, insn)| self.object.prog_at(text, insn));
        callee.map(Some).ok_or_else(|| {
            self.error(format!(
                "instruction {at} calls a function that is not in .text"
            ))
        })
    }

    /// Appends function and line records. If the program itself has none, its functions' are left out.
    fn append_info(&mut self, index: usize) -> Result<(), LoadError> {
        let prog = &self.object.progs[index];
        let is_main = index == self.main;
        let start = self.placed[&index];
        let ext = &self.object.btf_ext;
        if is_main || !self.out.func_info.is_empty() {
            let records = records_of(&ext.func_info, prog);
            if records.is_empty() && !is_main {
                return Err(self.error(format!("function '{}' has no func_info", prog.name)));
            }
            let func = |&[off, type_id]: &[u32; 2]| FuncInfo {
                insn_off: moved(off, prog, start),
                type_id,
            };
            self.out.func_info.extend(records.iter().map(func));
        }
        if is_main || !self.out.line_info.is_empty() {
            let records = records_of(&ext.line_info, prog);
            if records.is_empty() && !is_main {
                return Err(self.error(format!("function '{}' has no line_info", prog.name)));
            }
            let line = |&[off, file_name_off, line_off, line_col]: &[u32; 4]| LineInfo {
                insn_off: moved(off, prog, start),
                file_name_off,
                line_off,
                line_col,
            };
            self.out.line_info.extend(records.iter().map(line));
        }
        Ok(())
    }
}

/// From bytes in the section to instructions in the program.
fn moved(byte_off: u32, prog: &Prog, start: usize) -> u32 {
    (byte_off / Insn::SIZE as u32)
        .wrapping_sub(prog.sec_insn_off as u32)
        .wrapping_add(start as u32)
}

/// The records of a function.
fn records_of<'a, const N: usize>(sections: &'a [SecInfo<N>], prog: &Prog) -> &'a [[u32; N]] {
    let Some(section) = sections.iter().find(|s| s.sec_idx == prog.sec_idx) else {
        return &[];
    };
    let before = |end: usize| {
        let records = &section.records;
        records.partition_point(|r| (r[0] as usize / Insn::SIZE) < end)
    };
    let start = prog.sec_insn_off;
    &section.records[before(start)..before(start + prog.insns.len())]
}

/// Functions that decl tags `exception_callback:NAME` on programs name: program → function.
#[derive(Debug, Default)]
pub(super) struct ExceptionCallbacks(HashMap<String, Result<usize, LoadError>>);

impl ExceptionCallbacks {
    pub(super) fn find(object: &Object) -> Result<Self, LoadError> {
        let mut callbacks = HashMap::new();
        let mut several = Vec::new();
        let btf = object.btf.iter();
        for tag in btf.clone().flat_map(|btf| btf.decl_tags()) {
            let Some(name) = tag.name().strip_prefix("exception_callback:") else {
                continue;
            };
            if tag.component_idx() != Some(-1) {
                continue;
            }
            let func = btf.clone().find_map(|btf| btf.type_by_id(tag.type_id()));
            let func =
                func.filter(|t| t.kind() == Kind::Func && t.linkage() == Some(Linkage::Global));
            let func = func.ok_or_else(|| {
                LoadError::object(format!("the decl tag '{}' is not on a program", tag.name()))
            })?;
            let prog = func.name().to_owned();
            let callback = Self::function(object, &prog, name);
            if callbacks.insert(prog.clone(), callback).is_some() {
                several.push(prog);
            }
        }
        // Several: none is appended, and the verifier says so.
        for prog in several {
            callbacks.remove(&prog);
        }
        Ok(Self(callbacks))
    }

    fn function(object: &Object, prog: &str, name: &str) -> Result<usize, LoadError> {
        let bad =
            |reason: &str| LoadError::prog(prog, format!("exception callback '{name}' {reason}"));
        let mut progs = object.progs.iter();
        let found = progs.position(|p| object.is_subprog(p) && p.name == name);
        let found = found.ok_or_else(|| bad("does not exist"))?;
        let func = &object.progs[found];
        match func.sym_global && !func.mark_btf_static {
            true => Ok(found),
            false => Err(bad("must be a global function that is not hidden")),
        }
    }
}

/// Marks loads of functions' addresses, which the walk looks for.
pub(super) fn mark_func_addresses(prog: &Prog, insns: &mut [Insn]) {
    for reloc in &prog.relocs {
        if matches!(reloc.target, Target::SubprogAddr(_)) {
            insns[reloc.insn].src_reg = pseudo::FUNC;
        }
    }
}
