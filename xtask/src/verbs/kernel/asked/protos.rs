// SPDX-License-Identifier: GPL-2.0-only
//! The prototypes of a kernel's helpers, read off its image: the `bpf_func_proto` objects, in the
//! words of `helpers.txt`.
//!
//! Source: `struct bpf_func_proto` in include/linux/bpf.h

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use bpf::btf::Btf;

use super::image::Image;
use super::layout::{Words, offset};

/// What 7.3 calls what a helper of older kernels takes, with the modifiers that say what its name says.
const ARGS_RENAMED: &[(&str, &str)] = &[
    ("CONST_SIZE", "MEM_SIZE"),
    ("CONST_SIZE_OR_ZERO", "MEM_SIZE_OR_ZERO"),
    ("PTR_TO_KPTR", "KPTR_XCHG_DEST"),
    (
        "PTR_TO_INT",
        "PTR_TO_MEM|MEM_FIXED_SIZE|MEM_UNINIT|MEM_WRITE|MEM_ALIGNED:4",
    ),
    (
        "PTR_TO_LONG",
        "PTR_TO_MEM|MEM_FIXED_SIZE|MEM_UNINIT|MEM_WRITE|MEM_ALIGNED:8",
    ),
    ("PTR_TO_ALLOC_MEM", "PTR_TO_RINGBUF_MEM"),
];
/// What 7.3 calls what one returns.
const RETURNS_RENAMED: &[(&str, &str)] = &[("PTR_TO_ALLOC_MEM", "PTR_TO_MEM")];
/// `BPF_PTR_POISON`: what is pointed to is told elsewhere.
const POISON: u64 = 0xdead_0000_0000_eb9f;
/// Arguments that a helper may have.
const ARGS: u64 = 5;
/// Members that are true or false, and what `helpers.txt` calls them. Older kernels lack some.
const FLAGS: [(&str, &str); 4] = [
    ("gpl_only", "gpl_only"),
    ("pkt_access", "pkt_access"),
    ("might_sleep", "might_sleep"),
    ("allow_fastcall", "allow_fastcall"),
];

/// Prototypes by the names of the objects: what stands behind the name in `helpers.txt`.
pub(super) type Protos = BTreeMap<String, String>;

/// All of a kernel.
pub(super) fn read(image: &Image, btf: &Btf) -> Result<Protos> {
    let reader = Reader::new(image, btf)?;
    let mut protos = Protos::new();
    for (name, at) in image.variables(is_proto) {
        // `bpf_tail_call_proto` calls nothing. Other objects have such names as well, but return nothing
        // that a helper does.
        let function = image.pointer(at);
        let calls = function.is_some_and(|at| at == POISON || image.function(at).is_some())
            || name == "bpf_tail_call_proto";
        if !calls || !reader.returns(at) {
            continue;
        }
        let proto = reader
            .proto(at)
            .with_context(|| format!("the prototype {name}"))?;
        protos.insert(name.to_owned(), proto);
    }
    if protos.is_empty() {
        bail!("the kernel shows no prototypes: its symbols are those of functions alone");
    }
    Ok(protos)
}

/// Whether a symbol may be that of a prototype; others point to no function.
fn is_proto(name: &str) -> bool {
    let behind = name.split_once("_proto").map(|(_, behind)| behind);
    behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('_'))
        && !name.starts_with("__")
}

struct Reader<'a> {
    image: &'a Image,
    btf: &'a Btf,
    args: Words,
    returns: Words,
    flags: Vec<(u64, &'static str)>,
    ret_type: u64,
    arg_type: u64,
    arg_btf_id: u64,
    ret_btf_id: u64,
    allowed: u64,
}

impl<'a> Reader<'a> {
    fn new(image: &'a Image, btf: &'a Btf) -> Result<Self> {
        let at = |member| offset(btf, "bpf_func_proto", member);
        let flags = FLAGS
            .iter()
            .filter_map(|(member, word)| Some((at(member).ok()?, *word)));
        Ok(Self {
            image,
            btf,
            args: Words::of(btf, "bpf_arg_type", "ARG_")?,
            returns: Words::of(btf, "bpf_return_type", "RET_")?,
            flags: flags.collect(),
            ret_type: at("ret_type")?,
            arg_type: at("arg1_type")?,
            arg_btf_id: at("arg1_btf_id")?,
            ret_btf_id: at("ret_btf_id")?,
            allowed: at("allowed")?,
        })
    }

