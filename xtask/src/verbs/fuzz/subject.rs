// SPDX-License-Identifier: GPL-2.0-only
//! The kernel that is asked about generated programs: one that modules are built for, or Debian's of an
//! older series, without them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use bpf::btf::Btf;
use bpf::kernel::{Kernel, Module};
use verifier_model::Options;

use crate::build::{initramfs, module};
use crate::corpus::{modelled, test_modules};
use crate::linux::named::Named;
use crate::linux::target::Target;

/// What is asked, and the same kernel as the model knows it.
pub(super) struct Subject {
    /// The model's.
    pub(super) model: Kernel,
    /// What the guest boots into.
    pub(super) initramfs: PathBuf,
    /// Modules besides.
    pub(super) modules: Vec<PathBuf>,
    /// The model's, of the kernel's release.
    pub(super) options: Options,
}

impl Subject {
    /// Prepares `target`, which is `named` so.
    pub(super) fn new(target: &Target<'_>, named: Named) -> Result<Self> {
        let mitigations = target.kernel.has_mitigations()?;
        if let Named::Series(_) = named {
            let release = modelled::release(target);
            return Ok(Self {
                model: modelled::kernel(target, release, &[])?,
                initramfs: initramfs::bare(target)?,
                modules: Vec::new(),
                options: Options {
                    mitigations,
                    ..Options::of(release)
                },
            });
        }
        let mut modules = test_modules::build(target)?;
        let testmod = modules.first().context("there is no bpf_testmod")?.clone();
        modules.truncate(1);
        let iterator = module::build(target)?;
        let vmlinux = Arc::new(Btf::from_file(target.kernel.btf(), None)?);
        let mut model = Kernel::new(vmlinux.clone());
        // What programs name, with the flags that `.BTF_ids` has; the types are the kernel's own.
        model.kfuncs = generated::kernel::kernel()?.kfuncs;
        for path in [testmod, iterator] {
            let name = path.file_stem().context("a module has a name")?;
            model.modules.push(Module {
                name: name.to_string_lossy().into_owned(),
                btf: Arc::new(Btf::from_file(&path, Some(vmlinux.clone()))?),
            });
        }
        Ok(Self {
            model,
            initramfs: initramfs::build(target)?,
            modules,
            options: Options {
                mitigations,
                ..Options::default()
            },
        })
    }
}
