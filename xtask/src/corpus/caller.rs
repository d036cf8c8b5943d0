// SPDX-License-Identifier: GPL-2.0-only
//! Programs that call one function with NULL in every argument, to hear whether they may.

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
    let insn = |code, dst_reg, imm| Insn {
        code,
        dst_reg,
        imm,
        ..Insn::default()
    };
    let (mov, call, exit) = (0xb7, 0x85, 0x95);
    let mut insns: Vec<Insn> = (1..=5).map(|reg| insn(mov, reg, 0)).collect();
    insns.push(Insn {
        src_reg,
        ..insn(call, 0, function)
    });
    insns.extend([insn(mov, 0, 0), insn(exit, 0, 0)]);
    ProgLoad {
        insns,
        ..caller.clone()
    }
}
