// SPDX-License-Identifier: GPL-2.0-only
//! Facts: what the kernel knows before it sees a program. Nothing here asks anybody.

pub mod access;

pub mod ctx_fields;

pub mod errno;

pub mod helper_proto;

pub mod helpers;

pub mod limits;

pub mod linux_7_3;

pub mod map_helpers;

pub mod map_rules;

pub mod rule;

pub mod struct_ops_types;

pub mod type_tags;

pub mod types;
