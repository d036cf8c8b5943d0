// SPDX-License-Identifier: GPL-2.0-only

//! `prototypes.h` as bindgen reads it.

#![allow(missing_docs, non_camel_case_types, dead_code, unreachable_pub, clippy::all)]

use kernel::{
    bindings::*,
    ffi, //
};

include!(env!("KFUNC_PROTOTYPES"));
