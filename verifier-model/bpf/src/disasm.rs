// SPDX-License-Identifier: GPL-2.0-only
//! The text of an instruction, as the kernel's log and bpftool print it.
//!
//! ```
//! use bpf::disasm::disasm;
//! use bpf::uapi::Insn;
//!
//! let load = Insn { code: 0x61, dst_reg: 1, src_reg: 10, off: -8, imm: 0 };
//! assert_eq!(disasm(&[load], |_| None, true), "(61) r1 = *(u32 *)(r10 -8)");
//! ```
//!
//! Source: `print_bpf_insn()` in `kernel/bpf/disasm.c`. What no instruction has prints as there, an
//! operator that is missing in its tables as `(null)`.

use crate::uapi::{Insn, pseudo};

/// Instruction classes by the low three bits of the opcode.
const CLASS: [&str; 8] = ["ld", "ldx", "st", "stx", "alu", "jmp", "jmp32", "alu64"];

const LD: u8 = 0;

const LDX: u8 = 1;

const ST: u8 = 2;

const STX: u8 = 3;

const ALU: u8 = 4;

const JMP: u8 = 5;

const JMP32: u8 = 6;

const ALU64: u8 = 7;

/// Operators by the high four bits of the opcode.
const ALU_OP: [&str; 16] = [
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian",
    NULL, NULL,
];

const JMP_OP: [&str; 16] = [
    "jmp", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=", NULL,
    NULL,
];

/// What `printf` makes of a missing string.
const NULL: &str = "(null)";

/// Types by the size bits: 4, 2, 1, 8 bytes.
const LDST: [&str; 4] = ["u32", "u16", "u8", "u64"];

const LDSX: [&str; 4] = ["s32", "s16", "s8", NULL];

/// The text of `insns[0]`; a `ld_imm64` takes its upper half from `insns[1]`.
///
/// `call_name` names what a call goes to: a helper as `bpf_…`, a kfunc by its BTF name. Without a
/// name the kernel's text for none is printed. `allow_ptr_leaks` false hides addresses of maps.
pub fn disasm(
    insns: &[Insn],
    call_name: impl Fn(&Insn) -> Option<String>,
    allow_ptr_leaks: bool,
) -> String {
    let Some(insn) = insns.first() else {
        return String::new();
    };
    let code = insn.code;
    match code & 7 {
        ALU | ALU64 => alu(insn),
        STX => stx(insn),
        ST => st(insn),
        LDX => ldx(insn),
        LD => ld(insn, insns.get(1), allow_ptr_leaks),
        JMP | JMP32 => jmp(insn, call_name),
        class => format!("({code:02x}) {}", CLASS[usize::from(class)]),
    }
}

fn op_index(code: u8) -> usize {
    usize::from(code >> 4)
}

fn mem_type(code: u8) -> &'static str {
    LDST[usize::from(code >> 3 & 3)]
}

/// Whether the source operand is a register.
fn is_x(code: u8) -> bool {
    code & 8 != 0
}

fn alu(insn: &Insn) -> String {
    const ALU64_MOV_X: u8 = 0xbf;
    const DIV: u8 = 0x30;
    const NEG: u8 = 0x80;
    const MOD: u8 = 0x90;
    const MOV: u8 = 0xb0;
    const END: u8 = 0xd0;
    const ADDR_SPACE_CAST: i16 = 1;
    const ADDR_PERCPU: i16 = -1;
    let Insn {
        code,
        dst_reg: dst,
        src_reg: src,
        off,
        imm,
    } = *insn;
    let op = code & 0xf0;
    let wide = code & 7 == ALU64;
    let reg = if wide { 'r' } else { 'w' };
    match (op, code, off) {
        (END, ..) if wide => format!("({code:02x}) r{dst} = bswap{imm} r{dst}"),
        (END, ..) => {
            let order = if is_x(code) { "be" } else { "le" };
            format!("({code:02x}) r{dst} = {order}{imm} r{dst}")
        }
        (NEG, ..) => format!("({code:02x}) {reg}{dst} = -{reg}{dst}"),
        (_, ALU64_MOV_X, ADDR_SPACE_CAST) => {
            let (to, from) = (imm as u32 >> 16, imm as u16);
            format!("({code:02x}) r{dst} = addr_space_cast(r{src}, {to}, {from})")
        }
        (_, ALU64_MOV_X, ADDR_PERCPU) => {
            format!("({code:02x}) r{dst} = &(void __percpu *)(r{src})")
        }
        _ => {
            let operator = match (op, off) {
                (DIV, 1) => "s/=",
                (MOD, 1) => "s%=",
                _ => ALU_OP[op_index(code)],
            };
            let extend = match (op, off) {
                (MOV, 8) => "(s8)",
                (MOV, 16) => "(s16)",
                (MOV, 32) => "(s32)",
                _ => "",
            };
            match is_x(code) {
                true => format!("({code:02x}) {reg}{dst} {operator} {extend}{reg}{src}"),
                false => format!("({code:02x}) {reg}{dst} {operator} {imm}"),
            }
        }
    }
}

