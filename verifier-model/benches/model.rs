// SPDX-License-Identifier: GPL-2.0-only
//! What the model's parts cost: bits, a start, the comparison of states, precision, whole programs, and
//! what explaining adds.
//!
//! `VERIFIER_MODEL_CORPUS=DIR` adds the objects of a corpus: the directory that
//! `cargo xtask oracle --compile` names.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use bpf::kernel::Kernel;
use bpf::load::Object;
use bpf::load::PrepareOptions;
use bpf::program::ProgLoad;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use generated::ast::{
    AluOp, CmpOp, Cond, Function, Memory, Operand, Place, ProgKind, Program, Size, Stmt, Walk, Way,
};
use generated::code::Code;
use generated::generate::Weights;
use generated::kernel::kernel;
use generated::law;
use generated::lower::lower;
use verifier_model::{Options, Shipped, Tnum, explain, verify};

fn tnum(c: &mut Criterion) {
    let pairs: Vec<(Tnum, Tnum)> = (0..64u64)
        .map(|i| {
            let mask = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (Tnum::new(!mask & 0xff00, mask & 0xff), Tnum::new(i & !7, 7))
        })
        .collect();
    let mut group = c.benchmark_group("tnum");
    group.throughput(Throughput::Elements(pairs.len() as u64));
    let mut bench = |name: &str, op: fn(Tnum, Tnum) -> Tnum| {
        group.bench_function(name, |b| {
            b.iter(|| {
                for &(x, y) in &pairs {
                    black_box(op(black_box(x), black_box(y)));
                }
            });
        });
    };
    bench("add", |x, y| x + y);
    bench("mul", |x, y| x.mul(y));
    bench("and", |x, y| x & y);
    group.finish();
}

/// A raw tracepoint's entry with these statements.
fn program(body: Vec<Stmt>) -> Code {
    lower(&Program {
        kind: ProgKind::RawTracepoint,
        checkpoints: true,
        main: Function {
            body,
            result: Operand::Imm(0),
        },
        statics: Vec::new(),
        globals: Vec::new(),
        callbacks: Vec::new(),
    })
}

fn bench_code(c: &mut Criterion, name: &str, code: &Code) {
    let kernel = kernel().expect("a kernel");
    let prog = code.prog_load(&kernel).expect("all names known");
    let verdict = walk(&kernel, &prog);
    let mut group = c.benchmark_group("program");
    group.throughput(Throughput::Elements(verdict.into()));
    group.bench_function(name, |b| b.iter(|| walk(&kernel, &prog)));
    let name = format!("{name}, explained");
    group.bench_function(name, |b| {
        b.iter(|| explain(black_box(&prog), &kernel, &quiet()));
    });
    group.finish();
}

/// As the command verifies: without a log.
fn quiet() -> Options {
    Options {
        log_level: Options::LOG_STATS,
        ..Options::default()
    }
}

/// What every start of the command does for a kernel.
fn start(c: &mut Criterion) {
    c.bench_function("start/all kernels", |b| {
        b.iter(|| {
            for shipped in Shipped::ALL {
                black_box(shipped.kernel().expect("a kernel that comes along"));
            }
        });
    });
}

/// Verifies; the number of instructions.
fn walk(kernel: &Kernel, prog: &ProgLoad) -> u32 {
    let verdict = verify(black_box(prog), kernel, &quiet());
    verdict.stats.insns_processed
}

/// Thirty branches that meet again, each with a value of its own, inside a loop: at each meeting the
/// states kept before are compared.
fn compare(c: &mut Criterion) {
    let choice = |i: i32| {
        let cond = Cond {
            op: CmpOp::Gt,
            wide: true,
            left: Place::Cell(0),
            right: Operand::Imm(i),
        };
        let set = Stmt::Set(Place::Cell(1), Operand::Imm(i), Size::D);
        Stmt::If(cond, vec![set], Vec::new())
    };
    let mut body = vec![Stmt::Random(Place::Cell(0))];
    body.extend((0..30).map(choice));
    let code = program(vec![Stmt::Iterate(Walk::Num(0, 10), None, body)]);
    bench_code(c, "compare of states", &code);
}

/// A thousand sums, of which the last is an index: precision goes back over all of them.
fn precision(c: &mut Criterion) {
    let mut body = vec![Stmt::Set(Place::Reg(0), Operand::Imm(0), Size::D)];
    let add = Stmt::Alu {
        op: AluOp::Add,
        wide: true,
        to: Place::Reg(0),
        by: Operand::Imm(0),
    };
    body.extend(std::iter::repeat_n(add, 1000));
    body.push(Stmt::Access {
        memory: Memory::Value,
        index: Operand::At(Place::Reg(0)),
        limit: None,
        offset: 0,
        size: Size::B,
        way: Way::Store(Operand::Imm(1)),
    });
    bench_code(c, "precision", &program(body));
}

/// Generated programs, as `verifier-model fuzz` makes them.
fn generated(c: &mut Criterion) {
    let kernel = kernel().expect("a kernel");
    let codes = (0..40).map(|seed| law::case(seed, &Weights::default()).code());
    let progs: Vec<ProgLoad> = codes
        .map(|code| code.prog_load(&kernel).expect("all names known"))
        .collect();
    let insns: u32 = progs.iter().map(|prog| walk(&kernel, prog)).sum();
    let mut group = c.benchmark_group("program");
    group.throughput(Throughput::Elements(insns.into()));
    group.bench_function("40 generated", |b| {
        b.iter(|| progs.iter().map(|prog| walk(&kernel, prog)).sum::<u32>());
    });
    group.finish();
}

fn find(dir: &Path, objects: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, objects);
        } else if path.to_string_lossy().ends_with(".bpf.o") {
            objects.push(path);
        }
    }
}

/// Every program of a corpus, when there is one.
fn corpus(c: &mut Criterion) {
    let Some(dir) = std::env::var_os("VERIFIER_MODEL_CORPUS") else {
        return;
    };
    let mut objects = Vec::new();
    find(Path::new(&dir), &mut objects);
    let kernel = verifier_model::linux_7_3().expect("the kernel that comes along");
    let options = PrepareOptions::default();
    let mut progs = Vec::new();
    for path in objects {
        let data = std::fs::read(&path).expect("an object");
        let name = path.to_string_lossy();
        let Ok(object) = Object::open(&data, &name) else {
            continue;
        };
        if let Ok(prepared) = object.prepare(&kernel, &options) {
            progs.extend(prepared.filter_map(|program| program.load.ok()));
        }
    }
    let insns: u32 = progs.iter().map(|prog| walk(&kernel, prog)).sum();
    let mut group = c.benchmark_group("corpus");
    group.sample_size(10);
    group.throughput(Throughput::Elements(insns.into()));
    group.bench_function("all programs", |b| {
        b.iter(|| progs.iter().map(|prog| walk(&kernel, prog)).sum::<u32>());
    });
    group.finish();
}

criterion_group!(benches, tnum, start, compare, precision, generated, corpus);
criterion_main!(benches);
