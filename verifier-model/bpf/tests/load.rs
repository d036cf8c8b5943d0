// SPDX-License-Identifier: GPL-2.0-only
//! Loads a small object for a small kernel (sources in tests/load) and looks at what was patched;
//! then loads broken copies of both.
//!
//! The expected offsets and values are those that C gives the structures of kernel.c.

use std::sync::Arc;

use bpf::btf::{Btf, Kind, Linkage};
use bpf::kernel::config::Config;
use bpf::kernel::{Kernel, VMLINUX};
use bpf::load::Object;
use bpf::load::raw_program;
use bpf::load::{Autoload, PrepareOptions, Prepared};
use bpf::map::MapDef;
use bpf::program::{AttachTarget, ProgLoad};
use bpf::uapi::{AttachType, Insn, MapType, ProgType, op, pseudo};
use proptest::prelude::*;

const KERNEL: &[u8] = include_bytes!("load/kernel.elf");
const PROG: &[u8] = include_bytes!("load/prog.elf");

fn kernel() -> Kernel {
    let mut kernel = Kernel::new(Arc::new(Btf::from_bytes(KERNEL, None).unwrap()));
    kernel.kconfig.set("CONFIG_HZ", "250");
    kernel
}

fn prepare(object: &Object, kernel: &Kernel) -> Vec<Prepared> {
    let options = PrepareOptions {
        autoload: Autoload::All,
        ..PrepareOptions::default()
    };
    object.prepare(kernel, &options).unwrap().collect()
}

fn load(name: &str) -> ProgLoad {
    let object = Object::open(PROG, "prog.elf").unwrap();
    let mut all = prepare(&object, &kernel()).into_iter();
    all.find(|p| p.name == name).unwrap().load.unwrap()
}

fn map(prog: &ProgLoad, insn: Insn) -> &MapDef {
    assert!(insn.is_ld_imm64());
    &prog.maps[insn.imm as usize]
}

#[test]
fn fields_move_and_loads_widen() {
    let prog = load("fields");
    let field = |insn: Insn| (insn.code, insn.off);
    assert_eq!(field(prog.insns[0]), (0x79, 24), "u64 load of pid");
    assert_eq!(
        field(prog.insns[1]),
        (0x61, 40 + 16 + 8),
        "u32 load of inner[1].depth"
    );
    assert_eq!(prog.func_info.len(), 1);
    assert_eq!(prog.line_info[0].line(), 103);
}

#[test]
fn existence_sizes_and_enumerators() {
    let prog = load("existence");
    let imms: Vec<i32> = prog.insns.iter().map(|insn| insn.imm).collect();
    assert_eq!(imms[1], 0, "task->missing does not exist");
    assert_eq!((prog.insns[3].code, imms[3]), (op::CALL, 0xbad_2310));
    assert_eq!(imms[4], 104, "sizeof(struct task)");
    assert_eq!(imms[6], 9, "STATE_ON");
    assert_eq!(imms[9], 0, "STATE_GONE does not exist");
    assert_eq!(imms[13], 64 - (3 + 5), "left shift of flag_b");
}

#[test]
fn functions_follow_in_the_order_of_calls() {
    let prog = load("subprogs");
    let btf = prog.btf.as_ref().unwrap();
    let names = prog
        .func_info
        .iter()
        .map(|f| btf.type_by_id(f.type_id).unwrap().name());
    let names: Vec<&str> = names.collect();
    assert_eq!(
        names,
        ["subprogs", "callback", "leaf", "global_sub", "hidden_sub"]
    );

    let starts: Vec<u32> = prog.func_info.iter().map(|f| f.insn_off).collect();
    let target = |at: usize| (at as i32 + 1 + prog.insns[at].imm) as u32;
    let callback = prog.insns.iter().position(|i| i.is_ldimm64_func()).unwrap();
    assert_eq!(target(callback), starts[1]);
    let calls: Vec<usize> = (0..prog.insns.len())
        .filter(|&i| prog.insns[i].is_call())
        .collect();
    let targets: Vec<u32> = calls.into_iter().map(target).collect();
    assert_eq!(
        targets,
        [starts[3], starts[4], starts[2], starts[2], starts[2]]
    );

    let linkage = |name| btf.find_by_name_kind(name, Kind::Func).unwrap().linkage();
    assert_eq!(linkage("global_sub"), Some(Linkage::Global));
    assert_eq!(linkage("hidden_sub"), Some(Linkage::Static));
}

