// SPDX-License-Identifier: GPL-2.0-only
//! The small kernel of the small object in `bpf/tests/load`.

/// Options that name it.
pub(crate) const KERNEL: [&str; 4] = [
    "--btf",
    "bpf/tests/load/kernel.elf",
    "--kconfig",
    "bpf/tests/load/kconfig",
];
