// SPDX-License-Identifier: GPL-2.0-only
//! Why the kernel does not make a map.

/// An error number, as libbpf writes it.
pub(super) type Errno = &'static str;

pub(super) const EINVAL: Errno = "-EINVAL";

pub(super) const E2BIG: Errno = "-E2BIG";

pub(super) const EACCES: Errno = "-EACCES";

pub(super) const ENOTSUPP: Errno = "-ENOTSUPP";

pub(super) const EOPNOTSUPP: Errno = "-EOPNOTSUPP";

pub(super) const ERANGE: Errno = "-ERANGE";

pub(super) const EPERM: Errno = "-EPERM";

/// An error number, and what is wrong.
pub(super) type Refusal = (Errno, &'static str);
