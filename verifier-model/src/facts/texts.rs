// SPDX-License-Identifier: GPL-2.0-only
//! The tables of each release, as files below `data`.
//!
//! A release has a file of its own where it differs from the next one; the rest is that one's.

use crate::facts::tables::{Text, Texts};

/// A file below `data`.
macro_rules! text {
    ($file:literal) => {
        Text {
            file: concat!("data/", $file),
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/", $file)),
        }
    };
}

pub(crate) const LINUX_7_3: Texts = Texts {
    helpers: text!("linux-7.3/helpers.txt"),
    maps: text!("linux-7.3/maps.txt"),
    btf_sets: text!("linux-7.3/btf_sets.txt"),
    ctx_fields: text!("linux-7.3/ctx_fields.txt"),
    iter_args: text!("linux-7.3/iter_args.txt"),
    raw_tp_null_args: text!("linux-7.3/raw_tp_null_args.txt"),
    error_injection: text!("linux-7.3/error_injection.txt"),
    struct_ops: text!("linux-7.3/struct_ops.txt"),
    btf_struct_access: text!("linux-7.3/btf_struct_access.txt"),
    words: text!("linux-7.3/words.txt"),
    kfuncs: text!("linux-7.3/kfuncs.txt"),
};

pub(crate) const LINUX_7_2: Texts = Texts {
    words: text!("linux-7.2/words.txt"),
    kfuncs: text!("linux-7.2/kfuncs.txt"),
    ..LINUX_7_3
};

pub(crate) const LINUX_7_1: Texts = Texts {
    helpers: text!("linux-7.1/helpers.txt"),
    maps: text!("linux-7.1/maps.txt"),
    btf_sets: text!("linux-7.1/btf_sets.txt"),
    raw_tp_null_args: text!("linux-7.1/raw_tp_null_args.txt"),
    struct_ops: text!("linux-7.1/struct_ops.txt"),
    words: text!("linux-7.1/words.txt"),
    kfuncs: text!("linux-7.1/kfuncs.txt"),
    ..LINUX_7_2
};

pub(crate) const LINUX_6_18: Texts = Texts {
    helpers: text!("linux-6.18/helpers.txt"),
    maps: text!("linux-6.18/maps.txt"),
    btf_sets: text!("linux-6.18/btf_sets.txt"),
    raw_tp_null_args: text!("linux-6.18/raw_tp_null_args.txt"),
    struct_ops: text!("linux-6.18/struct_ops.txt"),
    words: text!("linux-6.18/words.txt"),
    kfuncs: text!("linux-6.18/kfuncs.txt"),
    ..LINUX_7_1
};

pub(crate) const LINUX_6_12: Texts = Texts {
    helpers: text!("linux-6.12/helpers.txt"),
    maps: text!("linux-6.12/maps.txt"),
    btf_sets: text!("linux-6.12/btf_sets.txt"),
    raw_tp_null_args: text!("linux-6.12/raw_tp_null_args.txt"),
    // Its own say of fewer types the same.
    struct_ops: LINUX_7_3.struct_ops,
    words: text!("linux-6.12/words.txt"),
    kfuncs: text!("linux-6.12/kfuncs.txt"),
    ..LINUX_6_18
};

pub(crate) const LINUX_6_1: Texts = Texts {
    helpers: text!("linux-6.1/helpers.txt"),
    maps: text!("linux-6.1/maps.txt"),
    iter_args: text!("linux-6.1/iter_args.txt"),
    struct_ops: text!("linux-6.1/struct_ops.txt"),
    btf_struct_access: text!("linux-6.1/btf_struct_access.txt"),
    btf_sets: text!("linux-6.1/btf_sets.txt"),
    words: text!("linux-6.1/words.txt"),
    kfuncs: text!("linux-6.1/kfuncs.txt"),
    ..LINUX_6_12
};

/// Every release's.
#[expect(clippy::allow_attributes, reason = "build.rs asks, the crate does not")]
#[allow(dead_code)]
pub(crate) const ALL: [Texts; 6] = [
    LINUX_7_3, LINUX_7_2, LINUX_7_1, LINUX_6_18, LINUX_6_12, LINUX_6_1,
];
