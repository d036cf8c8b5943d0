// SPDX-License-Identifier: GPL-2.0-only
//! Arguments of hooks that are more, or less, than BTF says.
//!
//! Tables of a release: `iter_args.txt` and `raw_tp_null_args.txt`, which tell their formats.
//!
//! Source: `ctx_arg_info` of the `struct bpf_iter_reg` all over the kernel; `raw_tp_null_args` in
//! `kernel/bpf/btf.c`.

use std::collections::HashMap;

use crate::facts::table::Lines;
use crate::facts::type_words::reg_type;
use crate::facts::types::RegType;

/// Arguments of BPF iterators.
#[derive(Debug, Default)]
pub(crate) struct IterArgs {
    functions: HashMap<&'static str, Vec<(i32, RegType)>>,
}

impl IterArgs {
    /// Whether something is known of a function's arguments.
    pub(crate) fn has(&self, function: &str) -> bool {
        self.functions.contains_key(function)
    }

    /// The type of a function's argument at an offset of the context.
    pub(crate) fn at(&self, function: &str, off: i32) -> Option<RegType> {
        let args = self.functions.get(function)?;
        args.iter().find(|(o, _)| *o == off).map(|(_, typ)| *typ)
    }
}

impl Lines for IterArgs {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        let words: Vec<_> = line.split_whitespace().collect();
        let [function, off, typ] = words[..] else {
            return Err("not a function, an offset and a type".into());
        };
        let off = off.parse().map_err(|_| format!("'{off}' is no offset"))?;
        let args = self.functions.entry(function).or_default();
        args.push((off, reg_type(typ)?));
        Ok(())
    }
}

/// Arguments of raw tracepoints that may be NULL, or an error.
#[derive(Debug, Default)]
pub(crate) struct RawTpNullArgs {
    /// Four bits an argument.
    tracepoints: HashMap<&'static str, u64>,
}

impl RawTpNullArgs {
    /// Whether an argument may be NULL, and whether it may be an error; nothing of a tracepoint that
    /// the table does not have.
    pub(crate) fn of(&self, tracepoint: &str, arg: usize) -> Option<(bool, bool)> {
        let digits = *self.tracepoints.get(tracepoint)?;
        let digit = digits.checked_shr(arg as u32 * 4).unwrap_or(0);
        Some((digit & 1 != 0, digit & 2 != 0))
    }
}

impl Lines for RawTpNullArgs {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        let (tracepoint, digits) = line.split_once(' ').ok_or("no digits")?;
        let mask =
            u64::from_str_radix(digits, 16).map_err(|_| format!("'{digits}' is no number"))?;
        match self.tracepoints.insert(tracepoint, mask) {
            None => Ok(()),
            Some(_) => Err(format!("{tracepoint} is there twice")),
        }
    }
}
