// SPDX-License-Identifier: GPL-2.0-only
//! Prototypes of helpers, and how `helpers.txt` of a release writes them.
//!
//! ```text
//! proto bpf_bprm_opts_set_proto ret=INTEGER arg=PTR_TO_BTF_ID:linux_binprm arg=ANYTHING
//! ```
//!
//! The words are the kernel's without `ARG_` and `RET_`; behind a colon stands what a type goes with: a
//! structure, or a size in bytes.
//!
//! Source: `struct bpf_func_proto`, `enum bpf_arg_type` and `enum bpf_return_type` in
//! `include/linux/bpf.h`.

use crate::facts::table::pair;
use crate::facts::type_words::{arg_type, ret_type};
use crate::facts::types::{ArgType, RetType};

/// An argument of a helper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HelperArg {
    /// What it takes.
    pub typ: ArgType,
    /// Name of the kernel structure it points to.
    pub btf: Option<&'static str>,
    /// Size of the memory it points to.
    pub size: u32,
}

/// Prototype of a helper (`struct bpf_func_proto`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HelperProto {
    /// Name of the object in the kernel.
    pub name: &'static str,
    /// What it returns.
    pub ret: RetType,
    /// Name of the kernel structure returned.
    pub ret_btf: Option<&'static str>,
    /// Arguments.
    pub args: Vec<HelperArg>,
    /// Only for programs under the GPL.
    pub gpl_only: bool,
    /// May read packet data.
    pub pkt_access: bool,
    /// May sleep.
    pub might_sleep: bool,
    /// Asks about more of the program than its type (`allowed()`).
    pub asks_program: bool,
    /// Keeps registers that the calling convention lets it clobber.
    pub allow_fastcall: bool,
}

impl HelperProto {
    /// The type of an argument; `ARG_DONTCARE` past the last.
    pub(crate) fn arg_type(&self, i: usize) -> ArgType {
        self.args.get(i).map_or(ArgType::ARG_DONTCARE, |a| a.typ)
    }
}

/// A prototype from the words behind its name.
pub(crate) fn parse_proto(
    name: &'static str,
    words: impl Iterator<Item = &'static str>,
) -> Result<HelperProto, String> {
    let mut p = HelperProto {
        name,
        ..HelperProto::default()
    };
    for word in words {
        let (key, value) = pair(word)?;
        let mut parts = value.split(':');
        let typ = parts.next().unwrap_or_default();
        match key {
            "ret" => {
                p.ret = ret_type(typ)?;
                p.ret_btf = parts.next();
            }
            "arg" => {
                let mut arg = HelperArg {
                    typ: arg_type(typ)?,
                    ..HelperArg::default()
                };
                for extra in parts {
                    match extra.parse() {
                        Ok(size) => arg.size = size,
                        Err(_) => arg.btf = Some(extra),
                    }
                }
                p.args.push(arg);
            }
            "flags" => {
                for f in value.split(',') {
                    match f {
                        "gpl_only" => p.gpl_only = true,
                        "pkt_access" => p.pkt_access = true,
                        "might_sleep" => p.might_sleep = true,
                        "allowed" => p.asks_program = true,
                        "allow_fastcall" => p.allow_fastcall = true,
                        _ => return Err(format!("no prototype has '{f}'")),
                    }
                }
            }
            _ => return Err(format!("'{key}' is nothing of a prototype")),
        }
    }
    Ok(p)
}
