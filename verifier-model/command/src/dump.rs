// SPDX-License-Identifier: GPL-2.0-only
//! What was read, as text: maps, and instructions with their source lines.

use std::fmt::Write;

use bpf::btf::Btf;
use bpf::disasm::disasm;
use bpf::kernel::{BtfObj, Kernel, VMLINUX};
use bpf::load::Object;
use bpf::program::{AttachTarget, FdSlot, ProgLoad};
use bpf::uapi::{Insn, pseudo};
use verifier_model::helper_name;

/// One line about a program.
pub(crate) fn summary(prog: &ProgLoad) -> String {
    let sleepable = if prog.sleepable() { ", sleepable" } else { "" };
    let count = prog.insns.len();
    let prog_type = prog.prog_type.c_name();
    format!(
        "{}: {prog_type}{sleepable}, {count} instructions",
        prog.name
    )
}

/// The maps of an object, a line each.
pub(crate) fn maps(object: &Object) -> String {
    let mut out = String::new();
    for (i, map) in object.maps().enumerate() {
        let _ = writeln!(
            out,
            "map {i} '{}': {}, key {}, value {}, entries {}, flags {:#x}",
            map.name,
            map.map_type.c_name(),
            map.key_size,
            map.value_size,
            map.max_entries,
            map.map_flags,
        );
    }
    out
}

/// The instructions of a program.
pub(crate) fn program(kernel: &Kernel, prog: &ProgLoad) -> String {
    let mut out = String::new();
    if let Some(target) = attach_target(kernel, prog) {
        let _ = writeln!(out, "  attaches to {target}");
    }
    let mut funcs = prog.func_info.iter().peekable();
    let mut lines = prog.line_info.iter().peekable();
    let mut at = 0;
    while let Some(insn) = prog.insns.get(at) {
        let here = |off: u32| off as usize <= at;
        let btf = prog.btf.as_deref();
        while let Some(func) = funcs.next_if(|f| here(f.insn_off)) {
            let name = btf
                .and_then(|btf| btf.type_by_id(func.type_id))
                .map_or("?", |t| t.name());
            let _ = writeln!(out, "{name}:");
        }
        while let Some(line) = lines.next_if(|l| here(l.insn_off)) {
            let text = btf
                .and_then(|btf| btf.str_at(line.line_off))
                .unwrap_or("")
                .trim();
            let _ = writeln!(
                out,
                "; {text} @ {}:{}",
                file_name(btf, line.file_name_off),
                line.line()
            );
        }
        let text = disasm(
            &prog.insns[at..],
            |insn| call_name(kernel, prog, insn),
            true,
        );
        let _ = writeln!(out, "{at:4}: {text}{}", note(kernel, prog, at));
        at += if insn.is_ld_imm64() { 2 } else { 1 };
    }
    out
}

fn file_name(btf: Option<&Btf>, offset: u32) -> &str {
    let path = btf.and_then(|btf| btf.str_at(offset)).unwrap_or("");
    path.rsplit('/').next().unwrap_or(path)
}

fn call_name(kernel: &Kernel, prog: &ProgLoad, insn: &Insn) -> Option<String> {
    if insn.src_reg == 0 {
        return Some(helper_name(insn.imm));
    } else if insn.src_reg != pseudo::KFUNC_CALL {
        return None;
    }
    let obj = match insn.off {
        0 => VMLINUX,
        index => match prog.fd_array.get(usize::try_from(index).ok()?)? {
            FdSlot::Btf(obj) => *obj,
            _ => return None,
        },
    };
    type_name(kernel, obj, insn.imm as u32).map(str::to_owned)
}

fn type_name(kernel: &Kernel, obj: BtfObj, id: u32) -> Option<&str> {
    Some(kernel.btf(obj)?.type_by_id(id)?.name())
}

/// What a `ld_imm64` loads the address of.
fn note(kernel: &Kernel, prog: &ProgLoad, at: usize) -> String {
    let (insn, next) = (
        prog.insns[at],
        prog.insns.get(at + 1).copied().unwrap_or_default(),
    );
    if !insn.is_ld_imm64() {
        return String::new();
    }
    let map = usize::try_from(insn.imm)
        .ok()
        .and_then(|i| prog.maps.get(i));
    match (insn.src_reg, map) {
        (pseudo::MAP_FD, Some(map)) => format!(" ; map {}", map.name),
        (pseudo::MAP_VALUE, Some(map)) => format!(" ; map {} + {}", map.name, next.imm),
        (pseudo::BTF_ID, _) => {
            let name = type_name(kernel, next.imm as u32, insn.imm as u32);
            format!(" ; {}", name.unwrap_or("?"))
        }
        (pseudo::FUNC, _) => format!(" ; function at {}", at as i64 + 1 + i64::from(insn.imm)),
        _ => String::new(),
    }
}

fn attach_target(kernel: &Kernel, prog: &ProgLoad) -> Option<String> {
    match prog.attach.as_ref()? {
        AttachTarget::Kernel {
            btf_obj,
            btf_id,
            member,
        } => {
            let name = type_name(kernel, *btf_obj, *btf_id)?;
            match member {
                None => Some(name.to_owned()),
                Some(member) => {
                    let t = kernel.btf(*btf_obj)?.type_by_id(*btf_id)?;
                    let member = t.members().nth(member.index as usize)?;
                    Some(format!("{name}.{}", member.name()))
                }
            }
        }
        AttachTarget::Prog { prog, btf_id } => {
            let func = prog.btf.as_ref()?.type_by_id(*btf_id)?.name();
            Some(format!("{func} of program {}", prog.name))
        }
    }
}
