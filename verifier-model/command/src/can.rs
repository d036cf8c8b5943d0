// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model can`: which helpers and kfuncs a program of a type may call.
//!
//! The verifier is asked, one call a program, so that the answer is the one that a program gets:
//! whatever else it says of a call with NULL in every argument, it has let the function be called.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bpf::kernel::Kernel;
use bpf::map::MapDef;
use bpf::program::{FdSlot, ProgFlags, ProgLoad};
use bpf::uapi::{Insn, MapType};
use serde::Serialize;
use verifier_model::{Kind, Options, Outcome, verify};

use crate::program_type;
use crate::{kernel, rights, rules};

/// Lists what programs of a type may call.
#[derive(clap::Args)]
#[group(id = "can")]
#[command(after_help = "\
Exit status: 0 there is an answer, and with NAME it is yes, 1 it is no, 2 the input cannot be used.

Examples:
  verifier-model can xdp                              all that XDP programs may call
  verifier-model can tc bpf_skb_pull_data             whether they may call this one
  verifier-model can fentry.s/do_unlinkat             a sleepable program, at this function
  verifier-model can struct_ops/sched_ext_ops.dispatch
                                                      a member of a struct_ops type")]
pub(crate) struct Args {
    /// The type of program: a section as in SEC("TYPE"), struct_ops/STRUCT.MEMBER, or a name as
    /// BPF_PROG_TYPE_XDP
    #[arg(value_name = "TYPE")]
    prog_type: String,
    /// Only this helper or kfunc
    name: Option<String>,
    /// As text for people, or as JSON
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    #[command(flatten)]
    rights: rights::Args,
    #[command(flatten)]
    rules: rules::Args,
    #[command(flatten, next_help_heading = "Kernel")]
    kernel: kernel::Args,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// A helper or kfunc.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Helper,
    Kfunc,
}