#[test]
fn maps_and_variables() {
    let prog = load("subprogs");
    let data = map(&prog, prog.insns[0]);
    assert_eq!(
        (data.name.as_str(), &data.contents[..]),
        ("prog.data", &[7, 0, 0, 0][..])
    );
    let rodata = prog.maps.iter().find(|m| m.name == "prog.rodata").unwrap();
    assert!(rodata.frozen);
    assert_eq!(rodata.contents, [5, 0, 0, 0]);
    // zeroed[4], then hidden_counter.
    let bss = prog.maps.iter().find(|m| m.name == "prog.bss").unwrap();
    assert_eq!((bss.value_size, bss.contents.len()), (20, 0));
    let counts = prog.maps.iter().find(|m| m.name == "counts").unwrap();
    assert_eq!(
        (counts.key_size, counts.value_size, counts.max_entries),
        (4, 16, 100)
    );
    assert_ne!(counts.btf_value_type_id, 0);
    let outer = prog.maps.iter().find(|m| m.name == "outer").unwrap();
    let inner = outer.inner_map.as_ref().unwrap();
    assert_eq!(
        (outer.map_type, inner.map_type),
        (MapType::ArrayOfMaps, MapType::Array)
    );
    assert_eq!((inner.max_entries, inner.value_size), (3, 8));
}

#[test]
fn externs_of_every_kind() {
    let prog = load("externs");
    let kernel = kernel();
    let id = |name, kind| kernel.vmlinux.find_by_name_kind(name, kind).unwrap().id() as i32;
    let kfuncs = prog
        .insns
        .iter()
        .filter(|i| i.code == op::CALL && i.src_reg == pseudo::KFUNC_CALL);
    let kfuncs: Vec<i32> = kfuncs.map(|i| i.imm).collect();
    assert_eq!(
        kfuncs,
        [
            id("current_task", Kind::Func),
            id("task_weight", Kind::Func)
        ]
    );
    let missing = prog
        .insns
        .iter()
        .find(|i| i.code == op::CALL && i.src_reg == 0)
        .unwrap();
    assert!(missing.imm >= 2_002_000_000);
    let ksym = prog
        .insns
        .iter()
        .find(|i| i.is_ld_imm64() && i.src_reg == pseudo::BTF_ID);
    assert_eq!(ksym.unwrap().imm, id("nr_tasks", Kind::Var));
    let kconfig = prog.maps.iter().find(|m| m.name == "prog.kconfig").unwrap();
    let mut want = Vec::new();
    // LINUX_KERNEL_VERSION and CONFIG_HZ of 4 bytes, by name, then CONFIG_MISSING of one.
    want.extend(250_u32.to_le_bytes());
    want.extend((7_u32 << 16 | 3 << 8).to_le_bytes());
    want.push(0);
    assert_eq!(kconfig.contents, want);
}

#[test]
fn sections_tell_type_and_target() {
    let fentry = load("fentry");
    assert!(fentry.sleepable() && !fentry.autoload && fentry.gpl_compatible());
    assert_eq!(fentry.expected_attach_type, AttachType::TraceFentry);
    let kernel = kernel();
    let target = |prog: &ProgLoad| match prog.attach {
        Some(AttachTarget::Kernel {
            btf_obj: VMLINUX,
            btf_id,
            member,
        }) => {
            let t = kernel.vmlinux.type_by_id(btf_id).unwrap();
            (t.name().to_owned(), member.map(|m| m.index))
        }
        _ => panic!("{} attaches to nothing", prog.name),
    };
    assert_eq!(target(&fentry), ("task_weight".into(), None));
    assert_eq!(target(&load("iter")), ("bpf_iter_toy".into(), None));
    assert_eq!(target(&load("start_prog")), ("toy_ops".into(), Some(0)));
    let stop = load("stop_prog");
    assert_eq!(target(&stop), ("toy_ops".into(), Some(2)));
    let toy = stop.maps.iter().find(|m| m.name == "toy").unwrap();
    let ops = toy.struct_ops.as_ref().unwrap();
    assert_eq!(toy.value_size, 40);
    let progs: Vec<_> = ops
        .progs
        .iter()
        .map(|(i, name)| (*i, name.as_str()))
        .collect();
    assert_eq!(progs, [(0, "start_prog"), (2, "stop_prog")]);
}

