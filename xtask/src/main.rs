// SPDX-License-Identifier: GPL-2.0-only
//! The project's commands.

fn main() {}
