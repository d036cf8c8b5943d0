// SPDX-License-Identifier: GPL-2.0-only
//! Facts: what the kernel knows before it sees a program. Nothing here asks anybody.
//!
//! What differs by release is of a [`release::Release`]; the rest is of all.

pub(crate) mod access;

pub(crate) mod btf_sets;

pub(crate) mod btf_struct_access;

pub(crate) mod ctx_fields;

pub(crate) mod errno;
pub(crate) mod error_injection;

pub(crate) mod helper_caller;

pub(crate) mod helper_proto;

pub(crate) mod helpers;

pub(crate) mod hook_args;

pub(crate) mod kind;

pub(crate) mod limits;

pub(crate) mod map_rules;

pub(crate) mod maps;

pub(crate) mod prog_caps;

pub(crate) mod prog_config;

pub(crate) mod references;

pub(crate) mod rejection;

pub(crate) mod release;

pub(crate) mod rule;

mod rules;

pub(crate) mod special_kfunc;

pub(crate) mod struct_ops_types;

pub(crate) mod table;

pub(crate) mod tables;

pub(crate) mod texts;

pub(crate) mod type_tags;

pub(crate) mod type_words;

pub(crate) mod types;

pub(crate) mod words;
