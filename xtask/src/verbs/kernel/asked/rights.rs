// SPDX-License-Identifier: GPL-2.0-only
//! Which kind of program may call which helper: a program of each kind calls each helper, and the
//! verifier says whether it may.

use std::collections::BTreeSet;

use anyhow::Result;
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::program::ProgFlags;
use generated::batch::Batch;

use super::layout::enumerators;
use crate::build::initramfs;
use crate::corpus::caller;
use crate::corpus::kinds::{self, Kind};
use crate::corpus::probes::{self, Said};
use crate::linux::target::Target;

/// What the verifier says of a helper that is not for a program, before the helper's name.
const DENIED: [&str; 3] = [
    "program of this type cannot use helper ",
    "unknown func ",
    "invalid func ",
];

/// A kind of programs, and the helpers that it may call.
pub(super) struct Right {
    /// The kind.
    pub(super) kind: Kind,
    /// By name, without `bpf_`.
    pub(super) helpers: BTreeSet<String>,
}

/// Numbers and names of a kernel's helpers, without `bpf_`.
pub(super) fn helpers(btf: &Btf) -> Result<Vec<(u32, String)>> {
    let all = enumerators(btf, "bpf_func_id")?.into_iter();
    let named = all.filter_map(|(id, name)| {
        let name = name.strip_prefix("BPF_FUNC_")?;
        (name != "unspec").then(|| (id, name.to_owned()))
    });
    Ok(named.collect())
}

/// Asks `target` about `helpers`. A kind that the kernel has not got, or whose programs it refuses
/// whatever they call, is left out.
pub(super) fn ask(
    target: &Target<'_>,
    model: &Kernel,
    helpers: &[(u32, String)],
) -> Result<Vec<Right>> {
    let mut kinds = kinds::all(model);
    kinds.extend(kinds::traced(model));
    // Which member a helper is for does not depend on whether it sleeps: one asleep is enough.
    let mut asleep = BTreeSet::new();
    kinds.retain(|kind| {
        let sleeps = kind.prog.prog_flags.contains(ProgFlags::SLEEPABLE);
        kind.struct_ops
            .as_ref()
            .is_none_or(|ops| !sleeps || asleep.insert(ops.clone()))
    });
    let mut batch = Batch::bare(&[]);
    for kind in &kinds {
        for (id, _) in helpers {
            batch.push_load(&caller::calling(&kind.prog, 0, *id as i32));
        }
    }
    let base = initramfs::bare(target)?;
    let count = kinds.len() * helpers.len();
    let said = probes::load(target, &base, (batch, count), &[])?;
    let of_kind = said.chunks(helpers.len().max(1));
    let rights = kinds.into_iter().zip(of_kind).filter_map(|(kind, said)| {
        let helpers = allowed(said, helpers)?;
        Some(Right { kind, helpers })
    });
    Ok(rights.collect())
}

/// The helpers that are not denied; nothing if no program of the kind gets as far as its call.
fn allowed(said: &[Said], helpers: &[(u32, String)]) -> Option<BTreeSet<String>> {
    let denied = |said: &Said| DENIED.iter().any(|words| said.message.starts_with(words));
    if !said.iter().any(denied) {
        return None;
    }
    let pairs = said.iter().zip(helpers);
    let allowed = pairs.filter(|(said, _)| !denied(said));
    Some(allowed.map(|(_, (_, name))| name.clone()).collect())
}
