// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle --helpers`: which program may call which helper, asked of the kernel and held
//! against the model.
//!
//! A program calls one helper with NULL in every argument. It is loaded for each member of each
//! struct_ops type, each cgroup hook whose helpers depend on it, and the other types that attach to
//! nothing; what the verifier says tells whether the helper is the program's, and what its first
//! argument has to be.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use bpf::caps::Caps;
use generated::batch::Batch;
use verifier_model::{Options, Outcome, helper_name, verify};

use crate::build::initramfs;
use crate::corpus::{caller, kinds, modelled, probes, test_modules};
use crate::linux::target::Target;

/// Asks, compares, and says what differs; `older` kernels have no modules, and rules of their own.
pub(super) fn run(target: &Target<'_>, older: bool, caps: Caps) -> Result<()> {
    let differ = differing(target, older, caps)?;
    for difference in &differ {
        println!("  {difference}");
    }
    if !differ.is_empty() {
        bail!("the model's helpers are not the kernel's");
    }
    Ok(())
}

/// What differs on a kernel that modules are built for, a line each.
pub(crate) fn differences(target: &Target<'_>) -> Result<Vec<String>> {
    differing(target, false, Caps::all())
}

fn differing(target: &Target<'_>, older: bool, caps: Caps) -> Result<Vec<String>> {
    let (modules, mut options) = match older {
        false => (test_modules::build(target)?, Options::default()),
        true => (Vec::new(), Options::of(modelled::release(target))),
    };
    let model = modelled::kernel(target, options.release, &modules)?;
    let kinds = kinds::all(&model);
    let names: Vec<&str> = model.modules.iter().map(|m| m.name.as_str()).collect();
    let mut batch = Batch::bare(&names);
    let mut asked = Vec::new();
    for kind in &kinds {
        for helper in (1..).take_while(|id| !helper_name(*id).starts_with("unknown")) {
            let prog = caller::calling(&kind.prog, 0, helper);
            batch.push_load_by(caps, &prog);
            asked.push((&kind.name, helper, prog));
        }
    }
    options.caps = caps;
    options.mitigations = target.kernel.has_mitigations()?;
    let base = match older {
        false => initramfs::build(target)?,
        true => initramfs::bare(target)?,
    };
    let answers = probes::load(target, &base, (batch, asked.len()), &modules)?;
    let mut differ: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for ((name, helper, prog), answer) in asked.iter().zip(answers) {
        let verdict = verify(prog, &model, &options);
        let (errno, message) = match &verdict.outcome {
            Outcome::Accepted => (0, ""),
            Outcome::Rejected(why) => (why.errno.0, &*why.message),
            Outcome::NotModelled(what) => (-1, &**what),
        };
        if (errno, message) != (answer.errno, &*answer.message) {
            let what = format!(
                "{}: the kernel says {} '{}', the model {} '{}'",
                helper_name(*helper),
                answer.errno,
                answer.message,
                errno,
                message
            );
            differ.entry(what).or_default().push(name);
        }
    }
    let wrong: usize = differ.values().map(Vec::len).sum();
    println!(
        "{} calls of {} kinds of programs, {wrong} judged differently",
        asked.len(),
        kinds.len()
    );
    let line = |(what, who): (&String, &Vec<&String>)| {
        format!("{what}: {} programs, the first is {}", who.len(), who[0])
    };
    Ok(differ.iter().map(line).collect())
}
