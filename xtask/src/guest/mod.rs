// SPDX-License-Identifier: GPL-2.0-only
//! Guests: booting them, watching their console, and running the kernel's own `test_progs` in one.

mod console;
mod device_tree;
mod machine;
pub(crate) mod qemu;
mod starved;
pub(crate) mod test_progs;
