// SPDX-License-Identifier: GPL-2.0-only
//! Error numbers.

/// An error number, positive, as `include/uapi/asm-generic/errno*.h` has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

#[expect(missing_docs, reason = "the constants are the kernel's")]
impl Errno {
    pub const EPERM: Self = Self(1);
    pub const ENOENT: Self = Self(2);
    pub const E2BIG: Self = Self(7);
    pub const EBADF: Self = Self(9);
    pub const ENOMEM: Self = Self(12);
    pub const EACCES: Self = Self(13);
    pub const EFAULT: Self = Self(14);
    pub const EBUSY: Self = Self(16);
    pub const EEXIST: Self = Self(17);
    pub const EINVAL: Self = Self(22);
    pub const ERANGE: Self = Self(34);
    pub const EPROTO: Self = Self(71);
    pub const EOPNOTSUPP: Self = Self(95);
    pub const ENOTSUPP: Self = Self(524);
}

/// Error numbers that kernel functions return are at most this.
pub(crate) const MAX_ERRNO: i32 = 4095;
