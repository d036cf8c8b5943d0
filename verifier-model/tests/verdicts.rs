// SPDX-License-Identifier: GPL-2.0-only
//! Verdicts on programs of a few instructions, each for one rule; and hostile programs, which must
//! get some verdict.

use std::sync::Arc;

use bpf::btf::{Btf, BtfBuilder};
use bpf::kernel::Kernel;
use bpf::load::raw_program;
use bpf::program::{ProgFlags, ProgLoad};
use bpf::uapi::Insn;
use proptest::prelude::*;
use verifier_model::Caps;
use verifier_model::Options;
use verifier_model::Verdict;
use verifier_model::verify;
use verifier_model::{Errno, explain, graph};

const fn i(code: u8, dst_reg: u8, src_reg: u8, off: i16, imm: i32) -> Insn {
    Insn {
        code,
        dst_reg,
        src_reg,
        off,
        imm,
    }
}

const EXIT: Insn = i(0x95, 0, 0, 0, 0);

const fn mov(dst: u8, imm: i32) -> Insn {
    i(0xb7, dst, 0, 0, imm)
}

const fn mov_reg(dst: u8, src: u8) -> Insn {
    i(0xbf, dst, src, 0, 0)
}

const fn add(dst: u8, imm: i32) -> Insn {
    i(0x07, dst, 0, 0, imm)
}

const fn call(helper: i32) -> Insn {
    i(0x85, 0, 0, 0, helper)
}

/// `if dst < imm goto off`
const fn jlt(dst: u8, imm: i32, off: i16) -> Insn {
    i(0xa5, dst, 0, off, imm)
}

/// `*(u64 *)(dst + off) = src`
const fn stx(dst: u8, off: i16, src: u8) -> Insn {
    i(0x7b, dst, src, off, 0)
}

const fn ja(off: i16) -> Insn {
    i(0x05, 0, 0, off, 0)
}

const fn may_goto(off: i16) -> Insn {
    i(0xe5, 0, 0, off, 0)
}

fn kernel() -> Kernel {
    let btf = Btf::parse(&BtfBuilder::default().build(), None).expect("an empty BTF");
    Kernel::new(Arc::new(btf))
}

fn load(insns: &[Insn], kernel: &Kernel) -> ProgLoad {
    let bytes: Vec<u8> = insns.iter().flat_map(|i| i.to_bytes()).collect();
    raw_program(&bytes, "prog", "tc", kernel).expect("a program")
}

fn run(insns: &[Insn]) -> Verdict {
    let kernel = kernel();
    verify(&load(insns, &kernel), &kernel, &Options::default())
}

fn accepted(insns: &[Insn], insns_processed: u32) {
    let v = run(insns);
    assert!(v.accepted(), "{}", v.log);
    assert_eq!(v.stats.insns_processed, insns_processed, "{}", v.log);
}

fn rejected(insns: &[Insn], errno: i32, message: &str) {
    let v = run(insns);
    assert_eq!(v.rejection().map(|r| r.errno.0), Some(errno), "{}", v.log);
    assert!(v.log.contains(message), "{}", v.log);
}

#[test]
fn a_value_must_be_returned() {
    accepted(&[mov(0, 0), EXIT], 2);
    rejected(&[EXIT], 13, "R0 !read_ok");
}

#[test]
fn a_counted_loop_is_walked_to_its_end() {
    // Ten rounds of two instructions, one before, one after.
    accepted(&[mov(0, 0), add(0, 1), jlt(0, 10, -2), EXIT], 22);
}

#[test]
fn a_loop_without_progress_is_infinite() {
    rejected(&[mov(0, 0), ja(-1), EXIT], 22, "unreachable insn 2");
    let same = [call(7), mov_reg(6, 0), jlt(6, 10, -1), mov(0, 0), EXIT];
    rejected(&same, 22, "infinite loop detected at insn 2");
}

#[test]
fn a_loop_that_is_too_long_is_cut_off() {
    let long = [mov(0, 0), add(0, 1), jlt(0, 1_000_000, -2), EXIT];
    rejected(&long, 7, "BPF program is too large. Processed 1000001 insn");
}

#[test]
fn may_goto_converges() {
    let v = run(&[mov(0, 0), may_goto(2), add(0, 1), ja(-3), mov(0, 0), EXIT]);
    assert!(v.accepted(), "{}", v.log);
    assert!(v.stats.insns_processed < 100, "{}", v.log);
}

#[test]
fn the_stack_is_512_bytes() {
    accepted(&[mov(0, 0), stx(10, -512, 0), EXIT], 3);
    rejected(
        &[mov(0, 0), stx(10, -520, 0), EXIT],
        13,
        "invalid write to stack R10 off=-520 size=8",
    );
}

#[test]
fn jumps_stay_inside() {
    rejected(&[ja(5), EXIT], 22, "jump out of range from insn 0 to 6");
    rejected(&[mov(0, 0)], 22, "last insn is not an exit or jmp");
}

