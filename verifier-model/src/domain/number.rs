// SPDX-License-Identifier: GPL-2.0-only
//! Numbers as the kernel prints them.
//!
//! Source: `verbose_unum()`, `verbose_snum()` in `kernel/bpf/log.c`.

use core::fmt;

/// Prints like the kernel's `%#llx`: zero has a prefix too, other than in C.
pub(crate) struct Hex(pub u64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// An unsigned number: small ones in decimal (`verbose_unum`).
pub(crate) struct Unum(pub u64);

impl fmt::Display for Unum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 <= u16::MAX.into() {
            write!(f, "{}", self.0)
        } else {
            Hex(self.0).fmt(f)
        }
    }
}

/// A signed number: small ones in decimal (`verbose_snum`).
pub(crate) struct Snum(pub i64);

impl fmt::Display for Snum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (i16::MIN.into()..=i16::MAX.into()).contains(&self.0) {
            write!(f, "{}", self.0)
        } else {
            Hex(self.0 as u64).fmt(f)
        }
    }
}

impl Snum {
    pub(crate) fn is_decimal(&self) -> bool {
        (i16::MIN.into()..=i16::MAX.into()).contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_in_c() {
        assert_eq!(Hex(0).to_string(), "0x0");
        assert_eq!(Unum(65535).to_string(), "65535");
        assert_eq!(Unum(65536).to_string(), "0x10000");
        assert_eq!(Snum(-32769).to_string(), "0xffffffffffff7fff");
    }
}