#[test]
fn says_what_is_missing() {
    let object = Object::open(PROG, "prog.elf").unwrap();
    let mut kernel = kernel();
    kernel.kconfig = Config::default();
    let options = PrepareOptions::default();
    let want = "configuration value 'CONFIG_HZ': the kernel's configuration does not have it";
    let mut count = 0;
    for prog in object.prepare(&kernel, &options).unwrap() {
        assert_eq!(prog.load.unwrap_err().to_string(), want);
        count += 1;
    }
    assert_ne!(
        count, 0,
        "libbpf refuses the object, so every program of it"
    );
    let error = Object::open(b"MZ", "x").unwrap_err();
    assert_eq!(error.to_string(), "ELF: this is not an ELF file");
}

#[test]
fn raw_instructions() {
    let exit = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
    let prog = raw_program(&exit, "exit", "tc", &kernel()).unwrap();
    assert_eq!((prog.prog_type, prog.insns.len()), (ProgType::SchedCls, 2));
    assert!(raw_program(&exit[..9], "exit", "tc", &kernel()).is_err());
    assert!(raw_program(&exit, "exit", "none", &kernel()).is_err());
}

/// Loads all that can be loaded; errors are fine, panics and endless loops are not.
fn try_load(object: &[u8], vmlinux: &[u8]) {
    let (Ok(object), Ok(btf)) = (
        Object::open(object, "prog.elf"),
        Btf::from_bytes(vmlinux, None),
    ) else {
        return;
    };
    let mut kernel = Kernel::new(Arc::new(btf));
    kernel.kconfig.set("CONFIG_HZ", "250");
    let options = PrepareOptions {
        autoload: Autoload::All,
        ..PrepareOptions::default()
    };
    if let Ok(progs) = object.prepare(&kernel, &options) {
        progs.for_each(drop);
    }
}

/// Where a section's contents lie in a file.
fn section(elf: &[u8], name: &str) -> std::ops::Range<usize> {
    use object::{Object, ObjectSection};
    let file = object::File::parse(elf).unwrap();
    let (start, size) = file.section_by_name(name).unwrap().file_range().unwrap();
    start as usize..(start + size) as usize
}

fn mutated(
    data: &[u8],
    edits: &[(prop::sample::Index, u8)],
    range: std::ops::Range<usize>,
) -> Vec<u8> {
    let mut data = data.to_vec();
    for (at, byte) in edits {
        let at = range.start + at.index(range.len());
        data[at] = *byte;
    }
    data
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    // Small numbers and extremes break more than random bytes.
    let byte = prop_oneof![0_u8..40, Just(0x7f), Just(0x80), Just(0xff), any::<u8>()];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 1..8)
}

#[test]
fn truncated_objects() {
    for len in 0..PROG.len() {
        try_load(&PROG[..len], KERNEL);
    }
    let btf = section(KERNEL, ".BTF");
    for len in 0..btf.len() {
        try_load(PROG, &KERNEL[btf.start..btf.start + len]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn broken_objects(edits in edits()) {
        try_load(&mutated(PROG, &edits, 0..PROG.len()), KERNEL);
    }

    #[test]
    fn broken_sections(edits in edits(), which in 0_usize..9) {
        const NAMES: [&str; 9] = [
            ".BTF", ".BTF.ext", ".symtab", ".text", ".reltc", ".rel.struct_ops.link", ".relxdp.frags",
            ".maps", ".rel.text",
        ];
        let range = section(PROG, NAMES[which]);
        try_load(&mutated(PROG, &edits, range), KERNEL);
    }

    #[test]
    fn broken_kernels(edits in edits()) {
        let range = section(KERNEL, ".BTF");
        try_load(PROG, &mutated(KERNEL, &edits, range));
    }
}
