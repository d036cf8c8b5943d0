// SPDX-License-Identifier: GPL-2.0-only
//! Each transition of an iterator by programs whose verdict hangs on it; what the transitions are
//! tells the model's `state/iter.rs`.
//!
//! A case begins with what is asked for, a line each, up to a line of dashes; then comes the program
//! (see [`asm`]):
//!
//! ```text
//! same selftests/iters a_program   the program of the corpus that this is, or one
//! like selftests/iters a_program   … that shows the same
//! alone                            … which the corpus has not
//! section socket                   what SEC("…") would say; raw_tp if not told
//! module bpf_testmod               where kfuncs are that vmlinux has not
//! keep-all-states                  load it with BPF_F_TEST_STATE_FREQ
//! says rejected 22 expected …      what a 7.3 kernel says
//! ```
//!
//! The authority is the kernel. Of a program of the corpus it is asked for in `answers/7.3`, down to
//! the number of instructions and what the log says of iterators. Of one that is like it the message
//! must be there as well, up to the kind of iterator. These, and those that stand alone, were shown
//! to a 7.3 kernel besides (`cargo xtask oracle --raw … --kernel stock`), which gave the numbers.

mod asm;

use std::path::Path;

use answers::{Answer, Answers, Logs, Verdict};
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::load::raw_program;
use bpf::program::{FdSlot, ProgFlags, ProgLoad};
use verifier_model::{Options, Outcome, verify};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

struct Case<'a> {
    load: ProgLoad,
    corpus: Corpus<'a>,
    says: &'a str,
}

/// Object and program of the corpus that a case goes back to.
enum Corpus<'a> {
    Same(&'a str, &'a str),
    Like(&'a str, &'a str),
    Alone,
}

/// The kernel, and the module that kfuncs may be in.
fn kernel_with(module: Option<&str>) -> (Kernel, Btf) {
    let mut kernel = verifier_model::linux_7_3().expect("it comes along");
    let module = module.unwrap_or("bpf_iter_cpumask");
    let path = format!("{HERE}/answers/7.3/modules/{module}.btf.lz4");
    let data = std::fs::read(path).expect("the module's BTF");
    let btf = || Btf::from_lz4(&data, Some(kernel.vmlinux.clone())).expect("the module's BTF");
    let (theirs, ours) = (btf(), btf());
    kernel.modules.clear();
    kernel.add_module(module, theirs);
    (kernel, ours)
}

fn read_case(text: &str) -> (Case<'_>, Kernel) {
    let (head, body) = text.split_once("\n---\n").expect("a line of dashes");
    let (mut section, mut says, mut module) = ("raw_tp", "", None);
    let (mut corpus, mut flags) = (None, ProgFlags::empty());
    for line in head.lines().filter(|l| !l.starts_with('#')) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let (object, program) = value.split_once(' ').unwrap_or_default();
        match key {
            "section" => section = value,
            "says" => says = value,
            "module" => module = Some(value),
            "same" => corpus = Some(Corpus::Same(object, program)),
            "like" => corpus = Some(Corpus::Like(object, program)),
            "keep-all-states" => flags = ProgFlags::TEST_STATE_FREQ,
            "alone" => corpus = Some(Corpus::Alone),
            _ => panic!("{key} is nothing that a case can say"),
        }
    }
    let (kernel, module) = kernel_with(module);
    let mut assembled = asm::assemble(body, &module, &[]);
    assert_eq!(assembled.functions.len(), 1, "it would need BTF");
    for insn in assembled.insns.iter_mut().filter(|i| i.is_kfunc_call()) {
        let id = u32::try_from(insn.imm).expect("an id");
        insn.off = kernel.vmlinux.type_by_id(id).is_none().into();
    }
    let bytes: Vec<u8> = assembled.insns.iter().flat_map(|i| i.to_bytes()).collect();
    let mut load = raw_program(&bytes, "case", section, &kernel).expect("a program");
    load.prog_flags |= flags;
    load.fd_array = vec![FdSlot::Empty, FdSlot::Btf(1)];
    let case = Case {
        load,
        corpus: corpus.expect("where it is from"),
        says,
    };
    (case, kernel)
}

/// What the kernel said of the corpus' program.
fn said(answer: &Answer) -> String {
    match answer.verdict {
        Verdict::Accepted => {
            let insns = answer.stats.as_ref().map_or(0, |s| s.insns);
            format!("accepted after {insns} instructions")
        }
        _ => format!(
            "rejected {} {}",
            answer.errno.unwrap_or_default(),
            answer.message.as_deref().unwrap_or_default()
        ),
    }
}

/// A verdict without its number of instructions and the kind of the iterator.
fn shape(text: &str) -> String {
    let text = text.split(" after ").next().unwrap_or_default();
    let word = |w: &str| match w.split_once("iter_") {
        Some(("", _kind)) => "iter".to_owned(),
        Some((_, kfunc)) => format!("iter {}", kfunc.rsplit('_').next().unwrap_or_default()),
        None => w.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What a log says of iterators, in its order: `iter_num(id=1,state=active,depth=0)`.
fn iterators(log: &str) -> impl Iterator<Item = &str> {
    let words = log.split_whitespace().filter(|w| w.contains("depth="));
    words.filter_map(|w| Some(w.split_once('=')?.1))
}

#[test]
fn each_transition_shows() {
    let answers = Answers::read(&Path::new(HERE).join("answers/7.3/1a.jsonl")).expect("answers");
    let whole = Logs::read(&Path::new(HERE).join("answers/7.3/1a.whole.gz")).expect("logs");
    let mut wrong = String::new();
    let mut cases: Vec<_> = std::fs::read_dir(format!("{HERE}/tests/iterator"))
        .expect("the cases")
        .map(|entry| entry.expect("a case").path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    for path in cases {
        let text = std::fs::read_to_string(&path).expect("a case");
        let (case, kernel) = read_case(&text);
        let options = Options {
            log_level: 2,
            ..Options::default()
        };
        let v = verify(&case.load, &kernel, &options);
        let insns = v.stats.insns_processed;
        let got = match v.outcome {
            Outcome::Accepted => format!("accepted after {insns} instructions"),
            Outcome::Rejected(why) => format!("rejected {} {}", why.errno.0, why.message),
            Outcome::NotModelled(what) => format!("not modelled: {what}"),
        };
        let name = path.file_stem().unwrap_or_default().display();
        if got != case.says {
            wrong += &format!("{name}: {got}, not {}\n", case.says);
        }
        let find = |object: &str, program: &str| {
            let of_it = |a: &&Answer| a.object == object && a.program.as_deref() == Some(program);
            answers.answers.iter().find(of_it).expect("its answer")
        };
        match case.corpus {
            Corpus::Same(object, program) => {
                let answer = find(object, program);
                let theirs = answer.stats.as_ref().map_or(0, |s| s.insns);
                if (said(answer).as_str(), theirs) != (case.says, insns) {
                    wrong += &format!("{name}: the kernel {} ({theirs})\n", said(answer));
                }
                let (ours, theirs) = (&v.log, whole.get(answer).expect("its whole log"));
                if !iterators(ours).eq(iterators(theirs)) {
                    wrong += &format!("{name}: iterators are others in the log\n{ours}\n");
                }
            }
            Corpus::Like(object, program) => {
                let said = said(find(object, program));
                if shape(&said) != shape(case.says) {
                    wrong += &format!("{name}: what is like it {said}\n");
                }
            }
            Corpus::Alone => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
