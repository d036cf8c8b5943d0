// SPDX-License-Identifier: GPL-2.0-only
//! Where functions start and end, in what order they call one another, and what BTF says of them.
//!
//! Source: `add_subprogs()`, `check_subprogs()`, `sort_subprogs_topo()` in
//! `kernel/bpf/verifier.c`; `check_btf_func()`, `check_btf_line()` in `kernel/bpf/check_btf.c`.

use bpf::btf::{Kind, Linkage};
use bpf::insn::{class, jmp};
use bpf::uapi::op;

use crate::analysis::Known;
use crate::analysis::code::{FuncInfoAux, SubprogInfo};
use crate::facts::errno::Errno;
use crate::facts::helpers::id;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::log::{reject, verbose};

/// A program has at most this many functions.
const BPF_MAX_SUBPROGS: usize = 256;

impl Known<'_> {
    /// Finds the functions.
    pub(crate) fn add_subprogs(&mut self) -> Checked {
        let mut starts = vec![0];
        for (i, insn) in self.code.insns.iter().enumerate() {
            if !insn.is_pseudo_func() && !insn.is_pseudo_call() {
                continue;
            }
            if !self.input.bpf_capable {
                return reject!(
                    self,
                    Capability,
                    EPERM,
                    "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN"
                );
            }
            let to = i as i64 + i64::from(insn.imm) + 1;
            let Some(to) = usize::try_from(to)
                .ok()
                .filter(|t| *t < self.code.insns.len())
            else {
                return reject!(self @ i, ControlFlow, EINVAL, "call to invalid destination");
            };
            if !starts.contains(&to) {
                if starts.len() >= BPF_MAX_SUBPROGS {
                    return reject!(self, TooManyFunctions, E2BIG, "too many subprograms");
                }
                starts.push(to);
            }
        }
        let exception_cb = self.exception_callback_start()?;
        if let Some(at) = exception_cb
            && !starts.contains(&at)
        {
            starts.push(at);
        }
        starts.sort_unstable();
        if let Some(at) = exception_cb {
            self.code.exception_callback_subprog =
                starts.iter().position(|s| *s == at).unwrap_or_default();
        }
        if self.log.level2() {
            for (i, s) in starts.iter().enumerate() {
                verbose!(self, "func#{i} @{s}\n");
            }
        }
        starts.push(self.code.insns.len());
        self.code.subprogs = starts
            .into_iter()
            .map(|start| SubprogInfo {
                start,
                ..SubprogInfo::default()
            })
            .collect();
        if exception_cb.is_some() {
            let ex = &mut self.code.subprogs[self.code.exception_callback_subprog];
            ex.is_exception_cb = true;
        }
        Ok(())
    }

    /// Where the exception callback named by the main function's tag starts.
    fn exception_callback_start(&mut self) -> Checked<Option<usize>> {
        if !self.input.profile.has(Rule::EXCEPTIONS) {
            return Ok(None);
        }
        let (Some(btf), Some(main)) = (
            self.input.prog.btf.as_ref(),
            self.input.prog.func_info.first(),
        ) else {
            return Ok(None);
        };
        const TAG: &str = "exception_callback:";
        let mut names = btf
            .decl_tags_of(main.type_id, None)
            .filter_map(|t| t.strip_prefix(TAG));
        let Some(name) = names.next() else {
            return Ok(None);
        };
        if names.next().is_some() {
            return reject!(
                self,
                Exception,
                EEXIST,
                "multiple exception callback tags for main subprog"
            );
        }
        let Some(func) = btf.find_by_name_kind(name, Kind::Func) else {
            return reject!(
                self,
                Exception,
                ENOENT,
                "exception callback '{name}' could not be found in BTF"
            );
        };
        if func.linkage() != Some(Linkage::Global) {
            return reject!(
                self,
                Exception,
                EINVAL,
                "exception callback '{name}' must have global linkage"
            );
        }
        let info = self
            .input
            .prog
            .func_info
            .iter()
            .rev()
            .find(|f| f.type_id == func.id());
        match info.map(|f| f.insn_off as usize) {
            Some(0) => {
                reject!(
                    self,
                    Exception,
                    EINVAL,
                    "invalid exception callback insn_off in func_info: 0"
                )
            }
            Some(at) if at < self.code.insns.len() => Ok(Some(at)),
            _ => {
                reject!(
                    self,
                    Exception,
                    EINVAL,
                    "exception callback type id not found in func_info"
                )
            }
        }
    }

    /// Jumps stay in their function, and functions end.
    pub(crate) fn check_subprogs(&mut self) -> Checked {
        let gotox_ends = self.input.profile.has(Rule::GOTOX_ENDS);
        let mut cur = 0;
        let (mut start, mut end) = (self.code.subprogs[0].start, self.code.subprogs[1].start);
        for i in 0..self.code.insns.len() {
            let insn = self.code.insns[i];
            if insn.is_helper_call() && insn.imm == id::TAIL_CALL {
                self.code.subprogs[cur].has_tail_call = true;
                self.code.subprogs[cur].tail_call_reachable = true;
            }
            if insn.is_ld_abs_ind() {
                self.code.subprogs[cur].has_ld_abs = true;
            }
            if insn.is_jmp_class() && insn.op() != jmp::CALL {
                if insn.op() == jmp::EXIT {
                    self.code.subprogs[cur].exit_idx = i;
                } else if !(insn.is_gotox() && gotox_ends) {
                    let to = i as i64 + i64::from(insn.jmp_offset()) + 1;
                    if to < start as i64 || to >= end as i64 {
                        return reject!(self @ i,
                            ControlFlow,
                            EINVAL,
                            "jump out of range from insn {i} to {to}"
                        );
                    }
                }
            }
            if i + 1 != end {
                continue;
            }
            let ends = insn.code == op::EXIT
                || insn.code == class::JMP32 | jmp::JA
                || insn.code == class::JMP | jmp::JA
                || insn.is_gotox() && gotox_ends;
            if !ends {
                return reject!(self @ i, ControlFlow, EINVAL, "last insn is not an exit or jmp");
            }
            start = end;
            cur += 1;
            if cur < self.code.subprog_cnt() {
                end = self.code.subprogs[cur + 1].start;
            }
        }
        Ok(())
    }

    /// BTF of functions and lines must fit the program.
    pub(crate) fn check_btf_info(&mut self) -> Checked {
        if self.input.prog.func_info.is_empty() {
            return self.check_abnormal_return();
        }
        let fail = Err(Errno::EINVAL.into());
        let Some(btf) = self.input.prog.btf.as_ref() else {
            return fail;
        };
        let infos = &self.input.prog.func_info;
        let mut prev = None;
        for (i, f) in infos.iter().enumerate() {
            if i == 0 && f.insn_off != 0 {
                let off = f.insn_off;
                return reject!(self, unended FunctionInfo, EINVAL, "nonzero insn_off {off} for the first func info record");
            }
            if prev.is_some_and(|p| f.insn_off <= p) {
                let (off, p) = (f.insn_off, prev.unwrap_or_default());
                return reject!(self, unended FunctionInfo, EINVAL, "same or smaller insn offset ({off}) than previous func info record ({p})");
            }
            if btf
                .type_by_id(f.type_id)
                .is_none_or(|t| t.kind() != Kind::Func)
            {
                return reject!(self, unended FunctionInfo, EINVAL, "invalid type id {} in func info", f.type_id);
            }
            prev = Some(f.insn_off);
        }
        if infos.len() != self.code.subprog_cnt() {
            return reject!(
                self,
                FunctionInfo,
                EINVAL,
                "number of funcs in func_info doesn't match number of subprogs"
            );
        }
        for (i, f) in infos.iter().enumerate() {
            let s = &self.code.subprogs[i];
            if s.start != f.insn_off as usize {
                return reject!(
                    self,
                    FunctionInfo,
                    EINVAL,
                    "func_info BTF section doesn't match subprog layout in BPF program"
                );
            }
            let func = btf.type_by_id(f.type_id);
            let proto = func.and_then(|t| btf.type_by_id(t.type_id()));
            let scalar = proto.is_some_and(|p| {
                let r = btf.skip_mods_and_typedefs(p.type_id());
                r.kind() == Kind::Int && r.size() <= 8 || r.is_any_enum()
            });
            if i != 0 && !scalar && s.has_ld_abs {
                return reject!(
                    self,
                    PacketLoad,
                    EINVAL,
                    "LD_ABS is only allowed in functions that return 'int'."
                );
            }
            if i != 0 && !scalar && s.has_tail_call {
                return reject!(
                    self,
                    AbnormalReturn,
                    EINVAL,
                    "tail_call is only allowed in functions that return 'int'."
                );
            }
            let linkage = func.and_then(|t| t.linkage());
            self.code.func_info_aux.push(FuncInfoAux {
                global: linkage == Some(Linkage::Global),
                is_static: linkage == Some(Linkage::Static),
            });
        }
        self.check_btf_lines()
    }

    fn check_abnormal_return(&mut self) -> Checked {
        for i in 1..self.code.subprog_cnt() {
            let what = if self.code.subprogs[i].has_ld_abs {
                "LD_ABS"
            } else if self.code.subprogs[i].has_tail_call {
                "tail_call"
            } else {
                continue;
            };
            return reject!(
                self,
                AbnormalReturn,
                EINVAL,
                "{what} is not allowed in subprogs without BTF"
            );
        }
        Ok(())
    }

    fn check_btf_lines(&mut self) -> Checked {
        let lines = &self.input.prog.line_info;
        if lines.is_empty() {
            return Ok(());
        }
        let mut s = 0;
        let mut prev = 0;
        for (i, l) in lines.iter().enumerate() {
            let (off, len) = (l.insn_off, self.code.insns.len());
            if i != 0 && off <= prev || off as usize >= len {
                return reject!(
                    self,
                    LineInfo,
                    EINVAL,
                    "Invalid line_info[{i}].insn_off:{off} (prev_offset:{prev} prog->len:{len})"
                );
            }
            if self.code.insns[off as usize].code == 0 {
                return reject!(
                    self,
                    LineInfo,
                    EINVAL,
                    "Invalid insn code at line_info[{i}].insn_off"
                );
            }
            if s != self.code.subprog_cnt() {
                if self.code.subprogs[s].start == off as usize {
                    s += 1;
                } else if self.code.subprogs[s].start < off as usize {
                    return reject!(self, LineInfo, EINVAL, "missing bpf_line_info for func#{s}");
                }
            }
            prev = off;
        }
        if s != self.code.subprog_cnt() {
            let missing = self.code.subprog_cnt() - s;
            return reject!(
                self,
                LineInfo,
                EINVAL,
                "missing bpf_line_info for {missing} funcs starting from func#{s}"
            );
        }
        Ok(())
    }

    /// Orders functions so that callees come first; functions must not call themselves.
    pub(crate) fn sort_subprogs_topo(&mut self) -> Checked {
        #[derive(Clone, Copy, PartialEq)]
        enum Color {
            White,
            Grey,
            Black,
        }
        let cnt = self.code.subprog_cnt();
        let mut color = vec![Color::White; cnt];
        let mut stack: Vec<usize> = Vec::new();
        self.code.subprog_topo_order.clear();
        for i in 0..cnt {
            if color[i] != Color::White {
                continue;
            }
            color[i] = Color::Grey;
            stack.push(i);
            while let Some(&cur) = stack.last() {
                let range = self.code.subprogs[cur].postorder_start
                    ..self.code.subprogs[cur + 1].postorder_start;
                let mut pushed = false;
                for j in range {
                    let idx = self.code.postorder[j];
                    let insn = self.code.insns[idx];
                    if !insn.is_pseudo_call() && !insn.is_pseudo_func() {
                        continue;
                    }
                    let Some(callee) = self.code.callee_of(idx) else {
                        return Err(Errno::EFAULT.into());
                    };
                    match color[callee] {
                        Color::Black => {}
                        Color::Grey if insn.is_pseudo_func() => {}
                        Color::Grey if !self.input.profile.has(Rule::RECURSION_TOLD) => {
                            // The walk runs out of frames.
                            let n = self.input.release.limits.call_frames;
                            return reject!(self @ idx,
                                CallDepth,
                                E2BIG,
                                "the call stack of {n} frames is too deep !"
                            );
                        }
                        Color::Grey => {
                            let (a, b) = (
                                self.input.subprog_name(cur),
                                self.input.subprog_name(callee),
                            );
                            return reject!(self @ idx,
                                Recursion,
                                EINVAL,
                                "recursive call from {a}() to {b}()"
                            );
                        }
                        Color::White => {
                            color[callee] = Color::Grey;
                            stack.push(callee);
                            pushed = true;
                            break;
                        }
                    }
                }
                if !pushed {
                    color[cur] = Color::Black;
                    self.code.subprog_topo_order.push(cur);
                    stack.pop();
                }
            }
        }
        if self.log.level2() {
            for i in 0..cnt {
                let name = self.input.subprog_name(self.code.subprog_topo_order[i]);
                verbose!(self, "topo_order[{i}] = {name}\n");
            }
        }
        Ok(())
    }
}
