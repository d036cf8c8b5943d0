// SPDX-License-Identifier: GPL-2.0-only
//! Prototypes of helpers, and how `data/helpers.txt` writes them.
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

use crate::facts::types::{ArgType, Flag, RetType};

/// An argument of a helper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HelperArg {
    /// What it takes.
    pub typ: ArgType,
    /// Name of the kernel structure it points to.
    pub btf: Option<String>,
    /// Size of the memory it points to.
    pub size: u32,
}

/// Prototype of a helper (`struct bpf_func_proto`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HelperProto {
    /// Name of the object in the kernel.
    pub name: String,
    /// What it returns.
    pub ret: RetType,
    /// Name of the kernel structure returned.
    pub ret_btf: Option<String>,
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

/// A prototype from the words behind its name in `data/helpers.txt`; words that mean nothing are
/// passed over.
pub(crate) fn parse_proto<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> HelperProto {
    let mut p = HelperProto {
        name: name.to_owned(),
        ..HelperProto::default()
    };
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            continue;
        };
        let mut parts = value.split(':');
        let (base, flags) = parse_type(parts.next().unwrap_or_default());
        match key {
            "ret" => {
                p.ret = ret_type(base).with(flags);
                p.ret_btf = parts.next().map(str::to_owned);
            }
            "arg" => {
                let mut arg = HelperArg {
                    typ: arg_type(base).with(flags),
                    ..HelperArg::default()
                };
                for extra in parts {
                    match extra.parse() {
                        Ok(size) => arg.size = size,
                        Err(_) => arg.btf = Some(extra.to_owned()),
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
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    p
}

fn parse_type(text: &str) -> (&str, Flag) {
    let (mut base, mut flags) = ("", Flag::NONE);
    for word in text.split('|') {
        match flag(word) {
            Some(f) => flags |= f,
            None => base = word,
        }
    }
    (base, flags)
}

fn flag(word: &str) -> Option<Flag> {
    Some(match word {
        "PTR_MAYBE_NULL" => Flag::PTR_MAYBE_NULL,
        "MEM_RDONLY" => Flag::MEM_RDONLY,
        "MEM_RINGBUF" => Flag::MEM_RINGBUF,
        "OBJ_RELEASE" => Flag::OBJ_RELEASE,
        "PTR_UNTRUSTED" => Flag::PTR_UNTRUSTED,
        "MEM_UNINIT" => Flag::MEM_UNINIT,
        "DYNPTR_TYPE_LOCAL" => Flag::DYNPTR_TYPE_LOCAL,
        "DYNPTR_TYPE_RINGBUF" => Flag::DYNPTR_TYPE_RINGBUF,
        "MEM_FIXED_SIZE" => Flag::MEM_FIXED_SIZE,
        "PTR_TRUSTED" => Flag::PTR_TRUSTED,
        "MEM_ALIGNED" => Flag::MEM_ALIGNED,
        "MEM_WRITE" => Flag::MEM_WRITE,
        _ => return None,
    })
}

fn arg_type(name: &str) -> ArgType {
    match name {
        "CONST_MAP_PTR" => ArgType::ARG_CONST_MAP_PTR,
        "PTR_TO_MAP_KEY" => ArgType::ARG_PTR_TO_MAP_KEY,
        "PTR_TO_MAP_VALUE" => ArgType::ARG_PTR_TO_MAP_VALUE,
        "PTR_TO_MEM" => ArgType::ARG_PTR_TO_MEM,
        "MEM_SIZE" => ArgType::ARG_MEM_SIZE,
        "MEM_SIZE_OR_ZERO" => ArgType::ARG_MEM_SIZE_OR_ZERO,
        "PTR_TO_CTX" => ArgType::ARG_PTR_TO_CTX,
        "ANYTHING" => ArgType::ARG_ANYTHING,
        "SCALAR" => ArgType::ARG_SCALAR,
        "PTR_TO_SPIN_LOCK" => ArgType::ARG_PTR_TO_SPIN_LOCK,
        "PTR_TO_SOCK_COMMON" => ArgType::ARG_PTR_TO_SOCK_COMMON,
        "PTR_TO_SOCKET" => ArgType::ARG_PTR_TO_SOCKET,
        "PTR_TO_BTF_ID" => ArgType::ARG_PTR_TO_BTF_ID,
        "PTR_TO_RINGBUF_MEM" => ArgType::ARG_PTR_TO_RINGBUF_MEM,
        "CONST_ALLOC_SIZE_OR_ZERO" => ArgType::ARG_CONST_ALLOC_SIZE_OR_ZERO,
        "PTR_TO_BTF_ID_SOCK_COMMON" => ArgType::ARG_PTR_TO_BTF_ID_SOCK_COMMON,
        "PTR_TO_PERCPU_BTF_ID" => ArgType::ARG_PTR_TO_PERCPU_BTF_ID,
        "PTR_TO_FUNC" => ArgType::ARG_PTR_TO_FUNC,
        "PTR_TO_STACK" => ArgType::ARG_PTR_TO_STACK,
        "PTR_TO_CONST_STR" => ArgType::ARG_PTR_TO_CONST_STR,
        "PTR_TO_TIMER" => ArgType::ARG_PTR_TO_TIMER,
        "KPTR_XCHG_DEST" => ArgType::ARG_KPTR_XCHG_DEST,
        "PTR_TO_DYNPTR" => ArgType::ARG_PTR_TO_DYNPTR,
        _ => ArgType::ARG_DONTCARE,
    }
}

fn ret_type(name: &str) -> RetType {
    match name {
        "VOID" => RetType::RET_VOID,
        "PTR_TO_MAP_VALUE" => RetType::RET_PTR_TO_MAP_VALUE,
        "PTR_TO_SOCKET" => RetType::RET_PTR_TO_SOCKET,
        "PTR_TO_TCP_SOCK" => RetType::RET_PTR_TO_TCP_SOCK,
        "PTR_TO_SOCK_COMMON" => RetType::RET_PTR_TO_SOCK_COMMON,
        "PTR_TO_MEM" => RetType::RET_PTR_TO_MEM,
        "PTR_TO_MEM_OR_BTF_ID" => RetType::RET_PTR_TO_MEM_OR_BTF_ID,
        "PTR_TO_BTF_ID" => RetType::RET_PTR_TO_BTF_ID,
        _ => RetType::RET_INTEGER,
    }
}