    /// Whether what is at `at` returns something that a helper does.
    fn returns(&self, at: u64) -> bool {
        let ret = self.image.word(at + self.ret_type);
        ret.is_some_and(|ret| self.returns.split(ret).is_ok())
    }

    /// `ret=INTEGER arg=PTR_TO_CTX flags=gpl_only`.
    fn proto(&self, at: u64) -> Result<String> {
        let cut = "it is cut short";
        let ret = self.image.word(at + self.ret_type).context(cut)?;
        let with = at + self.ret_btf_id;
        let ret = self.typed(&self.returns, RETURNS_RENAMED, ret, with)?;
        let mut text = format!("ret={ret}");
        for index in 0..ARGS {
            let arg = self
                .image
                .word(at + self.arg_type + 4 * index)
                .context(cut)?;
            let with = at + self.arg_btf_id + 8 * index;
            let what = self.typed(&self.args, ARGS_RENAMED, arg, with)?;
            if what != "DONTCARE" {
                text += &format!(" arg={what}");
            }
        }
        let is_set = |at: &u64| self.image.byte(*at).is_some_and(|byte| byte != 0);
        let mut flags: Vec<&str> = Vec::new();
        for (member, word) in &self.flags {
            if is_set(&(at + member)) {
                flags.push(word);
            }
        }
        if self
            .image
            .pointer(at + self.allowed)
            .is_some_and(|function| function != 0)
        {
            flags.push("allowed");
        }
        if !flags.is_empty() {
            text += &format!(" flags={}", flags.join(","));
        }
        Ok(text)
    }

    /// `PTR_TO_BTF_ID|PTR_MAYBE_NULL:task_struct`: a type, and what it goes with, which is at `with`.
    fn typed(
        &self,
        words: &Words,
        renamed: &[(&str, &'static str)],
        value: u32,
        with: u64,
    ) -> Result<String> {
        let (base, mut modifiers) = words.split(value)?;
        // Records of ring buffers were the first memory that a program allocates.
        if !words.has("MEM_RINGBUF") {
            for modifier in modifiers.iter_mut().filter(|m| **m == "MEM_ALLOC") {
                *modifier = "MEM_RINGBUF";
            }
        }
        // What a helper leaves uninitialised memory for it writes to, said so or not.
        if modifiers.contains(&"MEM_UNINIT") && !words.has("MEM_WRITE") {
            modifiers.push("MEM_WRITE");
        }
        let renamed = renamed.iter().find(|(older, _)| *older == base);
        let mut text = renamed.map_or(base, |(_, newer)| newer).to_owned();
        for modifier in &modifiers {
            text.push('|');
            text += modifier;
        }
        let with = self.image.pointer(with).unwrap_or_default();
        if modifiers.contains(&"MEM_FIXED_SIZE") {
            return Ok(format!("{text}:{with}"));
        }
        match with {
            0 => Ok(text),
            POISON => Ok(text + ":POISON"),
            at => Ok(format!("{text}:{}", self.structure(at)?)),
        }
    }
}

impl Reader<'_> {
    /// The structure whose id is at `at`. One that the kernel looks for when it starts is not in the
    /// image, but the variable has its name.
    fn structure(&self, at: u64) -> Result<&str> {
        if let Some(id) = self.image.word(at) {
            let structure = self.btf.type_by_id(id);
            return Ok(structure
                .with_context(|| format!("there is no type {id}"))?
                .name());
        }
        let variable = self.image.variable(at);
        let name = variable.and_then(|name| name.strip_suffix("_id"));
        name.context("what it points to is not there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_prototypes() {
        for name in [
            "bpf_loop_proto",
            "bpf_get_stack_proto_pe",
            "sk_skb_pull_data_proto",
        ] {
            assert!(is_proto(name), "{name}");
        }
        for name in ["icmp_protocol", "__ksymtab_inet6_protos", "bpf_loop"] {
            assert!(!is_proto(name), "{name}");
        }
    }
}
