// SPDX-License-Identifier: GPL-2.0-only
//! What the loader may do.

use bpf::caps::Caps;
use bpf::kernel::Kernel;

#[derive(clap::Args)]
#[group(id = "rights")]
pub(crate) struct Args {
    /// Capabilities of the loader, with commas between them: bpf, perfmon, net_admin, sys_admin,
    /// sys_boot; or all, or none
    #[arg(long, value_name = "CAPS", default_value = "all", value_parser = Caps::parse)]
    pub(crate) caps: Caps,
    /// The kernel lets nobody load without CAP_BPF, as distributions set it
    /// (kernel.unprivileged_bpf_disabled is 1 or 2)
    #[arg(long)]
    unprivileged_bpf_disabled: bool,
    /// The kernel does not guard against what a processor does on a mispredicted path: it was booted
    /// with mitigations=off, or built without CONFIG_CPU_MITIGATIONS
    #[arg(long)]
    pub(crate) mitigations_off: bool,
}

impl Args {
    /// Takes from the kernel what the loader is not let see.
    pub(crate) fn limit(&self, kernel: &mut Kernel) {
        kernel.limit(self.caps);
        kernel.unprivileged_bpf_disabled = self.unprivileged_bpf_disabled;
    }
}
