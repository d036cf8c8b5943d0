// SPDX-License-Identifier: GPL-2.0-only
//! Bytes that nobody checked, given to all that reads bytes: they may be refused in any way, but
//! there is no panic and there is an end. For `tests/hostile.rs` and the targets in `fuzz/`.

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use bpf::btf::{Btf, BtfBuilder};
use bpf::caps::Caps;
use bpf::kernel::Kernel;
use bpf::load::Object;
use bpf::load::raw_program;
use bpf::load::{Autoload, PrepareOptions};
use bpf::program::{ProgFlags, ProgLoad};
use bpf::uapi::Insn;
use generated::ast::ProgKind;
use generated::code::{Code, FuncType};
use verifier_model::Options;
use verifier_model::verify;

/// Instructions after which the model is to stop.
const MAX_INSNS: u32 = 10_000;
/// An object that is loaded for a kernel with hostile BTF.
const PROG: &[u8] = include_bytes!("../../bpf/tests/load/prog.elf");

static KERNEL: LazyLock<Kernel> =
    LazyLock::new(|| verifier_model::linux_7_3().expect("it comes along"));

/// An object file: read, relocated for the kernel that comes along, verified.
pub(crate) fn object(data: &[u8]) {
    load(data, &KERNEL);
}

/// BTF, raw or in an ELF file: looked at in every way, and used as a kernel's.
pub(crate) fn btf(data: &[u8]) {
    let _ = Btf::from_lz4(data, None);
    let Ok(btf) = Btf::from_bytes(data, None) else {
        return;
    };
    look_at(&btf);
    let bytes = BtfBuilder::from(&btf).build();
    let same = Btf::parse(&bytes, None).expect("what was read can be written and read");
    assert_eq!(same.nr_types(), btf.nr_types());
    let same = Btf::from_lz4(&btf.to_lz4(), None).expect("what was packed can be unpacked");
    assert_eq!(same.nr_types(), btf.nr_types());

    let btf = Arc::new(btf);
    if let Ok(split) = Btf::from_bytes(data, Some(btf.clone())) {
        look_at(&split);
        if let Ok(moved) = split.relocate(KERNEL.vmlinux.clone()) {
            look_at(&moved);
        }
    }
    load(PROG, &Kernel::new(btf));
}

/// Two bytes that choose a program type and flags, then instructions.
pub(crate) fn insns(data: &[u8]) {
    const SECTIONS: [&str; 16] = [
        "socket",
        "xdp",
        "tc",
        "raw_tp",
        "tp_btf/task_newtask",
        "fentry/bpf_fentry_test1",
        "lsm.s/file_open",
        "iter/task",
        "syscall",
        "kprobe",
        "perf_event",
        "cgroup_skb/egress",
        "cgroup/connect4",
        "sockops",
        "sk_msg",
        "netfilter",
    ];
    let Some((&[section, flags], insns)) = data.split_first_chunk() else {
        return;
    };
    let section = SECTIONS[usize::from(section) % SECTIONS.len()];
    let insns = &insns[..insns.len() / Insn::SIZE * Insn::SIZE];
    let Ok(raw) = raw_program(insns, "hostile", section, &KERNEL) else {
        return;
    };
    let flag = |bit: u32| flags >> bit & 1 != 0;
    let functions = match flag(0) {
        true => vec![(0, FuncType::Main)],
        false => Vec::new(),
    };
    let code = Code {
        kind: ProgKind::RawTracepoint,
        checkpoints: flag(1),
        insns: raw.insns.clone(),
        funcs: functions,
        names: Default::default(),
    };
    // Its maps, and BTF for functions.
    let mut prog = code.prog_load(&KERNEL).expect("it names nothing");
    prog.prog_type = raw.prog_type;
    prog.expected_attach_type = raw.expected_attach_type;
    prog.attach = raw.attach;
    prog.prog_flags |= raw.prog_flags;
    prog.prog_flags.set(ProgFlags::STRICT_ALIGNMENT, flag(2));
    if !flag(0) {
        prog.btf = None;
    }
    let caps = Caps::from_bits_truncate(u64::from(flags) << 36);
    judge(&prog, &KERNEL, caps);
}

fn load(data: &[u8], kernel: &Kernel) {
    let Ok(object) = Object::open(data, "hostile") else {
        return;
    };
    let options = PrepareOptions {
        autoload: Autoload::All,
        ..PrepareOptions::default()
    };
    let Ok(prepared) = object.prepare(kernel, &options) else {
        return;
    };
    for prog in prepared.filter_map(|prepared| prepared.load.ok()) {
        judge(&prog, kernel, Caps::all());
    }
}

fn judge(prog: &ProgLoad, kernel: &Kernel, caps: Caps) {
    let options = Options {
        caps,
        max_insns: MAX_INSNS,
        ..Options::default()
    };
    let verdict = verify(prog, kernel, &options);
    assert!(verdict.stats.insns_processed <= MAX_INSNS + 1);
}

fn look_at(btf: &Btf) {
    for t in btf.types() {
        black_box((t.name(), t.int(), t.array(), t.linkage(), t.component_idx()));
        black_box((btf.resolve_size(t.id()).ok(), btf.align_of(t.id())));
        black_box(btf.skip_mods(t.id()).id() + btf.skip_mods_and_typedefs(t.id()).id());
        black_box(t.members().map(|m| m.name().len()).sum::<usize>());
        black_box(t.params().map(|p| p.name().len()).sum::<usize>());
        black_box(t.enumerators().map(|e| e.name().len()).sum::<usize>());
        black_box(t.var_secinfos().fold(0, |all, var| all ^ var.type_id));
    }
    // Types that all have one name make this quadratic.
    for t in btf.types().take(100) {
        let mut same = btf.find_by_name(t.name());
        assert!(t.name().is_empty() || same.any(|found| found.id() == t.id()));
        black_box(btf.decl_tags_of(t.id(), None).count());
    }
}
