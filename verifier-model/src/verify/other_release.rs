// SPDX-License-Identifier: GPL-2.0-only
//! Another release gives other verdicts: nothing reaches the tables of 7.3 behind its back.

use std::path::Path;

use bpf::btf::Kind;
use bpf::kernel::Kernel;
use bpf::load::raw_program;
use bpf::map::MapDef;
use bpf::program::{AttachTarget, ProgLoad, StructOpsMember};
use bpf::uapi::{Insn, MapType, ProgType, pseudo};

use crate::facts::release::linux_7_3::LINUX_7_3;
use crate::facts::release::shipped::linux_7_3;
use crate::facts::release::{Limits, Release};
use crate::facts::rule::Profile;
use crate::facts::tables::{Text, Texts};
use crate::facts::texts;
use crate::options::Options;
use crate::verdict::Outcome;
use crate::verify::verify;

/// A release that is 7.3 but for some lines of a table.
fn release(func_args: usize, change: impl FnOnce(&mut Texts)) -> &'static Release {
    let mut texts = texts::LINUX_7_3;
    change(&mut texts);
    let limits = Limits {
        func_args,
        call_frames: 16,
        stack_round: 16,
        stack_of_none: false,
        linked_regs: Some(5),
    };
    Box::leak(Box::new(Release::new(
        "made up",
        "7.3.0",
        Profile::V7_3,
        limits,
        texts,
        None,
    )))
}

/// Takes out the lines that have a word, and the lines below them that are set in.
fn drop_lines(text: &mut Text, word: &str) {
    let mut below = false;
    let lines = text.text.lines().filter(|line| {
        let drop = line.contains(word) || below && line.starts_with(' ');
        below = drop;
        !drop
    });
    let kept = lines.collect::<Vec<_>>().join("\n");
    assert_ne!(
        kept.len() + 1,
        text.text.len(),
        "{word} is in no line of {}",
        text.file
    );
    text.text = kept.leak();
}

fn says(load: &ProgLoad, kernel: &Kernel, release: &'static Release) -> String {
    let options = Options {
        release,
        profile: release.rules(),
        ..Options::default()
    };
    match verify(load, kernel, &options).outcome {
        Outcome::Accepted => "accepted".into(),
        Outcome::Rejected(why) => format!("rejected: {}", why.message),
        Outcome::NotModelled(what) => format!("not modelled: {what}"),
    }
}

fn insn(code: u8, dst_reg: u8, src_reg: u8, off: i16, imm: i32) -> Insn {
    Insn {
        code,
        dst_reg,
        src_reg,
        off,
        imm,
    }
}

/// `*(u64 *)(src + off)`
fn load(dst: u8, src: u8, off: i16) -> Insn {
    insn(0x79, dst, src, off, 0)
}

/// A program that ends with 0.
fn program(kernel: &Kernel, section: &str, insns: &[Insn]) -> ProgLoad {
    let end = [insn(0xb7, 0, 0, 0, 0), insn(0x95, 0, 0, 0, 0)];
    let bytes: Vec<u8> = insns
        .iter()
        .chain(&end)
        .flat_map(|i| i.to_bytes())
        .collect();
    raw_program(&bytes, "case", section, kernel).expect("a program")
}

/// One that writes a socket's window, as an algorithm of congestion control may.
fn congestion_control(kernel: &Kernel) -> ProgLoad {
    let find = |name| kernel.vmlinux.find_by_name_kind(name, Kind::Struct);
    let ops = find("tcp_congestion_ops").expect("the kernel has it");
    let sock = find("tcp_sock").expect("the kernel has it");
    let window = sock.members().find(|m| m.name() == "snd_cwnd");
    let off = window.expect("a socket has it").bit_offset() / 8;
    let index = ops.members().position(|m| m.name() == "cong_avoid");
    let write = [load(1, 1, 0), insn(0x62, 1, 0, off as i16, 1)];
    ProgLoad {
        prog_type: ProgType::StructOps,
        attach: Some(AttachTarget::Kernel {
            btf_obj: 0,
            btf_id: ops.id(),
            member: Some(StructOpsMember {
                index: index.expect("the structure has it") as u32,
            }),
        }),
        ..program(kernel, "tc", &write)
    }
}

