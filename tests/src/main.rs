// SPDX-License-Identifier: GPL-2.0-only
//! What runs inside the guest: init, tests, demo.

fn main() {}
