// SPDX-License-Identifier: GPL-2.0-only
//! The part of the page on arm64: the same programs, module and kernel release.

use anyhow::{Context, Result};
use bench::guest::Results;

use crate::page::{held, walks};

/// The numbers of CPUs that are shown whole.
const SHOWN: [u32; 2] = [128, 512];

/// The section.
pub(crate) fn section(counts: &Results) -> Result<String> {
    let first = counts.boots.first().context("no boot was measured")?;
    let mut text = format!(
        "## arm64

The same on the stock kernel for arm64, whose CPUs have no instruction for the lowest set bit: a step
reverses the word and counts from the other end. The kernel tells rustc to keep a frame in every
function, where gcc keeps none in a leaf function, and to sign the return address that is kept: with
that a step took 35 instructions, five more than without. `kfunc/Kbuild` asks for what gcc does.

KASLR is off, so that a call takes as many instructions in one boot as in the next. A program lies
within reach of a direct call to the kernel's own functions then, such as those of bpf_for and
bpf_iter_bits, and not to a module's, whose address takes three instructions to make
(`emit_call()`, `arch/arm64/net/bpf_jit_comp.c`); that is why two targets, which were set on x86, are
missed. With KASLR on, neither was within reach: 0.711 of bpf_for and 0.485 of bpf_iter_bits, all of 8 CPUs.

| | |
|---|---|
| kernel | {} |
| machine | {} |
| command | `{}` |

{}",
        first.version.replace('|', "\\|"),
        counts.machine,
        counts.command,
        held(counts, None)?
    );
    for boot in &counts.boots {
        if SHOWN.contains(&boot.nr_cpu_ids) {
            text += &format!("#{}", walks(boot));
        }
    }
    Ok(text)
}