/// Programs, what is taken out of the tables, what 7.3 says, and what is said without.
type Case = (ProgLoad, &'static Release, &'static str, &'static str);

fn cases(kernel: &Kernel) -> Vec<Case> {
    let with = |section, insns: &[Insn]| program(kernel, section, insns);
    let call = |helper| insn(0x85, 0, 0, 0, helper);
    let map_value = [insn(0x18, 1, pseudo::MAP_VALUE, 0, 0), insn(0, 0, 0, 0, 0)];
    let array = ProgLoad {
        maps: [MapDef::new("array", MapType::Array, 4, 8, 1)].into(),
        ..with("tc", &map_value)
    };
    let task = kernel
        .vmlinux
        .find_by_name_kind("bpf_task_from_pid", Kind::Func);
    let kfunc = insn(0x85, 0, 2, 0, task.expect("the kernel has it").id() as i32);
    let deref_second = [load(1, 1, 8), load(1, 1, 0)];
    vec![
        (
            with("tc", &[call(5)]),
            release(12, |t| drop_lines(&mut t.helpers, "ktime_get_ns")),
            "accepted",
            "rejected: invalid func unknown#5",
        ),
        (
            congestion_control(kernel),
            release(12, |t| {
                drop_lines(&mut t.struct_ops, "type tcp_congestion_ops")
            }),
            "accepted",
            "not modelled: the arguments of tcp_congestion_ops.cong_avoid",
        ),
        (
            congestion_control(kernel),
            release(12, |t| drop_lines(&mut t.btf_struct_access, "snd_cwnd")),
            "accepted",
            "rejected: R1 cannot write into ptr_tcp_sock",
        ),
        (
            with("lsm.s/file_open", &[]),
            release(12, |t| drop_lines(&mut t.btf_sets, "bpf_lsm_file_open")),
            "accepted",
            "rejected: bpf_lsm_file_open is not sleepable",
        ),
        (
            with("tp_btf/sched_pi_setprio", &deref_second),
            release(12, |t| {
                drop_lines(&mut t.raw_tp_null_args, "sched_pi_setprio")
            }),
            "rejected: R1 invalid mem access 'trusted_ptr_or_null_'",
            "accepted",
        ),
        (
            with("iter/task", &deref_second),
            release(12, |t| drop_lines(&mut t.iter_args, "bpf_iter_task ")),
            "rejected: R1 invalid mem access 'trusted_ptr_or_null_'",
            "not modelled: arguments of the iterator bpf_iter_task",
        ),
        (
            array,
            release(12, |t| drop_lines(&mut t.maps, "map ARRAY ")),
            "accepted",
            "rejected: no direct value access support for this map type",
        ),
        (
            with("cgroup/sock_create", &[insn(0x61, 1, 1, 0, 0)]),
            release(12, |t| {
                drop_lines(&mut t.ctx_fields, "sock_filter_is_valid_access")
            }),
            "accepted",
            "rejected: invalid bpf_context access off=0 size=4",
        ),
        (
            with("tp_btf/task_newtask", &[insn(0xb7, 1, 0, 0, 1), kfunc]),
            release(0, |_| ()),
            "rejected: BPF_EXIT instruction in main prog would lead to reference leak",
            "rejected: Function bpf_task_from_pid has 1 > 0 args",
        ),
    ]
}

#[test]
fn a_release_has_its_own_verdicts() {
    let kernel = linux_7_3().expect("it comes with the crate");
    for (load, other, now, then) in cases(&kernel) {
        let said = says(&load, &kernel, &LINUX_7_3);
        assert!(said.starts_with(now), "{said}, not {now}");
        let said = says(&load, &kernel, other);
        assert!(said.starts_with(then), "{said}, not {then}");
    }
}

/// Releases, and who gives the one that the verifier is to ask.
#[test]
fn the_data_of_a_release_is_named_in_one_place() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let may = [
        "assert_loads.rs",
        // A log alone may be of any of them: it is read with the words of all.
        "explain/pasted/kind.rs",
        "facts/release/linux_7_3.rs",
        "facts/release/older.rs",
        "facts/release/shipped.rs",
        "facts/texts.rs",
        "lib.rs",
        "options.rs",
    ];
    let mut wrong = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&src).expect("it is below");
            let text = std::fs::read_to_string(&path).expect("a source");
            // Tests may ask for what they like.
            let tests = path.ends_with("tests.rs") || path.ends_with("other_release.rs");
            if tests || may.iter().any(|m| name == Path::new(m)) {
                continue;
            }
            let code = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap_or_default();
            for word in ["LINUX_", "linux_7_3::", "older::", "shipped::", "linux-"] {
                if code.contains(word) {
                    wrong.push(format!("{} names {word}", name.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
