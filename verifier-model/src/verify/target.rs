// SPDX-License-Identifier: GPL-2.0-only
//! A program and the one that it attaches to, verified first.

use std::sync::Arc;

use bpf::kernel::Kernel;
use bpf::program::{AttachTarget, ProgLoad};
use bpf::uapi::ProgType;

use crate::analysis::Known;
use crate::env::Env;
use crate::facts::rejection::Stop;
use crate::facts::types::RegType;
use crate::input::struct_ops::CtxArg;
use crate::input::target::{DstFunc, DstProg};
use crate::input::{Extends, Input};
use crate::options::Options;

/// What a program is verified with when it attaches to another.
#[derive(Debug, Default)]
pub(crate) struct Target {
    pub(crate) dst: Option<Arc<DstProg>>,
    /// An extension, as a program of the type that it extends.
    pub(crate) extension: Option<ProgLoad>,
}

impl Target {
    /// Verifies what `prog` attaches to. An error says why there is nothing to be said of `prog`.
    pub(crate) fn new(prog: &ProgLoad, kernel: &Kernel, opts: &Options) -> Result<Self, String> {
        let Some(AttachTarget::Prog { prog: dst, btf_id }) = &prog.attach else {
            return Ok(Self::default());
        };
        let quiet = Options {
            log_level: 0,
            ..opts.clone()
        };
        let below = Self::new(dst, kernel, &quiet)?;
        let mut known = below.known(dst, kernel, &quiet);
        let analysed = known.analyse();
        let mut env = Env::new(&known);
        match analysed.and_then(|()| env.check()) {
            Ok(()) => Ok(Self {
                extension: (prog.prog_type == ProgType::Ext).then(|| ProgLoad {
                    prog_type: env.input.prog.prog_type,
                    expected_attach_type: env.input.prog.expected_attach_type,
                    ..prog.clone()
                }),
                dst: Some(Arc::new(kept(dst.clone(), *btf_id, &env))),
            }),
            Err(Stop::NotModelled(what)) => Err(format!("{what}, in the target '{}'", dst.name)),
            Err(Stop::Rejected(_)) => Err(format!("the target '{}', which is rejected", dst.name)),
        }
    }

    /// What is known of `prog` before anything is found out.
    pub(crate) fn known<'a>(
        &'a self,
        prog: &'a ProgLoad,
        kernel: &'a Kernel,
        opts: &'a Options,
    ) -> Known<'a> {
        let prog = self.extension.as_ref().unwrap_or(prog);
        Known::new(Input {
            dst_prog: self.dst.clone(),
            extends: self.extension.as_ref().map(|_| Extends::Loaded),
            ..Input::new(prog, kernel, opts)
        })
    }
}

/// What the kernel keeps of a program that was accepted.
fn kept(prog: Arc<ProgLoad>, btf_id: u32, env: &Env<'_>) -> DstProg {
    let infos = env.input.prog.func_info.iter().zip(&env.marks.funcs);
    let funcs = infos.zip(&env.code.subprogs).enumerate();
    // A function that no path came to is taken out.
    let kept = funcs.filter(|(_, (_, sub))| env.marks.insns.get(sub.start).is_some_and(|m| m.seen));
    let funcs = kept.map(|(i, ((info, marks), sub))| DstFunc {
        type_id: info.type_id,
        is_main: i == 0,
        unreliable: marks.unreliable,
        changes_pkt_data: sub.changes_pkt_data,
        might_sleep: sub.might_sleep,
        is_exception_cb: sub.is_exception_cb,
    });
    let arena = |a: &CtxArg| a.typ.base() == RegType::PTR_TO_ARENA;
    DstProg {
        btf_id,
        funcs: funcs.collect(),
        has_arena_ctx_arg: env.input.ctx_args.iter().any(arena),
        prog,
    }
}
