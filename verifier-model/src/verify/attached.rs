// SPDX-License-Identifier: GPL-2.0-only
//! A program and the one that it attaches to, verified first.

use std::sync::Arc;

use bpf::kernel::Kernel;
use bpf::program::{AttachTarget, ProgLoad};
use bpf::uapi::ProgType as P;

use crate::env::Env;
use crate::facts::errno::Stop;
use crate::facts::rule::Profile;
use crate::input::Extends;
use crate::input::target::DstProg;
use crate::options::Options;

/// What a program is verified with when it attaches to another.
#[derive(Debug, Default)]
pub(crate) struct Attached {
    pub(crate) dst: Option<Arc<DstProg>>,
    /// An extension, as a program of the type that it extends.
    pub(crate) extension: Option<ProgLoad>,
}

impl Attached {
    /// Verifies what `prog` attaches to. An error says why there is nothing to be said of `prog`.
    pub(crate) fn new(
        prog: &ProgLoad,
        kernel: &Kernel,
        profile: &Profile,
        opts: &Options,
    ) -> Result<Self, String> {
        let Some(AttachTarget::Prog { prog: dst, btf_id }) = &prog.attach else {
            return Ok(Self::default());
        };
        let quiet = Options {
            log_level: 0,
            ..opts.clone()
        };
        let below = Self::new(dst, kernel, profile, &quiet)?;
        let mut env = below.env(dst, kernel, profile, &quiet);
        match env.check() {
            Ok(()) => Ok(Self {
                extension: (prog.prog_type == P::Ext).then(|| ProgLoad {
                    prog_type: env.prog.prog_type,
                    expected_attach_type: env.prog.expected_attach_type,
                    ..prog.clone()
                }),
                dst: Some(Arc::new(DstProg::new(dst.clone(), *btf_id, &env))),
            }),
            Err(Stop::NotModelled(what)) => Err(format!("{what}, in the target '{}'", dst.name)),
            Err(Stop::Errno(_)) => Err(format!("the target '{}', which is rejected", dst.name)),
        }
    }

    /// `prog` before it is verified.
    pub(crate) fn env<'a>(
        &'a self,
        prog: &'a ProgLoad,
        kernel: &'a Kernel,
        profile: &'a Profile,
        opts: &'a Options,
    ) -> Env<'a> {
        let mut env = Env::new(
            self.extension.as_ref().unwrap_or(prog),
            kernel,
            profile,
            opts,
        );
        env.dst_prog.clone_from(&self.dst);
        env.extends = self.extension.as_ref().map(|_| Extends::Loaded);
        env
    }
}