fn stx(insn: &Insn) -> String {
    const MEM: u8 = 0x60;
    const ATOMIC: u8 = 0xc0;
    /// A rewrite of the kernel's own, for arenas.
    const PROBE_ATOMIC: u8 = 0xe0;
    let Insn {
        code,
        dst_reg: dst,
        src_reg: src,
        off,
        imm,
    } = *insn;
    let ty = mem_type(code);
    let probe = match code & 0xe0 {
        MEM => return format!("({code:02x}) *({ty} *)(r{dst} {off:+}) = r{src}"),
        ATOMIC => "",
        PROBE_ATOMIC => "probe ",
        _ => return format!("BUG_{code:02x}"),
    };
    let width = if ty == "u64" { "64" } else { "" };
    let place = format!("({ty} *)(r{dst} {off:+})");
    let operation = |imm: i32| match imm {
        0x00 => Some("add"),
        0x40 => Some("or"),
        0x50 => Some("and"),
        0xa0 => Some("xor"),
        _ => None,
    };
    let text = match imm {
        0xe1 => format!("r{src} = atomic{width}_xchg({place}, r{src})"),
        0xf1 => format!("r0 = atomic{width}_cmpxchg({place}, r0, r{src})"),
        0x100 => format!("r{dst} = load_acquire(({ty} *)(r{src} {off:+}))"),
        0x110 => format!("store_release({place}, r{src})"),
        _ => match (operation(imm), operation(imm & !1)) {
            (Some(_), _) => {
                let operator = ALU_OP[op_index(imm as u8)];
                format!("lock *{place} {operator} r{src}")
            }
            (None, Some(name)) => format!("r{src} = atomic{width}_fetch_{name}({place}, r{src})"),
            (None, None) => return format!("BUG_{code:02x}"),
        },
    };
    format!("({code:02x}) {probe}{text}")
}

fn st(insn: &Insn) -> String {
    let Insn {
        code,
        dst_reg: dst,
        off,
        imm,
        ..
    } = *insn;
    match code & 0xe0 {
        0x60 => format!(
            "({code:02x}) *({} *)(r{dst} {off:+}) = {imm}",
            mem_type(code)
        ),
        0xc0 => format!("({code:02x}) nospec"),
        _ => format!("BUG_st_{code:02x}"),
    }
}

fn ldx(insn: &Insn) -> String {
    const MEM: u8 = 0x60;
    const MEMSX: u8 = 0x80;
    let Insn {
        code,
        dst_reg: dst,
        src_reg: src,
        off,
        ..
    } = *insn;
    let size = usize::from(code >> 3 & 3);
    let ty = match code & 0xe0 {
        MEM => LDST[size],
        MEMSX if LDSX[size] != NULL => LDSX[size],
        _ => return format!("BUG_ldx_{code:02x}"),
    };
    format!("({code:02x}) r{dst} = *({ty} *)(r{src} {off:+})")
}

