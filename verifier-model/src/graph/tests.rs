// SPDX-License-Identifier: GPL-2.0-only
//! Graphs of the programs of `tests/explain`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::load::{Autoload, Object, PrepareOptions};
use bpf::program::ProgLoad;

use crate::graph::{Kind, graph};
use crate::options::Options;

fn cases() -> (Kernel, Vec<(PathBuf, ProgLoad)>) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain");
    let btf = Btf::from_file(dir.join("vmlinux.elf"), None).expect("a kernel");
    let mut kernel = Kernel::new(Arc::new(btf));
    kernel.kfuncs = crate::facts::release::linux_7_3::LINUX_7_3.kfuncs();
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(dir).expect("the cases") {
        let path = entry.expect("a case").path();
        let elf = path.extension().is_some_and(|e| e == "elf");
        if !elf || path.ends_with("vmlinux.elf") {
            continue;
        }
        let data = std::fs::read(&path).expect("an object");
        let object = Object::open(&data, "case").expect("an object");
        let options = PrepareOptions {
            autoload: Autoload::All,
            ..PrepareOptions::default()
        };
        for prog in object.prepare(&kernel, &options).expect("programs") {
            let name = path.with_extension(prog.name);
            cases.push((name, prog.load.expect("a program that loads")));
        }
    }
    (kernel, cases)
}

/// The picture of a loop that converges has one edge back.
#[test]
fn a_loop_that_converges_has_one_arc() {
    let (kernel, cases) = cases();
    let (_, load) = cases
        .iter()
        .find(|(name, _)| name.ends_with("loops.converges"))
        .expect("the case");
    let (_, drawn) = graph(load, &kernel, &Options::default(), 150);
    assert_eq!(drawn.arcs.iter().filter(|a| a.converged).count(), 1);
}

#[test]
fn a_graph_is_a_tree_of_limited_size() {
    let (kernel, cases) = cases();
    for (file, load) in cases {
        if file.ends_with("loops.too_many_rounds") {
            continue;
        }
        for limit in [5, 12, 150] {
            let opts = Options::default();
            let (verdict, drawn) = graph(&load, &kernel, &opts, limit);
            let folds = drawn
                .nodes
                .iter()
                .filter(|n| n.kind == Kind::Folded)
                .count();
            assert!(drawn.nodes.len() - folds <= limit, "{}", file.display());
            assert_eq!(drawn.note.is_some(), folds > 0, "{}", file.display());
            for (i, node) in drawn.nodes.iter().enumerate() {
                assert!(
                    node.parent.as_ref().is_none_or(|p| p.0 < i),
                    "{}",
                    file.display()
                );
                assert!(!node.lines.is_empty(), "{}", file.display());
            }
            let failed = drawn.nodes.iter().any(|n| n.failed);
            let in_walk = !drawn.nodes.is_empty();
            let late = verdict
                .rejection()
                .is_some_and(|r| r.message.contains("stack"));
            assert!(
                failed != verdict.accepted() || !in_walk || late,
                "{}",
                file.display()
            );
        }
    }
}
