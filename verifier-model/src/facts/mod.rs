// SPDX-License-Identifier: GPL-2.0-only
//! Facts: what the kernel knows before it sees a program. Nothing here asks anybody.

pub(crate) mod access;

pub(crate) mod ctx_fields;

pub(crate) mod errno;

pub(crate) mod helper_proto;

pub(crate) mod helpers;
pub(crate) mod kind;
pub(crate) mod rejection;

pub(crate) mod limits;

pub(crate) mod linux_7_3;

pub(crate) mod map_helpers;

pub(crate) mod map_rules;

pub(crate) mod rule;

pub(crate) mod struct_ops_types;

pub(crate) mod type_tags;

pub(crate) mod types;
