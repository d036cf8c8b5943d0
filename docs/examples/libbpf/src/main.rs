// SPDX-License-Identifier: GPL-2.0-only
//! Would load the program with libbpf-rs; here it has nothing to do.

fn main() {}
