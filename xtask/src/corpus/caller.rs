// SPDX-License-Identifier: GPL-2.0-only
//! Small programs that hear whether they may: those that call one function with NULL in every argument, and
//! those that do nothing.

use bpf::program::{AttachTarget, ProgLoad};
use bpf::uapi::{AttachType, Insn, ProgType};

/// A program of this type without instructions.
pub(crate) fn load(
    prog_type: ProgType,
    expected_attach_type: AttachType,
    attach: Option<AttachTarget>,
) -> ProgLoad {
    ProgLoad {
        attach,
        ..ProgLoad::bare("caller", prog_type, expected_attach_type)
    }
}

/// `r1 = 0; … r5 = 0; call function; r0 = 0; exit`; `src_reg` tells what kind of function it is.
pub(crate) fn calling(caller: &ProgLoad, src_reg: u8, function: i32) -> ProgLoad {
    let mut insns: Vec<Insn> = (1..=5).map(|reg| insn(MOV, reg, 0)).collect();
    insns.push(Insn {
        src_reg,
        ..insn(CALL, 0, function)
    });
    let returning = returning(caller);
    insns.extend(&returning.insns);
    ProgLoad { insns, ..returning }
}

/// `r0 = 0; exit`
pub(crate) fn returning(prog: &ProgLoad) -> ProgLoad {
    ProgLoad {
        insns: vec![insn(MOV, 0, 0), insn(EXIT, 0, 0)],
        ..prog.clone()
    }
}

const MOV: u8 = 0xb7;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

fn insn(code: u8, dst_reg: u8, imm: i32) -> Insn {
    Insn {
        code,
        dst_reg,
        imm,
        ..Insn::default()
    }
}
