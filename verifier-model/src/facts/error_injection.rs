// SPDX-License-Identifier: GPL-2.0-only
//! Functions that may be made to fail: programs that attach to them may sleep, and change what they
//! return.
//!
//! A table of a release: `error_injection.txt`, a name a line. System calls are not in it, for all of
//! them may fail. A kernel without `CONFIG_FUNCTION_ERROR_INJECTION` has no such functions.
//!
//! Source: `ALLOW_ERROR_INJECTION()` in `include/asm-generic/error-injection.h`.

use std::collections::HashSet;

use crate::facts::table::Lines;

/// How the functions of system calls begin that a processor's own programs enter by
/// (`has_arch_syscall_prefix()`).
const NATIVE: [&str; 4] = ["__x64_", "__arm64_", "__s390x_", "__riscv_"];
/// And those of another word size.
const FOREIGN: &str = "__ia32_";

/// The names of a release.
#[derive(Debug, Default)]
pub(crate) struct ErrorInjection(HashSet<&'static str>);

impl ErrorInjection {
    /// Whether the function may be made to fail.
    pub(crate) fn contains(&self, func: &str) -> bool {
        let foreign = func.starts_with(FOREIGN);
        self.0.contains(func) || foreign || is_native_syscall(func)
    }
}

/// Whether it is the function of a system call.
pub(crate) fn is_native_syscall(func: &str) -> bool {
    NATIVE.iter().any(|prefix| func.starts_with(prefix))
}

impl Lines for ErrorInjection {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        match self.0.insert(line) {
            true => Ok(()),
            false => Err(format!("'{line}' is there twice")),
        }
    }
}