fn unprivileged(insns: &[Insn], section: &str) -> Verdict {
    with_caps(Caps::empty(), insns, section)
}

fn with_caps(caps: Caps, insns: &[Insn], section: &str) -> Verdict {
    let kernel = kernel();
    let bytes: Vec<u8> = insns.iter().flat_map(|i| i.to_bytes()).collect();
    let prog = raw_program(&bytes, "prog", section, &kernel).expect("a program");
    let opts = Options {
        caps,
        ..Options::default()
    };
    verify(&prog, &kernel, &opts)
}

#[test]
fn cap_bpf_alone_calls_but_sees_no_address() {
    let calls = [i(0x85, 0, 1, 0, 1), EXIT, mov(0, 0), EXIT];
    assert!(with_caps(Caps::BPF, &calls, "socket").accepted());
    refused(&calls, 1, "allowed for CAP_BPF and CAP_SYS_ADMIN");
    let leaks = [mov_reg(0, 10), EXIT];
    let v = with_caps(Caps::BPF, &leaks, "socket");
    assert!(v.log.contains("R0 leaks addr as return value"), "{}", v.log);
    let both = Caps::BPF | Caps::PERFMON;
    assert!(with_caps(both, &leaks, "socket").accepted());
    // bpf_trace_printk()
    let says = [mov_reg(1, 10), add(1, -8), mov(2, 8), call(6), EXIT];
    let v = with_caps(Caps::BPF, &says, "socket");
    assert!(v.log.contains("cannot use helper"), "{}", v.log);
}

#[test]
fn a_type_of_program_asks_for_capabilities() {
    let nothing = [mov(0, 0), EXIT];
    for (section, caps, lacking) in [
        ("xdp", Caps::BPF | Caps::PERFMON, "CAP_NET_ADMIN"),
        ("xdp", Caps::NET_ADMIN, "CAP_BPF"),
        ("kprobe", Caps::BPF | Caps::NET_ADMIN, "CAP_PERFMON"),
        ("tc", Caps::empty(), "CAP_NET_ADMIN, CAP_BPF"),
    ] {
        let v = with_caps(caps, &nothing, section);
        let why = v.rejection().expect("it is rejected");
        let said = format!("the loader lacks {lacking}");
        assert_eq!((why.errno, why.said()), (Errno::EPERM, said.as_str()));
        assert!(with_caps(Caps::SYS_ADMIN, &nothing, section).accepted());
    }
}

#[test]
fn a_kernel_may_let_nobody_load() {
    let mut kernel = kernel();
    kernel.unprivileged_bpf_disabled = true;
    let insns = [mov(0, 0), EXIT].map(Insn::to_bytes).concat();
    let prog = raw_program(&insns, "prog", "socket", &kernel).expect("a program");
    for (caps, accepted) in [(Caps::PERFMON, false), (Caps::BPF, true)] {
        let options = Options {
            caps,
            ..Options::default()
        };
        assert_eq!(verify(&prog, &kernel, &options).accepted(), accepted);
    }
}

fn refused(insns: &[Insn], errno: i32, message: &str) {
    let v = unprivileged(insns, "socket");
    assert_eq!(v.rejection().map(|r| r.errno.0), Some(errno), "{}", v.log);
    assert!(v.log.contains(message), "{}", v.log);
}

#[test]
fn the_unprivileged_get_no_loop() {
    let counted = [mov(0, 0), add(0, 1), jlt(0, 10, -2), EXIT];
    refused(&counted, 22, "back-edge from insn 2 to 1");
}

#[test]
fn the_unprivileged_see_no_address() {
    refused(&[mov_reg(0, 10), EXIT], 13, "R0 leaks addr as return value");
    let compared = [i(0x1d, 1, 10, 0, 0), mov(0, 0), EXIT];
    refused(&compared, 13, "R10 pointer comparison prohibited");
    let stored = [mov_reg(2, 1), stx(1, 48, 2), mov(0, 0), EXIT];
    refused(&stored, 13, "R2 leaks addr into ctx");
    let read = [i(0x79, 0, 10, -8, 0), EXIT];
    refused(&read, 13, "invalid read from stack");
    let v = run(&read);
    assert!(v.accepted(), "{}", v.log);
}

#[test]
fn the_unprivileged_load_two_types() {
    let v = unprivileged(&[mov(0, 0), EXIT], "xdp");
    assert_eq!(v.rejection().map(|r| r.errno), Some(Errno::EPERM));
    assert!(unprivileged(&[mov(0, 0), EXIT], "socket").accepted());
}