/// A function that may be called.
#[derive(Serialize)]
struct Callable {
    name: String,
    sort: Sort,
    /// What is asked of the program besides its type.
    needs: Vec<&'static str>,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let mut kernel = args.kernel.read()?;
    args.rights.limit(&mut kernel);
    let release = args.kernel.release();
    let options = Options {
        profile: args.rules.profile(release.rules()),
        caps: args.rights.caps,
        ..Options::of(release)
    };
    let asker = Asker::new(&args.prog_type, &kernel, &options)?;
    if let Some(name) = &args.name {
        return one(args, &asker, name, out);
    }
    let callable = functions(&kernel)
        .filter_map(|f| asker.ask(&f).ok())
        .collect::<Vec<_>>();
    match args.output {
        Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(&callable)?)?,
        Output::Text => {
            let width = callable.iter().map(|c| c.name.len()).max().unwrap_or(0);
            for (sort, title) in [(Sort::Helper, "Helpers"), (Sort::Kfunc, "Kfuncs")] {
                let of_it: Vec<_> = callable.iter().filter(|c| c.sort == sort).collect();
                let gap = if sort == Sort::Kfunc { "\n" } else { "" };
                writeln!(out, "{gap}{title}: {}", of_it.len())?;
                for c in of_it {
                    let line = format!("  {:width$}  {}", c.name, c.needs.join(", "));
                    writeln!(out, "{}", line.trim_end())?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether one function may be called.
fn one(args: &Args, asker: &Asker<'_>, name: &str, out: &mut impl Write) -> Result<ExitCode> {
    let full = format!("bpf_{name}");
    let function = functions(asker.kernel).find(|f| f.name == name || f.name == full);
    let Some(function) = function else {
        bail!("this kernel has no helper or kfunc '{name}'");
    };
    let answer = asker.ask(&function);
    match args.output {
        Output::Json => {
            let json = serde_json::json!({
                "name": function.name,
                "sort": function.sort(),
                "callable": answer.is_ok(),
                "needs": answer.as_ref().map(|c| c.needs.clone()).unwrap_or_default(),
                "why": answer.as_ref().err(),
            });
            writeln!(out, "{}", serde_json::to_string_pretty(&json)?)?;
        }
        Output::Text => match &answer {
            Ok(c) if c.needs.is_empty() => writeln!(out, "{}: yes", c.name)?,
            Ok(c) => writeln!(out, "{}: yes: {}", c.name, c.needs.join(", "))?,
            Err(why) => writeln!(out, "{}: no: {why}", function.name)?,
        },
    }
    Ok(match answer {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

/// A function and the call of it.
struct Function {
    name: String,
    call: Insn,
    /// Number of the BTF object that a kfunc is in; none for a helper.
    btf: Option<u32>,
}

impl Function {
    fn sort(&self) -> Sort {
        match self.btf {
            Some(_) => Sort::Kfunc,
            None => Sort::Helper,
        }
    }
}

/// All that there are: helpers by number, then kfuncs by name.
fn functions(kernel: &Kernel) -> impl Iterator<Item = Function> {
    /// `BPF_PSEUDO_KFUNC_CALL`
    const KFUNC: u8 = 2;
    let call = |src_reg: u8, imm: i32, off: i16| Insn {
        code: 0x85,
        dst_reg: 0,
        src_reg,
        off,
        imm,
    };
    let names = (1..1024).map(|id| (id, verifier_model::helper_name(id)));
    let helpers = names
        .filter(|(_, name)| name != "unknown")
        .map(move |(id, name)| Function {
            name,
            call: call(0, id, 0),
            btf: None,
        });
    let sets = kernel.kfuncs.sets().iter();
    let mut names: Vec<_> = sets.flat_map(|set| set.kfuncs.keys()).collect();
    names.sort();
    names.dedup();
    let kfuncs = names.into_iter().filter_map(move |name| {
        let found = kernel.btfs().find_map(|(obj, btf)| {
            let func = btf.find_by_name_kind(name, bpf::btf::Kind::Func)?;
            Some((obj, func.id()))
        });
        let (obj, id) = found?;
        Some(Function {
            name: name.clone(),
            call: call(KFUNC, id as i32, i16::from(obj != 0)),
            btf: Some(obj),
        })
    });
    helpers.chain(kfuncs)
}

/// Asks the verifier about calls of one program.
struct Asker<'a> {
    load: ProgLoad,
    kernel: &'a Kernel,
    options: &'a Options,
}

/// How the kernel's words begin for a kfunc that is a device's.
const OF_DEVICE: &str = "metadata kfuncs require device-bound program";

impl<'a> Asker<'a> {
    fn new(prog_type: &str, kernel: &'a Kernel, options: &'a Options) -> Result<Self> {
        let load = program_type::program(prog_type, kernel)
            .with_context(|| format!("the program type '{prog_type}'"))?;
        let asker = Self {
            load,
            kernel,
            options,
        };
        // A program that does nothing: what it is refused for is not for its calls.
        match asker.verdict(&[], &asker.load) {
            Outcome::Rejected(why) if why.kind == Kind::Capability => {
                bail!("'{prog_type}': {}", why.said())
            }
            Outcome::Rejected(why) if why.kind != Kind::ReturnValue => {
                bail!(
                    "'{prog_type}': no program of this type is accepted: {}",
                    why.message
                )
            }
            Outcome::NotModelled(what) => bail!("'{prog_type}': not modelled: {what}"),
            _ => Ok(asker),
        }
    }

    /// What is said of the instructions before the end of a program.
    fn verdict(&self, insns: &[Insn], load: &ProgLoad) -> Outcome {
        let end = [[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];
        let mut load = load.clone();
        load.insns = insns.to_vec();
        load.insns.extend(end.map(Insn::from_bytes));
        verify(&load, self.kernel, self.options).outcome
    }

    /// Whether the function may be called, with what it asks for; if not, the kernel's words.
    fn ask(&self, function: &Function) -> Result<Callable, String> {
        let mut load = self.load.clone();
        if let Some(obj) = function.btf {
            load.fd_array = vec![FdSlot::Empty, FdSlot::Btf(obj)];
        }
        let null = |reg: u8| Insn::from_bytes([0xb7, reg, 0, 0, 0, 0, 0, 0]);
        let mut insns: Vec<Insn> = (1..=5).map(null).collect();
        insns.push(function.call);

        let mut needs = Vec::new();
        if refused(&self.verdict(&insns, &load), &[Kind::ProgramNotSleepable]).is_some() {
            needs.push("a sleepable program");
            load.prog_flags |= ProgFlags::SLEEPABLE;
        }
        const NOT: [Kind; 5] = [
            Kind::CallNotAllowed,
            Kind::MissingFunction,
            Kind::KfuncNotFound,
            Kind::KfuncPrototype,
            Kind::Capability,
        ];
        let mut asked = self.verdict(&insns, &load);
        if refused(&asked, &[Kind::Arena]).is_some() {
            // This is asked before whether the function may be called.
            give_arena(&mut load, &mut insns);
            asked = self.verdict(&insns, &load);
        }
        let of_device = refused(&asked, &[Kind::CallNotAllowed]);
        if of_device.is_some_and(|why| why.starts_with(OF_DEVICE)) {
            // So is this.
            needs.push("a device-bound program");
            load.prog_flags |= ProgFlags::XDP_DEV_BOUND_ONLY;
            asked = self.verdict(&insns, &load);
        }
        if refused(&asked, &[Kind::ProgramCannotSleep]).is_some() {
            return Err("it may sleep, and this program cannot".to_owned());
        }
        if let Some(why) = refused(&asked, &NOT) {
            return Err(why);
        }
        load.license = "Proprietary".to_owned();
        let gpl_alone = refused(&self.verdict(&[], &load), &[Kind::Gpl]).is_some();
        if !gpl_alone && refused(&self.verdict(&insns, &load), &[Kind::Gpl]).is_some() {
            needs.push("a GPL license");
        }
        Ok(Callable {
            name: function.name.clone(),
            sort: function.sort(),
            needs,
        })
    }
}

/// Has the program use an arena.
fn give_arena(load: &mut ProgLoad, insns: &mut Vec<Insn>) {
    /// `BPF_F_MMAPABLE`
    const MMAPABLE: u32 = 1 << 10;
    let mut arena = MapDef::new("arena", MapType::Arena, 0, 0, 1);
    arena.map_flags = MMAPABLE;
    load.maps = Arc::from([arena]);
    let load_map = [[0x18, 0x10, 0, 0, 0, 0, 0, 0], [0; 8]];
    insns.splice(0..0, load_map.map(Insn::from_bytes));
}

/// The message of a rejection for one of these reasons.
fn refused(outcome: &Outcome, kinds: &[Kind]) -> Option<String> {
    match outcome {
        Outcome::Rejected(why) if kinds.contains(&why.kind) => Some(why.message.clone()),
        _ => None,
    }
}
