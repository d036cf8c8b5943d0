// SPDX-License-Identifier: GPL-2.0-only
//! The capabilities of who loads, as far as `bpf(2)` asks for them.
//!
//! Source: `bpf_token_capable()` in `kernel/bpf/token.c`, without a token.

use std::fmt;

bitflags::bitflags! {
    /// Capabilities, by their numbers in `include/uapi/linux/capability.h`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Caps: u64 {
        /// Networking programs and maps.
        const NET_ADMIN = 1 << 12;
        /// Stands for each of the others but `CAP_SYS_BOOT`; BTF of modules, `bpf_probe_write_user()`.
        const SYS_ADMIN = 1 << 21;
        /// Kfuncs that stop the machine.
        const SYS_BOOT = 1 << 22;
        /// Tracing programs, pointers as numbers, no guard against speculation.
        const PERFMON = 1 << 38;
        /// BTF, functions, loops, most helpers.
        const BPF = 1 << 39;
    }
}

/// Root has all of them.
impl Default for Caps {
    fn default() -> Self {
        Self::all()
    }
}

impl Caps {
    /// Whether the kernel takes `cap` to be there.
    pub const fn has(self, cap: Self) -> bool {
        self.contains(cap) || cap.bits() != Self::SYS_BOOT.bits() && self.contains(Self::SYS_ADMIN)
    }

    /// Reads `bpf,perfmon`, `all` or `none`; names may begin with `CAP_`, as in capabilities(7).
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "all" => return Ok(Self::all()),
            "none" => return Ok(Self::empty()),
            _ => {}
        }
        let mut caps = Self::empty();
        for word in text.split(',') {
            let name = word.to_ascii_uppercase();
            let name = name.strip_prefix("CAP_").unwrap_or(&name);
            caps |= Self::from_name(name).ok_or_else(|| {
                format!("'{word}' is none of {}, and neither all nor none", names())
            })?;
        }
        Ok(caps)
    }
}

/// As it is asked for, such as `perfmon,bpf`.
impl fmt::Display for Caps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        let names = self.iter_names();
        let names: Vec<_> = names.map(|(name, _)| name.to_ascii_lowercase()).collect();
        f.write_str(&names.join(","))
    }
}

/// The names, as they are asked for.
fn names() -> String {
    let names = Caps::all().iter_names();
    let names: Vec<_> = names.map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        assert_eq!(
            Caps::parse("bpf,CAP_PERFMON"),
            Ok(Caps::BPF | Caps::PERFMON)
        );
        assert_eq!(Caps::parse("none"), Ok(Caps::empty()));
        assert_eq!(Caps::parse("all"), Ok(Caps::all()));
        let wrong = "'root' is none of net_admin, sys_admin, sys_boot, perfmon, bpf, and neither all nor none";
        assert_eq!(Caps::parse("bpf,root"), Err(wrong.to_owned()));
        assert!(Caps::parse("").is_err());
    }

    #[test]
    fn one_stands_for_the_others() {
        assert!(Caps::SYS_ADMIN.has(Caps::BPF) && Caps::SYS_ADMIN.has(Caps::NET_ADMIN));
        assert!(!Caps::SYS_ADMIN.has(Caps::SYS_BOOT));
        assert!(!Caps::BPF.has(Caps::SYS_ADMIN));
    }
}