#[test]
fn speculation_walks_the_branch_not_taken() {
    // r0 is at most 7, so only a processor that guesses wrong gets to the fourth instruction.
    let guarded = |insn| [call(7), i(0x57, 0, 0, 0, 7), jlt(0, 8, 1), insn, EXIT];
    let v = unprivileged(&guarded(mov(0, 1)), "socket");
    assert!(v.accepted(), "{}", v.log);
    assert_eq!(v.stats.insns_processed, 6, "{}", v.log);
    // What is unsafe there costs a barrier, not the program.
    let v = unprivileged(&guarded(stx(0, 0, 0)), "socket");
    assert!(v.accepted(), "{}", v.log);
    assert_eq!(v.stats.insns_processed, 5, "{}", v.log);
}

#[test]
fn masked_arithmetic_needs_one_direction() {
    // r0 = -1 or 0, by its sign: a scalar that may be on either side.
    let mixed = [
        call(7),
        i(0x67, 0, 0, 0, 60),
        i(0xc7, 0, 0, 0, 61),
        mov_reg(2, 10),
        add(2, -16),
        i(0x0f, 2, 0, 0, 0),
        mov(0, 0),
        EXIT,
    ];
    refused(
        &mixed,
        13,
        "R0 has unknown scalar with mixed signed bounds, pointer arithmetic with it prohibited for !root",
    );
}

#[test]
fn levels_of_the_log() {
    let kernel = kernel();
    let prog = load(&[mov(0, 0), EXIT], &kernel);
    let log = |log_level| {
        let opts = Options {
            log_level,
            ..Options::default()
        };
        verify(&prog, &kernel, &opts).log
    };
    let last = "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n";
    assert_eq!(log(0), "");
    assert_eq!(log(1), last);
    assert!(log(2).contains("0: (b7) r0 = 0                        ; R0=0\n1: (95) exit\n"));
}

/// Instructions that are mostly well-formed, so that they get past the first checks.
fn insn() -> impl Strategy<Value = Insn> {
    let codes = prop::sample::select(vec![
        0xb7u8, 0xbf, 0x07, 0x0f, 0x1f, 0x2f, 0x3f, 0x57, 0x67, 0x77, 0xc7, 0x87, 0xd4, 0x04, 0xbc,
        0x7b, 0x79, 0x73, 0x61, 0x62, 0x7a, 0xdb, 0x15, 0x1d, 0x25, 0x2d, 0x55, 0x65, 0xa5, 0xd5,
        0x16, 0x05, 0x06, 0xe5, 0x85, 0x95, 0x18, 0x00, 0x20, 0x40, 0x91,
    ]);
    let imms = prop_oneof![-4..16i32, any::<i32>()];
    let offs = prop_oneof![-16..16i16, Just(-8), any::<i16>()];
    (codes, 0..12u8, 0..12u8, offs, imms).prop_map(|(code, d, s, off, imm)| match code {
        0x85 => i(code, 0, s % 3, 0, imm),
        0x05 | 0xe5 => i(code, 0, 0, off % 8, 0),
        0x95 => EXIT,
        c if c & 7 == 5 && c & 8 == 0 => i(c, d % 11, 0, off % 8, imm),
        c if c & 7 == 5 => i(c, d % 11, s % 11, off % 8, 0),
        c if c & 7 == 7 && c & 8 == 0 => i(c, d % 10, 0, 0, imm),
        c if c & 7 == 7 => i(c, d % 10, s % 11, 0, 0),
        c => i(c, d, s, off, if c & 7 == 1 || c == 0x7b { 0 } else { imm }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn hostile_programs_get_a_verdict(
        body in prop::collection::vec(insn(), 0..24), flags in any::<u32>(), level in 0..3u32,
    ) {
        let kernel = kernel();
        let setup = (0..10).filter(|r| *r != 1).map(|r| mov(r, i32::from(r)));
        let mut insns: Vec<_> = setup.chain([stx(10, -8, 0), mov_reg(6, 1)]).chain(body).collect();
        insns.extend([mov(0, 0), EXIT]);
        let mut prog = load(&insns, &kernel);
        prog.prog_flags = ProgFlags::from_bits_retain(flags & !0x10);
        let opts = Options { log_level: level, ..Options::default() };
        let v = verify(&prog, &kernel, &opts);
        prop_assert!(v.rejection().is_none_or(|r| r.errno.0 != 0));
        let (explained, _) = explain(&prog, &kernel, &opts);
        prop_assert_eq!(&explained, &v);
        let (_, drawn) = graph(&prog, &kernel, &opts, 20);
        prop_assert!(drawn.svg().ends_with("</svg>\n"));
    }

    #[test]
    fn random_bytes_get_a_verdict(bytes in prop::collection::vec(any::<u64>(), 1..16)) {
        let kernel = kernel();
        let bytes: Vec<u8> = bytes.iter().flat_map(|b| b.to_le_bytes()).collect();
        let prog = raw_program(&bytes, "prog", "xdp", &kernel).expect("a program");
        let v = verify(&prog, &kernel, &Options::default());
        prop_assert!(v.rejection().is_none_or(|r| r.errno.0 != 0));
    }
}
