// SPDX-License-Identifier: GPL-2.0-only
//! Prints what `BPF_PROG_LOAD` would be given for each program of an object, one program at a time,
//! in the words of `tests/libbpf/dump.c`, so that a diff shows where the loader and libbpf part.
//!
//! usage: load_dump VMLINUX_BTF OBJECT [MODULE=BTF_FILE ...]

use std::sync::Arc;

use bpf::btf::{Btf, BtfBuilder};
use bpf::kernel::{Kernel, Module};
use bpf::load::Object;
use bpf::load::{Autoload, PrepareOptions, Prepared};
use bpf::map::MapDef;
use bpf::program::{AttachTarget, FdSlot, ProgLoad};
use bpf::uapi::{op, pseudo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let vmlinux = Arc::new(Btf::from_file(args.next().ok_or("no vmlinux")?, None)?);
    let path = args.next().ok_or("no object")?;
    let mut kernel = Kernel::new(vmlinux.clone());
    for arg in args {
        let (name, file) = arg.split_once('=').ok_or("not MODULE=FILE")?;
        let btf = Arc::new(Btf::from_file(file, Some(vmlinux.clone()))?);
        let name = name.to_owned();
        kernel.modules.push(Module { name, btf });
    }
    if let Ok(config) = std::env::var("KCONFIG") {
        kernel.read_config(&std::fs::read_to_string(config)?);
    }
    if let Ok(ksyms) = std::env::var("KSYMS") {
        let lines = std::fs::read_to_string(ksyms)?;
        let symbol = |line: &str| {
            let mut words = line.split(' ');
            let address = u64::from_str_radix(words.next()?, 16).ok()?;
            Some((words.nth(1)?.to_owned(), address))
        };
        kernel.ksyms = Some(lines.lines().filter_map(symbol).collect());
    }
    let object = match Object::open(&std::fs::read(&path)?, &path) {
        Ok(object) => object,
        Err(e) => {
            println!("open-error {e}");
            return Ok(());
        }
    };
    if let (Ok(out), Some(btf)) = (std::env::var("BTF_OUT"), object.btf()) {
        std::fs::write(out, BtfBuilder::from(&**btf).build())?;
    }
    let names: Vec<_> = object.programs().map(|p| p.name.to_owned()).collect();
    let mut maps_printed = false;
    for name in &names {
        let options = PrepareOptions {
            autoload: Autoload::Only(name),
            ..PrepareOptions::default()
        };
        match object.prepare(&kernel, &options) {
            Err(e) => println!("error {name} {e}"),
            Ok(progs) => {
                for Prepared { name, load, .. } in progs {
                    match load {
                        Err(e) => println!("error {name} {e}"),
                        Ok(prog) => {
                            if !std::mem::replace(&mut maps_printed, true) {
                                let object_maps = prog.maps.iter().take(object.maps().len());
                                object_maps.for_each(print_map);
                            }
                            print(&prog);
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

fn print_map(map: &MapDef) {
    println!(
        "m {} {} {} {} {} {} {} {} {}",
        map.name,
        map.map_type as u32,
        map.key_size,
        map.value_size,
        map.max_entries,
        map.map_flags,
        map.map_extra,
        map.btf_key_type_id,
        map.btf_value_type_id,
    );
}

fn print(prog: &ProgLoad) {
    let (obj, id, member) = match &prog.attach {
        Some(AttachTarget::Kernel {
            btf_obj,
            btf_id,
            member,
        }) => (*btf_obj, *btf_id, *member),
        _ => (0, 0, None),
    };
    let attach_type = member.map_or(prog.expected_attach_type as u32, |m| m.index);
    println!(
        "prog {} type {} attach {attach_type} flags {} insns {} btf {obj} {id}",
        prog.name,
        prog.prog_type as u32,
        prog.prog_flags.bits(),
        prog.insns.len(),
    );
    for insn in &prog.insns {
        let mut off = i32::from(insn.off);
        let is_kfunc = insn.code == op::CALL && insn.src_reg == pseudo::KFUNC_CALL;
        if is_kfunc && let Some(FdSlot::Btf(obj)) = prog.fd_array.get(insn.off as usize) {
            off = *obj as i32;
        }
        println!(
            "i {:02x} {:x} {:x} {off} {}",
            insn.code, insn.dst_reg, insn.src_reg, insn.imm
        );
    }
    for f in &prog.func_info {
        println!("f {} {}", f.insn_off, f.type_id);
    }
    for l in &prog.line_info {
        println!(
            "l {} {} {} {}",
            l.insn_off, l.file_name_off, l.line_off, l.line_col
        );
    }
}
