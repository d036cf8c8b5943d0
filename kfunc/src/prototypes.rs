// SPDX-License-Identifier: GPL-2.0-only

//! The C prototypes of a module's kfuncs and their types, as bindgen reads `prototypes.c`. A
//! structure that has an abstraction goes by that.

#![allow(
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    unused_imports,
    clippy::all,
    reason = "generated code"
)]

use kernel::{
    bindings::*,
    cpumask::Cpumask as cpumask,
    ffi,
    task::Task as task_struct, //
};

include!(env!("KFUNC_PROTOTYPES"));
