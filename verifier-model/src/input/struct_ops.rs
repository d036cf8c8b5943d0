// SPDX-License-Identifier: GPL-2.0-only
//! What a struct_ops program implements.

use bpf::btf::{Btf, Kind, Type};
use bpf::kernel::BtfRef;

use crate::facts::struct_ops_types::StructOpsType;
use crate::facts::types::RegType;

/// An argument of the context that is more than its type says (`struct bpf_ctx_arg_aux`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct CtxArg {
    /// Offset in the context, in bytes.
    pub offset: i32,
    /// The register that reads it.
    pub typ: RegType,
    /// What it points to.
    pub btf: (BtfRef, u32),
    /// It comes with a reference.
    pub refcounted: bool,
}

/// The struct_ops type of a program.
#[derive(Clone, Debug)]
pub(crate) struct StructOps<'a> {
    pub name: &'a str,
    /// The member that the program implements.
    pub member: &'a str,
    /// What the table says of the type; nothing of one that it does not have.
    pub known: Option<&'static StructOpsType>,
    /// The program runs on a stack of its own.
    pub private_stack: bool,
}

/// Where the arguments of a function are in the context: each in as many words as it takes.
pub(crate) fn ctx_arg_offsets(btf: &Btf, proto: Type<'_>) -> Vec<i32> {
    let mut end = 0;
    let params = proto.params().map(|param| {
        let t = btf.skip_mods_and_typedefs(param.type_id());
        let size = if t.kind() == Kind::Ptr { 8 } else { t.size() };
        let start = end;
        end += size.div_ceil(8) as i32 * 8;
        start
    });
    params.collect()
}
