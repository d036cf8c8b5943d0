// SPDX-License-Identifier: GPL-2.0-only
//! The part of the page on the patched kernel: what it is to inline the iterator.

use anyhow::{Context, Result};
use bench::guest::{Boot, Method, Shape};

use crate::Patched;
use crate::table::Table;

const NOT_MEASURED: &str = "## Built into the kernel

Not measured yet: `cargo xtask bench` and its `--called` add the figures here.

";

/// The section; `None` if nothing was measured.
pub(crate) fn section(patched: Option<&Patched>) -> Result<String> {
    let Some(Patched { called, inlined }) = patched else {
        return Ok(NOT_MEASURED.to_owned());
    };
    let first = inlined.boots.first().context("no boot was measured")?;
    let mut text = format!(
        "## Built into the kernel

With the patches of [linux-patches](../linux-patches) the iterator can be built into the kernel, and
then the verifier inlines it: a walk makes no call. Here is the patched test kernel, which clang
compiles, and the same without the two patches that inline, where programs call the kfuncs. The
limit, `for_each_cpu()` in the kernel, is of the kernel that inlines. Where a JIT has no instruction
for the lowest set bit, a built-in iterator is called, and one that is a module is called everywhere.

In instructions a step in a word takes as many as before, since a call and a return are but two of
them; what else they take, return thunks for one, is not counted here. Starting, ending and passing
on to another word take fewer.

| | |
|---|---|
| kernel | {} |
| inlined | `cargo xtask bench --kernel patched` |
| called | `KERNEL_BUILD=DIR cargo xtask bench --called`, where DIR is built from the patches before these two |

",
        first.version.replace('|', "\\|"),
    );
    for inlined in &inlined.boots {
        let same = |boot: &&Boot| boot.nr_cpu_ids == inlined.nr_cpu_ids;
        let called = called.boots.iter().find(same);
        let called =
            called.with_context(|| format!("{} CPUs were not measured", inlined.nr_cpu_ids))?;
        text += &walks(called, inlined)?;
    }
    Ok(text)
}

/// The walks of two boots with the same number of CPUs.
fn walks(called: &Boot, inlined: &Boot) -> Result<String> {
    let head = format!("{} CPUs", inlined.nr_cpu_ids);
    let mut head = vec![head.as_str()];
    head.extend(Shape::ALL.map(Shape::name));
    head.push("new and destroy");
    let mut table = Table::new(&head);
    for (label, boot, name) in [
        ("called", called, "cpumask"),
        ("inlined", inlined, "cpumask"),
        ("the same in C, called", inlined, "cpumask_c"),
        ("bpf_for and test", inlined, "for_test"),
        ("bpf_iter_bits", inlined, "bits"),
        ("for_each_cpu in the kernel", inlined, "kernel"),
    ] {
        let method = boot
            .method(name)
            .with_context(|| format!("{name} was not measured"))?;
        table.row(&[vec![label.to_owned()], cells(method)].concat());
    }
    Ok(table.text())
}

/// The counts of a row: the walks, then new and destroy.
pub(crate) fn cells(method: &Method) -> Vec<String> {
    let walks = method.walks.iter().map(|walk| walk.ticks.to_string());
    let make = method.make.map_or(String::new(), |make| make.to_string());
    walks.chain([make]).collect()
}
