// SPDX-License-Identifier: GPL-2.0-only
//! Which chain of functions needs the most stack.

use serde::Serialize;

use crate::env::Env;
use crate::explain::path::function_name;
use crate::explain::source::Site;

/// A function of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    pub function: String,
    /// Bytes of stack it uses itself.
    pub bytes: i32,
    /// Where it calls the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_at: Option<Site>,
}

/// The chain of calls, from a function that nobody calls on, that adds up to the most stack.
pub(crate) fn deepest_chain(env: &Env<'_>) -> Vec<Link> {
    let n = env.code.subprog_cnt();
    // Callees come before callers, so that each sum is there when it is needed.
    let mut order = env.code.subprog_topo_order.clone();
    if order.len() != n {
        order = (0..n).collect();
    }
    let mut total = vec![0; n];
    let mut next: Vec<Option<(usize, usize)>> = vec![None; n];
    for &f in &order {
        let mut deepest = 0;
        for i in env.code.subprogs[f].start..env.code.subprogs[f + 1].start {
            let insn = &env.code.insns[i];
            let callee =
                (insn.is_pseudo_call() || insn.is_pseudo_func()).then(|| env.code.callee_of(i));
            if let Some(callee) = callee.flatten()
                && (total[callee] > deepest || next[f].is_none())
            {
                deepest = total[callee];
                next[f] = Some((callee, i));
            }
        }
        total[f] = env.marks.funcs[f].stack_depth + deepest;
    }
    let mut chain = Vec::new();
    let mut at = (0..n).max_by_key(|&f| (total[f], std::cmp::Reverse(f)));
    while let Some(f) = at {
        chain.push(Link {
            function: function_name(env, env.code.subprogs[f].start),
            bytes: env.marks.funcs[f].stack_depth,
            calls_at: next[f].map(|(_, i)| Site::new(env, i)),
        });
        at = next[f]
            .map(|(callee, _)| callee)
            .filter(|_| chain.len() < n);
    }
    chain
}
