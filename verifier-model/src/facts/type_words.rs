// SPDX-License-Identifier: GPL-2.0-only
//! How tables write types: the kernel's words, modifiers behind them.
//!
//! ```text
//! PTR_TO_BTF_ID|PTR_MAYBE_NULL|OBJ_RELEASE
//! ```
//!
//! Source: `enum bpf_arg_type`, `bpf_return_type`, `bpf_reg_type`, `bpf_type_flag` in
//! `include/linux/bpf.h`.

use crate::facts::types::{ArgType, Flag, RegType, RetType};

/// What a helper takes, without `ARG_`.
pub(crate) fn arg_type(text: &str) -> Result<ArgType, String> {
    let (base, flags) = split(text)?;
    let base = match base {
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
        _ => return Err(format!("no argument is of type '{base}'")),
    };
    Ok(base.with(flags))
}

/// What a helper returns, without `RET_`.
pub(crate) fn ret_type(text: &str) -> Result<RetType, String> {
    let (base, flags) = split(text)?;
    let base = match base {
        "INTEGER" => RetType::RET_INTEGER,
        "VOID" => RetType::RET_VOID,
        "PTR_TO_MAP_VALUE" => RetType::RET_PTR_TO_MAP_VALUE,
        "PTR_TO_SOCKET" => RetType::RET_PTR_TO_SOCKET,
        "PTR_TO_TCP_SOCK" => RetType::RET_PTR_TO_TCP_SOCK,
        "PTR_TO_SOCK_COMMON" => RetType::RET_PTR_TO_SOCK_COMMON,
        "PTR_TO_MEM" => RetType::RET_PTR_TO_MEM,
        "PTR_TO_MEM_OR_BTF_ID" => RetType::RET_PTR_TO_MEM_OR_BTF_ID,
        "PTR_TO_BTF_ID" => RetType::RET_PTR_TO_BTF_ID,
        _ => return Err(format!("nothing that is returned is of type '{base}'")),
    };
    Ok(base.with(flags))
}

/// What a register holds; of those types alone that tables tell of.
pub(crate) fn reg_type(text: &str) -> Result<RegType, String> {
    let (base, flags) = split(text)?;
    let base = match base {
        "PTR_TO_PACKET" => RegType::PTR_TO_PACKET,
        "PTR_TO_PACKET_END" => RegType::PTR_TO_PACKET_END,
        "PTR_TO_FLOW_KEYS" => RegType::PTR_TO_FLOW_KEYS,
        "PTR_TO_SOCKET" => RegType::PTR_TO_SOCKET,
        "PTR_TO_SOCK_COMMON" => RegType::PTR_TO_SOCK_COMMON,
        "PTR_TO_BTF_ID" => RegType::PTR_TO_BTF_ID,
        "PTR_TO_BUF" => RegType::PTR_TO_BUF,
        _ => return Err(format!("no register is of type '{base}'")),
    };
    Ok(base.with(flags))
}

fn split(text: &str) -> Result<(&str, Flag), String> {
    let (base, modifiers) = text.split_once('|').unwrap_or((text, ""));
    let mut flags = Flag::NONE;
    for word in modifiers.split('|').filter(|w| !w.is_empty()) {
        flags |= flag(word).ok_or_else(|| format!("no modifier is called '{word}'"))?;
    }
    Ok((base, flags))
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