fn ld(insn: &Insn, next: Option<&Insn>, allow_ptr_leaks: bool) -> String {
    const ABS: u8 = 0x20;
    const IND: u8 = 0x40;
    let Insn {
        code,
        dst_reg: dst,
        src_reg: src,
        imm,
        ..
    } = *insn;
    match code & 0xe0 {
        ABS => format!("({code:02x}) r0 = *({} *)skb[{imm}]", mem_type(code)),
        IND => format!(
            "({code:02x}) r0 = *({} *)skb[r{src} + {imm}]",
            mem_type(code)
        ),
        _ if insn.is_ld_imm64() => {
            let high = next.map_or(0, |next| next.imm as u32);
            let is_ptr = matches!(
                src,
                pseudo::MAP_FD
                    | pseudo::MAP_VALUE
                    | pseudo::MAP_IDX
                    | pseudo::MAP_IDX_VALUE
                    | pseudo::BTF_ID
            );
            let value = match is_ptr && !allow_ptr_leaks {
                true => 0,
                false => u64::from(high) << 32 | u64::from(imm as u32),
            };
            format!("({code:02x}) r{dst} = {value:#x}")
        }
        _ => format!("BUG_ld_{code:02x}"),
    }
}

fn jmp(insn: &Insn, call_name: impl Fn(&Insn) -> Option<String>) -> String {
    const CALL: u8 = 0x80;
    const GOTO: u8 = 0x05;
    const GOTOL: u8 = 0x06;
    const GOTOX: u8 = 0x0d;
    const EXIT: u8 = 0x95;
    const JCOND: u8 = 0xe5;
    let Insn {
        code,
        dst_reg: dst,
        src_reg: src,
        off,
        imm,
    } = *insn;
    if code & 0xf0 == CALL {
        if src == pseudo::CALL {
            return format!("({code:02x}) call pc{imm:+}");
        }
        let name = call_name(insn).unwrap_or_else(|| {
            let unnamed = match src {
                pseudo::KFUNC_CALL => "kernel-function",
                _ => "unknown",
            };
            unnamed.into()
        });
        return format!("({code:02x}) call {name}#{imm}");
    }
    let operator = JMP_OP[op_index(code)];
    let reg = if code & 7 == JMP32 { 'w' } else { 'r' };
    match code {
        GOTO => format!("({code:02x}) goto pc{off:+}"),
        GOTOX => format!("({code:02x}) gotox r{dst}"),
        JCOND if src == 0 => format!("({code:02x}) may_goto pc{off:+}"),
        GOTOL => format!("({code:02x}) gotol pc{imm:+}"),
        EXIT => format!("({code:02x}) exit"),
        _ if is_x(code) => {
            format!("({code:02x}) if {reg}{dst} {operator} {reg}{src} goto pc{off:+}")
        }
        _ => format!("({code:02x}) if {reg}{dst} {operator} {imm:#x} goto pc{off:+}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opcode, dst, src, off, imm and the text that 7.3's `print_bpf_insn()` printed for it, read
    /// off the C function itself (see tests/disasm/README).
    const CASES: &str = include_str!("../tests/disasm/cases.txt");

    #[test]
    fn prints_what_the_kernel_prints() {
        for line in CASES.lines().filter(|line| !line.starts_with('#')) {
            let (fields, want) = line.split_once('\t').expect("a tab");
            let n: Vec<i64> = fields
                .split(' ')
                .map(|n| n.parse().expect("a number"))
                .collect();
            let [code, dst, src, off, imm, next_imm] = n[..] else {
                panic!("six numbers: {line}");
            };
            let insn = Insn {
                code: code as u8,
                dst_reg: dst as u8,
                src_reg: src as u8,
                off: off as i16,
                imm: imm as i32,
            };
            let next = Insn {
                imm: next_imm as i32,
                ..Insn::default()
            };
            let name = |insn: &Insn| {
                (insn.src_reg == 0 && insn.imm == 1).then(|| "bpf_map_lookup_elem".into())
            };
            assert_eq!(disasm(&[insn, next], name, true), want, "{fields}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_instruction_has_a_text(bytes: [u8; 8]) {
            proptest::prop_assert_ne!(disasm(&[Insn::from_bytes(bytes)], |_| None, false), "");
        }
    }
}
