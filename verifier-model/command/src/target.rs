// SPDX-License-Identifier: GPL-2.0-only
//! `--target OBJECT:PROGRAM[:FUNCTION]`: the program that another attaches to.

use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use bpf::kernel::Kernel;
use bpf::load::SetAttachTarget;
use bpf::load::{Autoload, PrepareOptions};

use crate::{options, programs};

/// What the option says.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    object: String,
    prog: String,
    function: Option<String>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(object), Some(prog), function, None) => Ok(Self {
                object,
                prog,
                function,
            }),
            _ => Err("write it as OBJECT:PROGRAM or OBJECT:PROGRAM:FUNCTION".into()),
        }
    }
}

impl Target {
    /// Reads the program that is attached to.
    pub(crate) fn read(&self, kernel: &Kernel) -> Result<SetAttachTarget> {
        self.try_read(kernel)
            .with_context(|| format!("the target {}", self.object))
    }

    fn try_read(&self, kernel: &Kernel) -> Result<SetAttachTarget> {
        let data = std::fs::read(&self.object)?;
        let file = self.object.rsplit('/').next().unwrap_or(&self.object);
        let object = options::open(&data, file)?;
        programs::has(&object, &self.prog)?;
        let options = PrepareOptions {
            autoload: Autoload::Only(&self.prog),
            ..PrepareOptions::default()
        };
        let one = object.prepare(kernel, &options)?.next();
        let one = one.context("the object has no such program")?;
        let load = one
            .load
            .map_err(|e| anyhow!("'{}' cannot be loaded: {e}", self.prog))?;
        Ok(SetAttachTarget::Prog(Arc::new(load), self.function.clone()))
    }
}
