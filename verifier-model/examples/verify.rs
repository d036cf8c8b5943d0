// SPDX-License-Identifier: GPL-2.0-only
//! Verifies every program of some objects and prints one verdict a line, or, with a program's name,
//! its log. Flags that a selftest asks for by tag are set, but with -n. With -u the loader has no
//! capabilities.
//!
//! usage: verify [-nu] [-w RULE]... [-l LEVEL] [-p PROGRAM] [-c CPUS] [-m MODULE=BTF_FILE]... VMLINUX_BTF KFUNCS OBJECT...

use std::sync::Arc;

use bpf::btf::{Btf, Kind};
use bpf::kernel::kfuncs::KfuncTable;
use bpf::kernel::{Kernel, Module};
use bpf::load::Object;
use bpf::load::{Autoload, PrepareOptions, Prepared};
use bpf::program::ProgFlags;
use verifier_model::Caps;
use verifier_model::Options;
use verifier_model::Rule;
use verifier_model::{Outcome, verify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut opts = Options::default();
    let mut only = None;
    let mut tags = true;
    let mut paths = Vec::new();
    let mut modules = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-l" => opts.log_level = args.next().ok_or("no level")?.parse()?,
            "-c" => opts.nr_cpu_ids = args.next().ok_or("no number")?.parse()?,
            "-n" => tags = false,
            "-u" => opts.caps = Caps::empty(),
            "-w" => {
                let name = args.next().ok_or("no rule")?;
                let rule = Rule::ALL.iter().find(|r| r.name == name);
                opts.profile = opts.profile.without(*rule.ok_or("no such rule")?);
            }
            "-p" => only = args.next(),
            "-m" => modules.push(args.next().ok_or("no module")?),
            _ => paths.push(arg),
        }
    }
    let mut paths = paths.into_iter();
    let btf = Btf::from_file(paths.next().ok_or("no vmlinux")?, None)?;
    let mut kernel = Kernel::new(Arc::new(btf));
    for module in modules {
        let (name, file) = module.split_once('=').ok_or("not MODULE=FILE")?;
        let btf = Arc::new(Btf::from_file(file, Some(kernel.vmlinux.clone()))?);
        kernel.modules.push(Module {
            name: name.to_owned(),
            btf,
        });
    }
    let table = std::fs::read_to_string(paths.next().ok_or("no kfuncs")?)?;
    kernel.kfuncs = KfuncTable::parse(&table)?;
    for path in paths {
        let object = match Object::open(&std::fs::read(&path)?, &path) {
            Ok(object) => object,
            Err(e) => {
                println!("=== {path} - open {e}");
                continue;
            }
        };
        let names: Vec<_> = object.programs().map(|p| p.name.to_owned()).collect();
        for name in names
            .iter()
            .filter(|n| only.as_ref().is_none_or(|o| o == *n))
        {
            let options = PrepareOptions {
                autoload: Autoload::Only(name),
                ..PrepareOptions::default()
            };
            let progs = match object.prepare(&kernel, &options) {
                Ok(progs) => progs,
                Err(e) => {
                    println!("=== {path} {name} load {e}");
                    continue;
                }
            };
            for Prepared { name, load, .. } in progs {
                let mut prog = match load {
                    Ok(prog) => prog,
                    Err(e) => {
                        println!("=== {path} {name} load {e}");
                        continue;
                    }
                };
                if tags {
                    prog.prog_flags |= tagged_flags(prog.btf.as_deref(), &name);
                }
                let v = verify(&prog, &kernel, &opts);
                let said = match v.outcome {
                    Outcome::Accepted => "accept 0".to_owned(),
                    Outcome::Rejected(why) => format!("reject {}", why.errno.0),
                    Outcome::NotModelled(what) => format!("unmodelled 0\nnot modelled: {what}"),
                };
                println!("=== {path} {name} {said}");
                print!("{}", v.log);
            }
        }
    }
    Ok(())
}

fn tagged_flags(btf: Option<&Btf>, name: &str) -> ProgFlags {
    let mut flags = ProgFlags::empty();
    let Some(btf) = btf else { return flags };
    let Some(func) = btf.find_by_name_kind(name, Kind::Func) else {
        return flags;
    };
    for tag in btf.decl_tags_of(func.id(), None) {
        let Some((_, flag)) = tag.split_once("test_prog_flags=") else {
            continue;
        };
        flags |= match flag {
            "BPF_F_STRICT_ALIGNMENT" => ProgFlags::STRICT_ALIGNMENT,
            "BPF_F_ANY_ALIGNMENT" => ProgFlags::ANY_ALIGNMENT,
            "BPF_F_TEST_RND_HI32" => ProgFlags::TEST_RND_HI32,
            "BPF_F_TEST_STATE_FREQ" => ProgFlags::TEST_STATE_FREQ,
            "BPF_F_SLEEPABLE" => ProgFlags::SLEEPABLE,
            "BPF_F_TEST_REG_INVARIANTS" => ProgFlags::TEST_REG_INVARIANTS,
            _ => ProgFlags::empty(),
        };
    }
    flags
}
